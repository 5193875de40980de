//! What can go wrong while rows move, in words for people. Whether trying again can help is [`crate::cloud::fault`]'s to
//! say.

use std::fmt;

use super::effect::LedgerError;
use crate::cloud::fault::Fault;
use crate::cloud::fault::retry::Next;
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

impl ErrorKind {
    /// What the reader can do, when the error itself brings no better hint.
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Unreachable => Some("check host, port and network, then retry"),
            Self::ConnectionLost => Some("retry; the target was left as it was"),
            Self::Authentication => Some("check user and password or key"),
            Self::Permission => Some("grant the permission, then retry"),
            Self::NotFound => Some("check the name in the config"),
            Self::Query => Some("check the query in the config"),
            Self::Data => Some("choose another type for the column in `column_options`"),
            Self::Busy | Self::Timeout => Some("retry a little later"),
            Self::Storage => Some("make room or fix the permissions, then retry"),
            Self::State => Some("check the disk that holds the state file"),
            Self::Internal => Some("this is a fault in sync: please report it"),
            Self::Config | Self::Rejected | Self::Canceled => None,
        }
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

/// What a fault is called to people.
impl From<Fault> for ErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoConnection | Fault::NameUnknown | Fault::NameUnanswered | Fault::Tls => {
                Self::Unreachable
            }
            Fault::ConnectionLost
            | Fault::Truncated
            | Fault::Restarting
            | Fault::Interrupted
            | Fault::Garbled
            | Fault::Gone => Self::ConnectionLost,
            Fault::TimedOut | Fault::StatementTimeout => Self::Timeout,
            Fault::ReadOnlyNode
            | Fault::TooManyConnections
            | Fault::LockTimeout
            | Fault::Conflict
            | Fault::RateLimited
            | Fault::Busy
            | Fault::QuotaSpent => Self::Busy,
            Fault::PacketTooLarge => Self::Data,
            Fault::CredentialsExpired | Fault::CredentialsRefused => Self::Authentication,
            Fault::Denied => Self::Permission,
            Fault::NotFound => Self::NotFound,
            Fault::NoRoom | Fault::Exists | Fault::Changed | Fault::Refused => Self::Rejected,
            Fault::StateUnwritable => Self::State,
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
    /// The fault of a session with a database that ended it, which nobody below has tried to mend; none where the calls
    /// themselves were tried again, or where it was no such fault.
    pub fault: Option<Fault>,
}

impl TransferError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None, fault: None }
    }

    /// The error of a fault in a session with a database.
    pub fn of(fault: Fault, message: impl Into<String>) -> Self {
        // To a database a refusal is one of a statement.
        let kind = if fault == Fault::Refused { ErrorKind::Query } else { fault.into() };
        Self { fault: Some(fault), ..Self::new(kind, message) }
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

    /// Says why nothing was tried again, where the reason is not its own.
    #[must_use]
    pub fn ended(self, next: Next) -> Self {
        match next.reason() {
            Some(reason) => self.tried(reason),
            None => self,
        }
    }

    /// Says what was tried, above the causes: the last of them is what people look at first.
    #[must_use]
    pub fn tried(mut self, told: String) -> Self {
        self.causes.insert(0, told);
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

    /// Whether the same transfer may succeed later with nothing changed, so that what is staged may serve it: a server or a
    /// network was at fault, or somebody stopped it; not the rows, and not the config.
    pub fn passes(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy | ErrorKind::Timeout | ErrorKind::Canceled)
            || self.is_unreachable()
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
        Self { fault: Some(Fault::StateUnwritable), ..Self::new(ErrorKind::State, error.to_string()) }
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
