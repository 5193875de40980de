//! The example in `workflows`, run.

use crate::support::postgres::postgres_database;
use crate::support::redshift::redshift_database;
use crate::support::s3;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{aws, mariadb};
use crate::support::webhook::Webhook;

#[test]
fn the_example_replaces_its_tables_and_tells_of_one_that_fails() {
    let (Some(server), Some(aws)) = (mariadb(), aws()) else { return };
    let (Some(postgresql), Some(warehouse)) = (postgres_database(), redshift_database()) else { return };
    let crm = server.fresh_database();
    crm.run([
        "create table customers (id int primary key, name varchar(40))",
        "insert into customers values (1, 'Ann')",
        "create table inquiries (id int primary key, body json, at datetime)",
        "insert into inquiries values (1, '{\"a\": 1}', '2026-01-01 12:00:00')",
        "create table contracts (id int primary key, price decimal(30, 5))",
        "insert into contracts values (1, 12345678901234567890.12345)",
    ]);
    postgresql.run(
        "create schema chat; create table chat.rooms (id int primary key, opened timestamptz); \
         insert into chat.rooms values (1, '2026-01-01 00:00:00+09'); \
         create table chat.messages (id int primary key, body text)",
    );
    warehouse.run("create schema portal");
    let slack = Webhook::start();
    let mut sandbox = Sandbox::new();
    for folder in ["workflows", "embulk"] {
        sandbox.copy_from_repository(folder, folder);
    }
    sandbox.write(".sync/.gitignore", "*\n");
    let environment = sandbox
        .read("workflows/redshift/environment.dig")
        .replace("3306", &server.port.to_string())
        .replace("5432", &postgresql.port.to_string())
        .replace("5439", &warehouse.port.to_string())
        .replace("database: portal", &format!("database: {}", postgresql.name))
        .replace("database: warehouse", &format!("database: {}", warehouse.name))
        .replace("ssl: true", "ssl: false");
    sandbox.write("workflows/redshift/environment.dig", &environment);
    let list = sandbox.read("workflows/redshift/crm_tables.dig");
    let list = list.replace("[crm]", &format!("[{}]", crm.name));
    sandbox.write("workflows/redshift/crm_tables.dig", &format!("{list}  - {{name: nowhere}}\n"));
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    sandbox.set("SYNC_SECRET_MYSQL_PASSWORD", server.password.clone());
    for name in ["POSTGRESQL", "AWS_REDSHIFT"] {
        sandbox.set(&format!("SYNC_SECRET_{name}_PASSWORD"), "not asked for");
    }
    sandbox.set("SYNC_SECRET_SLACK_WEBHOOK_URL", slack.url("/hook"));
    let run = |command: &[&str]| {
        let parameters = [
            format!("mysql_host={}", server.host),
            format!("mysql_user={}", server.user),
            format!("postgresql_host={}", postgresql.host),
            format!("postgresql_user={}", postgresql.user),
            format!("redshift_host={}", warehouse.host),
            format!("redshift_user={}", warehouse.user),
            format!("staging_bucket={}", aws.bucket),
            format!("copy_iam_role={}", warehouse.role),
        ];
        let given = parameters.iter().flat_map(|one| ["-p", one.as_str()]);
        sandbox.run(command.iter().copied().chain(given))
    };

    run(&["run", "workflows/portal_to_redshift.dig", "--session", "2026-01-02"]).expect_code(1);
    let of = |table: &str| warehouse.rows(&format!("select * from portal.{table}"));
    let crm_table = |name: &str| of(&format!("{}_{name}", crm.name));
    assert_eq!(crm_table("customers"), ["1|Ann"]);
    assert_eq!(crm_table("inquiries"), ["1|{\"a\": 1}|2026-01-01 12:00:00"]);
    assert_eq!(crm_table("contracts"), ["1|12345678901234567890.12345"]);
    assert_eq!(of("chat_rooms"), ["1|2025-12-31 15:00:00+00"]);
    assert_eq!(of("chat_messages"), [""; 0]);
    let told = slack.received();
    assert_eq!(told.len(), 1, "{told:?}");
    // A form, as Slack's webhooks take it.
    let text = "portal_to_redshift%3A+table+%60nowhere%60+failed+for+session+2026-01-02";
    assert!(told[0].body.contains(text), "{told:?}");

    crm.run(["create table nowhere (id int)"]);
    run(&["retry", "--session", "last"]).expect_code(0);
    assert_eq!(of("nights where night = '2026-01-02'").len(), 1);
    assert!(s3::objects(&aws, &format!("redshift/{}_", crm.name)).is_empty());
}
