//! Who asks: `auth_method`, `json_keyfile`, `workload_identity_federation`, and the project that a key may bring
//! along.

use serde_json::Value;

use crate::diagnostic::Problem;
use crate::embulk::bind::Purpose;
use crate::embulk::bind::section::Section;
use crate::embulk::keyfile::{self, KeyfileError};
use crate::embulk::output::{Auth, AwsFederation, KeyKind, Keyfile};
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::yaml::{Node, NodeValue};

/// How a key is made of its text.
type Parse = fn(&Secret, &'static str) -> Result<Keyfile, KeyfileError>;

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Key,
    Person,
    Machine,
    Default,
    Federation,
}

/// Whose words and defaults count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::embulk::bind) enum Plugin {
    /// `bigquery`, and `gcs`, which is written like it.
    Ruby,
    /// `bigquery_java`
    Java,
}

/// What the config says of who asks.
pub(in crate::embulk::bind) struct Access {
    /// None: it is not known while checking, or wrong and reported.
    pub(in crate::embulk::bind) auth: Option<Auth>,
    key: Key,
}

pub(in crate::embulk::bind) fn access(section: &Section<'_>, plugin: Plugin) -> Access {
    let key = key(section, "json_keyfile", keyfile::parse);
    let aws = aws_federation(section, plugin);
    let auth = method(section, plugin).and_then(|method| auth(section, method, &key, aws));
    Access { auth, key }
}

fn method(section: &Section<'_>, plugin: Plugin) -> Option<Method> {
    const METHODS: [(&str, Method); 6] = [
        ("json_key", Method::Key),
        ("service_account", Method::Key),
        ("authorized_user", Method::Person),
        ("compute_engine", Method::Machine),
        ("application_default", Method::Default),
        ("workload_identity_federation", Method::Federation),
    ];
    match (section.node("auth_method"), plugin) {
        (None, Plugin::Ruby) => Some(Method::Default),
        (None, Plugin::Java) => Some(Method::Key),
        (Some(_), Plugin::Ruby) => section.word("auth_method", &METHODS),
        (Some(_), Plugin::Java) => section.word("auth_method", &METHODS[1..]),
    }
}

fn auth(section: &Section<'_>, method: Method, key: &Key, aws: Federation) -> Option<Auth> {
    let missing = |what: &str| {
        let message = format!("{what} is required for this `auth_method`");
        let span = section.node("auth_method").map_or(section.span(), |node| &node.span);
        section.binder().report(Problem::error("missing-option", message, span));
        None
    };
    match (method, key, aws) {
        (Method::Machine, ..) => Some(Auth::ComputeEngine),
        (Method::Default, ..) => Some(Auth::ApplicationDefault),
        (Method::Federation, _, Federation::Given(aws)) => Some(Auth::AwsFederation(aws)),
        (Method::Federation, _, Federation::Unusable) | (_, Key::Unusable, _) => None,
        (Method::Federation, Key::Absent, _) => missing("`workload_identity_federation` or `json_keyfile`"),
        (_, Key::Absent, _) => missing("`json_keyfile`"),
        (_, Key::Given(key), _) => match (method, key.kind) {
            (Method::Key, KeyKind::ServiceAccount) => Some(Auth::ServiceAccount(key.clone())),
            (Method::Person, KeyKind::AuthorizedUser) => Some(Auth::AuthorizedUser(key.clone())),
            // What the file is for is clear.
            (Method::Key | Method::Federation, KeyKind::Federation) => Some(Auth::Federation(key.clone())),
            (_, kind) => other_kind(section, method, kind),
        },
    }
}

fn other_kind(section: &Section<'_>, method: Method, kind: KeyKind) -> Option<Auth> {
    let wanted = match method {
        Method::Person => KeyKind::AuthorizedUser,
        Method::Federation => KeyKind::Federation,
        _ => KeyKind::ServiceAccount,
    };
    let span = section.node("json_keyfile").map_or(section.span(), |node| &node.span);
    let message = format!(
        "`json_keyfile` is of type `{}`, and this `auth_method` takes `{}`",
        kind.name(),
        wanted.name()
    );
    let fitting = match kind {
        KeyKind::ServiceAccount => "service_account",
        KeyKind::AuthorizedUser => "authorized_user",
        KeyKind::Federation => "workload_identity_federation",
    };
    let problem = Problem::error("bad-json-keyfile", message, span);
    section.binder().report(problem.hint(format!("write `auth_method: {fitting}`")));
    None
}

