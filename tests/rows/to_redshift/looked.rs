//! `sync check --connect --explain`: what is known before a run.

use super::Bench;
use crate::support::sandbox::Sandbox;
use crate::support::servers::fresh_name;

fn sandbox(bench: &Bench, user: &str, more: &str) -> Sandbox {
    let database = &bench.database;
    let config = format!(
        "in: {{type: sqlite, database: a.db, query: \"select 1 as id, 'x' as name\"}}\n\
         out: {{type: redshift, host: {}, port: {}, user: {user}, database: {}, table: t, s3_bucket: {}, \
         copy_iam_role: default, {more}}}\n",
        database.host, database.port, database.name, bench.aws.bucket
    );
    let mut sandbox = Sandbox::new().file("a.yml", &config);
    for (name, value) in bench.aws.environment() {
        sandbox.set(name, value);
    }
    sandbox.write("a.db", "");
    sandbox
}

/// What a check says; nothing is changed by it.
fn checked(bench: &Bench, user: &str, more: &str, code: i32) -> String {
    let said = sandbox(bench, user, more).run(["check", "--connect", "--explain", "a.yml"]).expect_code(code);
    let wrote = ["CREATE", "DROP", "ALTER", "INSERT", "DELETE", "COPY", "GRANT", "UPDATE", "LOCK"];
    let statements = bench.database.statements();
    let changing = statements.iter().find(|sql| wrote.iter().any(|word| sql.trim_start().starts_with(word)));
    assert_eq!(changing, None);
    said.stdout + &said.stderr
}

#[test]
fn targets_and_types_are_told() {
    let Some(bench) = Bench::new() else { return };
    let said = checked(&bench, "sync", "mode: replace, types: exact", 0);
    assert!(said.contains("VARCHAR(65535)") && said.contains("BIGINT"), "{said}");
    bench.database.behind.run("create table t (id int, name varchar(3)); create view v as select * from t");
    let said = checked(&bench, "sync", "mode: replace, types: exact", 0);
    assert!(said.contains("character varying(3)") && said.contains("integer"), "{said}");
    let said = checked(&bench, "sync", "mode: merge", 65);
    assert!(said.contains("`mode: merge` needs `merge_keys`: table `t` has no primary key"), "{said}");
}

#[test]
fn what_a_run_could_not_do_is_told() {
    let Some(bench) = Bench::new() else { return };
    let user = fresh_name("user");
    bench.database.behind.run(&format!("create role {user} login; create table t (id int, name text)"));
    let said = checked(&bench, &user, "mode: insert", 65);
    assert!(said.contains("the user may not insert into the table"), "{said}");
    bench.database.behind.run(&format!("grant select, insert on t to {user}"));
    let said = checked(&bench, &user, "mode: truncate_insert", 65);
    assert!(said.contains("the user may not delete rows of the table"), "{said}");
    let said = checked(&bench, &user, "mode: insert", 65);
    assert!(
        said.contains("the user may not create tables in the schema, which rows are staged in"),
        "{said}"
    );
    let said = checked(&bench, "sync", "schema: nowhere, mode: insert", 65);
    assert!(said.contains("schema `nowhere` is not found"), "{said}");
}

/// Temporary keys, asked for with STS: for `iam_user_name`, and for the account of a role by its name.
#[test]
fn keys_and_roles_are_asked_for_with_sts() {
    let Some(bench) = Bench::new() else { return };
    for (more, said_copy) in [
        ("copy_iam_role_name: redshift-reads-and-writes-s3", "IAM_ROLE"),
        ("iam_user_name: loader", "CREDENTIALS"),
    ] {
        let database = &bench.database;
        let config = format!(
            "in: {{type: sqlite, database: a.db, query: select 1 as id}}\n\
             out: {{type: redshift, host: {}, port: {}, user: sync, database: {}, table: t, s3_bucket: {}, \
             s3_key_prefix: {}, aws_auth_method: env, mode: insert, retry_limit: 0, {more}}}\n",
            database.host, database.port, database.name, bench.aws.bucket, bench.prefix
        );
        let mut sandbox = Sandbox::new().file("a.yml", &config);
        for (name, value) in bench.aws.environment() {
            sandbox.set(name, value);
        }
        sandbox.write("a.db", "");
        let said = sandbox.run(["embulk", "run", "a.yml"]);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(said_copy), "{more}: {all}");
        assert!(!all.contains(&bench.aws.secret_access_key), "{all}");
        let copies = database.statements().into_iter().filter(|sql| sql.starts_with("COPY")).count();
        assert!(copies > 0, "{all}");
        bench.assert_tidy();
    }
}

#[test]
fn columns_that_parquet_has_no_type_for_are_told() {
    let Some(bench) = Bench::new() else { return };
    bench.database.behind.run("create table t (id int, name time)");
    let said = checked(&bench, "sync", "mode: insert, format: parquet", 65);
    assert!(
        said.contains("column `name` (time without time zone) cannot be loaded from Parquet")
            && said.contains("COPY takes no times of day from Parquet"),
        "{said}"
    );
    let said = checked(&bench, "sync", "mode: insert, format: csv", 0);
    assert!(said.contains("time without time zone"), "{said}");
}
