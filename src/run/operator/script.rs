//! `rb>` and `py>`: a method or function of the project's own code, called with parameters by name.
//!
//! Parameters go in and results come out through files in memory: what a script fetches and stores, a password say,
//! never touches a disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::container::{self, Bundle, Place};
use super::environment;
use super::memory_file::MemoryFile;
use super::process::{self, Child};
use super::script_file::{ScriptFile, ScriptLinks};
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Subtask, Turn};
use crate::dig::params;
use crate::run::embulk_socket::EmbulkDoor;
use crate::session::Params;

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `rb>`.
    Ruby,
    /// `py>`.
    Python,
}

/// `rb>` or `py>`.
pub struct Script {
    language: Language,
    /// Before the door: its folder goes with that.
    links: ScriptLinks,
    door: Arc<EmbulkDoor>,
}

impl Script {
    /// Scripts of a language whose `embulk` commands reach the run through `door`.
    pub fn new(language: Language, door: Arc<EmbulkDoor>) -> Self {
        Self { language, links: ScriptLinks::default(), door }
    }
}

impl Operator for Script {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let place = container::place(request)?;
        let call = self.language.call(request)?;
        let variables = environment::of_script(request)?;
        let params = environment::params_with_defaults(request, self.language.operator());
        let given = json!({"params": params.as_ref(), "require": call.require}).to_string();
        let (code, result) = match place {
            Place::Here => self.run_here(call, &given, variables, request)?,
            Place::Container(container) => {
                let bundle = Bundle {
                    files: vec![("runner", &call.source), ("input.json", &given)],
                    result: "output.json",
                    argv: call.argv(
                        self.language.interpreter(request, None)?,
                        ["runner", "input.json", "output.json"].map(|name| container.path(name)),
                    ),
                    variables,
                };
                container.run(bundle, request)?
            }
        };
        self.language.result(code, &result, request).map(Turn::Done)
    }
}

impl Script {
    fn run_here(
        &self,
        call: Call,
        given: &str,
        variables: BTreeMap<String, String>,
        request: &OperatorRequest<'_>,
    ) -> Result<(i32, Vec<u8>), OperatorError> {
        let pass = self.door.pass(request)?;
        let mut environment = environment::inherited(variables, request);
        environment::ways_back(&mut environment, &pass);
        let (input, output) = (MemoryFile::of_task(given)?, MemoryFile::of_task("")?);
        let guard = request.services.guard.as_ref();
        let (folder, extension) = (pass.directory(), self.language.operator());
        let runner = ScriptFile::new(folder, extension, &call.source, guard, &self.links)?;
        let interpreter = self.language.interpreter(request, Some(&environment))?;
        let argv = call.argv(interpreter, [runner.path().display().to_string(), input.path(), output.path()]);
        let child = Child { argv, environment, directory: request.directory.clone() };
        let code = process::run(&child, None, &request.reporter, &request.cancel)?;
        let result = output.read().map_err(|error| {
            OperatorError::failed("the result of the script could not be read").cause(&error)
        })?;
        Ok((code, result))
    }
}

/// What is run.
struct Call {
    /// The text of the file that the interpreter runs.
    source: String,
    /// Options of the interpreter before it.
    options: Vec<String>,
    /// The method, for the runner; none for a `script:`, which gets the two files alone.
    command: Option<String>,
    /// What the runner loads first (Ruby).
    require: Option<String>,
}

impl Call {
    fn argv(&self, mut interpreter: Vec<String>, [runner, input, output]: [String; 3]) -> Vec<String> {
        interpreter.extend(self.options.iter().cloned());
        interpreter.push(runner);
        interpreter.extend(self.command.iter().cloned());
        interpreter.extend([input, output]);
        interpreter
    }
}

/// What a runner writes.
#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    subtask_config: Params,
    #[serde(default)]
    export_params: Params,
    #[serde(default)]
    store_params: Params,
    error: Option<ScriptError>,
}

