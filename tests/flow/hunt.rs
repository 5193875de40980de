//! Twenty secrets of nasty shapes, used by every sort of task and printed in every way, in a run that fails and a retry:
//! then they are looked for wherever something is left.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::estate::service_account_key;
use super::leaks;
use crate::support::postgres::postgres_database;
use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, fresh_name};
use crate::support::webhook::Webhook;

/// The one character that is too short to be told from other text: it is written nowhere by the program itself.
const ONE: &str = "~";

/// Every way in which a script may print what it knows.
const PRINT: &str = r#"
import base64, html, json, os, shlex, sys, urllib.parse
values = [os.environ["e%02d" % number] for number in range(NUMBERS)]
for value in values:
    raw = value.encode()
    for text in (
        value, repr(value), json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps({"a": [value]}),
        urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), html.escape(value), shlex.quote(value),
        base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), base64.encodebytes(raw).decode(),
        base64.encodebytes(b"user:" + raw).decode(), base64.encodebytes(b"a" * 50 + raw + b"b").decode(),
        raw.hex(), raw.hex().upper(),
    ):
        print("out", text)
        print("err", text, file=sys.stderr)
        sys.stdout.flush()
"#;

const STORE: &str = "import digdag\n\ndef store():\n    digdag.env.store({'db_password': digdag.env.params['e02'], \
                     'address': 'mysql://u:' + digdag.env.params['e00'] + '@h', 'plain': 'nothing'})\n    \
                     digdag.env.export({'api_token': digdag.env.params['e10']})\n";

fn secrets(webhook: &Webhook) -> Vec<String> {
    let long: String = (0..10_000_u64).map(|at| char::from(b'!' + (at * at * 7 % 93) as u8)).collect();
    let mut secrets: Vec<String> = [
        "hunter2!-plain",
        "line one of it\nline two of it\nline three of it",
        "pa$$word: \"\u{fc}ber\" 'secret'#1",
        "${HOME} $(id) `id` $$",
        r#"{"user": "b", "password": "inner-secret-value", "nested": {"api_key": "another-inner-one"}}"#,
        "tab\there\r\nand CRLF\tthere",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ\nDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD\n-----END PRIVATE KEY-----\n",
        "\u{79d8}\u{5bc6}\u{1f511}\u{306e}\u{8a00}\u{8449}",
        r"\\server\share\new\table",
        "%41%42%s%n%d 100% sure",
        "<b>&amp;\"tag\"</b> <!channel>",
        "'; DROP TABLE users; --",
        "-p --password=dashes",
        "two  inner   spaces",
        "Qz9!",
        "8675309123",
        "a,b;c|d=e&f:g@h/i?j",
    ]
    .iter()
    .map(|text| (*text).to_owned())
    .collect();
    secrets.extend([long, service_account_key().to_owned(), webhook.url("/services/T0/B0/abcdefghijkl")]);
    secrets
}

