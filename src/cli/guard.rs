//! What a run asks about secrets, answered by the safe.

use crate::run::operator::{ScrubStream, SecretGuard};
use crate::secret::Secret;
use crate::secret::params::{Parted, SecretJudge, SecretNames};
use crate::secret::scrub::{Scrubber, ScrubbingStream};
use crate::session::Params;

/// The scrubber with the names that count as secret.
pub struct Guard {
    /// Knows every secret that was read or stored.
    pub scrubber: Scrubber,
    /// `sync.secrets.params`.
    pub names: SecretNames,
}

impl SecretGuard for Guard {
    fn learn(&self, secret: &str) {
        self.scrubber.add(&Secret::new(secret));
    }

    fn contains_secret(&self, text: &str) -> bool {
        self.scrubber.contains(text)
    }

    fn is_secret_name(&self, name: &str) -> bool {
        self.names.matches(name)
    }

    fn part(&self, params: &Params) -> Parted {
        SecretJudge::new(self.names.clone(), self.scrubber.clone()).part(params)
    }

    fn scrub(&self, text: &str) -> String {
        self.scrubber.scrub_text(text)
    }

    fn stream(&self) -> Box<dyn ScrubStream> {
        Box::new(Stream(Some(self.scrubber.stream()), self.scrubber.clone()))
    }
}

/// A scrubbing stream that can be finished and go on.
struct Stream(Option<ScrubbingStream>, Scrubber);

impl ScrubStream for Stream {
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.get_or_insert_with(|| self.1.stream()).push(bytes)
    }

    fn flush(&mut self) -> Vec<u8> {
        self.0.take().map(|mut stream| stream.finish()).unwrap_or_default()
    }
}
