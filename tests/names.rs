//! Names that data or people give to tables, columns, objects and tasks: none leaves its place.

use serde_json::Value;

use crate::support::mail::MailServer;
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, fresh_name};
use crate::support::webhook::Webhook;

/// Names that say something of their own in some dialect. MySQL takes no name that ends in a blank or has a character
/// beyond three bytes.
const NASTY: [&str; 9] =
    ["a`b", "a\"b", "a'b", "a;drop table t", "a\nb", "a-- b", "a/*b*/", "a\\b", "日本.é"];

fn quoted(name: &str, quote: char) -> String {
    format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
}

fn yaml(text: &str) -> String {
    Value::from(text).to_string()
}

/// A table whose name and columns are nasty, with one row.
fn definition(table: &str, quote: char) -> [String; 2] {
    let columns: Vec<String> =
        NASTY.iter().map(|name| format!("{} varchar(20)", quoted(name, quote))).collect();
    let values: Vec<String> = (0..NASTY.len()).map(|at| format!("'v{at}'")).collect();
    let table = quoted(table, quote);
    [
        format!("create table {table} ({})", columns.join(", ")),
        format!("insert into {table} values ({})", values.join(", ")),
    ]
}

fn expected() -> Vec<String> {
    (0..NASTY.len()).map(|at| format!("v{at}")).collect()
}

#[test]
fn nasty_names_of_tables_and_columns_are_copied_from_and_to_every_database() {
    let (Some(server), Some(postgres)) = (servers::mariadb(), postgres_database()) else { return };
    let database = server.fresh_database();
    let sandbox = Sandbox::new();
    for table in NASTY {
        database.run(definition(table, '`'));
        postgres.run(&definition(table, '"').join(";"));
    }
    let mysql = format!(
        "host: {}, port: {}, user: {}, password: '{}', database: {}",
        server.host, server.port, server.user, server.password, database.name
    );
    let pg = format!(
        "host: {}, port: {}, user: {}, password: '', database: {}",
        postgres.host, postgres.port, postgres.user, postgres.name
    );
    for (at, table) in NASTY.iter().enumerate() {
        let copy = format!("{table} copy");
        for (input, output) in [
            ("mysql", "mysql"),
            ("mysql", "postgresql"),
            ("postgresql", "mysql"),
            ("postgresql", "postgresql"),
        ] {
            let of = |kind: &str| if kind == "mysql" { &mysql } else { &pg };
            let target = format!("{copy} {input}");
            sandbox.write(
                "copy.yml",
                &format!(
                    "in: {{type: {input}, {}, table: {}}}\nout: {{type: {output}, {}, table: {}, mode: replace}}\n",
                    of(input),
                    yaml(table),
                    of(output),
                    yaml(&target)
                ),
            );
            sandbox.run(["embulk", "run", "copy.yml"]).expect_code(0);
            let rows = if output == "mysql" {
                let rows = database.rows(&format!("select * from {}", quoted(&target, '`')));
                rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join("|")).collect()
            } else {
                postgres.rows(&format!("select * from {}", quoted(&target, '"')))
            };
            assert_eq!(rows, [expected().join("|")], "{table:?}: {input} to {output}");
        }
        for format in ["csv", "jsonl", "parquet"] {
            sandbox.write(
                "file.yml",
                &format!(
                    "in: {{type: mysql, {mysql}, table: {}}}\n\
                     out: {{type: file, path_prefix: f{at}, file_ext: {format}, formatter: {{type: {format}}}}}\n",
                    yaml(table)
                ),
            );
            sandbox.run(["embulk", "run", "file.yml"]).expect_code(0);
        }
        let line: Value =
            serde_json::from_str(sandbox.read(&format!("f{at}000.00.jsonl")).trim()).expect("JSON");
        let names: Vec<&str> = line.as_object().expect("a row").keys().map(String::as_str).collect();
        assert_eq!(names, NASTY);
    }
    // The tables that the names speak of were not touched.
    assert_eq!(postgres.rows("select count(*) from pg_tables where schemaname = 'public'").len(), 1);
}

