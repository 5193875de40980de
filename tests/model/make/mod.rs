//! Random projects: a workflow of groups, operators and directives, with the files that it includes and calls.
//!
//! What it makes may fail, but is always valid, and its outcome does not hang on which of two parallel tasks is
//! quicker. Names are mostly used where they are known, so that not all fails at the first expression.

mod gaps;
mod operators;
mod values;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::files::{Files, INCLUDE};
use super::random::Random;
use super::story::Params;

/// What to make.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    pub seed: u64,
    /// About so many tasks are written.
    pub size: usize,
    /// Only what a shell can do.
    pub real: bool,
}

/// Makes a project with a `main.dig`.
pub fn project(recipe: Recipe) -> Files {
    let mut maker = Maker {
        random: Random::new(recipe.seed),
        files: Files::default(),
        left: recipe.size,
        serial: 0,
        real: recipe.real,
        callable: Vec::new(),
    };
    maker.file("main.dig", &Ground::default());
    maker.files
}

struct Maker {
    random: Random,
    files: Files,
    /// Tasks that may still be written.
    left: usize,
    serial: usize,
    real: bool,
    /// Files that are complete.
    callable: Vec<String>,
}

/// What is so where a task stands.
#[derive(Debug, Clone, Default)]
struct Ground {
    /// Names that are probably there.
    known: BTreeSet<&'static str>,
    depth: usize,
    in_handler: bool,
    /// The folder of the file: includes start from it.
    folder: String,
    /// The folder that tasks work in: calls start from it.
    works_in: String,
}

impl Ground {
    fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }
}

type Pairs = Vec<(String, Value)>;

/// A task as it is written, and the names that it or a task below it stores.
struct Task {
    pairs: Pairs,
    stores: Vec<&'static str>,
}

impl Task {
    fn map(self) -> Params {
        self.pairs.into_iter().collect()
    }
}

/// What stands around a task.
enum Where<'a> {
    /// Beside these siblings before it.
    Parallel(&'a [String]),
    /// Nothing beside it.
    Alone,
}

impl Maker {
    fn number_of_file(&mut self) -> usize {
        self.serial += 1;
        self.serial
    }

