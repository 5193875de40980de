//! What becomes of the results of `redshift>`.

use super::{log, project};
use crate::support::redshift::redshift_database;

#[test]
fn a_result_is_stored() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (id int, name varchar(9), n numeric(9,2)); insert into t values (1, 'x', 1.5), (2, null, 2)");
    let sandbox = project(
        &database,
        "+q:\n  redshift>: q.sql\n  store_last_results: all\n+show:\n  for_each>:\n    row: ${redshift.last_results}\n  \
         _do:\n    echo>: ${row.id} ${row.name} ${row.n + 1}\n",
    );
    sandbox.write("q.sql", "-- all\nselect * from t where id < ${1 + 2} order by id");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "1 x 2.5\n2  3\n");
}

#[test]
fn a_result_becomes_a_file_or_a_table() {
    let Some(database) = redshift_database() else { return };
    database.run("create table src (id int, name varchar(9)); insert into src values (1, 'a,b'), (2, null)");
    database.run("create table made (old int)");
    let sandbox = project(
        &database,
        "+file:\n  redshift>: {data: 'select * from src order by id'}\n  download_file: out.csv\n\
         +make:\n  redshift>: {data: select * from src}\n  create_table: made\n\
         +add:\n  redshift>: {data: 'select id + 10 as id, name from src'}\n  insert_into: public.made\n",
    );
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(sandbox.read("out.csv"), "id,name\r\n1,\"a,b\"\r\n2,\r\n");
    assert_eq!(database.rows("select * from made order by id"), ["1|a,b", "2|-", "11|a,b", "12|-"]);
}

/// A swap as estates do it: all of it or nothing.
#[test]
fn a_script_of_many_statements_is_one_transaction() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int); insert into t values (1)");
    let sandbox = project(&database, "+swap:\n  redshift>: swap.sql\n");
    let swap = "create table t_new (like t);\ninsert into t_new values (2);\nalter table t rename to t_old;\n\
                alter table t_new rename to t;\ndrop table t_old;\n";
    sandbox.write("swap.sql", &format!("{swap}select 1/0;\n"));
    sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(database.rows("select a from t"), ["1"]);
    sandbox.write("swap.sql", swap);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["2"]);
    assert_eq!(database.rows("select 1 from pg_tables where tablename = 't_old'"), [""; 0]);
}

#[test]
fn what_the_server_says_on_the_side_is_in_the_log() {
    let Some(database) = redshift_database() else { return };
    database.run(
        "create procedure talk() as $$ begin raise info 'three rows'; raise warning 'one is odd'; end $$ language plpgsql",
    );
    let sandbox = project(&database, "+q:\n  redshift>: {data: call talk()}\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stderr, "warning: +main+q: Redshift says: one is odd\n");
    let log = log(&sandbox, "+main+q");
    assert!(log.contains("Redshift says: three rows"), "{log}");
}

#[test]
fn the_session_is_set_up_as_digdags_driver_does() {
    let Some(database) = redshift_database() else { return };
    let mut sandbox = project(
        &database,
        "+q:\n  redshift>: {data: \"select current_setting('timezone') as zone, current_setting('datestyle') as style\"}\n  \
         store_last_results: first\n+show:\n  echo>: ${redshift.last_results.zone} ${redshift.last_results.style}\n",
    );
    sandbox.set("TZ", "Asia/Tokyo");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "Asia/Tokyo ISO, MDY\n");
}
