//! `sh>`: a command, run as a script by a shell.
//!
//! The script is a file, so that `$0`, `set -e`, several lines and any interpreter work, and secrets in it are in no
//! argument list. A command that is only `embulk …` runs here even when `docker:` is in scope.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::container::{self, Bundle, Container, Place};
use super::environment;
use super::memory_file::MemoryFile;
use super::process::{self, Child};
use super::script_file::{ScriptFile, ScriptLinks, is_shell};
use super::secret_text::expand;
use super::stored;
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;
use crate::run::embulk_socket::{EmbulkDoor, Pass};

/// The variable that names the file with the parameters.
const PARAMS: &str = "SYNC_PARAMS";
/// The variable that names the file for parameters to store.
const STORE: &str = "SYNC_STORE";

/// `sh>`.
pub struct Shell {
    /// Before the door: its folder goes with that.
    links: ScriptLinks,
    door: Arc<EmbulkDoor>,
}

impl Shell {
    /// Commands that reach the run through `door`.
    pub fn new(door: Arc<EmbulkDoor>) -> Self {
        Self { links: ScriptLinks::default(), door }
    }
}

impl Operator for Shell {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let command = command_text(request)?;
        let place = if is_embulk_only(&command) { Place::Here } else { container::place(request)? };
        let interpreter = interpreter(request)?;
        let params = environment::params_with_defaults(request, "sh");
        let variables = environment::of_command(&params, request)?;
        let public = environment::public_params(&params, request);
        let script = expand(&command, request)?;
        let work = Work { interpreter, variables, public, script };
        let stored = match place {
            Place::Here => work.run_here(&self.door.pass(request)?, &self.links, request),
            Place::Container(container) => work.run_in(&container, request),
        }?;
        Ok(OperatorOutput { store: stored::read(stored)?, ..OperatorOutput::default() }.into())
    }
}

/// What is needed to run a command, wherever that is.
struct Work {
    interpreter: Vec<String>,
    variables: BTreeMap<String, String>,
    /// For `$SYNC_PARAMS`.
    public: String,
    script: String,
}

impl Work {
    /// Gives what was written to `$SYNC_STORE`.
    fn run_here(
        self,
        pass: &Pass,
        links: &ScriptLinks,
        request: &OperatorRequest<'_>,
    ) -> Result<Vec<u8>, OperatorError> {
        let (store, public) = (MemoryFile::of_task("")?, MemoryFile::of_task(&self.public)?);
        let (folder, guard) = (pass.directory(), request.services.guard.as_ref());
        let script = if self.interpreter.first().is_some_and(|program| is_shell(program)) {
            ScriptFile::in_memory(folder, "sh", &self.script, links)?
        } else {
            ScriptFile::new(folder, "sh", &self.script, guard, links)?
        };
        let mut environment = environment::inherited(self.variables, request);
        environment::ways_back(&mut environment, pass);
        environment.insert(PARAMS.to_owned(), public.path());
        environment.insert(STORE.to_owned(), store.path());
        let path = script.seen_from(&request.directory).display().to_string();
        let argv = self.interpreter.into_iter().chain([path]).collect();
        let child = Child { argv, environment, directory: request.directory.clone() };
        match process::run(&child, None, &request.reporter, &request.cancel)? {
            0 => store
                .read()
                .map_err(|error| OperatorError::failed("`$SYNC_STORE` could not be read").cause(&error)),
            code => Err(failure(code, pass.failure())),
        }
    }

    fn run_in(
        mut self,
        container: &Container,
        request: &OperatorRequest<'_>,
    ) -> Result<Vec<u8>, OperatorError> {
        self.variables.insert(PARAMS.to_owned(), container.path("params.json"));
        self.variables.insert(STORE.to_owned(), container.path("store"));
        let bundle = Bundle {
            files: vec![("runner.sh", &self.script), ("params.json", &self.public)],
            result: "store",
            argv: self.interpreter.into_iter().chain([container.path("runner.sh")]).collect(),
            variables: self.variables,
        };
        match container.run(bundle, request)? {
            (0, stored) => Ok(stored),
            (code, _) => Err(failure(code, None)),
        }
    }
}

