//! What people and programs see.

use serde_json::json;

use super::{sqlite, transfers};
use crate::support::sandbox::Sandbox;

const SHOP: &str =
    "create table orders (id integer, paid boolean, amount decimal(20, 2), day date, at datetime, raw blob)";

fn shop(out: &str) -> Sandbox {
    let sandbox = Sandbox::new().file(
        "orders.yml.liquid",
        &format!(
            "in: {{type: sqlite, database: shop.db, table: {{{{ env.TABLE }}}}}}\nout:\n  type: {out}\n"
        ),
    );
    sqlite(&sandbox, SHOP);
    sandbox
}

const BIGQUERY: &str = "bigquery\n  auth_method: application_default\n  project: p\n  dataset: lake\n  table: orders\n  source_format: NEWLINE_DELIMITED_JSON";

#[test]
fn every_column_is_told_with_what_it_can_lose_and_what_embulk_sends() {
    let mut sandbox = shop(&format!("{BIGQUERY}\n  types: exact"));
    sandbox.set("TABLE", "orders");
    sandbox.set("TZ", "Asia/Tokyo");
    let said = sandbox.run(["check", "--explain", "orders.yml.liquid"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "\
orders.yml.liquid: sqlite shop.db orders to bigquery p.lake.orders
COLUMN  SOURCE          EMBULK     TARGET    SENT AS
id      INTEGER         long       INTEGER   whole number
paid    boolean         boolean    INTEGER   whole number
amount  decimal(20, 2)  double     NUMERIC   digits as stored
day     date            timestamp  DATE      `%Y-%m-%d` of its own clock
at      datetime        timestamp  DATETIME  `%Y-%m-%d %H:%M:%S.%6N` of its own clock
raw     BLOB            refused    BYTES     Base64

CAN BE LOST                                          COLUMNS
values that do not go with the declared type: fails  id, paid, amount, day, at, raw

COLUMN  A VALUE                     IS SENT AS                  EMBULK
paid    2                           2                           BOOLEAN true
amount  123456789012345678.99       123456789012345678.99       FLOAT 123456789012345680.0
day     2024-02-29                  2024-02-29                  TIMESTAMP 2024-02-29 00:00:00.000000
                                                                +09:00
at      2024-02-29 12:34:56.123456  2024-02-29 12:34:56.123456  TIMESTAMP 2024-02-29 21:34:56.123456
                                                                +09:00
raw     日                          5pel                        refuses the column
"
    );
    assert_eq!(said.stderr, "checked 1 file: no problems\n");
}

#[test]
fn digits_that_embulks_types_lose_are_a_warning() {
    let mut sandbox = shop(BIGQUERY);
    sandbox.set("TABLE", "orders");
    sqlite(&sandbox, "alter table orders drop column raw");
    let said = sandbox.run(["check", "--explain", "orders.yml.liquid"]).expect_code(0);
    let warning = "\
warning: numbers of more than 15 digits lose some: `amount` (decimal(20, 2) as FLOAT)
 --> orders.yml.liquid:3:9
  |
3 |   type: bigquery
  |         ^^^^^^^^
  = hint: `types: exact` in `out:` keeps them, and so does a `type` of their own in `column_options`
";
    assert!(said.stdout.ends_with(warning), "{}", said.stdout);
    let lost = "\
CAN BE LOST                                          COLUMNS
values that do not go with the declared type: fails  id, paid, amount, day, at
values other than 0 and 1                            paid
digits beyond the 15th                               amount
";
    assert!(said.stdout.contains(lost), "{}", said.stdout);
    sandbox.run(["check", "--explain", "--deny", "warnings", "orders.yml.liquid"]).expect_code(65);
    // Whoever gives the column a type has seen it.
    let typed = format!("{BIGQUERY}\n  column_options: [{{name: amount, type: NUMERIC}}]");
    let mut sandbox = shop(&typed);
    sandbox.set("TABLE", "orders");
    sqlite(&sandbox, "alter table orders drop column raw");
    sandbox.run(["check", "--explain", "--deny", "warnings", "orders.yml.liquid"]).expect_code(0);
}

#[test]
fn programs_get_the_same_facts() {
    let mut sandbox = shop("file\n  path_prefix: out/orders\n  file_ext: csv\n  formatter: {type: csv}");
    sandbox.set("TABLE", "orders");
    sandbox.set("TZ", "Asia/Tokyo");
    sqlite(&sandbox, "drop table orders; create table orders (amount decimal(20, 2), day date)");
    let said = sandbox.run(["check", "--explain", "--format", "json", "orders.yml.liquid"]).expect_code(0);
    let lost = json!({
        "what": "values that do not go with the declared type", "fate": "fails",
        "text": "values that do not go with the declared type: fails",
    });
    assert_eq!(
        transfers(&said),
        [json!({
            "file": "orders.yml.liquid", "task": null, "unknown": [],
            "source": "sqlite shop.db orders", "target": "file out/orders000.00.csv",
            "columns": [
                {
                    "column": "amount", "source_column": "amount", "source_type": "decimal(20, 2)",
                    "embulk_type": "double", "target_type": "text", "conversion": ["digits as stored"],
                    "zones": [], "lost": [lost],
                    "example": {
                        "value": "123456789012345678.99", "sent": "123456789012345678.99",
                        "embulk_target_type": "text", "embulk_sent": "1.2345678901234568E17", "embulk_does": null,
                    },
                },
                {
                    "column": "day", "source_column": "day", "source_type": "date", "embulk_type": "timestamp",
                    "target_type": "text",
                    "conversion": ["midnight in Asia/Tokyo → `%Y-%m-%d %H:%M:%S.%6N %z` in UTC"],
                    "zones": ["Asia/Tokyo", "UTC"], "lost": [lost],
                    "example": {
                        "value": "2024-02-29", "sent": "2024-02-28 15:00:00.000000 +0000",
                        "embulk_target_type": "text", "embulk_sent": "2024-02-28 15:00:00.000000 +0000",
                        "embulk_does": null,
                    },
                },
            ],
        })]
    );
}

#[test]
fn what_a_server_would_say_is_named_as_not_known() {
    let sandbox = Sandbox::new().file(
        "a.yml",
        "in:\n  type: mysql\n  host: h\n  user: u\n  database: d\n  table: t\n  column_options: {price: {type: string}}\n\
         out:\n  type: postgresql\n  host: h\n  user: u\n  database: d\n  table: t\n  mode: insert\n  \
         column_options: {price: {type: NUMERIC}, at: {timezone: Asia/Tokyo}}\n",
    );
    let said = sandbox.run(["check", "--explain", "a.yml"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "\
a.yml: mysql d.t to postgresql d.public.t
COLUMN  SOURCE  EMBULK  TARGET   SENT AS
price           string  NUMERIC
at                               `timezone: Asia/Tokyo`
not known: columns and types of the source: `--connect` asks it
"
    );
}

#[test]
fn columns_of_files_are_those_of_the_config() {
    let sandbox = Sandbox::new().file(
        "a.yml",
        "in:\n  type: file\n  path_prefix: rows\n  parser:\n    type: csv\n    columns:\n    - {name: id, type: long}\n    \
         - {name: at, type: timestamp, format: '%d.%m.%Y'}\n    - {name: note, type: string}\n\
         filters:\n- {type: rename, columns: {id: key}}\n- {type: mask, columns: [{name: note}]}\n\
         - {type: column, add_columns: [{name: origin, type: string, default: csv}]}\n\
         out: {type: file, path_prefix: out, file_ext: parquet, formatter: {type: parquet}}\n",
    );
    let said = sandbox.run(["check", "--explain", "a.yml"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "\
a.yml: file rows to file out000.00.parquet
COLUMN  SOURCE     EMBULK     TARGET            SENT AS
key     id long    long       INT64             whole number
at      timestamp  timestamp  TIMESTAMP in UTC  read by `%d.%m.%Y` in UTC; instant
note    string     string     STRING            filter `mask`; text as it is
origin             string     STRING            the same value in every row; text as it is

CAN BE LOST                                      COLUMNS
rows with a value that is no long: left out      key
rows with a value that is no timestamp: left out  at
"
        .replace(
            "COLUMNS\nrows with a value that is no long: left out      key",
            "COLUMNS\nrows with a value that is no long: left out       key"
        )
        .replace(
            "CAN BE LOST                                      COLUMNS",
            "CAN BE LOST                                       COLUMNS"
        )
    );
}

#[test]
fn a_workflow_is_followed_to_its_transfers_as_far_as_it_is_written_out() {
    let sandbox = shop("file\n  path_prefix: out\n  file_ext: csv\n  formatter: {type: csv}")
        .file(
            "main.dig",
            "_export:\n  prefix: ord\n+each:\n  for_each>: {name: [ers]}\n  _do:\n    _export: {TABLE: '${prefix + name}'}\n    \
             sh>: embulk run orders.yml.liquid\n+one:\n  sh>: TABLE=orders embulk run orders.yml.liquid\n\
             +later:\n  _export: {TABLE: '${stored.name}'}\n  sh>: embulk run orders.yml.liquid\n\
             +below:\n  call>: sub/child.dig\n+written:\n  _type: embulk\n  config:\n    \
             in: {type: sqlite, database: shop.db, table: orders, select: id}\n    \
             out: {type: file, path_prefix: out, file_ext: csv, formatter: {type: csv}}\n",
        )
        .file("sub/child.dig", "+t:\n  if>: ${prefix == 'x'}\n  _do: {sh>: embulk run ../orders.yml.liquid}\n");
    sqlite(&sandbox, "alter table orders drop column raw");
    let said = sandbox.run(["check", "--explain", "--format", "json", "main.dig"]).expect_code(0);
    let told: Vec<_> = transfers(&said)
        .iter()
        .map(|told| {
            let columns = told["columns"].as_array().map(Vec::len);
            json!([told["file"], told["task"], columns, told["unknown"]])
        })
        .collect();
    let later = "`TABLE` is `${stored.name}`, which is known when the task starts";
    assert_eq!(
        told,
        [
            json!(["orders.yml.liquid", "+main+each (name=ers)", 5, []]),
            json!(["orders.yml.liquid", "+main+one", 5, []]),
            json!(["orders.yml.liquid", "+main+later", null, [later]]),
            json!(["config", "+main+written", 1, []]),
        ]
    );
}

#[test]
fn a_file_that_lacks_its_environment_says_what_is_missing() {
    let sandbox = shop(BIGQUERY);
    let said = sandbox.run(["check", "--explain", "orders.yml.liquid"]).expect_code(65);
    assert!(
        said.stdout.starts_with("orders.yml.liquid\nnot known: the file is invalid\n"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("warning: environment variable `TABLE` is not set\n"), "{}", said.stdout);
    assert!(said.stdout.contains("error: `table` or `query` is required in `in`\n"), "{}", said.stdout);
}

#[test]
fn a_database_file_that_an_earlier_task_makes_is_no_error_before_that() {
    let mut sandbox = shop(BIGQUERY);
    sandbox.set("TABLE", "orders");
    std::fs::remove_file(sandbox.path().join("shop.db")).unwrap();
    let said = sandbox.run(["check", "--explain", "orders.yml.liquid"]).expect_code(0);
    assert_eq!(said.stdout, "orders.yml.liquid\nnot known: the columns: there is no SQLite file `shop.db`\n");
}

#[test]
fn options_of_columns_that_do_not_exist_are_named_where_they_stand() {
    let sandbox = Sandbox::new().file(
        "a.yml",
        "in:\n  type: sqlite\n  database: shop.db\n  table: orders\n  column_options: {amuont: {type: string}}\n\
         out:\n  type: bigquery\n  project: p\n  dataset: d\n  table: t\n  column_options:\n  - {name: ID}\n  - {name: id}\n",
    );
    sqlite(&sandbox, "create table orders (id integer, amount text); insert into orders values (1, 'x')");
    let said = sandbox.run(["check", "--explain", "a.yml"]).expect_code(0).stdout;
    let note = "`column_options` of `in:` has an entry for a column that does not exist: `amuont` (did you mean `amount`?)";
    let warnings = format!(
        "warning: {note}\n --> a.yml:2:9\n  |\n2 |   type: sqlite\n  |         ^^^^^^\n\n\
         warning: `column_options` of `out:` has an entry for a column that does not exist: `ID` (did you mean `id`?)\n \
         --> a.yml:7:9\n  |\n7 |   type: bigquery\n  |         ^^^^^^^^"
    );
    assert!(said.trim_end().ends_with(&warnings), "{said}");
    let preview = sandbox.run(["embulk", "preview", "a.yml"]).expect_code(0).stdout;
    assert!(preview.contains(&format!("[WARN] (main): {note}\n")), "{preview}");
}
