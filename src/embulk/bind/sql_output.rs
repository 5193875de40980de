//! `out: {type: postgresql}` and `out: {type: mysql}`, by the rules of Java plugins.

use std::time::Duration;

use super::input::{CONNECT, SILENCE, password, port, properties, sql, ssl};
use super::section::Section;
use crate::diagnostic::Problem;
use crate::embulk::config::TypeMapping;
use crate::embulk::output::{
    Isolation, LoadMode, MysqlOutput, PostgresqlOutput, Retries, SentAs, SqlColumnOption, TableLoad,
};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

pub(super) fn postgresql(section: &Section<'_>) -> Option<PostgresqlOutput> {
    let (host, user, database) =
        (section.required("host"), section.required("user"), section.required("database"));
    let password = password(section);
    let load = load(section, Dialect::Postgresql);
    let replaces = |load: &TableLoad| load.mode == LoadMode::Replace;
    // Rows are staged in a temporary table of the session, which is in no schema that people name.
    if section.plain("temp_schema").is_some() && !load.as_ref().is_none_or(replaces) {
        refuse(section, "temp_schema", "`temp_schema` is there for `mode: replace` only");
    }
    let output = PostgresqlOutput {
        port: port(section).unwrap_or(5432),
        password,
        schema: sql(section, "schema").unwrap_or_else(|| Text::plain("public")),
        ssl: ssl(section),
        connect_timeout: section.seconds("connect_timeout").unwrap_or(CONNECT),
        socket_timeout: section.seconds("socket_timeout").unwrap_or(SILENCE),
        options: properties(section),
        host: host?,
        user: user?,
        database: database?,
        load: load?,
    };
    section.ignore(&["driver_path", "max_table_name_length"]);
    section.finish();
    Some(output)
}

pub(super) fn mysql(section: &Section<'_>) -> Option<MysqlOutput> {
    let (host, user, database) =
        (section.required("host"), section.required("user"), section.required("database"));
    let password = password(section);
    // ON DUPLICATE KEY goes by the keys of the table.
    if !section.texts("merge_keys").is_empty() {
        let message = "`merge_keys` is not there for `type: mysql`: rows are merged by the keys of the table";
        refuse(section, "merge_keys", message);
    }
    let load = load(section, Dialect::Mysql);
    let output = MysqlOutput {
        port: port(section).unwrap_or(3306),
        password,
        temp_database: sql(section, "temp_database"),
        ssl: ssl(section),
        connect_timeout: section.seconds("connect_timeout").unwrap_or(CONNECT),
        socket_timeout: section.seconds("socket_timeout").unwrap_or(SILENCE),
        options: properties(section),
        host: host?,
        user: user?,
        database: database?,
        load: load?,
    };
    section.ignore(&["driver_path", "max_table_name_length"]);
    section.finish();
    Some(output)
}

/// Whose options are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgresql,
    Mysql,
    Redshift,
}

pub(super) fn load(section: &Section<'_>, dialect: Dialect) -> Option<TableLoad> {
    let table = section.required("table");
    let mode = mode(section, dialect);
    let before_load = sql(section, "before_load");
    if before_load.is_some() && mode == Some(LoadMode::Replace) {
        refuse(section, "before_load", "`before_load` cannot be given with `mode: replace`");
    }
    let load = TableLoad {
        types: section.word("types", &TypeMapping::NAMES).unwrap_or(TypeMapping::Embulk),
        default_timezone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        column_options: column_options(section, dialect),
        create_table_constraint: sql(section, "create_table_constraint"),
        create_table_option: sql(section, "create_table_option"),
        isolation: section.word("transaction_isolation", &Isolation::NAMES),
        before_load,
        after_load: sql(section, "after_load"),
        batch_bytes: section.integer("batch_size", 1..=i64::MAX).unwrap_or(16 << 20).unsigned_abs(),
        retries: Retries {
            limit: section
                .integer("retry_limit", 0..=1000)
                .and_then(|limit| u32::try_from(limit).ok())
                .unwrap_or(12),
            wait: millis(section, "retry_wait").unwrap_or(Duration::from_secs(1)),
            longest: millis(section, "max_retry_wait").unwrap_or(Duration::from_secs(1800)),
        },
        table: table?,
        mode: mode?,
    };
    Some(load)
}

fn millis(section: &Section<'_>, key: &'static str) -> Option<Duration> {
    section.integer(key, 0..=i64::from(u32::MAX)).map(|millis| Duration::from_millis(millis.unsigned_abs()))
}

fn mode(section: &Section<'_>, dialect: Dialect) -> Option<LoadMode> {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Insert,
        InsertDirect,
        TruncateInsert,
        Replace,
        Merge,
    }
    const MODES: [(&str, Word); 6] = [
        ("insert", Word::Insert),
        ("insert_direct", Word::InsertDirect),
        ("truncate_insert", Word::TruncateInsert),
        ("replace", Word::Replace),
        ("merge", Word::Merge),
        // The same rows; all of them at once.
        ("merge_direct", Word::Merge),
    ];
    let (keys, rule) = (section.texts("merge_keys"), section.texts("merge_rule"));
    if section.node("mode").is_none() {
        section.missing("mode");
    }
    // Embulk has no `merge_direct` for Redshift.
    let modes = if dialect == Dialect::Redshift { &MODES[..5] } else { &MODES[..] };
    let word = section.word("mode", modes)?;
    for (key, given) in [("merge_keys", !keys.is_empty()), ("merge_rule", !rule.is_empty())] {
        if given && word != Word::Merge {
            refuse(section, key, &format!("`{key}` is there for `mode: merge` only"));
        }
    }
    Some(match word {
        Word::Insert => LoadMode::Insert,
        Word::InsertDirect => LoadMode::InsertDirect,
        Word::TruncateInsert => LoadMode::TruncateInsert,
        Word::Replace => LoadMode::Replace,
        Word::Merge => LoadMode::Merge { keys, rule },
    })
}

pub(super) fn refuse(section: &Section<'_>, key: &'static str, message: &str) {
    let span = section.node(key).map_or(section.span(), |node| &node.span);
    section.binder().report(Problem::error("bad-value", message, span));
}

fn column_options(section: &Section<'_>, dialect: Dialect) -> Vec<(String, SqlColumnOption)> {
    let mut options: Vec<(String, SqlColumnOption)> = Vec::new();
    for (name, entry) in section.named("column_options") {
        let Some(column) = Section::of(&entry.value, "column_options", section.binder()) else {
            let message =
                format!("`column_options` of `{name}` must be a mapping, not {}", entry.value.kind());
            section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            continue;
        };
        let option = SqlColumnOption {
            sql_type: column.plain("type"),
            value_type: column.word("value_type", &SentAs::NAMES).unwrap_or(SentAs::Column),
            timestamp_format: column.plain("timestamp_format"),
            timezone: column.zone("timezone", Zone::embulk),
            encode: if dialect == Dialect::Redshift { column.plain("encode") } else { None },
        };
        column.finish();
        options.retain(|(known, _)| *known != name);
        options.push((name, option));
    }
    options
}
