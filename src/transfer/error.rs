//! What can go wrong while rows move, and the one table that says whether trying again can help and what to do.

use std::fmt;

use super::effect::LedgerError;
use crate::cloud::tls::NoAuthority;

/// What went wrong, as far as the reader of the message must tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Nobody answered, or the connection could not be made.
    Unreachable,
    /// The connection broke while rows were moving.
    ConnectionLost,
    /// User, password or key was refused.
    Authentication,
    /// Known to the server, but not allowed to.
    Permission,
    /// A table, database, dataset or bucket that is not there.
    NotFound,
    /// A statement that the server could not run.
    Query,
    /// The config asks for something that cannot be done.
    Config,
    /// A value that does not fit, or rows that were lost or doubled.
    Data,
    /// The target refused what was sent.
    Rejected,
    /// Too many requests or a passing fault on the server's side.
    Busy,
    /// Something took longer than it may.
    Timeout,
    /// Files: no space, no permission, stale objects.
    Storage,
    /// The state of the run could not be written.
    State,
    /// The run was asked to stop.
    Canceled,
    /// A fault in this program.
    Internal,
}

/// Whether trying the whole transfer again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDirective {
    /// The same transfer may succeed a little later.
    Later,
    /// Only after somebody changed something.
    AfterChange,
    /// Not at all.
    Never,
}

impl ErrorKind {
    /// Retry directive and remedy of every kind. Keep it the only place that decides.
    fn policy(self) -> (RetryDirective, Option<&'static str>) {
        use RetryDirective::{AfterChange, Later, Never};
        match self {
            Self::Unreachable => (Later, Some("check host, port and network, then retry")),
            Self::ConnectionLost => (Later, Some("retry; the target was left as it was")),
            Self::Authentication => (AfterChange, Some("check user and password or key")),
            Self::Permission => (AfterChange, Some("grant the permission, then retry")),
            Self::NotFound => (AfterChange, Some("check the name in the config")),
            Self::Query => (AfterChange, Some("check the query in the config")),
            Self::Config => (AfterChange, None),
            Self::Data => (AfterChange, Some("choose another type for the column in `column_options`")),
            Self::Rejected => (AfterChange, None),
            Self::Busy | Self::Timeout => (Later, Some("retry a little later")),
            Self::Storage => (AfterChange, Some("make room or fix the permissions, then retry")),
            Self::State => (AfterChange, Some("check the disk that holds the state file")),
            Self::Canceled => (Later, None),
            Self::Internal => (Never, Some("this is a fault in sync: please report it")),
        }
    }

    /// Whether trying again can help.
    pub fn retry(self) -> RetryDirective {
        self.policy().0
    }

    /// What the reader can do, when the error itself brings no better hint.
    pub fn remedy(self) -> Option<&'static str> {
        self.policy().1
    }

    /// Kebab-case name, for reports read by programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::ConnectionLost => "connection-lost",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::NotFound => "not-found",
            Self::Query => "query",
            Self::Config => "config",
            Self::Data => "data",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Storage => "storage",
            Self::State => "state",
            Self::Canceled => "canceled",
            Self::Internal => "internal",
        }
    }
}

/// Why a transfer failed. Texts name tables, columns, counts and codes, never a value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferError {
    /// What sort of failure.
    pub kind: ErrorKind,
    /// Lowercase fragment with names in backticks.
    pub message: String,
    /// What led to it, outermost first.
    pub causes: Vec<String>,
    /// A hint better than the kind's remedy.
    pub hint: Option<String>,
}

impl TransferError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Adds a cause, below those that are there.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds an error and what led to it as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// One thing to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what was being done when it happened: the old message becomes the first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }

    /// The hint to show: its own, else the kind's remedy.
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref().or(self.kind.remedy())
    }

    /// Whether the run asked to stop.
    pub fn is_canceled(&self) -> bool {
        self.kind == ErrorKind::Canceled
    }

    /// Whether a server could not be reached or was lost on the way: nothing was published, later may do.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::ConnectionLost)
    }

    /// Whether the config asks for something that cannot be done.
    pub fn is_config(&self) -> bool {
        self.kind == ErrorKind::Config
    }

    /// The run asked to stop.
    pub fn canceled() -> Self {
        Self::new(ErrorKind::Canceled, "the transfer was stopped")
    }
}

/// The whole chain on one line.
impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for TransferError {}

impl From<LedgerError> for TransferError {
    fn from(error: LedgerError) -> Self {
        Self::new(ErrorKind::State, error.to_string())
    }
}

impl From<NoAuthority> for TransferError {
    fn from(missing: NoAuthority) -> Self {
        let error = Self::new(ErrorKind::Config, missing.message).hint(missing.hint);
        Self { causes: missing.causes, ..error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_reads_from_outside_in() {
        let error = TransferError::new(ErrorKind::Query, "server said 1146")
            .context("table `orders` could not be read");
        assert_eq!(error.to_string(), "table `orders` could not be read: server said 1146");
        assert_eq!(error.remedy(), Some("check the query in the config"));
        assert_eq!(error.kind.retry(), RetryDirective::AfterChange);
    }

    #[test]
    fn every_kind_has_its_remedy() {
        for (kind, remedy) in [
            (ErrorKind::Unreachable, Some("check host, port and network, then retry")),
            (ErrorKind::ConnectionLost, Some("retry; the target was left as it was")),
            (ErrorKind::Authentication, Some("check user and password or key")),
            (ErrorKind::Permission, Some("grant the permission, then retry")),
            (ErrorKind::NotFound, Some("check the name in the config")),
            (ErrorKind::Query, Some("check the query in the config")),
            (ErrorKind::Config, None),
            (ErrorKind::Data, Some("choose another type for the column in `column_options`")),
            (ErrorKind::Rejected, None),
            (ErrorKind::Busy, Some("retry a little later")),
            (ErrorKind::Timeout, Some("retry a little later")),
            (ErrorKind::Storage, Some("make room or fix the permissions, then retry")),
            (ErrorKind::State, Some("check the disk that holds the state file")),
            (ErrorKind::Canceled, None),
            (ErrorKind::Internal, Some("this is a fault in sync: please report it")),
        ] {
            assert_eq!(TransferError::new(kind, "x").remedy(), remedy, "{kind:?}");
        }
        assert_eq!(TransferError::canceled().to_string(), "the transfer was stopped");
    }
}
