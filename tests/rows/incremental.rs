//! `incremental: true` with `embulk run -c`: each run begins behind the last record of the one before.

use std::process::Stdio;

use serde_json::json;

use crate::support::google::FakeGoogle;
use crate::support::postgres::postgres_database;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::mysql_sources;

const OUT: &str = "out: {type: file, path_prefix: out, file_ext: csv, formatter: {type: csv, newline: LF}}\n";

/// A folder with one config.
struct Runs {
    sandbox: Sandbox,
}

impl Runs {
    fn new(input: &str) -> Self {
        Self { sandbox: Sandbox::new().file("x.yml", &format!("in:\n{input}{OUT}")) }
    }

    fn run(&self, code: i32) -> Said {
        self.sandbox.run(["embulk", "run", "x.yml", "-c", "d.yml"]).expect_code(code)
    }

    /// The rows of a run, without the header, and the diff behind them.
    fn rows(&self) -> (Vec<String>, String) {
        self.run(0);
        let text = self.sandbox.read("out000.00.csv");
        let rows = text.lines().skip(1).map(|line| line.split(',').next().unwrap_or_default().to_owned());
        (rows.collect(), self.sandbox.read("d.yml"))
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_table_of_mysql_is_read_from_where_the_last_run_ended() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table t (id int, at timestamp(6) null, name varchar(20), primary key (id, name))",
            "insert into t values (1, '2015-06-04 12:34:56.000001', 'it''s'), (2, '2015-06-04 12:34:56', 'b\\\\')",
        ]);
        let server = &database.server;
        let input = |more: &str| {
            format!(
                "  type: mysql\n  host: {}\n  port: {}\n  user: {}\n  password: '{}'\n  database: {}\n  table: t\n  \
                 incremental: true\n{more}",
                server.host, server.port, server.user, server.password, database.name
            )
        };
        let runs = Runs::new(&input(""));
        let first = runs.run(0);
        let told = "Using primary keys as incremental_columns: [id, name]";
        assert!(first.stdout.contains(told), "{}", first.stdout);
        let next = "Next config diff: {\"in\":{\"last_record\":[2,\"b\\\\\"]},\"out\":{}}";
        assert!(first.stdout.contains(next), "{}", first.stdout);
        database.run(["insert into t values (2, now(), 'c'), (3, now(), 'a'), (2, now(), 'a')"]);
        let (rows, diff) = runs.rows();
        assert_eq!((rows, diff.as_str()), (owned(&["2", "3"]), "in: {\"last_record\":[3,\"a\"]}\nout: {}\n"));
        assert_eq!(runs.rows(), (Vec::new(), diff), "nothing new leaves the record as it was");

        let runs = Runs::new(&input(
            "  incremental_columns: [at]\n  where: id < 3 or id is null\n  options: {serverTimezone: Asia/Tokyo}\n",
        ));
        database.run(["update t set at = '2015-06-05' where name in ('c', 'a')"]);
        assert_eq!(runs.rows().0.len(), 4);
        assert_eq!(runs.rows().0, Vec::<String>::new());
        database
            .run(["insert into t values (9, '2015-06-05 00:00:01', 'x'), (1, '2015-06-05 00:00:00.5', 'y')"]);
        assert_eq!(runs.rows().0, ["1"]);

        let runs = Runs::new(&input("  incremental_columns: [name]\n  select: id\n"));
        let told = runs.run(1).stderr;
        let message = "Error: `incremental_columns` names column `name`, which the rows do not have\n";
        assert!(told.starts_with(message), "{told}");
        database.run(["create table u (id int)"]);
        let runs = Runs::new(&input("").replace("table: t", "table: u"));
        let told = runs.run(1).stderr;
        let message = "Error: table `u` has no primary key\n  hint: name the columns to read by in `incremental_columns`\n";
        assert_eq!(told, message);
    }
}

