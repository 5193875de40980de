//! What went wrong, as it may stand in a text with marks of its own: a message of Slack, a mail in HTML.
//!
//! What `error` holds is nobody's wording: servers and tasks put anything into it. Marks in it would ring everybody
//! (`<!channel>`), show another address than they lead to, or hide the rest of the text.

use serde_json::Value;

use crate::plan::Work;
use crate::session::Params;

/// Writes a text so that none of its characters is a mark.
type Escape = fn(&str) -> String;

/// `error` for the operator of this task; as it is for those whose texts have no marks.
pub(super) fn error_for(work: &Work, scope: &Params, error: &Value) -> Value {
    match escape_of(work, scope) {
        Some(escape) => escaped(error, escape),
        None => error.clone(),
    }
}

fn escape_of(work: &Work, scope: &Params) -> Option<Escape> {
    let own = |key: &str| work.call.local.get(key).or_else(|| scope.get(key));
    let is_on = |value: &Value| value == &Value::Bool(true) || value.as_str() == Some("true");
    match work.call.operator.as_str() {
        "slack" => Some(slack),
        "mail" => {
            let html = own("html").or_else(|| own("mail")?.get("html"));
            html.is_some_and(is_on).then_some(html_text as Escape)
        }
        _ => None,
    }
}

fn escaped(value: &Value, escape: Escape) -> Value {
    match value {
        Value::String(text) => Value::String(escape(text)),
        Value::Array(items) => items.iter().map(|item| escaped(item, escape)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), escaped(value, escape))).collect(),
        other => other.clone(),
    }
}

/// Slack's three (<https://docs.slack.dev/messaging/formatting-message-text#escaping>).
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// For text between elements and in attributes.
pub(super) fn html_text(text: &str) -> String {
    slack(text).replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_a_mark() {
        let text = "<!channel> a & b > c \"d\" 'e' &lt;";
        assert_eq!(slack(text), "&lt;!channel&gt; a &amp; b &gt; c \"d\" 'e' &amp;lt;");
        assert_eq!(html_text(text), "&lt;!channel&gt; a &amp; b &gt; c &quot;d&quot; &#39;e&#39; &amp;lt;");
        let error = serde_json::json!({"message": "<x>", "tasks": [{"message": "&", "rows": 7}]});
        let expected =
            serde_json::json!({"message": "&lt;x&gt;", "tasks": [{"message": "&amp;", "rows": 7}]});
        assert_eq!(escaped(&error, slack), expected);
    }
}
