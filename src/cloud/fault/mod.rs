//! What goes wrong between us and a server, and what becomes of it: the one table that decides.
//!
//! ```text
//!  a server's code, an HTTP status, a broken connection ─► codes ─Fault─► verdict ─► retry: pause, budget, a line
//! ```
//!
//! * [`codes`] knows the words of the vendors (error numbers, SQLSTATE, statuses, reasons) and nothing else.
//! * [`Fault::verdict`] says what is done about each. Nobody else decides.
//! * [`pace`] says how long to wait, [`retry`] whether the run may still try again, and leaves a line in the log.

pub mod codes;
pub mod pace;
pub mod retry;

/// What went wrong, in the field's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nobody listens there, or the network leads nowhere.
    NoConnection,
    /// There is no such name (DNS).
    NameUnknown,
    /// No name server has answered (DNS).
    NameUnanswered,
    /// The certificate is not trusted, or the two sides share no TLS.
    Tls,
    /// The connection broke.
    ConnectionLost,
    /// No answer in time.
    TimedOut,
    /// The answer ends too early, or is not one of the protocol.
    Truncated,
    /// The server is going down, coming up, or has ended this connection.
    Restarting,
    /// The server takes no writes: a replica, or a failover under way.
    ReadOnlyNode,
    /// The server has as many connections as it takes, or the user has.
    TooManyConnections,
    /// Another session held the rows or the table for too long.
    LockTimeout,
    /// Two transactions were in each other's way, or one was in the way of what a replica had to apply.
    Conflict,
    /// The statement ran into a limit of time that somebody set.
    StatementTimeout,
    /// Somebody ended the statement (`KILL QUERY`), and meant it.
    Interrupted,
    /// A row or statement is larger than the server takes (`max_allowed_packet`).
    PacketTooLarge,
    /// The server has no disk or memory left.
    NoRoom,
    /// The credentials were good for a time that is over, or are not known (any more): HTTP 401, `ExpiredToken`.
    CredentialsExpired,
    /// User, password or key was refused.
    CredentialsRefused,
    /// Known to the server, but not allowed to: HTTP 403.
    Denied,
    /// It is not there: HTTP 404.
    NotFound,
    /// It is there already, or is being changed by somebody else: HTTP 409.
    Exists,
    /// It was there and is forgotten, e.g. the session of an upload: HTTP 410.
    Gone,
    /// It is not what the call says that it is: HTTP 412.
    Changed,
    /// Other bytes arrived than were sent.
    Garbled,
    /// Too many requests: HTTP 429, `SlowDown`.
    RateLimited,
    /// A passing fault on the server's side: HTTP 408, 500, 502, 503, 504.
    Busy,
    /// A quota that is full again in hours.
    QuotaSpent,
    /// Any other no: the same request gets the same answer.
    Refused,
    /// The state of the run cannot be written.
    StateUnwritable,
}

/// What is done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Tried again after a pause, as long as tries and the budget of the run last.
    Retry,
    /// Tried again at once, one time, with credentials that are asked for anew.
    RetryWithNewCredentials,
    /// The table (the task) fails; the others go on.
    FailTable,
    /// The run fails: nothing that it would still do could be remembered.
    FailRun,
}

/// Where the next try begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Again {
    /// The session with the server goes on: the same statement or call is made once more.
    InPlace,
    /// The session is gone or of no use: everything of this table begins anew on another connection.
    Anew,
}

impl Fault {
    /// All of them, for whoever wants to show or check the table.
    pub const ALL: [Self; 29] = [
        Self::NoConnection,
        Self::NameUnknown,
        Self::NameUnanswered,
        Self::Tls,
        Self::ConnectionLost,
        Self::TimedOut,
        Self::Truncated,
        Self::Restarting,
        Self::ReadOnlyNode,
        Self::TooManyConnections,
        Self::LockTimeout,
        Self::Conflict,
        Self::StatementTimeout,
        Self::Interrupted,
        Self::PacketTooLarge,
        Self::NoRoom,
        Self::CredentialsExpired,
        Self::CredentialsRefused,
        Self::Denied,
        Self::NotFound,
        Self::Exists,
        Self::Gone,
        Self::Changed,
        Self::Garbled,
        Self::RateLimited,
        Self::Busy,
        Self::QuotaSpent,
        Self::Refused,
        Self::StateUnwritable,
    ];

