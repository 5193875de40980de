//! `gcs_wait>`: asks Cloud Storage for the resource of an object.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Look, Polls, Wait, address, is_first_miss, no_bucket, unless_canceled};
use crate::cloud::google::Endpoints;
use crate::cloud::google::error::GoogleError;
use crate::cloud::google::storage::Storage;
use crate::run::operator::google;
use crate::run::operator::options::Options;
use crate::run::operator::{Operator, OperatorError, OperatorRequest, Turn};
use crate::session::Params;

/// How often a call is tried again.
const RETRIES: u32 = 2;

/// Digdag's pauses: 1 to 30 seconds.
pub(super) const POLLS: Polls = Polls::seconds(1, 30);

/// `gcs_wait>`.
#[derive(Debug)]
pub struct GcsWait {
    endpoints: Endpoints,
    polls: Polls,
}

impl Default for GcsWait {
    fn default() -> Self {
        Self::new(Endpoints::from_environment(), POLLS)
    }
}

impl GcsWait {
    /// Asks there, as often as `polls` says.
    pub fn new(endpoints: Endpoints, polls: Polls) -> Self {
        Self { endpoints, polls }
    }
}

impl Operator for GcsWait {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options::new(request, "gcs");
        let (bucket, object) = address(request, "gs://", "object", |key| options.get(key))?;
        let wait = Wait::new(format!("{bucket}/{object}"), "gcs_wait", self.polls, |key| options.get(key))?;
        // The next look comes anyway: a call is not tried for long.
        let storage = Storage::new(google::open(request, self.endpoints.clone(), RETRIES)?.0);
        let look =
            unless_canceled(&request.cancel, look(&storage, &bucket, &object, is_first_miss(request)))??;
        wait.turn(request, look)
    }
}

async fn look(
    storage: &Storage,
    bucket: &str,
    object: &str,
    is_first_miss: bool,
) -> Result<Look, OperatorError> {
    match storage.object(bucket, object).await {
        Ok(Some(resource)) => {
            Ok(Look::There(Params::from_iter([("metadata".to_owned(), metadata(resource))])))
        }
        Ok(None) if is_first_miss && storage.lacks_bucket(bucket).await => Err(no_bucket(bucket)),
        Ok(None) => Ok(Look::NotThere),
        Err(error) if error.fault.passes() => {
            let message = format!("Cloud Storage cannot be asked for object `{bucket}/{object}`");
            let failed = OperatorError::unreachable(message).cause(&error);
            Ok(Look::NoAnswer(failed.hint("check the network, then retry")))
        }
        Err(error) => Err(refused(bucket, object, &error)),
    }
}

fn refused(bucket: &str, object: &str, error: &GoogleError) -> OperatorError {
    let hint = match error.status {
        Some(403) => {
            "check secret `gcp.credential`; Cloud Storage also says so of an object that is not there to those who \
             may not list the bucket (`storage.objects.list`)"
        }
        _ => "check secret `gcp.credential`, or what `GOOGLE_APPLICATION_CREDENTIALS` names",
    };
    let message = format!("Cloud Storage does not tell whether object `{bucket}/{object}` is there");
    OperatorError::failed(message).cause(error).hint(hint)
}

/// The resource in Digdag's form: 64-bit numbers, which come as text, are numbers, and times are mappings.
fn metadata(resource: Value) -> Value {
    const NUMBERS: [&str; 3] = ["size", "generation", "metageneration"];
    let Value::Object(fields) = resource else { return resource };
    let form = |(name, value): (String, Value)| {
        let text = value.as_str().unwrap_or_default();
        let formed = if NUMBERS.contains(&name.as_str()) {
            text.parse::<u64>().ok().map(Value::from)
        } else if name.starts_with("time") || name == "updated" || name.ends_with("Time") {
            text.parse::<Timestamp>().ok().map(time)
        } else {
            None
        };
        (name, formed.unwrap_or(value))
    };
    Value::Object(fields.into_iter().map(form).collect::<Map<_, _>>())
}

/// Milliseconds since 1970; the service writes UTC.
fn time(at: Timestamp) -> Value {
    json!({"value": at.as_millisecond(), "dateOnly": false, "timeZoneShift": 0})
}