fn command_text(request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
    match &request.command {
        Value::Null => Err(OperatorError::config("`sh>` needs a command")),
        command => params::to_text("sh>", command).map_err(|error| OperatorError::config(error.to_string())),
    }
}

/// `shell:` of the task, of `sh:` around it, or `/bin/sh`.
fn interpreter(request: &OperatorRequest<'_>) -> Result<Vec<String>, OperatorError> {
    let nested = request.param("sh").and_then(|options| options.get("shell"));
    let Some(shell) = request.param("shell").or(nested).filter(|shell| !shell.is_null()) else {
        return Ok(vec!["/bin/sh".to_owned()]);
    };
    let Value::Array(words) = params::parsed(shell) else {
        return Err(OperatorError::config("`shell` must be a list, e.g. `[\"/bin/bash\", \"-e\"]`"));
    };
    let words: Result<Vec<_>, _> = words.iter().map(|word| params::to_text("shell", word)).collect();
    match words {
        Ok(words) if !words.is_empty() => Ok(words),
        Ok(_) => Err(OperatorError::config("`shell` must not be empty")),
        Err(error) => Err(OperatorError::config(error.to_string())),
    }
}

/// Whether every command of a simple chain is `embulk`: then nothing of it needs a container.
pub fn is_embulk_only(script: &str) -> bool {
    let chained = script.replace("\\\n", " ").replace("&&", "\n").replace("||", "\n").replace(';', "\n");
    let mut commands =
        chained.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let simple = |command: &str| !command.contains(['|', '&', '`', '(', '<', '>']);
    let mut any = false;
    let all = commands.by_ref().all(|command| {
        any = true;
        command.split_whitespace().next() == Some("embulk") && simple(command)
    });
    any && all
}

