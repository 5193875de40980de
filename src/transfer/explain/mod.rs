//! What a transfer will do with its columns, said before it runs: the decisions that the rows are written by, and what
//! they lose, found by trying telling values on them ([`probe`]). Nothing here decides anything itself.

mod embulk;
pub mod loss;
mod partial;
pub(in crate::transfer) mod probe;
mod trial;

use std::sync::Arc;

pub use self::embulk::EmbulkSide;
use self::loss::{Fate, Loss};
pub use self::partial::partial;
pub use self::trial::Sent;
use self::trial::Trial;
use super::encode::words::zone_name;
use super::error::TransferError;
use super::filter::{self, Lineage, Policed};
use super::input::SourceColumn;
use super::output;
use super::policy::{self, Enforced, Known};
use super::report::Treated;
use super::schema::{Column, Schema};
use super::stray;
use super::target::{ColumnTarget, Written};
use crate::embulk::config::{EmbulkConfig, EmbulkType, TypeMapping};

/// What is known of a source.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// The columns as they are read.
    pub schema: Arc<Schema>,
    /// The same as the source has them.
    pub columns: Vec<SourceColumn>,
    /// What a policy goes by for them.
    pub known: Known,
    /// The places of the columns of an incremental read.
    pub increment: Vec<usize>,
}

impl SourceTable {
    /// What a policy goes by.
    pub(in crate::transfer) fn policed<'a>(&'a self, policy: Option<&'a Enforced>) -> Option<Policed<'a>> {
        policy.map(|enforced| (enforced, &self.known))
    }
}

/// What a transfer will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The source as people know it.
    pub source: String,
    /// The target as people know it.
    pub target: String,
    /// The columns of the target, in order.
    pub columns: Vec<ColumnStory>,
    /// What is not known, and how it could be.
    pub unknown: Vec<String>,
    /// What a policy says of each column of the source; none where there is no policy or the source was not asked.
    pub verdicts: Option<Vec<Treated>>,
}

/// What a transfer will do with a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnStory {
    /// Its name in the target.
    pub name: String,
    /// Its name in the source, where it has one there.
    pub source_name: Option<String>,
    /// Its type in the words of the source.
    pub source_type: Option<String>,
    /// Embulk's type of it after the filters; none where Embulk refuses it or where it is not known.
    pub embulk_type: Option<&'static str>,
    /// Its type in the target.
    pub target_type: Option<String>,
    /// What its values go through, in order.
    pub conversion: Vec<String>,
    /// The zones that decide about its values, in the order in which they do.
    pub zones: Vec<String>,
    /// What does not arrive as it was.
    pub losses: Vec<Loss>,
    /// A value, and what is made of it.
    pub example: Option<Example>,
}

/// A value of a column, as it is sent and as Embulk would have sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The value.
    pub value: String,
    /// What is sent for it.
    pub sent: Sent,
    /// What Embulk would have sent.
    pub embulk: EmbulkSide,
}

impl Example {
    /// Whether Embulk would have done something else.
    pub fn differs(&self, target_type: Option<&str>) -> bool {
        match &self.embulk {
            EmbulkSide::Sends { type_name, sent } => {
                if self.sent == Sent::Binary {
                    return sent.text() != Some(&self.value);
                }
                Some(type_name.as_str()) != target_type || *sent != self.sent
            }
            EmbulkSide::Does(_) => true,
        }
    }
}

/// What a transfer does with what its source has. `targets` are the columns of a target that was asked; without it
/// they are those that the config gives.
pub fn explain(
    config: &EmbulkConfig,
    source: &SourceTable,
    targets: Option<Vec<ColumnTarget>>,
    policy: Option<&Enforced>,
) -> Result<Explanation, TransferError> {
    if let Some(enforced) = policy {
        policy::check_increment(enforced, &source.known.subjects, &source.increment)?;
    }
    let pipeline = filter::plan(&config.filters, &source.schema, source.policed(policy))?;
    let schema = pipeline.schema();
    let targets = match targets {
        Some(targets) => targets,
        None => output::targets(&config.output, schema)?,
    };
    let embulk = embulk::targets(&config.output, schema);
    let lineages = pipeline.lineage();
    let stories = schema.columns.iter().zip(targets).zip(lineages).enumerate().map(|(at, column)| {
        let ((column, target), lineage) = column;
        let treated = pipeline.treated();
        let teller = Teller { source, schema, column, target: &target, lineage: &lineage, treated };
        teller.story(embulk.as_ref().and_then(|targets| targets.get(at)))
    });
    Ok(Explanation {
        source: config.input.to_string(),
        target: config.output.to_string(),
        columns: stories.collect(),
        unknown: Vec::new(),
        verdicts: verdicts(source, policy),
    })
}

/// What a policy says of each column of a source.
pub fn verdicts(source: &SourceTable, policy: Option<&Enforced>) -> Option<Vec<Treated>> {
    let enforced = policy?;
    let Known { subjects, kept_back } = &source.known;
    let columns = source.schema.columns.iter().zip(subjects).zip(source.known.places());
    let read = columns.map(|((column, subject), place)| enforced.treated(place, &column.name, subject));
    let mut all: Vec<Treated> = read.chain(kept_back.iter().cloned()).collect();
    all.sort_by_key(|column| column.place);
    Some(all)
}

/// What is said of entries of `column_options` that no column has: those of the input, those of the output.
pub fn strays(config: &EmbulkConfig, source: &SourceTable, policy: Option<&Enforced>) -> [Option<String>; 2] {
    let pipeline = filter::plan(&config.filters, &source.schema, source.policed(policy)).ok();
    let Some(pipeline) = pipeline else {
        return [stray::of_input(&config.input, &source.schema, &[]), None];
    };
    [
        stray::of_input(&config.input, &source.schema, pipeline.treated()),
        stray::of_output(&config.output, pipeline.schema(), pipeline.treated()),
    ]
}

