//! The sources: what their tables hold, and what of it must arrive.

use super::lists::{Column, Engine, Kind, Table};

/// Statements that make a table of MySQL with its rows.
pub fn mysql(table: &Table) -> Vec<String> {
    let columns: Vec<String> =
        table.columns.iter().map(|column| format!("`{}` {}", column.name, mysql_type(column.kind))).collect();
    let values: Vec<&str> = table.columns.iter().map(|column| mysql_value(column.kind)).collect();
    vec![
        format!("create table `{}` ({}, primary key (id))", table.name, columns.join(", ")),
        format!(
            "insert into `{}` with recursive n (n) as (select 1 union all select n + 1 from n where n < {rows}) \
             select {} from n where n <= {rows}",
            table.name,
            values.join(", "),
            rows = table.rows
        ),
    ]
}

/// A statement that adds a row to the table of either engine.
pub fn one_more(table: &Table) -> String {
    let value: fn(Kind) -> &'static str = match table.engine {
        Engine::Mysql => mysql_value,
        Engine::Postgresql => postgresql_value,
    };
    let values: Vec<&str> = table.columns.iter().map(|column| value(column.kind)).collect();
    let name = match table.engine {
        Engine::Mysql => format!("`{}`", table.name),
        Engine::Postgresql => format!("{}.{}", table.database, table.name),
    };
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    format!(
        "insert into {name} ({}) select {} from (select 5001 as n) as one",
        columns.join(", "),
        values.join(", ")
    )
}

/// A script that makes a table of PostgreSQL with its rows.
pub fn postgresql(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, postgresql_type(column.kind)))
        .collect();
    let values: Vec<&str> = table.columns.iter().map(|column| postgresql_value(column.kind)).collect();
    let name = format!("{}.{}", table.database, table.name);
    format!(
        "create table {name} ({}, primary key (id)); insert into {name} select {} from generate_series(1, {}) n;",
        columns.join(", "),
        values.join(", "),
        table.rows
    )
}

/// The statement by which the team once made the table in Redshift.
pub fn redshift(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, redshift_type(column.kind)))
        .collect();
    format!(
        "create table {}.{} ({}) diststyle key distkey (id) sortkey (id)",
        table.schema,
        table.name,
        columns.join(", ")
    )
}

/// Every row of the source in the form that [`arrived`] gives, in the order of the key.
pub fn expected(table: &Table) -> String {
    let of = |column: &Column| match table.engine {
        Engine::Mysql => mysql_text(column),
        Engine::Postgresql => postgresql_text(column),
    };
    let cells: Vec<String> = table.columns.iter().map(of).collect();
    let from = match table.engine {
        Engine::Mysql => format!("`{}`", table.name),
        Engine::Postgresql => format!("{}.{}", table.database, table.name),
    };
    format!("select {} from {from} order by id", cells.join(", "))
}

/// The query of every row of the target.
pub fn arrived(table: &Table) -> String {
    let cells: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    format!("select {} from {}.{} order by id", cells.join(", "), table.schema, table.name)
}

fn mysql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "bigint",
        Kind::Integer => "int",
        Kind::Double => "double",
        Kind::Decimal => "decimal(12, 2)",
        Kind::Boolean => "tinyint(1)",
        Kind::Word => "varchar(255)",
        Kind::Text => "text",
        Kind::Json => "json",
        Kind::Date => "date",
        Kind::Time => "datetime",
    }
}

fn mysql_value(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "n",
        Kind::Integer => "if(n % 7 = 0, null, n * 13 % 1000 - 500)",
        Kind::Double => "n / 7e0",
        Kind::Decimal => "cast(n * 1.25 as decimal(12, 2))",
        Kind::Boolean => "if(n % 5 = 0, null, n % 3 = 0)",
        Kind::Word => {
            "concat('名前 ', n, elt(n % 4 + 1, '', ', \"quoted\"', '; two\\nlines', ' \\\\ tab\\t'))"
        }
        Kind::Text => "if(n % 6 = 0, null, repeat(concat('🏠 memo ', n, '\\n'), n % 9 + 1))",
        Kind::Json => "json_object('n', n, 'tags', json_array('a', 'é\"'))",
        Kind::Date => "'2024-01-01' + interval n day",
        Kind::Time => "'2024-01-01 00:00:01' + interval n * 7 hour",
    }
}

fn mysql_text(column: &Column) -> String {
    let name = &column.name;
    match column.kind {
        Kind::Boolean => format!("if(`{name}` is null, null, if(`{name}`, 't', 'f'))"),
        Kind::Date => format!("date_format(`{name}`, '%Y-%m-%d 00:00:00')"),
        _ => format!("`{name}`"),
    }
}

fn postgresql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "bigint",
        Kind::Integer => "integer",
        Kind::Double => "double precision",
        Kind::Decimal => "numeric(12, 2)",
        Kind::Boolean => "boolean",
        Kind::Word => "varchar(255)",
        Kind::Text => "text",
        Kind::Json => "jsonb",
        Kind::Date => "date",
        Kind::Time => "timestamp",
    }
}

fn postgresql_value(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "n",
        Kind::Integer => "case when n % 7 <> 0 then n * 13 % 1000 - 500 end",
        Kind::Double => "n / 7e0::double precision",
        Kind::Decimal => "n * 1.25",
        Kind::Boolean => "case when n % 5 <> 0 then n % 3 = 0 end",
        Kind::Word => {
            "'名前 ' || n || (array['', ', \"quoted\"', E'; two\\nlines', E' \\\\ tab\\t'])[n % 4 + 1]"
        }
        Kind::Text => "case when n % 6 <> 0 then repeat('🏠 memo ' || n || E'\\n', n % 9 + 1) end",
        Kind::Json => "jsonb_build_object('n', n, 'tags', jsonb_build_array('a', 'é\"'))",
        Kind::Date => "date '2024-01-01' + n",
        Kind::Time => "timestamp '2024-01-01 00:00:01' + n * interval '7 hours'",
    }
}

fn postgresql_text(column: &Column) -> String {
    match column.kind {
        Kind::Date => format!("{}::timestamp", column.name),
        _ => column.name.clone(),
    }
}

fn redshift_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "bigint not null encode az64",
        Kind::Integer => "integer",
        Kind::Double => "double precision",
        Kind::Decimal => "decimal(12, 2)",
        Kind::Boolean => "boolean",
        Kind::Word => "varchar(1020) encode zstd",
        Kind::Text | Kind::Json => "varchar(65535) encode zstd",
        // Embulk has no dates: they go as midnight.
        Kind::Date | Kind::Time => "timestamp encode az64",
    }
}

/// The same cell, however a server writes it.
pub fn canonical(kind: Kind, cell: &str) -> String {
    match kind {
        Kind::Double => cell.parse::<f64>().unwrap().to_string(),
        Kind::Json => serde_json::from_str::<serde_json::Value>(cell).unwrap().to_string(),
        _ => cell.to_owned(),
    }
}
