//! Who asks: `auth_method`, `json_keyfile`, and the project that a key may bring along.

use serde_json::Value;

use crate::diagnostic::Problem;
use crate::embulk::bind::Purpose;
use crate::embulk::bind::section::Section;
use crate::embulk::keyfile;
use crate::embulk::output::{Auth, Keyfile};
use crate::embulk::text::Text;
use crate::yaml::{Node, NodeValue};

pub(in crate::embulk::bind) fn auth(section: &Section<'_>) -> Option<Auth> {
    #[derive(Clone, Copy)]
    enum Method {
        Key,
        Person,
        Machine,
        Default,
    }
    let keyfile = keyfile(section);
    let method = match section.node("auth_method") {
        None => Method::Default,
        Some(_) => section.word(
            "auth_method",
            &[
                ("json_key", Method::Key),
                ("service_account", Method::Key),
                ("authorized_user", Method::Person),
                ("compute_engine", Method::Machine),
                ("application_default", Method::Default),
            ],
        )?,
    };
    match method {
        Method::Machine => Some(Auth::ComputeEngine),
        Method::Default => Some(Auth::ApplicationDefault),
        Method::Key | Method::Person if keyfile == Key::Absent => {
            let message = "`json_keyfile` is required for this `auth_method`";
            let span = section.node("auth_method").map_or(section.span(), |node| &node.span);
            section.binder().report(Problem::error("missing-option", message, span));
            None
        }
        Method::Key | Method::Person => {
            let Key::Given(keyfile) = keyfile else { return None };
            Some(match method {
                Method::Person => Auth::AuthorizedUser(keyfile),
                _ => Auth::ServiceAccount(keyfile),
            })
        }
    }
}

#[derive(PartialEq)]
enum Key {
    Absent,
    /// Not known while checking, or wrong and reported.
    Unusable,
    Given(Keyfile),
}

/// `json_keyfile`: a path, or a mapping with `content`. Always parsed when it is there.
fn keyfile(section: &Section<'_>) -> Key {
    let Some(node) = section.node("json_keyfile") else { return Key::Absent };
    let binder = section.binder();
    let (text, span) = match &node.value {
        NodeValue::Scalar(Value::Null) => return Key::Absent,
        NodeValue::Mapping(_) => {
            let Some(inner) = Section::of(node, "json_keyfile", binder) else { return Key::Unusable };
            let content = inner.required("content");
            inner.warn_of_literal("content", content.as_ref().map_or("", Text::expose));
            inner.finish();
            let Some(content) = content else { return Key::Unusable };
            (content, inner.node("content").map_or(&node.span, |node| &node.span))
        }
        _ => match keyfile_text(section, node) {
            Some(text) => (text, &node.span),
            None => return Key::Unusable,
        },
    };
    match keyfile::parse(&text.into_secret()) {
        Ok(keyfile) => Key::Given(keyfile),
        Err(error) => {
            let mut problem = Problem::error("bad-json-keyfile", error.to_string(), span);
            if let Some(hint) = error.hint() {
                problem = problem.hint(hint);
            }
            binder.report(problem);
            Key::Unusable
        }
    }
}

/// The text of the file that `json_keyfile` names.
fn keyfile_text(section: &Section<'_>, node: &Node) -> Option<Text> {
    let binder = section.binder();
    let path = section.text("json_keyfile")?;
    if binder.purpose == Purpose::Check {
        return None;
    }
    match binder.reader.read(&binder.path(path.expose())) {
        Ok(text) => Some(Text::Secret(crate::secret::Secret::new(text))),
        Err(error) => {
            let message = format!("`json_keyfile` {} cannot be read: {error}", path.shown());
            binder.report(Problem::error("bad-json-keyfile", message, &node.span));
            None
        }
    }
}

/// `project`, else the key's.
pub(super) fn project(section: &Section<'_>, auth: Option<&Auth>) -> Option<Text> {
    let written = section.text("project").filter(|project| !project.is_empty());
    if written.is_some() {
        return written;
    }
    let from_key = match auth {
        Some(Auth::ServiceAccount(keyfile) | Auth::AuthorizedUser(keyfile)) => keyfile.project_id.clone(),
        // The key was not usable, which is reported, or not known.
        None => return None,
        _ => None,
    };
    match from_key {
        Some(project) => Some(Text::Plain(project)),
        None => section.required("project").filter(|project| !project.is_empty()),
    }
}
