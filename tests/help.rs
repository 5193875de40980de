//! What the program says of itself: help, manual pages, completion scripts, its version, and by which name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::sandbox::{Said, Sandbox};
use crate::support::tools;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Commands below the program, with those below `secrets`.
fn commands(sandbox: &Sandbox) -> Vec<Vec<String>> {
    let below = |path: &[&str]| -> Vec<String> {
        let help = sandbox.run(path.iter().chain(&["-h"])).expect_code(0).stdout;
        let Some(listed) = help.split("Commands:\n").nth(1) else { return Vec::new() };
        let lines = listed.lines().take_while(|line| !line.is_empty());
        let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    };
    let mut found = Vec::new();
    for name in below(&[]) {
        let own: Vec<String> = if name == "embulk" { Vec::new() } else { below(&[&name]) };
        found.extend(own.into_iter().map(|sub| vec![name.clone(), sub]));
        found.push(vec![name]);
    }
    found
}

#[test]
fn short_help_is_short_and_long_help_has_examples() {
    let sandbox = Sandbox::new();
    let commands = commands(&sandbox);
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        // Its help is Embulk's.
        if command == ["embulk"] {
            continue;
        }
        let help = |flag: &str| {
            let arguments = command.iter().map(String::as_str).chain([flag]);
            sandbox.run(arguments).expect_code(0).stdout
        };
        let (short, long) = (help("-h"), help("--help"));
        assert!(!short.contains("Examples:"), "{short}");
        let example = "\nExamples:\n  # ".to_owned();
        let line = format!("\n  sync {}", command.join(" "));
        assert!(long.contains(&example) && long.contains(&line), "{command:?}: {long}");
    }
    let run = sandbox.run(["run", "--help"]).expect_code(0).stdout;
    assert!(run.contains("\nExit codes:\n  0              all done\n"), "{run}");
}

/// The files of a folder, with what they hold.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let read = |entry: fs::DirEntry| {
        (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).expect("a text"))
    };
    entries.map(read).collect()
}

/// Compares what was made with what is kept in a folder of the repository; `UPDATE=1` keeps what was made.
fn compare(made: &BTreeMap<String, String>, folder: &str) {
    let kept = Path::new(ROOT).join(folder);
    if std::env::var("UPDATE").as_deref() == Ok("1") {
        for name in files(&kept).keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(kept.join(name)).expect("it can be removed");
        }
        for (name, text) in made {
            fs::create_dir_all(&kept).expect("a folder can be made");
            fs::write(kept.join(name), text).expect("it can be written");
        }
    }
    let again = format!("`UPDATE=1 cargo test --test main help` writes {folder}/ again");
    let there = files(&kept);
    assert_eq!(there.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>(), "{again}");
    for (name, text) in made {
        assert!(there[name] == *text, "{folder}/{name} is not what the program writes: {again}");
    }
}

/// `docs/reference.md`: every command's long help, and every rule of `check`.
#[test]
fn the_reference_is_what_the_program_says() {
    let sandbox = Sandbox::new();
    let said = |arguments: &[&str]| sandbox.run(arguments).expect_code(0).stdout;
    let mut text = String::from(
        "# Reference\n\nWritten by the program: what each command says with `--help`, and the rules of `sync check`. Settings, \
         files and exit codes are in the [README](../README.md#settings).\n\n## Commands\n",
    );
    let mut all = commands(&sandbox);
    all.sort();
    for command in all {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = said(&[&words[..], &["--help"]].concat());
        text.push_str(&format!("\n### sync {}\n\n```text\n{}\n```\n", command.join(" "), help.trim_end()));
    }
    let rules = said(&["check", "--list-rules"]);
    text.push_str(&format!(
        "\n## Rules\n\n[docs/rules](rules) has a page for each.\n\n```text\n{}\n```\n",
        rules.trim_end()
    ));
    compare_file(&text, "docs/reference.md");
}

/// The same as [`compare`] for one file.
fn compare_file(made: &str, name: &str) {
    let kept = Path::new(ROOT).join(name);
    if std::env::var("UPDATE").as_deref() == Ok("1") {
        fs::write(&kept, made).expect("it can be written");
    }
    let is_same = fs::read_to_string(&kept).is_ok_and(|text| text == made);
    assert!(is_same, "`UPDATE=1 cargo test --test main help` writes {name} again");
}

/// The picture of the README is of commands that there are, and needs nothing beside it.
#[test]
fn the_picture_is_of_commands_that_there_are() {
    let picture = include_str!("../docs/picture/quickstart.svg");
    let tag = regex::Regex::new("<[^>]*>").unwrap();
    let lines: Vec<String> = picture
        .lines()
        .map(|line| tag.replace_all(line, "").replace("&#x27;", "'").replace("&quot;", "\""))
        .collect();
    let commands: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ sync ")).collect();
    assert!(commands.len() > 2, "{lines:?}");
    for command in commands {
        Sandbox::new().run(command.split(' ').chain(["--help"])).expect_code(0);
    }
    assert!(!picture.contains("href") && !picture.contains("<script") && !picture.contains("url("));
    assert!(picture.len() < 100_000);
}

#[test]
fn manual_pages_are_as_they_are_kept() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(["man", "pages"]).expect_code(0);
    let made = files(&sandbox.path().join("pages"));
    assert_eq!(said.stderr, format!("wrote {} pages to `pages`\n", made.len()));
    assert_eq!(sandbox.run(["man"]).expect_code(0).stdout, made["sync.1"]);
    compare(&made, "man");
}

