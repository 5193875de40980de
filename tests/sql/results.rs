//! What becomes of the results of `pg>`: parameters, files, tables, and errors that name the line.

use super::pg_project;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::sandbox::{Said, Sandbox};

fn project(database: &PostgresDatabase, tasks: &str) -> Sandbox {
    pg_project(database, &database.user, tasks)
}

/// The causes and hints of the only failure, as the end of a run shows them.
#[track_caller]
fn failure(said: &Said) -> Vec<String> {
    let end = said.stderr.split("1 task failed\n").nth(1).unwrap_or_else(|| panic!("{}", said.stderr));
    let lines = end.lines().filter(|line| !line.starts_with("hint: `sync retry"));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[track_caller]
fn fails(database: &PostgresDatabase, task: &str, files: &[(&str, &str)]) -> Vec<String> {
    let sandbox = project(database, &format!("+q:\n{task}"));
    for (name, text) in files {
        sandbox.write(name, text);
    }
    failure(&sandbox.run(["run", "main.dig"]).expect_code(1))
}

#[test]
fn rows_are_stored_with_types_that_lose_nothing() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create type mood as enum ('sad', 'ok'); create domain positive as int check (value > 0);
         create table t (i2 smallint, i8 bigint, big bigint, p positive, n numeric(20,10), long numeric, sum numeric,
           f4 real, f8 double precision, nan float8, b boolean, s text, c char(3), m mood, u uuid, d date, t time,
           ts timestamp, tz timestamptz, iv interval, j jsonb, a int[], by bytea);
         insert into t values (-5, 9007199254740992, 9007199254740993, 7, 1.5, 0.1234567890123456789, 100, 0.1, 5,
           'NaN', true, '日本 ''x'' 😀', 'ab', 'ok', '00000000-0000-0000-0000-000000000001', '2024-03-10', '01:02:03.4',
           '2024-03-10 01:02:03', '2024-03-10 01:02:03.123456+09', '1 day 2 hours', '{\"k\": [1, null]}', '{1,2}', '\\x00ff');
         insert into t (i2) values (null)",
    );
    let mut sandbox = project(
        &database,
        "+q:\n  pg>: q.sql\n  store_last_results: all\n+show:\n  echo>: ${pg.last_results}\n\
         +sum:\n  echo>: ${pg.last_results[0].sum + 1} ${moment(pg.last_results[0].tz).toISOString()}\n",
    );
    sandbox.write("q.sql", "-- typed\nselect * from t order by i2;\n");
    sandbox.set("TZ", "Asia/Tokyo");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    let first = concat!(
        r#"{"i2":-5,"i8":9007199254740992,"big":"9007199254740993","p":7,"n":1.5,"#,
        r#""long":"0.1234567890123456789","sum":100,"f4":0.1,"f8":5,"nan":"NaN","b":true,"s":"日本 'x' 😀","#,
        r#""c":"ab ","m":"ok","u":"00000000-0000-0000-0000-000000000001","d":"2024-03-10","t":"01:02:03.4","#,
        r#""ts":"2024-03-10 01:02:03","tz":"2024-03-10 01:02:03.123456+09","iv":"1 day 02:00:00","#,
        r#""j":"{\"k\": [1, null]}","a":"{1,2}","by":"\\x00ff"}"#
    );
    let mut lines = said.stdout.lines();
    let rows = lines.next().unwrap_or_default();
    assert!(rows.starts_with(&format!("[{first},{{\"i2\":null,\"i8\":null,")), "{rows}");
    assert_eq!(lines.next(), Some("101 2024-03-09T16:02:03.123Z"));
}

#[test]
fn the_first_row_is_a_map_and_replaces_what_was_stored() {
    let Some(database) = postgres_database() else { return };
    let query = |name: &str, sql: &str| {
        format!("+{name}:\n  pg>: {{data: \"{sql}\"}}\n  store_last_results: first\n")
    };
    let show = "  echo>: ${JSON.stringify(pg.last_results)}\n";
    let tasks = format!(
        "{}+show_a:\n{show}{}+show_b:\n{show}{}+show_c:\n{show}",
        query("a", "select 1 as x, 2 as y union all select 3, 4 order by 1"),
        query("b", "select 5 as z"),
        query("c", "select 1 as x where false"),
    );
    let said = project(&database, &tasks).run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout, "{\"x\":1,\"y\":2}\n{\"z\":5}\n{}\n");
}

