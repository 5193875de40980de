//! `in:`, by the rules of Java plugins.

use std::collections::BTreeMap;
use std::time::Duration;

use super::incremental;
use super::scalar::Scalar;
use super::section::{Rules, Section};
use super::source;
use crate::diagnostic::Problem;
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{
    ColumnOption, DatabaseAuth, DatetimeCode, InputConfig, MysqlInput, PostgresqlInput, Selection, Snapshot,
    SqliteInput, SslMode, Statements, ValueType,
};
use crate::embulk::native;
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;
use crate::secret::Secret;

const LATER: &str = "take it out, and put the condition into `where`";

/// Embulk's time-outs.
pub(super) const CONNECT: Duration = Duration::from_secs(300);
pub(super) const SILENCE: Duration = Duration::from_secs(1800);

pub(super) fn bind(section: &Section<'_>, content: source::ContentRule) -> Option<InputConfig> {
    let input = match section.plugin("input", &native::INPUTS)? {
        "mysql" => mysql(section).map(InputConfig::Mysql),
        "postgresql" => postgresql(section).map(InputConfig::Postgresql),
        "file" => source::file(section, content).map(|input| InputConfig::File(Box::new(input))),
        "s3" => source::s3(section, content).map(|input| InputConfig::S3(Box::new(input))),
        _ => sqlite(section).map(InputConfig::Sqlite),
    };
    section.ignore(&["driver_path"]);
    section.finish();
    input
}

fn mysql(section: &Section<'_>) -> Option<MysqlInput> {
    let (host, user, database) =
        (section.required("host"), section.required("user"), section.required("database"));
    let password = password(section);
    let selection = selection(section);
    let datetime_code = match section.flag("use_legacy_datetime_code", Rules::Java) {
        Some(true) => DatetimeCode::ProcessZone,
        _ => DatetimeCode::ServerZone,
    };
    let incremental = incremental::bind(section, selection.as_ref());
    let port = port(section).unwrap_or(3306);
    let (ssl, options) = (ssl(section), properties(section));
    let input = MysqlInput {
        snapshot: snapshot(section),
        incremental: incremental?,
        port,
        auth: auth(section, ssl, &options),
        password,
        ssl,
        fetch_rows: section.integer("fetch_rows", i64::MIN..=i64::MAX).unwrap_or(10_000),
        connect_timeout: section.seconds("connect_timeout").unwrap_or(CONNECT),
        socket_timeout: section.seconds("socket_timeout").unwrap_or(SILENCE),
        default_timezone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        datetime_code,
        column_options: column_options(section, "column_options"),
        default_column_options: column_options(section, "default_column_options"),
        statements: statements(section),
        options,
        host: host?,
        user: user?,
        database: database?,
        selection: selection?,
    };
    Some(input)
}

fn postgresql(section: &Section<'_>) -> Option<PostgresqlInput> {
    let (host, user, database) =
        (section.required("host"), section.required("user"), section.required("database"));
    let password = password(section);
    let selection = selection(section);
    let incremental = incremental::bind(section, selection.as_ref());
    // Rows stream without a cursor, so nothing is fetched in parts.
    section.integer("fetch_rows", i64::MIN..=i64::MAX);
    let port = port(section).unwrap_or(5432);
    let (ssl, options) = (ssl(section), properties(section));
    let input = PostgresqlInput {
        snapshot: snapshot(section),
        incremental: incremental?,
        port,
        auth: auth(section, ssl, &options),
        password,
        schema: sql(section, "schema").unwrap_or_else(|| Text::plain("public")),
        ssl,
        application_name: section
            .text("application_name")
            .unwrap_or_else(|| Text::plain("embulk-input-postgresql")),
        statement_timeout: section
            .integer("statement_timeout_millis", 0..=i64::from(i32::MAX))
            .map(|millis| Duration::from_millis(millis.unsigned_abs())),
        connect_timeout: section.seconds("connect_timeout").unwrap_or(CONNECT),
        socket_timeout: section.seconds("socket_timeout").unwrap_or(SILENCE),
        default_timezone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        column_options: column_options(section, "column_options"),
        default_column_options: column_options(section, "default_column_options"),
        statements: statements(section),
        options,
        host: host?,
        user: user?,
        database: database?,
        selection: selection?,
    };
    Some(input)
}

fn sqlite(section: &Section<'_>) -> Option<SqliteInput> {
    let database = section.required("database");
    let selection = selection(section);
    refuse_incremental(section);
    section.ignore(&["fetch_rows"]);
    let input = SqliteInput {
        default_timezone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        column_options: column_options(section, "column_options"),
        default_column_options: column_options(section, "default_column_options"),
        statements: statements(section),
        database: database?,
        selection: selection?,
    };
    Some(input)
}

pub(super) fn port(section: &Section<'_>) -> Option<u16> {
    section.integer("port", 1..=65_535).and_then(|port| u16::try_from(port).ok())
}

pub(super) fn password(section: &Section<'_>) -> Secret {
    let password = section.text("password").map_or_else(|| Secret::new(""), Text::into_secret);
    section.warn_of_literal("password", password.expose());
    password
}

