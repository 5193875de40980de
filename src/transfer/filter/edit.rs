//! What the `column` filter does inside of JSON columns: parts that stay, go or are added.

use super::cell::Cell;
use super::json::Json;
use super::make::{Make, Maker, Source, Unfitting};
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{JsonEdits, JsonRule};
use crate::embulk::json_path::Step;
use crate::transfer::encode::Unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::Schema;
use crate::transfer::value::Value;

/// The step that changes JSON columns; none when no column has parts to change.
pub(super) fn plan(edits: &JsonEdits, schema: &Schema) -> Result<Option<Make>, TransferError> {
    for rule in edits.keep.iter().chain(&edits.add) {
        if let Some(Err(no_value)) = rule.default.as_deref().map(Json::parse) {
            let (name, reason) = (rule.path.column().unwrap_or_default(), Unfit::from(no_value).0);
            let message = format!("column: a `default` of column `{name}` {reason}");
            return Err(TransferError::new(ErrorKind::Config, message));
        }
    }
    let mut any = false;
    let mut columns = Vec::new();
    for (at, column) in schema.columns.iter().enumerate() {
        let node = tree(edits, &column.name);
        let changed = node != Node::default();
        if changed && column.kind.embulk() != EmbulkType::Json {
            let (name, word) = (&column.name, column.kind.embulk().word());
            let message = format!("column: column `{name}` is a {word}, so it has no parts");
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("set `column_options` of `in:` to `value_type: json` for it"));
        }
        any |= changed;
        let source = if changed { Source::Made(at, Box::new(Edit(node))) } else { Source::Moved(at) };
        columns.push((column.clone(), source));
    }
    Ok(any.then(|| Make::new("column", Unfitting::Stop, schema, columns)))
}

/// What happens at one place. A place that no path leads to stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
struct Node {
    /// Beside these nothing stays.
    keep: Option<Vec<Leaf>>,
    add: Vec<Leaf>,
    drop: Vec<Step>,
    below: Vec<(Step, Node)>,
}

/// A value that stays or is added.
#[derive(Debug, Clone, PartialEq)]
struct Leaf {
    to: Step,
    from: Step,
    default: Json,
}

/// What happens in one column.
fn tree(edits: &JsonEdits, column: &str) -> Node {
    let mut root = Node::default();
    let of = |rule: &&JsonRule| rule.path.column() == Some(column);
    for rule in edits.keep.iter().filter(of) {
        root.rule(rule, |node| node.keep.get_or_insert_default());
    }
    for rule in edits.add.iter().filter(of) {
        root.rule(rule, |node| &mut node.add);
    }
    for path in edits.drop.iter().filter(|path| path.column() == Some(column)) {
        if let Some((last, places)) = path.steps[1..].split_last() {
            places.iter().fold(&mut root, |node, step| node.at(step)).drop.push(last.clone());
        }
    }
    root
}

impl Node {
    /// The place one step down.
    fn at(&mut self, step: &Step) -> &mut Self {
        let at = self.below.iter().position(|(known, _)| known == step).unwrap_or_else(|| {
            self.below.push((step.clone(), Self::default()));
            self.below.len() - 1
        });
        &mut self.below[at].1
    }

    /// Enters a rule, and for every place above it an empty value where there is none.
    fn rule(&mut self, rule: &JsonRule, list: fn(&mut Self) -> &mut Vec<Leaf>) {
        let steps = &rule.path.steps[1..];
        let mut node = self;
        for pair in steps.windows(2) {
            let empty = if matches!(pair[1], Step::Key(_)) { Json::Map(vec![]) } else { Json::List(vec![]) };
            let leaves = list(node);
            if !leaves.iter().any(|leaf| leaf.to == pair[0]) {
                leaves.push(Leaf { to: pair[0].clone(), from: pair[0].clone(), default: empty });
            }
            node = node.at(&pair[0]);
        }
        let Some(to) = steps.last().cloned() else { return };
        let default = rule.default.as_deref().and_then(|text| Json::parse(text).ok()).unwrap_or(Json::Null);
        let leaf = Leaf { from: rule.src.clone().unwrap_or_else(|| to.clone()), to, default };
        let leaves = list(node);
        match leaves.iter_mut().find(|known| known.to == leaf.to) {
            Some(known) => *known = leaf,
            None => leaves.push(leaf),
        }
        node.at(steps.last().unwrap_or(&Step::Any));
    }

