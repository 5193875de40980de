//! The same tables, each replaced in one step, under a policy.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::estate::Estate;
use super::lists::Table;

const POLICY: &str = "new_columns: deny
rules:
  - set: location
    action: drop
  - table: customers
    column: name
    action: hmac
    key: ${secret:policy.key}
  - column: memo
    action: truncate
    length: 3
  - column: [id, '*_id', code, kind, name, score, is_*, sort_order, '*_at', '*_on', price, '*amount', '*_count', ratio, description, extra]
    action: keep
";

/// Asks for the rows of a table until told to stop, and says how many different answers there were.
fn read_on(estate: &Estate, table: &Table, over: &AtomicBool) -> Vec<String> {
    let mut client = estate.warehouse.connect();
    let query = format!("select count(*), max(id) from {}.{}", table.schema, table.name);
    let mut answers: Vec<String> = Vec::new();
    while !over.load(Ordering::Acquire) {
        for answer in client.rows(&query) {
            if answers.last() != Some(&answer) {
                answers.push(answer);
            }
        }
    }
    answers
}

#[test]
fn tables_are_replaced_with_their_rights_and_no_personal_column_comes_along() {
    let Some(mut estate) = Estate::new() else { return };
    estate.sandbox.copy_from_repository("tests/fixtures/estate_to_redshift/one_step", ".");
    estate.sandbox.write("policy.yml", POLICY);
    estate.sandbox.set("SYNC_SECRET_POLICY_KEY", "0123456789abcdef0123456789abcdef");
    let watched = estate.table("portal", "articles").clone();
    let viewed = estate.table("loan", "banks").clone();
    let grown = estate.table("auth", "accounts").clone();
    // A column of yesterday's release, which no rule names.
    estate.change(&grown, "alter table accounts add email2 varchar(40) default 'leaked@example.com'");
    let list = estate.sandbox.read("digdag/tables/auth.dig");
    let (before, accounts) = list.split_once("{name: accounts, select: \"").expect("it is listed");
    let (_, after) = accounts.split_once('"').expect("its columns are quoted");
    estate
        .sandbox
        .write("digdag/tables/auth.dig", &format!("{before}{{name: accounts, select: \"*\"{after}"));
    let reader = estate.warehouse.behind.fresh_user(None);
    estate.warehouse.run(&format!(
        "grant usage on schema la_portal to {reader}; grant select on la_portal.articles to {reader}; \
         comment on table la_portal.articles is 'what is for sale'; \
         create view la_loan.names as select name from la_loan.banks"
    ));

    estate.run(&["run", "nightly.dig", "--session", "2026-01-01"]).expect_code(0);
    estate.assert_arrived(|table| !has_personal(table));
    let first = estate.count(&watched);
    estate.add_rows();
    let second = (first.0 + 1, 5001);

    let over = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_on(&estate, &watched, &over));
        let said = estate.run(&["run", "nightly.dig", "--session", "2026-01-02"]);
        over.store(true, Ordering::Release);
        said.expect_code(0);
        reading.join().expect("the reader ends")
    });
    assert_eq!(answers, [first, second].map(|(rows, last)| format!("{rows}|{last}")));
    estate.assert_arrived(|table| !has_personal(table));

    let rights = format!("select has_table_privilege('{reader}', 'la_portal.articles', 'select')");
    assert_eq!(estate.warehouse.behind.rows(&rights), ["t"]);
    assert_eq!(
        estate.warehouse.behind.rows("select obj_description('la_portal.articles'::regclass)"),
        ["what is for sale"]
    );
    let seen = format!(
        "select count(*) from la_loan.names where name is not null having count(*) = {}",
        estate.count(&viewed).0
    );
    assert_eq!(estate.warehouse.behind.rows(&seen).len(), 1);
    assert_eq!(estate.objects(), [""; 0]);

    let report: Value = serde_json::from_str(
        &estate.sandbox.run(["report", "--session", "last", "--json"]).expect_code(0).stdout,
    )
    .unwrap();
    assert_eq!(report["totals"]["transfers"], 280);
    assert_eq!(report["totals"]["failed_transfers"], 0);
    let accounts = report["transfers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|transfer| transfer["target"].as_str().unwrap().ends_with("la_auth.accounts"));
    let treated = &accounts.expect("it is in the report")["report"]["policy"];
    assert!(
        treated.as_array().unwrap().iter().any(|one| one["column"] == "email2" && one["rule"] == Value::Null),
        "{treated}"
    );
    assert_nowhere("leaked@example.com", &estate.sandbox.path());
    let said = estate.warehouse.statements();
    assert!(said.iter().all(|statement| !statement.contains("leaked@example.com")));
    let columns = "select attname from pg_attribute where attrelid = 'la_auth.accounts'::regclass and attname = 'email2'";
    assert_eq!(estate.warehouse.behind.rows(columns), [""; 0]);
    let hashed =
        "select count(*) from la_crm.customers where name ~ '^[0-9a-f]{64}$' having count(*) = count(id)";
    assert_eq!(
        estate.warehouse.behind.rows(hashed),
        [(estate.count(estate.table("crm", "customers")).0).to_string()]
    );
}

/// Fails when a text is in a file below a folder, the state and its journals among them.
fn assert_nowhere(text: &str, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(text, &path);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let is_there = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!is_there, "`{text}` is in {}", path.display());
        }
    }
}

/// Whether the policy changes a column of the table.
fn has_personal(table: &Table) -> bool {
    table.name == "customers"
        || table
            .columns
            .iter()
            .any(|column| matches!(column.name.as_str(), "latitude" | "longitude" | "memo"))
}