#[derive(Deserialize)]
struct ScriptError {
    class: String,
    message: String,
    #[serde(default)]
    backtrace: Vec<String>,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Ruby => "Ruby",
            Self::Python => "Python",
        }
    }

    /// The operator's name, which is also that of the map of defaults.
    fn operator(self) -> &'static str {
        match self {
            Self::Ruby => "rb",
            Self::Python => "py",
        }
    }

    /// An option of the task, or of the map named like the operator around it.
    fn option<'a>(self, request: &'a OperatorRequest<'_>, name: &str) -> Option<&'a Value> {
        let nested = || request.param(self.operator())?.get(name).filter(|value| !value.is_null());
        request.param(name).or_else(nested)
    }

    fn text_option(self, request: &OperatorRequest<'_>, name: &str) -> Result<Option<String>, OperatorError> {
        let value = self.option(request, name);
        value.map(|value| text(name, value)).transpose()
    }

    fn call(self, request: &OperatorRequest<'_>) -> Result<Call, OperatorError> {
        let require = if self == Self::Ruby { self.text_option(request, "require")? } else { None };
        let folder = request.directory.display().to_string();
        let mut options = Vec::new();
        if self == Self::Ruby {
            options.extend(["-I".to_owned(), folder]);
        }
        if !request.command.is_null() {
            let command = Some(text(&format!("{}>", self.operator()), &request.command)?);
            let source = match self {
                Self::Ruby => include_str!("runner.rb"),
                Self::Python => include_str!("runner.py"),
            };
            options.extend((self == Self::Ruby).then(|| "--".to_owned()));
            return Ok(Call { source: source.to_owned(), options, command, require });
        }
        let Some(source) = self.text_option(request, "script")? else {
            let operator = self.operator();
            return Err(OperatorError::config(format!("`{operator}>` needs a method to call")));
        };
        options.extend(require.into_iter().flat_map(|name| ["-r".to_owned(), name]));
        options.extend((self == Self::Ruby).then(|| "--".to_owned()));
        Ok(Call { source, options, command: None, require: None })
    }

    /// `ruby:` or `python:`, a text or a list; else what is on the PATH of `here`, or Digdag's word in a container.
    fn interpreter(
        self,
        request: &OperatorRequest<'_>,
        here: Option<&BTreeMap<String, String>>,
    ) -> Result<Vec<String>, OperatorError> {
        let name = self.name().to_lowercase();
        match self.option(request, &name).map(params::parsed) {
            None if self == Self::Python && here.is_some_and(|here| !on_path("python", here)) => {
                Ok(vec!["python3".to_owned()])
            }
            None => Ok(vec![name]),
            Some(Value::Array(words)) if !words.is_empty() => {
                words.iter().map(|word| text(&name, word)).collect()
            }
            Some(word) => Ok(vec![text(&name, &word)?]),
        }
    }

    fn result(
        self,
        code: i32,
        result: &[u8],
        request: &OperatorRequest<'_>,
    ) -> Result<OperatorOutput, OperatorError> {
        let outcome = serde_json::from_slice::<Outcome>(result);
        match outcome {
            Ok(Outcome { error: Some(error), .. }) => Err(self.failure(code, &error)),
            Ok(outcome) if code == 0 => Ok(self.success(outcome, request)),
            Err(error) if code == 0 => {
                let message = format!("the {} script ended well but wrote no result", self.name());
                let failure = OperatorError::failed(message).detail("exit_code", code);
                Err(if result.is_empty() { failure } else { failure.cause(&error) })
            }
            _ => Err(self.died(code)),
        }
    }

    /// `Ruby command failed with code 1: <message> (<Class>)`; a handler gets Digdag's longer text.
    fn failure(self, code: i32, error: &ScriptError) -> OperatorError {
        let failed = format!("{} command failed with code {code}", self.name());
        let what = format!("{} ({})", error.message, error.class);
        let what = what.trim_start();
        let mut told = match self {
            Self::Ruby => format!("{failed}: {what}"),
            Self::Python => format!("{failed}\nError messages from python: {what}"),
        };
        error.backtrace.iter().for_each(|frame| told.extend(["\n\tfrom ", frame]));
        OperatorError::failed(format!("{failed}: {what}"))
            .detail("message", format!("{told} (runtime)"))
            .detail("stacktrace", error.backtrace.join(", "))
            .detail("exit_code", code)
    }

    /// Nobody was left to say why.
    fn died(self, code: i32) -> OperatorError {
        let message = format!("{} command failed with code {code}", self.name());
        let hint = if code == process::KILLED {
            process::KILLED_HINT
        } else {
            "what it printed before is in the task's log"
        };
        OperatorError::failed(message.clone())
            .detail("message", format!("{message} (runtime)"))
            .detail("exit_code", code)
            .hint(hint)
    }

    fn success(self, outcome: Outcome, request: &OperatorRequest<'_>) -> OperatorOutput {
        let mut subtask = outcome.subtask_config;
        // Subtasks call methods of the same file.
        if let (false, Some(require)) = (subtask.is_empty(), request.local.get("require")) {
            let export = subtask.entry("_export").or_insert_with(|| json!({}));
            if let Value::Object(export) = export {
                export.entry("require").or_insert_with(|| require.clone());
            }
        }
        OperatorOutput {
            store: outcome.store_params,
            export: outcome.export_params,
            subtask: if subtask.is_empty() {
                Subtask::None
            } else {
                Subtask::Mapping(Value::Object(subtask))
            },
            ..OperatorOutput::default()
        }
    }
}

