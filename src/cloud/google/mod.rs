//! Google's services over their REST APIs: BigQuery and Cloud Storage.
//!
//! * [`auth`]: who asks.
//! * [`http`]: one call, with its retries; [`error`] says what an answer means.
//! * [`upload`]: resumable uploads, of either service.
//! * [`storage`] and [`bigquery`]: the calls that a transfer needs.

pub mod auth;
pub mod bigquery;
pub mod error;
pub mod http;
pub mod storage;
pub mod upload;

/// Where the services are. Emulators are found by the variables that Google's own libraries read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Scheme, host and port of BigQuery, without a slash at the end.
    pub bigquery: String,
    /// The same of Cloud Storage.
    pub storage: String,
    /// Whether calls carry credentials.
    pub identity: Identity,
}

/// Whether calls carry credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// As the config says.
    Configured,
    /// None: emulators take anybody.
    Anonymous,
}

impl Endpoints {
    /// Google's own, or the emulators that `BIGQUERY_EMULATOR_HOST` and `STORAGE_EMULATOR_HOST` name (with or without
    /// `http://`). One emulator is enough to leave credentials out of all calls: a real key must never reach one.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let emulator = |name: &str| variable(name).filter(|host| !host.is_empty()).map(|host| address(&host));
        let (bigquery, storage) = (emulator("BIGQUERY_EMULATOR_HOST"), emulator("STORAGE_EMULATOR_HOST"));
        let identity =
            if bigquery.is_some() || storage.is_some() { Identity::Anonymous } else { Identity::Configured };
        Self {
            bigquery: bigquery.unwrap_or_else(|| "https://bigquery.googleapis.com".to_owned()),
            storage: storage.unwrap_or_else(|| "https://storage.googleapis.com".to_owned()),
            identity,
        }
    }

    /// The same from the environment of the process, as Google's libraries do.
    pub fn from_environment() -> Self {
        Self::from_variables(&|name| std::env::var(name).ok())
    }
}

fn address(host: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

/// A name as one part of a URL's path.
pub(super) fn path_part(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.extend(
                    [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
                );
            }
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emulator_makes_all_calls_anonymous() {
        let variable = |name: &str| (name == "STORAGE_EMULATOR_HOST").then(|| "127.0.0.1:9000/".to_owned());
        let endpoints = Endpoints::from_variables(&variable);
        assert_eq!(endpoints.storage, "http://127.0.0.1:9000");
        assert_eq!(endpoints.bigquery, "https://bigquery.googleapis.com");
        assert_eq!(endpoints.identity, Identity::Anonymous);
        assert_eq!(Endpoints::from_variables(&|_| None).identity, Identity::Configured);
    }

    #[test]
    fn names_become_parts_of_a_path() {
        assert_eq!(path_part("a/b c"), "a%2Fb%20c");
        assert_eq!(path_part("注文"), "%E6%B3%A8%E6%96%87");
    }
}
