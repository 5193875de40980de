//! Completion as it happens in real shells: bash, zsh and fish load the script and are asked what may follow.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::sandbox::{Said, Sandbox};
use crate::support::tools;

const COMPLETIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/completions");

/// A project with two workflows, a session that failed, and a secret.
fn project() -> Sandbox {
    let sandbox = Sandbox::new()
        .file("main.dig", "+load:\n  +orders: {sh>: 'exit 3'}\n+tell:\n  +orders: {echo>: x}\n")
        .file("my flow.dig", "+a: {echo>: x}\n")
        .file("table.yml.liquid", "in: {type: file}\n")
        .file("notes.txt", "")
        .file("secrets.yml", "mysql.password:\n  kms: AQICAHhX\nslack.url:\n  kms: AQICAHhX\n");
    sandbox.run(["run", "main.dig", "--session", "2026-01-05"]).expect_code(1);
    fs::create_dir(sandbox.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sync"), sandbox.path().join("bin/sync")).unwrap();
    sandbox
}

/// A shell in the project that finds the program as `sync`.
fn shell(sandbox: &Sandbox, program: &str) -> Command {
    let path =
        format!("{}:{}", sandbox.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.current_dir(sandbox.path()).env_clear().env("PATH", path).env("HOME", sandbox.path());
    command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    command
}

/// Lines, and what bash offers for each.
const ASKED: [(&str, &[&str]); 11] = [
    ("sync re", &["retry", "report"]),
    ("sync run m", &["main.dig", r"my\ flow.dig"]),
    ("sync check t", &["table.yml.liquid"]),
    ("sync run main.dig +", &["+main", "+load", "+load+orders", "+tell", "+tell+orders"]),
    ("sync run main.dig --start +l", &["+load", "+load+orders"]),
    ("sync retry --session ", &["last", "1"]),
    ("sync retry --session=", &["last", "1"]),
    ("sync log +load+", &["+load+orders"]),
    ("sync secrets edit m", &["mysql.password"]),
    ("sync check --format=sa", &["sarif"]),
    ("sync run --proj", &["--project"]),
];

/// Hands the words over as bash parts them: `=` is a word of its own.
const BASH: &str = r#"
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
read -ra parts <<<"$2"
COMP_WORDS=()
for part in "${parts[@]}"; do
  if [[ $part == *=* ]]; then COMP_WORDS+=("${part%%=*}" =); part=${part#*=}; [[ -z $part ]] && continue; fi
  COMP_WORDS+=("$part")
done
[[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
complete -p sync | grep -q -- '-F _sync sync' || exit 9
_sync sync "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn bash() {
    if !tools::is_there("bash") {
        return;
    }
    let sandbox = project();
    let script = format!("{COMPLETIONS}/sync.bash");
    for (line, expected) in ASKED {
        let output =
            shell(&sandbox, "bash").args(["--norc", "-c", BASH, "bash", &script, line]).output().unwrap();
        let said = Said::of(output).expect_code(0);
        assert_eq!(said.stdout.lines().collect::<Vec<_>>(), expected, "{line}");
        assert_eq!(said.stderr, "", "{line}");
    }
}

#[test]
fn fish() {
    if !tools::is_there("fish") {
        return;
    }
    let sandbox = project();
    let script = format!("source {COMPLETIONS}/sync.fish; complete --do-complete $argv[1]");
    for (line, expected) in ASKED {
        let output = shell(&sandbox, "fish").args(["--no-config", "-c", &script, line]).output().unwrap();
        let said = Said::of(output).expect_code(0);
        let offered = said.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default());
        let start = line.split_once('=').map(|(start, _)| start.rsplit(' ').next().unwrap_or_default());
        let expected = expected.iter().map(|value| match start {
            Some(start) => format!("{start}={value}"),
            None => value.replace('\\', ""),
        });
        let (mut offered, mut expected): (Vec<_>, Vec<_>) =
            (offered.map(str::to_owned).collect(), expected.collect());
        offered.sort();
        expected.sort();
        assert_eq!(offered, expected, "{line}");
    }
    let output =
        shell(&sandbox, "fish").args(["--no-config", "-c", &script, "sync retry --session "]).output();
    let said = Said::of(output.unwrap());
    assert!(said.stdout.contains("1\tmain, 2026-01-05T00:00:00+00:00: failed\n"), "{}", said.stdout);
}

/// Types a line and TAB into a real zsh on a terminal, and gives what the line is afterwards: ENTER prints it.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1='> '; unsetopt beep; autoload -U compinit; compinit -u -D; source '$1'"
zpty -w shell "show() { print -r -- \"<\$BUFFER>\" }; zle -N show; bindkey '^X' show; print -r -- REA''DY"
zpty -r -m shell out '*READY*'
zpty -w -n shell "$2"$'\t'$'\x18'
zpty -r -m shell out '*<*>*'
print -r -- "$out"
"#;

#[test]
fn zsh() {
    if !tools::is_there("zsh") {
        return;
    }
    let sandbox = project();
    let script = format!("{COMPLETIONS}/_sync");
    for (line, expected) in [
        ("sync ret", "<sync retry >"),
        ("sync run my", r"<sync run my\ flow.dig >"),
        ("sync run main.dig +load+", "<sync run main.dig +load+orders >"),
        ("sync retry --session l", "<sync retry --session last >"),
        ("sync retry --session=l", "<sync retry --session=last >"),
        ("sync secrets edit m", "<sync secrets edit mysql.password >"),
        ("sync check ta", "<sync check table.yml.liquid >"),
    ] {
        let output = shell(&sandbox, "zsh").args(["-f", "-c", ZSH, "zsh", &script, line]).output().unwrap();
        let said = Said::of(output);
        assert!(said.stdout.contains(expected), "{line}: {}", said.stdout);
    }
}

/// What the program answers a shell.
fn answer(sandbox: &Sandbox, line: &str) -> Said {
    let words: Vec<&str> = line.split(' ').collect();
    let index = (words.len() - 1).to_string();
    let arguments = ["__complete", "bash", &index, "--"].into_iter().chain(words);
    sandbox.run(arguments)
}

#[test]
fn nothing_is_written_and_errors_are_silent() {
    let sandbox = Sandbox::new().file("broken.dig", "+a: [\n").file("secrets.yml", "no: [ secrets");
    for line in [
        "sync log +",
        "sync retry --session ",
        "sync run broken.dig +",
        "sync run missing.dig +",
        "sync secrets edit ",
        "sync --project /no/such retry --session ",
        "sync status --workflow ",
    ] {
        let said = answer(&sandbox, line).expect_code(0);
        assert_eq!(said.stderr, "", "{line}");
        assert!(!said.stdout.contains('+'), "{line}: {}", said.stdout);
    }
    assert!(!sandbox.path().join(".sync").exists(), "who asks makes no state");

    let sandbox = project();
    let listed = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let data = entry.metadata().unwrap();
            (entry.file_name(), data.len(), data.modified().unwrap())
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        entries
    };
    let state = sandbox.path().join(".sync");
    let before = listed(&state);
    assert_eq!(answer(&sandbox, "sync status --workflow ").stdout, "main\n");
    assert_eq!(answer(&sandbox, "sync log --session 1 +lo").stdout, "+load\n+load+orders\n");
    assert_eq!(listed(&state), before);
    sandbox.write(".sync/state.db", "no database");
    assert_eq!(answer(&sandbox, "sync retry --session ").stdout, "last\n");
}

/// Milliseconds of work: what a clock shows depends on who else works on the machine.
fn work(sandbox: &Sandbox, line: &str) -> f64 {
    let words: Vec<&str> = line.split(' ').collect();
    let index = (words.len() - 1).to_string();
    let timed = r#"TIMEFORMAT='%U %S'; time sync __complete bash "$0" -- "$@" >answer"#;
    let output = shell(sandbox, "bash").args(["-c", timed, &index]).args(words).output().unwrap();
    let times = Said::of(output).expect_code(0).stderr;
    times.split_whitespace().map(|seconds| seconds.parse::<f64>().expect("seconds") * 1000.0).sum()
}

#[test]
fn an_answer_takes_no_longer_than_a_blink() {
    if !tools::is_there("bash") {
        return;
    }
    let sandbox = project();
    for line in ["sync ", "sync run main.dig +", "sync retry --session ", "sync log +", "sync secrets edit "]
    {
        let least = (0..9).map(|_| work(&sandbox, line)).fold(f64::INFINITY, f64::min);
        assert!(!sandbox.read("answer").is_empty(), "{line}");
        assert!(least < 30.0, "{line}: {least} ms");
    }
}