    fn visit(&self, value: Json) -> Json {
        match value {
            Json::Map(entries) => Json::Map(self.map(entries)),
            Json::List(items) => Json::List(self.list(items)),
            other => other,
        }
    }

    /// What becomes of a value one step down.
    fn child(&self, step: &Step, value: Json) -> Json {
        match self.below.iter().find(|(known, _)| known == step) {
            Some((_, node)) => node.visit(value),
            None => value,
        }
    }

    /// The step that an item of a list is known by: its index where a path has it, else `[*]`.
    fn item(&self, index: usize) -> Step {
        let step = Step::Index(index);
        let known = self.below.iter().any(|(known, _)| *known == step) || self.drop.contains(&step);
        if known { step } else { Step::Any }
    }

    fn map(&self, entries: Vec<(String, Json)>) -> Vec<(String, Json)> {
        let value = |leaf: &Leaf| {
            let Step::Key(from) = &leaf.from else { return None };
            let found = entries.iter().rev().find(|(key, _)| key == from).map(|(_, value)| value);
            Some(self.child(&leaf.to, found.unwrap_or(&leaf.default).clone()))
        };
        let made = |leaf: &Leaf| match &leaf.to {
            Step::Key(to) => Some((to.clone(), value(leaf)?)),
            _ => None,
        };
        let added: Vec<_> = self
            .add
            .iter()
            .filter(|leaf| !entries.iter().any(|(key, _)| leaf.to == Step::Key(key.clone())))
            .filter_map(made)
            .collect();
        let mut result: Vec<_> = match &self.keep {
            Some(keep) => keep.iter().filter_map(made).collect(),
            None => {
                let stays = entries.into_iter().map(|(key, value)| (Step::Key(key.clone()), key, value));
                stays
                    .filter(|(step, ..)| !self.drop.contains(step) && !self.drop.contains(&Step::Any))
                    .map(|(step, key, value)| (key, self.child(&step, value)))
                    .collect()
            }
        };
        result.extend(added);
        result
    }

    fn list(&self, items: Vec<Json>) -> Vec<Json> {
        let value = |leaf: &Leaf| {
            let Step::Index(from) = leaf.from else { return None };
            Some(self.child(&leaf.to, items.get(from).unwrap_or(&leaf.default).clone()))
        };
        // Additional items come at the end, whatever their index; one that is there already stays.
        let is_new = |leaf: &&Leaf| matches!(leaf.to, Step::Index(index) if index >= items.len());
        let added: Vec<_> = self.add.iter().filter(is_new).filter_map(value).collect();
        let mut result = Vec::new();
        match &self.keep {
            Some(keep) => {
                for leaf in keep {
                    if leaf.to == Step::Any {
                        result.extend(items.iter().map(|item| self.child(&Step::Any, item.clone())));
                    } else {
                        result.extend(value(leaf));
                    }
                }
            }
            None => {
                for (index, item) in items.into_iter().enumerate() {
                    let step = self.item(index);
                    if !self.drop.contains(&step) {
                        result.push(self.child(&step, item));
                    }
                }
            }
        }
        result.extend(added);
        result
    }
}

struct Edit(Node);

