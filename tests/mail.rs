//! `mail>` against a mail server that is not ours, which reads back what it was given.

use serde_json::{Value, json};

use crate::support::mail::MailServer;
use crate::support::sandbox::{Said, Sandbox};

/// A project whose tasks find the server, which is trusted.
fn project(server: &MailServer, task: &str) -> Sandbox {
    let port = server.port;
    let defaults =
        format!("_export:\n  mail: {{host: localhost, port: {port}, from: \"Jöb <job@example.com>\"}}\n");
    let mut sandbox = Sandbox::new().file("main.dig", &format!("{defaults}+send:\n{task}"));
    sandbox.set("SSL_CERT_FILE", server.trusted());
    sandbox
}

fn run(sandbox: &Sandbox, code: i32) -> Said {
    sandbox.run(["run", "main.dig"]).expect_code(code)
}

const SIMPLE: &str = "  mail>: {data: hello}\n  subject: s\n  to: you@example.com\n";

#[test]
fn a_mail_arrives_as_it_was_written() {
    let Some(mut server) = MailServer::start("starttls", None) else { return };
    let task = "  word: done\n  mail>: body.html\n  html: true\n  subject: \"${word} 日本\"\n  \
                to: [you@example.com, \"Ü <u@example.com>\"]\n  cc: [c@example.com]\n  bcc: [b@example.com]\n  \
                attach_files:\n    - path: out/data.csv\n    - {path: out/data.csv, filename: \"r é.csv\", content_type: text/csv; charset=utf-8}\n";
    let sandbox = project(&server, task)
        .file("body.html", "<b>${word}</b>\n.\nlast: ${'x'.repeat(2000)}\n")
        .file("out/data.csv", "a,b\n1,é\n");
    run(&sandbox, 0);
    let mut mail = server.next();
    let headers = mail["headers"].take();
    let header = |name: &str| headers[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(header("Subject"), "done 日本");
    assert_eq!(header("From"), "Jöb <job@example.com>");
    assert_eq!(header("To"), "you@example.com, Ü <u@example.com>");
    assert_eq!((header("Cc"), header("Bcc")), ("c@example.com".to_owned(), String::new()));
    assert!(!header("Date").is_empty() && !header("Message-ID").is_empty(), "{headers}");
    let bytes: String = "a,b\n1,é\n".bytes().map(char::from).collect();
    assert_eq!(
        mail,
        json!({
            "from": "job@example.com",
            "to": ["you@example.com", "u@example.com", "c@example.com", "b@example.com"],
            "tls": true,
            "login": null,
            "headers": null,
            "parts": [
                {"type": "text/html", "name": null, "text": format!("<b>done</b>\n.\nlast: {}\n", "x".repeat(2000))},
                {"type": "application/octet-stream", "name": "data.csv", "text": bytes},
                {"type": "text/csv", "name": "r é.csv", "text": "a,b\n1,é\n"},
            ],
        })
    );
}

#[test]
fn the_connection_is_as_private_as_the_options_say() {
    for (mode, options, tls) in [
        ("starttls", "", true),
        ("tls", "  ssl: true\n", true),
        ("plain", "  tls: false\n", false),
        ("starttls", "  tls: false\n", false),
    ] {
        let Some(mut server) = MailServer::start(mode, None) else { return };
        run(&project(&server, &format!("{SIMPLE}{options}")), 0);
        assert_eq!(server.next()["tls"], tls, "{mode} {options}");
    }
}

#[test]
fn a_server_without_starttls_gets_nothing_unless_it_may() {
    let Some(server) = MailServer::start("plain", None) else { return };
    let said = run(&project(&server, SIMPLE), 1);
    let expected = format!(
        "error: 1 task failed\n  +main+send: the mail server at `localhost:{}` offers no STARTTLS\n    \
         hint: `ssl: true` is for servers that speak TLS at once, `tls: false` for none at all\n",
        server.port
    );
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
}

#[test]
fn a_certificate_that_nobody_trusts_ends_it() {
    for (mode, options) in [("starttls", ""), ("tls", "  ssl: true\n")] {
        let Some(server) = MailServer::start(mode, None) else { return };
        let mut sandbox = project(&server, &format!("{SIMPLE}{options}"));
        let Some(other) = crate::support::tls::Authority::new() else { return };
        sandbox.set("SSL_CERT_FILE", other.trusted().to_string_lossy());
        let said = run(&sandbox, 1);
        let expected = format!(
            "  +main+send: the certificate of the mail server at `localhost:{}` is not trusted: invalid peer certificate: UnknownIssuer\n    \
             hint: the variable `SSL_CERT_FILE` names a file with the certificates to trust\n",
            server.port
        );
        assert!(said.stderr.contains(&expected), "{}", said.stderr);
    }
}

#[test]
fn a_login_takes_its_password_from_the_secret_alone() {
    let Some(mut server) = MailServer::start("starttls", Some(("me", "ge heim"))) else { return };
    let task = format!("{SIMPLE}  username: me\n  debug: true\n");
    let mut sandbox = project(&server, &task);
    let said = run(&sandbox, 1);
    let expected = format!(
        "  +main+send: the mail server at `localhost:{}` refused the login: 535 5.7.8 Authentication credentials invalid\n",
        server.port
    );
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
    sandbox.set("SYNC_SECRET_MAIL_PASSWORD", "ge heim");
    run(&sandbox, 0);
    assert_eq!(server.next()["login"], "me");
    let log = sandbox.run(["log", "--session", "last"]).expect_code(0).stdout;
    for step in
        ["connected to `localhost:", "STARTTLS: the connection is encrypted", "AUTH: 235 ", "DATA: 250 kept"]
    {
        assert!(log.contains(step), "{log}");
    }
    assert!(!log.contains("ge heim"), "{log}");
}

#[test]
fn a_recipient_that_is_refused_refuses_the_mail() {
    let Some(server) = MailServer::start("starttls", None) else { return };
    let task = "  mail>: {data: hello}\n  subject: s\n  to: [you@example.com, nobody@example.com]\n";
    let said = run(&project(&server, task), 1);
    let expected = format!(
        "  +main+send: the mail server at `localhost:{}` refused the mail: 550 5.1.1 no such mailbox\n",
        server.port
    );
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
}

#[test]
fn the_properties_name_a_server_for_tasks_that_name_none() {
    let Some(mut server) = MailServer::start("starttls", Some(("system", "ge heim"))) else { return };
    let mut sandbox = Sandbox::new().file(
        "main.dig",
        "+send:\n  _type: mail\n  body: \"hello ${1 + 1}, hunter2\"\n  to: [you@example.com]\n",
    );
    sandbox.set("SSL_CERT_FILE", server.trusted());
    sandbox.set("SYNC_SECRET_OTHER", "hunter2");
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "config.mail.host = localhost\nconfig.mail.port = {}\nconfig.mail.username = system\n\
             config.mail.password = ge heim\nconfig.mail.from = system@example.com\nconfig.mail.subject = told",
            server.port
        ),
    );
    run(&sandbox, 0);
    let mail: Value = server.next();
    assert_eq!((&mail["from"], &mail["login"]), (&json!("system@example.com"), &json!("system")));
    assert_eq!(mail["headers"]["Subject"], "told");
    assert_eq!(mail["parts"][0]["text"], "hello 2, ***\n");
}

