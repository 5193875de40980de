//! Values that are dropped or hashed, looked for wherever a run leaves something.

use serde_json::{Value, json};

use super::{CSV, KEY, PERSONAL, assert_clean, assert_clean_everywhere, header, mysql};
use crate::support::google::FakeGoogle;
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{MySqlDatabase, mysql_sources};

const POLICY: &str = "\
rules:
  - set: email
    action: hmac
    key: ${secret:policy.key}
    reason: joins across tables
  - set: phone
    action: mask
    keep_last: 2
  - set: personal
    action: drop
  - table: users
    column: [id, created_at, note, born]
    action: keep
";

fn users(database: &MySqlDatabase) {
    database.run([
        "create table users (id int primary key, email varchar(60), phone varchar(20), birthday date, note text, \
         created_at datetime)"
            .to_owned(),
        format!(
            "insert into users values (1, '{}', '{}', '1990-04-05', 'a', '2024-02-29 12:34:56'), \
             (2, '{}', '{}', null, null, null), (3, null, null, null, '', null)",
            PERSONAL[0], PERSONAL[2], PERSONAL[1], PERSONAL[3]
        ),
    ]);
}

fn hmac(value: &str) -> String {
    use aws_lc_rs::hmac;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), value.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last event of a kind among those of `--json`.
fn event(stdout: &str, name: &str) -> Value {
    let mut events = stdout.lines().rev().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.find(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name} in {stdout}"))
}

#[test]
fn a_new_column_is_not_copied_and_is_listed_wherever_the_run_is_told() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        users(&database);
        let mut sandbox = Sandbox::new()
            .file("policy.yml", POLICY)
            .file("users.yml", &(mysql(&database, "table: users") + CSV))
            .file("flow.dig", "+copy:\n  sh>: embulk run users.yml\n");
        sandbox.set("SYNC_SECRET_POLICY_KEY", KEY);
        sandbox.run(["run", "flow.dig"]).expect_code(0);
        assert_eq!(header(&sandbox), "id,email,phone,note,created_at");

        database.run([
            "alter table users add email2 varchar(60), add nationality_note varchar(60), add extra varchar(60)".to_owned(),
            format!("update users set email2 = '{0}', nationality_note = '{0}', extra = '{0}'", PERSONAL[4]),
        ]);
        let said = sandbox.run(["run", "flow.dig"]).expect_code(0);
        assert_eq!(
            sandbox.read("out000.00.csv"),
            format!(
                "id,email,phone,note,created_at,email2\n1,{},********01,a,2024-02-29 12:34:56.000000 +0000,{e}\n\
                 2,{},********32,,,{e}\n3,,,\"\",,{e}\n",
                hmac(PERSONAL[0]),
                hmac(PERSONAL[1]),
                e = hmac(PERSONAL[4])
            )
        );
        let name = &database.name;
        for line in [
            format!("warning: mysql {name}.users: not copied, new to the policy: `extra` (no rule names it)"),
            format!(
                "mysql {name}.users: not copied, as the policy says: `birthday` (policy.yml:9), `nationality_note` \
                 (policy.yml:9)"
            ),
            format!(
                "mysql {name}.users: changed, as the policy says: `email` (hmac by policy.yml:2), `phone` (mask by \
                 policy.yml:6), `email2` (hmac by policy.yml:2)"
            ),
        ] {
            assert!(said.stderr.contains(&line), "{line}\nis not in\n{}", said.stderr);
        }
        assert_clean_everywhere(&sandbox, &said);
        let log = sandbox.run(["log", "--session", "last"]).expect_code(0).stdout;
        assert!(log.contains("not copied, new to the policy: `extra` (no rule names it)"), "{log}");
        assert_clean("the log", log.as_bytes());

        let said = sandbox.run(["run", "--json", "flow.dig"]).expect_code(0);
        let report = &event(&said.stdout, "transfer_finished")["report"];
        let column = |column: &str, kind: &str, action: &str, rule: Value, reason: Value| {
            json!({
                "column": column, "source": format!("{name}.users.{column}"), "type": kind, "action": action,
                "rule": rule, "reason": reason,
            })
        };
        let joins = json!("joins across tables");
        let told = json!([
            column("email", "VARCHAR(60)", "hmac", json!("policy.yml:2"), joins.clone()),
            column("phone", "VARCHAR(20)", "mask", json!("policy.yml:6"), Value::Null),
            column("birthday", "DATE", "drop", json!("policy.yml:9"), Value::Null),
            column("email2", "VARCHAR(60)", "hmac", json!("policy.yml:2"), joins),
            column("nationality_note", "VARCHAR(60)", "drop", json!("policy.yml:9"), Value::Null),
            column("extra", "VARCHAR(60)", "drop", Value::Null, Value::Null),
        ]);
        assert_eq!(report["policy"], told);
        let changes = report["changes"].as_array().unwrap();
        let email = json!({"column": "email", "what": "values were hashed by policy.yml:2", "count": 2});
        assert!(changes.contains(&email), "{changes:?}");
        assert_clean_everywhere(&sandbox, &said);
        let status = sandbox.run(["status", "--session", "last", "--json"]).expect_code(0);
        let status_json: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(status_json["transfers"][0]["report"]["policy"], told);
    }
}

