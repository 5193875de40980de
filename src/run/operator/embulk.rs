//! `embulk>`: a transfer file, or a config written in the workflow, run in this process.
//!
//! Unlike `sh>: embulk run`, the file is a template of the workflow (`${...}`), not a Liquid one, and starts nothing.

use serde_json::Value;

use super::environment;
use super::memory_file::MemoryFile;
use super::options;
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, TransferRequest, Turn};
use crate::run::embulk_lines;
use crate::session::Level;

/// `embulk>`.
#[derive(Debug, Default)]
pub struct Embulk;

impl Operator for Embulk {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let (config, name) = config(request)?;
        // `${secret:...}` is still in it: the values go into the config after it has been read.
        let file = MemoryFile::of_task(&config)?;
        let transfer = TransferRequest {
            round: request.round,
            file: file.path().into(),
            directory: request.directory.clone(),
            environment: environment::inherited(environment::of_script(request)?, request),
            diff: None,
            reporter: request.reporter.clone(),
            cancel: request.cancel.clone(),
        };
        let report = request.services.transfers.transfer(&transfer);
        let report = report.map_err(|error| named(error, &file.path(), &name))?;
        for line in embulk_lines::of_success(&report) {
            request.reporter.log(Level::Info, &line);
        }
        Ok(OperatorOutput::default().into())
    }
}

/// The YAML of the config and what to call it.
fn config(request: &OperatorRequest<'_>) -> Result<(String, String), OperatorError> {
    if let (Value::Null, Some(config)) = (&request.command, request.param("config")) {
        if !config.is_object() {
            return Err(OperatorError::config("`config` of `embulk>` must be a map with `in` and `out`"));
        }
        // JSON is YAML.
        return Ok((config.to_string(), "config".to_owned()));
    }
    let template = options::template_text(request, "config")?;
    Ok((template.evaluated(request)?, template.name().to_owned()))
}

/// Messages name the file that people know.
fn named(mut error: OperatorError, path: &str, name: &str) -> OperatorError {
    let short = path.rsplit('/').next().unwrap_or(path);
    let rename = |text: &str| text.replace(path, name).replace(&format!("{short}:"), &format!("{name}:"));
    error.message = rename(&error.message);
    error.causes = error.causes.iter().map(|cause| rename(cause)).collect();
    error
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bench;
    use super::*;
    use crate::transfer::report::TransferReport;

    fn run(bench: &Bench, local: Value) -> Result<(), OperatorError> {
        bench.run(&Embulk, json!({"table": "orders"}), local).map(|_| ())
    }

    #[test]
    fn a_file_is_evaluated_and_its_secrets_are_not_in_it() {
        let bench = Bench::new()
            .secret("pw", "hunter2")
            .file("load.yml", "in: {type: mysql, table: '${table}', password: '${secret:pw}'}\n")
            .on_transfer(|request| {
                let text = std::fs::read_to_string(&request.file).expect("the file");
                request.reporter.log(Level::Info, &text);
                assert_eq!(request.environment["STAGE"], "night");
                Ok(TransferReport::default())
            });
        run(&bench, json!({"_env": {"STAGE": "night"}, "embulk>": "load.yml"})).expect("success");
        assert_eq!(
            bench.log(),
            "Info: in: {type: mysql, table: 'orders', password: '${secret:pw}'}\n\n\
             Info: Committed.\nInfo: Next config diff: {\"in\":{},\"out\":{}}\n"
        );
    }

    #[test]
    fn a_config_may_stand_in_the_workflow_and_failures_name_the_file() {
        let bench = Bench::new().file("load.yml", "in: {}").on_transfer(|request| {
            let text = std::fs::read_to_string(&request.file).expect("the file");
            Err(OperatorError::failed(format!("transfer file `{}` is invalid", request.file.display()))
                .hint(text))
        });
        let error = run(&bench, json!({"_type": "embulk", "config": {"in": {"table": "${table}"}}}))
            .expect_err("fails");
        assert_eq!(error.message, "transfer file `config` is invalid");
        assert_eq!(error.hint.as_deref(), Some("{\"in\":{\"table\":\"orders\"}}"));
        let error = run(&bench, json!({"embulk>": "load.yml"})).expect_err("fails");
        assert_eq!(error.message, "transfer file `load.yml` is invalid");
    }
}
