//! The operators that generate tasks: what they put below themselves, as it would be written in a file.

use serde_json::{Value, json};

use super::include;
use super::params::{boolean, integer, kind, map_at, parsed, text};
use crate::model::files::Files;
use crate::model::story::Params;

/// A control operator that is about to work.
pub struct Control<'a> {
    pub files: &'a Files,
    pub operator: &'a str,
    /// The value after the operator, evaluated.
    pub command: &'a Value,
    /// Everything in scope, evaluated.
    pub config: &'a Params,
    /// The task as it is written.
    pub written: &'a Params,
}

impl Control<'_> {
    /// The task `^sub`; none when there is nothing to do. The error is the message of the failure.
    pub fn generate(&self) -> Result<Option<Params>, String> {
        match self.operator {
            "call" => self.call().map(Some),
            "loop" => self.repeat().map(Some),
            "for_each" => self.for_each().map(Some),
            "for_range" => self.for_range().map(Some),
            _ => self.branch(),
        }
    }

    /// The root of the file, which works in its folder when it has one.
    fn call(&self) -> Result<Params, String> {
        let written = text("call>", self.command)?;
        let file = if written.ends_with(".dig") { written } else { format!("{written}.dig") };
        let folder = self.config.get("_workdir").and_then(Value::as_str).unwrap_or_default();
        let path = joined(folder, &file);
        let mut root = include::load(self.files, &path)
            .ok_or_else(|| format!("workflow file `{path}` does not exist"))?;
        root.shift_remove("timezone");
        if let Some((folder, _)) = path.rsplit_once('/') {
            let mut export = map_at(&root, "_export");
            export.insert("_workdir".to_owned(), folder.into());
            root.insert("_export".to_owned(), Value::Object(export));
        }
        Ok(root)
    }

    fn branch(&self) -> Result<Option<Params>, String> {
        let branch = if boolean("if>", self.command)? { "_do" } else { "_else_do" };
        Ok(self.written.get(branch).and_then(Value::as_object).cloned())
    }

    fn repeat(&self) -> Result<Params, String> {
        // Also an exported one.
        let count = match self.config.get("count") {
            Some(count) => integer("count", count)?,
            None => integer("loop>", self.command)?,
        };
        self.group((0..count).map(|i| (format!("+loop-{i}"), json!({"i": i}))).collect())
    }

    fn for_range(&self) -> Result<Params, String> {
        let range = self.command.as_object().expect("the generator writes a map");
        let bound = |key: &str| integer(key, &range[key]);
        let (from, to) = (bound("from")?, bound("to")?);
        let positive = |key: &str| match bound(key)? {
            number if number > 0 => Ok(number),
            number => Err(format!("`{key}` of `for_range>` must be greater than zero, not {number}")),
        };
        let step = if range.contains_key("step") {
            positive("step")?
        } else {
            let slices = positive("slices")?;
            ((to - from).max(0) + slices - 1).div_euclid(slices).max(1)
        };
        let mut tasks = Vec::new();
        let mut start = from;
        while start < to {
            let end = (start + step).min(to);
            let range = json!({"range": {"from": start, "to": end, "index": tasks.len()}});
            tasks.push((format!("+range-from={start}&to={end}"), range));
            start += step;
        }
        self.group(tasks)
    }

    /// Every combination, the first key slowest.
    fn for_each(&self) -> Result<Params, String> {
        let Value::Object(lists) = parsed(self.command) else {
            return Err("`for_each>` must be a map of names to lists".to_owned());
        };
        let mut tasks = vec![(String::new(), Params::new())];
        for (place, (key, list)) in lists.iter().enumerate() {
            let Value::Array(items) = parsed(list) else {
                return Err(format!("`{key}` of `for_each>` must be a list, but is {}", kind(list)));
            };
            let mut longer = Vec::new();
            for (name, values) in &tasks {
                for (index, item) in items.iter().enumerate() {
                    let item_text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                    let part = name_part(&item_text);
                    if part.contains('*') {
                        let shown = part.replace("%20", " ");
                        return Err(format!(
                            "a task cannot be named after the item `{shown}` of `for_each>`: \
                             a name must not contain character '*'"
                        ));
                    }
                    let part = format!("{place}={}={index}={part}", name_part(key));
                    let mut values = values.clone();
                    values.insert(key.clone(), item.clone());
                    let name = if name.is_empty() { part } else { format!("{name}&{part}") };
                    longer.push((name, values));
                }
            }
            tasks = longer;
        }
        self.group(tasks.into_iter().map(|(name, values)| (format!("+for-{name}"), values.into())).collect())
    }

    /// Copies of `_do`; the variables replace what it exports under the same names.
    fn group(&self, tasks: Vec<(String, Value)>) -> Result<Params, String> {
        let mut group = Params::new();
        group.insert("_parallel".to_owned(), self.parallel()?);
        let body = map_at(self.written, "_do");
        for (name, variables) in tasks {
            let mut task = body.clone();
            let mut export = map_at(&body, "_export");
            export.extend(variables.as_object().cloned().unwrap_or_default());
            task.insert("_export".to_owned(), Value::Object(export));
            group.insert(name, Value::Object(task));
        }
        Ok(group)
    }

    /// Here `_parallel` is evaluated, and may come from an export.
    fn parallel(&self) -> Result<Value, String> {
        match self.config.get("_parallel") {
            None | Some(Value::Null) => Ok(false.into()),
            Some(Value::Object(map)) => Ok(json!({"limit": integer("limit", &map["limit"])?})),
            Some(other) => Ok(boolean("_parallel", other)?.into()),
        }
    }
}

/// A path from a folder, as the project counts it.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Eight characters, encoded as in a URL.
fn name_part(text: &str) -> String {
    let encoded = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() || ".-_*".contains(letter) => letter.to_string(),
        letter => format!("%{:02X}", u32::from(letter)),
    };
    text.chars().take(8).map(encoded).collect()
}