    /// The table.
    ///
    /// A password that a database refuses fails the table and not the run: other tables may have other databases, and
    /// those of the same one are told apart in the report. Only a state that cannot be written fails the run.
    pub fn verdict(self) -> Verdict {
        use Verdict::{FailRun, FailTable, Retry, RetryWithNewCredentials};
        match self {
            Self::NoConnection
            | Self::NameUnanswered
            | Self::ConnectionLost
            | Self::TimedOut
            | Self::Truncated
            | Self::Restarting
            | Self::ReadOnlyNode
            | Self::TooManyConnections
            | Self::LockTimeout
            | Self::Conflict
            | Self::Garbled
            | Self::RateLimited
            | Self::Busy => Retry,
            Self::CredentialsExpired => RetryWithNewCredentials,
            Self::NameUnknown
            | Self::Tls
            | Self::StatementTimeout
            | Self::Interrupted
            | Self::PacketTooLarge
            | Self::NoRoom
            | Self::CredentialsRefused
            | Self::Denied
            | Self::NotFound
            | Self::Exists
            | Self::Gone
            | Self::Changed
            | Self::QuotaSpent
            | Self::Refused => FailTable,
            Self::StateUnwritable => FailRun,
        }
    }

    /// Where a next try begins, for who speaks with a database in a session.
    pub fn again(self) -> Again {
        match self {
            Self::LockTimeout | Self::Conflict | Self::RateLimited | Self::Busy => Again::InPlace,
            _ => Again::Anew,
        }
    }

    /// Whether a pause can help.
    pub fn passes(self) -> bool {
        self.verdict() == Verdict::Retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the table, so that none changes by accident.
    #[test]
    fn every_fault_has_its_verdict() {
        use Verdict::{FailRun, FailTable, Retry, RetryWithNewCredentials};
        let table = [
            (Fault::NoConnection, Retry),
            (Fault::NameUnknown, FailTable),
            (Fault::NameUnanswered, Retry),
            (Fault::Tls, FailTable),
            (Fault::ConnectionLost, Retry),
            (Fault::TimedOut, Retry),
            (Fault::Truncated, Retry),
            (Fault::Restarting, Retry),
            (Fault::ReadOnlyNode, Retry),
            (Fault::TooManyConnections, Retry),
            (Fault::LockTimeout, Retry),
            (Fault::Conflict, Retry),
            (Fault::StatementTimeout, FailTable),
            (Fault::Interrupted, FailTable),
            (Fault::PacketTooLarge, FailTable),
            (Fault::NoRoom, FailTable),
            (Fault::CredentialsExpired, RetryWithNewCredentials),
            (Fault::CredentialsRefused, FailTable),
            (Fault::Denied, FailTable),
            (Fault::NotFound, FailTable),
            (Fault::Exists, FailTable),
            (Fault::Gone, FailTable),
            (Fault::Changed, FailTable),
            (Fault::Garbled, Retry),
            (Fault::RateLimited, Retry),
            (Fault::Busy, Retry),
            (Fault::QuotaSpent, FailTable),
            (Fault::Refused, FailTable),
            (Fault::StateUnwritable, FailRun),
        ];
        assert_eq!(table.map(|(fault, _)| fault), Fault::ALL);
        for (fault, verdict) in table {
            assert_eq!(fault.verdict(), verdict, "{fault:?}");
        }
        let in_place = Fault::ALL.into_iter().filter(|fault| fault.again() == Again::InPlace);
        assert!(in_place.eq([Fault::LockTimeout, Fault::Conflict, Fault::RateLimited, Fault::Busy]));
    }
}