    /// A whole file; the names that its tasks store.
    fn file(&mut self, path: &str, ground: &Ground) -> Vec<&'static str> {
        let mut pairs = Pairs::new();
        let mut inside = ground.clone();
        if self.random.chance(20) {
            pairs.push(("timezone".to_owned(), "UTC".into()));
        }
        if self.random.chance(60) {
            pairs.push(("_export".to_owned(), self.export(&mut inside)));
        }
        let group = self.group(&inside, 1);
        pairs.extend(group.pairs);
        self.common(&mut pairs, &inside, 14);
        let root = self.maybe_included(pairs.into_iter().collect(), ground);
        self.files.0.insert(path.to_owned(), root);
        group.stores
    }

    /// Any task.
    fn task(&mut self, ground: &Ground, place: Where<'_>) -> Task {
        self.left = self.left.saturating_sub(1);
        let mut inside = ground.clone();
        let mut pairs = Pairs::new();
        if self.random.chance(20) {
            pairs.push(("_export".to_owned(), self.export(&mut inside)));
        }
        let made = self.content(&inside);
        pairs.extend(made.pairs);
        self.common(&mut pairs, &inside, 12);
        self.tolerance(&mut pairs);
        // On a group it does nothing.
        if self.random.chance(7) && may_be_checked(&pairs) {
            pairs.push(("_check".to_owned(), self.small(&inside)));
        }
        if let Where::Parallel(earlier) = place {
            self.after(&mut pairs, earlier);
        }
        if self.random.chance(3) {
            let flag = self.random.pick(&[json!(true), json!("True")]);
            pairs.insert(0, ("_disable".to_owned(), flag));
            return Task { pairs, stores: Vec::new() };
        }
        Task { pairs, stores: made.stores }
    }

    fn content(&mut self, ground: &Ground) -> Task {
        let leaf = self.left == 0 || ground.depth > 4;
        match self.random.below(100) {
            0..=1 => Task { pairs: Pairs::new(), stores: Vec::new() },
            2..=7 => self.word(ground),
            8..=27 if !leaf => self.control(ground),
            28..=34 if !leaf => self.call(ground),
            35..=59 if !leaf => self.group(&ground.deeper(), 0),
            _ => self.step(ground),
        }
    }

    /// The failure of a task changes nothing.
    fn tolerance(&mut self, pairs: &mut Pairs) {
        if self.random.chance(8) {
            let flag = self.random.pick(&[json!(true), json!(true), json!("True"), json!(false)]);
            pairs.push(("_continue_on_failure".to_owned(), flag));
        }
    }

    /// What groups and operators have in common.
    fn common(&mut self, pairs: &mut Pairs, ground: &Ground, percent: usize) {
        if self.random.chance(percent) {
            let retry =
                [json!(1), json!("1"), json!(2), json!({"limit": 1, "interval": 0}), json!({"limit": "2"})];
            let mut retry = self.random.pick(&retry);
            if self.random.chance(10) {
                retry = json!("${0 + 1}");
            }
            pairs.push(("_retry".to_owned(), retry));
        }
        // More time than any of them takes.
        if self.random.chance(5) {
            let limit = self.random.pick(&["1h", "90m", "2d 3h", "3600s"]);
            pairs.push(("_timeout".to_owned(), limit.into()));
        }
        if ground.depth < 6 && self.random.chance(percent) {
            let mut handler = ground.deeper();
            handler.in_handler = true;
            pairs.push(("_error".to_owned(), self.small(&handler)));
        }
    }

    /// `_after` of a task beside others.
    fn after(&mut self, pairs: &mut Pairs, earlier: &[String]) {
        if earlier.is_empty() || !self.random.chance(35) {
            return;
        }
        let mut names = vec![self.random.pick(earlier)];
        if self.random.chance(40) {
            names.push(self.random.pick(earlier));
        }
        names.dedup();
        pairs.push(("_after".to_owned(), names.into()));
    }

    /// A task for `_error` and `_check`: not empty, and not large.
    fn small(&mut self, ground: &Ground) -> Value {
        let mut ground = Ground { depth: ground.depth + 3, ..ground.clone() };
        let mut pairs = Pairs::new();
        if self.random.chance(25) && (gaps::HANDLERS_MAY_EXPORT || !ground.in_handler) {
            pairs.push(("_export".to_owned(), self.export(&mut ground)));
        }
        let made = match self.random.below(10) {
            0..=5 => self.step(&ground),
            6..=7 => self.word(&ground),
            _ => self.group(&ground, 1),
        };
        pairs.extend(made.pairs);
        self.tolerance(&mut pairs);
        Value::Object(self.maybe_included(pairs.into_iter().collect(), &ground))
    }

    /// A group of some tasks, at least so many.
    fn group(&mut self, ground: &Ground, least: usize) -> Task {
        let count = self.random.between(least, 5).min(self.left.max(least));
        let limit = self.random.between(1, 3);
        let parallel = match self.random.below(10) {
            0..=1 => json!(true),
            2..=3 => json!({"limit": limit}),
            4 => json!(false),
            _ => Value::Null,
        };
        let mut made = self.children(ground, &parallel, count);
        if !parallel.is_null() {
            made.pairs.insert(0, ("_parallel".to_owned(), parallel));
        }
        made
    }

    fn children(&mut self, ground: &Ground, parallel: &Value, count: usize) -> Task {
        let in_sequence = [Value::Null, json!(false)].contains(parallel);
        let (mut now, mut names) = (ground.clone(), Vec::new());
        let mut all = Task { pairs: Pairs::new(), stores: Vec::new() };
        for _ in 0..count {
            self.serial += 1;
            let shape = self.random.pick(&["+t", "+a=b", "+x-", "+U.", "+y_"]);
            let name = format!("{shape}{}", self.serial);
            let in_background = in_sequence && self.random.chance(9);
            let may_wait = !in_sequence && (gaps::TASKS_OF_A_CHUNK_MAY_WAIT || !parallel.is_object());
            let place = if may_wait { Where::Parallel(&names) } else { Where::Alone };
            // A background task sees nothing of those before it.
            let mut made = self.task(if in_background { ground } else { &now }, place);
            if in_background {
                let flag = self.random.chance(85);
                made.pairs.push(("_background".to_owned(), flag.into()));
            }
            if in_sequence {
                now.known.extend(&made.stores);
            }
            all.stores.extend(&made.stores);
            let map = made.map();
            names.push(name.clone());
            all.pairs.push((name, self.written(map, ground)));
        }
        all
    }

    /// The value of a task's key: a map, in rare cases a list of maps.
    fn written(&mut self, map: Params, ground: &Ground) -> Value {
        let map = self.maybe_included(map, ground);
        let text = Value::Object(map.clone()).to_string();
        if map.len() < 2 || text.contains(INCLUDE) || !self.random.chance(4) {
            return map.into();
        }
        let (first, second): (Vec<_>, Vec<_>) = map.into_iter().enumerate().partition(|(at, _)| *at == 0);
        let part = |pairs: Vec<(usize, (String, Value))>| -> Params {
            pairs.into_iter().map(|(_, pair)| pair).collect()
        };
        json!([part(first), part(second)])
    }

    /// The map, or a part of it in a file that it includes. Some keys stand on both sides: the included one goes into
    /// an earlier map, and a later one replaces it.
    fn maybe_included(&mut self, map: Params, ground: &Ground) -> Params {
        if map.is_empty() || !self.random.chance(7) {
            return map;
        }
        // Includes inside would start from another folder.
        let movable = |value: &Value| !value.to_string().contains(INCLUDE);
        let from = self.random.below(map.len());
        let most = map.values().skip(from).take_while(|value| movable(value)).count();
        let to = from + self.random.below(most + 1);
        let path = format!("inc/e{}.yml", self.number_of_file());
        let (mut outside, mut inside) = (Params::new(), Params::new());
        for (at, (key, value)) in map.into_iter().enumerate() {
            if at == from {
                outside.insert(format!("{INCLUDE}{path}"), Value::Null);
            }
            if (from..to).contains(&at) {
                inside.insert(key, value);
                continue;
            }
            // A task must not come to stand before those that it names.
            let may_double = value.is_object() && (at < from || !key.starts_with('+'));
            if may_double && movable(&value) && self.random.chance(30) {
                inside.insert(key.clone(), self.other(&value));
            }
            outside.insert(key, value);
        }
        let deeper = Ground { folder: format!("{}/inc", ground.folder), ..ground.clone() };
        let inside = self.maybe_included(inside, &deeper);
        let file = format!("{}/{path}", ground.folder);
        self.files.0.insert(file.trim_start_matches('/').to_owned(), inside);
        outside
    }

    /// Something else for the same key.
    fn other(&mut self, value: &Value) -> Value {
        let map = value.as_object().cloned().unwrap_or_default();
        map.into_iter().filter(|(key, _)| !key.starts_with('_') && !key.ends_with('>')).take(1).collect()
    }
}

fn may_be_checked(pairs: &Pairs) -> bool {
    let generates =
        |key: &str| key == "give" || key.ends_with('>') && !["sh>", "echo>", "fail>"].contains(&key);
    gaps::CHECKS_SEE_WHAT_GENERATED_TASKS_STORED || !pairs.iter().any(|(key, _)| generates(key))
}
