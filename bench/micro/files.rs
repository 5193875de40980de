//! The parsers of the file input, over a file in the page cache.

use std::num::NonZeroUsize;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use jiff::tz::TimeZone;
use sync::embulk::input::{
    Arrays, BadEscapes, BadRows, Charset, ClockReading, CsvParser, ExtraFields, FileColumn, FileContent,
    FileInput, JsonParser, MissingFields, Parser, Spaces, StrayQuotes, Symlinks,
};
use sync::embulk::zone::Zone;
use sync::session::{AttemptId, Level, TaskName};
use sync::transfer::context::{Cancel, MemoryBudget, Observer, Patience, TransferContext};
use sync::transfer::effect::{Effect, EffectOutcome, Ledger, LedgerError, RecordedEffect, TransferKey};
use sync::transfer::input::file::open;
use sync::transfer::input::{Flow, Input, PageSink};
use sync::transfer::page::Page;
use sync::transfer::pool::SourcePools;
use sync::transfer::schema::{ColumnType, Schema};

/// Hears, and remembers, nothing.
struct Nobody;

impl Observer for Nobody {
    fn progress(&self, _: u64, _: u64) {}
    fn log(&self, _: Level, _: &str) {}
}

impl Ledger for Nobody {
    fn intend(&self, _: &Effect) -> Result<(), LedgerError> {
        Ok(())
    }

    fn settle(&self, _: &Effect, _: &EffectOutcome) -> Result<(), LedgerError> {
        Ok(())
    }

    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError> {
        Ok(Vec::new())
    }
}

fn context(directory: &std::path::Path) -> TransferContext {
    TransferContext {
        key: TransferKey {
            installation: "bench".to_owned(),
            starting_attempt: AttemptId(1),
            task: TaskName::from_full("+bench"),
            round: 1,
            config: String::new(),
        },
        ledger: Arc::new(Nobody),
        observer: Arc::new(Nobody),
        cancel: Cancel::default(),
        memory: MemoryBudget::new(512 << 20),
        sources: SourcePools::new(NonZeroUsize::MIN),
        reading: sync::transfer::input::Reading::plain(),
        policy: None,
        patience: Patience::none(),
        process_zone: TimeZone::UTC,
        directory: directory.to_owned(),
        config_diff: None,
    }
}

/// The columns of what an encoder has written with its natural renderings.
fn columns(schema: &Schema) -> Vec<FileColumn> {
    let column = |(name, kind): (&String, ColumnType)| {
        let format = match kind {
            ColumnType::Date => "%Y-%m-%d",
            ColumnType::Timestamp => "%Y-%m-%d %H:%M:%S.%N %z",
            _ => "%Y-%m-%d %H:%M:%S.%N",
        };
        let clock = ClockReading {
            format: format.to_owned(),
            zone: Zone::utc(),
            date: jiff::civil::date(1970, 1, 1),
        };
        FileColumn { name: name.clone(), kind: kind.embulk(), clock, element_at: None }
    };
    schema.columns.iter().map(|found| column((&found.name, found.kind))).collect()
}

pub fn csv(schema: &Schema) -> Parser {
    Parser::Csv(CsvParser {
        columns: columns(schema),
        skip_header_lines: 0,
        delimiter: ",".to_owned(),
        quote: Some('"'),
        escape: Some('"'),
        null_string: None,
        newline: "\n",
        line_end: None,
        spaces: Spaces::Keep,
        stray_quotes: StrayQuotes::Refuse,
        max_quoted_size: 131_072,
        comment_marker: None,
        missing_fields: MissingFields::Refuse,
        extra_fields: ExtraFields::Refuse,
        bad_rows: BadRows::Stop,
        charset: Charset::of("UTF-8").expect("it is known"),
    })
}

pub fn jsonl(schema: &Schema) -> Parser {
    Parser::Jsonl(JsonParser {
        columns: columns(schema),
        root: String::new(),
        arrays: Arrays::Keep,
        bad_rows: BadRows::Stop,
        bad_escapes: BadEscapes::Refuse,
        charset: Charset::of("UTF-8").expect("it is known"),
    })
}

/// Takes pages and gives them back empty.
struct Drain(Page);

impl PageSink for Drain {
    fn page(&mut self) -> Page {
        let empty = Page::new(&self.0.schema);
        std::mem::replace(&mut self.0, empty)
    }

    fn send(&mut self, mut page: Page) -> Flow {
        page.clear();
        self.0 = page;
        Flow::Continue
    }
}

/// Reads a file with such content into pages.
pub fn read(bencher: Bencher<'_, '_>, content: &[u8], parser: Parser, rows: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rows"), content).expect("a file");
    let content_of = FileContent { decoders: Vec::new(), parser };
    let input = FileInput {
        path_prefix: "rows".into(),
        last_path: None,
        symlinks: Symlinks::Skip,
        content: content_of,
    };
    let context = context(folder.path());
    bencher.counter(ItemsCount::new(rows)).counter(BytesCount::new(content.len())).bench_local(|| {
        let mut reader = open(&input, &context).expect("the file is there");
        let mut sink = Drain(Page::new(reader.schema()));
        let figures = reader.read(&mut sink).expect("rows that fit");
        assert_eq!((figures.rows, figures.notes.len()), (rows as u64, 0));
    });
}
