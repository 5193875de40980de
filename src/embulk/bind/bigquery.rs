//! `out: {type: bigquery}`, by the rules of its Ruby plugin.

use std::time::Duration;

use serde_json::Value;

use super::scalar::Scalar;
use super::section::{Rules, Section};
use crate::diagnostic::{Problem, suggest};
use crate::embulk::config::TypeMapping;
use crate::embulk::keyfile;
use crate::embulk::output::{
    Auth, BigqueryColumnOption, BigqueryOutput, Compression, Conversion, CountCheck, Creation, FieldMode,
    FieldType, GcsStaging, Keyfile, Partitioning, SchemaUpdate, SourceFormat, TimeUnit, Timeouts,
    UnknownValues, WriteMode,
};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;
use crate::yaml::{Node, NodeValue};

pub(super) fn bind(section: &Section<'_>) -> Option<BigqueryOutput> {
    let output = options(section);
    section.ignore(&["auto_create_gcs_bucket"]);
    section.finish();
    output
}

fn options(section: &Section<'_>) -> Option<BigqueryOutput> {
    let mode = mode(section);
    let auth = auth(section);
    let project = project(section, auth.as_ref());
    let dataset = section.required("dataset");
    let table = section.required("table");
    refuse_others(section);
    let partitioning = partitioning(section);
    let column_options = column_options(section);
    let max_bad_records = section
        .integer("max_bad_records", 0..=i64::from(i32::MAX))
        .and_then(|count| u32::try_from(count).ok());
    let count_check = match section.flag("abort_on_error", Rules::Ruby) {
        Some(false) => CountCheck::Note,
        None if max_bad_records.unwrap_or(0) > 0 => CountCheck::Note,
        _ => CountCheck::Fail,
    };
    let timeouts = timeouts(section);
    let seconds = |key, usual| section.seconds(key).unwrap_or(Duration::from_secs(usual));
    let destination_project = section.text("destination_project");
    let output = BigqueryOutput {
        location: section.plain("location"),
        dataset_creation: creation(section, "auto_create_dataset"),
        description: section.plain("description"),
        source_format: source_format(section),
        compression: section
            .word("compression", &[("NONE", Compression::None), ("GZIP", Compression::Gzip)])
            .unwrap_or(Compression::None),
        gcs: section
            .text("gcs_bucket")
            .filter(|bucket| !bucket.is_empty())
            .map(|bucket| GcsStaging { bucket, creation: creation(section, "auto_create_gcs_bucket") }),
        column_options,
        types: section.word("types", &TypeMapping::NAMES).unwrap_or(TypeMapping::Embulk),
        default_timezone: section.zone("default_timezone", Zone::bigquery).unwrap_or_else(Zone::utc),
        default_timestamp_format: section
            .plain("default_timestamp_format")
            .unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%6N".to_owned()),
        partitioning,
        clustering: clustering(section),
        max_bad_records: max_bad_records.unwrap_or(0),
        count_check,
        unknown_values: match section.flag("ignore_unknown_values", Rules::Ruby) {
            Some(true) => UnknownValues::Ignore,
            _ => UnknownValues::Refuse,
        },
        schema_updates: schema_updates(section),
        polling_interval: seconds("job_status_polling_interval", 10),
        max_polling_time: seconds("job_status_max_polling_time", 3600),
        retries: section
            .integer("retries", 0..=1000)
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(5),
        timeouts,
        application_name: section
            .plain("application_name")
            .unwrap_or_else(|| "Embulk BigQuery plugin".to_owned()),
        mode: mode?,
        destination_project: destination_project.or_else(|| project.clone())?,
        project: project?,
        auth: auth?,
        dataset: dataset?,
        table: table?,
    };
    Some(output)
}

fn mode(section: &Section<'_>) -> Option<WriteMode> {
    /// What the plugin knows; none where this program lacks it.
    const MODES: [(&str, Option<WriteMode>); 5] = [
        ("append", Some(WriteMode::Append)),
        ("replace", Some(WriteMode::Replace)),
        ("append_direct", None),
        ("delete_in_advance", None),
        ("replace_backup", None),
    ];
    let Some(node) = section.node("mode") else { return Some(WriteMode::Append) };
    let mode = section.word("mode", &MODES)?;
    if mode.is_none() {
        let shown = node.as_str().unwrap_or_default();
        section.binder().report(
            Problem::error("unsupported-option", format!("`mode: {shown}` is not supported yet"), &node.span)
                .hint("use `replace` or `append`; both publish in one step"),
        );
    }
    mode
}

