//! The operators that only generate tasks: `call>`, `for_each>`, `for_range>`, `loop>` and `if>`.

use std::path::{Component, Path};

use serde_json::{Value, json};

use super::{OperatorError, OperatorOutput, OperatorRequest, Subtask, resolve_inside};
use crate::dig;
use crate::dig::params::{self, ParamError};
use crate::dig::workflow::{OnFailure, OperatorCall, Parallel, Task, TaskBody};
use crate::plan::MOST_TASKS;
use crate::reader::Reader;
use crate::session::Params;

/// A workflow that calls itself would grow for ever; one that nests deeper than this is taken for it.
const DEEPEST: usize = 50;

/// What the task generates.
pub(in crate::run) fn generate(
    request: &OperatorRequest<'_>,
    call: &OperatorCall,
    reader: &dyn Reader,
) -> Result<OperatorOutput, OperatorError> {
    let subtask = match request.operator.as_str() {
        "call" => Some(called(request, reader)?),
        "for_each" => Some(for_each(request, call)?),
        "for_range" => Some(for_range(request, call)?),
        "loop" => Some(repeated(request, call)?),
        "if" => chosen(request, call)?,
        other => return Err(OperatorError::config(format!("Unknown task type: {other}"))),
    };
    let subtask = subtask.map_or(Subtask::None, |task| Subtask::Task(Box::new(task)));
    Ok(OperatorOutput { subtask, ..OperatorOutput::default() })
}

/// `call>`: the root of another file. A file in a sub-folder works in its folder.
fn called(request: &OperatorRequest<'_>, reader: &dyn Reader) -> Result<Task, OperatorError> {
    let written = params::to_text("call>", request.required_command()?)?;
    let file = if written.ends_with(".dig") { written } else { format!("{written}.dig") };
    refuse_depth(request, &file)?;
    let project = &request.services.project;
    let path = resolve_inside(project, &request.directory, &file)?;
    let path = path.strip_prefix(project).unwrap_or(&path).to_owned();
    if !reader.exists(&path) {
        return Err(OperatorError::config(format!("workflow file `{}` does not exist", path.display())));
    }
    let loaded = dig::compile_called(&path, reader);
    let has_errors = loaded.has_errors();
    let Some(workflow) = loaded.workflow.filter(|_| !has_errors) else {
        let first = loaded.problems.iter().find(|problem| problem.is_error());
        let reason = first.map_or_else(String::new, |problem| {
            let place = problem.span.as_ref().map(|span| format!(" ({span})")).unwrap_or_default();
            format!(": {}{place}", problem.message)
        });
        return Err(OperatorError::config(format!("`{}` is invalid{reason}", path.display())));
    };
    let mut root = workflow.root;
    "^sub".clone_into(&mut root.name);
    if let Some(folder) = folder_of(&path) {
        root.export.insert("_workdir".to_owned(), folder.into());
    }
    Ok(root)
}

/// Refuses to call `what` from too deep below other calls.
pub(super) fn refuse_depth(request: &OperatorRequest<'_>, what: &str) -> Result<(), OperatorError> {
    if request.task.as_str().matches("^sub").count() < DEEPEST {
        return Ok(());
    }
    Err(OperatorError::config(format!("tasks are nested more than {DEEPEST} levels deep at `{what}`"))
        .hint("a workflow that calls itself never ends"))
}

