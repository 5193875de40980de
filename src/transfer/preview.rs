//! The first rows of a source after its filters, as texts for people. No output is asked.

use std::sync::Arc;

use super::context::TransferContext;
use super::encode::cell::CellWriter;
use super::encode::{Clock, Converted, Form, Rendering, unfit};
use super::error::TransferError;
use super::filter::{self, Pipeline};
use super::input::{self, BytesRule, Flow, PageSink};
use super::page::Page;
use super::report::policy_lines;
use super::schema::{Column, ColumnType, Schema};
use super::stray;
use crate::embulk::PreviewConfig;
use crate::embulk::config::EmbulkType;

/// Some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Names and Embulk's types of the columns.
    pub columns: Vec<(String, EmbulkType)>,
    /// The rows; none is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// What the read has to say.
    pub notes: Vec<String>,
}

/// Reads as many rows as the config asks for, fewer where there are no more.
pub fn preview(config: &PreviewConfig, context: &TransferContext) -> Result<Preview, TransferError> {
    let mut source = input::open(&config.input, context, BytesRule::Refuse)?;
    let schema = Arc::clone(source.reader.schema());
    let known = source.reader.known();
    let policy = context.policy.as_deref().map(|enforced| (enforced, &known));
    let pipeline = filter::plan(&config.filters, &schema, policy)?;
    let policed = policy_lines(pipeline.treated()).into_iter().map(|(_, line)| line);
    let notes: Vec<String> = policed.collect();
    let stray = stray::of_input(&config.input, source.reader.schema(), pipeline.treated());
    let shown = Arc::clone(pipeline.schema());
    let cells = shown.columns.iter().map(|column| writer(column, &shown)).collect();
    let mut sample =
        Sample { schema, pipeline, cells, rows: Vec::new(), seen: 0, wanted: config.rows, failed: None };
    let figures = source.reader.read(&mut sample)?;
    if let Some(error) = sample.failed {
        return Err(error);
    }
    let columns = shown.columns.iter().map(|column| (column.name.clone(), column.kind.embulk())).collect();
    Ok(Preview {
        columns,
        rows: sample.rows,
        notes: figures.notes.into_iter().chain(stray).chain(notes).collect(),
    })
}

/// Takes pages until there are rows enough.
struct Sample {
    schema: Arc<Schema>,
    pipeline: Pipeline,
    cells: Vec<CellWriter>,
    rows: Vec<Vec<Option<String>>>,
    /// How many came before the filters.
    seen: u64,
    wanted: usize,
    failed: Option<TransferError>,
}

impl PageSink for Sample {
    fn page(&mut self) -> Page {
        Page::new(&self.schema)
    }

    fn send(&mut self, mut page: Page) -> Flow {
        let Self { pipeline, cells, rows, seen, wanted, .. } = self;
        page.first_row = *seen;
        *seen += page.rows as u64;
        let taken = pipeline.apply(&mut page, &mut |page| take(page, cells, rows, *wanted));
        match taken {
            Ok(()) if self.rows.len() < self.wanted => Flow::Continue,
            Ok(()) => Flow::Stop,
            Err(error) => {
                self.failed = Some(error);
                Flow::Stop
            }
        }
    }
}

fn take(
    page: &Page,
    cells: &mut [CellWriter],
    rows: &mut Vec<Vec<Option<String>>>,
    wanted: usize,
) -> Result<(), TransferError> {
    for row in 0..page.rows.min(wanted - rows.len()) {
        let mut texts = Vec::with_capacity(cells.len());
        for (at, cell) in cells.iter_mut().enumerate() {
            let (column, values) = (&page.schema.columns[at], &page.columns[at]);
            let mut text = Vec::new();
            let written = if values.validity.is_valid(row) {
                cell.write(values, row, &mut text)
                    .map_err(|reason| unfit(column, page.first_row + row as u64, &reason))?
            } else {
                Converted::Null
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            texts.push((written == Converted::Text).then(|| finished(column, text)));
        }
        rows.push(texts);
    }
    Ok(())
}

fn writer(column: &Column, schema: &Schema) -> CellWriter {
    CellWriter::new(column.kind, rendering(column.kind).form, &schema.zones)
}

/// How Embulk shows the values of a column.
pub(super) fn rendering(kind: ColumnType) -> Rendering {
    match kind.embulk() {
        EmbulkType::Timestamp => {
            Rendering::clock("%Y-%m-%d %H:%M:%S.%6N", Clock::In(jiff::tz::TimeZone::UTC))
        }
        EmbulkType::Boolean => Rendering::bare(Form::Boolean),
        EmbulkType::Double if !matches!(kind, ColumnType::Decimal { .. }) => Rendering::bare(Form::JavaFloat),
        _ => Rendering::natural(kind),
    }
}

/// Digits of a second in groups of three, as few as are needed.
fn finished(column: &Column, text: String) -> String {
    if column.kind.embulk() != EmbulkType::Timestamp {
        return text;
    }
    let short = text.strip_suffix(".000000").or_else(|| text.strip_suffix("000")).unwrap_or(&text);
    format!("{short} UTC")
}
