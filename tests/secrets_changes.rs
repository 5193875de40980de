//! `sync secrets` changes what is there: `edit`, `delete`, `rotate`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::secrets_kms::{resolved, sandbox, set, sha256};
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, aws};

const HEAD: &str = "# ours\n";

/// A project with two secrets between comments.
fn project(aws: &Aws) -> Sandbox {
    let sandbox = sandbox(aws);
    sandbox.write("digdag.properties", &format!("sync.secrets.kms_key = {}\n", aws.kms_key));
    sandbox.write("secrets.yml", HEAD);
    for (name, value) in [("a.x", "first value"), ("b", "second value")] {
        set(&sandbox, &[name, "-c", "digdag.properties"], value).expect_code(0);
        let text = sandbox.read("secrets.yml");
        sandbox.write("secrets.yml", &format!("{text}\n# below {name}\n"));
    }
    sandbox
}

/// An editor, as a script that finds the file as `$1`.
fn editor(sandbox: &mut Sandbox, script: &str) {
    sandbox.write("editor", &format!("#!/bin/sh\n{script}\n"));
    let path = sandbox.path().join("editor");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("changed");
    sandbox.set("EDITOR", path.display().to_string());
}

fn secrets(sandbox: &Sandbox, arguments: &[&str]) -> Said {
    let all = ["secrets"].iter().chain(arguments).chain(&["-c", "digdag.properties"]);
    sandbox.run(all)
}

/// What the editor wrote down of its file: where it was. It must be gone.
fn gone(sandbox: &Sandbox) {
    let path = PathBuf::from(sandbox.read("where").trim_end());
    assert!(path.starts_with("/dev/shm") && path.ends_with("a.x"), "{}", path.display());
    assert!(!path.exists() && !path.parent().expect("a folder").exists(), "{}", path.display());
}

#[test]
fn a_value_is_changed_in_an_editor_and_lies_nowhere_afterwards() {
    let Some(aws) = aws() else { return };
    let mut sandbox = project(&aws);
    let before = sandbox.read("secrets.yml");
    editor(
        &mut sandbox,
        "umask 000; echo \"$1\" > where; stat -c %a \"$1\" > mode; cat \"$1\" > seen; \
         printf 'new value\\n' > \"$1\"; touch \"$1~\"",
    );
    let said = secrets(&sandbox, &["edit", "a.x"]).expect_code(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("", "secret `a.x` is changed in `secrets.yml` (kms)\n")
    );
    assert_eq!((sandbox.read("mode"), sandbox.read("seen")), ("600\n".into(), "first value\n".into()));
    gone(&sandbox);
    let after = sandbox.read("secrets.yml");
    let rest = |text: &str| text[text.find("\n# below a.x").expect("a comment")..].to_owned();
    assert_eq!(rest(&after), rest(&before));
    assert!(after.starts_with(HEAD) && after != before, "{after}");
    resolved(&sandbox, "a.x").expect_code(0);
    assert_eq!(sandbox.read("out.txt"), sha256("new value"));
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let Some(aws) = aws() else { return };
    let mut sandbox = project(&aws);
    let before = sandbox.read("secrets.yml");
    for (script, code, message) in [
        ("true", 0, "secret `a.x` was not changed; nothing was written\n"),
        (": > \"$1\"", 1, "error: the value is empty; nothing was written\n"),
        ("echo x > \"$1\"; exit 3", 1, "ended with exit status: 3; nothing was written\n"),
    ] {
        editor(&mut sandbox, &format!("echo \"$1\" > where\n{script}"));
        let said = secrets(&sandbox, &["edit", "a.x"]).expect_code(code);
        assert!(said.stderr.ends_with(message), "{}", said.stderr);
        assert_eq!(sandbox.read("secrets.yml"), before);
        gone(&sandbox);
    }
    let said = secrets(&sandbox, &["edit", "c"]).expect_code(1);
    assert_eq!(said.stderr, "error: `secrets.yml` has no secret `c`; `sync secrets set c` makes it\n");
    sandbox.set("EDITOR", "");
    let said = secrets(&sandbox, &["edit", "a.x"]).expect_code(2);
    assert_eq!(said.stderr, "error: no editor is known\nhint: set `VISUAL` or `EDITOR`\n");
}

#[test]
fn a_signal_takes_the_editors_file_away() {
    let Some(aws) = aws() else { return };
    let mut sandbox = project(&aws);
    let before = sandbox.read("secrets.yml");
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        // The editor tells by its own hand that it is open: the signal comes when the file is there.
        editor(
            &mut sandbox,
            &format!("echo \"$1\" > where; echo half > \"$1\"; kill -{signal} $PPID; exec sleep 600"),
        );
        // The shell that starts the editor is replaced by it.
        let said = secrets(&sandbox, &["edit", "a.x"]).expect_code(code);
        assert_eq!(said.stderr, "error: stopped; nothing was written\n");
        gone(&sandbox);
    }
    assert_eq!(sandbox.read("secrets.yml"), before);
}