#[test]
fn what_is_stored_has_limits_that_properties_raise() {
    let Some(database) = postgres_database() else { return };
    let store = |sql: &str| format!("  pg>: {{data: \"{sql}\"}}\n  store_last_results: all\n");
    let rows = store("select generate_series(1, 8193) as i");
    assert_eq!(
        fails(&database, &rows, &[]),
        [
            "+main+q: the result has more than 8192 rows to store",
            "hint: narrow the query, or let a transfer move the rows"
        ]
    );
    let columns: Vec<_> = (0..65).map(|at| format!("{at} as c{at}")).collect();
    assert_eq!(
        fails(&database, &store(&format!("select {}", columns.join(", "))), &[]),
        ["+main+q: the result has 65 columns; at most 64 can be stored"]
    );
    let text = store("select repeat('é', 257) as long");
    assert_eq!(
        fails(&database, &text, &[]),
        [
            "+main+q: column `long` has a text of more than 256 characters, which cannot be stored",
            "hint: raise `config.jdbc.max_store_last_results_value_size` in the properties"
        ]
    );
    let sandbox = project(&database, &format!("+q:\n{text}+r:\n{rows}"));
    sandbox.write(
        "c.properties",
        "config.jdbc.max_store_last_results_value_size = 257\nconfig.jdbc.max_store_last_results_rows = 1\n\
         config.pg.max_store_last_results_rows = 9000\n",
    );
    sandbox.run(["run", "main.dig", "-c", "c.properties"]).expect_code(0);
    sandbox.write("c.properties", "config.pg.max_store_last_results_columns = many\n");
    let said = sandbox.run(["run", "main.dig", "-c", "c.properties", "--rerun"]).expect_code(1);
    assert_eq!(
        failure(&said),
        ["+main+q: the property `config.pg.max_store_last_results_columns` must be a whole number"]
    );
}

#[test]
fn a_result_becomes_a_file() {
    let Some(database) = postgres_database() else { return };
    let sandbox = project(
        &database,
        "+q:\n  pg>: q.sql\n  download_file: out/result.csv\n+fails:\n  pg>: {data: \"select 1 / (3 - i) as x from generate_series(1, 9) i\"}\n  download_file: out/result.csv\n",
    );
    sandbox.write(
        "q.sql",
        "select id, name as \"the \"\"name\"\"\", score, ok, n, ts from (values\n\
         (0, 'foo', 3.14::real, true, 1.50, timestamp '2024-03-10 01:02:03'),\n\
         (1, 'a,\"b\"', 5.0::real, false, null, null), (null, '', null, null, 2.00, null),\n\
         (2, E'two\\r\\nlines', 1e20::real, null, null, null)) as v (id, name, score, ok, n, ts)",
    );
    sandbox.write("out/other", "");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(said.stderr.contains("+main+fails: the statement at line 1 failed"), "{}", said.stderr);
    assert!(said.stderr.contains("cause: division by zero (PostgreSQL error 22012)"), "{}", said.stderr);
    assert_eq!(
        sandbox.read("out/result.csv"),
        "id,\"the \"\"name\"\"\",score,ok,n,ts\r\n0,foo,3.14,true,1.50,2024-03-10 01:02:03\r\n\
         1,\"a,\"\"b\"\"\",5.0,false,,\r\n,\"\",,,2.00,\r\n2,\"two\r\nlines\",1e+20,,,\r\n"
    );
    let names = std::fs::read_dir(sandbox.path().join("out")).unwrap();
    assert_eq!(names.count(), 2, "a hidden file stayed behind");
}

