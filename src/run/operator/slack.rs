//! `slack>`: posts a message to an incoming webhook, as the plugin digdag-slack does.
//!
//! A message that cannot be delivered is a warning and an event, and the task succeeds: a failing notification must
//! not fail the work it speaks of. A wrong template or address is an error.

use std::sync::Arc;

use serde_json::Value;

use super::options::{self, Options, TemplateText};
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::cloud::webhook::{self, Patience, WebhookError};
use crate::diagnostic::Source;
use crate::run::event::EventKind;
use crate::secret::Secret;
use crate::session::Level;
use crate::yaml::{self, Dialect};

/// `slack>`.
#[derive(Debug, Default)]
pub struct Slack {
    patience: Patience,
}

impl Operator for Slack {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let address = address(request)?;
        let payload = payload(request)?;
        let body = request.services.guard.scrub(&payload.to_string());
        let failure = match webhook::post_form(&address, "payload", &body, self.patience, &request.retrying())
        {
            Ok(()) => None,
            Err(WebhookError::Address) => {
                return Err(OperatorError::config(WebhookError::Address.to_string()));
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(failure) = &failure {
            request.reporter.log(Level::Warn, &format!("the message to Slack was not delivered: {failure}"));
        }
        let failure = failure.map(|failure| request.services.guard.scrub(&failure));
        request.reporter.event(EventKind::Notified { channel: "slack".to_owned(), failure, alert: None });
        Ok(OperatorOutput::default().into())
    }
}

/// `webhook_url`, else the secret `slack.webhook_url`. Whoever knows it can post, so it is a secret either way.
fn address(request: &OperatorRequest<'_>) -> Result<Secret, OperatorError> {
    let options = Options::new(request, "slack");
    let written = options.text("webhook_url")?.filter(|text| !text.trim().is_empty());
    let Some(address) = written.map_or_else(|| options.secret("webhook_url"), |text| Ok(Some(text)))? else {
        return Err(OperatorError::config("`webhook_url` is required")
            .hint("export `webhook_url: ${secret:slack.webhook_url}` and set that secret"));
    };
    request.services.guard.learn(&address);
    Ok(Secret::new(address))
}

/// The template as JSON.
fn payload(request: &OperatorRequest<'_>) -> Result<Value, OperatorError> {
    let template = options::template_text(request, "message")?;
    let evaluated = template.evaluated(request)?;
    let payload = match parse(&template, evaluated.clone()) {
        Ok(payload) => payload,
        // An error message in the middle of YAML easily breaks it. The template itself may be sound: then its texts
        // are evaluated one by one.
        Err(error) => match parse(&template, template.text.clone()) {
            Ok(raw) if template.is_raw() => each_text(&raw, request)?,
            _ => return Err(error),
        },
    };
    let has = |key: &str| payload.get(key).is_some_and(|value| !value.is_null());
    if has("text") || has("attachments") || has("blocks") {
        return Ok(payload);
    }
    Err(OperatorError::config(format!("{} must have `text` or `attachments`", template.name())))
}

fn parse(template: &TemplateText, text: String) -> Result<Value, OperatorError> {
    let source: Arc<Source> = Source::new(template.name(), text);
    let parsed = yaml::parse(&source, Dialect::Digdag);
    let error = parsed.problems.iter().find(|problem| problem.is_error());
    match (error, parsed.node) {
        (None, Some(node)) => Ok(node.to_json()),
        (error, _) => {
            let line =
                error.and_then(|problem| problem.span.as_ref()).map_or(1, crate::diagnostic::Span::line);
            let mut failed = OperatorError::config(format!("{}:{line} is not YAML", template.name()));
            failed.causes.extend(error.map(|problem| problem.message.clone()));
            Err(failed.hint("`${JSON.stringify(x)}` makes any text fit into YAML"))
        }
    }
}

fn each_text(value: &Value, request: &OperatorRequest<'_>) -> Result<Value, OperatorError> {
    Ok(match value {
        Value::String(text) => Value::String(request.templates.evaluate(text, &request.config)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| each_text(item, request)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), each_text(value, request)?)));
            Value::Object(entries.collect::<Result<_, OperatorError>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bench;
    use super::*;
    use crate::cloud::webhook::tests::{AT_ONCE, server};

    fn run(bench: &Bench, exported: Value, local: Value) -> Result<(), String> {
        let slack = Slack { patience: AT_ONCE };
        bench.run(&slack, exported, local).map(|_| ()).map_err(|error| error.message)
    }

    /// The payload of a form.
    fn decoded(body: &str) -> Value {
        let url = reqwest::Url::parse(&format!("http://x/?{body}")).expect("a query");
        let (name, value) = url.query_pairs().next().expect("a field");
        assert_eq!(name, "payload");
        serde_json::from_str(&value).expect("JSON")
    }

    #[test]
    fn a_template_becomes_a_payload_without_secrets() {
        let (address, served) = server(vec!["200 OK", "200 OK"]);
        let bench = Bench::new().secret("slack.webhook_url", &address).secret("pw", "hunter2").file(
            "slack/x.yml",
            "attachments:\n  - color: danger\n    text: \"${name} failed: ${error.message}\"\n",
        );
        let broken = "can't \"open\": \u{1f680} with ${secret:pw} and hunter2";
        let exported =
            json!({"webhook_url": "${secret:slack.webhook_url}", "name": "t", "P": "${secret:pw}"});
        let mut with_error = exported.clone();
        with_error["error"] = json!({"message": "no luck"});
        assert_eq!(run(&bench, with_error.clone(), json!({"slack>": "slack/x.yml"})), Ok(()));
        bench.services().guard.learn("hunter2");
        with_error["error"]["message"] = json!(broken.replace("${secret:pw} and ", ""));
        assert_eq!(run(&bench, with_error, json!({"slack>": "slack/x.yml"})), Ok(()));
        let bodies: Vec<_> = served.join().expect("no panic").iter().map(|body| decoded(body)).collect();
        let text = |text: &str| json!({"attachments": [{"color": "danger", "text": text}]});
        assert_eq!(bodies, [text("t failed: no luck"), text("t failed: can't \"open\": \u{1f680} with ***")]);
        assert_eq!(bench.log(), "slack: None\nslack: None\n");
    }

    #[test]
    fn what_is_not_delivered_is_a_warning_and_the_task_succeeds() {
        let (address, served) = server(vec!["403 Forbidden"]);
        let bench = Bench::new();
        let exported = json!({"slack": {"webhook_url": address}});
        assert_eq!(run(&bench, exported, json!({"slack>": {"data": "text: hello"}})), Ok(()));
        served.join().expect("no panic");
        assert_eq!(
            bench.log(),
            "Warn: the message to Slack was not delivered: the webhook answered 403: ok\n\
             slack: Some(\"the webhook answered 403: ok\")\n"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let bench = Bench::new().file("bad.yml", "text: [").file("empty.yml", "channel: '#x'\n");
        let url = json!({"webhook_url": "http://127.0.0.1:9/x"});
        let error = |exported: Value, local: Value| run(&bench, exported, local).expect_err("an error");
        assert_eq!(error(json!({}), json!({"slack>": {"data": "text: a"}})), "`webhook_url` is required");
        assert_eq!(
            error(url.clone(), json!({"slack>": "empty.yml"})),
            "empty.yml must have `text` or `attachments`"
        );
        assert!(error(url.clone(), json!({"slack>": "bad.yml"})).ends_with(" is not YAML"));
        assert_eq!(error(url, json!({"slack>": null})), "`slack>` needs a file or `{data: ...}`");
        let odd = error(json!({"webhook_url": "hooks.slack"}), json!({"slack>": {"data": "text: a"}}));
        assert_eq!(odd, "the webhook's address is not a URL of http or https");
    }
}
