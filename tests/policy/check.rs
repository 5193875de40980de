//! `check`: the policy itself, and with `--connect` its word on every column.

use serde_json::{Value, json};

use super::{CSV, mysql};
use crate::support::sandbox::Sandbox;
use crate::support::servers::mariadb;

#[test]
fn a_policy_is_checked_with_its_project() {
    let sandbox = Sandbox::new()
        .file("policy.yml", "new_columns: allow\n")
        .file("flow.dig", "+a:\n  echo>: hello\n")
        .file("embulk/a.yml", "in: {type: sqlite, database: a.db, table: t}\nout: {type: file, path_prefix: o, file_ext: csv, formatter: {type: csv}}\n");
    let error = "error: `new_columns` must be `deny` or `keep`, not `allow`
 --> policy.yml:1:14
  |
1 | new_columns: allow
  |              ^^^^^
";
    for paths in [&[][..], &["flow.dig"], &["policy.yml"], &["."]] {
        let said = sandbox.run(["check"].iter().chain(paths)).expect_code(65);
        assert_eq!(said.stdout, error, "{paths:?}");
    }
    sandbox.write("policy.yml", "rules: [{column: \"*\", action: keep}]\n");
    let said = sandbox.run(["check", "policy.yml", "flow.dig"]).expect_code(0);
    assert!(said.stdout.starts_with("warning: the rule keeps every column"), "{}", said.stdout);
    assert_eq!(said.stderr, "checked 2 files: 1 warning\n");
    sandbox.run(["check", "--deny", "warnings", "flow.dig"]).expect_code(65);
}

#[test]
fn every_column_has_its_verdict() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table users (id int, email varchar(60), tel char(12), extra decimal(8,2))"]);
    let name = &database.name;
    let mut sandbox = Sandbox::new()
        .file(
            "policy.yml",
            "rules:\n  - {column: id, action: keep}\n  - {set: phone, action: drop, reason: nobody calls}\n  - set: personal\n    \
             action: hmac\n    key: ${secret:policy.key}\n",
        )
        .file(
            "a.yml.liquid",
            &(mysql(&database, "query: select id, email as mail, tel, upper(email) as up, extra from users")
                .replace(&format!("'{}'", server.password), "'{{ env.PW }}'")
                + CSV),
        );
    sandbox.set("PW", &server.password);
    // The key is not asked for.
    let said = sandbox.run(["check", "--connect", "a.yml.liquid"]).expect_code(0);
    let lines: Vec<&str> = said.stdout.lines().map(str::trim_end).collect();
    let columns = |line: &str| {
        line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("|")
    };
    let shown: Vec<String> = lines.iter().map(|line| columns(line)).collect();
    assert_eq!(
        shown,
        [
            "a.yml.liquid: the policy".to_owned(),
            "COLUMN|FROM|TYPE|VERDICT|RULE|REASON".to_owned(),
            format!("id|{name}.users.id|INT|keep|policy.yml:2"),
            format!("mail|{name}.users.email|VARCHAR(60)|hmac|policy.yml:4"),
            format!("tel|{name}.users.tel|CHAR(12)|drop|policy.yml:3|nobody calls"),
            "up|expression|VARCHAR(60)|drop|none".to_owned(),
            format!("extra|{name}.users.extra|DECIMAL(8,2)|drop|none"),
        ]
    );
    assert_eq!(said.stderr, "checked 2 files: no problems\n");
    let said = sandbox.run(["check", "--connect", "--format", "json", "a.yml.liquid"]).expect_code(0);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(found["policy"][0]["file"], "a.yml.liquid");
    assert_eq!(
        found["policy"][0]["columns"][2],
        json!({
            "column": "tel", "source": format!("{name}.users.tel"), "type": "CHAR(12)", "action": "drop",
            "rule": "policy.yml:3", "reason": "nobody calls",
        })
    );
    // What will be sent follows.
    let said =
        sandbox.run(["check", "--connect", "--explain", "--format", "json", "a.yml.liquid"]).expect_code(0);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    let columns = found["transfers"][0]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 2);
    assert_eq!((&columns[1]["column"], &columns[1]["embulk_type"]), (&json!("mail"), &json!("string")));
    assert_eq!(columns[1]["conversion"][0], "hmac by policy.yml:4");
}

#[test]
fn a_source_of_which_nothing_may_be_copied_still_has_its_verdicts() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table t (a int)"]);
    let sandbox = Sandbox::new().file("policy.yml", "").file("a.yml", &(mysql(&database, "table: t") + CSV));
    let said = sandbox.run(["check", "--connect", "a.yml"]).expect_code(65);
    assert!(said.stdout.contains("drop"), "{}", said.stdout);
    assert!(
        said.stdout.contains("error: policy.yml lets no column of the source be copied"),
        "{}",
        said.stdout
    );
}
