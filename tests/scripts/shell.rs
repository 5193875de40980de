//! What a command of `sh>` finds and leaves.

use super::{Sandbox, failed, failures, printed};

#[test]
fn the_command_is_a_script_in_the_project_and_gone_with_the_task() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        r#"
+lines:
  sh>: |
    false
    echo "a failing line does not end it"
    case $0 in .sync/tmp/run-*/*.sh) echo "$(wc -l < "$0") lines" ;; *) echo "$0" ;; esac
    [ -d "$(dirname "$0")" ] && [ -f "$(cd "$(dirname "$0")" && pwd)/$(basename "$0")" ] && echo found
+error:
  sh>: |
    nosuchcommand 2>&1 | sed 's/.*sh: //'
"#,
    );
    assert_eq!(
        printed(&sandbox),
        "a failing line does not end it\n4 lines\nfound\n1: nosuchcommand: not found\n"
    );
    let left = std::fs::read_dir(sandbox.path().join(".sync/tmp")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn any_interpreter_takes_the_script_also_one_with_a_secret() {
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        r#"
+bash:
  shell: ["/bin/bash", "-e"]
  sh>: |
    [[ -n ${'$'}{BASH_SOURCE[0]} ]] && cat <(echo bash) && (exit 0)
+python:
  shell: [python3]
  sh>: |
    import os, sys
    print("python", os.path.basename(sys.path[0]).split("-")[0], len(sys.argv))
+ruby:
  shell: [ruby, -W1]
  sh>: puts ["ruby", File.exist?(__dir__)].join(" ")
+secret:
  _parallel: {limit: 1}
  +sh: {sh>: 'echo "${secret:word}" | wc -c'}
  +bash: {shell: [bash], sh>: 'echo "${secret:word}" | wc -c'}
  +python: {shell: [python3], sh>: 'print(len("${secret:word}"))'}
  +ruby: {shell: [ruby], sh>: 'puts "${secret:word}".size'}
+exported:
  _export: {sh: {shell: [bash, -e], FROM_MAP: from the map of defaults}}
  +a: {sh>: '[[ a == a ]] && echo "$FROM_MAP"'}
"#,
    );
    sandbox.set("SYNC_SECRET_WORD", "hunter2");
    assert_eq!(printed(&sandbox), "bash\npython run 1\nruby true\n8\n8\n7\n7\nfrom the map of defaults\n");
}

#[test]
fn a_command_reads_nothing_and_finds_only_what_is_on_the_path() {
    let mut sandbox = Sandbox::new().file("tool", "#!/bin/sh\necho tool\n").file(
        "main.dig",
        "+nothing:\n  sh>: cat; echo read\n+path:\n  sh>: tool 2>/dev/null || sh ./tool; echo \"$FROM_OUTSIDE\"\n",
    );
    sandbox.set("FROM_OUTSIDE", "inherited");
    assert_eq!(printed(&sandbox), "read\ntool\ninherited\n");
}

#[test]
fn a_command_works_in_the_project_or_in_the_folder_of_the_called_file() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+here:\n  sh>: pwd\n+there:\n  call>: sub/child.dig\n")
        .file("sub/child.dig", "+a:\n  sh>: 'pwd; echo \"[$_workdir]\"; sh ./own.sh; head -c 3 \"$0\"'\n")
        .file("sub/own.sh", "echo own\n");
    let project = sandbox.path().display().to_string();
    assert_eq!(printed(&sandbox), format!("{project}\n{project}/sub\n[sub]\nown\npwd"));
}

#[test]
fn own_variables_win_and_hold_secrets_that_are_never_shown() {
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        "_export: {a: parameter, b: parameter, nothing: null}\n\
         +t:\n  _env: {b: 'own ${a}', S: 'x${secret:word}x', N: 5}\n  \
         sh>: echo \"$a,$b,$N,[$nothing]\"; echo \"$S\"; echo \"$S\" | wc -c\n\
         +command:\n  sh>: 'echo \"$_type $_command\" # ${secret:word}'\n",
    );
    sandbox.set("SYNC_SECRET_WORD", "hunter2");
    assert_eq!(
        printed(&sandbox),
        "parameter,own parameter,5,[]\nx***x\n10\nsh echo \"$_type $_command\" # ${secret:word}\n"
    );
}

#[test]
fn output_and_errors_are_one_stream_on_stdout_and_in_the_log_of_the_task() {
    let sandbox =
        Sandbox::new().file("main.dig", "+t:\n  sh>: echo one; echo two >&2; echo three; printf 'no end'\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout, "one\ntwo\nthree\nno end");
    let log = sandbox.read(".sync/logs/1/1/+main+t.log");
    for line in ["one", "two", "three", "no end"] {
        assert!(log.lines().any(|logged| logged.ends_with(line)), "{line}: {log}");
        assert!(!said.stderr.contains(line), "{}", said.stderr);
    }
}

#[test]
fn bytes_that_are_no_text_and_endless_lines_come_through() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+long:\n  sh>: head -c 300000 /dev/zero | tr '\\0' x\n+binary:\n  sh>: printf '\\377\\376\\000\\n\\200'\n",
    );
    let output = sandbox.command(["run", "main.dig"]).output().unwrap();
    assert!(output.status.success());
    let (long, binary) = output.stdout.split_at(300_000);
    assert!(long.iter().all(|byte| *byte == b'x'));
    assert_eq!(binary, b"\xff\xfe\x00\n\x80");
}

#[test]
fn a_command_fails_with_its_code_or_its_signal() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        r#"
+all:
  _parallel: true
  +code: {sh>: exit 9}
  +killed: {sh>: "sh -c 'kill -KILL $PPID'"}
  +missing: {sh>: "true", shell: [/no/shell]}
  +term: {sh>: "sh -c 'kill -TERM $PPID'"}
"#,
    );
    let project = sandbox.path().display().to_string();
    assert_eq!(
        failures(&failed(&sandbox)),
        [
            "  +main+all+code: Command failed with code 9",
            "  +main+all+killed: Command failed with code 137",
            "    hint: the command was killed (signal 9): look whether the machine ran out of memory",
            &format!("  +main+all+missing: `/no/shell` could not be started in `{project}`"),
            "    cause: No such file or directory (os error 2)",
            "  +main+all+term: Command failed with code 143",
        ]
    );
}

#[test]
fn a_background_process_with_an_output_of_its_own_does_not_hold_the_task() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+a:\n  sh>: |\n    mkfifo wait\n    sh -c 'read line < wait; echo done > late' > /dev/null 2>&1 &\n    echo started\n\
         +b:\n  sh>: test ! -e late && echo go > wait && until test -s late; do :; done; cat late\n",
    );
    assert_eq!(printed(&sandbox), "started\ndone\n");
}

#[test]
fn parameters_are_stored_in_lines_or_as_json() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        r#"
+lines:
  sh>: |
    echo "a=1" >> "$SYNC_STORE"
    echo " b = two words, x=y" >> "$SYNC_STORE"
    printf '\n' >> "$SYNC_STORE"
+json:
  sh>: |
    echo '{"list": [1, {"k": "v"}], "a": 2}' > "$SYNC_STORE"
+show:
  sh>: echo "$a|$b|$list|${list[1].k}"
"#,
    );
    assert_eq!(printed(&sandbox), "2| two words, x=y|[1,{\"k\":\"v\"}]|v\n");
}

#[test]
fn what_cannot_be_stored_fails_the_task() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        r#"
+all:
  _parallel: true
  +bytes: {sh>: printf 'a=\377\n' > $SYNC_STORE}
  +json: {sh>: 'echo "{\"a\":" > $SYNC_STORE'}
  +line: {sh>: "printf 'a=1\nnothing\n' > $SYNC_STORE"}
  +name: {sh>: echo " =1" > $SYNC_STORE}
"#,
    );
    assert_eq!(
        failures(&failed(&sandbox)),
        [
            "  +main+all+bytes: the file `$SYNC_STORE` is not UTF-8",
            "  +main+all+json: the file `$SYNC_STORE` is not valid JSON",
            "    cause: EOF while parsing a value at line 2 column 0",
            "  +main+all+line: line 2 of the file `$SYNC_STORE` is not `name=text`",
            "  +main+all+name: line 1 of the file `$SYNC_STORE` is not `name=text`",
        ]
    );
}

#[test]
fn what_a_failed_command_stored_is_lost() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+t:\n  sh>: echo a=1 > $SYNC_STORE; exit 1\n  _error:\n    echo>: ${typeof a}\n");
    assert_eq!(failed(&sandbox).stdout, "undefined\n");
}

#[test]
fn all_parameters_but_secrets_are_in_a_file_also_those_that_no_variable_can_hold() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        r#"
_export:
  password: geheim
  list: [1, two]
  big: ${'x'.repeat(200000)}
+t:
  sh>: |
    echo "${'$'}{#big} ${'$'}{#password}"
    python3 -c 'import json, os; p = json.load(open(os.environ["SYNC_PARAMS"])); print(len(p["big"]), p["list"], p.get("password"), p["session_id"])'
"#,
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout, "0 6\n200000 [1, 'two'] None 1\n");
    assert!(
        said.stderr.contains(
            "`big` is left out of the environment: it has 195 KiB, more than a variable can hold; it is in the file \
             `$SYNC_PARAMS`"
        ),
        "{}",
        said.stderr
    );
}
