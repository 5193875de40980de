//! Whom a run calls: the servers that it was told of, and nobody else. It runs in a network of its own, in which every
//! call is seen.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::postgres::postgres_database;
use crate::support::s3;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, fresh_name, skip};
use crate::support::webhook::Webhook;

/// What the SDKs of AWS and Google ask on machines of their clouds.
const MACHINE: &str = "169.254.169.254:80";

/// How a command gets a network of its own; `None`, after saying so, where this user may not make one.
fn alone() -> Option<Vec<&'static str>> {
    for way in [&["unshare", "--net"][..], &["unshare", "--user", "--map-root-user", "--net"]] {
        let probe = Command::new(way[0]).args(&way[1..]).args(["ip", "link", "set", "lo", "up"]).output();
        if probe.is_ok_and(|said| said.status.success()) {
            return Some(way.to_vec());
        }
    }
    let is_root = rustix::process::geteuid().is_root();
    let required = std::env::var("SYNC_TEST_REQUIRE").as_deref() == Ok("1");
    assert!(!(is_root && required), "`unshare --net ip link` does not run");
    skip("no network of its own can be made (`unshare`, `ip`)");
    None
}

/// Carries bytes between a Unix socket and a port of loopback, until the tests end.
fn forward(socket: &Path, port: u16) {
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            let (one, other) =
                (visitor.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
            std::thread::spawn(move || {
                pump(visitor, &server);
                let _ = server.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || back(other, &one));
        }
    });
}

fn pump(mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0; 1 << 14];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

fn back(from: TcpStream, to: &UnixStream) {
    pump(from, to);
    let _ = to.shutdown(Shutdown::Write);
}

/// Runs the program in a network where these ports of loopback lead to the servers outside.
fn run(way: &[&str], sandbox: &Sandbox, ports: &[u16], arguments: &[&str]) -> Option<Value> {
    let python = servers::python()?;
    let folder = tempfile::tempdir().expect("a folder");
    let forwards: Vec<Value> = ports
        .iter()
        .map(|port| {
            let socket = folder.path().join(port.to_string());
            forward(&socket, *port);
            json!([port, socket])
        })
        .collect();
    let plain = sandbox.command(arguments);
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let environment: BTreeMap<String, String> =
        plain.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect();
    let command: Vec<String> =
        std::iter::once(plain.get_program()).chain(plain.get_args()).map(text).collect();
    let spec = json!({"forwards": forwards, "command": command, "environment": environment, "folder": sandbox.path()});
    let file = folder.path().join("spec.json");
    std::fs::write(&file, spec.to_string()).expect("a file");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/alone.py");
    let said = Command::new(way[0])
        .args(&way[1..])
        .arg(python.get_program())
        .args([script, file])
        .output()
        .expect("it was there a moment ago");
    let answer = serde_json::from_slice(&said.stdout);
    Some(answer.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr))))
}

fn peers(said: &Value) -> Vec<String> {
    let peers = said["peers"].as_array().expect("a list").iter();
    peers.map(|peer| peer.as_str().expect("an address").to_owned()).collect()
}

#[test]
fn a_run_calls_the_servers_that_it_was_told_of_and_nobody_else() {
    let Some(way) = alone() else { return };
    let (Some(server), Some(postgres), Some(aws)) = (servers::mariadb(), postgres_database(), servers::aws())
    else {
        return;
    };
    let database = server.fresh_database();
    database.run([
        "create table items (id int primary key, name varchar(20))",
        "insert into items values (1, 'a')",
    ]);
    let webhook = Webhook::start();
    let prefix = fresh_name("peers");
    let bucket = &aws.bucket;
    let mut sandbox = Sandbox::new()
        .file(
            "copy.yml",
            &format!(
                "in: {{type: mysql, host: {}, port: {}, user: {}, password: '{}', database: {}, table: items}}\n\
                 out: {{type: s3, bucket: {bucket}, path_prefix: {prefix}/items, file_ext: .csv, formatter: {{type: csv}}}}\n",
                server.host, server.port, server.user, server.password, database.name
            ),
        )
        .file(
            "main.dig",
            &format!(
                "_export:\n  mysql: {{host: {}, port: {}, user: {}, password: '{}', database: {}}}\n  \
                 pg: {{host: {}, port: {}, user: {}, database: {}}}\n\
                 +list:\n  mysql>: {{data: select 1}}\n+ask:\n  pg>: {{data: select 1}}\n+copy:\n  embulk>: copy.yml\n\
                 +mark:\n  s3_put>: {bucket}/{prefix}/done\n  content: done\n\
                 +wait:\n  s3_wait>: {bucket}/{prefix}/items.000.00.csv\n\
                 +tell:\n  slack>: {{data: 'text: done'}}\n  webhook_url: {}\n\
                 +call:\n  http>: {}\n+last:\n  notify>: done\n",
                server.host,
                server.port,
                server.user,
                server.password,
                database.name,
                postgres.host,
                postgres.port,
                postgres.user,
                postgres.name,
                webhook.url("slack"),
                webhook.url("call"),
            ),
        );
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "log-server.type = s3\nlog-server.s3.bucket = {bucket}\nlog-server.s3.path = {prefix}/logs\n\
             notification.type = http\nnotification.http.url = {}\n",
            webhook.url("notify")
        ),
    );
    let aws_port: u16 = aws.endpoint.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let hook_port: u16 = webhook
        .url("")
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let ports = [server.port, postgres.port, aws_port, hook_port];
    let Some(said) = run(&way, &sandbox, &ports, &["run", "main.dig"]) else { return };
    assert_eq!(said["code"], 0, "{said:#}");
    let mut expected: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    expected.sort();
    assert_eq!(peers(&said), expected, "{said:#}");
    assert_eq!(webhook.received().len(), 3);
    let written = s3::objects(&aws, &prefix);
    assert!(written.contains_key(&format!("{prefix}/items.000.00.csv")), "{:?}", written.keys());
    assert!(written.keys().any(|key| key.ends_with("/report.json")), "{:?}", written.keys());
}

/// Without credentials of its own the SDK asks the machine: what shows that such a call would have been seen.
#[test]
fn a_run_without_credentials_asks_the_machine_for_some() {
    let Some(way) = alone() else { return };
    let mut sandbox = Sandbox::new().file("main.dig", "+put:\n  s3_put>: lake/done\n  region: eu-west-1\n");
    sandbox.set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let Some(said) = run(&way, &sandbox, &[], &["run", "main.dig"]) else { return };
    assert_ne!(said["code"], 0, "{said:#}");
    assert!(peers(&said).contains(&MACHINE.to_owned()), "{said:#}");
    sandbox.set("AWS_ACCESS_KEY_ID", "an-id");
    sandbox.set("AWS_SECRET_ACCESS_KEY", "a-secret-key");
    let Some(said) = run(&way, &sandbox, &[], &["run", "main.dig", "--rerun"]) else { return };
    assert_eq!(peers(&said), ["127.0.0.1:9"], "{said:#}");
}
