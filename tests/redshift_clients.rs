//! Amazon's own Python driver for Redshift, and psycopg, against our stand-in: the same scenarios for both.

use std::path::Path;
use std::process::Command;

use crate::support::redshift::redshift_database;
use crate::support::servers;

#[test]
fn the_stand_in_for_redshift_is_what_the_clients_expect() {
    let Some(python) = servers::variable("SYNC_TEST_REDSHIFT_CLIENTS", "Python with Redshift's clients")
    else {
        return;
    };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/redshift_scenarios.py");
    let output = Command::new(python).arg("-B").arg(program).output().expect("Python starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The driver of `sync` itself takes rows, notices and errors from it.
#[test]
fn a_database_of_the_stand_in_is_there_for_a_test() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (id int distkey, name varchar) sortkey (id); insert into t values (1, 'x')");
    assert_eq!(database.rows("select id, name, pg_last_copy_count() from t"), ["1|x|0"]);
    assert_eq!(
        database.rows("select \"column\", distkey, sortkey from pg_table_def where tablename = 't'"),
        ["id|t|1", "name|f|0"]
    );
    assert_eq!(database.behind.rows("select count(*) from t"), ["1"]);
    assert!(database.statements().iter().any(|statement| statement == "insert into t values (1, 'x')"));
}
