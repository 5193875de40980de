//! `out: {type: bigquery}`, by the rules of its Ruby plugin.

pub(super) mod auth;
mod files;
pub(super) mod java;
mod mode;
mod shape;

use std::time::Duration;

use self::auth::Plugin;
use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::config::TypeMapping;
use crate::embulk::output::{
    BigqueryOutput, Compression, Conversions, CountCheck, Creation, GcsStaging, Timeouts, UnknownValues,
    WriteMode,
};
use crate::embulk::zone::Zone;

pub(super) fn bind(section: &Section<'_>) -> Option<BigqueryOutput> {
    let output = options(section);
    section.ignore(&["auto_create_gcs_bucket"]);
    section.finish();
    output
}

fn options(section: &Section<'_>) -> Option<BigqueryOutput> {
    let access = auth::access(section, Plugin::Ruby);
    let project = auth::project(section, &access);
    let dataset = section.required("dataset");
    let table = section.required("table");
    let mode = mode::mode(section, dataset.as_ref(), table.as_ref());
    let given_schema = shape::given_schema(section);
    let payload = shape::payload(section, given_schema.as_ref(), mode.as_ref());
    let before_load = mode::before_load(section, mode.as_ref());
    ignore_others(section);
    let partitioning = shape::partitioning(section, table.as_ref());
    let column_options = shape::column_options(section);
    let max_bad_records = section
        .ruby_integer("max_bad_records", 0..=i64::from(i32::MAX))
        .and_then(|count| u32::try_from(count).ok());
    let count_check = match section.flag("abort_on_error", Rules::Ruby) {
        Some(false) => CountCheck::Note,
        None if max_bad_records.unwrap_or(0) > 0 => CountCheck::Note,
        _ => CountCheck::Fail,
    };
    let compression = section
        .word("compression", &[("NONE", Compression::None), ("GZIP", Compression::Gzip)])
        .unwrap_or(Compression::None);
    let files = files::files(section, compression);
    let timeouts = timeouts(section);
    let seconds = |key, usual| section.ruby_seconds(key).unwrap_or(Duration::from_secs(usual));
    let destination_project = section.text("destination_project");
    let whole = table.as_ref().is_some_and(|table| !table.expose().contains('$'));
    if whole && mode.as_ref().is_some_and(WriteMode::replaces) {
        section.useless("schema_update_options", "a table that is replaced gets the columns of the rows");
    }
    let output = BigqueryOutput {
        location: section.plain("location"),
        dataset_creation: creation(section, "auto_create_dataset"),
        description: section.plain("description"),
        source_format: files.format,
        format_choice: files.choice,
        field_delimiter: files.delimiter,
        encoding: files.encoding,
        compression,
        gcs: section
            .text("gcs_bucket")
            .filter(|bucket| !bucket.is_empty())
            .map(|bucket| GcsStaging { bucket, creation: creation(section, "auto_create_gcs_bucket") }),
        column_options,
        types: section.word("types", &TypeMapping::NAMES).unwrap_or(TypeMapping::Embulk),
        conversions: Conversions::Ruby,
        default_timezone: section.zone("default_timezone", Zone::bigquery).unwrap_or_else(Zone::utc),
        default_timestamp_format: section
            .plain("default_timestamp_format")
            .unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%6N".to_owned()),
        partitioning,
        clustering: shape::clustering(section),
        max_bad_records: max_bad_records.unwrap_or(0),
        count_check,
        unknown_values: match section.flag("ignore_unknown_values", Rules::Ruby) {
            Some(true) => UnknownValues::Ignore,
            _ => UnknownValues::Refuse,
        },
        schema_updates: shape::schema_updates(section),
        given_schema,
        payload,
        before_load,
        staging_life: section.ruby_seconds("temporary_table_expiration"),
        local: files.local,
        kept: files.kept,
        ready: files.ready,
        progress_interval: files::progress_interval(section),
        rehearsal: mode::rehearsal(section),
        polling_interval: seconds("job_status_polling_interval", 10),
        max_polling_time: seconds("job_status_max_polling_time", 3600),
        retries: section
            .ruby_integer("retries", 0..=1000)
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(5),
        timeouts,
        application_name: section
            .plain("application_name")
            .unwrap_or_else(|| "Embulk BigQuery plugin".to_owned()),
        mode: mode?,
        destination_project: destination_project.or_else(|| project.clone())?,
        project: project?,
        auth: access.auth?,
        dataset: dataset?,
        table: table?,
    };
    Some(output)
}

fn creation(section: &Section<'_>, key: &'static str) -> Creation {
    match section.flag(key, Rules::Ruby) {
        Some(true) => Creation::IfMissing,
        _ => Creation::Never,
    }
}

fn timeouts(section: &Section<'_>) -> Timeouts {
    let usual = Duration::from_secs(300);
    let old = section.ruby_seconds("timeout_sec");
    Timeouts {
        open: section.ruby_seconds("open_timeout_sec").unwrap_or(usual),
        send: section.ruby_seconds("send_timeout_sec").unwrap_or(usual),
        read: section.ruby_seconds("read_timeout_sec").or(old).unwrap_or(usual),
    }
}

/// What changes no result here, and what is said about it.
fn ignore_others(section: &Section<'_>) {
    if section.flag("is_skip_job_result_check", Rules::Ruby) == Some(true) {
        let span = section.node("is_skip_job_result_check").map_or(section.span(), |node| &node.span);
        let message = "`is_skip_job_result_check` is ignored: the result of a job is always checked";
        section.binder().report(Problem::warning("ignored-option", message, span));
    }
    section.ignore(&[
        // A text with a line break is loaded, whatever this says.
        "allow_quoted_newlines",
        // Names of tables that are gone when the transfer ends.
        "temp_table",
        "rehearsal_table",
        // Descriptions and policy tags of columns that stay are always kept.
        "retain_column_descriptions",
        "retain_column_policy_tags",
        "enable_standard_sql",
        // Of a library that is not here.
        "sdk_log_level",
        // Always: see the names of jobs.
        "prevent_duplicate_insert",
    ]);
}
