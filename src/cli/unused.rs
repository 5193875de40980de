//! `sync status --unused`: the tables that were copied and that nobody reads, as their warehouses have it on record.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::check::outputs::{Reached, outputs};
use super::opening::Opened;
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::unused::{Judged, Known, ReadTable, Threshold};
use crate::session::Level;
use crate::state::{CopiedTarget, Store};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::reads::{self, Warehouse};

/// Reasons that are named; the others are counted.
const NAMED: usize = 3;

/// What is asked for.
pub(super) struct Question<'a> {
    /// Only what this workflow copies.
    pub(super) workflow: Option<&'a str>,
    /// How long nobody has read it.
    pub(super) length: SignedDuration,
    /// Whose queries count as well.
    pub(super) reader_projects: &'a [String],
}

/// Runs the command.
pub(super) fn show(question: &Question<'_>, store: &Store, opened: &Opened) -> anyhow::Result<Exit> {
    let project = opened.place.project.to_string_lossy();
    let copied = whole_tables(store.copied_targets(&project, question.workflow)?);
    let mut workflows = store.run_workflows(&project)?;
    workflows.retain(|workflow| copied.iter().any(|copied| copied.workflow == workflow.workflow));
    let (reached, reasons) = outputs(&workflows, opened);
    let mut asked = Asked::default();
    asked.open(&reached, question);
    let tables = asked.all(copied);
    let threshold = Threshold { length: question.length, now: Timestamp::now() };
    asked.show(&Judged::new(&tables, threshold), &reasons, opened);
    Ok(asked.exit())
}

/// Partitions of one table are one table, as the last transfer to any of them left it.
fn whole_tables(copied: Vec<CopiedTarget>) -> Vec<CopiedTarget> {
    let mut whole: Vec<CopiedTarget> = Vec::with_capacity(copied.len());
    for mut copied in copied {
        if copied.target.starts_with(reads::BIGQUERY) {
            copied.target.truncate(copied.target.find('$').unwrap_or(copied.target.len()));
        }
        match whole.iter_mut().find(|known| known.target == copied.target) {
            Some(known) => {
                copied.first = copied.first.min(known.first);
                if copied.last > known.last {
                    *known = copied;
                } else {
                    known.first = copied.first;
                }
            }
            None => whole.push(copied),
        }
    }
    whole
}

/// The warehouses that the project's workflows reach.
#[derive(Default)]
struct Asked {
    warehouses: Vec<Box<dyn Warehouse>>,
    /// What each said of itself, for people and for programs.
    told: Vec<Value>,
    errors: Vec<(String, TransferError)>,
}

impl Asked {
    /// Opens each warehouse once, by the first output that leads there.
    fn open(&mut self, reached: &[Reached], question: &Question<'_>) {
        for Reached { output, context } in reached {
            let Some(opened) = reads::open(output, context, question.reader_projects) else { continue };
            let opened = match opened {
                Ok(warehouse) => warehouse,
                Err(error) => {
                    if !self.errors.iter().any(|(_, known)| known.to_string() == error.to_string()) {
                        self.errors.push((output.to_string(), error));
                    }
                    continue;
                }
            };
            match self.warehouses.iter().find(|known| known.name() == opened.name()) {
                None => self.warehouses.push(opened),
                Some(known) if known.address() == opened.address() => {}
                Some(known) => self.tell_apart(&known.address(), opened.as_ref()),
            }
        }
        // Whoever is asked about a table must be the one that has it.
        let errors = &self.errors;
        self.warehouses.retain(|warehouse| errors.iter().all(|(name, _)| name != warehouse.name()));
    }

    /// Notes that two warehouses have one name.
    fn tell_apart(&mut self, address: &str, other: &dyn Warehouse) {
        let name = other.name().to_owned();
        if self.errors.iter().any(|(known, _)| *known == name) {
            return;
        }
        let message =
            format!("it is at `{address}` and at `{}`: its tables cannot be told apart", other.address());
        self.errors.push((name, TransferError::new(ErrorKind::Config, message)));
    }

    /// Asks for all tables that lie in a warehouse; those that do not are no matter of this question.
    fn all(&mut self, copied: Vec<CopiedTarget>) -> Vec<ReadTable> {
        let mut known: HashMap<String, Known> = HashMap::new();
        for warehouse in std::mem::take(&mut self.warehouses) {
            let asked: Vec<(&CopiedTarget, String)> =
                copied.iter().filter_map(|copied| Some((copied, warehouse.table(&copied.target)?))).collect();
            if asked.is_empty() {
                continue;
            }
            let names: Vec<String> = asked.iter().map(|(_, name)| name.clone()).collect();
            match warehouse.records(&names) {
                Ok(records) => {
                    let since = records.since;
                    self.told.push(json!({
                        "name": warehouse.name(), "since": since.to_string(), "scope": records.scope,
                    }));
                    for ((copied, _), record) in asked.iter().zip(records.tables) {
                        known.insert(copied.target.clone(), Known::Recorded { since, record });
                    }
                }
                Err(error) => {
                    for (copied, _) in &asked {
                        known.insert(copied.target.clone(), Known::Nothing(error.message.clone()));
                    }
                    self.errors.push((warehouse.name().to_owned(), error));
                }
            }
        }
        let is_warehouse = |target: &str| reads::KINDS.iter().any(|kind| target.starts_with(kind));
        copied
            .into_iter()
            .filter(|copied| is_warehouse(&copied.target))
            .map(|copied| {
                let nobody = || Known::Nothing("no workflow tells how to reach it".to_owned());
                let known = known.remove(&copied.target).unwrap_or_else(nobody);
                ReadTable { copied, known }
            })
            .collect()
    }

    fn show(&self, judged: &Judged<'_>, reasons: &[String], opened: &Opened) {
        let (console, zone) = (&opened.console, TimeZone::system());
        if console.results() == Results::Json {
            console.json(&judged.json(&self.told, &zone));
        }
        let tables: Vec<String> =
            judged.tables(&zone).iter().map(|table| table.render(console.out_colors())).collect();
        if !tables.is_empty() {
            console.result(&tables.join("\n"));
        }
        for (name, error) in &self.errors {
            let hint = error.hint.as_deref().or(error.remedy());
            console.failure(&format!("{name}: {}", error.message), &error.causes, hint);
        }
        if !reasons.is_empty() {
            console.log(Level::Warn, &listed(reasons));
        }
        for told in &self.told {
            let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
            let since: String = text("since").chars().take(10).collect();
            console.say(&format!("{}: on record since {since} are {}", text("name"), text("scope")));
        }
        console.say(&judged.summary());
    }

    fn exit(&self) -> Exit {
        let passing =
            [ErrorKind::Unreachable, ErrorKind::ConnectionLost, ErrorKind::Timeout, ErrorKind::Busy];
        match self.errors.as_slice() {
            [] => Exit::Success,
            errors if errors.iter().all(|(_, error)| passing.contains(&error.kind)) => Exit::TryLater,
            _ => Exit::TaskFailed,
        }
    }
}

/// Transfers whose targets could not be had.
fn listed(reasons: &[String]) -> String {
    let mut text = format!("of {} transfers it is not known where they go", reasons.len());
    if reasons.len() == 1 {
        text = "of 1 transfer it is not known where it goes".to_owned();
    }
    for reason in reasons.iter().take(NAMED) {
        text.push_str(&format!("\n  {reason}"));
    }
    if reasons.len() > NAMED {
        text.push_str(&format!("\n  and {} more", reasons.len() - NAMED));
    }
    text
}
