//! Configs and contexts of transfers without a run around them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sync::embulk::Surroundings;
use sync::embulk::config::{EmbulkConfig, ExecConfig, TypeMapping};
use sync::embulk::filter::FilterConfig;
use sync::embulk::input::{
    ColumnOption, DatabaseAuth, DatetimeCode, InputConfig, MysqlInput, PostgresqlInput, Selection,
    SqliteInput, SslMode, Statements, ValueType,
};
use sync::embulk::output::{
    CsvFormatter, Encoder, FileOutput, Formatter, HeaderLine, JsonlFormatter, LoadMode, Newline,
    OutputConfig, QuotePolicy, Retries, Sequence, StaleObjects, TableLoad, WrittenCharset,
};
use sync::embulk::text::Text;
use sync::embulk::zone::Zone;
use sync::reader::MemoryReader;
use sync::secret::{Secret, SecretError, SecretStore};
use sync::session::{AttemptId, Level, TaskName};
use sync::transfer::context::{Cancel, MemoryBudget, Observer, Patience, TransferContext};
use sync::transfer::effect::{Effect, EffectOutcome, Ledger, LedgerError, RecordedEffect, TransferKey};
use sync::transfer::error::TransferError;
use sync::transfer::gauge::Extent;
use sync::transfer::input::{Flow, PageSink, Reading};
use sync::transfer::page::Page;
use sync::transfer::pool::SourcePools;
use sync::transfer::report::TransferReport;
use sync::transfer::schema::Schema;

use crate::support::postgres::PostgresDatabase;
use crate::support::servers::MySqlDatabase;

/// A folder to write to, with what the transfers in it said and recorded.
pub(super) struct Lab {
    pub(super) folder: tempfile::TempDir,
    pub(super) cancel: Cancel,
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) heard: Arc<Heard>,
    pub(super) effects: Arc<Memory>,
}

/// Hears of progress, with the rows so far.
type AtProgress = Box<dyn Fn(u64) + Send>;

#[derive(Default)]
pub(super) struct Heard {
    pub(super) lines: Mutex<Vec<String>>,
    pub(super) at_progress: Mutex<Option<AtProgress>>,
    pub(super) extents: Mutex<Vec<Option<Extent>>>,
}

impl Observer for Heard {
    fn begins(&self, extent: Option<Extent>) {
        self.extents.lock().unwrap().push(extent);
    }

    fn progress(&self, rows: u64, _bytes: u64) {
        if let Some(call) = self.at_progress.lock().unwrap().as_ref() {
            call(rows);
        }
    }

    fn log(&self, _level: Level, text: &str) {
        self.lines.lock().unwrap().push(text.to_owned());
    }
}

#[derive(Default)]
pub(super) struct Memory(pub(super) Mutex<Vec<RecordedEffect>>);

impl Ledger for Memory {
    fn intend(&self, effect: &Effect) -> Result<(), LedgerError> {
        self.0.lock().unwrap().push(RecordedEffect { effect: effect.clone(), outcome: None });
        Ok(())
    }

