//! What is said where Redshift does not do as it is asked, in full; and what `check` finds before.

use super::{failure, no_keys, project, put, with_keys};
use crate::support::redshift::redshift_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::aws;

#[test]
fn a_statement_that_fails_is_shown_without_its_texts() {
    let Some(database) = redshift_database() else { return };
    let sandbox = project(&database, "+q:\n  redshift>: q.sql\n");
    sandbox.write("q.sql", "create table t (a int);\n\ninsert into t\n  select 'my secret', b from u;\n");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+q: the statement at q.sql:4 failed",
            "cause: relation \"u\" does not exist (Redshift error 42P01)",
            "cause: the statement is `insert into t select '…', b from u`",
        ]
    );
}

/// What only PostgreSQL has is refused by Redshift, and what is refused has its place.
#[test]
fn what_redshift_lacks_is_its_own_error() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    let sandbox = project(&database, "+q:\n  redshift>: {data: 'insert into t values (1) returning a'}\n");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+q: the statement at line 1 failed",
            "cause: syntax error at or near \"returning\" (Redshift error 42601)",
            "cause: the statement is `insert into t values (1) returning a`",
        ]
    );
}

#[test]
fn a_copy_in_a_script_shows_why_it_failed_and_no_key() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    database.run("create table t (id int, name varchar(3))");
    let key = put(&aws, "1,abc\n2,語語\nx,y\n");
    let from = format!("s3://{}/{key}", aws.bucket);
    let sandbox = with_keys(&database, &aws, "+q:\n  redshift>: copy.sql\n");
    sandbox.write(
        "copy.sql",
        &format!(
            "begin;\ncopy t from '{from}'\n  access_key_id '{}' secret_access_key '{}'\n  csv maxerror 2;\ncommit;\n",
            aws.access_key_id, aws.secret_access_key
        ),
    );
    for strict in [true, false] {
        let main = sandbox.read("main.dig");
        if !strict {
            sandbox.write("main.dig", &format!("{main}  strict_transaction: false\n"));
        }
        let said = sandbox.run(["run", "main.dig"]).expect_code(1);
        assert_eq!(
            failure(&said)[..5],
            [
                "+main+q: the statement at copy.sql:2 failed".to_owned(),
                "cause: Load into table 't' failed.  Check 'stl_load_errors' system table for details. \
                 (Redshift error XX000)"
                    .to_owned(),
                format!("cause: the statement is `copy t from '{from}' access_key_id '…' secret_access_key '…' csv maxerror…`")
                    .replace(" csv maxerror…", &shown_end(&from)),
                format!("cause: {from} line 2, column `name` varchar(3): String length exceeds DDL length (load error 1204)"),
                format!("cause: {from} line 3, column `id` int4: Invalid digit, Value '…', Pos 0, Type: Integer (load error 1207)"),
            ]
        );
        // The script itself holds them.
        let script = sandbox.read("copy.sql");
        sandbox.write("copy.sql", "");
        no_keys(&sandbox, &said, &aws);
        sandbox.write("copy.sql", &script);
    }
}

/// An excerpt ends after so many characters.
fn shown_end(from: &str) -> String {
    let whole = format!("copy t from '{from}' access_key_id '…' secret_access_key '…' csv maxerror 2");
    let rest: String = whole.chars().take(120).collect();
    let cut = if whole.chars().count() > 120 { "…" } else { "" };
    format!("{}{cut}", rest.split_once("secret_access_key '…'").map_or("", |(_, end)| end))
}

#[test]
fn check_knows_the_options() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+a:\n  redshift>: q.sql\n  create_table: t\n  insert_into: t\n  password: x\n\
         +b:\n  redshift_load>: x\n  table: t\n  from: s3://b/k\n  csv: ''\n  escape: true\n  statupdate: maybe\n  ignorheader: 1\n\
         +c:\n  redshift_unload>:\n  query: select 1\n  to: s3://b/k\n  parallel: 3\n  ssl: perhaps\n",
    );
    sandbox.write("q.sql", "select 1");
    let said = sandbox.run(["check", "main.dig"]).expect_code(65);
    let found: Vec<_> =
        said.stdout.lines().chain(said.stderr.lines()).filter(|line| line.starts_with(['e', 'w'])).collect();
    assert_eq!(
        found,
        [
            "error: Can't use both of insert_into and create_table",
            "warning: `redshift>` does not read `password`",
            "warning: the value of `password` is a secret that is written out",
            "error: CSV cannot be used with FIXEDWIDTH, REMOVEQUOTES, or ESCAPE",
            "warning: the value of `redshift_load>` has no effect",
            "error: STATUPDATE should be in ON/OFF/TRUE/FALSE: maybe",
            "warning: `redshift_load>` does not read `ignorheader`",
            "error: PARALLEL should be in ON/OFF/TRUE/FALSE: 3",
            "error: `ssl` must be `true`, `false` or `no_verify`",
        ]
    );
}