fn text(name: &str, value: &Value) -> Result<String, OperatorError> {
    params::to_text(name, value).map_err(|error| OperatorError::config(error.to_string()))
}

fn on_path(program: &str, variables: &BTreeMap<String, String>) -> bool {
    let path = variables.get("PATH").map_or("", String::as_str);
    path.split(':').any(|folder| Path::new(folder).join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    fn run(
        language: Language,
        bench: &Bench,
        exported: Value,
        local: Value,
    ) -> Result<OperatorOutput, String> {
        bench.run(&Script::new(language, Arc::default()), exported, local).map_err(|error| error.message)
    }

    fn stored(result: Result<OperatorOutput, String>) -> Result<Value, String> {
        result.map(|output| Value::Object(output.store))
    }

    #[test]
    fn what_fails_tells_its_code() {
        let bench = Bench::new()
            .file("t.rb", "def out\nexit 3\nend\ndef die\nProcess.kill(:KILL, Process.pid)\nend\n");
        for (command, code) in [("out", 3), ("die", 137)] {
            let local = json!({"rb>": command, "require": "t"});
            let script = Script::new(Language::Ruby, Arc::default());
            let error = bench.run(&script, json!({}), local).expect_err("a failure");
            assert_eq!(error.details["exit_code"], code);
        }
    }

    #[test]
    fn ruby_subtasks_are_generated() {
        let bench = Bench::new().file(
            "t.rb",
            "class T\ndef step(n) = n\ndef go\nDigdag.env.add_subtask(T, :step, n: 1)\nDigdag.env.add_subtask(:top, 'n' => 2)\n\
             Digdag.env.add_subtask({'sh>' => 'true'})\nDigdag.env.subtask_config['_parallel'] = true\nend\nend\n",
        );
        let output =
            run(Language::Ruby, &bench, json!({}), json!({"rb>": "T.go", "require": "t"})).expect("success");
        let Subtask::Mapping(subtask) = output.subtask else { panic!("a subtask") };
        let expected = json!({
            "+subtask0": {"n": 1, "rb>": "::T.step"}, "+subtask1": {"n": 2, "rb>": "top"},
            "+subtask2": {"sh>": "true"}, "_parallel": true, "_export": {"require": "t"},
        });
        assert_eq!(subtask, expected);
    }

    #[test]
    fn scripts_run_in_a_container_too() {
        let bench = container::tests::bench()
            .file("t.rb", "class T\ndef go(a) = Digdag.env.store(b: a + ['it\\'s'], e: ENV['E'])\nend\n")
            .secret("s", "hunter2");
        let exported = json!({"docker": {"image": "ruby:3", "run_options": ["--network=host"]}, "a": ["x"]});
        let local = json!({"_env": {"E": "${secret:s}"}, "rb>": "T.go", "require": "t"});
        let result = stored(run(Language::Ruby, &bench, exported, local));
        assert_eq!(result, Ok(json!({"b": ["x", "it's"], "e": "hunter2"})));
        let told = container::tests::told(&bench);
        assert!(told.starts_with("docker run --network=host --rm -i --name sync-"), "{told}");
        assert!(told.contains(" -e E ruby:3 /bin/sh") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_script_text_gets_the_two_files() {
        let bench = Bench::new();
        let script = "import json, sys\np = json.load(open(sys.argv[1]))['params']\n\
                      json.dump({'store_params': {'twice': p['n'] * 2}}, open(sys.argv[2], 'w'))\n";
        let local = json!({"n": 4, "_type": "py", "script": script});
        assert_eq!(stored(run(Language::Python, &bench, json!({}), local)), Ok(json!({"twice": 8})));
    }
}
