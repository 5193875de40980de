//! A column is judged by where it comes from, and not by what a query calls it.

use super::{CSV, PERSONAL, assert_clean_everywhere, header, mysql};
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers::mysql_sources;

/// Whoever gets a personal value past these rules has found a way round.
const POLICY: &str = "\
new_columns: MODE
rules:
  - {column: [email, phone], action: drop}
  - {column: [id, x, total], action: keep}
  - {column: answer, expression: true, action: keep}
";

const TABLES: [&str; 4] = [
    "create table users (id int primary key, email varchar(60), phone varchar(20))",
    "create table orders (id int primary key, user_id int, total int, x varchar(60))",
    "create view v as select id, email as x, upper(email) as total from users",
    "create view w as select id, max(email) as x from users group by id",
];

fn rows() -> [String; 2] {
    [
        format!("insert into users values (1, '{}', '{}')", PERSONAL[0], PERSONAL[2]),
        "insert into orders values (1, 1, 500, 'open')".to_owned(),
    ]
}

/// Runs a transfer under a policy that denies, then one that keeps; the columns that came out.
fn columns(input: &str, fill: &dyn Fn(&Sandbox)) -> [String; 2] {
    ["deny", "keep"].map(|mode| {
        let sandbox = Sandbox::new()
            .file("policy.yml", &POLICY.replace("MODE", mode))
            .file("a.yml", &format!("{input}{CSV}"));
        fill(&sandbox);
        let said = sandbox.run(["embulk", "run", "-l", "info", "a.yml"]);
        assert_clean_everywhere(&sandbox, &said);
        if said.code == Some(0) {
            return header(&sandbox);
        }
        assert!(said.stderr.contains("policy.yml lets no column of the source be copied"), "{said:?}");
        "none".to_owned()
    })
}

fn both(columns: &str) -> [String; 2] {
    [columns.to_owned(), columns.to_owned()]
}

fn two(deny: &str, keep: &str) -> [String; 2] {
    [deny.to_owned(), keep.to_owned()]
}

#[test]
fn mysql_tells_aliases_and_expressions_apart() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run(TABLES);
        database.run(rows());
        let query = |sql: &str| columns(&mysql(&database, &format!("query: \"{sql}\"")), &|_| {});
        for (sql, expected) in [
            // The same columns by other names.
            ("select id, email as x, phone as total from users", both("id")),
            ("select id as email, total as phone from orders", both("email,phone")),
            (
                "select u.id, o.total, u.email as x from users u join orders o on o.user_id = u.id",
                both("id,total"),
            ),
            ("select id, user_id from orders", two("id", "id,user_id")),
            ("select id, email as x from users group by id, email", both("id")),
            ("select distinct id, email as x from users order by 2", both("id")),
            // What a query computes has no name that counts.
            ("select id, concat(email, '') as x, max(phone) as total from users group by id", both("id")),
            ("select id, email as answer from users", both("id")),
            ("select id, count(*) as answer, 1 as x from orders group by id", both("id,answer")),
            ("select x.* from (select id, 1 as answer, email as x from users) x", both("answer")),
            // A derived table, which the server gives for a real one.
            ("select id, x from (select id, email as x from users) orders", both("none")),
            ("with orders as (select id, email as x from users) select id, x from orders", both("none")),
            ("select id, x from (select id, concat(email) as x from users limit 5) orders", both("none")),
            ("select id, total as x from orders union all select id, email from users", both("none")),
            ("select id, (select email from users limit 1) as x from orders", both("none")),
        ] {
            // The only one of these whose columns are named by an expression rule.
            let expected = if sql.starts_with("select x.*") { both("answer") } else { expected };
            assert_eq!(query(sql), expected, "{sql}");
        }
        let table = |table: &str, more: &str| {
            columns(&mysql(&database, &format!("table: {table}\n  {more}")), &|_| {})
        };
        for (name, more, expected) in [
            ("users", "", both("id")),
            ("orders", "", two("id,total,x", "id,user_id,total,x")),
            ("users", "select: id, email as x, concat(phone) as total", both("id")),
            ("users", "select: \"id, x from (select id, email as x from users) users -- \"", both("none")),
            ("orders", "where: \"1 = 0 union select id, 1, 2, email from users\"", both("none")),
            ("orders", "where: \"id in (select id from users)\"\n  select: id, total", both("id,total")),
        ] {
            assert_eq!(table(name, more), expected, "{name} {more}");
        }
    }
}