#[test]
fn a_table_and_a_query_of_postgresql_are_read_from_where_the_last_run_ended() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table t (id bigint, at timestamptz, word text, primary key (word, id)); \
         insert into t values (1, '2015-06-04 12:34:56.000001+09', 'it''s'), (2, '2015-06-04 12:34:56Z', 'b\\')",
    );
    let input = |more: &str| {
        format!(
            "  type: postgresql\n  host: {}\n  port: {}\n  user: {}\n  database: {}\n  incremental: true\n{more}",
            database.host, database.port, database.user, database.name
        )
    };
    let runs = Runs::new(&input("  table: t\n"));
    assert_eq!(runs.rows(), (owned(&["2", "1"]), "in: {\"last_record\":[\"it's\",1]}\nout: {}\n".to_owned()));
    database.run("insert into t values (5, now(), 'j'), (0, now(), 'it''s'), (9, now(), 'a')");
    assert_eq!(runs.rows().0, ["5"]);

    let query = "  query: select id, at from t where at > :at and :x::text is null order by at\n  \
                 use_raw_query_with_incremental: true\n  incremental_columns: [at]\n  last_record: ['2015-01-01']\n";
    let runs = Runs::new(&input(&query.replace(" and :x::text is null", "")));
    let (rows, _) = runs.rows();
    assert_eq!(rows[..2], ["1", "2"]);
    assert_eq!(runs.rows().0, Vec::<String>::new());

    database.run("create table n (id int, at timestamp); insert into n values (1, '2020-01-01'), (2, null)");
    let runs = Runs::new(&input("  table: n\n  incremental_columns: [at]\n"));
    let said = runs.run(0).stdout;
    let note = "incremental column `at` is NULL in the last row, so `last_record` stays as it was";
    assert!(said.contains(note), "{said}");
    assert_eq!(runs.sandbox.read("d.yml"), "in: {}\nout: {}\n");
    let runs = Runs::new(&input("  table: t\n  last_record: [1]\n"));
    assert_eq!(
        runs.run(1).stderr,
        "Error: `last_record` must have a value for each incremental column: word, id\n"
    );
}

#[test]
fn the_file_of_a_diff_is_asked_for_before_anything_runs() {
    let input = "  type: sqlite\n  database: x.db\n  table: t\n";
    let runs = Runs::new(input);
    rusqlite::Connection::open(runs.sandbox.path().join("x.db"))
        .and_then(|database| database.execute_batch("create table t (id integer)"))
        .expect("a table");
    let said = |diff: &str, code| runs.sandbox.run(["embulk", "run", "x.yml", "-c", diff]).expect_code(code);
    assert_eq!(said("state.json", 0).stderr, "");
    assert_eq!(runs.sandbox.read("state.json"), "in: {}\nout: {}\n");
    let told = said("state.json", 1).stderr;
    assert!(told.contains("`") && told.contains("state.json` is not a transfer file"), "{told}");
    let told = said("no/such/d.yml", 1).stderr;
    let path = runs.sandbox.path().join("no/such/d.yml").display().to_string();
    assert_eq!(
        told,
        format!("Error: Not writable: {path}\n  cause: No such file or directory (os error 2)\n")
    );
    // A task's command takes one, too.
    runs.sandbox.write("main.dig", "+a:\n  sh>: embulk run x.yml -c task.yml\n");
    runs.sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(runs.sandbox.read("task.yml"), "in: {}\nout: {}\n");
}

#[test]
fn the_diff_of_a_run_that_was_killed_once_its_rows_were_there_is_not_lost() {
    let (Some(fake), Some(database)) = (FakeGoogle::start(), postgres_database()) else { return };
    database.run("create table t (id int primary key); insert into t values (1), (2)");
    let dataset = fake.bigquery().fresh_dataset();
    let config = format!(
        "in:\n  {{type: postgresql, host: {}, port: {}, user: {}, database: {}, table: t, incremental: true}}\n\
         out: {{type: bigquery, mode: append, project: {}, dataset: {dataset}, table: t, gcs_bucket: {},\n  \
         source_format: NEWLINE_DELIMITED_JSON}}\n",
        database.host,
        database.port,
        database.user,
        database.name,
        fake.bigquery().project,
        FakeGoogle::BUCKET
    );
    let flow = "+a:\n  sh>: embulk run x.yml -c d.yml\n";
    let mut sandbox = Sandbox::new().file("x.yml", &config).file("main.dig", flow);
    for (name, value) in fake.environment() {
        sandbox.set(name, value);
    }
    fake.rule(&json!({"id": "here", "method": "DELETE", "path": "/o/", "action": "hold"}));
    let mut run = sandbox.command(["run", "main.dig"]).stdout(Stdio::null()).spawn().expect("it starts");
    fake.await_rule("here", 1);
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    fake.drop_held("here");
    fake.forget_rules();
    assert_eq!(sandbox.read("d.yml"), "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(sandbox.read("d.yml"), "in: {\"last_record\":[2]}\nout: {}\n");
    database.run("insert into t values (3)");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    let mut ids: Vec<_> =
        fake.bigquery().rows(&dataset, "t").into_iter().filter_map(|row| row[0].clone()).collect();
    ids.sort();
    assert_eq!(ids, ["1", "2", "3"]);
}
