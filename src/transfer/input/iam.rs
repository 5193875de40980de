//! `auth_method: iam` of the database inputs: a token of AWS for a password.

use crate::cloud::rds;
use crate::embulk::text::Text;
use crate::secret::Secret;
use crate::transfer::error::{ErrorKind, TransferError};

/// A token for a user of a server.
pub(super) fn token(
    host: &Text,
    port: u16,
    user: &Text,
    region: Option<&str>,
) -> Result<Secret, TransferError> {
    let login = rds::Login { host: host.expose(), port, user: user.expose(), region };
    rds::token(&login).map_err(|reason| {
        TransferError::new(ErrorKind::Authentication, "no token of IAM could be made")
            .cause(reason)
            .hint("check the credentials of AWS, and `region`")
    })
}

/// A token must not be seen on the way: who has it is let in for a quarter of an hour.
pub(super) fn needs_tls() -> TransferError {
    TransferError::new(ErrorKind::Config, "`auth_method: iam` needs TLS").hint("set `ssl: verify`")
}