/// `workload_identity_federation`
enum Federation {
    Absent,
    /// Not known while checking, or wrong and reported.
    Unusable,
    Given(AwsFederation),
}

fn aws_federation(section: &Section<'_>, plugin: Plugin) -> Federation {
    let Some(aws) = section.section("workload_identity_federation") else {
        return match section.is_unknown("workload_identity_federation") {
            true => Federation::Unusable,
            false => Federation::Absent,
        };
    };
    let config = key(&aws, "config", keyfile::parse_aws_federation);
    if matches!(config, Key::Absent) {
        aws.missing("config");
    }
    let role_arn = match plugin {
        // The plugin knows AWS's credentials as a step to a role only.
        Plugin::Java => aws.required("aws_role_arn"),
        Plugin::Ruby => aws.text("aws_role_arn").filter(|arn| !arn.is_empty()),
    };
    let role_arn = role_arn.map(|arn| arn.expose().to_owned());
    let session_name = aws.plain("aws_role_session_name");
    let region = aws.plain("aws_region");
    let known = aws.is_known(&["aws_role_arn", "aws_role_session_name", "aws_region"]);
    aws.finish();
    let Key::Given(config) = config else { return Federation::Unusable };
    if !known || (plugin == Plugin::Java && role_arn.is_none()) {
        return Federation::Unusable;
    }
    Federation::Given(AwsFederation {
        config,
        role_arn,
        session_name: session_name.unwrap_or_else(|| "embulk-bigquery-output".to_owned()),
        region: region.unwrap_or_else(|| "ap-northeast-1".to_owned()),
    })
}

enum Key {
    Absent,
    /// Not known while checking, or wrong and reported.
    Unusable,
    Given(Keyfile),
}

/// A key: a path, or a mapping with `content`. Always parsed when it is there.
fn key(section: &Section<'_>, option: &'static str, parse: Parse) -> Key {
    let Some(node) = section.node(option) else { return Key::Absent };
    let binder = section.binder();
    let (text, span) = match &node.value {
        NodeValue::Scalar(Value::Null) => return Key::Absent,
        NodeValue::Mapping(_) => {
            let Some(inner) = Section::of(node, option, binder) else { return Key::Unusable };
            let content = inner.required("content");
            // The configuration of a federation holds no secret.
            if option == "json_keyfile" {
                inner.warn_of_literal("content", content.as_ref().map_or("", Text::expose));
            }
            inner.finish();
            let Some(content) = content else { return Key::Unusable };
            (content, inner.node("content").map_or(&node.span, |node| &node.span))
        }
        _ => match key_text(section, option, node) {
            Some(text) => (text, &node.span),
            None => return Key::Unusable,
        },
    };
    match parse(&text.into_secret(), option) {
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

/// The text of the file that an option names.
fn key_text(section: &Section<'_>, option: &'static str, node: &Node) -> Option<Text> {
    let binder = section.binder();
    let path = section.text(option)?;
    if binder.purpose == Purpose::Check {
        return None;
    }
    match binder.reader.read(&binder.path(path.expose())) {
        Ok(text) => Some(Text::Secret(Secret::new(text))),
        Err(error) => {
            let message = format!("`{option}` {} cannot be read: {error}", path.shown());
            binder.report(Problem::error("bad-json-keyfile", message, &node.span));
            None
        }
    }
}

/// `project`, else that of `json_keyfile`, whatever the key is for.
pub(super) fn project(section: &Section<'_>, access: &Access) -> Option<Text> {
    let written = section.text("project").filter(|project| !project.is_empty());
    if written.is_some() {
        return written;
    }
    match &access.key {
        Key::Given(Keyfile { project_id: Some(project), .. }) => Some(Text::Plain(project.clone())),
        // The key was not usable, which is reported, or not known.
        Key::Unusable => None,
        Key::Given(_) | Key::Absent => section.required("project").filter(|project| !project.is_empty()),
    }
}
