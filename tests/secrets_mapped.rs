//! Names of `secrets.yml` whose values AWS Secrets Manager or the SSM Parameter Store keep.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::secrets_kms::{resolved, sandbox, set, sha256};
use crate::support::sandbox::Sandbox;
use crate::support::servers::{Aws, aws, fresh_name};

/// Calls of both services by botocore, as Python that finds the clients `manager` and `ssm`.
fn prepare(aws: &Aws, calls: &str) {
    let python = std::env::var("SYNC_TEST_BOTOCORE").expect("it comes with the endpoint");
    let script = format!(
        "import botocore.session\n\
         s = botocore.session.get_session()\n\
         manager, ssm = s.create_client('secretsmanager'), s.create_client('ssm')\n{calls}"
    );
    let mut command = Command::new(python);
    let output = command.args(["-c", &script]).envs(aws.environment()).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn values_come_from_where_their_names_are_mapped_to() {
    let Some(aws) = aws() else { return };
    let sandbox = sandbox(&aws);
    let name = fresh_name("mapped");
    prepare(
        &aws,
        &format!(
            "manager.create_secret(Name='{name}', SecretString='{{\"password\": \"old horse\", \"port\": 3306}}')\n\
             manager.put_secret_value(SecretId='{name}', SecretString='{{\"password\": \"new \\u00e9 horse\", \"port\": 3307}}')\n\
             manager.create_secret(Name='{name}/bytes', SecretBinary=b'binary horse')\n\
             ssm.put_parameter(Name='/{name}/plain', Value='plain horse', Type='String')\n\
             ssm.put_parameter(Name='/{name}/secure', Value='secure horse', Type='SecureString')\n\
             ssm.put_parameter(Name='/{name}/secure', Value='secure horse 2', Type='SecureString', Overwrite=True)\n"
        ),
    );
    sandbox.write(
        "secrets.yml",
        &format!(
            "db.password: {{secretsmanager: {name}, field: password}}\n\
             db.port: {{secretsmanager: {name}, field: port}}\n\
             db.old: {{secretsmanager: {name}, field: password, stage: AWSPREVIOUS}}\n\
             whole:\n  secretsmanager: {name}\n\
             bytes: {{secretsmanager: {name}/bytes}}\n\
             plain: {{ssm: /{name}/plain}}\n\
             secure: {{ssm: /{name}/secure}}\n\
             first: {{ssm: \"/{name}/secure:1\"}}\n"
        ),
    );
    for (secret, value) in [
        ("db.password", "new \u{e9} horse"),
        ("db.port", "3307"),
        ("db.old", "old horse"),
        ("whole", "{\"password\": \"new \u{e9} horse\", \"port\": 3307}"),
        ("bytes", "binary horse"),
        ("plain", "plain horse"),
        ("secure", "secure horse 2"),
        ("first", "secure horse"),
    ] {
        resolved(&sandbox, secret).expect_code(0);
        assert_eq!(sandbox.read("out.txt"), sha256(value), "{secret}");
    }
    sandbox.write("show.dig", "+t:\n  sh>: echo \"is $VALUE.\"\n  _env:\n    VALUE: ${secret:secure}\n");
    assert_eq!(sandbox.run(["run", "show.dig"]).expect_code(0).stdout, "is ***.\n");
    let listed = sandbox.run(["secrets", "list"]).expect_code(0).stdout;
    let row = |secret: &str, form: &str| format!("{secret:11}  `secrets.yml`  {form}\n");
    assert!(
        listed.contains(&row("db.old", &format!("secretsmanager {name}, stage AWSPREVIOUS, field password"))),
        "{listed}"
    );
    assert!(listed.contains(&row("secure", &format!("ssm /{name}/secure"))), "{listed}");
}

#[test]
fn a_refusal_names_the_secret_what_was_asked_and_what_to_do() {
    let Some(aws) = aws() else { return };
    let mut sandbox = sandbox(&aws);
    let name = fresh_name("refused");
    prepare(
        &aws,
        &format!("ssm.put_parameter(Name='/{name}', Value='{{\"a\": \"hidden horse\"}}', Type='String')\n"),
    );
    sandbox.write(
        "secrets.yml",
        &format!(
            "manager: {{secretsmanager: {name}}}\nssm: {{ssm: /{name}/none}}\nfield: {{ssm: /{name}, field: b}}\n"
        ),
    );
    let said = |sandbox: &Sandbox, secret: &str| {
        let stderr = resolved(sandbox, secret).expect_code(1).stderr;
        assert!(!stderr.contains("horse"), "{stderr}");
        stderr
    };
    let place = |secret: &str| format!("secret `{secret}` could not be read from `secrets.yml`: ");
    let hint = "(check the name and that `AWS_REGION` is its region)";
    let stderr = said(&sandbox, "manager");
    let refusal = "AWS Secrets Manager says ResourceNotFoundException: ";
    let begins = format!("{}secretsmanager {name}: {refusal}", place("manager"));
    assert!(stderr.contains(&begins) && stderr.contains(hint), "{stderr}");
    let stderr = said(&sandbox, "ssm");
    let begins = format!("{}ssm /{name}/none: AWS SSM says ParameterNotFound: ", place("ssm"));
    assert!(stderr.contains(&begins) && stderr.contains(hint), "{stderr}");
    let stderr = said(&sandbox, "field");
    let reason = "the JSON object that is kept there has no such field";
    assert!(stderr.contains(&format!("{}ssm /{name}, field b: {reason}", place("field"))), "{stderr}");
    sandbox.set("AWS_SECRET_ACCESS_KEY", "wrong-secret-access-key");
    let stderr = said(&sandbox, "field");
    assert!(stderr.contains(&format!("{}ssm /{name}: AWS SSM ", place("field"))), "{stderr}");
}

#[test]
fn what_is_mapped_is_not_overwritten_and_a_wrong_mapping_is_found_before_a_run() {
    let mut sandbox = Sandbox::new();
    sandbox.set("EDITOR", "true");
    let text = "a: {ssm: /prod/token}\n";
    sandbox.write("secrets.yml", text);
    sandbox.write("main.dig", "+t:\n  echo>: x\n");
    let refused = "error: `secrets.yml` maps `a` to AWS SSM (`ssm /prod/token`); change it there, or delete the entry first\n";
    assert_eq!(set(&sandbox, &["a", "--key", "k"], "value").expect_code(1).stderr, refused);
    for command in ["edit", "rotate"] {
        let said = sandbox.run(["secrets", command, "a", "--key", "k"]).expect_code(1);
        assert_eq!(said.stderr, refused, "{command}");
    }
    let said = sandbox.run(["secrets", "rotate", "--key", "k"]).expect_code(0);
    assert_eq!(said.stderr, "`secrets.yml` has no value that is encrypted; nothing was written\n");
    assert_eq!(sandbox.read("secrets.yml"), text);
    sandbox.run(["check"]).expect_code(0);
    sandbox.run(["check", "secrets.yml"]).expect_code(0);
    sandbox.write("secrets.yml", "a: {ssm: /prod/token, stage: x}\n");
    for arguments in [vec!["check"], vec!["check", "main.dig"], vec!["check", "secrets.yml"]] {
        let said = sandbox.run(&arguments).expect_code(65);
        assert!(
            said.stdout.starts_with(
                "error: secrets file `secrets.yml`, line 1: `a` has a field `stage` that is not known here"
            ),
            "{}",
            said.stdout
        );
    }
    sandbox.write("secrets.yml", text);
    sandbox.run(["secrets", "delete", "a"]).expect_code(0);
    assert_eq!(sandbox.read("secrets.yml"), "");
}

/// A server that gives these answers, one a connection, and keeps what it was asked.
fn server(answers: &'static [(u16, &'static str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (status, body) in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            seen.lock().expect("no panic").push(read(&mut stream));
            let head =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).expect("it listens");
        }
    });
    (url, asked)
}

fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).expect("it speaks");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted =
            head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if length == 0 || body.len() >= wanted.unwrap_or(0) {
            return text;
        }
    }
}

/// A sandbox whose AWS is at these variables.
fn at(variables: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret-access-key")]
        .iter()
        .chain(&[("AWS_REGION", "eu-west-1")])
        .chain(variables)
    {
        sandbox.set(name, *value);
    }
    sandbox
}

#[test]
fn a_service_that_is_busy_is_asked_again_and_then_once_a_run() {
    const BUSY: (u16, &str) = (400, "{\"__type\": \"ThrottlingException\", \"message\": \"Rate exceeded\"}");
    let (url, asked) = server(&[
        BUSY,
        (503, ""),
        (200, "{\"Parameter\": {\"Value\": \"{\\\"a\\\": \\\"late horse\\\", \\\"b\\\": 1234}\"}}"),
    ]);
    let sandbox = at(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL_SSM", &url)]);
    sandbox.write("secrets.yml", "a: {ssm: /x, field: a}\nb: {ssm: /x, field: b}\n");
    sandbox.write(
        "main.dig",
        "+one:\n  sh>: echo \"$A$B\" | rev\n  _env: {A: \"${secret:a}\", B: \"${secret:b}\"}\n\
         +two:\n  sh>: echo $A\n  _env: {A: \"${secret:a}\"}\n",
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout, "4321esroh etal\n***\n");
    let asked = asked.lock().expect("no panic");
    assert_eq!(asked.len(), 3);
    for request in &*asked {
        let lower = request.to_lowercase();
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(lower.contains("\r\nx-amz-target: amazonssm.getparameter\r\n"), "{request}");
        assert!(lower.contains("/eu-west-1/ssm/aws4_request, signedheaders=content-type;host;"), "{request}");
        assert!(request.ends_with("{\"Name\":\"/x\",\"WithDecryption\":true}"), "{request}");
    }
}

#[test]
fn a_service_that_stays_busy_is_told_of_and_endpoints_of_profiles_count() {
    const BUSY: (u16, &str) = (400, "{\"__type\": \"ThrottlingException\", \"message\": \"Rate exceeded\"}");
    let (url, asked) = server(&[BUSY; 4]);
    let sandbox = at(&[("AWS_PROFILE", "p")]);
    sandbox.write(
        ".aws/config",
        &format!("[profile p]\nservices = s\n[services s]\nssm =\n  endpoint_url = {url}\n"),
    );
    sandbox.write("secrets.yml", "a: {ssm: x}\n");
    let stderr = resolved(&sandbox, "a").expect_code(1).stderr;
    let reason = "ssm x: AWS SSM says ThrottlingException: Rate exceeded";
    assert!(stderr.contains(reason), "{stderr}");
    assert_eq!(asked.lock().expect("no panic").len(), 4);
}
