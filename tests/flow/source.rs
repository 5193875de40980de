//! The forty tables of the nightly flow, and what each column must be in BigQuery.

use crate::support::servers::MySqlDatabase;

/// A table of the source.
pub struct Table {
    pub name: String,
    /// `create table` without the table's name.
    definition: String,
    inserts: Vec<String>,
    /// The columns that arrive, in order.
    pub columns: Vec<Column>,
    /// How rows are told apart when both sides are compared.
    pub key: String,
}

/// A column that arrives.
#[derive(Clone)]
pub struct Column {
    pub name: String,
    /// Its type in BigQuery, Embulk's unless stated.
    pub kind: Kind,
    /// SQL over the source that gives the text the target must hold.
    pub expected: String,
}

/// Types of BigQuery, with how their cells are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Float,
    /// A FLOAT of MySQL: any double that rounds to the same single.
    Single,
    Boolean,
    String,
    /// Compared in microseconds since the epoch.
    Timestamp,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Float | Self::Single => "FLOAT",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

fn column(name: &str, kind: Kind) -> Column {
    let quoted = format!("`{name}`");
    let expected = match kind {
        Kind::Boolean => format!("if({quoted} > 0 or {quoted} = -1, 'true', 'false')"),
        Kind::Timestamp => format!("timestampdiff(microsecond, '1970-01-01', {quoted})"),
        _ => quoted.clone(),
    };
    let expected = format!("if({quoted} is null, null, {expected})");
    Column { name: name.to_owned(), kind, expected }
}

/// DATETIME columns arrive as local time of Tokyo, in text: the server's zone is UTC.
fn local_time(name: &str) -> Column {
    let expected = format!("concat(date_format(`{name}` + interval 9 hour, '%Y-%m-%d %H:%i:%s'), '+09:00')");
    Column { name: name.to_owned(), kind: Kind::String, expected }
}

fn table(name: &str, definition: &str, inserts: &[&str], columns: Vec<Column>) -> Table {
    Table {
        name: name.to_owned(),
        definition: definition.to_owned(),
        inserts: inserts.iter().map(|&insert| insert.to_owned()).collect(),
        key: columns[0].name.clone(),
        columns,
    }
}

/// Forty tables: every type, empty ones, one long, one wide, odd names, personal columns, and plain ones.
pub fn tables() -> Vec<Table> {
    let mut tables = vec![
        every_type(),
        empty(
            "empty_one",
            "id int primary key, at datetime(6)",
            vec![column("id", Kind::Integer), local_time("at")],
        ),
        empty("empty_two", "name varchar(10) primary key", vec![column("name", Kind::String)]),
        long(),
        wide(),
        unicode(),
        reserved(),
        customers(),
        orders(),
    ];
    let plain = 40 - tables.len();
    tables.extend((1..=plain).map(plain_table));
    assert_eq!(tables.len(), 40);
    tables
}

fn every_type() -> Table {
    let columns = vec![
        column("id", Kind::Integer),
        column("tiny", Kind::Integer),
        column("tiny_unsigned", Kind::Integer),
        column("flag", Kind::Boolean),
        column("small", Kind::Integer),
        column("medium", Kind::Integer),
        column("medium_unsigned", Kind::Integer),
        column("plain_unsigned", Kind::Integer),
        column("big", Kind::Integer),
        column("big_unsigned", Kind::Integer),
        column("price", Kind::Float),
        column("digits", Kind::Float),
        column("single", Kind::Single),
        column("twice", Kind::Float),
        column("fixed", Kind::String),
        column("words", Kind::String),
        column("body", Kind::String),
        column("choice", Kind::String),
        column("document", Kind::String),
        column("day", Kind::Timestamp),
        local_time("moment"),
        column("instant", Kind::Timestamp),
    ];
    table(
        "every_type",
        "id int primary key, tiny tinyint, tiny_unsigned tinyint(3) unsigned, flag tinyint(1), small smallint,
         medium mediumint, medium_unsigned mediumint unsigned, plain_unsigned int unsigned, big bigint,
         big_unsigned bigint unsigned, price decimal(20, 4), digits decimal(15, 15), single float, twice double,
         fixed char(8), words varchar(200), body text, choice enum('red', '青'), document json, day date,
         moment datetime(6), instant timestamp(6) null",
        &[
            "insert into {} values (1, -128, 255, 1, -32768, -8388608, 16777215, 4294967295, -9223372036854775808,
             9223372036854775807, 1234567890123.4567, 0.123456789012345, 1.2345, 1.7976931348623157e308, 'fixed',
             'emoji 🍣 \\'quote\\' \"double\" back\\\\slash', 'line one\\nline two\\ttab / < &', '青',
             '{\"b\": 1, \"a\": [1.50, null, \"é\"]}', '2026-02-28', '2026-02-28 23:59:59.999999',
             '2026-03-01 00:00:00.000001')",
            "insert into {} values (2, 127, 0, 0, 32767, 8388607, 0, 0, 9223372036854775807, 0, -0.0001, 0, -3.4e38,
             5e-324, '', '', '', 'red', '[]', '1999-12-31', '1970-01-01 00:00:00', '2001-09-09 01:46:40')",
            "insert into {} (id) values (3)",
        ],
        columns,
    )
}