/// What is said of numbers that lose digits under Embulk's types and would not under exact ones.
pub fn lossy_mapping(
    config: &EmbulkConfig,
    source: &SourceTable,
    told: &Explanation,
    policy: Option<&Enforced>,
) -> Option<String> {
    if config.output.types() == TypeMapping::Exact {
        return None;
    }
    let exact = EmbulkConfig { output: config.output.with_types(TypeMapping::Exact), ..config.clone() };
    let kept = explain(&exact, source, None, policy).ok()?;
    let is_lost = |story: &ColumnStory| story.losses.contains(&Loss::new(probe::DIGITS, Fate::Lost));
    let lost = told.columns.iter().zip(&kept.columns).filter(|(now, then)| is_lost(now) && !is_lost(then));
    let shown: Vec<String> = lost
        .map(|(story, _)| {
            let [from, to] =
                [&story.source_type, &story.target_type].map(|kind| kind.as_deref().unwrap_or("?"));
            format!("`{}` ({from} as {to})", story.name)
        })
        .collect();
    (!shown.is_empty()).then(|| format!("numbers of more than 15 digits lose some: {}", shown.join(", ")))
}

/// Tells the story of one column.
struct Teller<'a> {
    source: &'a SourceTable,
    /// The columns after the filters.
    schema: &'a Schema,
    column: &'a Column,
    target: &'a ColumnTarget,
    lineage: &'a Lineage,
    /// What a policy makes of the columns of the source.
    treated: &'a [Treated],
}

impl Teller<'_> {
    fn story(&self, embulk: Option<&ColumnTarget>) -> ColumnStory {
        let (kind, zones) = (self.column.kind, &self.schema.zones);
        let from = self.lineage.column.map(|at| (&self.source.schema.columns[at], &self.source.columns[at]));
        let untouched = from.filter(|_| self.lineage.filters.is_empty());
        let mut conversion: Vec<String> =
            from.iter().filter_map(|(_, from)| from.conversion.clone()).collect();
        conversion.extend(self.lineage.filters.iter().map(|filter| match *filter {
            filter::POLICY => self.policy(),
            filter => format!("filter `{filter}`"),
        }));
        if from.is_none() {
            conversion.push("the same value in every row".to_owned());
        }
        conversion.extend(self.written());
        let mut losses = from.map(|(_, from)| from.losses.clone()).unwrap_or_default();
        let trial = Trial::new(self.column, self.target, zones);
        let holds = untouched.map_or(kind, |(_, from)| from.holds);
        let found = match self.target.written {
            Written::LeftOut => vec![Loss::new("every value", Fate::Lost)],
            // One value that the config names fits or does not.
            _ if from.is_none() => Vec::new(),
            _ => probe::losses(holds, zones, self.shown_zone(), &mut |value| trial.arrived(value)),
        };
        for loss in found {
            if !losses.iter().any(|known| known.what == loss.what) {
                losses.push(loss);
            }
        }
        let told = probe::telling(holds, zones);
        let sent = trial.sent(&told);
        let embulk_type = match untouched {
            Some((_, from)) => from.embulk,
            None => Some(kind.embulk()),
        };
        ColumnStory {
            name: self.column.name.clone(),
            source_name: from.map(|(column, _)| column.name.clone()),
            source_type: from.map(|(_, from)| from.type_name.clone()).filter(|name| !name.is_empty()),
            embulk_type: embulk_type.map(EmbulkType::word),
            target_type: (!self.target.type_name.is_empty()).then(|| self.target.type_name.clone()),
            conversion,
            zones: self.zones(),
            losses,
            example: Some(Example {
                value: embulk::value_text(holds, &told, zones),
                sent,
                embulk: embulk::side(holds, &told, embulk_type, embulk, zones),
            }),
        }
    }

    /// What the policy makes of the column, in words.
    fn policy(&self) -> String {
        let treated =
            self.treated.iter().find(|treated| treated.at.is_some() && treated.at == self.lineage.column);
        let Some(Treated { action, rule: Some(rule), .. }) = treated else { return "policy".to_owned() };
        format!("{action} by {rule}")
    }

    /// What the output does with the values, in words.
    fn written(&self) -> Option<String> {
        let (kind, zones) = (self.column.kind, &self.schema.zones);
        match &self.target.written {
            Written::Text(form) => Some(form.words(kind, zones)),
            Written::Sql(form) => Some(form.words(kind, zones)),
            Written::Parquet(parquet) => Some(parquet.words(kind, zones)),
            Written::LeftOut => Some("left out: the target has no such column".to_owned()),
        }
    }

    /// The zone whose clock the values are written in.
    fn shown_zone(&self) -> Option<&jiff::tz::TimeZone> {
        match &self.target.written {
            Written::Text(form) => form.shown_zone(),
            Written::Sql(form) => form.shown_zone(),
            Written::Parquet(_) | Written::LeftOut => None,
        }
    }

    fn zones(&self) -> Vec<String> {
        let is_instant = match &self.target.written {
            Written::Text(form) => form.is_instant(),
            Written::Sql(form) => form.is_instant(),
            Written::Parquet(parquet) => parquet.is_instant(),
            Written::LeftOut => false,
        };
        let read = self.column.kind.source_zone(&self.schema.zones).filter(|_| is_instant);
        read.into_iter().chain(self.shown_zone()).map(zone_name).collect()
    }
}