#[test]
pub fn names_that_no_database_takes_are_refused_and_nothing_is_cut() {
    let (Some(server), Some(postgres)) = (servers::mariadb(), postgres_database()) else { return };
    let database = server.fresh_database();
    let sandbox = Sandbox::new().file("data", "a\n");
    let run = |out: &str, column: &str| {
        sandbox.write(
            "copy.yml",
            &format!(
                "in: {{type: file, path_prefix: data, parser: {{type: csv, columns: [{{name: {}, type: string}}]}}}}\nout: {{{out}, mode: insert}}\n",
                yaml(column)
            ),
        );
        sandbox.run(["embulk", "run", "copy.yml"]).expect_code(1).stderr
    };
    let mysql = |table: &str| {
        format!(
            "type: mysql, host: {}, port: {}, user: {}, password: '{}', database: {}, table: {}",
            server.host,
            server.port,
            server.user,
            server.password,
            database.name,
            yaml(table)
        )
    };
    let pg = |table: &str| {
        format!(
            "type: postgresql, host: {}, port: {}, user: {}, password: '', database: {}, table: {}",
            postgres.host,
            postgres.port,
            postgres.user,
            postgres.name,
            yaml(table)
        )
    };
    let long = "x".repeat(65);
    for (name, column) in [("a\0b", "a"), (long.as_str(), "a"), ("t", "a\0b"), ("t", long.as_str())] {
        for out in [mysql(name), pg(name)] {
            let said = run(&out, column);
            assert!(said.contains("Error: ") && !said.contains("panicked"), "{name:?} {column:?}: {said}");
        }
    }
    assert!(database.rows("show tables like 'x%'").is_empty());
    assert!(postgres.rows("select tablename from pg_tables where tablename like 'x%'").is_empty());
}

#[test]
fn names_of_objects_that_no_store_takes_are_refused_before_anything_is_asked() {
    let Some(aws) = servers::aws() else { return };
    let prefix = fresh_name("names");
    let mut sandbox = Sandbox::new().file("data", "a\n");
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    let long = "k".repeat(1024);
    for (name, reason) in [
        (format!("{prefix}/a\0b"), "holds a line end or NUL"),
        (format!("{prefix}/a\nb"), "holds a line end or NUL"),
        (format!("{prefix}/{long}"), "is longer than 1,024 bytes"),
    ] {
        for kind in ["s3", "gcs"] {
            sandbox.write(
                "copy.yml",
                &format!(
                    "in: {{type: file, path_prefix: data, parser: {{type: csv, columns: [{{name: a, type: string}}]}}}}\n\
                     out: {{type: {kind}, bucket: {}, path_prefix: {}, file_ext: csv, formatter: {{type: csv}}}}\n",
                    aws.bucket,
                    yaml(&name)
                ),
            );
            sandbox.set("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9");
            let said = sandbox.run(["embulk", "run", "copy.yml"]).expect_code(1).stderr;
            assert!(
                said.contains(&format!("the name of an object of `path_prefix` {reason}")),
                "{kind}: {said}"
            );
        }
        sandbox
            .write("main.dig", &format!("+put:\n  s3_put>: {}\n", yaml(&format!("{}/{name}", aws.bucket))));
        let said = sandbox.run(["run", "main.dig"]).expect_code(1).stderr;
        assert!(said.contains(&format!("the name of the object of `s3_put>` {reason}")), "{said}");
    }
}

