//! What transfers will do, as tables for people and as JSON for programs: `sync check --explain`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::console::Style;
use super::table::{Align, Cell, Table};
use crate::transfer::explain::{ColumnStory, EmbulkSide, Example, Explanation, Sent};
use crate::transfer::report::Treated;

/// Columns of a page where no terminal says how many it has.
const WIDTH: usize = 100;
/// Fewer would leave no room for words.
const NARROWEST: usize = 60;

/// One transfer, and where it was found.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The transfer file, relative to the project.
    pub file: PathBuf,
    /// The task that runs it, and the values of the loops around it; none for a file on its own.
    pub task: Option<String>,
    /// What it will do; none where it could not be rendered.
    pub explanation: Option<Explanation>,
    /// Why it could not.
    pub unknown: Vec<String>,
    /// What a policy says of its columns where the rest could not be told.
    pub verdicts: Option<Vec<Treated>>,
}

/// What a policy says of the columns of a transfer.
pub type Verdicts<'a> = (&'a Told, &'a [Treated]);

/// What a policy says of the columns of transfers, as far as their sources were asked.
pub fn verdicts(all: &[Told]) -> Vec<Verdicts<'_>> {
    let found = all.iter().filter_map(|told| {
        let explained = told.explanation.as_ref().and_then(|explanation| explanation.verdicts.as_deref());
        Some((told, explained.or(told.verdicts.as_deref())?))
    });
    found.collect()
}

