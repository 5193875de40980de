//! `sync status --unused` in Redshift, whose system views reach back seven days; played by the stand-in.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::redshift::{RedshiftDatabase, redshift_database};
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, aws, fresh_name};

const TABLES: [&str; 4] = ["orders", "items", "customers", "stock"];

/// So many hours ago.
fn ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}

fn day(hours: i64) -> String {
    ago(hours).strftime("%Y-%m-%d").to_string()
}

/// Four tables that are replaced each night, for the first time 30 days ago.
struct Estate {
    sandbox: Sandbox,
    database: RedshiftDatabase,
    config: String,
}

impl Estate {
    fn new() -> Option<Self> {
        let (aws, database): (Aws, _) = (aws()?, redshift_database()?);
        let config = format!(
            "in: {{type: sqlite, database: shop.db, table: {{{{ env.TABLE }}}}}}\n\
             out: {{type: redshift, host: {}, port: {}, user: {}, database: {}, table: {{{{ env.TABLE }}}}, \
             mode: replace, s3_bucket: {}, s3_key_prefix: {}, aws_auth_method: env, copy_iam_role: '{}'}}\n",
            database.host,
            database.port,
            database.user,
            database.name,
            aws.bucket,
            fresh_name("unused"),
            database.role
        );
        let mut sandbox = Sandbox::new().file("lake.yml.liquid", &config).file(
            "main.dig",
            &format!(
                "+copy:\n  for_each>: {{TABLE: [{}]}}\n  _do:\n    sh>: embulk run -l warn lake.yml.liquid\n",
                TABLES.join(", ")
            ),
        );
        for (name, value) in aws.environment() {
            sandbox.set(name, value);
        }
        let shop = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
        for name in TABLES {
            let sql = format!("create table {name} (id integer); insert into {name} values (1), (2);");
            shop.execute_batch(&sql).expect("a table");
        }
        sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
        let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).expect("the state");
        let first = ago(30 * 24).to_string();
        state.execute("update transfers set finished_at = ?1", [first]).expect("it is there");
        drop(state);
        sandbox.run(["run", "main.dig", "--session", "2026-01-03"]).expect_code(0);
        Some(Self { sandbox, database, config })
    }

    /// A step on record.
    fn step(&self, kind: &str, table_id: &str, name: &str, hours: i64) {
        let at = ago(hours).strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.database.behind.run(&format!(
            "insert into pg_catalog.sys_query_detail (query_id, step_name, table_id, table_name, start_time)
             values (7, '{kind}', {table_id}, '{name}', '{at}')"
        ));
    }

    fn unused(&self, arguments: &[&str]) -> Said {
        self.sandbox.run([&["status", "--unused"], arguments].concat())
    }

    fn verdicts(&self, arguments: &[&str]) -> Vec<(String, String)> {
        let said = self.unused(&[arguments, &["--json"]].concat()).expect_code(0);
        let told: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let name = format!("redshift {}.public.", self.database.name);
        let tables = told["tables"].as_array().expect("a list").iter();
        let mut verdicts: Vec<_> = tables
            .map(|table| (text(&table["target"]).replace(&name, ""), text(&table["verdict"])))
            .collect();
        verdicts.sort();
        verdicts
    }
}

#[test]
fn tables_that_nobody_scans_are_found_as_far_as_the_record_reaches() {
    let Some(estate) = Estate::new() else { return };
    let id = |table: &str| estate.database.rows(&format!("select '{table}'::regclass::oid")).remove(0);
    // Yesterday's table, which has another number today.
    estate.step("scan", "42", "orders", 30);
    // Under its number alone.
    estate.step("scan", &id("items"), "items_new", 5);
    // Counted while it was staged; a load; another schema's.
    estate.step("scan", &id("customers"), "sync_0123_1", 1);
    estate.step("insert", &id("customers"), "customers", 1);
    estate.step("scan", "43", "dev.other.customers", 1);
    estate.step("scan", "44", "stock", 160);
    // The beginning of the record.
    estate.step("return", "0", "", 6 * 24);

    let expected = [("customers", "unused"), ("items", "used"), ("orders", "used"), ("stock", "unused")];
    let expected = expected.map(|(table, verdict)| (table.to_owned(), verdict.to_owned()));
    assert_eq!(estate.verdicts(&["--older-than", "120h"]), expected);
    let said = estate.unused(&["--older-than", "120h"]).expect_code(0);
    assert!(said.stderr.contains("4 tables: 2 not read for 5 days, 2 read; "), "{}", said.stderr);
    let since = format!(": on record since {} are scans by queries", day(160));
    assert!(said.stderr.contains(&since), "{}", said.stderr);
    let line = said.stdout.lines().find(|line| line.contains(".stock ")).expect("its line");
    assert_eq!(line.split_whitespace().nth(2), Some(day(160).as_str()));

    // For longer than the views keep, nothing is called unused.
    let verdicts = estate.verdicts(&["--older-than", "10d"]);
    assert_eq!([verdicts[0].1.as_str(), verdicts[3].1.as_str()], ["unclear", "used"]);
    let said = estate.unused(&["--older-than", "10d"]).expect_code(0);
    let why = format!("not since {}", day(160));
    assert!(said.stdout.starts_with("NOT CERTAIN") && said.stdout.contains(&why), "{}", said.stdout);
}

#[test]
fn who_sees_only_his_own_queries_finds_nothing_unused() {
    let Some(estate) = Estate::new() else { return };
    let user = estate.database.behind.fresh_user(None);
    let config = estate.config.replace(&format!("user: {}", estate.database.user), &format!("user: {user}"));
    estate.sandbox.write("lake.yml.liquid", &config);
    let said = estate.unused(&["--older-than", "1d"]).expect_code(1);
    let told = format!(
        "error: redshift {}: the user sees its own queries only\nhint: an administrator allows it the others': `ALTER \
         USER name SYSLOG ACCESS UNRESTRICTED`\n",
        estate.database.name
    );
    assert!(said.stderr.contains(&told), "{}", said.stderr);
    assert!(said.stderr.ends_with("4 tables: 4 not certain\n"), "{}", said.stderr);
}

#[test]
fn two_clusters_with_a_database_of_one_name_are_not_taken_for_one() {
    let Some(estate) = Estate::new() else { return };
    let other = estate.config.replace(&format!("host: {}", estate.database.host), "host: other.example.com");
    assert_ne!(other, estate.config);
    estate.sandbox.write("other.yml.liquid", &other);
    let flow = format!(
        "{}+other:\n  _export: {{TABLE: orders}}\n  sh>: embulk run other.yml.liquid\n",
        estate.sandbox.read("main.dig")
    );
    estate.sandbox.write("main.dig", &flow);
    let said = estate.unused(&[]).expect_code(1);
    assert!(said.stderr.contains("its tables cannot be told apart"), "{}", said.stderr);
    assert!(said.stderr.ends_with("4 tables: 4 not certain\n"), "{}", said.stderr);
}