#[test]
fn a_result_becomes_a_table_or_goes_into_one() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create schema mart; create table mart.\"Old\" (x text); insert into mart.\"Old\" values ('old')",
    );
    let sandbox = project(
        &database,
        "+make:\n  pg>: q.sql\n  create_table: mart.Old\n  n: 2\n+add:\n  pg>: q.sql\n  insert_into: mart.Old\n  n: 3\n\
         +fails:\n  pg>: {data: \"select 1 / (3 - i) from generate_series(1, 9) i\"}\n  create_table: mart.Old\n",
    );
    sandbox.write(
        "q.sql",
        "with x as (select generate_series(1, ${n}) as i)\nselect i, 'é' as name from x; -- done",
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(said.stderr.contains("division by zero"), "{}", said.stderr);
    assert_eq!(database.rows("select * from mart.\"Old\""), ["1|é", "2|é", "1|é", "2|é", "3|é"]);

    database.run("create view mart.v as select i from mart.\"Old\"");
    let sandbox = project(&database, "+q:\n  pg>: {data: select 1 as i}\n  create_table: mart.Old\n");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+q: table `mart.Old` could not be replaced",
            "cause: cannot drop table mart.\"Old\" because other objects depend on it (PostgreSQL error 2BP01)",
            "hint: Use DROP ... CASCADE to drop the dependent objects too"
        ]
    );
    let sandbox = project(&database, "+q:\n  pg>: {data: select 1 as i}\n  insert_into: nowhere\n");
    assert_eq!(
        failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+q: nothing could be inserted into table `nowhere`",
            "cause: relation \"nowhere\" does not exist (PostgreSQL error 42P01)"
        ]
    );
}

#[test]
fn an_error_names_the_line_and_no_value() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table t (id text primary key, n int); insert into t values ('someone@home', 1);
         create function broken() returns int language plpgsql as $$
         begin
           raise exception 'no room for \"%\"', 'someone@home' using hint = 'Make room for \"someone@home\".';
         end $$",
    );
    let script = |sql: &str| fails(&database, "  pg>: q.sql\n", &[("q.sql", sql)]);
    assert_eq!(
        script("select ';';\n\n/* a ; /* b */ */\ninsert into t\nvalues ('someone@home', 2);\nselect 1;"),
        [
            "+main+q: the statement at q.sql:4 failed",
            "cause: duplicate key value violates unique constraint \"t_pkey\" (PostgreSQL error 23505)"
        ]
    );
    assert_eq!(
        script("do $a$ begin null; end $a$;\nselect id,\n  idd from t;"),
        [
            "+main+q: the statement at q.sql:3 failed",
            "cause: column \"idd\" does not exist (PostgreSQL error 42703)",
            "hint: Perhaps you meant to reference the column \"t.id\""
        ]
    );
    assert_eq!(
        script("select 1;\nselect id::int from t;"),
        [
            "+main+q: the statement at q.sql:2 failed",
            "cause: invalid input syntax for type integer: \"…\" (PostgreSQL error 22P02)"
        ]
    );
    assert_eq!(
        script("select 1;\nselect broken();"),
        [
            "+main+q: the statement at q.sql:2 failed",
            "cause: no room for \"…\" (PostgreSQL error P0001)",
            "cause: PL/pgSQL function broken() line 3 at RAISE",
            "hint: Make room for \"…\""
        ]
    );
    // Digdag's templates are in the way of PostgreSQL's quotes.
    assert_eq!(
        script("do $$ begin null; end $$;"),
        [
            "+main+q: the statement at q.sql:1 failed",
            "cause: syntax error at or near \"$\" (PostgreSQL error 42601)",
            "hint: `$$` becomes `$` in a template: quote with `$a$` instead"
        ]
    );
    assert_eq!(
        fails(&database, "  pg>: {data: \"select 1\\n  as é,\\n  +\"}\n  insert_into: t\n", &[]),
        [
            "+main+q: the statement at line 3 failed",
            "cause: syntax error at end of input (PostgreSQL error 42601)"
        ]
    );
}

#[test]
fn a_kept_result_is_of_one_statement_that_has_one() {
    let Some(database) = postgres_database() else { return };
    let store = |sql: &str| format!("  pg>: {{data: \"{sql}\"}}\n  store_last_results: all\n");
    assert_eq!(
        fails(&database, &store("select 1; select 2"), &[]),
        [
            "+main+q: a query whose result is kept must be one statement",
            "hint: let the statements before it be a task of their own"
        ]
    );
    database.run("create table t (a int)");
    assert_eq!(
        fails(&database, &store("insert into t values (1)"), &[]),
        ["+main+q: the statement at line 1 gives no result that could be kept"]
    );
    // What writes and gives rows is done, unless its rows are refused.
    let many = store("insert into t select generate_series(1, 9000) returning a");
    assert_eq!(fails(&database, &many, &[]).len(), 2);
    assert_eq!(database.rows("select count(*) from t"), ["0"]);
    let sandbox = project(
        &database,
        &format!(
            "+q:\n{}+show:\n  echo>: ${{pg.last_results[0].a}}\n",
            store("insert into t values (7) returning a")
        ),
    );
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "7\n");
    assert_eq!(database.rows("select a from t"), ["7"]);
}