/// What `..` means to a file system it means to no store: the object lies where its whole name says.
#[test]
fn dots_in_names_of_objects_are_dots() {
    let Some(aws) = servers::aws() else { return };
    let prefix = fresh_name("names");
    let mut sandbox = Sandbox::new();
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    let names = ["../../up", "a/../b", "`'\";--", "日本 é+%2F?#&"];
    for name in names {
        sandbox.write(
            "main.dig",
            &format!(
                "+put:\n  s3_put>: {}\n  content: x\n",
                yaml(&format!("{}/{prefix}/{name}", aws.bucket))
            ),
        );
        sandbox.run(["run", "main.dig", "--rerun"]).expect_code(0);
    }
    let mut found: Vec<String> = crate::support::s3::objects(&aws, &prefix).into_keys().collect();
    let mut expected = names.map(|name| format!("{prefix}/{name}"));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// Items of loops come from data and become names of tasks: these are names of files too.
#[test]
fn logs_of_tasks_stay_in_their_folder() {
    let items = ["../../../x", "/etc/x", "a\nb", "\u{0}", "`$(id)`;", "日本🔑", "."];
    let list: Vec<String> = items.iter().map(|item| yaml(item)).collect();
    let sandbox = Sandbox::new().file(
        "main.dig",
        &format!(
            "+t:\n  for_each>: {{item: [{}]}}\n  _do:\n    echo>: \"it is ${{task_name}}\"\n",
            list.join(", ")
        ),
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout.lines().count(), items.len(), "{}", said.stdout);
    let logs = std::fs::read_dir(sandbox.path().join(".sync/logs/1/1")).expect("a folder");
    let logs: Vec<_> =
        logs.map(|entry| entry.expect("a file").file_name().into_string().expect("text")).collect();
    assert_eq!(logs.iter().filter(|name| name.ends_with(".log")).count(), items.len(), "{logs:?}");
    for task in said.stdout.lines().filter_map(|line| line.strip_prefix("it is ")) {
        let log = sandbox.run(["log", task]).expect_code(0).stdout;
        assert!(log.contains(&format!("it is {task}")), "{task}: {log}");
    }
    for name in ["../../etc/passwd", "/etc/passwd", "+main/../../x", "a\nb"] {
        let said = sandbox.run(["log", name]);
        assert!(said.code != Some(0) && said.stdout.is_empty(), "{name}: {said:?}");
    }
    let inside: Vec<_> = std::fs::read_dir(sandbox.path())
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(inside.len(), 2, "{inside:?}");
}

const LOUD: &str = "<!channel> & <https://evil.example|click> <b>x</b>\r\nBcc: other@example.com";

#[test]
pub fn what_went_wrong_rings_nobody_in_slack() {
    let webhook = Webhook::start();
    let sandbox = Sandbox::new()
        .file("told.yml", "text: ${JSON.stringify(\"<!here> \" + error.message)}\n")
        .file(
            "main.dig",
            &format!(
                "+t:\n  fail>: {}\n_error:\n  +file:\n    slack>: told.yml\n    webhook_url: {url}\n  +here:\n    \
                 slack>: {{data: \"text: ${{JSON.stringify(error.message)}}\"}}\n    webhook_url: {url}\n",
                yaml(LOUD),
                url = webhook.url("/x")
            ),
        );
    sandbox.run(["run", "main.dig"]).expect_code(1);
    let texts: Vec<String> = webhook
        .received()
        .iter()
        .map(|request| {
            let (_, value) = form_urlencoded::parse(request.body.as_bytes()).next().expect("a field");
            let payload: Value = serde_json::from_str(&value).expect("JSON");
            payload["text"].as_str().expect("a text").to_owned()
        })
        .collect();
    assert_eq!(texts.len(), 2);
    for text in &texts {
        let own = text.replace("<!here>", "");
        assert!(
            !own.contains(['<', '>']) && own.contains("&lt;!channel&gt; &amp; &lt;https://evil"),
            "{text}"
        );
    }
    // What the template says itself is meant.
    assert!(texts[0].starts_with("<!here> ") || texts[1].starts_with("<!here> "), "{texts:?}");
}

#[test]
pub fn what_went_wrong_is_no_html_and_no_header_in_a_mail() {
    let Some(mut server) = MailServer::start("plain", None) else { return };
    let task = |html: bool| {
        format!(
            "    mail>: {{data: \"<p>${{error.message}}</p>\"}}\n    subject: \"failed: ${{error.message}}\"\n    html: {html}\n    \
             to: you@example.com\n    from: me@example.com\n    host: localhost\n    port: {}\n    tls: false\n",
            server.port
        )
    };
    let flow =
        format!("+t:\n  fail>: {}\n_error:\n  +html:\n{}  +text:\n{}", yaml(LOUD), task(true), task(false));
    let sandbox = Sandbox::new().file("main.dig", &flow);
    sandbox.run(["run", "main.dig"]).expect_code(1);
    let (html, text) = (server.next(), server.next());
    let body = |mail: &Value| mail["parts"][0]["text"].as_str().expect("a text").to_owned();
    assert!(body(&html).starts_with("<p>&lt;!channel&gt; &amp; &lt;https://evil"), "{}", body(&html));
    assert!(!body(&html).contains("<b>"), "{}", body(&html));
    assert!(body(&text).contains("<b>x</b>"), "{}", body(&text));
    for mail in [&html, &text] {
        assert_eq!(mail["to"], serde_json::json!(["you@example.com"]));
        assert!(mail["headers"]["Bcc"].is_null(), "{mail}");
        assert!(
            mail["headers"]["Subject"].as_str().is_some_and(|text| text.contains("Bcc: other")),
            "{mail}"
        );
    }
}