#[test]
fn types_of_the_target_follow_and_no_object_has_a_value() {
    let Some(google) = FakeGoogle::start() else { return };
    let dataset = google.bigquery().fresh_dataset();
    let Some(database) = postgres_database() else { return };
    database.run(&format!(
        "create table users (id int primary key, email text, phone varchar(20), birthday date, salary numeric(10, 2), \
         seen timestamp, at timestamptz, ip inet); \
         insert into users values (1, '{}', '{}', '1990-04-05', 123.40, '2024-02-29 12:34:56', '2024-02-29 12:34:56+00', \
         '10.0.0.1'), (2, null, null, null, null, null, null, null)",
        PERSONAL[0], PERSONAL[2]
    ));
    let mut sandbox = Sandbox::new()
        .file(
            "policy.yml",
            "rules:\n- {column: email, action: drop}\n- {column: phone, action: hash}\n- {column: birthday, action: truncate, \
             unit: year}\n- {column: salary, action: hash}\n- {column: seen, action: truncate, unit: month}\n\
             - {column: at, action: 'null'}\n- {type: inet, action: mask, length: 3}\n- {column: id, action: keep}\n",
        )
        .file(
            "users.yml",
            &format!(
                "in: {{type: postgresql, host: {}, port: {}, user: {}, database: {}, table: users}}\n\
                 out:\n  type: bigquery\n  mode: replace\n  auth_method: application_default\n  project: {}\n  dataset: {dataset}\n  \
                 table: users\n  gcs_bucket: {}\n  types: exact\n  source_format: NEWLINE_DELIMITED_JSON\n",
                database.host,
                database.port,
                database.user,
                database.name,
                google.bigquery().project,
                FakeGoogle::BUCKET
            ),
        )
        .file("flow.dig", "+copy:\n  embulk>: users.yml\n");
    for (name, value) in google.environment() {
        sandbox.set(name, value);
    }
    let said = sandbox.run(["run", "flow.dig"]).expect_code(0);
    let columns = google.bigquery().columns(&dataset, "users");
    let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    assert_eq!(
        columns,
        [
            "id INTEGER",
            "phone STRING",
            "birthday DATE",
            "salary STRING",
            "seen DATETIME",
            "at TIMESTAMP",
            "ip STRING"
        ]
    );
    let rows = google.bigquery().rows(&dataset, "users");
    let row: Vec<&str> = rows[0].iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
    assert_eq!((row[0], row[2], row[5], row[6]), ("1", "1990-01-01", "-", "***"));
    assert!(row[4].starts_with("2024-02-01T00:00:00"), "{}", row[4]);
    assert_eq!((row[1].len(), row[3].len()), (64, 64));
    assert!(rows[1][1..].iter().all(Option::is_none), "{:?}", rows[1]);
    let calls = std::fs::read(google.log()).unwrap();
    assert!(!calls.is_empty());
    assert_clean("the calls of BigQuery", &calls);
    for name in google.objects() {
        assert_clean(&name, &google.object(&name));
    }
    assert_clean_everywhere(&sandbox, &said);
}