/// The folder of a path in the project, with `/`; none at the top.
fn folder_of(path: &Path) -> Option<String> {
    let parts: Vec<_> = path
        .parent()?
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// `if>`: one branch or the other; a branch that is not there is nothing to do.
fn chosen(request: &OperatorRequest<'_>, call: &OperatorCall) -> Result<Option<Task>, OperatorError> {
    let condition = params::to_bool("if>", request.required_command()?)?;
    if call.do_task.is_none() && call.else_task.is_none() {
        return Err(OperatorError::config("both `_do` and `_else_do` are missing"));
    }
    let branch = if condition { &call.do_task } else { &call.else_task };
    Ok(branch.as_deref().map(|task| Task { name: "^sub".to_owned(), ..task.clone() }))
}

/// `loop>`: so many times, with `i`. `count`, also an exported one, wins over the value.
fn repeated(request: &OperatorRequest<'_>, call: &OperatorCall) -> Result<Task, OperatorError> {
    let count = match request.param("count") {
        Some(count) => params::to_integer("count", count)?,
        None => params::to_integer("loop>", request.required_command()?)?,
    };
    let tasks =
        (0..count.max(0)).map(|i| (format!("+loop-{i}"), Params::from_iter([("i".to_owned(), json!(i))])));
    group(request, call, tasks)
}

/// `for_range>`: slices of `from` to (without) `to`, by `step` or into `slices`.
fn for_range(request: &OperatorRequest<'_>, call: &OperatorCall) -> Result<Task, OperatorError> {
    let range = params::parsed(request.required_command()?);
    let Value::Object(range) = range else {
        return Err(OperatorError::config(
            "`for_range>` must be a map with `from`, `to` and `step` or `slices`",
        ));
    };
    let bound =
        |key| -> Result<i64, OperatorError> { Ok(params::to_integer(key, params::required(&range, key)?)?) };
    let (from, to) = (bound("from")?, bound("to")?);
    let step = match (range.contains_key("step"), range.contains_key("slices")) {
        (true, false) => positive("step", bound("step")?)?,
        (false, true) => {
            let slices = positive("slices", bound("slices")?)?;
            let width = to.saturating_sub(from).max(0);
            (width / slices + i64::from(width % slices != 0)).max(1)
        }
        _ => return Err(OperatorError::config("`for_range>` needs exactly one of `step` and `slices`")),
    };
    let starts = std::iter::successors(Some(from), |at| at.checked_add(step)).take_while(|at| *at < to);
    let tasks = starts.enumerate().map(|(index, from)| {
        let to = from.saturating_add(step).min(to);
        let range = json!({"from": from, "to": to, "index": index});
        (format!("+range-from={from}&to={to}"), Params::from_iter([("range".to_owned(), range)]))
    });
    group(request, call, tasks)
}

fn positive(key: &str, value: i64) -> Result<i64, OperatorError> {
    if value > 0 {
        return Ok(value);
    }
    Err(OperatorError::config(format!("`{key}` of `for_range>` must be greater than zero, not {value}")))
}

/// `for_each>`: every combination of the lists, the first key slowest.
fn for_each(request: &OperatorRequest<'_>, call: &OperatorCall) -> Result<Task, OperatorError> {
    let Value::Object(map) = params::parsed(request.required_command()?) else {
        return Err(OperatorError::config("`for_each>` must be a map of names to lists"));
    };
    let mut combinations: Vec<(String, Params)> = vec![("+for-".to_owned(), Params::new())];
    for (place, (key, list)) in map.iter().enumerate() {
        let Value::Array(items) = params::parsed(list) else {
            return Err(OperatorError::config(format!(
                "`{key}` of `for_each>` must be a list, but is {}",
                params::kind_of(list)
            )));
        };
        let join = if place == 0 { "" } else { "&" };
        let count = combinations.len().saturating_mul(items.len());
        if count > MOST_TASKS {
            return Err(too_many(request));
        }
        let mut longer = Vec::with_capacity(count);
        for (name, values) in &combinations {
            for (index, item) in items.iter().enumerate() {
                let part = format!("{join}{place}={}={index}={}", name_part(key), value_part(item, request)?);
                let mut values = values.clone();
                values.insert(key.clone(), item.clone());
                longer.push((format!("{name}{part}"), values));
            }
        }
        combinations = longer;
    }
    if map.is_empty() {
        combinations.clear();
    }
    group(request, call, combinations.into_iter())
}

/// What stands in a name for an item of a list. Names are seen everywhere, so nothing of a secret is in one.
fn value_part(item: &Value, request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
    let part = match item {
        item if request.services.guard.contains_secret(&text_of(item)) => "secret".to_owned(),
        item => name_part(&text_of(item)),
    };
    if part.contains('*') {
        return Err(OperatorError::config(format!(
            "a task cannot be named after the item `{}` of `for_each>`: a name must not contain character '*'",
            part.replace("%20", " ")
        )));
    }
    Ok(part)
}

fn text_of(item: &Value) -> String {
    match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The first eight characters, as Digdag writes them into names: encoded as in a URL.
fn name_part(text: &str) -> String {
    let mut units = 0;
    let mut part = String::new();
    for letter in text.chars() {
        units += letter.len_utf16();
        if units > 8 {
            break;
        }
        if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '*' | '_') {
            part.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                part.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    part
}

/// The group of all repetitions. Their variables stand over what `_do` exports.
fn group(
    request: &OperatorRequest<'_>,
    call: &OperatorCall,
    tasks: impl Iterator<Item = (String, Params)>,
) -> Result<Task, OperatorError> {
    let Some(body) = call.do_task.as_deref() else {
        return Err(ParamError::Missing("_do".to_owned()).into());
    };
    let mut children = Vec::new();
    let most = MOST_TASKS / body.count();
    for (name, variables) in tasks {
        if children.len() >= most {
            return Err(too_many(request));
        }
        let mut task = Task { name, ..body.clone() };
        task.export.extend(variables);
        children.push(task);
    }
    Ok(Task {
        name: "^sub".to_owned(),
        body: TaskBody::Group { parallel: parallel(request)?, children },
        span: call.span.clone(),
        export: Params::new(),
        retry: None,
        error: None,
        check: None,
        background: false,
        after: Vec::new(),
        timeout: None,
        on_failure: OnFailure::Stop,
        definition: String::new(),
    })
}

/// In Digdag's words.
fn too_many(request: &OperatorRequest<'_>) -> OperatorError {
    OperatorError::config(format!("Too many {} subtasks. Limit: {MOST_TASKS}", request.operator))
        .hint("let one task do several steps, or part the work between sessions")
}

/// `_parallel` of a loop, evaluated: a boolean, also as text, or `{limit}`.
fn parallel(request: &OperatorRequest<'_>) -> Result<Parallel, OperatorError> {
    let value = request.param("_parallel").map_or(Ok(Parallel::No), Parallel::from_value);
    value.map_err(OperatorError::config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_cut_and_encoded_in_names() {
        for (text, expected) in [
            ("a b", "a%20b"),
            ("s/l", "s%2Fl"),
            ("d.o", "d.o"),
            ("日本", "%E6%97%A5%E6%9C%AC"),
            ("a-very-long-value-indeed", "a-very-l"),
            ("k=v&w", "k%3Dv%26w"),
            ("a'b", "a%27b"),
            (r#"{"id":1,"x":2}"#, "%7B%22id%22%3A1%2C"),
        ] {
            assert_eq!(name_part(text), expected, "{text}");
        }
    }

    #[test]
    fn a_file_in_the_project_has_no_folder() {
        assert_eq!(folder_of(Path::new("a.dig")), None);
        assert_eq!(folder_of(Path::new("sub/deep/a.dig")), Some("sub/deep".to_owned()));
    }
}
