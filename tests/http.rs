//! `http>` and `http_call>` as a user sees them: exit codes, messages, what is kept secret, certificates, retries.

use crate::support::sandbox::Sandbox;
use crate::support::tls::Authority;
use crate::support::webhook::{Reply, Webhook};

#[test]
fn a_refusal_fails_the_task_in_digdags_words_and_without_secrets() {
    let webhook = Webhook::start();
    webhook.reply([Reply::Status(404)]);
    let url = webhook.url("who/${secret:name}").replace("http://", "http://me:${secret:pw}@");
    let task = format!(
        "+a:\n  http>: {url}\n  _error:\n    echo>: \"ECHO ${{error.message}}\"\n+b:\n  echo>: never\n"
    );
    let mut sandbox = Sandbox::new().file("main.dig", &task);
    sandbox.set("SYNC_SECRET_NAME", "hunter2");
    sandbox.set("SYNC_SECRET_PW", "opensesame");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let expected = "HTTP 4XX Client Error: GET http://*** - 404 Not Found";
    assert_eq!(said.stdout, format!("ECHO {expected}\n"));
    assert!(
        said.stderr.contains(&format!("error: 1 task failed\n  +main+a: {expected}\n")),
        "{}",
        said.stderr
    );
    let received = webhook.received().remove(0);
    assert_eq!(received.path, "/who/hunter2");
    assert!(
        received.headers.contains(&("authorization".to_owned(), "Basic bWU6b3BlbnNlc2FtZQ==".to_owned()))
    );
}

#[test]
fn nobody_there_means_try_later() {
    let task = "+a:\n  http>: http://127.0.0.1:1/x?y=1\n  retry: false\n";
    let said = Sandbox::new().file("main.dig", task).run(["run", "main.dig"]).expect_code(75);
    let expected = "error: 1 task failed\n  +main+a: HTTP request failed: GET http://127.0.0.1:1/x?y=1: Connection refused (os error 111)\n    hint: check host, port and network, then retry\n";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
}

#[test]
fn a_request_that_waits_for_its_next_try_holds_no_thread() {
    let webhook = Webhook::start();
    webhook.reply([Reply::Status(503)]);
    let (flaky, other) = (webhook.url("flaky"), webhook.url("other"));
    let task = format!(
        "_parallel: true\n+a:\n  http>: {flaky}\n  store_content: true\n+b:\n  http>: {other}\n  method: POST\n"
    );
    let said = Sandbox::new().file("main.dig", &task).run(["run", "main.dig", "-j", "1"]).expect_code(0);
    let paths: Vec<String> = webhook.received().into_iter().map(|received| received.path).collect();
    assert_eq!(paths, ["/flaky", "/other", "/flaky"]);
    let expected = format!("HTTP 5XX Server Error: GET {flaky} - 503 Service Unavailable; retry 1 in ");
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
}

#[test]
fn a_certificate_is_trusted_where_its_authority_is_or_where_nobody_looks() {
    let Some(authority) = Authority::new() else { return };
    let Some(other) = Authority::new() else { return };
    let port = authority.serve();
    let task = |options: &str| format!("+a:\n  http>: https://localhost:{port}/x\n{options}");
    let run = |options: &str, trusted: &Authority, code: i32| {
        let mut sandbox = Sandbox::new().file("main.dig", &task(options));
        sandbox.set("SSL_CERT_FILE", trusted.trusted().to_string_lossy());
        sandbox.run(["run", "main.dig"]).expect_code(code)
    };
    run("", &authority, 0);
    run("  insecure: true\n", &other, 0);
    let said = run("", &other, 1);
    let expected = format!(
        "  +main+a: HTTP request failed: GET https://localhost:{port}/x: the certificate of the server is not trusted: invalid peer certificate: UnknownIssuer\n    \
         hint: the variable `SSL_CERT_FILE` names a file with the certificates to trust\n"
    );
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
}

#[test]
fn a_fetched_workflow_runs_below_its_task_and_is_not_fetched_again() {
    let webhook = Webhook::start();
    let workflow = "_export: {greeting: hello}\n+keep:\n  sh>: echo \"kept=${greeting} ${task_name}\" > $SYNC_STORE\n+show:\n  echo>: ECHO ${greeting}\n";
    webhook.reply([Reply::Text(workflow)]);
    let task = format!(
        "+fetch:\n  http_call>: {}\n  content_type_override: application/x-yaml\n+after:\n  sh>: echo \"ECHO ${{kept}}\"; test -e go\n",
        webhook.url("wf")
    );
    let sandbox = Sandbox::new().file("main.dig", &task);
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let kept = "ECHO hello +main+fetch^sub+keep\n";
    assert_eq!(said.stdout, format!("ECHO hello\n{kept}"));
    assert!(!sandbox.path().join("http_call.dig").exists());
    sandbox.write("go", "");
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!((said.stdout.as_str(), webhook.received().len()), (kept, 1));
}

#[test]
fn a_workflow_that_fetches_itself_ends() {
    let webhook = Webhook::start();
    let url = webhook.url("wf");
    let workflow: &'static str =
        format!("+again:\n  http_call>: {url}\n  content_type_override: application/x-yaml\n").leak();
    webhook.reply([Reply::Text(workflow); 60]);
    let said = Sandbox::new().file("main.dig", workflow).run(["run", "main.dig"]).expect_code(1);
    let expected = format!(
        "tasks are nested more than 50 levels deep at `GET {url}`\n    hint: a workflow that calls itself never ends\n"
    );
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
    assert_eq!(webhook.received().len(), 50);
}

#[test]
fn check_knows_the_options() {
    let task = "+a:\n  http>: ftp://x/\n  retry: perhaps\n  metod: POST\n";
    let said = Sandbox::new().file("main.dig", task).run(["check", "main.dig"]).expect_code(65);
    let expected = "\
error: `http>` takes a URL of http or https
 --> main.dig:2:10
  |
2 |   http>: ftp://x/
  |          ^^^^^^^^
  = in task `+main+a`

error: `retry` takes `true` or `false`
 --> main.dig:3:10
  |
3 |   retry: perhaps
  |          ^^^^^^^
  = in task `+main+a`

warning: `http>` does not read `metod`
 --> main.dig:4:3
  |
4 |   metod: POST
  |   ^^^^^ did you mean `method`?
  = in task `+main+a`
";
    assert_eq!(said.stdout, expected);
}
