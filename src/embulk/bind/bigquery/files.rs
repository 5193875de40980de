//! What rows are written as on their way, and the files that stay behind or are there already.

use std::time::Duration;

use crate::diagnostic::Problem;
use crate::embulk::bind::section::{Rules, Section};
use crate::embulk::output::{
    Afterwards, Compression, FormatChoice, LocalFiles, ReadyFiles, Sequence, SourceFormat, TextEncoding,
};
use crate::embulk::ruby;
use crate::embulk::text::Text;

/// Everything about files.
pub(super) struct Files {
    pub(super) format: SourceFormat,
    pub(super) choice: FormatChoice,
    pub(super) delimiter: char,
    pub(super) encoding: TextEncoding,
    pub(super) local: Option<LocalFiles>,
    pub(super) kept: Option<LocalFiles>,
    pub(super) ready: Option<ReadyFiles>,
}

pub(super) fn files(section: &Section<'_>, compression: Compression) -> Files {
    let written = source_format(section);
    let format = written.unwrap_or(SourceFormat::Csv);
    let ruby = |key| section.flag(key, Rules::Ruby);
    let (skips, is_ready) = (ruby("skip_load") == Some(true), ruby("skip_file_generation") == Some(true));
    let keeps = ruby("delete_from_local_when_job_end") == Some(false);
    // Asked for whatever is set, so that none of them counts as unknown.
    let names = names(section);
    let prefix = section.text("path_prefix").filter(|prefix| !prefix.is_empty());
    let own_ext = section.plain("file_ext");
    let mut ready = None;
    if is_ready {
        if skips {
            let message = "`skip_load` and `skip_file_generation` leave nothing to do".to_owned();
            section.refuse_value("skip_load", message);
        }
        ready =
            prefix_for(section, prefix.clone(), "skip_file_generation", "loads files").map(|path_prefix| {
                let usual = format.extension(compression).to_owned();
                let afterwards = if keeps { Afterwards::Keep } else { Afterwards::Delete };
                ReadyFiles { path_prefix, file_ext: own_ext.clone().unwrap_or(usual), afterwards }
            });
    }
    let left = |wanted: bool, key| {
        let path_prefix =
            wanted.then(|| prefix_for(section, prefix.clone(), key, "leaves a file")).flatten()?;
        Some(LocalFiles { path_prefix, sequence: names.clone()?, file_ext: own_ext.clone() })
    };
    let local = left(skips && !is_ready, "skip_load");
    let kept = left(keeps && !skips && !is_ready, "delete_from_local_when_job_end");
    let (delimiter, encoding) = (delimiter(section), encoding(section, is_ready));
    let of_csv = ["field_delimiter", "allow_quoted_newlines"];
    let is_csv = of_csv.iter().any(|key| section.node(key).is_some());
    let is_about_files = skips || is_ready || keeps;
    let choice = match written {
        None if !is_csv && !is_about_files => FormatChoice::Fastest,
        _ => FormatChoice::Written,
    };
    Files { format, choice, delimiter, encoding, local, kept, ready }
}

fn source_format(section: &Section<'_>) -> Option<SourceFormat> {
    section.word(
        "source_format",
        &[
            ("CSV", SourceFormat::Csv),
            ("NEWLINE_DELIMITED_JSON", SourceFormat::Jsonl),
            ("JSONL", SourceFormat::Jsonl),
            ("PARQUET", SourceFormat::Parquet),
        ],
    )
}

/// `sequence_format`
fn names(section: &Section<'_>) -> Option<Sequence> {
    let format = section.plain("sequence_format");
    match Sequence::parse(format.as_deref().unwrap_or(".%d.%d")) {
        Ok(sequence) => Some(sequence),
        Err(error) => {
            let span = section.node("sequence_format").map_or(section.span(), |node| &node.span);
            section.binder().report(Problem::error("bad-value", error.to_string(), span));
            None
        }
    }
}

/// The start of the path of files that an option is about; the plugin's own is a random one.
fn prefix_for(section: &Section<'_>, prefix: Option<Text>, key: &'static str, does: &str) -> Option<Text> {
    if prefix.is_none() && !section.is_unknown("path_prefix") {
        let message = format!("`{key}` {does}, so `path_prefix` must say where");
        let span = section.node(key).map_or(section.span(), |node| &node.span);
        section.binder().report(Problem::error("missing-option", message, span));
    }
    prefix
}

/// `field_delimiter`: one character of ASCII; BigQuery takes `\t` for a tab, too.
fn delimiter(section: &Section<'_>) -> char {
    let Some(text) = section.text("field_delimiter") else { return ',' };
    let mut chars = text.expose().chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) if one.is_ascii() && !matches!(one, '\0' | '"' | '\r' | '\n') => one,
        _ if matches!(text.expose(), "\\t" | "tab") => '\t',
        _ => {
            let span = section.node("field_delimiter").map_or(section.span(), |node| &node.span);
            section.bad("field_delimiter", "one character of ASCII", &text, span);
            ','
        }
    }
}

/// `encoding`: what is written here is UTF-8, so it says something of files that are there already only.
fn encoding(section: &Section<'_>, is_ready: bool) -> TextEncoding {
    let encoding = section.word("encoding", &TextEncoding::NAMES).unwrap_or(TextEncoding::Utf8);
    if !is_ready && encoding != TextEncoding::Utf8 {
        section.useless("encoding", "texts are sent in UTF-8 and arrive as they are");
    }
    encoding
}

/// `progress_log_interval`: seconds, perhaps with a fraction.
pub(super) fn progress_interval(section: &Section<'_>) -> Option<Duration> {
    let text = section.text("progress_log_interval")?;
    let seconds = ruby::float(text.expose()).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if seconds.is_none() {
        let span = section.node("progress_log_interval").map_or(section.span(), |node| &node.span);
        section.bad("progress_log_interval", "a number of seconds", &text, span);
    }
    seconds
}