/// The same as tables.
pub fn render_verdicts(all: &[Verdicts<'_>], width: Option<usize>, colors: bool) -> String {
    let width = width.unwrap_or(WIDTH).max(NARROWEST);
    let texts: Vec<String> = all
        .iter()
        .map(|(told, columns)| {
            let title = format!("{}: the policy", title(told));
            format!(
                "{}\n{}",
                Style::Bold.paint(&title, colors),
                verdict_table(columns).render_within(width, colors)
            )
        })
        .collect();
    texts.join("\n")
}

fn verdict_table(columns: &[Treated]) -> Table {
    let titles = ["COLUMN", "FROM", "TYPE", "VERDICT", "RULE", "REASON"].map(|title| (title, Align::Left));
    let mut table = Table::new(&titles);
    for column in columns {
        let style = match column.action.as_str() {
            "keep" => None,
            "drop" => Some(Style::Red),
            _ => Some(Style::Yellow),
        };
        let word = column.action.as_str();
        table.row([
            Cell::from(column.column.as_str()),
            Cell::from(column.source.as_str()),
            Cell::from(column.type_name.as_str()),
            style.map_or_else(|| Cell::from(word), |style| Cell::styled(word, style)),
            Cell::from(column.rule.as_deref().unwrap_or("none")),
            Cell::from(column.reason.as_deref().unwrap_or_default()),
        ]);
    }
    table
}

/// The same for programs.
pub fn verdicts_to_json(all: &[Verdicts<'_>]) -> Value {
    let one = |(told, columns): &Verdicts<'_>| json!({"file": told.file.to_string_lossy(), "task": told.task, "columns": columns});
    all.iter().map(one).collect()
}

fn title(told: &Told) -> String {
    let task = told.task.as_ref().map(|task| format!(" in {task}")).unwrap_or_default();
    format!("{}{task}", told.file.display())
}

/// The tables of some transfers. `width` is that of the terminal.
pub fn render(all: &[Told], width: Option<usize>, colors: bool) -> String {
    let width = width.unwrap_or(WIDTH).max(NARROWEST);
    let texts: Vec<String> = all.iter().map(|told| one(told, width, colors)).collect();
    texts.join("\n")
}

fn one(told: &Told, width: usize, colors: bool) -> String {
    let mut text = Style::Bold.paint(&title(told), colors);
    if let Some(Explanation { source, target, .. }) = &told.explanation {
        text.push_str(&format!(": {source} to {target}"));
    }
    text.push('\n');
    if let Some(explanation) = &told.explanation {
        let tables = [facts(explanation), losses(explanation), differences(explanation)];
        let tables = tables.iter().filter(|table| !table.is_empty());
        let tables: Vec<String> = tables.map(|table| table.render_within(width, colors)).collect();
        text.push_str(&tables.join("\n"));
    }
    let explained = told.explanation.iter().flat_map(|explanation| &explanation.unknown);
    for unknown in told.unknown.iter().chain(explained) {
        text.push_str(&format!("not known: {unknown}\n"));
    }
    text
}

fn facts(explanation: &Explanation) -> Table {
    let titles = ["COLUMN", "SOURCE", "EMBULK", "TARGET", "SENT AS"].map(|title| (title, Align::Left));
    let mut table = Table::new(&titles);
    for column in &explanation.columns {
        let renamed = column.source_name.as_ref().filter(|name| **name != column.name);
        let source = match (&column.source_type, renamed) {
            (Some(kind), Some(name)) => format!("{name} {kind}"),
            (kind, name) => kind.as_ref().or(name).cloned().unwrap_or_default(),
        };
        table.row([
            Cell::from(column.name.as_str()),
            Cell::from(source),
            Cell::from(column.embulk_type.unwrap_or(if column.example.is_some() { "refused" } else { "" })),
            Cell::from(column.target_type.as_deref().unwrap_or_default()),
            Cell::from(column.conversion.join("; ")),
        ]);
    }
    table
}

fn losses(explanation: &Explanation) -> Table {
    let mut table = Table::new(&[("CAN BE LOST", Align::Left), ("COLUMNS", Align::Left)]);
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for column in &explanation.columns {
        for loss in column.losses.iter().map(ToString::to_string) {
            match found.iter_mut().find(|(known, _)| *known == loss) {
                Some((_, columns)) => columns.push(&column.name),
                None => found.push((loss, vec![&column.name])),
            }
        }
    }
    for (loss, columns) in found {
        table.row([Cell::from(loss), Cell::from(columns.join(", "))]);
    }
    table
}

fn differences(explanation: &Explanation) -> Table {
    let titles = ["COLUMN", "A VALUE", "IS SENT AS", "EMBULK"].map(|title| (title, Align::Left));
    let mut table = Table::new(&titles);
    for column in &explanation.columns {
        let Some(example) = &column.example else { continue };
        if !example.differs(column.target_type.as_deref()) {
            continue;
        }
        table.row([
            Cell::from(column.name.as_str()),
            Cell::from(example.value.as_str()),
            Cell::from(sent(&example.sent)),
            Cell::from(embulk(example)),
        ]);
    }
    table
}

fn sent(sent: &Sent) -> &str {
    match sent {
        Sent::Text(text) => text,
        Sent::Binary => "",
        Sent::Fails => "fails",
    }
}

fn embulk(example: &Example) -> String {
    match &example.embulk {
        EmbulkSide::Sends { type_name, sent: Sent::Text(text) } => format!("{type_name} {text}"),
        EmbulkSide::Sends { sent: other, .. } => sent(other).to_owned(),
        EmbulkSide::Does(words) => (*words).to_owned(),
    }
}

/// The same for programs. Keys that are there stay; new ones may come.
pub fn to_json(all: &[Told]) -> Value {
    Value::Array(all.iter().map(told_json).collect())
}

fn told_json(told: &Told) -> Value {
    let explanation = told.explanation.as_ref();
    let explained = explanation.iter().flat_map(|explanation| &explanation.unknown);
    let unknown: Vec<&String> = told.unknown.iter().chain(explained).collect();
    json!({
        "file": told.file.to_string_lossy(),
        "task": told.task,
        "source": explanation.map(|explanation| &explanation.source),
        "target": explanation.map(|explanation| &explanation.target),
        "columns": explanation.map(|explanation| explanation.columns.iter().map(column_json).collect::<Vec<_>>()),
        "unknown": unknown,
    })
}

fn column_json(column: &ColumnStory) -> Value {
    let losses = column
        .losses
        .iter()
        .map(|loss| json!({"what": loss.what, "fate": loss.fate.word(), "text": loss.to_string()}));
    json!({
        "column": column.name,
        "source_column": column.source_name,
        "source_type": column.source_type,
        "embulk_type": column.embulk_type,
        "target_type": column.target_type,
        "conversion": column.conversion,
        "zones": column.zones,
        "lost": losses.collect::<Vec<_>>(),
        "example": column.example.as_ref().map(example_json),
    })
}

fn example_json(example: &Example) -> Value {
    let (kind, text, words) = match &example.embulk {
        EmbulkSide::Sends { type_name, sent } => (Some(type_name), sent.text(), None),
        EmbulkSide::Does(words) => (None, None, Some(words)),
    };
    json!({
        "value": example.value,
        "sent": example.sent.text(),
        "embulk_target_type": kind,
        "embulk_sent": text,
        "embulk_does": words,
    })
}
