//! `out: {type: bigquery_java}`: the same output, by the options and rules of its Java plugin.
//!
//! What that plugin does not read is unknown here too; what changes a value is in [`Conversions::Java`].

use std::time::Duration;

use super::auth::{self, Plugin};
use super::mode::{Word, written};
use super::shape;
use crate::diagnostic::Problem;
use crate::embulk::bind::section::{Rules, Section};
use crate::embulk::config::TypeMapping;
use crate::embulk::output::{
    BigqueryColumnOption, BigqueryOutput, Compression, Conversion, Conversions, CountCheck, Creation,
    FieldMode, FormatChoice, GivenSchema, SourceFormat, TextEncoding, Timeouts, UnknownValues, WriteMode,
};
use crate::embulk::zone::Zone;
use crate::yaml::Node;

/// The digits that BigQuery's NUMERIC has after its point.
const NUMERIC_SCALE: i64 = 9;

pub(in crate::embulk::bind) fn bind(section: &Section<'_>) -> Option<BigqueryOutput> {
    let output = options(section);
    section.finish();
    output
}

fn options(section: &Section<'_>) -> Option<BigqueryOutput> {
    let access = auth::access(section, Plugin::Java);
    let project = auth::project(section, &access);
    let (dataset, table) = (section.required("dataset"), section.required("table"));
    let mode = mode(section);
    source_format(section)?;
    let before_load = before_load(section, mode.as_ref());
    without_effect(section);
    let max_bad_records = section.integer("max_bad_records", 0..=i64::from(i32::MAX));
    let max_bad_records = max_bad_records.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let destination_project = section.text("destination_project");
    Some(BigqueryOutput {
        location: section.plain("location"),
        dataset_creation: match section.flag("auto_create_dataset", Rules::Java) {
            Some(true) => Creation::IfMissing,
            _ => Creation::Never,
        },
        description: None,
        source_format: SourceFormat::Jsonl,
        format_choice: FormatChoice::Written,
        field_delimiter: ',',
        encoding: TextEncoding::Utf8,
        compression: section
            .word("compression", &[("NONE", Compression::None), ("GZIP", Compression::Gzip)])
            .unwrap_or(Compression::None),
        gcs: None,
        column_options: section.sections("column_options").iter().filter_map(column_option).collect(),
        types: section.word("types", &TypeMapping::NAMES).unwrap_or(TypeMapping::Embulk),
        conversions: Conversions::Java,
        default_timezone: Zone::utc(),
        default_timestamp_format: section
            .plain("default_timestamp_format")
            .unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%6N %:z".to_owned()),
        partitioning: shape::partitioning(section, table.as_ref()),
        clustering: shape::clustering(section),
        max_bad_records,
        count_check: match section.flag("abort_on_error", Rules::Java) {
            Some(false) => CountCheck::Note,
            None if max_bad_records > 0 => CountCheck::Note,
            _ => CountCheck::Fail,
        },
        unknown_values: match section.flag("ignore_unknown_values", Rules::Java) {
            Some(true) => UnknownValues::Ignore,
            _ => UnknownValues::Refuse,
        },
        schema_updates: Vec::new(),
        given_schema: section.plain("template_table").map(GivenSchema::Template),
        payload: None,
        before_load,
        staging_life: None,
        local: None,
        kept: None,
        ready: None,
        progress_interval: None,
        rehearsal: None,
        polling_interval: seconds(section, "job_status_polling_interval", 10),
        max_polling_time: seconds(section, "job_status_max_polling_time", 3600),
        retries: section
            .integer("retries", 0..=1000)
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(5),
        timeouts: Timeouts {
            open: seconds(section, "open_timeout_sec", 300),
            send: seconds(section, "send_timeout_sec", 300),
            read: seconds(section, "read_timeout_sec", 300),
        },
        application_name: "Embulk BigQuery plugin".to_owned(),
        mode: mode?,
        destination_project: destination_project.or_else(|| project.clone())?,
        project: project?,
        auth: access.auth?,
        dataset: dataset?,
        table: table?,
    })
}