impl Maker for Edit {
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit> {
        let Cell::Json(text) = cell else { return Err(Unfit("is not JSON")) };
        let json = Json::parse(text)?;
        made.push(Some(Value::Text(self.0.visit(json).to_text().into_bytes())));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::json_path::JsonPath;

    fn path(text: &str) -> JsonPath {
        JsonPath::parse(text).unwrap()
    }

    fn keep(text: &str) -> JsonRule {
        JsonRule { path: path(text), src: None, default: None }
    }

    fn or(text: &str, default: &str) -> JsonRule {
        JsonRule { default: Some(default.to_owned()), ..keep(text) }
    }

    fn from(text: &str, src: &str) -> JsonRule {
        JsonRule { src: path(src).steps.pop(), ..keep(text) }
    }

    fn edited(edits: &JsonEdits, text: &str) -> String {
        tree(edits, "j").visit(Json::parse(text).unwrap()).to_text()
    }

    #[test]
    fn parts_go() {
        let edits = |paths: &[&str]| JsonEdits {
            drop: paths.iter().map(|text| path(text)).collect(),
            ..JsonEdits::default()
        };
        for (paths, text, expected) in [
            (&["$.j.a"][..], r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
            (&["$.j.a.b", "$.j.c"], r#"{"a":{"b":1,"d":2},"c":3}"#, r#"{"a":{"d":2}}"#),
            (&["$.j.l[0]", "$.j.l[2]"], r#"{"l":[1,2,3,4]}"#, r#"{"l":[2,4]}"#),
            (&["$.j.l[*].x"], r#"{"l":[{"x":1,"y":2},{"y":3}]}"#, r#"{"l":[{"y":2},{"y":3}]}"#),
            (&["$.j.l[*]"], r#"{"l":[1,2]}"#, r#"{"l":[]}"#),
            (&["$.j.a.b"], r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (&["$.other.a"], r#"{"a":1}"#, r#"{"a":1}"#),
            (&["$.j.a"], "[1]", "[1]"),
            (&["$.j.a"], "7", "7"),
        ] {
            assert_eq!(edited(&edits(paths), text), expected, "{paths:?}");
        }
    }

    #[test]
    fn parts_stay_in_the_order_of_the_list() {
        for (rules, text, expected) in [
            (vec![keep("$.j.b"), keep("$.j.a")], r#"{"a":1,"b":2,"c":3}"#, r#"{"b":2,"a":1}"#),
            (vec![keep("$.j.a.b")], r#"{"a":{"b":1,"c":2},"d":3}"#, r#"{"a":{"b":1}}"#),
            (vec![keep("$.j.a.b"), keep("$.j.x")], "{}", r#"{"a":{"b":null},"x":null}"#),
            (vec![or("$.j.a", "[1.10]"), or("$.j.b", "0")], r#"{"b":null}"#, r#"{"a":[1.10],"b":null}"#),
            (vec![from("$.j.new", "$.j.old")], r#"{"old":5}"#, r#"{"new":5}"#),
            (vec![keep("$.j.l[1]"), keep("$.j.l[0]")], r#"{"l":[7,8,9]}"#, r#"{"l":[8,7]}"#),
            (vec![keep("$.j.l[*].x")], r#"{"l":[{"x":1,"y":2},{}]}"#, r#"{"l":[{"x":1},{"x":null}]}"#),
        ] {
            let edits = JsonEdits { keep: rules.clone(), ..JsonEdits::default() };
            assert_eq!(edited(&edits, text), expected, "{rules:?}");
        }
    }

    #[test]
    fn parts_are_added_unless_they_are_there() {
        for (rules, text, expected) in [
            (vec![or("$.j.n", "true"), or("$.j.a", "9")], r#"{"a":1}"#, r#"{"a":1,"n":true}"#),
            (vec![or("$.j.o.n", "\"x\"")], r#"{"a":1}"#, r#"{"a":1,"o":{"n":"x"}}"#),
            (vec![or("$.j.o.n", "\"x\"")], r#"{"o":{"m":2}}"#, r#"{"o":{"m":2,"n":"x"}}"#),
            (vec![from("$.j.copy", "$.j.a")], r#"{"a":[1]}"#, r#"{"a":[1],"copy":[1]}"#),
            (vec![or("$.j.l[1]", "5"), or("$.j.l[0]", "6")], r#"{"l":[1]}"#, r#"{"l":[1,5]}"#),
        ] {
            let edits = JsonEdits { add: rules.clone(), ..JsonEdits::default() };
            assert_eq!(edited(&edits, text), expected, "{rules:?}");
        }
    }
}