    fn settle(&self, effect: &Effect, outcome: &EffectOutcome) -> Result<(), LedgerError> {
        self.0
            .lock()
            .unwrap()
            .push(RecordedEffect { effect: effect.clone(), outcome: Some(outcome.clone()) });
        Ok(())
    }

    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

impl Lab {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            cancel: Cancel::default(),
            zone: jiff::tz::TimeZone::UTC,
            heard: Arc::default(),
            effects: Arc::default(),
        }
    }

    pub(super) fn context(&self) -> TransferContext {
        TransferContext {
            key: TransferKey {
                // Names of jobs are made of it, and a job that an earlier process had done would be taken for ours.
                installation: format!("test_{}", std::process::id()),
                starting_attempt: AttemptId(1),
                task: TaskName::from_full("+t"),
                round: 1,
                config: "c".to_owned(),
            },
            ledger: Arc::clone(&self.effects) as Arc<dyn Ledger>,
            observer: Arc::clone(&self.heard) as Arc<dyn Observer>,
            cancel: self.cancel.clone(),
            memory: MemoryBudget::new(512 << 20),
            sources: SourcePools::new(NonZeroUsize::new(4).unwrap()),
            policy: None,
            reading: Reading::plain(),
            patience: Patience { tables: Duration::ZERO, ..Patience::default() },
            process_zone: self.zone.clone(),
            directory: self.folder.path().to_owned(),
            config_diff: None,
        }
    }

    pub(super) fn run(&self, config: &EmbulkConfig) -> Result<TransferReport, TransferError> {
        sync::transfer::run(config, &self.context())
    }

    /// Copies without filters.
    pub(super) fn copy(
        &self,
        input: InputConfig,
        output: OutputConfig,
    ) -> Result<TransferReport, TransferError> {
        self.run(&EmbulkConfig { input, filters: Vec::new(), output, exec: ExecConfig::default() })
    }

    /// The rows of a query of SQLite that needs no table.
    pub(super) fn rows_of(&self, sql: &str) -> InputConfig {
        std::fs::File::create(self.path("empty.db")).unwrap();
        InputConfig::Sqlite(sqlite("empty.db", query(sql)))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of a file, as JSON.
    pub(super) fn json_lines(&self, name: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Names of all files, hidden ones too.
    pub(super) fn files(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

/// Takes pages and forgets them.
pub(super) struct Nowhere(pub(super) Arc<Schema>);

impl PageSink for Nowhere {
    fn page(&mut self) -> Page {
        Page::new(&self.0)
    }

    fn send(&mut self, _page: Page) -> Flow {
        Flow::Continue
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What rows for table `t` of a database go through: Embulk's defaults, but that nobody waits for seconds.
pub(super) fn table_load(mode: LoadMode) -> TableLoad {
    TableLoad {
        table: Text::plain("t"),
        mode,
        types: TypeMapping::Embulk,
        default_timezone: Zone::utc(),
        column_options: Vec::new(),
        create_table_constraint: None,
        create_table_option: None,
        isolation: None,
        before_load: None,
        after_load: None,
        batch_bytes: 16 << 20,
        retries: Retries { limit: 12, wait: Duration::from_millis(10), longest: Duration::from_millis(50) },
    }
}

pub(super) fn table(name: &str) -> Selection {
    Selection::Table {
        table: Text::plain(name),
        select: Text::plain("*"),
        where_clause: None,
        order_by: None,
    }
}

pub(super) fn query(sql: &str) -> Selection {
    Selection::Query(Text::plain(sql))
}

pub(super) fn mysql(database: &MySqlDatabase, selection: Selection) -> MysqlInput {
    MysqlInput {
        host: Text::plain(&database.server.host),
        port: database.server.port,
        user: Text::plain(&database.server.user),
        password: Secret::new(database.server.password.as_str()),
        auth: DatabaseAuth::Password,
        database: Text::plain(&database.name),
        ssl: SslMode::Disable,
        selection,
        snapshot: None,
        incremental: None,
        fetch_rows: 10_000,
        connect_timeout: Duration::from_secs(300),
        socket_timeout: Duration::from_secs(1800),
        default_timezone: Zone::utc(),
        datetime_code: DatetimeCode::ServerZone,
        column_options: Vec::new(),
        default_column_options: Vec::new(),
        statements: Statements::default(),
        options: BTreeMap::new(),
    }
}

pub(super) fn postgresql(database: &PostgresDatabase, selection: Selection) -> PostgresqlInput {
    PostgresqlInput {
        host: Text::plain(&database.host),
        port: database.port,
        user: Text::plain(&database.user),
        password: Secret::new(""),
        auth: DatabaseAuth::Password,
        database: Text::plain(&database.name),
        schema: Text::plain("public"),
        ssl: SslMode::Disable,
        application_name: Text::plain("embulk-input-postgresql"),
        statement_timeout: None,
        selection,
        snapshot: None,
        incremental: None,
        connect_timeout: Duration::from_secs(300),
        socket_timeout: Duration::from_secs(1800),
        default_timezone: Zone::utc(),
        column_options: Vec::new(),
        default_column_options: Vec::new(),
        statements: Statements::default(),
        options: BTreeMap::new(),
    }
}

pub(super) fn sqlite(path: &str, selection: Selection) -> SqliteInput {
    SqliteInput {
        database: Text::plain(path),
        selection,
        default_timezone: Zone::utc(),
        column_options: Vec::new(),
        default_column_options: Vec::new(),
        statements: Statements::default(),
    }
}

pub(super) fn value_type(name: &str, value_type: ValueType) -> (String, ColumnOption) {
    (name.to_owned(), ColumnOption { value_type, column_type: None, timestamp_format: None, timezone: None })
}

/// JSON lines into `out000.00.jsonl`.
pub(super) fn to_jsonl(input: InputConfig, types: TypeMapping) -> EmbulkConfig {
    let format = JsonlFormatter {
        encoding: WrittenCharset::Utf8,
        newline: Newline::Lf,
        date_format: None,
        timezone: None,
        json_columns: Vec::new(),
    };
    to_file(input, Formatter::Jsonl(format), types, "jsonl", Vec::new())
}

/// CSV as Embulk writes it without further options, into `out000.00.csv`.
pub(super) fn to_csv(input: InputConfig, types: TypeMapping) -> EmbulkConfig {
    let format = CsvFormatter {
        charset: WrittenCharset::Utf8,
        header: HeaderLine::Written,
        delimiter: ',',
        quote: '"',
        quote_policy: QuotePolicy::Minimal,
        escape: '"',
        null_string: String::new(),
        newline: Newline::Crlf,
        newline_in_field: Newline::Lf,
        default_timezone: Zone::utc(),
        default_timestamp_format: "%Y-%m-%d %H:%M:%S.%6N %z".to_owned(),
        column_options: Vec::new(),
    };
    to_file(input, Formatter::Csv(format), types, "csv", Vec::new())
}

pub(super) fn to_file(
    input: InputConfig,
    formatter: Formatter,
    types: TypeMapping,
    extension: &str,
    encoders: Vec<Encoder>,
) -> EmbulkConfig {
    EmbulkConfig {
        input,
        filters: Vec::new(),
        output: OutputConfig::File(Box::new(FileOutput {
            path_prefix: Text::plain("out"),
            sequence: Sequence::parse("%03d.%02d.").unwrap(),
            file_ext: extension.to_owned(),
            formatter,
            encoders,
            types,
            stale: StaleObjects::Refuse,
            max_file_bytes: None,
        })),
        exec: ExecConfig::default(),
    }
}

pub(super) fn with_filter(mut config: EmbulkConfig, filter: FilterConfig) -> EmbulkConfig {
    config.filters.push(filter);
    config
}

/// Knows no secret.
pub(super) struct NoSecrets;

impl SecretStore for NoSecrets {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

/// What a transfer file says.
pub(super) fn loaded(text: &str) -> EmbulkConfig {
    let surroundings = Surroundings {
        env: &BTreeMap::new(),
        reader: &MemoryReader::default().with("a.yml", text),
        secrets: &NoSecrets,
        is_secret: &|_, _| false,
        now: &"2024-06-04T01:02:03[UTC]".parse().unwrap(),
        directory: Path::new(""),
        diff: None,
        exec: ExecConfig::default(),
    };
    match sync::embulk::load(Path::new("a.yml"), &surroundings) {
        Ok(rendered) => rendered.config,
        Err(problems) => panic!("{problems:?}"),
    }
}