/// Whoever names a view in a rule says what its columns are.
#[test]
fn a_view_has_columns_of_its_own() {
    let policy = "rules:\n- {table: v, column: [id, total], action: keep}\n- {table: w, column: [id, x], action: hash}\n";
    let run = |input: &str| {
        let sandbox = Sandbox::new().file("policy.yml", policy).file("a.yml", &format!("{input}{CSV}"));
        sandbox.run(["embulk", "run", "-l", "warn", "a.yml"]).expect_code(0);
        header(&sandbox)
    };
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run(TABLES);
        assert_eq!(run(&mysql(&database, "table: v")), "id,total");
        assert_eq!(run(&mysql(&database, "table: w")), "id,x");
    }
    let Some(database) = postgres_database() else { return };
    database.run(&TABLES.join(";"));
    assert_eq!(run(&postgresql(&database, "table: v")), "id,total");
    assert_eq!(run(&postgresql(&database, "table: w")), "id,x");
}

fn postgresql(database: &crate::support::postgres::PostgresDatabase, what: &str) -> String {
    format!(
        "in:\n  type: postgresql\n  host: {}\n  port: {}\n  user: {}\n  database: {}\n  {what}\n",
        database.host, database.port, database.user, database.name
    )
}

#[test]
fn postgresql_tells_aliases_and_expressions_apart() {
    let Some(database) = postgres_database() else { return };
    database.run(&TABLES.join(";"));
    database.run(&rows().join(";"));
    let query = |sql: &str| columns(&postgresql(&database, &format!("query: \"{sql}\"")), &|_| {});
    for (sql, expected) in [
        ("select id, email as x, phone as total from users", both("id")),
        ("select id as email, total as phone from orders", both("email,phone")),
        (
            "select u.id, o.total, u.email as x from users u join orders o on o.user_id = u.id",
            both("id,total"),
        ),
        ("select id, email as x from users group by id, email", both("id")),
        ("select distinct id, email as x from users order by 2", both("id")),
        ("select id, concat(email, '') as x, max(phone) as total from users group by id", both("id")),
        ("select id, email as answer from users", both("id")),
        ("select id, count(*) as answer, 1 as x from orders group by id", both("id,answer")),
        // The server sees through subselects.
        ("select id, x from (select id, email as x from users) orders", both("id")),
        ("with orders as (select id, email as x from users) select id, x from orders", both("id")),
        ("select id, x from (select id, concat(email) as x from users limit 5) orders", both("id")),
        ("select id, x from (select id, total::text as x from orders) users", both("id")),
        ("select id, total as x from (select * from orders) users", both("id,x")),
        ("select id, x from orders union all select id, email from users", both("none")),
        (
            "select id, x from (select id, x from orders union all select id, email from users) orders",
            both("none"),
        ),
        (
            "with recursive orders as (select id, x from public.orders union all select u.id, u.email from users u) \
             select id, x from orders",
            both("none"),
        ),
        ("select id, (select email from users limit 1) as x from orders", both("id")),
        ("select o.id, l.x from orders o, lateral (select email as x from users) l", both("id")),
        ("select id, row_to_json(users)::text as x from users", both("id")),
        ("select id, email::text as x from users", both("id")),
        ("select id, coalesce(email, '') as email from users", both("id")),
        ("values (1, 'a')", both("none")),
    ] {
        assert_eq!(query(sql), expected, "{sql}");
    }
    let table = |what: &str| columns(&postgresql(&database, what), &|_| {});
    assert_eq!(table("table: users"), both("id"));
    assert_eq!(table("table: orders"), two("id,total,x", "id,user_id,total,x"));
    assert_eq!(table("table: users\n  select: id, email as x, concat(phone) as total"), both("id"));
}

#[test]
fn sqlite_tells_aliases_and_expressions_apart() {
    let fill = |sandbox: &Sandbox| {
        let connection = rusqlite::Connection::open(sandbox.path().join("shop.source")).unwrap();
        connection.execute_batch(&TABLES.join(";")).unwrap();
        connection.execute_batch(&rows().join(";")).unwrap();
    };
    let input = |what: &str| format!("in:\n  type: sqlite\n  database: shop.source\n  {what}\n");
    let query = |sql: &str| columns(&input(&format!("query: \"{sql}\"")), &fill);
    for (sql, expected) in [
        ("select id, email as x, phone as total from users", both("id")),
        ("select id as email, total as phone from orders", both("email,phone")),
        ("select id, email || '' as x, max(phone) as total from users group by id", both("id")),
        ("select id, email as answer, 1 as x from users", both("id")),
        ("select id, count(*) as answer from orders group by id", both("id,answer")),
        ("select id, x from (select id, email as x from users) orders", both("id")),
        ("with orders as (select id, email as x from users) select id, x from orders", both("id")),
        ("select id, x from orders union all select id, email from users", both("none")),
        ("select id, x from v", both("id")),
        ("select +id as x, +email as total from users", both("none")),
    ] {
        assert_eq!(query(sql), expected, "{sql}");
    }
    assert_eq!(columns(&input("table: users"), &fill), both("id"));
    // SQLite tells the table behind a view.
    assert_eq!(columns(&input("table: v"), &fill), both("id"));
}