#[test]
fn completion_scripts_are_as_they_are_kept() {
    let sandbox = Sandbox::new();
    let scripts = [
        ("bash", "sync.bash"),
        ("zsh", "_sync"),
        ("fish", "sync.fish"),
        ("elvish", "sync.elv"),
        ("powershell", "sync.ps1"),
    ];
    let made = scripts
        .map(|(shell, file)| (file.to_owned(), sandbox.run(["completions", shell]).expect_code(0).stdout));
    compare(&BTreeMap::from(made), "completions");
}

#[test]
fn mandoc_finds_nothing_wrong_with_the_pages() {
    if !tools::is_there("mandoc") {
        return;
    }
    let pages =
        fs::read_dir(Path::new(ROOT).join("man")).expect("the pages").map(|page| page.unwrap().path());
    let output = Command::new("mandoc").args(["-Tlint", "-Wwarning"]).args(pages).output().expect("mandoc");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(output.status.success());
}

#[test]
fn the_version_as_json_says_what_is_part_of_it() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(["--version", "--json"]).expect_code(0);
    let version: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&version["name"], &version["version"]), (&"sync".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!(version["sqlite"], rusqlite::version());
    assert!(version["rustc"].as_str().is_some_and(|rustc| rustc.starts_with("rustc 1.")), "{version}");
    assert!(version["target"].as_str().is_some_and(|target| target.contains("-linux-")), "{version}");
    assert!(
        version["commit"].is_null()
            || version["profile"] == "release"
            || option_env!("SYNC_COMMIT").is_some(),
        "{version}"
    );
    let operators: Vec<&str> = sync::dig::operator::known().collect();
    assert_eq!(version["operators"], serde_json::json!(operators));
    // The same lists that refuse a plugin.
    sandbox.write("x.yml", "in: {type: x}\nfilters: [{type: x}]\nout: {type: x}\n");
    let refused = sandbox.run(["check", "x.yml"]).expect_code(65).stdout;
    for (key, kind) in [("inputs", "input"), ("filters", "filter"), ("outputs", "output")] {
        let names: Vec<&str> = version[key].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let hint = format!("native {kind} plugins are `{}`\n", names.join("`, `"));
        assert!(refused.contains(&hint), "{hint}{refused}");
    }
    sandbox.run(["--json"]).expect_code(2);
}

/// The program by another name, found on the PATH or not.
fn called(sandbox: &Sandbox, name: &str, path: &str, arguments: &[&str]) -> Said {
    let plain = sandbox.command(arguments);
    let mut command = Command::new(sandbox.path().join(name));
    command.args(arguments).current_dir(sandbox.path()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
    Said::of(command.output().expect("the program starts"))
}

#[test]
fn commands_in_messages_are_by_the_name_that_the_program_was_called_by() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: exit 3\n");
    fs::create_dir_all(sandbox.path().join("bin")).unwrap();
    fs::create_dir_all(sandbox.path().join("lib")).unwrap();
    let program = env!("CARGO_BIN_EXE_sync");
    std::os::unix::fs::symlink(program, sandbox.path().join("lib/sync")).unwrap();
    std::os::unix::fs::symlink("../lib/sync", sandbox.path().join("bin/sync-tables")).unwrap();
    let path = format!("{}:/usr/bin:/bin", sandbox.path().join("bin").display());
    let link = |arguments: &[&str]| called(&sandbox, "bin/sync-tables", &path, arguments);

    let failed = link(&["run", "main.dig"]).expect_code(1);
    assert!(
        failed.stderr.contains("hint: `sync-tables retry --session 1` runs what is left\n"),
        "{}",
        failed.stderr
    );
    let report = link(&["report", "--json"]).expect_code(0).stdout;
    assert!(report.contains("\"sync-tables retry --session 1\""), "{report}");
    assert!(link(&["run", "-h"]).stdout.contains("Usage: sync-tables run [OPTIONS] <FILE.dig> [+TASK]\n"));
    assert!(link(&["run", "--help"]).stdout.contains("\n  sync-tables run nightly.dig --dry-run\n"));
    assert!(
        link(&["check", "--explain-rule", "secret-missing"])
            .stdout
            .contains("`sync-tables secrets set NAME`")
    );
    assert_eq!(link(&["--version"]).stdout, concat!("sync ", env!("CARGO_PKG_VERSION"), "\n"));
    let script = link(&["completions", "bash"]).stdout;
    assert!(script.ends_with("complete -o nosort -F _sync_tables sync-tables\n"), "{script}");
    link(&["man", "pages"]).expect_code(0);
    let page = sandbox.read("pages/sync-tables-run.1");
    assert!(page.contains("\\fBsync\\-tables run nightly.dig \\-\\-dry\\-run\\fR"), "{page}");

    // `sync` on this PATH is coreutils': a command with it would flush a file named `retry`.
    let whole = sandbox.path().join("lib/sync");
    let failed = called(&sandbox, "lib/sync", &path, &["run", "main.dig"]).expect_code(1);
    let hint = format!("hint: `{} retry --session 1` runs what is left\n", whole.display());
    assert!(failed.stderr.contains(&hint), "{}", failed.stderr);
    let own = format!("{}:{path}", sandbox.path().join("lib").display());
    let failed = called(&sandbox, "lib/sync", &own, &["run", "main.dig"]).expect_code(1);
    assert!(failed.stderr.contains("hint: `sync retry --session 1` runs"), "{}", failed.stderr);
}
