//! What a transfer says of itself when it ended well.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::session::Level;

/// Values that did not arrive as they were, because the config or Embulk's rules have it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The column; none for whole rows.
    pub column: Option<String>,
    /// What happened to them, e.g. `zero dates became NULL`.
    pub what: String,
    /// How many.
    pub count: u64,
}

impl Change {
    /// A change of values of a column.
    pub fn of(column: &str, what: impl Into<String>, count: u64) -> Self {
        Self { column: Some(column.to_owned()), what: what.into(), count }
    }

    /// A change of whole rows.
    pub fn of_rows(what: impl Into<String>, count: u64) -> Self {
        Self { column: None, what: what.into(), count }
    }

    /// Equal changes of several sources as one each, in the order in which they come.
    pub fn merged(changes: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for change in changes {
            match all.iter_mut().find(|known| known.column == change.column && known.what == change.what) {
                Some(known) => known.count += change.count,
                None => all.push(change),
            }
        }
        all
    }

    /// In words, for people.
    pub fn note(&self) -> String {
        let Self { column, what, count } = self;
        match column {
            Some(column) => format!("column `{column}`: {count} {what}"),
            None => format!("{count} {what}"),
        }
    }
}

/// A column that the policy of the project did not let through as it is. No value is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treated {
    /// Its place among the columns of the source.
    #[serde(skip)]
    pub place: usize,
    /// Its place among those that are read; none: it is not even asked for.
    #[serde(skip)]
    pub at: Option<usize>,
    /// Its name in the rows.
    pub column: String,
    /// Where it comes from, e.g. `shop.users.email`, or `expression`.
    pub source: String,
    /// Its type in the words of the source.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `drop`, `hash`, …; of a verdict also `keep`.
    pub action: String,
    /// The file and line of the rule; none: no rule names the column.
    pub rule: Option<String>,
    /// The rule's own words.
    pub reason: Option<String>,
}

impl Treated {
    /// Whether it is not copied.
    pub fn is_dropped(&self) -> bool {
        self.action == "drop"
    }

    /// `email` (hmac by policy.yml:4).
    fn shown(&self) -> String {
        let rule = self.rule.as_deref().unwrap_or("no rule names it");
        match self.action.as_str() {
            "drop" => format!("`{}` ({rule})", self.column),
            action => format!("`{}` ({action} by {rule})", self.column),
        }
    }
}

/// What a policy did with columns, in a line each for those that were not copied because no rule names them, those that
/// a rule drops, and those whose values were changed.
pub fn policy_lines(treated: &[Treated]) -> Vec<(Level, String)> {
    let listed = |of: &dyn Fn(&Treated) -> bool| {
        let shown: Vec<String> = treated.iter().filter(|one| of(one)).map(Treated::shown).collect();
        (!shown.is_empty()).then(|| shown.join(", "))
    };
    let unnamed = listed(&|one| one.is_dropped() && one.rule.is_none());
    let dropped = listed(&|one| one.is_dropped() && one.rule.is_some());
    let changed = listed(&|one| !one.is_dropped());
    let lines = [
        unnamed.map(|columns| (Level::Warn, format!("not copied, new to the policy: {columns}"))),
        dropped.map(|columns| (Level::Info, format!("not copied, as the policy says: {columns}"))),
        changed.map(|columns| (Level::Info, format!("changed, as the policy says: {columns}"))),
    ];
    lines.into_iter().flatten().collect()
}

/// The figures of one transfer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TransferReport {
    /// The source as people know it, e.g. `mysql shop.orders`.
    pub source: String,
    /// The target as people know it, e.g. `bigquery proj.lake.orders`.
    pub target: String,
    /// What becomes of the rows that the target has: `mode:` of the config; none for files and objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// SHA-256, in hex, of the config's file as it is written, with what it includes: values that change with every
    /// session are not in it. None of a config that a task has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Rows read from the source.
    pub rows_read: u64,
    /// Rows sent to the target, after filters.
    pub rows_sent: u64,
    /// Rows the target says it has taken; none where it cannot tell.
    pub rows_loaded: Option<u64>,
    /// Bytes sent to the target (compressed where the config compresses).
    pub bytes: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What consistency the read had, e.g. `per table`.
    pub snapshot: String,
    /// Things that people should know: zero dates turned into NULL, with counts.
    pub notes: Vec<String>,
    /// The same counts for programs, column by column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The columns that the policy of the project did not let through as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<Treated>,
    /// What the next read begins behind: options of `in:` (`embulk run -c`).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub next: Map<String, Value>,
    /// What an earlier attempt had staged, which was not read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<Reused>,
}

/// What an earlier attempt had staged and this one published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reused {
    /// Staged objects.
    pub objects: u64,
    /// Rows in them; they count among the rows read and sent.
    pub rows: u64,
}