#[test]
fn what_others_write_meanwhile_is_not_lost() {
    let Some(aws) = aws() else { return };
    let mut sandbox = project(&aws);
    let program = sandbox.command([""; 0]).get_program().to_string_lossy().into_owned();
    let other = |name: &str, mine: &str| {
        format!(
            "echo \"$1\" > where; echo {mine} > \"$1\"; echo theirs | {program} secrets set {name} -c digdag.properties"
        )
    };
    editor(&mut sandbox, &other("b", "mine"));
    secrets(&sandbox, &["edit", "a.x"]).expect_code(0);
    for (name, value) in [("a.x", "mine"), ("b", "theirs")] {
        resolved(&sandbox, name).expect_code(0);
        assert_eq!(sandbox.read("out.txt"), sha256(value), "{name}");
    }
    editor(&mut sandbox, &other("a.x", "again"));
    let said = secrets(&sandbox, &["edit", "a.x"]).expect_code(1);
    assert!(
        said.stderr.contains("was changed by somebody else meanwhile; nothing was written"),
        "{}",
        said.stderr
    );
    resolved(&sandbox, "a.x").expect_code(0);
    assert_eq!(sandbox.read("out.txt"), sha256("theirs"));
}

#[test]
fn several_secrets_are_deleted_in_one_step_or_none() {
    let Some(aws) = aws() else { return };
    let sandbox = project(&aws);
    let before = sandbox.read("secrets.yml");
    let said = secrets(&sandbox, &["delete", "a.x", "c"]).expect_code(1);
    assert_eq!(said.stderr, "error: `secrets.yml` has no secret `c`; nothing was written\n");
    assert_eq!(sandbox.read("secrets.yml"), before);
    let said = secrets(&sandbox, &["delete", "b", "a.x", "b"]).expect_code(0);
    assert_eq!(
        said.stderr,
        "secret `b` is no longer in `secrets.yml`\nsecret `a.x` is no longer in `secrets.yml`\n"
    );
    assert_eq!(sandbox.read("secrets.yml"), format!("{HEAD}\n# below a.x\n\n# below b\n"));
    secrets(&sandbox, &["delete"]).expect_code(2);
}

/// A second key.
fn other_key(sandbox: &Sandbox) -> Option<String> {
    let python = std::env::var("SYNC_TEST_BOTOCORE").ok()?;
    let script = "import botocore.session\n\
                  s = botocore.session.get_session().create_client('kms')\n\
                  print(s.create_key()['KeyMetadata']['Arn'])\n";
    let plain = sandbox.command([""; 0]);
    let mut command = Command::new(python);
    command.args(["-c", script]).stderr(Stdio::inherit());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().expect("python starts");
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn all_values_are_encrypted_anew_also_under_another_key() {
    let Some(aws) = aws() else { return };
    let sandbox = project(&aws);
    let before = sandbox.read("secrets.yml");
    let long = "a long secret ".repeat(400);
    set(&sandbox, &["long", "-c", "digdag.properties"], &long).expect_code(0);
    let Some(key) = other_key(&sandbox) else { return };
    let said = secrets(&sandbox, &["rotate", "--key", &key]).expect_code(0);
    assert_eq!(said.stderr, format!("3 secrets in `secrets.yml` encrypted anew under key `{key}`\n"));
    let after = sandbox.read("secrets.yml");
    let is_kept = |line: &&str| !line.starts_with("  ");
    let kept = |text: &str| text.lines().filter(is_kept).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(kept(&after), [kept(&before), vec!["long:".into()]].concat());
    for line in before.lines().filter(|line| line.starts_with("  kms: ")) {
        assert!(!after.contains(line), "{line}");
    }
    for (name, value) in [("a.x", "first value"), ("b", "second value"), ("long", long.as_str())] {
        resolved(&sandbox, name).expect_code(0);
        assert_eq!(sandbox.read("out.txt"), sha256(value), "{name}");
    }
    let said = secrets(&sandbox, &["rotate", "b", "b"]).expect_code(0);
    assert_eq!(
        said.stderr,
        format!("1 secret in `secrets.yml` encrypted anew under key `{}`\n", aws.kms_key)
    );
    let entry = |text: &str, from: &str, to: &str| {
        text[text.find(from).expect("there")..text.find(to).expect("there")].to_owned()
    };
    let last = sandbox.read("secrets.yml");
    assert_eq!(entry(&last, HEAD, "\nb:"), entry(&after, HEAD, "\nb:"));
    assert_ne!(entry(&last, "\nb:", "# below b"), entry(&after, "\nb:", "# below b"));
}

#[test]
fn what_cannot_be_rotated_is_named_and_nothing_is_changed() {
    let Some(aws) = aws() else { return };
    let sandbox = project(&aws);
    let text = format!("{}broken: {{kms: BwcHBwcH}}\nworse: {{kms: CAgI}}\n", sandbox.read("secrets.yml"));
    sandbox.write("secrets.yml", &text);
    let said = secrets(&sandbox, &["rotate"]).expect_code(1);
    assert!(
        said.stderr.starts_with("error: 2 of 4 secrets could not be decrypted\n  cause: `broken`: AWS KMS"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("\n  cause: `worse`: AWS KMS"), "{}", said.stderr);
    assert!(
        said.stderr.ends_with("hint: nothing was written; mend these, or name the others\n"),
        "{}",
        said.stderr
    );
    let said = secrets(&sandbox, &["rotate", "b", "--key", "alias/no-such-key"]).expect_code(1);
    assert!(
        said.stderr.starts_with(
            "error: secret `b` could not be encrypted under key `alias/no-such-key`\n  cause: AWS KMS"
        ),
        "{}",
        said.stderr
    );
    let said = secrets(&sandbox, &["rotate", "c"]).expect_code(1);
    assert_eq!(said.stderr, "error: `secrets.yml` has no secret `c`; nothing was written\n");
    assert_eq!(sandbox.read("secrets.yml"), text);
    sandbox.write("secrets.yml", "# nothing\n");
    let said = secrets(&sandbox, &["rotate"]).expect_code(0);
    assert_eq!(said.stderr, "`secrets.yml` has no value that is encrypted; nothing was written\n");
}
