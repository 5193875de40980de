//! Tasks with an operator.

use serde_json::{Value, json};

use super::values::known_of;
use super::{Ground, Maker, Pairs, Task, Where, gaps};
use crate::model::story::Params;

impl Maker {
    /// A task that works, fails or stores.
    pub(super) fn step(&mut self, ground: &Ground) -> Task {
        let mut pairs = Pairs::new();
        let mut ground = ground.clone();
        let command = if self.random.chance(70) { Some(self.command(&ground)) } else { None };
        for _ in 0..self.random.below(3) {
            let name = self.name();
            pairs.push((name.to_owned(), self.value(name, &ground)));
            ground.known.insert(name);
        }
        if ground.in_handler && self.random.chance(40) {
            pairs.push(("told".to_owned(), "${error.message}".into()));
        }
        if self.random.chance(15) {
            let fails = self.random.pick(&["1", "1", "12", "*", "123", "2", "13"]);
            let fails = if gaps::TASKS_MAY_FAIL_LATER { fails } else { fails.trim_end_matches(['2', '3']) };
            let fails = if fails.is_empty() { "1" } else { fails };
            pairs.push(("fail".to_owned(), fails.into()));
            pairs.push(("code".to_owned(), self.random.between(1, 5).into()));
        }
        let mut stores = Vec::new();
        if self.random.chance(30) {
            let put = self.store(&ground);
            stores = known_of(&put);
            pairs.push(("put".to_owned(), put.into()));
        }
        let command = command.unwrap_or_else(|| self.command(&ground));
        let key = if !self.real && self.random.chance(15) { "py>" } else { "sh>" };
        if key == "py>" && self.random.chance(70) {
            let (give, more) = self.give(&ground);
            stores.extend(more);
            pairs.push(("give".to_owned(), give));
        }
        self.put_operator(&mut pairs, key, command.into());
        Task { pairs, stores }
    }

    fn command(&mut self, ground: &Ground) -> String {
        format!("\"$STEP\" '{}'", self.text(ground))
    }

    /// The operator's key among the others, at any place; or its long form.
    fn put_operator(&mut self, pairs: &mut Pairs, key: &str, command: Value) {
        let at = if self.random.chance(50) { 0 } else { self.random.below(pairs.len() + 1) };
        if key == "sh>" && self.random.chance(6) {
            let name = self.random.pick(&["sh", "sh", "${\"sh\"}"]);
            pairs.insert(at, ("_command".to_owned(), command));
            pairs.insert(at, ("_type".to_owned(), name.into()));
        } else {
            pairs.insert(at, (key.to_owned(), command));
        }
    }

    /// What a script gives besides stores: paths to forget, exports and tasks of its own.
    fn give(&mut self, ground: &Ground) -> (Value, Vec<&'static str>) {
        let mut give = Params::new();
        let mut below = ground.deeper();
        let mut stores = Vec::new();
        if self.random.chance(40) {
            let name = self.name();
            let path = if name.starts_with('m') { json!([name, "k"]) } else { json!([name]) };
            give.insert("reset".to_owned(), json!([path]));
        }
        if self.random.chance(40) {
            let export = self.store(ground);
            below.known.extend(known_of(&export));
            give.insert("export".to_owned(), export.into());
        }
        if self.random.chance(60) {
            let count = self.random.between(1, 2);
            let made = self.children(&below, &Value::Null, count);
            stores.clone_from(&made.stores);
            give.insert("add".to_owned(), json!({"_do": made.map()}));
        }
        (give.into(), stores)
    }

    /// A task that only says something, or only fails.
    pub(super) fn word(&mut self, ground: &Ground) -> Task {
        let key = if self.random.chance(70) { "echo>" } else { "fail>" };
        let told = ground.in_handler && self.random.chance(50);
        let text = if told { "${error.message}".to_owned() } else { self.text(ground) };
        Task { pairs: vec![(key.to_owned(), text.into())], stores: Vec::new() }
    }