/// What is dropped does not even leave the server, and so what it holds is nobody's trouble.
#[test]
fn columns_that_are_dropped_are_not_selected() {
    let policy =
        "rules:\n- {column: [raw, email], action: drop}\n- {column: [id, \"a b\", at], action: keep}\n";
    let run = |input: &str, fill: &dyn Fn(&Sandbox)| {
        let sandbox = Sandbox::new().file("policy.yml", policy).file("a.yml", &format!("{input}{CSV}"));
        fill(&sandbox);
        let said = sandbox.run(["embulk", "run", "-l", "info", "a.yml"]).expect_code(0);
        assert_clean_everywhere(&sandbox, &said);
        let told = "not copied, as the policy says: `raw` (policy.yml:2), `email` (policy.yml:2)";
        assert!(said.stdout.contains(told), "{}", said.stdout);
        let sql = said.stdout.lines().find_map(|line| line.split_once("SQL: ")).unwrap().1.to_owned();
        (sql, sandbox.read("out000.00.csv"))
    };
    let rows = "id,a b,at\n1,x,\n".to_owned();
    // Embulk has no type for `raw`.
    let table = |binary: &str, quote: char| {
        format!(
            "create table t (id int primary key, raw {binary}, {quote}a b{quote} varchar(9), email varchar(60), at date)"
        )
    };
    let insert = format!("insert into t values (1, 'x', 'x', '{}', null)", PERSONAL[0]);
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run([&table("blob", '`'), &insert]);
        let (sql, file) = run(&mysql(&database, "table: T\n  where: id < 5"), &|_| {});
        assert_eq!((sql.as_str(), &file), ("SELECT `id`, `a b`, `at` FROM `t` WHERE id < 5", &rows));
    }
    if let Some(database) = postgres_database() {
        database.run(&format!("{};{insert}", table("bytea", '"')));
        let (sql, file) = run(&postgresql(&database, "table: t"), &|_| {});
        assert_eq!((sql.as_str(), &file), ("SELECT \"id\", \"a b\", \"at\" FROM \"t\"", &rows));
    }
    let fill = |sandbox: &Sandbox| {
        let connection = rusqlite::Connection::open(sandbox.path().join("shop.source")).unwrap();
        connection.execute_batch(&format!("{};{insert}", table("blob", '"'))).unwrap();
    };
    let (sql, file) = run("in: {type: sqlite, database: shop.source, table: t}\n", &fill);
    assert_eq!((sql.as_str(), &file), ("SELECT \"id\", \"a b\", \"at\" FROM \"t\"", &rows));
}

/// Every connection of a table that is read in ranges.
#[test]
fn ranges_of_a_large_table_keep_the_policy() {
    let policy = "rules:\n- {column: email, action: mask, length: 1}\n- {column: phone, action: drop}\n- {column: id, action: keep}\n";
    let run = |input: &str| {
        let sandbox = Sandbox::new()
            .file("policy.yml", policy)
            .file("a.yml", &format!("{input}{CSV}"))
            .file("props", "sync.source.range_bytes = 1\nsync.source.max_connections = 4\n")
            .file("flow.dig", "+a:\n  sh>: embulk run a.yml\n");
        let said = sandbox.run(["run", "-c", "props", "-j", "8", "--json", "flow.dig"]).expect_code(0);
        assert!(said.stdout.contains(" ranges over "), "{}", said.stdout);
        assert_clean_everywhere(&sandbox, &said);
        let mut lines: Vec<String> = sandbox.read("out000.00.csv").lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!((lines.len(), lines[0].as_str()), (2001, "1,*"));
        assert!(lines.iter().all(|line| line.ends_with(",*") || line == "id,email"), "{lines:?}");
    };
    let make = "create table t (id int primary key, email varchar(60), phone varchar(60))";
    for server in mysql_sources() {
        let database = server.fresh_database();
        let values: Vec<String> =
            (1..=2000).map(|id| format!("({id}, '{id}{}', '{}')", PERSONAL[0], PERSONAL[2])).collect();
        database.run([make, &format!("insert into t values {}", values.join(",")), "analyze table t"]);
        run(&mysql(&database, "table: t"));
    }
    let Some(database) = postgres_database() else { return };
    database.run(&format!(
        "{make}; insert into t select i, i || '{}', '{}' from generate_series(1, 2000) i",
        PERSONAL[0], PERSONAL[2]
    ));
    run(&postgresql(&database, "table: t"));
}
