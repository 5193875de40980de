//! `embulk>`: a transfer file, or a config written in the workflow, run in this process.
//!
//! Unlike `sh>: embulk run`, the file is a template of the workflow (`${...}`), not a Liquid one, and starts nothing.

use serde_json::Value;

use super::environment;
use super::options;
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, TransferFile, TransferRequest, Turn};
use crate::embulk::config::ExecConfig;
use crate::run::embulk_lines;
use crate::session::Level;

/// `embulk>`.
#[derive(Debug, Default)]
pub struct Embulk;

impl Operator for Embulk {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let (text, name) = config(request)?;
        let transfer = TransferRequest {
            round: request.round,
            file: TransferFile::Written { name, text },
            directory: request.directory.clone(),
            environment: environment::inherited(environment::of_script(request)?, request),
            diff: None,
            exec: ExecConfig::default(),
            reporter: request.reporter.clone(),
            cancel: request.cancel.clone(),
        };
        let report = request.services.transfers.transfer(&transfer)?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bench;
    use super::*;
    use crate::transfer::report::TransferReport;

    fn run(bench: &Bench, local: Value) -> Result<(), OperatorError> {
        bench.run(&Embulk, json!({"table": "orders"}), local).map(|_| ())
    }

    /// What the transfer is handed.
    fn told(request: &TransferRequest) {
        let TransferFile::Written { name, text } = &request.file else { panic!("it is written") };
        request.reporter.log(Level::Info, &format!("{name}: {text}"));
        assert_eq!(request.environment["STAGE"], "night");
    }

    #[test]
    fn a_file_is_evaluated_and_its_secrets_are_not_in_it() {
        let bench = Bench::new()
            .secret("pw", "hunter2")
            .file("load.yml", "in: {type: mysql, table: '${table}', password: '${secret:pw}'}")
            .on_transfer(|request| {
                told(request);
                Ok(TransferReport::default())
            });
        run(&bench, json!({"_env": {"STAGE": "night"}, "embulk>": "load.yml"})).expect("success");
        assert_eq!(
            bench.log(),
            "Info: load.yml: in: {type: mysql, table: 'orders', password: '${secret:pw}'}\n\
             Info: Committed.\nInfo: Next config diff: {\"in\":{},\"out\":{}}\n"
        );
    }

    #[test]
    fn a_config_may_stand_in_the_workflow() {
        let bench = Bench::new().on_transfer(|request| {
            told(request);
            Err(OperatorError::failed("no"))
        });
        let local =
            json!({"_env": {"STAGE": "night"}, "_type": "embulk", "config": {"in": {"table": "${table}"}}});
        assert_eq!(run(&bench, local).map_err(|error| error.message), Err("no".to_owned()));
        assert_eq!(bench.log(), "Info: config: {\"in\":{\"table\":\"orders\"}}\n");
    }
}
