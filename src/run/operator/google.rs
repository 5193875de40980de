//! Google's services as a task sees them: with the secret `gcp.credential`, else as Google's libraries would.

use std::time::Duration;

use super::{OperatorError, OperatorRequest};
use crate::cloud::google::Endpoints;
use crate::cloud::google::auth::Account;
use crate::cloud::google::http::{Google, Manners};
use crate::embulk::keyfile;
use crate::embulk::output::{KeyKind, Keyfile};
use crate::secret::SecretError;

/// Where a task's key is.
const SECRET: &str = "gcp.credential";

/// Calls with the task's key, tried so often again, and the project that the key belongs to.
pub(super) fn open(
    request: &OperatorRequest<'_>,
    endpoints: Endpoints,
    retries: u32,
) -> Result<(Google, Option<String>), OperatorError> {
    let (account, project) = match request.secrets.get(SECRET) {
        Ok(key) => {
            request.services.guard.learn(key.expose());
            let key = keyfile::parse(&key, SECRET).map_err(|error| unusable(&error))?;
            request.services.guard.learn(key.content.expose());
            (account(&key), key.project_id)
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
    let google =
        Google::shared(account, endpoints, &manners, request.retrying()).map_err(|error| unusable(&error))?;
    Ok((google, project))
}

fn unusable(error: &(dyn std::error::Error + 'static)) -> OperatorError {
    OperatorError::config(format!("secret `{SECRET}` cannot be used"))
        .cause(error)
        .hint("it is the whole text of the key file that Google Cloud made")
}

fn account(key: &Keyfile) -> Account {
    let content = key.content.clone();
    match key.kind {
        KeyKind::ServiceAccount => Account::ServiceAccount(content),
        KeyKind::AuthorizedUser => Account::AuthorizedUser(content),
        KeyKind::Federation => Account::Federation(content),
    }
}
