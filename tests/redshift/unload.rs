//! `redshift_unload>`: UNLOAD, whose files are there once.

use serde_json::json;

use super::{failure, no_keys, with_keys};
use crate::support::redshift::redshift_database;
use crate::support::s3;
use crate::support::servers::{Aws, aws, fresh_name};

/// The lines of all files below a prefix, sorted, and the files' names after their query's id.
fn unloaded(aws: &Aws, prefix: &str) -> (Vec<String>, Vec<String>) {
    let objects = s3::objects(aws, prefix);
    let name = |key: &String| key[prefix.len()..].split_once('_').expect("an id before it").1.to_owned();
    let mut lines: Vec<_> = objects
        .values()
        .flat_map(|bytes| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines.sort();
    (lines, objects.keys().map(name).collect())
}

#[test]
fn a_query_becomes_files_below_a_prefix_of_its_own() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run(
        "create table t (id int, name varchar(9)); insert into t values (1, 'a|b'), (2, null), (3, 'it''s')",
    );
    let prefix = format!("{}/", fresh_name("unload"));
    let tasks = format!(
        "+out:\n  redshift_unload>:\n  query: select * from t where name is null or name <> 'x' -- it's all\n  \
         to: s3://{}/{prefix}\n  delimiter: '|'\n  escape: true\n  addquotes: true\n  null_as: '~'\n  parallel: OFF\n",
        aws.bucket
    );
    let sandbox = with_keys(&database, &aws, &tasks);
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    let (lines, names) = unloaded(&aws, &prefix);
    assert_eq!(lines, ["\"1\"|\"a\\|b\"", "\"2\"|~", "\"3\"|\"it's\""]);
    assert_eq!(names, ["000"]);
    no_keys(&sandbox, &said, &aws);
}

#[test]
pub(crate) fn what_a_try_that_failed_has_left_is_removed() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run("create table t (id int); insert into t values (1), (2)");
    let prefix = format!("{}/", fresh_name("unload"));
    let tasks = format!(
        "+out:\n  redshift_unload>:\n  query: select * from t\n  to: s3://{}/{prefix}\n  _retry: 1\n",
        aws.bucket
    );
    // Its files are there, and nobody heard of it.
    database.rule(json!({"statement": "^UNLOAD", "action": "cut_after"}));
    let sandbox = with_keys(&database, &aws, &tasks);
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(unloaded(&aws, &prefix).0, ["1", "2"]);
    // What is done is not removed by a retry that finds it done.
    database.rule(json!({"statement": "^COMMIT$", "action": "cut_after"}));
    let other = format!("{}/", fresh_name("unload"));
    let sandbox = with_keys(&database, &aws, &tasks.replace(&prefix, &other).replace("  _retry: 1\n", ""));
    sandbox.run(["run", "main.dig"]).expect_code(75);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(unloaded(&aws, &other).0, ["1", "2"]);
    let unloads = database.statements().iter().filter(|statement| statement.starts_with("UNLOAD")).count();
    assert_eq!(unloads, 3);
}

#[test]
fn what_fails_is_told_without_keys() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    let sandbox = with_keys(
        &database,
        &aws,
        "+out:\n  redshift_unload>:\n  query: select * from nothing\n  to: s3://no-such-bucket-here/x\n  strict_transaction: false\n",
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(
        failure(&said)[0].starts_with("+main+out: files of an earlier try at `s3://no-such-bucket-here/x/")
    );
    let tasks =
        format!("+out:\n  redshift_unload>:\n  query: select * from nothing\n  to: s3://{}/x\n", aws.bucket);
    let sandbox = with_keys(&database, &aws, &tasks);
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let lines = failure(&said);
    assert!(lines[0].starts_with(&format!("+main+out: UNLOAD to `s3://{}/x/", aws.bucket)), "{lines:?}");
    assert_eq!(lines[1], "cause: relation \"nothing\" does not exist (Redshift error 42P01)");
    assert!(lines[2].starts_with("cause: the statement is `UNLOAD ('…') TO 's3://"), "{lines:?}");
    assert!(lines[2].ends_with("CREDENTIALS '…'`"), "{lines:?}");
    no_keys(&sandbox, &said, &aws);
    let wrong = with_keys(&database, &aws, "+out:\n  redshift_unload>:\n  query: select 1\n  to: /tmp/x\n");
    assert_eq!(
        failure(&wrong.run(["run", "main.dig"]).expect_code(1)),
        ["+main+out: `to` of `redshift_unload>` must be `s3://BUCKET/PREFIX`"]
    );
}