fn workflow(numbers: usize, postgres: (&str, u16), mysql: &str, hook: &str) -> String {
    let exports: String = (0..numbers).map(|at| format!("  e{at:02}: ${{secret:s{at:02}}}\n")).collect();
    let (pg_host, pg_port) = postgres;
    let tasks = [
        ("print", "sh>: python3 print.py".to_owned()),
        ("store", "py>: tasks.store".to_owned()),
        ("stored", "sh>: 'echo \"$db_password $address $api_token $plain\"'".to_owned()),
        ("echo", "echo>: \"${e00} ${e01} ${e02} ${e17} ${secret:s04}\"".to_owned()),
        ("lines", "sh>: 'printf \"%s\" \"$e01\" | while read line; do echo \"one: $line\"; done; echo \"$one\"x'".to_owned()),
        ("short", "sh>: 'echo \"pin=$e14 Qz\"'".to_owned()),
        ("http", format!("http>: {hook}\n  method: POST\n  content: '${{secret:s00}}'\n  headers: [{{authorization: '${{secret:s00}}'}}]")),
        ("closed", "http>: 'http://127.0.0.1:9/x?token=${secret:s16}'\n  retry: false".to_owned()),
        ("mail", "mail>: {data: \"hello ${e00}\"}\n  subject: \"about ${e12}\"\n  to: a@example.com\n  from: b@example.com\n  host: 127.0.0.1\n  port: 9".to_owned()),
        ("pg", format!("pg>: {{data: \"select 1\"}}\n  host: {pg_host}\n  port: {pg_port}\n  user: nobody_of_this_name\n  database: sync")),
        ("mysql", format!("mysql>: {{data: \"selec '${{e00}} ${{e13}}'\"}}\n  {mysql}")),
        ("mysql_long", format!("mysql>: {{data: \"selec ${{JSON.stringify(e17)}}\"}}\n  {mysql}")),
        ("client", "sh>: embulk run env.yml.liquid".to_owned()),
        ("transfer", "embulk>: secret.yml".to_owned()),
        ("unreadable", "embulk>: unreadable.yml".to_owned()),
        ("slack", "slack>: {data: 'text: \"said ${JSON.stringify(e00).slice(1, -1)} ${e15}\"'}\n  webhook_url: ${secret:s19}".to_owned()),
        ("notify", "notify>: \"told ${e00} ${e09} ${e17}\"".to_owned()),
        ("param", "param_set>:\n  set_of_mine: \"${e00}\"".to_owned()),
        ("each", "for_each>: {p: [\"${e00}\", \"${e11}\", \"${e15}\", \"${db_password}\"]}\n  _do:\n    sh>: 'printf \"%s\\n\" \"$p\"'".to_owned()),
        ("if", "if>: \"${e00}\"\n  _do:\n    echo>: yes".to_owned()),
        ("loop", "loop>: \"${e03}\"\n  _do:\n    echo>: x".to_owned()),
        ("waits", "wait>: \"${e08}\"".to_owned()),
        ("call", "call>: \"${e00}\"".to_owned()),
        ("wrong", "sh>: 'echo \"$e06\"; echo \"$e18\" >&2; exit 3'".to_owned()),
        ("fail", "fail>: \"no ${e02} ${e10}\"".to_owned()),
        ("hold", "sh>: 'if [ -e go ]; then touch holding; read line < go; fi'".to_owned()),
    ];
    let each = |(name, task): &(&str, String)| format!("+{name}:\n  {task}\n  _continue_on_failure: true\n");
    let tasks: String = tasks.iter().map(each).collect();
    format!(
        "_export:\n{exports}  one: ${{secret:one}}\n  mysql: {{user: x}}\n{tasks}+last:\n  fail>: \"${{e00}} at last\"\n\
         _error:\n  +say:\n    echo>: \"${{error.message}} ${{JSON.stringify(error)}}\"\n  +tell:\n    \
         slack>: {{data: \"text: ${{JSON.stringify(error.message)}}\"}}\n    webhook_url: ${{secret:s19}}\n"
    )
}

/// What is left of a run, all of it.
#[track_caller]
fn hunt(secrets: &[String], sandbox: &Sandbox, said: &[&Said]) {
    for said in said {
        for (place, text) in [("standard output", &said.stdout), ("standard error", &said.stderr)] {
            leaks::assert_none(secrets, place, text);
        }
    }
    for folder in [".sync", "tmp"] {
        leaks::assert_none_below(secrets, &sandbox.path().join(folder));
    }
}

/// Every text of the state.
fn state(sandbox: &Sandbox) -> String {
    let database = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).expect("the state");
    let mut all = String::new();
    for table in ["sessions", "attempts", "tasks", "transfers", "effects", "notifications", "params"] {
        let mut statement = database.prepare(&format!("select * from {table}")).expect("a table");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..columns {
                if let Ok(Some(text)) = row.get::<_, Option<String>>(column) {
                    all += &text;
                    all.push('\n');
                }
            }
        }
    }
    all
}