fn auth(section: &Section<'_>) -> Option<Auth> {
    #[derive(Clone, Copy)]
    enum Method {
        Key,
        Person,
        Machine,
        Default,
    }
    let keyfile = keyfile(section);
    let method = match section.node("auth_method") {
        None => Method::Default,
        Some(_) => section.word(
            "auth_method",
            &[
                ("json_key", Method::Key),
                ("service_account", Method::Key),
                ("authorized_user", Method::Person),
                ("compute_engine", Method::Machine),
                ("application_default", Method::Default),
            ],
        )?,
    };
    match method {
        Method::Machine => Some(Auth::ComputeEngine),
        Method::Default => Some(Auth::ApplicationDefault),
        Method::Key | Method::Person if keyfile == Key::Absent => {
            let message = "`json_keyfile` is required for this `auth_method`";
            let span = section.node("auth_method").map_or(section.span(), |node| &node.span);
            section.binder().report(Problem::error("missing-option", message, span));
            None
        }
        Method::Key | Method::Person => {
            let Key::Given(keyfile) = keyfile else { return None };
            Some(match method {
                Method::Person => Auth::AuthorizedUser(keyfile),
                _ => Auth::ServiceAccount(keyfile),
            })
        }
    }
}

#[derive(PartialEq)]
enum Key {
    Absent,
    /// Not known while checking, or wrong and reported.
    Unusable,
    Given(Keyfile),
}

/// `json_keyfile`: a path, or a mapping with `content`. Always parsed when it is there.
fn keyfile(section: &Section<'_>) -> Key {
    let Some(node) = section.node("json_keyfile") else { return Key::Absent };
    let binder = section.binder();
    let (text, span) = match &node.value {
        NodeValue::Scalar(Value::Null) => return Key::Absent,
        NodeValue::Mapping(_) => {
            let Some(inner) = Section::of(node, "json_keyfile", binder) else { return Key::Unusable };
            let content = inner.required("content");
            inner.warn_of_literal("content", content.as_ref().map_or("", Text::expose));
            inner.finish();
            let Some(content) = content else { return Key::Unusable };
            (content, inner.node("content").map_or(&node.span, |node| &node.span))
        }
        _ => match keyfile_text(section, node) {
            Some(text) => (text, &node.span),
            None => return Key::Unusable,
        },
    };
    match keyfile::parse(&text.into_secret()) {
        Ok(keyfile) => Key::Given(keyfile),
        Err(error) => {
            let mut problem = Problem::error("bad-json-keyfile", error.to_string(), span);
            if let Some(hint) = error.hint() {
                problem = problem.hint(hint);
            }
            binder.report(problem);
            Key::Unusable
        }
    }
}

/// The text of the file that `json_keyfile` names.
fn keyfile_text(section: &Section<'_>, node: &Node) -> Option<Text> {
    let binder = section.binder();
    let path = section.text("json_keyfile")?;
    if binder.purpose == super::Purpose::Check {
        return None;
    }
    let expanded = match (path.expose().strip_prefix("~/"), binder.home) {
        (Some(rest), Some(home)) => std::path::Path::new(home).join(rest),
        _ => binder.directory.join(path.expose()),
    };
    match binder.reader.read(&expanded) {
        Ok(text) => Some(Text::Secret(crate::secret::Secret::new(text))),
        Err(error) => {
            let message = format!("`json_keyfile` {} cannot be read: {error}", path.shown());
            binder.report(Problem::error("bad-json-keyfile", message, &node.span));
            None
        }
    }
}

/// `project`, else the key's.
fn project(section: &Section<'_>, auth: Option<&Auth>) -> Option<Text> {
    let written = section.text("project").filter(|project| !project.is_empty());
    if written.is_some() {
        return written;
    }
    let from_key = match auth {
        Some(Auth::ServiceAccount(keyfile) | Auth::AuthorizedUser(keyfile)) => keyfile.project_id.clone(),
        // The key was not usable, which is reported, or not known.
        None => return None,
        _ => None,
    };
    match from_key {
        Some(project) => Some(Text::Plain(project)),
        None => section.required("project").filter(|project| !project.is_empty()),
    }
}

fn creation(section: &Section<'_>, key: &'static str) -> Creation {
    match section.flag(key, Rules::Ruby) {
        Some(true) => Creation::IfMissing,
        _ => Creation::Never,
    }
}

fn source_format(section: &Section<'_>) -> SourceFormat {
    section
        .word(
            "source_format",
            &[
                ("CSV", SourceFormat::Csv),
                ("NEWLINE_DELIMITED_JSON", SourceFormat::Jsonl),
                ("JSONL", SourceFormat::Jsonl),
                ("PARQUET", SourceFormat::Parquet),
            ],
        )
        .unwrap_or(SourceFormat::Csv)
}

fn timeouts(section: &Section<'_>) -> Timeouts {
    let usual = Duration::from_secs(300);
    let old = section.seconds("timeout_sec");
    Timeouts {
        open: section.seconds("open_timeout_sec").unwrap_or(usual),
        send: section.seconds("send_timeout_sec").unwrap_or(usual),
        read: section.seconds("read_timeout_sec").or(old).unwrap_or(usual),
    }
}