/// Tokens of IAM stand in for the password; servers take them over TLS only.
fn auth(section: &Section<'_>, ssl: SslMode, options: &BTreeMap<String, Text>) -> DatabaseAuth {
    const METHODS: [(&str, bool); 2] = [("password", false), ("iam", true)];
    let region = section.plain("region");
    if section.word("auth_method", &METHODS) != Some(true) {
        if region.is_some() {
            section.useless("region", "it belongs to `auth_method: iam`");
        }
        return DatabaseAuth::Password;
    }
    if section.node("password").is_some() {
        section.refuse_value("password", "`password` cannot be given with `auth_method: iam`".to_owned());
    }
    // Properties of the driver may say more about TLS.
    if ssl == SslMode::Disable && section.is_known(&["ssl"]) && options.is_empty() {
        section.refuse_value("auth_method", "`auth_method: iam` needs `ssl: verify`".to_owned());
    }
    DatabaseAuth::Iam { region }
}

fn refuse_incremental(section: &Section<'_>) {
    section.refuse_on("incremental", Rules::Java, LATER);
    if !section.list("incremental_columns").is_empty() {
        section.refuse("incremental_columns", LATER);
    }
    section.ignore(&["last_record", "use_raw_query_with_incremental"]);
}

pub(super) fn ssl(section: &Section<'_>) -> SslMode {
    section
        .word(
            "ssl",
            &[
                ("disable", SslMode::Disable),
                ("enable", SslMode::Enable),
                ("verify", SslMode::Verify),
                ("true", SslMode::Enable),
                ("false", SslMode::Disable),
            ],
        )
        .unwrap_or(SslMode::Disable)
}

/// A statement or a part of one: an empty text is as good as absent.
pub(super) fn sql(section: &Section<'_>, key: &'static str) -> Option<Text> {
    section.text(key).filter(|text| !text.is_empty())
}

/// A snapshot that tables share cannot have statements of one of them in it, which may write.
fn snapshot(section: &Section<'_>) -> Option<Snapshot> {
    const WORDS: [(&str, Snapshot); 3] =
        [("per_table", Snapshot::PerTable), ("consistent", Snapshot::Consistent), ("none", Snapshot::None)];
    let snapshot = section.word("snapshot", &WORDS)?;
    if snapshot == Snapshot::Consistent {
        let own = ["before_setup", "before_select", "after_select"];
        if let Some(key) = own.into_iter().find(|key| section.node(key).is_some()) {
            let message = format!("`snapshot: consistent` cannot be given with `{key}`");
            section.refuse_value("snapshot", message);
        }
    }
    Some(snapshot)
}

fn statements(section: &Section<'_>) -> Statements {
    Statements {
        before_setup: sql(section, "before_setup"),
        before_select: sql(section, "before_select"),
        after_select: sql(section, "after_select"),
    }
}

/// `table` with its parts, or `query` without them; exactly one.
fn selection(section: &Section<'_>) -> Option<Selection> {
    let (table, query) = (section.node("table"), section.node("query"));
    let unknown = [table, query]
        .into_iter()
        .flatten()
        .any(|node| matches!(Scalar::of(node, section.binder()), None | Some(Scalar::Unknown)));
    let (table, query) = (sql(section, "table"), sql(section, "query"));
    let select = sql(section, "select");
    let (where_clause, order_by) = (sql(section, "where"), sql(section, "order_by"));
    let report = |message: &str| {
        section.binder().report(Problem::error("missing-option", message, section.span()));
        None
    };
    match (table, query) {
        _ if unknown => None,
        (None, None) => report("`table` or `query` is required in `in`"),
        (Some(_), Some(_)) => report("`table` and `query` cannot be given both"),
        (None, Some(_)) if select.is_some() || where_clause.is_some() || order_by.is_some() => {
            report("`select`, `where` and `order_by` cannot be given with `query`")
        }
        (None, Some(query)) => Some(Selection::Query(query)),
        (Some(table), None) => Some(Selection::Table {
            table,
            select: select.unwrap_or_else(|| Text::plain("*")),
            where_clause,
            order_by,
        }),
    }
}

fn column_options(section: &Section<'_>, key: &'static str) -> Vec<(String, ColumnOption)> {
    let mut options = Vec::new();
    for (name, entry) in section.named(key) {
        let Some(column) = Section::of(&entry.value, key, section.binder()) else {
            let message = format!("`{key}` of `{name}` must be a mapping, not {}", entry.value.kind());
            section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            continue;
        };
        let option = ColumnOption {
            value_type: column.word("value_type", &ValueType::NAMES).unwrap_or(ValueType::Coalesce),
            column_type: column.word("type", &EmbulkType::NAMES),
            timestamp_format: column.plain("timestamp_format"),
            timezone: column.zone("timezone", Zone::embulk),
        };
        column.finish();
        options.retain(|(known, _)| *known != name);
        options.push((name, option));
    }
    options
}

/// Properties of the driver: any scalar, as text.
pub(super) fn properties(section: &Section<'_>) -> BTreeMap<String, Text> {
    let mut properties = BTreeMap::new();
    for (name, entry) in section.named("options") {
        match Scalar::of(&entry.value, section.binder()) {
            Some(scalar) => {
                if let Some(text) = scalar.into_text() {
                    properties.insert(name, text);
                }
            }
            None => {
                let message = format!("`{name}` in `options` must be a scalar, not {}", entry.value.kind());
                section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            }
        }
    }
    properties
}