fn wait_for(path: &Path) {
    let begun = std::time::Instant::now();
    while !path.exists() {
        assert!(begun.elapsed().as_secs() < 120, "{} did not come", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn twenty_secrets_are_found_nowhere() {
    let (Some(postgres), Some(server), Some(aws)) = (postgres_database(), servers::mariadb(), servers::aws())
    else {
        return;
    };
    let (webhook, told) = (Webhook::start(), Webhook::start());
    let secrets = secrets(&webhook);
    let mysql =
        format!("host: {}\n  port: {}\n  user: {}\n  database: mysql", server.host, server.port, server.user);
    let prefix = fresh_name("hunt");
    let sqlite = "in: {type: sqlite, database: shop.db, table: items, where: \"'PLACE' <> name\"}\n\
                  out: {type: file, path_prefix: NAME, file_ext: csv, formatter: {type: csv}}\n";
    let refused = "in: {type: mysql, host: 127.0.0.1, port: 9, user: u, password: 'PLACE', database: d, table: t}\n\
                   out: {type: file, path_prefix: x, file_ext: csv, formatter: {type: csv}}\n";
    let mut sandbox = Sandbox::new()
        .file("main.dig", &workflow(secrets.len(), (&postgres.host, postgres.port), &mysql, &webhook.url("/asked")))
        .file("print.py", &PRINT.replace("NUMBERS", &secrets.len().to_string()))
        .file("tasks.py", STORE)
        .file("env.yml.liquid", &sqlite.replace("PLACE", "{{ env.e00 }}").replace("NAME", "a"))
        .file("secret.yml", &sqlite.replace("PLACE", "${secret:s00}").replace("NAME", "b"))
        .file("unreadable.yml", &refused.replace("PLACE", "${secret:s00}"))
        .file("tmp/.keep", "")
        .file(
            "sync.properties",
            &format!(
                "log-server.type=s3\nlog-server.s3.bucket={}\nlog-server.s3.path={prefix}\nnotification.type=http\n\
                 notification.retries=0\nnotification.http.url={}\n",
                aws.bucket,
                told.url("/told")
            ),
        );
    rusqlite::Connection::open(sandbox.path().join("shop.db"))
        .and_then(|shop| shop.execute_batch("create table items (name text); insert into items values ('a')"))
        .expect("a table");
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    for (at, value) in secrets.iter().enumerate() {
        sandbox.set(&format!("SYNC_SECRET_S{at:02}"), value.clone());
    }
    sandbox.set("SYNC_SECRET_ONE", ONE);
    sandbox.set("SYNC_SECRET_PG_PASSWORD", secrets[2].clone());
    sandbox.set("SYNC_SECRET_MYSQL_PASSWORD", server.password.clone());
    let temporary = sandbox.path().join("tmp").display().to_string();
    sandbox.set("TMPDIR", temporary);
    assert!(Command::new("mkfifo").arg(sandbox.path().join("go")).status().expect("mkfifo").success());

    let running = sandbox
        .command(["run", "main.dig", "-c", "sync.properties", "--docker", "never"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let waiting = std::thread::spawn(move || running.wait_with_output().expect("the program ends"));
    wait_for(&sandbox.path().join("holding"));
    leaks::assert_none_in_arguments(&secrets);
    hunt(&secrets, &sandbox, &[]);
    std::fs::write(sandbox.path().join("go"), "go\n").expect("somebody reads");
    let first = Said::of(waiting.join().expect("no panic")).expect_code(1);
    std::fs::remove_file(sandbox.path().join("go")).expect("it was there");
    let second = sandbox
        .run(["retry", "--session", "last", "-c", "sync.properties", "--docker", "never"])
        .expect_code(1);
    let rest = [
        vec!["status", "--session", "last", "--json"],
        vec!["status", "--session", "last"],
        vec!["log", "--session", "last"],
        vec!["report", "--session", "last"],
        vec!["report", "--session", "last", "--json"],
        vec!["check", "main.dig"],
        vec!["run", "main.dig", "--rerun", "--json", "--show-params", "--docker", "never"],
    ]
    .map(|arguments| sandbox.run(arguments));
    let all: Vec<&Said> = [&first, &second].into_iter().chain(&rest).collect();
    hunt(&secrets, &sandbox, &all);

    // What was printed is there, but for the secrets.
    assert!(first.stdout.matches("out ***").count() > 100, "{}", first.stdout);
    for task in ["fail", "mysql", "unreadable", "if", "loop", "call", "wrong"] {
        assert!(first.stderr.contains(&format!("+main+{task}: ")), "{task}: {}", first.stderr);
    }
    for said in webhook.received().iter().filter(|request| request.path.starts_with("/services")) {
        leaks::assert_none(&secrets, "a message to Slack", &said.body.replace('+', " "));
    }
    assert!(webhook.received().iter().filter(|request| request.path.starts_with("/services")).count() >= 2);
    for request in told.await_received(1) {
        leaks::assert_none(&secrets, "a notification", &request.body);
    }
    let kept = s3::objects(&aws, &prefix);
    assert!(kept.len() > 10, "{:?}", kept.keys());
    for (key, bytes) in kept {
        let text = if key.ends_with(".gz") {
            s3::gunzip(&bytes)
        } else {
            String::from_utf8_lossy(&bytes).into_owned()
        };
        leaks::assert_none(&secrets, &key, &(key.clone() + &text));
    }

    // Names of tasks hold the beginnings of items.
    let names = [state(&sandbox), rest[0].stdout.clone(), rest[2].stdout.clone()].concat();
    assert!(names.contains("+for-0=p=3=secret") && !names.contains("pa%24"), "{names}");

    // One character: only the task that prints it has it printed.
    assert!(!state(&sandbox).contains(ONE), "{}", state(&sandbox));
    assert!(!first.stderr.contains(ONE), "{}", first.stderr);
    assert_eq!(first.stdout.lines().filter(|line| line.contains(ONE)).collect::<Vec<_>>(), ["~x"]);
    let status: Value = serde_json::from_str(&rest[0].stdout).expect("JSON");
    assert_eq!(status["workflow"], json!("main"));
}
