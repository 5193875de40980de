//! What is told of one run of a workflow, by whomever: of each task what happened to it, in order, and which tries
//! came before which.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

/// Parameters by name, in their order.
pub type Params = Map<String, Value>;

/// One run. Two of them are compared as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// What happened to each task, by its full name.
    pub tasks: BTreeMap<String, Vec<String>>,
    /// The tasks that failed themselves, in the order of the file, without the rounds that a later one replaced.
    pub failed: Vec<String>,
    /// The same of those whose failure changes nothing.
    pub tolerated: Vec<String>,
    /// How many tasks succeeded, failed and never started, counted as the program's summary counts them.
    pub counts: Counts,
}

/// How many operator tasks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub succeeded: usize,
    pub failed: usize,
    pub tolerated: usize,
    pub blocked: usize,
}

impl Story {
    /// Adds a line to what is told of a task.
    pub fn tell(&mut self, task: &str, line: impl Into<String>) {
        self.tasks.entry(task.to_owned()).or_default().push(line.into());
    }

    /// The same without the summary, and without what `echo>` and `fail>` were given: only steps say that.
    pub fn seen_from_outside(mut self) -> Self {
        let is_told = |line: &String| !line.starts_with("sees ") || line.starts_with(r#"sees "\"$STEP"#);
        self.tasks.values_mut().for_each(|lines| lines.retain(is_told));
        Self { tasks: self.tasks, ..Self::default() }
    }

    /// Where two stories part, for people; empty when they are equal. `self` is the expected one.
    pub fn difference(&self, told: &Self) -> String {
        let mut text = String::new();
        let names: BTreeSet<&String> = self.tasks.keys().chain(told.tasks.keys()).collect();
        for name in names {
            let (expected, got) = (self.tasks.get(name), told.tasks.get(name));
            if expected != got {
                let show = |lines: Option<&Vec<String>>| lines.map_or(String::new(), |l| l.join("\n      "));
                text += &format!(
                    "  {name}\n    expected\n      {}\n    got\n      {}\n",
                    show(expected),
                    show(got)
                );
            }
        }
        if self.failed != told.failed {
            text += &format!("  failed tasks\n    expected {:?}\n    got {:?}\n", self.failed, told.failed);
        }
        if self.tolerated != told.tolerated {
            let (expected, got) = (&self.tolerated, &told.tolerated);
            text += &format!("  tolerated tasks\n    expected {expected:?}\n    got {got:?}\n");
        }
        if self.counts != told.counts {
            text += &format!("  counts\n    expected {:?}\n    got {:?}\n", self.counts, told.counts);
        }
        text
    }
}

/// A try of a task: its full name, and which one of that name it is, from 1.
pub type Try = (String, u32);

/// What must have ended before a try begins.
#[derive(Debug, Clone)]
pub struct Due {
    pub task: Try,
    pub after: Vec<Try>,
    /// Nothing else holds it up: it begins before any other try ends.
    pub at_once: bool,
}

/// When tries began and ended, as places in one line of events.
#[derive(Debug, Default)]
pub struct Moments {
    pub begins: HashMap<Try, usize>,
    pub ends: HashMap<Try, usize>,
}

impl Moments {
    /// The tries that began too early or too late; empty when all is in order.
    pub fn disorder(&self, dues: &[Due]) -> String {
        let mut ends: Vec<usize> = self.ends.values().copied().collect();
        ends.sort_unstable();
        dues.iter().filter_map(|due| self.disorder_of(due, &ends)).collect()
    }

    fn disorder_of(&self, due: &Due, ends: &[usize]) -> Option<String> {
        // Tries that one side alone knows are told of elsewhere.
        let begin = *self.begins.get(&due.task)?;
        let before: Option<Vec<usize>> = due.after.iter().map(|task| self.ends.get(task).copied()).collect();
        let last = before?.into_iter().max().unwrap_or(0);
        let name = format!("{} try {}", due.task.0, due.task.1);
        if begin < last {
            return Some(format!("  {name} began before all of {:?} had ended\n", due.after));
        }
        let first_after = ends.partition_point(|end| *end <= last);
        let late = due.at_once && ends.get(first_after).is_some_and(|end| *end < begin);
        late.then(|| format!("  {name} could have begun once {:?} had ended, and did not\n", due.after))
    }
}

/// What an operator was given: its command, and the parameters that the workflow's author chose.
pub fn sees(command: &Value, params: &Params) -> String {
    let mut own = Params::new();
    for (name, value) in params.iter().filter(|(name, _)| is_chosen(name)) {
        own.insert(name.clone(), value.clone());
    }
    let error = params.get("error").and_then(|error| error.get("message"));
    let error = error.map_or(String::new(), |message| format!(" error {message}"));
    format!("sees {command} {}{error}", Value::Object(own))
}

/// Neither a built-in variable, nor a directive, nor the operator's key; `error` is looked at apart.
fn is_chosen(name: &str) -> bool {
    let built_in = ["timezone", "project_id", "attempt_id", "task_name", "error"];
    let session = name.starts_with("session_") || name.starts_with("last_executed_session_");
    let directive = name.starts_with('_') && name != "_workdir";
    !built_in.contains(&name) && !session && !directive && !name.ends_with('>')
}
