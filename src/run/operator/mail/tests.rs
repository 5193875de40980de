//! What is said before any server is asked.

use serde_json::{Value, json};

use super::super::testing::Bench;
use super::*;
use crate::cloud::mail::{Security, SmtpServer};
use crate::run::event::FailureKind;

/// A server that nobody is.
fn nobody() -> SmtpServer {
    let second = std::time::Duration::from_secs(1);
    SmtpServer {
        host: "127.0.0.1".to_owned(),
        port: 1,
        security: Security::StartTls,
        login: None,
        connect_timeout: second,
        socket_timeout: second,
    }
}

fn error(bench: &Bench, options: Value) -> OperatorError {
    let mut local = json!({
        "mail>": {"data": "text"}, "subject": "s", "to": ["a@b"], "from": "c@d", "host": "127.0.0.1", "port": 1,
    });
    local.as_object_mut().expect("a map").extend(options.as_object().expect("a map").clone());
    bench.run(&Mail, json!({}), local).expect_err("a failure")
}

#[test]
fn what_is_wrong_is_named() {
    for (options, expected) in [
        (json!({"mail>": null}), "`mail>` needs a file or `{data: ...}`"),
        (json!({"mail>": "gone.txt"}), "file `gone.txt` cannot be read"),
        (json!({"subject": null}), "Parameter 'subject' is required but not set"),
        (json!({"from": null}), "Parameter 'from' is required but not set"),
        (json!({"to": null}), "Parameter 'to' is required but not set"),
        (json!({"to": "[\"a@b\"]"}), "`to`: `[\"a@b\"]` is not a mail address"),
        (json!({"to": {"a": "b"}}), "Expected string type for key 'to' but got {\"a\":\"b\"} (object)"),
        (json!({"to": []}), "the mail goes to nobody"),
        (json!({"cc": "a@b"}), "`cc` must be a list of addresses"),
        (json!({"bcc": ["a"]}), "`bcc`: `a` is not a mail address"),
        (json!({"from": "a@b, c@d"}), "`from`: `a@b, c@d` is not a mail address"),
        (json!({"html": "yes"}), "Expected 'true' or 'false' for key 'html' but got \"yes\" (string)"),
        (json!({"host": null}), "Missing SMTP configuration"),
        (json!({"port": null}), "Parameter 'port' is required but not set"),
        (json!({"port": 65536}), "`port` must be a number from 0 to 65535"),
        (
            json!({"connect_timeout": 5}),
            "Expected a duration such as `10m` or `1h 30m` for key 'connect_timeout' but got 5 (number)",
        ),
        (json!({"attach_files": "a"}), "`attach_files` must be a list of maps with `path`"),
        (json!({"attach_files": [{}]}), "Parameter 'path' is required but not set"),
        (json!({"attach_files": [{"path": "gone"}]}), "file `gone` cannot be read"),
        (json!({"attach_files": [{"path": "../gone"}]}), "file `../gone` lies outside the project"),
        (
            json!({"mail>": "body.txt"}),
            "Failed to evaluate a variable hello ${nobody}! (ReferenceError: nobody is not defined) in body.txt",
        ),
    ] {
        let bench = Bench::new().file("body.txt", "hello ${nobody}!");
        assert_eq!(error(&bench, options.clone()).message, expected, "{options}");
    }
}

#[test]
fn several_addresses_in_one_text_get_a_hint() {
    for to in ["a@b, c@d", "[\"a@b\"]"] {
        let hint = error(&Bench::new(), json!({"to": to})).hint;
        assert_eq!(hint.as_deref(), Some("several addresses are a list: `[a@example.com, b@example.com]`"));
    }
    assert_eq!(error(&Bench::new(), json!({"to": "a"})).hint, None);
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let error = error(&Bench::new(), json!({}));
    let expected = "cannot reach the mail server at `127.0.0.1:1`: Connection refused (os error 111)";
    assert_eq!((error.message.as_str(), error.kind), (expected, FailureKind::Unreachable));
}

#[test]
fn secrets_go_before_options_and_the_properties_come_last() {
    let bench = Bench::new().secret("mail.host", "localhost").secret("mail.port", "2");
    assert!(
        error(&bench, json!({"host": null}))
            .message
            .starts_with("cannot reach the mail server at `localhost:2`")
    );
    assert!(error(&bench, json!({})).message.starts_with("cannot reach the mail server at `localhost:2`"));
    let bench = Bench::new().secret("mail.tls", "maybe");
    let expected = "Expected 'true' or 'false' for key 'tls' but got \"maybe\" (string)";
    assert_eq!(error(&bench, json!({})).message, expected);
    let mut bench = Bench::new();
    bench.mail.server = Some(nobody());
    bench.mail.from = Some("system@example.com".to_owned());
    bench.mail.subject = Some("system".to_owned());
    let message = error(&bench, json!({"host": null, "port": 7, "from": null, "subject": null})).message;
    assert!(message.starts_with("cannot reach the mail server at `127.0.0.1:1`"), "{message}");
}

#[test]
fn a_password_in_the_parameters_is_not_read() {
    let bench = Bench::new();
    error(&bench, json!({"password": "x", "username": "me", "tls": false}));
    assert_eq!(
        bench.log(),
        "Warn: `password` is not read from the parameters: set the secret `mail.password`\n\
         Warn: the password goes over the network in clear text\n\
         Debug: sends a mail to 1 through `127.0.0.1:1`\n"
    );
}
