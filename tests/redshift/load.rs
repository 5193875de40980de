//! `redshift_load>`: COPY, once, with keys that nobody sees.

use serde_json::json;

use super::{failure, log, no_keys, put, with_keys};
use crate::support::redshift::redshift_database;
use crate::support::s3;
use crate::support::servers::{aws, fresh_name};

#[test]
pub(crate) fn a_file_is_loaded_with_the_options_of_the_task() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run("create schema raw; create table raw.t (id int, name varchar(5), at timestamp)");
    let key = put(&aws, "");
    s3::put_bytes(&aws, &aws.bucket, &key, b"name|id|at\nabcdefgh|1|2026-01-02 03:04:05\n-|2|\n".to_vec());
    let sandbox = with_keys(
        &database,
        &aws,
        &format!(
            "+load:\n  redshift_load>:\n  schema: raw\n  table: t\n  column_list: name, id, at\n  from: s3://{}/{key}\n  \
             csv: ''\n  delimiter: '|'\n  ignoreheader: 1\n  null_as: '-'\n  truncatecolumns: true\n  timeformat: auto\n  \
             compupdate: OFF\n  statupdate: ON\n  region: {}\n",
            aws.bucket, aws.region
        ),
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(
        database.rows("select id, name, at from raw.t order by id"),
        ["1|abcde|2026-01-02 03:04:05", "2|-|-"]
    );
    let log = log(&sandbox, "+main+load");
    let runs = format!(
        "runs `COPY \"t\" (\"name\", \"id\", \"at\") FROM 's3://{}/{key}' CREDENTIALS '…' REGION '…' CSV DELIMITER '…' ",
        aws.bucket
    );
    assert!(log.contains(&runs[..120]), "{log}");
    assert!(
        log.contains("Redshift says: Load into table 't' completed, 2 record(s) loaded successfully."),
        "{log}"
    );
    no_keys(&sandbox, &said, &aws);
}

#[test]
pub(crate) fn records_that_do_not_fit_are_told_by_file_line_and_column() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run("create table t (id int not null, name varchar(3))");
    let key = put(&aws, "1,abc\nsecret-number,x\n");
    let from = format!("s3://{}/{key}", aws.bucket);
    let tasks = format!("+load:\n  redshift_load>:\n  table: t\n  from: {from}\n  csv: ''\n");
    let sandbox = with_keys(&database, &aws, &tasks);
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(
        failure(&said),
        [
            "+main+load: COPY into table `t` failed".to_owned(),
            "cause: Load into table 't' failed.  Check 'stl_load_errors' system table for details. (Redshift error XX000)"
                .to_owned(),
            format!("cause: the statement is `COPY \"t\" FROM '{from}' CREDENTIALS '…' CSV`"),
            format!(
                "cause: {from} line 2, column `id` int4: Invalid digit, Value '…', Pos 0, Type: Integer (load error 1207)"
            ),
        ]
    );
    assert!(!said.stderr.contains("secret-number"));
    no_keys(&sandbox, &said, &aws);
    // A serverless workgroup shows them elsewhere.
    database.rule(json!({
        "statement": "from stl_load_errors", "action": "fail", "code": "42501",
        "message": "permission denied for relation stl_load_errors",
    }));
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(
        failure(&said).last().is_some_and(|line| line.contains("line 2, column `id` int4: ")),
        "{said:?}"
    );
}

#[test]
fn a_load_is_done_once() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run("create table t (id int)");
    let key = put(&aws, "1\n");
    let tasks =
        format!("+load:\n  redshift_load>:\n  table: t\n  from: s3://{}/{key}\n  csv: ''\n", aws.bucket);
    database.rule(json!({"statement": "^COMMIT$", "action": "cut_after"}));
    let sandbox = with_keys(&database, &aws, &tasks);
    sandbox.run(["run", "main.dig"]).expect_code(75);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(database.rows("select id from t"), ["1"]);
    assert!(log(&sandbox, "+main+load").contains("COPY into table `t` was done by an earlier try"));
    // Without it nobody knows.
    let loose = with_keys(&database, &aws, &format!("{tasks}  strict_transaction: false\n"));
    database.rule(json!({"statement": "^COPY", "action": "cut_after"}));
    let said = loose.run(["run", "main.dig"]).expect_code(1);
    assert!(
        failure(&said).contains(
            &"hint: nobody knows whether the script was carried out: look before a retry".to_owned()
        )
    );
    assert_eq!(database.rows("select id from t"), ["1", "1"]);
}

#[test]
fn json_and_manifests_are_loaded() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run("create table t (id int, name varchar(9))");
    let folder = fresh_name("manifest");
    let object = |name: &str, text: &str| {
        s3::put_bytes(&aws, &aws.bucket, &format!("{folder}/{name}"), text.into());
        format!("s3://{}/{folder}/{name}", aws.bucket)
    };
    let one = object("one.json", "{\"id\": 1, \"name\": \"a\"}");
    let two = object("two.json", "{\"name\": \"b\", \"id\": 2}");
    object("three.json", "{\"id\": 3}");
    let entries = json!({"entries": [{"url": one, "mandatory": true}, {"url": two, "mandatory": true}]});
    let manifest = object("manifest", &entries.to_string());
    let tasks = format!(
        "+load:\n  redshift_load>:\n  table: public.t\n  from: {manifest}\n  manifest: true\n  json: auto\n"
    );
    with_keys(&database, &aws, &tasks).run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select id, name from t order by id"), ["1|a", "2|b"]);
}

#[test]
fn what_a_load_needs_is_named() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    let fails = |task: &str| {
        let sandbox = with_keys(&database, &aws, &format!("+load:\n  redshift_load>:\n{task}"));
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1))
    };
    assert_eq!(fails("  table: t\n"), ["+main+load: Parameter 'from' is required but not set"]);
    assert_eq!(fails("  from: s3://b/k\n"), ["+main+load: Parameter 'table' is required but not set"]);
    let sandbox = super::project(&database, "+load:\n  redshift_load>:\n  table: t\n  from: s3://b/k\n");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+load: Secret not found for key: 'aws.access_key_id'",
            "hint: set the secret `aws.access_key_id`, or for this operator alone `aws.redshift_load.access_key_id`"
        ]
    );
}
