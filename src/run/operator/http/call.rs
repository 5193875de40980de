//! The options of `http>` and `http_call>` as one request, and how it is called in messages.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::super::options::Options;
use super::super::secret_text::{expand, holds_secret};
use super::super::{OperatorError, OperatorRequest};
use super::content;
use crate::cloud::web::{
    HeaderMap, HeaderName, HeaderValue, Method, Proxies, Redirects, Trust, Url, WebRequest, WrongProxy,
    header,
};
use crate::dig::params;
use crate::session::Params;

/// Bytes of an answer that are kept for a message.
const KEPT_FOR_MESSAGE: usize = 8 << 10;

/// What stands for a secret in an address.
const HIDDEN: &str = "***";

/// A request that a task makes.
pub(in super::super) struct Call {
    pub(in super::super) web: WebRequest,
    /// Method and address, without what is secret.
    pub(in super::super) shown: String,
    pub(in super::super) retry: Retry,
}

/// What follows a failure that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Retry {
    /// The request is sent again.
    Again,
    /// The task fails: the server may have done what was asked.
    Never,
}

/// Where a request goes.
pub(in super::super) struct Address {
    url: Url,
    shown: Shown,
}

/// How an address looks in messages.
enum Shown {
    /// As it is, but for users and passwords in it.
    Open(Url),
    /// The scheme alone.
    Secret,
}

impl Address {
    /// One that may be shown.
    pub(in super::super) fn open(request: &OperatorRequest<'_>, text: &str) -> Result<Self, OperatorError> {
        let url = parse(request, text)?;
        if let Some(password) = url.password() {
            request.services.guard.learn(password);
        }
        let mut shown = url.clone();
        // Both fail only for addresses that have no host.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        Ok(Self { url, shown: Shown::Open(shown) })
    }

    /// One that may not.
    pub(in super::super) fn secret(request: &OperatorRequest<'_>, text: &str) -> Result<Self, OperatorError> {
        Ok(Self { url: parse(request, text)?, shown: Shown::Secret })
    }

    /// Adds a parameter. The texts are given as they are written, secrets by name.
    fn add(&mut self, request: &OperatorRequest<'_>, name: &str, value: &str) -> Result<(), OperatorError> {
        self.url.query_pairs_mut().append_pair(&expand(name, request)?, &expand(value, request)?);
        if let Shown::Open(shown) = &mut self.shown {
            let open = |text| if holds_secret(text) { HIDDEN } else { text };
            shown.query_pairs_mut().append_pair(open(name), open(value));
        }
        Ok(())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.shown {
            Shown::Open(url) => url.fmt(f),
            Shown::Secret => write!(f, "{}://{HIDDEN}", self.url.scheme()),
        }
    }
}

fn parse(request: &OperatorRequest<'_>, text: &str) -> Result<Url, OperatorError> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| OperatorError::config(format!("`{}>` takes a URL of http or https", request.operator)))
}

impl Call {
    /// Reads all options but the address.
    pub(in super::super) fn read(
        request: &OperatorRequest<'_>,
        options: &Options<'_>,
        mut address: Address,
    ) -> Result<Self, OperatorError> {
        query(request, options, &mut address)?;
        let method = method(options)?;
        let mut headers = headers(request, options)?;
        authorize(options, &mut headers)?;
        let body = content::read(request, options)?;
        if let Some(body) = &body
            && !headers.contains_key(header::CONTENT_TYPE)
        {
            headers.insert(header::CONTENT_TYPE, value("content_type", &body.content_type)?);
        }
        let retry = options.flag("retry", is_repeatable(&method))?;
        let shown = format!("{method} {address}");
        let web = WebRequest {
            method,
            url: address.url,
            headers,
            body: body.map(|body| body.bytes),
            timeout: timeout(options)?,
            redirects: match options.flag("follow_redirects", true)? {
                true => Redirects::Follow,
                false => Redirects::Stop,
            },
            trust: if options.flag("insecure", false)? { Trust::Anyone } else { Trust::System },
            proxies: proxies(request, options)?,
            keep: KEPT_FOR_MESSAGE,
        };
        Ok(Self { web, shown, retry: if retry { Retry::Again } else { Retry::Never } })
    }
}

