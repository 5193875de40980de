//! What a workflow means: the rules of the language, carried out one after the other.
//!
//! Nothing here is shared with the program. A task is its pairs as they are written, what it sees is merged anew for
//! each, and a group runs its children in the order of the file, also those that may run beside each other: they see
//! nothing of each other, so that their order shows nowhere. What must come after what is told beside it.

mod control;
mod expression;
mod include;
mod operator;
mod order;
mod params;
mod text;

use std::collections::{BTreeSet, HashMap};

use operator::{Failure, Work};
use order::{all_before, children, is_operator, operators_in};
use params::{Left, flag, map_at, merge, retries, task_map};

use super::files::Files;
use super::story::{Counts, Due, Params, Story, Try};

/// More tries than this are not worth the time.
const LONGEST: usize = 250;

/// A run as the rules want it.
pub struct Told {
    pub story: Story,
    /// Every try in the order in which it was carried out here.
    pub dues: Vec<Due>,
}

/// Runs the workflow `main.dig`; none when it goes on for too long, or fails in words that are the engine's own.
pub fn tell(files: &Files) -> Option<Told> {
    let mut root = include::load(files, "main.dig").expect("there is a main.dig");
    root.shift_remove("timezone");
    let mut rules = Rules {
        files,
        told: Told { story: Story::default(), dues: Vec::new() },
        tries: HashMap::new(),
        works: HashMap::new(),
        unforeseen: false,
    };
    let place =
        Place { name: "+main".to_owned(), scope: Params::new(), after: After::default(), in_handler: false };
    let ended = rules.task(&root, place);
    let unforeseen = rules.unforeseen || rules.is_too_long();
    let mut told = rules.told;
    let named = |weight| {
        let failed = ended.failed.iter().filter(move |(_, of_task)| *of_task == weight);
        failed.map(|(name, _)| name.clone()).collect()
    };
    told.story.failed = named(Weight::Counts);
    told.story.tolerated = named(Weight::Tolerated);
    told.story.counts = ended.counts;
    (!unforeseen).then_some(told)
}

struct Rules<'a> {
    files: &'a Files,
    told: Told,
    /// Tries of each name, and those in which its operator worked.
    tries: HashMap<String, u32>,
    works: HashMap<String, u32>,
    unforeseen: bool,
}

/// The tries that end before something.
#[derive(Debug, Clone, Default)]
struct After {
    tries: BTreeSet<Try>,
    /// There is a pause behind them.
    paused: bool,
}

impl After {
    /// After both.
    fn with(&self, other: Option<Self>) -> Self {
        let mut both = other.unwrap_or_default();
        both.tries.extend(self.tries.iter().cloned());
        both.paused |= self.paused;
        both
    }
}

/// Where a task stands.
#[derive(Debug, Clone)]
struct Place {
    /// Its full name.
    name: String,
    /// What it sees, without its own exports.
    scope: Params,
    after: After,
    in_handler: bool,
}

/// What came of a task.
#[derive(Debug, Default)]
struct Ended {
    succeeded: bool,
    after: After,
    /// What it and all below it left, and their errors, in the order of the file, later rounds behind earlier ones.
    left: Vec<Left>,
    errors: Vec<Params>,
    /// The same of the last rounds only: who failed itself, and how many ended how.
    failed: Vec<(String, Weight)>,
    counts: Counts,
}

/// What a failure means to the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Counts,
    Tolerated,
}

impl Ended {
    /// Adds what came of a child.
    fn add(&mut self, child: Self) {
        self.left.extend(child.left);
        self.errors.extend(child.errors);
        self.failed.extend(child.failed);
        self.counts.succeeded += child.counts.succeeded;
        self.counts.failed += child.counts.failed;
        self.counts.tolerated += child.counts.tolerated;
        self.counts.blocked += child.counts.blocked;
    }

