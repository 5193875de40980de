//! `type: mask`

use super::rename::compiled;
use crate::embulk::bind::section::Section;
use crate::embulk::filter::{Mask, MaskColumn, MaskKind, MaskPath};
use crate::embulk::json_path::JsonPath;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    All,
    Email,
    Regex,
    Substring,
}

const WORDS: [(&str, Word); 4] =
    [("all", Word::All), ("email", Word::Email), ("regex", Word::Regex), ("substring", Word::Substring)];

pub(super) fn mask(section: &Section<'_>) -> Option<Mask> {
    if section.node("columns").is_none() {
        section.missing("columns");
    }
    let columns: Vec<_> = section.sections("columns").iter().map(column).collect();
    Some(Mask { columns: columns.into_iter().collect::<Option<_>>()? })
}

fn column(section: &Section<'_>) -> Option<MaskColumn> {
    let name = section.required("name");
    let kind = kind(section);
    let paths: Vec<_> = section.sections("paths").iter().map(path).collect();
    section.finish();
    let paths = paths.into_iter().collect::<Option<_>>()?;
    Some(MaskColumn { name: name?.expose().to_owned(), kind: kind?, paths })
}

fn path(section: &Section<'_>) -> Option<MaskPath> {
    let key = section.required("key");
    let kind = kind(section);
    section.finish();
    let key = key?.expose().to_owned();
    let reason = match JsonPath::parse(&key) {
        Ok(path) if path.is_definite() => return Some(MaskPath { key: path, kind: kind? }),
        Ok(_) => "has `[*]`, which is not supported here".to_owned(),
        Err(error) => error.to_string(),
    };
    section.refuse_value("key", format!("the path `{key}` {reason}"));
    None
}

fn kind(section: &Section<'_>) -> Option<MaskKind> {
    let word = match section.node("type") {
        Some(_) => section.word("type", &WORDS)?,
        None => Word::All,
    };
    let size =
        |key| section.integer(key, 0..=i64::from(i32::MAX)).and_then(|size| usize::try_from(size).ok());
    let lengths = [size("length"), size("mask_length")];
    // As many as none means as many as there are.
    let length = lengths.into_iter().flatten().find(|length| *length > 0);
    let (start, end) = (size("start"), size("end"));
    match word {
        Word::Regex => {
            let text = section.required("pattern")?;
            return compiled(section, "pattern", text.expose()).map(MaskKind::Regex);
        }
        _ if section.plain("pattern").is_some() => {
            // Old versions of the plugin wrote the type here, new ones ignore it.
            section.refuse_value("pattern", "`pattern` goes with `type: regex` alone".to_owned());
            return None;
        }
        _ => {}
    }
    Some(match word {
        Word::All | Word::Regex => MaskKind::All { length },
        Word::Email => MaskKind::Email { length },
        Word::Substring => MaskKind::Substring { start: start.unwrap_or(0), end, length },
    })
}
