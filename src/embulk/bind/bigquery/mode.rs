//! `mode` and what belongs to one mode only.

use crate::diagnostic::Problem;
use crate::embulk::bind::section::{Rules, Section};
use crate::embulk::output::{Creation, WriteMode};
use crate::embulk::text::Text;

/// A mode by its word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Append,
    AppendDirect,
    Replace,
    ReplaceBackup,
    DeleteInAdvance,
    Merge,
}

const MODES: [(&str, Word); 6] = [
    ("append", Word::Append),
    ("append_direct", Word::AppendDirect),
    ("replace", Word::Replace),
    ("delete_in_advance", Word::DeleteInAdvance),
    ("replace_backup", Word::ReplaceBackup),
    ("merge", Word::Merge),
];

/// The mode that is written, `append` without one, and whether a table that is missing is made: every mode but
/// `append_direct` needs that.
pub(super) fn written(section: &Section<'_>, rules: Rules) -> Option<(Word, Creation)> {
    let word = match section.node("mode") {
        Some(_) => section.word("mode", &MODES)?,
        None => Word::Append,
    };
    let creation = match section.flag("auto_create_table", rules) {
        Some(false) => Creation::Never,
        _ => Creation::IfMissing,
    };
    if creation == Creation::Never && word != Word::AppendDirect {
        let name = MODES.iter().find(|(_, known)| *known == word).map_or("append", |(name, _)| name);
        let message = format!("`mode: {name}` requires `auto_create_table: true`");
        section.refuse_value("auto_create_table", message);
    }
    Some((word, creation))
}

pub(super) fn mode(section: &Section<'_>, dataset: Option<&Text>, table: Option<&Text>) -> Option<WriteMode> {
    let (word, creation) = written(section, Rules::Ruby)?;
    let (old_dataset, old_table) = (section.text("dataset_old"), section.text("table_old"));
    let old_table = old_table.or_else(|| section.text("table_name_old"));
    let (keys, rule) = (section.texts("merge_keys"), section.texts("merge_rule"));
    Some(match word {
        Word::Append => WriteMode::Append,
        Word::AppendDirect => WriteMode::AppendDirect { creation },
        Word::Replace => WriteMode::Replace,
        Word::DeleteInAdvance => WriteMode::DeleteInAdvance,
        Word::Merge => WriteMode::Merge { keys, rule },
        Word::ReplaceBackup => {
            if old_dataset.is_none() && old_table.is_none() {
                let message = "`mode: replace_backup` requires `dataset_old` or `table_old`";
                let span = section.node("mode").map_or(section.span(), |node| &node.span);
                section.binder().report(Problem::error("missing-option", message, span));
            }
            WriteMode::ReplaceBackup {
                dataset: old_dataset.or_else(|| dataset.cloned())?,
                table: old_table.or_else(|| table.cloned())?,
            }
        }
    })
}

pub(super) fn before_load(section: &Section<'_>, mode: Option<&WriteMode>) -> Option<String> {
    let sql = section.plain("before_load")?;
    if mode.is_some_and(|mode| *mode != WriteMode::Append) {
        let span = section.node("before_load").map_or(section.span(), |node| &node.span);
        let message = "`before_load` is there for `mode: append` only";
        section.binder().report(Problem::error("bad-value", message, span));
    }
    Some(sql)
}

pub(super) fn rehearsal(section: &Section<'_>) -> Option<u64> {
    let counts = section.ruby_integer("rehearsal_counts", 1..=i64::MAX);
    let wanted = section.flag("with_rehearsal", Rules::Ruby) == Some(true);
    wanted.then(|| counts.and_then(|count| u64::try_from(count).ok()).unwrap_or(1000))
}