    /// Its failure changes nothing: all go on as if it had succeeded, and no handler above hears of it.
    fn tolerate(&mut self) {
        self.succeeded = true;
        self.errors.clear();
        self.failed.iter_mut().for_each(|(_, weight)| *weight = Weight::Tolerated);
        self.counts.tolerated += std::mem::take(&mut self.counts.failed);
    }

    /// A new round begins after certain tries.
    fn begin_round(&mut self, after: After) {
        *self = Self {
            after,
            left: std::mem::take(&mut self.left),
            errors: std::mem::take(&mut self.errors),
            ..Self::default()
        };
    }
}

impl Rules<'_> {
    fn is_too_long(&self) -> bool {
        self.told.dues.len() > LONGEST
    }

    fn tell(&mut self, place: &Place, line: impl Into<String>) {
        self.told.story.tell(&place.name, line);
    }

    fn task(&mut self, written: &Params, place: Place) -> Ended {
        if self.is_too_long() {
            return Ended::default();
        }
        if flag(written, "_disable") {
            return self.group(&Params::new(), place);
        }
        let mut ended =
            if is_operator(written) { self.operator(written, place) } else { self.group(written, place) };
        if flag(written, "_continue_on_failure") {
            ended.tolerate();
        }
        ended
    }

    /// Its children, and all of them again as often as `_retry` says.
    fn group(&mut self, written: &Params, mut place: Place) -> Ended {
        merge(&mut place.scope, &map_at(written, "_export"));
        let mut ended = Ended { after: place.after.clone(), ..Ended::default() };
        let mut left_tries = retries(written.get("_retry"));
        loop {
            self.round(written, &place, &mut ended);
            if ended.succeeded {
                self.tell(&place, "success");
                return ended;
            }
            if left_tries == 0 {
                return self.fail(written, &place, ended, None);
            }
            left_tries -= 1;
            self.tell(&place, "retries");
            ended.after.paused = true;
        }
    }

    /// All children once: each as soon as those that it waits for have succeeded.
    fn round(&mut self, written: &Params, place: &Place, ended: &mut Ended) {
        let start = std::mem::take(&mut ended.after);
        ended.begin_round(After::default());
        ended.succeeded = true;
        let children = children(written);
        // What came of those that succeeded.
        let mut done: Vec<Option<(After, Vec<Left>)>> = Vec::new();
        for (at, child) in children.iter().enumerate() {
            if child.waits_for.iter().any(|before| done[*before].is_none()) {
                ended.counts.blocked += operators_in(&child.written);
                done.push(None);
                continue;
            }
            let mut inner = Place { name: format!("{}{}", place.name, child.name), ..place.clone() };
            for before in all_before(&children, at) {
                done[before].iter().flat_map(|(_, left)| left).for_each(|left| left.apply(&mut inner.scope));
            }
            let before = child.waits_for.iter().filter_map(|before| done[*before].as_ref());
            inner.after = before.fold(None, |all, (tries, _)| Some(tries.with(all))).unwrap_or(start.clone());
            let of_child = self.task(&child.written, inner);
            ended.after = of_child.after.with(Some(std::mem::take(&mut ended.after)));
            ended.succeeded &= of_child.succeeded;
            done.push(of_child.succeeded.then(|| (of_child.after.clone(), of_child.left.clone())));
            ended.add(of_child);
        }
        if children.is_empty() {
            ended.after = start;
        }
    }

    /// Its work, then what that generated, then its check.
    fn operator(&mut self, written: &Params, mut place: Place) -> Ended {
        merge(&mut place.scope, &map_at(written, "_export"));
        let mut below = Ended { after: place.after.clone(), ..Ended::default() };
        let mut spent = 0;
        loop {
            let tried = self.attempt(written, &place, &below.after);
            let number = self.tries[&place.name];
            let own = (place.name.clone(), number);
            below.begin_round(After { tries: BTreeSet::from([own]), paused: false });
            match tried {
                Ok(work) => {
                    if let Some(ended) = self.after_work(written, &place, work, &mut below, spent) {
                        return ended;
                    }
                }
                Err(failure) if spent < failure.retries => {
                    self.tell(&place, format!("retries: {}", failure.message));
                }
                Err(failure) => return self.fail(written, &place, below, Some(failure)),
            }
            spent += 1;
            below.after.paused = true;
        }
    }

    /// None: the operator works once more.
    fn after_work(
        &mut self,
        written: &Params,
        place: &Place,
        work: Work,
        below: &mut Ended,
        spent: u32,
    ) -> Option<Ended> {
        let mut inner = place.clone();
        merge(&mut inner.scope, &work.export);
        work.left.apply(&mut inner.scope);
        let check = written.get("_check").map(task_map).filter(|check| !check.is_empty());
        if work.sub.is_some() || check.is_some() {
            self.tell(place, "plans");
        }
        self.below(&inner, [("^sub", work.sub), ("^check", check)], below);
        if !below.succeeded && spent < literal_retries(written) {
            self.tell(place, "retries");
            return None;
        }
        let mut ended = std::mem::take(below);
        if ended.succeeded {
            self.tell(place, "success");
            ended.counts.succeeded += usize::from(!work.is_control);
        } else {
            ended = self.fail(written, &inner, ended, None);
        }
        ended.left.insert(0, work.left);
        Some(ended)
    }

    /// What an operator generated, then its check, which sees the stores of that.
    fn below(&mut self, operator: &Place, parts: [(&str, Option<Params>); 2], ended: &mut Ended) {
        ended.succeeded = true;
        let mut place = operator.clone();
        for (part, task) in parts {
            let Some(task) = task.filter(|_| ended.succeeded) else { continue };
            place.name = format!("{}{part}", operator.name);
            place.after = ended.after.clone();
            let of_part = self.task(&task, place.clone());
            ended.after = of_part.after.clone();
            ended.succeeded = of_part.succeeded;
            of_part.left.iter().for_each(|left| left.apply(&mut place.scope));
            ended.add(of_part);
        }
    }

    /// It failed for good: `failure` when it did so itself. Its handler runs and changes nothing.
    fn fail(&mut self, written: &Params, place: &Place, mut ended: Ended, failure: Option<Failure>) -> Ended {
        if let Some(handler) = written.get("_error").map(task_map).filter(|handler| !handler.is_empty()) {
            let handler = with_error(handler, &ended, failure.as_ref());
            let handled = self.task(
                &handler,
                Place {
                    name: format!("{}^error", place.name),
                    scope: place.scope.clone(),
                    after: ended.after.clone(),
                    in_handler: true,
                },
            );
            ended.after = handled.after.clone();
            ended.add(handled);
        }
        ended.succeeded = false;
        match failure {
            Some(failure) => {
                self.tell(place, format!("error: {}", failure.message));
                ended.errors.insert(0, failure.variable);
                ended.failed.insert(0, (place.name.clone(), Weight::Counts));
                ended.counts.failed += 1;
            }
            None => self.tell(place, "group_error"),
        }
        ended
    }
}

/// A handler with what it is told: the failure, or over its own exports what all below stored, and their errors.
fn with_error(mut handler: Params, ended: &Ended, failure: Option<&Failure>) -> Params {
    let mut export = map_at(&handler, "_export");
    let mut error = Params::new();
    match failure {
        Some(failure) => error.clone_from(&failure.variable),
        None => {
            ended.left.iter().for_each(|left| left.apply(&mut export));
            ended.errors.iter().for_each(|below| merge(&mut error, below));
        }
    }
    export.insert("error".to_owned(), error.into());
    handler.insert("_export".to_owned(), export.into());
    handler
}

/// What counts when something below an operator failed: its own `_retry`, else the one it exports, as written.
fn literal_retries(written: &Params) -> u32 {
    retries(written.get("_retry").or_else(|| written.get("_export").and_then(|export| export.get("_retry"))))
}
