//! Values, texts with expressions, and exports. The first letter of a name tells what is under it: `t` a text, `n` a
//! small number, `m` a map, `l` a list; so that an expression mostly makes sense, whoever wrote the value.

use serde_json::{Value, json};

use super::{Ground, Maker};
use crate::model::story::Params;

/// The names of parameters.
const NAMES: [&str; 10] = ["ta", "tb", "tc", "na", "nb", "ma", "mb", "la", "lb", "tz"];
const WORDS: [&str; 6] = ["red", "blue", "x-1", "seven", "Under", "a b"];
const KEYS: [&str; 4] = ["k", "z", "n", "q"];

impl Maker {
    /// A name for a new parameter.
    pub(super) fn name(&mut self) -> &'static str {
        self.random.pick(&NAMES[..9])
    }

    /// A name to look up: mostly one that is there.
    fn known(&mut self, ground: &Ground) -> &'static str {
        let known: Vec<&'static str> = ground.known.iter().copied().collect();
        let risk = if ground.in_handler { 12 } else { 1 };
        match known.as_slice() {
            _ if self.random.chance(risk) => self.random.pick(&NAMES),
            [] => self.random.pick(&["task_name", "session_date"]),
            known => self.random.pick(known),
        }
    }

    /// A value for a name.
    pub(super) fn value(&mut self, name: &str, ground: &Ground) -> Value {
        match name.as_bytes()[0] {
            b'n' => self.number(),
            b'm' => Value::Object(self.map(ground, 1)),
            b'l' => self.list(ground),
            _ if self.random.chance(2) => Value::Null,
            _ => self.text(ground).into(),
        }
    }

    fn number(&mut self) -> Value {
        let number = self.random.below(4);
        match self.random.below(10) {
            0 => number.to_string().into(),
            1 => format!("${{{number} + 1}}").into(),
            _ => number.into(),
        }
    }

    fn map(&mut self, ground: &Ground, deeper: usize) -> Params {
        let mut map = Params::new();
        for _ in 0..self.random.between(1, 3) {
            let key = self.random.pick(&KEYS);
            let value = match key {
                "n" if deeper > 0 => Value::Object(self.map(ground, deeper - 1)),
                "q" => self.list(ground),
                "z" => self.number(),
                _ => self.text(ground).into(),
            };
            map.insert(key.to_owned(), value);
        }
        map
    }

    /// A list whose items may be tasks' names later on.
    pub(super) fn list(&mut self, ground: &Ground) -> Value {
        (0..self.random.below(4))
            .map(|_| match self.random.below(8) {
                0 => json!(self.random.below(5)),
                1 => json!({"k": self.random.pick(&WORDS)}),
                2 => self.text(ground).into(),
                _ => self.random.pick(&WORDS).into(),
            })
            .collect()
    }

    /// A text, with or without expressions.
    pub(super) fn text(&mut self, ground: &Ground) -> String {
        match self.random.below(10) {
            0..=3 => self.random.pick(&WORDS).to_owned(),
            4 => format!("{}$${}", self.random.pick(&WORDS), self.random.below(3)),
            5 => format!("{} and {}", self.expression(ground), self.expression(ground)),
            _ => self.expression(ground),
        }
    }

    /// A `${...}`.
    pub(super) fn expression(&mut self, ground: &Ground) -> String {
        let name = self.known(ground);
        let other = self.known(ground);
        let word = self.random.pick(&WORDS);
        let way = self.random.below(12);
        let code = match (name.as_bytes()[0], way) {
            (_, 0) => format!("typeof {name}"),
            (_, 1) => format!("typeof {other} == \"undefined\" ? \"none\" : {other}"),
            (_, 2) => format!("JSON.stringify({name})"),
            (_, 3) => self.random.pick(&["task_name", "session_date"]).to_owned(),
            (b't', 4) => format!("{name} + \"-\" + {other}"),
            (b't', 5) => format!("{name} == \"{word}\" ? \"same\" : {other}"),
            (b't' | b'l', 6) => format!("{name}.length"),
            (b'n', 4) => format!("{name} * 2 + 1"),
            (b'n', 5) => format!("{name} < 2 ? \"few\" : \"many\""),
            (b'n', 6) => format!("{name} + {other}"),
            (b'm', 4..=6) => format!("{name}.{}", self.random.pick(&KEYS)),
            (b'm', 7) if self.random.chance(25) => format!("{name}.n.k"),
            _ if name == "range" => format!("range.{}", self.random.pick(&["from", "to", "index"])),
            _ if name == "it" && way > 8 => "it.k".to_owned(),
            _ => name.to_owned(),
        };
        format!("${{{code}}}")
    }

    /// `_export`: some names, which are known from here on. Rarely an option that operators below will find.
    pub(super) fn export(&mut self, ground: &mut Ground) -> Value {
        let mut export = Params::new();
        for _ in 0..self.random.between(1, 3) {
            let name = self.name();
            let value = self.value(name, ground);
            export.insert(name.to_owned(), value);
        }
        match self.random.below(60) {
            0 => drop(export.insert("count".to_owned(), 2.into())),
            1 => drop(export.insert("_retry".to_owned(), 1.into())),
            2 => drop(export.insert("_parallel".to_owned(), true.into())),
            _ => {}
        }
        ground.known.extend(NAMES.iter().copied().filter(|name| export.contains_key(*name)));
        Value::Object(self.maybe_included(export, ground))
    }

    /// Names that a task stores, with their values. Known to those after it.
    pub(super) fn store(&mut self, ground: &Ground) -> Params {
        let names: Vec<_> = (0..self.random.between(1, 2)).map(|_| self.name()).collect();
        names.into_iter().map(|name| (name.to_owned(), self.value(name, ground))).collect()
    }
}

/// Those of the names that are parameters here.
pub(super) fn known_of(params: &Params) -> Vec<&'static str> {
    NAMES.iter().copied().filter(|name| params.contains_key(*name)).collect()
}
