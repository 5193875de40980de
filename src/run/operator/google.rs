//! Google's services as a task sees them: with the secret `gcp.credential`, else as Google's libraries would.

use std::time::Duration;

use serde_json::Value;

use super::{OperatorError, OperatorRequest};
use crate::cloud::google::Endpoints;
use crate::cloud::google::auth::Account;
use crate::cloud::google::http::{Google, Manners};
use crate::secret::{Secret, SecretError};

/// Calls with the task's key, tried so often again, and the project that the key belongs to.
pub(super) fn open(
    request: &OperatorRequest<'_>,
    endpoints: Endpoints,
    retries: u32,
) -> Result<(Google, Option<String>), OperatorError> {
    let (account, project) = match request.secrets.get("gcp.credential") {
        Ok(key) => {
            request.services.guard.learn(key.expose());
            account(key)
        }
        Err(SecretError::NotFound { .. }) => (Account::ApplicationDefault, None),
        Err(error) => return Err(error.into()),
    };
    let manners = Manners {
        retries,
        open_timeout: Duration::from_secs(30),
        read_timeout: Duration::from_secs(60),
        application_name: "sync".to_owned(),
    };
    let google = Google::shared(account, endpoints, &manners).map_err(|error| {
        OperatorError::config("secret `gcp.credential` cannot be used")
            .cause(&error)
            .hint("it is the whole text of the key file that Google Cloud made")
    })?;
    Ok((google, project))
}

fn account(key: Secret) -> (Account, Option<String>) {
    let parsed: Value = serde_json::from_str(key.expose()).unwrap_or_default();
    let project = parsed["project_id"].as_str().map(str::to_owned);
    if parsed["type"] == "authorized_user" {
        (Account::AuthorizedUser(key), project)
    } else {
        (Account::ServiceAccount(key), project)
    }
}