/// What cannot be read or sent is told without it.
#[test]
fn an_error_shows_no_value() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        users(&database);
        let mut sandbox = Sandbox::new()
            .file("policy.yml", POLICY)
            .file(
                "users.yml",
                &(mysql(&database, "table: users")
                    + "filters:\n  - {type: typecast, columns: [{name: email, type: long}], stop_on_invalid_record: true}\n"
                    + CSV),
            )
            .file("flow.dig", "+copy:\n  sh>: embulk run users.yml\n");
        sandbox.set("SYNC_SECRET_POLICY_KEY", KEY);
        let said = sandbox.run(["run", "flow.dig"]).expect_code(1);
        assert!(said.stderr.contains("filter `typecast`, column `email`, row 1"), "{}", said.stderr);
        assert_clean_everywhere(&sandbox, &said);
    }
}

/// What was copied under other rules is not taken for done.
#[test]
fn a_retry_under_another_policy_copies_again() {
    let Some(google) = FakeGoogle::start() else { return };
    let dataset = google.bigquery().fresh_dataset();
    let mut sandbox = Sandbox::new()
        .file("policy.yml", "rules: [{column: [id, note], action: keep}]\n")
        .file(
            "a.yml",
            &format!(
                "in: {{type: sqlite, database: shop.db, table: t}}\nout: {{type: bigquery, mode: replace, auth_method: \
                 application_default, project: {}, dataset: {dataset}, table: t, source_format: NEWLINE_DELIMITED_JSON, \
                 gcs_bucket: {}}}\n",
                google.bigquery().project,
                FakeGoogle::BUCKET
            ),
        )
        .file("flow.dig", "+copy:\n  sh>: embulk run a.yml && test -e flag\n");
    for (name, value) in google.environment() {
        sandbox.set(name, value);
    }
    let connection = rusqlite::Connection::open(sandbox.path().join("shop.db")).unwrap();
    connection.execute_batch("create table t (id int, note text); insert into t values (1, 'a')").unwrap();
    let columns = || {
        let columns = google.bigquery().columns(&dataset, "t");
        columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    sandbox.run(["run", "flow.dig"]).expect_code(1);
    assert_eq!(columns(), ["id", "note"]);
    let jobs = || google.calls_to("POST", "/jobs").len();
    let before = jobs();
    // Under the same policy nothing that was done is redone.
    sandbox.run(["retry", "--session", "last"]).expect_code(1);
    assert_eq!(jobs(), before);
    sandbox.write("flag", "");
    sandbox.write("policy.yml", "rules: [{column: id, action: keep}]\n");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(columns(), ["id"]);
    assert!(jobs() > before);
}

/// Options of columns that are not copied are no mistake.
#[test]
fn options_of_columns_that_are_kept_back_mean_nothing() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        users(&database);
        let sandbox = Sandbox::new().file("policy.yml", "rules: [{column: id, action: keep}]\n").file(
            "a.yml",
            &(mysql(
                &database,
                "table: users\n  column_options: {email: {value_type: string}, nope: {value_type: string}}",
            ) + CSV),
        );
        let said = sandbox.run(["embulk", "run", "-l", "warn", "a.yml"]).expect_code(0);
        let note = "`column_options` of `in:` has an entry for a column that does not exist: `nope`";
        assert!(said.stdout.contains(note), "{}", said.stdout);
    }
}
