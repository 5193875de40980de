//! `--connect`: what servers say is a problem at the end of the transfer that it belongs to; nothing is changed there.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{columns, sqlite, text};
use crate::support::google::FakeGoogle;
use crate::support::postgres::postgres_database;
use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{self, MySqlDatabase, fresh_name};

const FILE: &str = "{type: file, path_prefix: out, file_ext: csv, formatter: {type: csv}}";

/// A transfer from MySQL.
fn mysql(database: &MySqlDatabase, password: &str, more: &str, out: &str) -> Sandbox {
    let server = &database.server;
    let mut sandbox = Sandbox::new().file(
        "a.yml.liquid",
        &format!(
            "in:\n  type: mysql\n  host: {}\n  port: {}\n  user: {}\n  password: {{{{ env.PW }}}}\n  database: {}\n  {more}\n\
             out: {out}\n",
            server.host, server.port, server.user, database.name
        ),
    );
    sandbox.set("PW", password);
    sandbox
}

fn connect(sandbox: &Sandbox, code: i32) -> Said {
    sandbox.run(["check", "--connect", "a.yml.liquid"]).expect_code(code)
}

/// The first lines of the problems.
fn problems(said: &Said) -> Vec<String> {
    let heads = ["error: ", "warning: ", "note: "];
    let is_head = |line: &&str| heads.iter().any(|head| line.starts_with(head));
    said.stdout.lines().filter(is_head).map(str::to_owned).collect()
}

#[test]
fn a_wrong_password_is_a_problem_of_the_source() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let said = connect(&mysql(&database, "wrong-one", "table: t", FILE), 65);
    let error = format!(
        "error: cannot connect to MySQL at `{0}:{1}`: Access denied for user '{2}'@'{0}' (using password: YES) (MySQL error 1045)
 --> a.yml.liquid:2:9
  |
2 |   type: mysql
  |         ^^^^^
  = hint: check user and password or key
",
        server.host, server.port, server.user
    );
    assert_eq!(said.stdout, error);
    assert_eq!(said.stderr, "checked 1 file: 1 error\n");
}

#[test]
fn a_table_that_is_not_there_and_a_column_that_is_refused() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table t (id int, raw blob)", "insert into t values (1, 'x')"]);
    let name = &database.name;
    for (more, expected) in [
        (
            "table: nope",
            format!(
                "error: table `nope` could not be read: Table '{name}.nope' doesn't exist (MySQL error 1146)"
            ),
        ),
        ("table: t", "error: unsupported type BLOB of column `raw`".to_owned()),
        ("query: select id from t where", "error: the query could not be read: ".to_owned()),
        ("{before_setup: create table made (id int), table: made}", String::new()),
    ] {
        let more = more.trim_matches(['{', '}']).replace(", ", "\n  ");
        let said = connect(&mysql(&database, &server.password, &more, FILE), 65);
        assert!(said.stdout.starts_with(&expected), "{}", said.stdout);
        if more.contains("before_setup") {
            let hint = "= hint: `before_setup` and `before_select` of the config were not run for the check";
            assert!(said.stdout.contains(hint), "{}", said.stdout);
            assert_eq!(database.rows("show tables like 'made'"), Vec::<Vec<Option<String>>>::new());
        }
    }
    let said = connect(&mysql(&database, &server.password, "table: t\n  select: id", FILE), 0);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", "checked 1 file: no problems\n"));
}

/// A server that accepts and never says a word.
fn silent() -> (TcpListener, Sandbox) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sandbox = Sandbox::new().file(
        "a.yml.liquid",
        &format!("in:\n  type: mysql\n  host: 127.0.0.1\n  port: {port}\n  user: u\n  database: d\n  table: t\nout: {FILE}\n"),
    );
    (listener, sandbox)
}

#[test]
fn who_does_not_answer_in_time_may_answer_later() {
    let (_listener, sandbox) = silent();
    let said = sandbox.run(["check", "--connect", "--timeout", "1", "a.yml.liquid"]).expect_code(75);
    assert_eq!(
        said.stdout,
        "\
error: no answer within 1 second
 --> a.yml.liquid:2:9
  |
2 |   type: mysql
  |         ^^^^^
  = hint: check host, port and network, or give it more time with `--timeout`
"
    );
}

