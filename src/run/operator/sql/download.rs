//! `download_file`: a result as a CSV file, in the form of Digdag: a header, lines that end in CR LF, quotes where they
//! are needed, nothing for NULL and `""` for the empty text.
//!
//! The rows go to a hidden file beside the target, which takes the target's name when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::cell::Cell;
use super::sink::no_text;
use crate::run::operator::OperatorError;

/// A file in the making; left alone it disappears.
pub(super) struct Download {
    /// As written in the workflow.
    name: String,
    path: PathBuf,
    temporary: PathBuf,
    columns: Vec<String>,
    rows: u64,
    writer: Option<BufWriter<File>>,
}

impl Download {
    /// A file at `path`, called `name` in messages. `id` tells the hidden file from those of other tasks.
    pub(super) fn new(name: String, path: PathBuf, id: &str) -> Self {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{file}.{id}.tmp"));
        Self { name, path, temporary, columns: Vec::new(), rows: 0, writer: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// A result begins: what was written of another is gone.
    pub(super) fn begin(&mut self, columns: Vec<String>) -> Result<(), OperatorError> {
        let file = File::create(&self.temporary).map_err(|error| self.failed(&error))?;
        let mut writer = BufWriter::new(file);
        let header: Vec<_> = columns.iter().map(|column| Some(column.as_str())).collect();
        write_line(&mut writer, header).map_err(|error| self.failed(&error))?;
        self.writer = Some(writer);
        self.columns = columns;
        self.rows = 0;
        Ok(())
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), OperatorError> {
        let bytes = self.columns.iter().zip(cells).find(|(_, cell)| **cell == Cell::Bytes);
        if let Some((column, _)) = bytes {
            return Err(no_text(column, "written"));
        }
        let texts: Vec<_> = cells.iter().map(Cell::csv).collect();
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let written = write_line(writer, texts.iter().map(Option::as_deref));
        self.rows += 1;
        written.map_err(|error| self.failed(&error))
    }

    /// Brings every row to the disk: the name must not be there after a power cut while the content is not.
    pub(super) fn flush(&mut self) -> Result<(), OperatorError> {
        let Some(writer) = &mut self.writer else {
            return Err(OperatorError::failed(format!(
                "no statement gave a result that could be written to `{}`",
                self.name
            )));
        };
        let flushed = writer.flush().and_then(|()| writer.get_ref().sync_all());
        flushed.map_err(|error| self.failed(&error))
    }

    /// Gives the file its name.
    pub(super) fn publish(mut self) -> Result<(), OperatorError> {
        self.flush()?;
        fs::rename(&self.temporary, &self.path).map_err(|error| self.failed(&error))?;
        self.writer = None;
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> OperatorError {
        let failed = OperatorError::failed(format!("file `{}` could not be written", self.name)).cause(error);
        match self.path.parent() {
            Some(folder) if !folder.is_dir() => {
                failed.hint(format!("make the folder `{}` first", shown(folder)))
            }
            _ => failed,
        }
    }
}

fn shown(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Drop for Download {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // When it cannot be removed, the next try writes over it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn write_line<'a>(to: &mut impl Write, values: impl IntoIterator<Item = Option<&'a str>>) -> io::Result<()> {
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            to.write_all(b",")?;
        }
        match value {
            None => {}
            Some(text) if text.is_empty() || text.contains(['"', ',', '\r', '\n']) => {
                write!(to, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Some(text) => to.write_all(text.as_bytes())?,
        }
    }
    to.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download(folder: &Path) -> Download {
        Download::new("out.csv".to_owned(), folder.join("out.csv"), "id")
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = download(folder.path());
        file.begin(vec!["id".to_owned()]).expect("a file");
        file.row(&[Cell::Whole("1".into())]).expect("a row");
        // Another result takes the place of the first.
        file.begin(vec!["a \"b\"".to_owned(), "c".to_owned(), "d".to_owned()]).expect("a file");
        file.row(&[Cell::Null, Cell::Text("".into()), Cell::Text("x,\r\ny".into())]).expect("a row");
        file.row(&[Cell::Bool(false), Cell::Float("2".into()), Cell::Text("z".into())]).expect("a row");
        assert_eq!(names(folder.path()), [".out.csv.id.tmp"]);
        assert_eq!(file.rows(), 2);
        file.publish().expect("a file");
        assert_eq!(names(folder.path()), ["out.csv"]);
        assert_eq!(
            fs::read_to_string(folder.path().join("out.csv")).expect("text"),
            "\"a \"\"b\"\"\",c,d\r\n,\"\",\"x,\r\ny\"\r\nfalse,2.0,z\r\n"
        );
    }

    #[test]
    fn what_failed_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("out.csv"), "old").expect("a file");
        let mut file = download(folder.path());
        file.begin(vec!["b".to_owned()]).expect("a file");
        let error = file.row(&[Cell::Bytes]).expect_err("no text");
        assert_eq!(error.message, "column `b` holds bytes that are no text, which cannot be written");
        drop(file);
        assert_eq!(names(folder.path()), ["out.csv"]);
        assert_eq!(fs::read_to_string(folder.path().join("out.csv")).expect("text"), "old");
    }

    #[test]
    fn errors_say_what_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = Download::new("sub/out.csv".to_owned(), folder.path().join("sub/out.csv"), "id");
        let error = file.begin(Vec::new()).expect_err("no folder");
        assert_eq!(error.message, "file `sub/out.csv` could not be written");
        assert_eq!(error.causes, ["No such file or directory (os error 2)"]);
        assert_eq!(error.hint.as_deref(), Some("make the folder `sub` first"));
        let error = download(folder.path()).publish().expect_err("nothing");
        assert_eq!(error.message, "no statement gave a result that could be written to `out.csv`");
    }
}
