//! What a source and a target say of themselves before a run: columns, types, whether things are there. No row is read,
//! nothing is written, and no statement of the config's own runs.

use std::sync::Arc;

use super::context::TransferContext;
use super::error::TransferError;
use super::explain::SourceTable;
use super::filter;
use super::input;
use super::input::file::FilePlace;
use super::output::look::{self, Looked};
use super::schema::Zones;
use crate::embulk::config::EmbulkConfig;
use crate::embulk::input::InputConfig;

/// Whether the columns of a source can be known without a server.
pub fn is_local(input: &InputConfig) -> bool {
    match input {
        InputConfig::Mysql(_) | InputConfig::Postgresql(_) => false,
        // The config names the columns of files.
        InputConfig::Sqlite(_) | InputConfig::File(_) | InputConfig::S3(_) => true,
    }
}

/// The columns of a source that is no server; none where it is one. No file but a database is opened.
pub fn local_source(
    config: &EmbulkConfig,
    context: &TransferContext,
) -> Option<Result<SourceTable, TransferError>> {
    let (content, place) = match &config.input {
        InputConfig::Mysql(_) | InputConfig::Postgresql(_) => return None,
        InputConfig::Sqlite(_) => return Some(source(config, context)),
        InputConfig::File(input) => (&input.content, FilePlace::of(input)),
        InputConfig::S3(input) => (&input.content, FilePlace::of_s3(input)),
    };
    let zones = Zones { process: context.process_zone.clone(), ..Zones::utc() };
    Some(Ok(SourceTable {
        schema: content.schema(zones),
        columns: content.source_columns(),
        known: content.known(&place),
        increment: Vec::new(),
    }))
}

/// Asks a source for its columns: it is connected to, and its statement is prepared.
pub fn source(config: &EmbulkConfig, context: &TransferContext) -> Result<SourceTable, TransferError> {
    let (quiet, left_out) = without_statements(&config.input);
    let opened = input::open(&quiet, context, input::bytes_rule(&config.output));
    let mut opened = opened.map_err(|error| match left_out {
        true => error.hint("`before_setup` and `before_select` of the config were not run for the check"),
        false => error,
    })?;
    let columns = opened.reader.source_columns();
    let known = opened.reader.known();
    let increment = opened.reader.increment().map_or_else(Vec::new, |one| one.places().to_vec());
    Ok(SourceTable { schema: Arc::clone(opened.reader.schema()), columns, known, increment })
}

/// The input without statements of its own, which may write; whether it had any that come before the read.
fn without_statements(input: &InputConfig) -> (InputConfig, bool) {
    let mut quiet = input.clone();
    let statements = match &mut quiet {
        InputConfig::Mysql(input) => &mut input.statements,
        InputConfig::Postgresql(input) => &mut input.statements,
        InputConfig::Sqlite(input) => &mut input.statements,
        InputConfig::File(_) | InputConfig::S3(_) => return (quiet, false),
    };
    let had = std::mem::take(statements);
    (quiet, had.before_setup.is_some() || had.before_select.is_some())
}

/// Asks a target. `source` is what is known of the rows.
pub fn target(
    config: &EmbulkConfig,
    context: &TransferContext,
    source: Option<&SourceTable>,
) -> Result<Looked, TransferError> {
    let policy = context.policy.as_deref();
    let pipeline = source.map(|source| filter::plan(&config.filters, &source.schema, source.policed(policy)));
    let pipeline = pipeline.transpose()?;
    look::look(config, context, pipeline.as_ref().map(filter::Pipeline::schema))
}