#[test]
fn an_address_where_nobody_is_may_answer_later() {
    let (listener, sandbox) = silent();
    drop(listener);
    let said = connect(&sandbox, 75);
    assert!(problems(&said)[0].starts_with("error: cannot connect to MySQL at `127.0.0.1:"), "{said:?}");
    // A problem that will not pass counts more.
    sandbox.write("b.yml", "in: {type: sqlite, database: nope.db, table: t}\nout: {type: file, path_prefix: x, file_ext: csv, formatter: {type: csv}}\n");
    let said = sandbox.run(["check", "--connect", "a.yml.liquid", "b.yml"]).expect_code(65);
    assert_eq!(problems(&said)[1], "error: there is no SQLite file `nope.db`");
}

#[test]
fn a_signal_ends_it_at_once() {
    let (listener, sandbox) = silent();
    let mut command = sandbox.command(["check", "--connect", "a.yml.liquid"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let held = listener.accept().unwrap();
    // As SIGINT would, which is ignored below a shell that runs the tests in the background.
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    drop(held);
}

fn bigquery(google: &FakeGoogle, more: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().file(
        "a.yml.liquid",
        &format!(
            "in: {{type: sqlite, database: shop.db, table: orders}}\nout:\n  type: bigquery\n  auth_method: application_default\n  \
             project: {}\n  table: orders\n  source_format: NEWLINE_DELIMITED_JSON\n  {more}\n",
            google.bigquery().project
        ),
    );
    for (name, value) in google.environment() {
        sandbox.set(name, value);
    }
    sqlite(&sandbox, "create table orders (id integer, amount decimal(10, 2))");
    sandbox
}

#[test]
fn bigquery_is_asked_for_dataset_table_and_bucket() {
    let Some(google) = FakeGoogle::start() else { return };
    let dataset = google.bigquery().fresh_dataset();
    let run = |more: &str| bigquery(&google, more).run(["embulk", "run", "a.yml.liquid"]);
    let asked = |more: &str, code| problems(&connect(&bigquery(&google, more), code));
    let there = format!("dataset: {dataset}\n  mode");
    assert_eq!(
        asked("dataset: nowhere\n  mode: append", 65),
        ["error: dataset `sync-test:nowhere` is not found"]
    );
    assert_eq!(
        asked("dataset: nowhere\n  mode: append\n  auto_create_dataset: true", 0),
        ["note: dataset `sync-test:nowhere` is made by the run"]
    );
    assert_eq!(
        asked(&format!("{there}: append\n  location: EU"), 65),
        [format!("error: dataset `sync-test:{dataset}` is in `US`, not in `EU`")]
    );
    assert_eq!(
        asked(&format!("{there}: append\n  gcs_bucket: no-such-bucket\n  auto_create_gcs_bucket: false"), 65),
        ["error: bucket `no-such-bucket` is not found"]
    );
    assert_eq!(
        asked(&format!("{there}: append_direct\n  auto_create_table: false"), 65),
        [format!("error: table `sync-test:{dataset}.orders` is not found")]
    );
    assert_eq!(asked(&format!("{there}: append"), 0), Vec::<String>::new());
    run(&format!("{there}: append")).expect_code(0);
    assert_eq!(
        asked(&format!("{there}: append\n  types: exact"), 65),
        [format!(
            "error: table `sync-test:{dataset}.orders` does not take the rows: `amount` is FLOAT there and NUMERIC in the rows"
        )]
    );
    let replaced = format!("{there}: replace\n  types: exact\n  time_partitioning: {{type: DAY}}");
    assert_eq!(
        asked(&replaced, 0),
        [
            format!(
                "warning: table `sync-test:{dataset}.orders` is partitioned otherwise: it is deleted just before its new rows come"
            ),
            format!("note: table `sync-test:{dataset}.orders` changes: `amount` becomes NUMERIC from FLOAT"),
        ]
    );
    assert_eq!(google.bigquery().tables(&dataset), ["orders"]);
    assert_eq!(google.objects(), Vec::<String>::new());
}

#[test]
fn a_permission_of_google_that_is_missing_is_a_problem_of_the_target() {
    let Some(google) = FakeGoogle::start() else { return };
    google.rule(&json!({
        "id": "denied", "method": "GET", "path": "/datasets/", "action": "status", "status": 403, "times": 0,
        "reason": "accessDenied", "message": "Permission bigquery.datasets.get denied",
    }));
    let said = connect(&bigquery(&google, "dataset: lake\n  mode: append"), 65);
    let first = &problems(&said)[0];
    assert!(first.starts_with("error: dataset `sync-test:lake` could not be read: "), "{first}");
    assert!(said.stdout.contains(" --> a.yml.liquid:3:9\n"), "{}", said.stdout);
    assert!(said.stdout.contains("= hint: grant the permission, then retry\n"), "{}", said.stdout);
}

#[test]
fn postgresql_is_asked_for_the_table_and_for_permissions() {
    let Some(database) = postgres_database() else { return };
    let guest = database.fresh_user(None);
    let asked = |user: &str, more: &str, code| {
        let out = format!(
            "{{type: postgresql, host: {}, port: {}, user: {user}, database: {}, {more}}}",
            database.host, database.port, database.name
        );
        let sandbox = Sandbox::new().file(
            "a.yml.liquid",
            &format!("in: {{type: sqlite, database: shop.db, table: orders}}\nout: {out}\n"),
        );
        sqlite(&sandbox, "create table orders (id integer, amount decimal(10, 2))");
        let said = sandbox
            .run(["check", "--connect", "--explain", "--format", "json", "a.yml.liquid"])
            .expect_code(code);
        let out: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        let found = out["problems"].as_array().unwrap().clone();
        let told = if code == 0 { columns(&said) } else { Vec::new() };
        let types: Vec<String> = told.iter().map(|column| text(column, "target_type").to_owned()).collect();
        (found.iter().map(|problem| text(problem, "message").to_owned()).collect::<Vec<_>>(), types)
    };
    let user = database.user.as_str();
    let insert = "table: orders, mode: insert";
    assert_eq!(asked(user, insert, 0), (vec![], vec!["BIGINT".to_owned(), "DOUBLE PRECISION".to_owned()]));
    database.run("create table orders (id integer, extra text, primary key (id))");
    assert_eq!(
        asked(user, insert, 0),
        (
            vec!["column `amount` is not in table `orders` and is left out, as under Embulk".to_owned()],
            vec!["integer".to_owned(), "-".to_owned()]
        )
    );
    let message = |user: &str, more: &str| asked(user, more, 65).0[0].clone();
    assert_eq!(message(&guest, insert), "the user may not insert into the table");
    assert_eq!(
        message(&guest, "table: other, mode: insert"),
        "the table is not there, and the user may not create it"
    );
    assert_eq!(message(user, "schema: nope, table: t, mode: insert"), "schema `nope` is not found");
    assert_eq!(
        message(user, "table: orders, mode: merge, merge_keys: [amount]"),
        "the rows have no column `amount`, which is in the key of the merge"
    );
    assert_eq!(database.rows("select count(*) from pg_class where relname like '%sync%'"), ["0"]);
}

#[test]
fn buckets_are_asked_for_what_lies_there() {
    let Some(aws) = servers::aws() else { return };
    let prefix = fresh_name("explain/orders");
    let asked = |bucket: &str, code| {
        let mut sandbox = Sandbox::new().file(
            "a.yml.liquid",
            &format!(
                "in: {{type: sqlite, database: shop.db, table: orders}}\nout:\n  type: s3\n  bucket: {bucket}\n  \
                 path_prefix: {prefix}\n  file_ext: .csv\n  formatter: {{type: csv}}\n"
            ),
        );
        for (name, value) in aws.environment() {
            sandbox.set(name, value);
        }
        sqlite(&sandbox, "create table orders (id integer)");
        problems(&connect(&sandbox, code))
    };
    assert_eq!(asked(&aws.bucket, 0), Vec::<String>::new());
    s3::put(&aws, &aws.bucket, &format!("{prefix}.000.01.csv"), &[]);
    let stale = &asked(&aws.bucket, 65)[0];
    assert!(stale.contains(&format!("{prefix}.000.01.csv")), "{stale}");
    let missing = &asked("no-such-bucket-here", 65)[0];
    assert!(missing.starts_with("error: bucket `no-such-bucket-here` could not be listed"), "{missing}");
    assert_eq!(s3::objects(&aws, &prefix).into_keys().collect::<Vec<_>>(), [format!("{prefix}.000.01.csv")]);
}

#[test]
fn a_folder_that_an_earlier_task_makes_is_a_warning() {
    let sandbox = Sandbox::new().file(
        "a.yml.liquid",
        "in: {type: sqlite, database: shop.db, table: orders}\n\
         out: {type: file, path_prefix: out/orders, file_ext: csv, formatter: {type: csv}}\n",
    );
    sqlite(&sandbox, "create table orders (id integer)");
    let said = connect(&sandbox, 0);
    assert!(problems(&said)[0].starts_with("warning: there is no folder `"), "{said:?}");
    sandbox.write("out/orders000.01.csv", "old");
    let said = connect(&sandbox, 65);
    assert!(problems(&said)[0].contains("orders000.01.csv"), "{said:?}");
}
