//! Who asks Google: a key, a person's refresh token, the machine's account, a token of another cloud, or what the
//! environment offers.
//!
//! * [`aws`]: what AWS says of us, in the form that Google takes; [`exchange`] gets a token for it.
//! * [`failure`]: what is told when no token is given.
//!
//! The rest is the business of Google's own library.

mod aws;
mod exchange;
mod failure;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use google_cloud_auth::credentials::service_account::{self, AccessSpecifier};
use google_cloud_auth::credentials::{self, AccessTokenCredentials, external_account, mds, user_account};
use serde_json::Value;

pub use self::aws::{AssumedRole, AwsIdentity};
use self::exchange::Exchange;
use super::Identity;
use super::error::GoogleError;
use crate::secret::Secret;

/// What the calls of a transfer need; Embulk's plugin asks for the same.
const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform"];

/// How long a token may take to come; the library itself would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Workload identity federation as its configuration (`type: external_account`, the whole JSON) says.
    Federation(Secret),
    /// The same for what AWS's own libraries find, or for a role that it may assume.
    AwsFederation {
        /// The configuration of the federation; its `credential_source` is not asked.
        config: Secret,
        /// Who we are to AWS.
        identity: AwsIdentity,
    },
}

impl Account {
    /// The JSON that says who asks.
    fn key(&self) -> Option<&Secret> {
        match self {
            Self::ServiceAccount(key) | Self::AuthorizedUser(key) | Self::Federation(key) => Some(key),
            Self::AwsFederation { config, .. } => Some(config),
            Self::ComputeEngine | Self::ApplicationDefault => None,
        }
    }

    /// Whose credentials these are, for messages. Of a key only the name of its account is told.
    fn described(&self) -> String {
        let part = |name: &str| {
            let key = self.key().and_then(|key| parse(key).ok())?;
            key[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let named = |what: &str, name: Option<String>| match name {
            Some(name) => format!("{what} `{name}`"),
            None => what.to_owned(),
        };
        match self {
            Self::ServiceAccount(_) => named("service account", part("client_email")),
            Self::AuthorizedUser(_) => "authorized user".to_owned(),
            Self::ComputeEngine => "the machine's account".to_owned(),
            Self::ApplicationDefault => "application default credentials".to_owned(),
            Self::Federation(_) | Self::AwsFederation { .. } => {
                named("workload identity federation", part("audience"))
            }
        }
    }
}

/// Gives the tokens that calls carry.
pub struct Authorizer {
    account: Account,
    identity: Identity,
    /// Made with the first token, made anew after a 401: the library keeps a token until it expires by the clock.
    tokens: Mutex<Option<Tokens>>,
}

/// Who keeps the token.
#[derive(Clone)]
enum Tokens {
    /// Google's library.
    Library(AccessTokenCredentials),
    /// We: the library knows no role of AWS.
    Exchange(Arc<Exchange>),
}

impl Authorizer {
    /// Checks the key, also where no token will be asked for.
    pub fn new(account: Account, identity: Identity) -> Result<Self, GoogleError> {
        if let Some(key) = account.key() {
            parse(key)?;
        }
        Ok(Self { account, identity, tokens: Mutex::new(None) })
    }

    /// A token, or none for anonymous calls.
    pub async fn token(&self) -> Result<Option<Secret>, GoogleError> {
        if self.identity == Identity::Anonymous {
            return Ok(None);
        }
        let tokens = self.tokens()?;
        let account = || self.account.described();
        let asked = async {
            match &tokens {
                Tokens::Library(credentials) => match credentials.access_token().await {
                    Ok(token) => Ok(Secret::new(token.token)),
                    Err(error) => Err(failure::of_library(&account(), &error)),
                },
                Tokens::Exchange(exchange) => exchange.token(&account()).await,
            }
        };
        let given = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(given) => given,
            Err(_) => Err(failure::silent(&account(), PATIENCE)),
        };
        if given.is_err() {
            // The library would give the same error for a while without asking again.
            self.forget();
        }
        given.map(Some)
    }

    /// Throws the token away: the service refused it.
    pub fn forget(&self) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn tokens(&self) -> Result<Tokens, GoogleError> {
        let mut held = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = held.as_ref() {
            return Ok(tokens.clone());
        }
        let made = self.make()?;
        *held = Some(made.clone());
        Ok(made)
    }

    fn make(&self) -> Result<Tokens, GoogleError> {
        let made = match &self.account {
            Account::ServiceAccount(key) => service_account::Builder::new(parse(key)?)
                .with_access_specifier(AccessSpecifier::from_scopes(SCOPES))
                .build_access_token_credentials(),
            // A refresh token gives what its owner allowed when it was made; no scope is asked for.
            Account::AuthorizedUser(key) => {
                user_account::Builder::new(parse(key)?).build_access_token_credentials()
            }
            Account::ComputeEngine => {
                mds::Builder::default().with_scopes(SCOPES).build_access_token_credentials()
            }
            Account::ApplicationDefault => {
                credentials::Builder::default().with_scopes(SCOPES).build_access_token_credentials()
            }
            Account::Federation(config) => external_account::Builder::new(parse(config)?)
                .with_scopes(SCOPES)
                .build_access_token_credentials(),
            Account::AwsFederation { config, identity } => {
                return Ok(Tokens::Exchange(Arc::new(Exchange::new(&parse(config)?, identity)?)));
            }
        };
        made.map(Tokens::Library).map_err(|error| {
            let account = self.account.described();
            GoogleError::own("credentials", format!("those of {account} cannot be used: {error}"))
        })
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

    #[test]
    fn credentials_are_named_by_their_account_alone() {
        let key =
            r#"{"client_email": "etl@lake.example", "private_key": "hunter2", "audience": "//iam/pool"}"#;
        let key = || Secret::new(key);
        let identity = AwsIdentity { region: "us-east-1".to_owned(), role: None };
        for (account, described) in [
            (Account::ServiceAccount(key()), "service account `etl@lake.example`"),
            (Account::AuthorizedUser(key()), "authorized user"),
            (Account::ComputeEngine, "the machine's account"),
            (Account::ApplicationDefault, "application default credentials"),
            (Account::Federation(key()), "workload identity federation `//iam/pool`"),
            (Account::AwsFederation { config: Secret::new("{}"), identity }, "workload identity federation"),
        ] {
            assert_eq!(account.described(), described);
        }
    }
}
