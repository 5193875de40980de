//! `sync check` beyond single rules: the forms of its output, what `--fix` leaves alone, rules about several files.

mod fixes;
mod forms;
mod several;

use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// `file:line code` of all that is found, by the program as a user calls it.
fn found(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let said = sandbox.run([&["check", "--format", "json"], arguments].concat());
    let out: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let problems = out["problems"].as_array().expect("a list of problems").iter();
    problems
        .map(|problem| format!("{}:{} {}", text(&problem["file"]), problem["line"], text(&problem["code"])))
        .collect()
}