fn method(options: &Options<'_>) -> Result<Method, OperatorError> {
    let Some(text) = options.text("method")? else { return Ok(Method::GET) };
    Method::from_bytes(text.to_uppercase().as_bytes())
        .map_err(|_| OperatorError::config("`method` is not a method of HTTP"))
}

/// Whether asking twice does no more than asking once.
fn is_repeatable(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// Digdag: zero is no limit.
fn timeout(options: &Options<'_>) -> Result<Option<Duration>, OperatorError> {
    let seconds = match options.get("timeout") {
        Some(value) => params::to_integer("timeout", value)?,
        None => 30,
    };
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

/// A map, the same as JSON text, or the text of a query.
fn query(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
    address: &mut Address,
) -> Result<(), OperatorError> {
    let Some(written) = options.get("query") else { return Ok(()) };
    if let Value::Object(map) = params::parsed(written) {
        return map.iter().try_for_each(|(name, value)| {
            address.add(request, name, &params::to_text(&format!("query.{name}"), value)?)
        });
    }
    let text = params::to_text("query", written)?;
    // A secret may hold characters that part a query, so it is put in afterwards.
    let mut scratch = address.url.clone();
    scratch.set_query(Some(&text));
    scratch.query_pairs().try_for_each(|(name, value)| address.add(request, &name, &value))
}

fn headers(request: &OperatorRequest<'_>, options: &Options<'_>) -> Result<HeaderMap, OperatorError> {
    let wrong = || OperatorError::config("`headers` must be a list of maps with one pair each");
    let mut headers = HeaderMap::new();
    let entries = match options.get("headers") {
        None => return Ok(headers),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(wrong()),
    };
    for entry in entries {
        let pair = entry.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let (name, written) = pair.ok_or_else(wrong)?;
        let text = content::scalar(written).ok_or_else(wrong)?;
        let mut value = value(name, &expand(&text, request)?)?;
        value.set_sensitive(holds_secret(&text) || holds_secret(name));
        let expanded = HeaderName::from_bytes(expand(name, request)?.as_bytes());
        let expanded =
            expanded.map_err(|_| OperatorError::config(format!("`{name}` is not the name of a header")))?;
        headers.append(expanded, value);
    }
    Ok(headers)
}

fn value(name: &str, text: &str) -> Result<HeaderValue, OperatorError> {
    HeaderValue::from_str(text)
        .map_err(|_| OperatorError::config(format!("the header `{name}` must be one line of text")))
}

/// `http.authorization`, else `http.user` with `http.password`. A header of the task's own goes before both: those
/// secrets are the project's, and the task may speak to another server.
fn authorize(options: &Options<'_>, headers: &mut HeaderMap) -> Result<(), OperatorError> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Ok(());
    }
    let authorization = match options.secret("authorization")? {
        Some(authorization) => authorization,
        None => {
            let Some(user) = options.secret("user")? else { return Ok(()) };
            let password = options.secret("password")?.unwrap_or_default();
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        }
    };
    let mut value = value("Authorization", authorization.trim())?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

/// `proxy` where it is enabled, else what the environment says.
fn proxies(request: &OperatorRequest<'_>, options: &Options<'_>) -> Result<Proxies, OperatorError> {
    let wrong = |error: WrongProxy| OperatorError::config(error.to_string());
    let named = match options.get("proxy") {
        None => None,
        Some(Value::Object(proxy)) => flag_of(proxy, "enabled")?.then_some(proxy),
        Some(_) => {
            return Err(OperatorError::config("`proxy` must be a map with `enabled`, `host` and `port`"));
        }
    };
    let Some(proxy) = named else {
        return Proxies::of_environment(&request.services.environment).map_err(wrong);
    };
    let host = expand(&params::to_text("proxy.host", params::required(proxy, "host")?)?, request)?;
    let port = u16::try_from(params::to_integer("proxy.port", params::required(proxy, "port")?)?)
        .map_err(|_| OperatorError::config("`proxy.port` must be a number from 0 to 65535"))?;
    Proxies::named(&host, port, flag_of(proxy, "tls")?).map_err(wrong)
}

fn flag_of(proxy: &Params, key: &str) -> Result<bool, OperatorError> {
    match proxy.get(key).filter(|value| !value.is_null()) {
        Some(value) => Ok(params::to_bool(&format!("proxy.{key}"), value)?),
        None => Ok(false),
    }
}
