//! Tokens of AWS IAM for passwords, and passwords that are sent as they are.

use crate::support::door::Door;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::tls::Authority;

/// A transfer file with these lines in `in:`.
fn transfer(lines: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().file(
        "a.yml",
        &format!(
            "in:\n{lines}  user: reader\n  database: d\n  table: t\n\
             out: {{type: file, path_prefix: o, file_ext: csv, formatter: {{type: csv}}}}\n"
        ),
    );
    sandbox.set("AWS_EC2_METADATA_DISABLED", "true");
    sandbox
}

fn with_keys(lines: &str) -> Sandbox {
    let mut sandbox = transfer(lines);
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret-access-key"),
        ("AWS_SESSION_TOKEN", "a/session+token"),
        ("AWS_REGION", "eu-west-1"),
    ] {
        sandbox.set(name, value);
    }
    sandbox
}

fn failed(sandbox: &Sandbox) -> String {
    let Said { stdout, stderr, .. } = sandbox.run(["embulk", "run", "a.yml"]).expect_code(1);
    stdout + &stderr
}

#[track_caller]
fn is_a_token(shown: &str, port: u16, region: &str) {
    let begin = format!(
        "localhost:{port}/?Action=connect&DBUser=reader&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20"
    );
    assert!(shown.starts_with(&begin), "{shown}");
    assert!(shown.contains(&format!("%2F{region}%2Frds-db%2Faws4_request&X-Amz-Date=20")), "{shown}");
    let end = "Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Fsession%2Btoken&X-Amz-Signature=";
    let signature = shown.split_once(end).unwrap_or_else(|| panic!("{shown}")).1;
    assert!(signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit()), "{shown}");
}

#[test]
fn mysql_is_shown_a_token_over_tls() {
    let Some(authority) = Authority::new() else { return };
    let door = Door::mysql(&authority);
    let trusted = authority.trusted();
    let lines = format!(
        "  type: mysql\n  host: localhost\n  port: {}\n  ssl: verify\n  auth_method: iam\n  region: ap-northeast-1\n  \
         options: {{serverSslCert: {}}}\n",
        door.port,
        trusted.display()
    );
    let said = failed(&with_keys(&lines));
    let shown = door.shown().unwrap();
    is_a_token(&shown, door.port, "ap-northeast-1");
    assert!(said.contains("Access denied (MySQL error 1045)"), "{said}");
    assert!(!said.contains("X-Amz"), "{said}");
}

#[test]
fn postgresql_is_shown_a_token_over_tls() {
    let Some(authority) = Authority::new() else { return };
    let door = Door::postgres(&authority);
    let lines = format!(
        "  type: postgresql\n  host: localhost\n  port: {}\n  ssl: verify\n  auth_method: iam\n  \
         options: {{sslrootcert: {}}}\n",
        door.port,
        authority.trusted().display()
    );
    let said = failed(&with_keys(&lines));
    is_a_token(&door.shown().unwrap(), door.port, "eu-west-1");
    assert!(said.contains("access denied (PostgreSQL error 28P01)"), "{said}");
    assert!(!said.contains("X-Amz"), "{said}");
}

#[test]
fn a_token_needs_credentials_and_tls() {
    let lines =
        "  type: mysql\n  host: db.abc.eu-west-1.rds.amazonaws.com\n  ssl: verify\n  auth_method: iam\n";
    let said = failed(&transfer(lines));
    let expected = "Error: cannot connect to MySQL at `db.abc.eu-west-1.rds.amazonaws.com:3306`\n  cause: no token of \
                    IAM could be made\n  cause: no AWS credentials were found: ";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("hint: check the credentials of AWS, and `region`"), "{said}");

    for (options, expected) in [
        (
            "{sslMode: PREFERRED}",
            "cannot connect to MySQL at `h:3306`\n  cause: `auth_method: iam` needs TLS\n  hint: set `ssl: verify`\n",
        ),
        ("{useSSL: false}", "cannot connect to MySQL at `h:3306`\n  cause: `auth_method: iam` needs TLS"),
    ] {
        let lines =
            format!("  type: mysql\n  host: h\n  ssl: verify\n  auth_method: iam\n  options: {options}\n");
        let said = failed(&with_keys(&lines));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_password_is_not_sent_as_it_is_without_tls() {
    let Some(authority) = Authority::new() else { return };
    let door = Door::mysql(&authority);
    let lines = format!("  type: mysql\n  host: localhost\n  port: {}\n  password: pass-word\n", door.port);
    let said = failed(&transfer(&lines));
    assert_eq!(door.shown(), None);
    let expected = format!(
        "Error: cannot connect to MySQL at `localhost:{}`\n  cause: the server wants the password as \
         it is (`mysql_clear_password`), which is sent over TLS only\n  hint: set `ssl: verify`\n",
        door.port
    );
    assert!(said.contains(&expected), "{said}");
    let said = failed(&transfer(&format!("{lines}  ssl: enable\n")));
    assert_eq!(door.shown().as_deref(), Some("pass-word"));
    assert!(said.contains("Access denied (MySQL error 1045)") && !said.contains("pass-word"), "{said}");
}