#[test]
fn check_reads_the_body() {
    let task = |file: &str| format!("+send:\n  mail>: {file}\n  subject: s\n  to: you@example.com\n");
    let sandbox = Sandbox::new().file("main.dig", &task("gone.txt")).file("bad.txt", "hello ${1 +}");
    let said = sandbox.run(["check", "main.dig"]).expect_code(65);
    assert!(
        said.stdout.starts_with("error: mail body `gone.txt` does not exist\n --> main.dig:2:10\n"),
        "{}",
        said.stdout
    );
    sandbox.write("main.dig", &task("bad.txt"));
    let said = sandbox.run(["check", "main.dig"]).expect_code(65);
    assert!(
        said.stdout.starts_with("error: `${...}` holds no valid JavaScript\n --> bad.txt:1:9\n"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_server_that_is_not_there_means_try_later() {
    let task = "+send:\n  mail>: {data: hello}\n  subject: s\n  to: you@example.com\n  from: a@b\n  host: 127.0.0.1\n  port: 1\n";
    let said = Sandbox::new().file("main.dig", task).run(["run", "main.dig"]).expect_code(75);
    let expected = "error: 1 task failed\n  +main+send: cannot reach the mail server at `127.0.0.1:1`: Connection refused (os error 111)\n    hint: check host, port and network, then retry\n";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
}
