//! The columns of files as the config names them: no file is opened for that.

use std::sync::Arc;

use super::SourceColumn;
use super::cell::CellReader;
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{BadRows, FileColumn, FileContent, FileInput, Parser, S3Input, S3Objects};
use crate::policy::{Origin, Subject};
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::policy::Known;
use crate::transfer::schema::{ColumnType, Schema, Zones};

/// Where files lie, as a policy names it.
pub struct FilePlace {
    bucket: Option<String>,
    prefix: String,
}

impl FilePlace {
    /// The place of files of this machine.
    pub fn of(input: &FileInput) -> Self {
        Self { bucket: None, prefix: input.path_prefix.shown().to_owned() }
    }

    /// The place of objects.
    pub fn of_s3(input: &S3Input) -> Self {
        let (S3Objects::One(prefix) | S3Objects::Prefix { prefix, .. }) = &input.objects;
        Self { bucket: Some(input.bucket.shown().to_owned()), prefix: prefix.shown().to_owned() }
    }
}

impl FileContent {
    /// The columns as a policy goes by them: a file has no other names than those that the config gives.
    pub(in crate::transfer) fn known(&self, place: &FilePlace) -> Known {
        let subject = |column: &FileColumn| Subject {
            origin: Origin::Column {
                schema: place.bucket.clone(),
                table: place.prefix.clone(),
                column: column.name.clone(),
            },
            type_name: column.kind.word().to_owned(),
        };
        Known { subjects: self.parser.columns().iter().map(subject).collect(), kept_back: Vec::new() }
    }

    /// What every file has.
    pub(in crate::transfer) fn schema(&self, zones: Zones) -> Arc<Schema> {
        Schema::new(
            self.parser.columns().iter().map(|column| CellReader::new(column).column()).collect(),
            zones,
        )
    }

    /// The columns, and what becomes of them on their way in.
    pub(in crate::transfer) fn source_columns(&self) -> Vec<SourceColumn> {
        let fate = match self.parser.bad_rows() {
            BadRows::Skip => Fate::LeftOut,
            BadRows::Stop => Fate::Fails,
        };
        let is_text = matches!(self.parser, Parser::Csv(_));
        self.parser.columns().iter().map(|column| source_column(column, fate, is_text)).collect()
    }
}

fn source_column(column: &FileColumn, fate: Fate, is_text: bool) -> SourceColumn {
    let word = column.kind.word();
    let losses = match column.kind {
        EmbulkType::String => Vec::new(),
        EmbulkType::Boolean if is_text => {
            vec![Loss::new("words that do not mean true", Fate::Becomes("false"))]
        }
        _ => vec![Loss::new(format!("rows with a value that is no {word}"), fate)],
    };
    let conversion = (column.kind == EmbulkType::Timestamp)
        .then(|| format!("read by `{}` in {}", column.clock.format, column.clock.zone.name));
    let holds = match CellReader::new(column).column().kind {
        ColumnType::Boolean => ColumnType::Flag,
        other => other,
    };
    SourceColumn { holds, type_name: word.to_owned(), embulk: Some(column.kind), conversion, losses }
}