fn seconds(section: &Section<'_>, key: &'static str, usual: u64) -> Duration {
    section.seconds(key).unwrap_or(Duration::from_secs(usual))
}

fn mode(section: &Section<'_>) -> Option<WriteMode> {
    let (word, creation) = written(section, Rules::Java)?;
    let (keys, rule) = (section.texts("merge_keys"), section.texts("merge_rule"));
    section.ignore(&["old_dataset", "old_table"]);
    Some(match word {
        Word::Append => WriteMode::Append,
        Word::AppendDirect => WriteMode::AppendDirect { creation },
        Word::Replace => WriteMode::Replace,
        Word::DeleteInAdvance => WriteMode::DeleteInAdvance,
        Word::Merge => WriteMode::Merge { keys, rule },
        Word::ReplaceBackup => {
            let span = section.node("mode").map_or(section.span(), |node| &node.span);
            let message = "`mode: replace_backup` is not in this plugin: \
                           replace, append, merge, delete_in_advance and append_direct are supported";
            let problem = Problem::error("bad-value", message, span);
            section.binder().report(problem.hint("`type: bigquery` has it"));
            return None;
        }
    })
}

/// The plugin wants a format to be named, and writes lines of JSON whatever it is.
fn source_format(section: &Section<'_>) -> Option<()> {
    #[derive(Clone, Copy)]
    enum Word {
        Json,
        Csv,
    }
    const FORMATS: [(&str, Word); 3] =
        [("NEWLINE_DELIMITED_JSON", Word::Json), ("JSONL", Word::Json), ("CSV", Word::Csv)];
    section.required("source_format")?;
    if let Word::Csv = section.word("source_format", &FORMATS)? {
        section.useless("source_format", "rows are sent as lines of JSON, as the plugin does");
    }
    Some(())
}

fn before_load(section: &Section<'_>, mode: Option<&WriteMode>) -> Option<String> {
    let sql = section.plain("before_load")?;
    if mode.is_some_and(|mode| *mode != WriteMode::Append) {
        section.useless("before_load", "the plugin runs it in `mode: append` only");
        return None;
    }
    Some(sql)
}

/// What the plugin does not do either, and what is always done here.
fn without_effect(section: &Section<'_>) {
    section.useless(
        "default_timezone",
        "the plugin does not read it; write `timezone` at each column in `column_options`",
    );
    if section.flag("is_skip_job_result_check", Rules::Java) == Some(true) {
        section.useless("is_skip_job_result_check", "the result of a job is always checked");
    }
    for key in ["retain_column_descriptions", "retain_column_policy_tags", "enable_standard_sql"] {
        // Descriptions and policy tags of columns that stay are always kept; types have the names of both dialects.
        section.flag(key, Rules::Java);
    }
    section.ignore(&[
        "path_prefix",
        "file_ext",
        "encoding",
        "allow_quoted_newlines",
        "delete_from_local_when_job_end",
        "temp_table",
    ]);
}

fn column_option(column: &Section<'_>) -> Option<BigqueryColumnOption> {
    let name = column.required("name");
    let option = BigqueryColumnOption {
        field_type: shape::field_type(column),
        mode: column.word("mode", &FieldMode::NAMES).unwrap_or(FieldMode::Nullable),
        fields: column.list("fields").into_iter().map(Node::to_json).collect(),
        description: column.plain("description"),
        timestamp_format: column.plain("timestamp_format"),
        timezone: column.zone("timezone", Zone::embulk),
        conversion: Conversion::Strict,
        scale: column.integer("scale", 0..=NUMERIC_SCALE).and_then(|scale| u8::try_from(scale).ok()),
        name: name?.expose().to_owned(),
    };
    column.finish();
    Some(option)
}
