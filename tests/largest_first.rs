//! Which of the tasks that may start at once does, when `-j` lets only one.

use crate::support::sandbox::Sandbox;

const CONFIG: &str = "in: {type: sqlite, database: shop.db, table: '{{ env.table }}'}\n\
                      out: {type: file, path_prefix: '{{ env.table }}', file_ext: csv, formatter: {type: csv}}\n";

/// Tables of 1, 100 and 1,000 rows.
fn sandbox(flow: &str) -> Sandbox {
    let sandbox = Sandbox::new().file("main.dig", flow).file("load.yml.liquid", CONFIG);
    let tables = [("small", 1), ("middle", 100), ("large", 1000)].map(|(table, rows)| {
        format!(
            "create table {table} as with recursive n (id) as
             (select 1 union all select id + 1 from n where id < {rows}) select id from n;"
        )
    });
    rusqlite::Connection::open(sandbox.path().join("shop.db"))
        .and_then(|database| database.execute_batch(&tables.concat()))
        .expect("tables");
    sandbox
}

/// What began, in turn.
fn began(sandbox: &Sandbox, code: i32) -> String {
    sandbox.write("began", "");
    sandbox.run(["run", "main.dig", "-j", "1"]).expect_code(code);
    sandbox.read("began").replace('\n', " ")
}

fn each(tables: &str) -> String {
    format!(
        "+tables:\n  for_each>: {{table: [{tables}]}}\n  _parallel: true\n  _do:\n    \
         sh>: echo $table >> began && embulk run load.yml.liquid\n"
    )
}

#[test]
fn the_largest_table_of_the_last_good_run_starts_first() {
    let sandbox = sandbox(&each("small, middle, large"));
    assert_eq!(began(&sandbox, 0), "small middle large ");
    assert_eq!(began(&sandbox, 0), "large middle small ");
    // One that nobody knows may be as large as any.
    sandbox.write("main.dig", &each("small, middle, large, fresh"));
    assert_eq!(began(&sandbox, 1), "large fresh middle small ");
    // That run did not end well: what is known is what was.
    assert_eq!(began(&sandbox, 1), "large fresh middle small ");
}

#[test]
fn what_leads_to_the_largest_table_starts_first() {
    let group = |table: &str| {
        format!(
            "  +{table}:\n    _export: {{table: {table}}}\n    +prepare:\n      sh>: echo $table >> began\n    \
             +copy:\n      embulk>: load.yml\n"
        )
    };
    let flow = format!("+all:\n  _parallel: true\n{}{}", group("small"), group("large"));
    let sandbox = sandbox(&flow);
    sandbox.write("load.yml", &CONFIG.replace("{{ env.table }}", "${table}"));
    assert_eq!(began(&sandbox, 0), "small large ");
    assert_eq!(began(&sandbox, 0), "large small ");
    // Kept by nobody, but what is asked of the state is asked before.
    sandbox.write("began", "");
    sandbox.run(["run", "main.dig", "-j", "1", "--no-save"]).expect_code(0);
    assert_eq!(sandbox.read("began"), "large\nsmall\n");
}