/// What would change the result and is not there, and what may be left out.
fn refuse_others(section: &Section<'_>) {
    if section.flag("auto_create_table", Rules::Ruby) == Some(false) {
        section.refuse("auto_create_table", "`replace` and `append` always make the table");
    }
    for key in ["payload_column", "payload_column_index", "schema_file", "template_table"] {
        section.refuse(key, "");
    }
    section.refuse_on("skip_file_generation", Rules::Ruby, "");
    section.refuse_on("skip_load", Rules::Ruby, "");
    for (key, usual) in [("field_delimiter", ","), ("encoding", "UTF-8")] {
        if section.plain(key).is_some_and(|value| !value.eq_ignore_ascii_case(usual)) {
            section.refuse(key, "files are written with commas, as UTF-8");
        }
    }
    if section.flag("is_skip_job_result_check", Rules::Ruby) == Some(true) {
        let span = section.node("is_skip_job_result_check").map_or(section.span(), |node| &node.span);
        let message = "`is_skip_job_result_check` is ignored: the result of a job is always checked";
        section.binder().report(Problem::warning("ignored-option", message, span));
    }
    section.ignore(&[
        "allow_quoted_newlines",
        "dataset_old",
        "table_old",
        "table_name_old",
        "path_prefix",
        "sequence_format",
        "file_ext",
        "delete_from_local_when_job_end",
        "temporary_table_expiration",
        "temp_table",
        "with_rehearsal",
        "rehearsal_counts",
        "rehearsal_table",
        "progress_log_interval",
        "sdk_log_level",
        "prevent_duplicate_insert",
    ]);
}

fn partitioning(section: &Section<'_>) -> Option<Partitioning> {
    const UNITS: [(&str, TimeUnit); 4] = TimeUnit::NAMES;
    let time = section.section("time_partitioning").and_then(|time| {
        let unit = match time.node("type") {
            Some(_) => time.word("type", &UNITS),
            None => {
                time.missing("type");
                None
            }
        };
        let expiration_ms = time.integer("expiration_ms", 0..=i64::MAX);
        let field = time.plain("field");
        time.finish();
        Some(Partitioning::Time { unit: unit?, expiration_ms, field })
    });
    let range = section.section("range_partitioning").and_then(|range| {
        let field = range.required("field");
        let bounds = range.required_section("range").and_then(|bounds| {
            let number = |key| bounds.integer(key, i64::MIN..=i64::MAX);
            let numbers = (number("start"), number("end"), number("interval"));
            bounds.finish();
            Some((numbers.0?, numbers.1?, numbers.2?))
        });
        range.finish();
        let (start, end, interval) = bounds?;
        if interval <= 0 || start.saturating_add(interval) >= end {
            let message = "`range_partitioning` needs `start` + `interval` < `end`";
            section.binder().report(Problem::error("bad-value", message, range.span()));
        }
        Some(Partitioning::Range { field: field?.expose().to_owned(), start, end, interval })
    });
    if let (Some(_), Some(_)) = (&time, &range) {
        let message = "`time_partitioning` and `range_partitioning` cannot be given both";
        section.binder().report(Problem::error("bad-value", message, section.span()));
    }
    time.or(range)
}

fn clustering(section: &Section<'_>) -> Vec<String> {
    section.section("clustering").map_or_else(Vec::new, |clustering| {
        let fields = clustering.texts("fields");
        clustering.finish();
        fields
    })
}

fn schema_updates(section: &Section<'_>) -> Vec<SchemaUpdate> {
    let nodes = section.list("schema_update_options");
    let mut updates = Vec::new();
    for node in nodes {
        let Some(text) = Scalar::of(node, section.binder()).and_then(Scalar::into_text) else { continue };
        match SchemaUpdate::NAMES.iter().find(|(name, _)| *name == text.expose()) {
            Some((_, update)) => updates.push(*update),
            None => {
                let words = SchemaUpdate::NAMES.iter().map(|(name, _)| *name);
                section.unknown_word("schema_update_options", &text, words, &node.span);
            }
        }
    }
    updates
}

fn column_options(section: &Section<'_>) -> Vec<BigqueryColumnOption> {
    let columns = section.sections("column_options");
    columns.iter().filter_map(column_option).collect()
}

fn column_option(column: &Section<'_>) -> Option<BigqueryColumnOption> {
    let name = column.required("name");
    let fields = column.list("fields").into_iter().map(Node::to_json).collect();
    let option = BigqueryColumnOption {
        field_type: field_type(column),
        mode: column.word("mode", &FieldMode::NAMES).unwrap_or(FieldMode::Nullable),
        fields,
        description: column.plain("description"),
        timestamp_format: column.plain("timestamp_format"),
        timezone: column.zone("timezone", Zone::bigquery),
        conversion: match column.flag("strict", Rules::Ruby) {
            Some(false) => Conversion::NullOnFailure,
            _ => Conversion::Strict,
        },
        name: name?.expose().to_owned(),
    };
    column.finish();
    Some(option)
}

fn field_type(column: &Section<'_>) -> Option<FieldType> {
    let text = column.text("type")?;
    let found = FieldType::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.expose()));
    if found.is_none() {
        let span = column.node("type").map_or(column.span(), |node| &node.span);
        let mut problem =
            Problem::error("bad-value", format!("`{}` is not a type of BigQuery", text.shown()), span);
        let upper = text.shown().to_uppercase();
        if let Some(near) = suggest(&upper, FieldType::NAMES.iter().map(|(name, _)| *name)) {
            problem = problem.label(format!("did you mean `{near}`?"));
        }
        column.binder().report(problem);
    }
    found.map(|(_, field_type)| *field_type)
}