    /// A task that repeats or chooses.
    pub(super) fn control(&mut self, ground: &Ground) -> Task {
        let mut pairs = Pairs::new();
        let mut body = ground.deeper();
        let key = self.random.pick(&["loop>", "for_each>", "for_each>", "for_range>", "if>", "if>"]);
        let command = match key {
            "loop>" => {
                body.known.insert("i");
                self.count(ground)
            }
            "for_range>" => {
                body.known.insert("range");
                self.range()
            }
            "for_each>" => self.lists(ground, &mut body),
            _ => self.condition(ground),
        };
        if key != "if>" && self.random.chance(35) {
            let limit = self.random.below(4);
            let ways = [json!(true), json!("true"), json!({"limit": limit}), json!("${1 < 2}")];
            pairs.push(("_parallel".to_owned(), self.random.pick(&ways)));
        }
        let mut stores = Vec::new();
        let branches: &[&str] = match (key, self.random.below(3)) {
            ("if>", 0) => &["_do", "_else_do"],
            ("if>", 1) => &["_else_do"],
            _ => &["_do"],
        };
        for branch in branches {
            let made = self.body(&body);
            // What only one branch stores may not be there.
            if key != "if>" {
                stores.extend(&made.stores);
            }
            let map = self.maybe_included(made.map(), ground);
            pairs.push(((*branch).to_owned(), map.into()));
        }
        pairs.insert(0, (key.to_owned(), command));
        Task { pairs, stores }
    }

    /// A task that is not empty.
    fn body(&mut self, ground: &Ground) -> Task {
        let made = self.task(ground, Where::Alone);
        if made.pairs.is_empty() { self.step(ground) } else { made }
    }

    fn count(&mut self, ground: &Ground) -> Value {
        let number = ground.known.iter().copied().find(|name| name.starts_with('n'));
        match (self.random.below(6), number) {
            (0, Some(name)) => format!("${{{name}}}").into(),
            (1, _) => self.random.below(3).to_string().into(),
            _ => self.random.below(4).into(),
        }
    }

    fn range(&mut self) -> Value {
        let from = self.random.below(3);
        let mut range = json!({"from": from, "to": from + self.random.below(5)});
        let key = if self.random.chance(50) { "step" } else { "slices" };
        range[key] = self.random.between(1, 3).into();
        if self.random.chance(15) {
            range["from"] = format!("${{{from}}}").into();
        }
        range
    }

    fn lists(&mut self, ground: &Ground, body: &mut Ground) -> Value {
        let mut lists = Params::new();
        for _ in 0..self.random.between(1, 2) {
            let name = self.random.pick(&["it", "it", "ta", "tb", "ma"]);
            let list = ground.known.iter().copied().find(|name| name.starts_with('l'));
            let mut value = match list {
                Some(list) if self.random.chance(40) => format!("${{{list}}}").into(),
                _ => self.list(ground),
            };
            // What Digdag makes of a first list that is empty is no rule.
            if value == json!([]) && lists.is_empty() {
                value = json!(["red"]);
            }
            lists.insert(name.to_owned(), value);
            body.known.insert(name);
        }
        let text = Value::Object(lists.clone()).to_string();
        if !text.contains('$') && self.random.chance(15) { text.into() } else { lists.into() }
    }

    fn condition(&mut self, ground: &Ground) -> Value {
        let ways = [json!(true), json!(false), json!("True"), json!("false"), json!(0), json!("")];
        let text = ground.known.iter().copied().find(|name| name.starts_with('t'));
        match (self.random.below(4), text) {
            (0, Some(name)) => format!("${{{name} == \"red\"}}").into(),
            (1, _) => format!("${{typeof {} == \"undefined\"}}", self.name()).into(),
            _ => self.random.pick(&ways),
        }
    }

    /// `call>` of a file that is made for it, or of one that is there.
    pub(super) fn call(&mut self, ground: &Ground) -> Task {
        let mut stores = Vec::new();
        let path = match self.random.below(20) {
            0 if !self.real => "none.dig".to_owned(),
            1..=3 if !self.callable.is_empty() => self.random.pick(&self.callable),
            _ => {
                let folder = self.random.pick(&["", "", "sub", "sub/deep"]);
                let path = format!("{folder}/c{}.dig", self.number_of_file());
                let path = path.trim_start_matches('/').to_owned();
                let mut inside = ground.deeper();
                inside.folder = folder.to_owned();
                if !folder.is_empty() {
                    inside.works_in = folder.to_owned();
                }
                stores = self.file(&path, &inside);
                self.callable.push(path.clone());
                path
            }
        };
        let path = relative(&ground.works_in, &path);
        let path = if self.random.chance(50) { path.trim_end_matches(".dig").to_owned() } else { path };
        let command = if self.random.chance(10) { format!("${{\"{path}\"}}") } else { path };
        Task { pairs: vec![("call>".to_owned(), command.into())], stores }
    }
}

/// The way from a folder to a file.
fn relative(folder: &str, path: &str) -> String {
    let ups = folder.split('/').filter(|part| !part.is_empty()).count();
    "../".repeat(ups) + path
}