fn empty(name: &str, definition: &str, columns: Vec<Column>) -> Table {
    table(name, definition, &[], columns)
}

fn long() -> Table {
    table(
        "long_table",
        "id int primary key, name varchar(40), amount decimal(12, 2), at datetime",
        &["insert into {} select seq, concat('名 ', seq), seq / 100, '2026-01-01' + interval seq second
           from seq_1_to_20000"],
        vec![
            column("id", Kind::Integer),
            column("name", Kind::String),
            column("amount", Kind::Float),
            local_time("at"),
        ],
    )
}

fn wide() -> Table {
    let names: Vec<String> = (1..120).map(|number| format!("column_{number:03}")).collect();
    let definition =
        names.iter().fold("id int primary key".to_owned(), |all, name| format!("{all}, {name} varchar(16)"));
    let values = (1..120).fold(String::new(), |all, number| format!("{all}, 'value {number}'"));
    let mut columns = vec![column("id", Kind::Integer)];
    columns.extend(names.iter().map(|name| column(name, Kind::String)));
    let insert = format!("insert into {{}} values (1{values})");
    table("wide", &definition, &[&insert, "insert into {} (id) values (2)"], columns)
}

fn unicode() -> Table {
    table(
        "注文",
        "`番号` int primary key, `お名前` varchar(20)",
        &["insert into {} values (1, '山田'), (2, null)"],
        vec![column("番号", Kind::Integer), column("お名前", Kind::String)],
    )
}

fn reserved() -> Table {
    table(
        "select",
        "`group` int primary key, `order` varchar(20), `from` int",
        &["insert into {} values (1, 'by', 2)"],
        vec![column("group", Kind::Integer), column("order", Kind::String), column("from", Kind::Integer)],
    )
}

fn customers() -> Table {
    table(
        "customers",
        "id int primary key, name varchar(20), email varchar(40), phone varchar(20)",
        &[
            "insert into {} values (1, 'Ada', 'ada@personal.example', '+81-1'), (2, 'Bob', 'bob@personal.example', null)",
        ],
        vec![column("id", Kind::Integer), column("name", Kind::String)],
    )
}

fn orders() -> Table {
    table(
        "orders",
        "id int primary key, total decimal(10, 2), delivery_address text, ordered_at datetime",
        &["insert into {} values (1, 10.10, 'personal street 1', '2026-01-01 10:00:00')"],
        vec![column("id", Kind::Integer), column("total", Kind::Float), local_time("ordered_at")],
    )
}

fn plain_table(number: usize) -> Table {
    let insert = format!(
        "insert into {{}} select seq, concat('row ', seq), seq * {number}, '2026-01-01' + interval seq day
         from seq_1_to_{}",
        number % 7 + 1
    );
    table(
        &format!("plain_{number:02}"),
        "id int primary key, name varchar(20), number bigint, day date",
        &[&insert],
        vec![
            column("id", Kind::Integer),
            column("name", Kind::String),
            column("number", Kind::Integer),
            column("day", Kind::Timestamp),
        ],
    )
}

impl Table {
    /// Makes the table with its rows.
    pub fn make(&self, database: &MySqlDatabase) {
        let name = format!("`{}`", self.name);
        let create = format!("create table {name} ({})", self.definition);
        let inserts = self.inserts.iter().map(|insert| insert.replacen("{}", &name, 1));
        database.run(std::iter::once(create).chain(inserts));
    }

    /// What the target must hold, ordered by the key.
    pub fn expected(&self, database: &MySqlDatabase) -> Vec<Vec<Option<String>>> {
        let list: Vec<&str> = self.columns.iter().map(|column| column.expected.as_str()).collect();
        database.rows(&format!("select {} from `{}` order by `{}`", list.join(", "), self.name, self.key))
    }
}
