//! Who asks Google: a key, a person's refresh token, the machine's account, or what the environment offers.

use std::sync::{Mutex, PoisonError};

use google_cloud_auth::credentials::service_account::{self, AccessSpecifier};
use google_cloud_auth::credentials::{self, AccessTokenCredentials, mds, user_account};
use serde_json::Value;

use super::Identity;
use super::error::GoogleError;
use crate::secret::Secret;

/// What the calls of a transfer need; Embulk's plugin asks for the same.
const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform"];

/// Who asks, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// A service account's key, the whole JSON.
    ServiceAccount(Secret),
    /// An authorised user's refresh token, the whole JSON.
    AuthorizedUser(Secret),
    /// The account of the machine (metadata server).
    ComputeEngine,
    /// What Google's libraries find: `GOOGLE_APPLICATION_CREDENTIALS`, gcloud's file, the machine.
    ApplicationDefault,
}

/// Gives the tokens that calls carry.
pub struct Authorizer {
    account: Account,
    identity: Identity,
    /// Made with the first token, made anew after a 401: the library keeps a token until it expires by the clock.
    credentials: Mutex<Option<AccessTokenCredentials>>,
}

impl Authorizer {
    /// Checks the key, also where no token will be asked for.
    pub fn new(account: Account, identity: Identity) -> Result<Self, GoogleError> {
        if let Account::ServiceAccount(key) | Account::AuthorizedUser(key) = &account {
            parse(key)?;
        }
        Ok(Self { account, identity, credentials: Mutex::new(None) })
    }

    /// A token, or none for anonymous calls.
    pub async fn token(&self) -> Result<Option<Secret>, GoogleError> {
        if self.identity == Identity::Anonymous {
            return Ok(None);
        }
        let token = self.credentials()?.access_token().await.map_err(|error| {
            // The library's text names the failing step; tokens and keys are not part of it.
            GoogleError::own("credentials", format!("no access token: {error}"))
        })?;
        Ok(Some(Secret::new(token.token)))
    }

    /// Throws the token away: the service refused it.
    pub fn forget(&self) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn credentials(&self) -> Result<AccessTokenCredentials, GoogleError> {
        let mut held = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(credentials) = held.as_ref() {
            return Ok(credentials.clone());
        }
        let made = self.make()?;
        *held = Some(made.clone());
        Ok(made)
    }

    fn make(&self) -> Result<AccessTokenCredentials, GoogleError> {
        let made = match &self.account {
            Account::ServiceAccount(key) => service_account::Builder::new(parse(key)?)
                .with_access_specifier(AccessSpecifier::from_scopes(SCOPES))
                .build_access_token_credentials(),
            Account::AuthorizedUser(key) => {
                user_account::Builder::new(parse(key)?).with_scopes(SCOPES).build_access_token_credentials()
            }
            Account::ComputeEngine => {
                mds::Builder::default().with_scopes(SCOPES).build_access_token_credentials()
            }
            Account::ApplicationDefault => {
                credentials::Builder::default().with_scopes(SCOPES).build_access_token_credentials()
            }
        };
        made.map_err(|error| GoogleError::own("credentials", format!("they cannot be used: {error}")))
    }
}

fn parse(key: &Secret) -> Result<Value, GoogleError> {
    serde_json::from_str(key.expose()).map_err(|error| {
        // The position helps; the text near it would be part of the key.
        let place = format!("line {}, column {}", error.line(), error.column());
        GoogleError::own("credentials", format!("the JSON key is not valid JSON at {place}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_checked_even_for_an_emulator_and_never_shown() {
        let key = Secret::new("{\"private_key\": \"abc\", oops}");
        let error = Authorizer::new(Account::ServiceAccount(key), Identity::Anonymous).err().unwrap();
        assert_eq!(error.to_string(), "credentials: the JSON key is not valid JSON at line 1, column 24");
    }
}
