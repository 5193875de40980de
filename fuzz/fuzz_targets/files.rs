//! What both targets of files share: configs of an input, and a sink that looks at the pages.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sync::embulk::config::ExecConfig;
use sync::embulk::input::{FileInput, InputConfig};
use sync::embulk::{Surroundings, load};
use sync::reader::MemoryReader;
use sync::secret::{Secret, SecretError, SecretStore};
use sync::transfer::input::file::bench::reader;
use sync::transfer::input::{Flow, Input, PageSink};
use sync::transfer::page::Page;
use sync::transfer::schema::Schema;

struct Nothing;

impl SecretStore for Nothing {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

/// The inputs with these parsers, plain and packed.
pub fn inputs(parsers: &[&str]) -> Vec<FileInput> {
    let decoders = ["", "  decoders: [{type: gzip}]\n", "  decoders: [{type: bzip2}, {type: gzip}]\n"];
    let pairs = decoders.iter().flat_map(|decoders| parsers.iter().map(move |parser| (decoders, parser)));
    pairs.map(|(decoders, parser)| input(decoders, parser)).collect()
}

fn input(decoders: &str, parser: &str) -> FileInput {
    let text = format!("in:\n  type: file\n  path_prefix: data\n{decoders}  parser: {parser}\nout: {{type: file, path_prefix: o, file_ext: csv, formatter: {{type: csv}}}}\n");
    let reader = MemoryReader::default().with("a.yml", &text);
    let surroundings = Surroundings {
        env: &BTreeMap::new(),
        reader: &reader,
        secrets: &Nothing,
        is_secret: &|_, _| false,
        now: &jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC),
        directory: Path::new("work"),
        diff: None,
        exec: ExecConfig::default(),
    };
    match load(Path::new("a.yml"), &surroundings) {
        Ok(loaded) => match loaded.config.input {
            InputConfig::File(input) => *input,
            _ => panic!("not an input of files"),
        },
        Err(problems) => panic!("{text}{}", sync::report::problems::render(&problems, false)),
    }
}

struct Sink {
    schema: Arc<Schema>,
    rows: u64,
}

impl PageSink for Sink {
    fn page(&mut self) -> Page {
        Page::new(&self.schema)
    }

    fn send(&mut self, page: Page) -> Flow {
        assert!(page.rows > 0, "an empty page");
        for column in &page.columns {
            assert_eq!(column.len(), page.rows, "a column of another length");
        }
        self.rows += page.rows as u64;
        Flow::Continue
    }
}

/// Reads the bytes behind the first, which says by which input.
pub fn read(inputs: &[FileInput], bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let mut reader = reader(&inputs[usize::from(*which) % inputs.len()], bytes.to_vec());
    let mut sink = Sink { schema: Arc::clone(reader.schema()), rows: 0 };
    match reader.read(&mut sink) {
        Ok(figures) => assert_eq!(figures.rows, sink.rows),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