#[test]
fn a_copy_through_the_connection_is_refused() {
    let Some(database) = postgres_database() else { return };
    database.run("create table t (a int)");
    for copy in ["copy t from stdin", "copy t to stdout"] {
        assert_eq!(
            fails(&database, &format!("  pg>: {{data: \"select 1;\\n{copy}\"}}\n"), &[]),
            [
                "+main+q: the statement at line 2 failed",
                "cause: unexpected message from server",
                "hint: `COPY` from STDIN or to STDOUT has no other side here: let a transfer move the rows"
            ]
        );
    }
}

#[test]
fn what_the_server_says_is_in_the_log() {
    let Some(database) = postgres_database() else { return };
    let sandbox = project(&database, "+q:\n  pg>: q.sql\n");
    sandbox.write(
        "q.sql",
        "drop table if exists nowhere;\ndo $a$ begin raise warning 'half % done', 'way'; end $a$;",
    );
    sandbox.run(["run", "main.dig"]).expect_code(0);
    let log = sandbox.run(["log", "--session", "last"]).expect_code(0).stdout;
    let said: Vec<_> = log.lines().filter_map(|line| line.split_once("PostgreSQL says: ")).collect();
    let texts: Vec<_> = said.iter().map(|(_, text)| *text).collect();
    assert_eq!(texts, ["table \"nowhere\" does not exist, skipping", "half way done"], "{log}");
}

#[test]
fn a_session_has_the_schema_and_the_zone_that_it_should() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create schema a; create schema \"B c\"; create table a.x (i int); create table \"B c\".y (i int)",
    );
    let mut sandbox = project(
        &database,
        "+q:\n  pg>: q.sql\n  schema: 'a, \"B c\"'\n  store_last_results: first\n\
         +show:\n  echo>: ${pg.last_results.zone} ${pg.last_results.n} ${pg.last_results.name}\n\
         +status:\n  pg>: {data: select 1}\n  schema: a\n",
    );
    sandbox.write(
        "q.sql",
        "select current_setting('TimeZone') as zone, current_setting('application_name') as name,\n\
         (select count(*) from x) + (select count(*) from y) as n",
    );
    sandbox.set("TZ", "America/Los_Angeles");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(said.stdout, "America/Los_Angeles 0 sync\n");
    assert_eq!(database.rows("select schemaname from pg_tables where tablename = '__digdag_status'"), ["a"]);
}

#[test]
fn check_finds_what_would_fail_for_certain() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+a:\n  pg>: {data: select 1}\n  insert_into: t\n  create_table: ${t}\n\
         +b:\n  pg>: {data: select 1}\n  store_last_result: all\n  password: x\n\
         +c:\n  mysql>: {data: select 1}\n  download_file: x\n  store_last_results: false\n  ssl: maybe\n\
         +d:\n  sqlite>: {data: select 1}\n  database: d\n  store_last_results: some\n  status_table_cleanup: 1\n\
         +e:\n  pg>: missing.sql\n",
    );
    let said = sandbox.run(["check", "main.dig", "--format", "json"]).expect_code(65);
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let problems = answer["problems"].as_array().expect("a list").iter();
    let problems: Vec<String> = problems
        .filter(|problem| problem["code"] != "literal-secret")
        .map(|problem| format!("{} {}", problem["line"], problem["message"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        problems,
        [
            "2 Can't use both of insert_into and create_table",
            "7 `pg>` does not read `store_last_result`",
            "8 `pg>` does not read `password`",
            "13 `ssl` must be `true`, `false` or `no_verify`",
            "17 `store_last_results` must be `first`, `all` or `false`",
            "18 Expected a duration such as `10m` or `1h 30m` for key 'status_table_cleanup' but got 1 (number)",
            "20 SQL file `missing.sql` does not exist",
        ],
        "{}",
        said.stdout
    );
}
