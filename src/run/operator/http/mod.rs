//! `http>`: one request; what came back may be stored.
//!
//! * [`call`] reads the options into a request.
//! * [`content`] is what the request carries.
//! * [`fetch`] sends it, and says whether and when it is sent again.

pub(super) mod call;
mod content;
pub(super) mod fetch;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};

use self::call::{Address, Call};
use self::fetch::Fetched;
use super::options::Options;
use super::secret_text::{expand, holds_secret};
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::cloud::web::Answer;
use crate::dig::params;
use crate::session::Params;

/// How long a request is sent again and again. Digdag never gives up.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What an answer may hold that is stored or run, in UTF-16 units as Java counts them.
const LARGEST: usize = 64 << 10;

/// Bytes of an answer that are kept to read so much from: no unit takes more than three.
const KEPT: usize = 3 * LARGEST + 1;

/// `http>`.
#[derive(Debug)]
pub(super) struct Http {
    longest: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self { longest: LONGEST }
    }
}

impl Operator for Http {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options::new(request, "http");
        let stores = options.flag("store_content", false)?;
        let mut call = Call::read(request, &options, address(request, &options)?)?;
        if stores {
            call.web.keep = KEPT;
        }
        match fetch::fetch(request, &call, self.longest)? {
            Fetched::Later(turn) => Ok(turn),
            Fetched::Answer(answer) => result(&answer, stores).map(Turn::Done),
        }
    }
}

/// The secret `http.uri`, else the value after `http>`.
fn address(request: &OperatorRequest<'_>, options: &Options<'_>) -> Result<Address, OperatorError> {
    match options.secret("uri")? {
        Some(secret) => Address::secret(request, &secret),
        None => written(request),
    }
}

/// The address that is written after the operator's name.
pub(super) fn written(request: &OperatorRequest<'_>) -> Result<Address, OperatorError> {
    let name = format!("{}>", request.operator);
    let text = params::to_text(&name, request.required_command()?)?;
    let expanded = expand(&text, request)?;
    if holds_secret(&text) { Address::secret(request, &expanded) } else { Address::open(request, &expanded) }
}

fn result(answer: &Answer, stores: bool) -> Result<OperatorOutput, OperatorError> {
    let mut http = Params::from_iter([("last_status".to_owned(), json!(answer.status.as_u16()))]);
    if stores {
        http.insert("last_content".to_owned(), bounded_text(answer)?.into());
    }
    let path = |key: &String| vec!["http".to_owned(), key.clone()];
    Ok(OperatorOutput {
        reset_store: http.keys().map(path).collect(),
        store: Params::from_iter([("http".to_owned(), Value::Object(http))]),
        ..OperatorOutput::default()
    })
}

/// The text of an answer that is small enough.
pub(super) fn bounded_text(answer: &Answer) -> Result<String, OperatorError> {
    let text = answer.text();
    let units = match usize::try_from(answer.length) {
        Ok(length) if length == answer.body.len() => text.encode_utf16().count(),
        Ok(length) => length,
        Err(_) => usize::MAX,
    };
    if units > LARGEST {
        return Err(OperatorError::failed(format!("Response content too large: {units} > {LARGEST}")));
    }
    Ok(text)
}

/// A request whose answer is kept up to the largest that may be stored or run.
pub(super) fn keeping(mut call: Call) -> Call {
    call.web.keep = KEPT;
    call
}