/// The failure of the command; when a transfer inside it failed, with that as its cause.
fn failure(code: i32, inner: Option<OperatorError>) -> OperatorError {
    let message = format!("Command failed with code {code}");
    let Some(inner) = inner else {
        let error = OperatorError::failed(message.clone())
            .detail("message", format!("{message} (runtime)"))
            .detail("exit_code", code);
        return if code == process::KILLED { error.hint(process::KILLED_HINT) } else { error };
    };
    let whole: Vec<_> = std::iter::once(&inner.message).chain(&inner.causes).map(String::as_str).collect();
    let mut error = OperatorError::new(inner.kind, message.clone())
        .detail("message", format!("{message}: {} (runtime)", whole.join(": ")))
        .detail("exit_code", code);
    error.causes = whole.into_iter().map(str::to_owned).collect();
    error.hint = inner.hint;
    error
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bench;
    use super::*;
    use crate::run::event::FailureKind;

    fn run(bench: &Bench, exported: Value, local: Value) -> Result<OperatorOutput, OperatorError> {
        bench.run(&Shell::new(Arc::default()), exported, local)
    }

    #[test]
    fn parameters_are_variables_and_output_is_told() {
        let bench = Bench::new();
        let exported = json!({
            "s": "text with  spaces", "n": 5, "f": 1.5, "t": true, "l": [1, "a b"], "m": {"k": ["x"]}, "nul": null,
            "odd-name": 1, "tpl": "v${n + 1}",
        });
        let script = "printf '%s\\n' \"[$s]\" \"[$n]\" \"[$f]\" \"[$t]\" \"[$l]\" \"[$m]\" \"[$nul]\" \"[$tpl]\" \
                      \"[$loc]\"; env | grep -c odd";
        let result = run(&bench, exported, json!({"loc": "local", "sh>": script}));
        assert_eq!(
            result.map_err(|error| error.message).map(|_| ()),
            Err("Command failed with code 1".to_owned())
        );
        assert_eq!(
            bench.output(),
            "[text with  spaces]\n[5]\n[1.5]\n[true]\n[[1,\"a b\"]]\n[{\"k\":[\"x\"]}]\n[]\n[v6]\n[local]\n0\n"
        );
    }

    #[test]
    fn a_script_is_a_file_and_its_secrets_are_nowhere_to_be_seen() {
        let bench = Bench::new().secret("k", "hunter2");
        let script = "set -e\ncat \"$0\" | grep -c 'hunter2$'\ntr '\\0' ' ' < /proc/$PPID/cmdline | grep -c hunter2 || true\n\
                      tr '\\0' ' ' < /proc/self/cmdline >/dev/null; echo '${secret:k}' | wc -c\nfalse\necho never # ${secret:k}";
        let result = run(&bench, json!({}), json!({"sh>": script}));
        assert_eq!(
            result.map(|_| ()).map_err(|error| error.message),
            Err("Command failed with code 1".to_owned())
        );
        assert_eq!(bench.output(), "1\n0\n8\n");
        let left: Vec<_> =
            std::fs::read_dir(bench.project().join(".sync/tmp")).expect("a directory").collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_command_may_store_and_read_parameters_through_files() {
        let bench = Bench::new();
        let exported =
            json!({"password": "geheim", "big": "x".repeat(200_000), "db": {"password": "p", "host": "h"}});
        let script = "echo a=1 >> $SYNC_STORE; echo b=two words >> $SYNC_STORE; grep -c 'gehei[m]' $SYNC_PARAMS\n\
                      grep -o '\"db\":[^}]*}' $SYNC_PARAMS; echo \"[${#password} ${'$'}{#big}]\"";
        let output =
            run(&bench, exported, json!({"sh>": script.replace("${#password}", "${'$'}{#password}")}));
        let store = output.map(|output| Value::Object(output.store)).map_err(|error| error.message);
        assert_eq!(store, Ok(json!({"a": "1", "b": "two words"})));
        assert_eq!(bench.output(), "0\n\"db\":{\"host\":\"h\"}\n[6 0]\n");
        assert_eq!(
            bench.log(),
            "Warn: `big` is left out of the environment: it has 195 KiB, more than a variable can hold; it is in the \
             file `$SYNC_PARAMS`\n"
        );
    }

    #[test]
    fn exported_secrets_reach_the_environment_and_unknown_ones_are_named() {
        let bench = Bench::new().secret("db", "pw");
        let exported = json!({"A": "${secret:db}!", "B": "${secret:nowhere}"});
        let local = json!({"_env": {"C": "c-${secret:db}"}, "sh>": "echo $A ${'$'}{B-unset} $C"});
        run(&bench, exported, local).expect("success");
        assert_eq!(bench.output(), "pw! unset c-pw\n");
        assert_eq!(
            bench.log(),
            "Warn: `B` is left out of the environment: Secret not found for key: 'nowhere'\n"
        );
    }

    #[test]
    fn what_fails_tells_its_code() {
        let bench = Bench::new();
        let error = run(&bench, json!({}), json!({"sh>": "exit 9"})).expect_err("a failure");
        let details = json!({"message": "Command failed with code 9 (runtime)", "exit_code": 9});
        assert_eq!(Value::Object(error.details), details);
    }

    #[test]
    fn own_variables_that_cannot_be_are_named() {
        let bench = Bench::new();
        let failed = |value: String| {
            let local = json!({"sh>": "true", "_env": {"A": value}});
            run(&bench, json!({}), local).map(|_| ()).map_err(|error| error.message)
        };
        assert_eq!(failed("x".repeat((128 << 10) - 3)), Ok(()));
        let long = "`A` of `_env` has 128 KiB, more than a variable can hold";
        assert_eq!(failed("x".repeat(128 << 10)), Err(long.to_owned()));
        let zero = "`A` of `_env` has a zero byte, which no variable can hold";
        assert_eq!(failed("a\0b".to_owned()), Err(zero.to_owned()));
    }

    #[test]
    fn too_much_for_an_environment_is_left_out_from_the_largest_on() {
        let bench = Bench::new();
        let params = (0..30).map(|number| (format!("p{number}"), json!("x".repeat(100_000 + number))));
        let script = "env | grep -c '^p[0-9]' | sed 's/^[12].$/some/'; echo ${'$'}{p29-gone} ${'$'}{#p0}";
        run(&bench, Value::Object(params.collect()), json!({"sh>": script})).expect("success");
        assert_eq!(bench.output(), "some\ngone 100000\n");
        let first = "Warn: `p29` is left out of the environment, which would be too large; it is in the file \
                     `$SYNC_PARAMS`\n";
        assert!(bench.log().starts_with(first), "{}", bench.log());
    }

    #[test]
    fn wrong_options_are_config_errors() {
        let bench = Bench::new();
        let message = |local: Value| {
            run(&bench, json!({}), local).map(|_| ()).map_err(|error| (error.kind, error.message))
        };
        let config = |text: &str| Err((FailureKind::Config, text.to_owned()));
        assert_eq!(
            message(json!({"sh>": "true", "shell": "/bin/bash"})),
            config("`shell` must be a list, e.g. `[\"/bin/bash\", \"-e\"]`")
        );
        assert_eq!(message(json!({"sh>": null})), config("`sh>` needs a command"));
        assert_eq!(
            message(json!({"sh>": ["a"]})),
            config("Expected string type for key 'sh>' but got [\"a\"] (array)")
        );
        let bad_name = message(json!({"sh>": "true", "_env": {"BAD-NAME": "x"}}));
        assert_eq!(bad_name, config("Invalid _env key name: BAD-NAME"));
    }

    #[test]
    fn an_exported_shell_counts() {
        let bench = Bench::new();
        let exported = json!({"sh": {"shell": ["/bin/bash", "-e"]}});
        let result = run(&bench, exported, json!({"sh>": "[[ a == a ]] && echo bash\nfalse\necho never"}));
        assert!(result.is_err());
        assert_eq!(bench.output(), "bash\n");
    }

    #[test]
    fn a_command_runs_in_a_container_and_its_secrets_are_in_no_argument() {
        let bench = container::tests::bench().secret("k", "hunter2");
        let exported = json!({"docker": {"image": "ruby:3", "build": ["gem install x"]}, "word": "it's", "P": "${secret:k}"});
        let script =
            "echo \"$word $P ${secret:k}\"; echo a=1 >> $SYNC_STORE; grep -c hunter2 $SYNC_PARAMS || exit 0";
        let output = run(&bench, exported.clone(), json!({"sh>": script}));
        let store = output.map(|output| Value::Object(output.store)).map_err(|error| error.message);
        assert_eq!(store, Ok(json!({"a": "1"})));
        assert_eq!(bench.output(), "building\nit's hunter2 hunter2\n0\n");
        assert_eq!(
            std::fs::read_to_string(bench.project().join("bin/built")).expect("a Dockerfile"),
            "FROM ruby:3\nRUN gem install x\n"
        );
        let failed = run(&bench, exported, json!({"sh>": "exit 4"}));
        assert_eq!(
            failed.map(|_| ()).map_err(|error| error.message),
            Err("Command failed with code 4".to_owned())
        );
        let told = container::tests::told(&bench);
        assert_eq!(told.matches("docker build ").count(), 1, "{told}");
        assert!(told.contains(" -e P ") && told.contains(" -e word ") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn without_docker_the_way_out_is_named() {
        let mut bench = Bench::new();
        bench.docker = crate::run::operator::DockerMode::Auto;
        bench.environment.insert("PATH".to_owned(), "/nowhere".to_owned());
        let exported = json!({"docker": {"image": "ruby:3"}});
        let error = run(&bench, exported, json!({"sh>": "true"})).expect_err("no docker");
        assert_eq!(error.message, "`docker:` is in scope, but `docker` is not installed");
        assert_eq!(error.hint.as_deref(), Some("`--docker never` runs the command on this machine"));
    }

    #[test]
    fn only_embulk_is_only_embulk() {
        for (script, expected) in [
            ("embulk run a.yml", true),
            ("embulk gem install a b \\\n  && embulk run x.yml.liquid", true),
            ("# comment\nembulk run a.yml; embulk run b.yml", true),
            ("embulk run a.yml | tee log", false),
            ("bundle && embulk run a.yml", false),
            ("embulk run $(pick)", false),
            ("", false),
        ] {
            assert_eq!(is_embulk_only(script), expected, "{script}");
        }
    }
}
