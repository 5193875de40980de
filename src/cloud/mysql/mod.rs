//! The wire of MySQL and MariaDB, on plain threads: rows are lent out of the buffer that the socket was read into, so
//! that a read allocates nothing per value. Column types and logins are `mysql_common`'s.

mod connection;
mod error;
mod fields;
mod login;
mod options;
mod packets;
mod stream;

pub use mysql_common::constants::{ColumnFlags, ColumnType};
pub use mysql_common::packets::Column;

pub use self::connection::{Answer, BinaryRow, Connection, Rows, Statement};
pub use self::error::{Error, ServerError};
pub use self::fields::{Clock, Cut, Fields, Span};
pub use self::options::{Address, Options, ServerKey, Tls};
pub use self::packets::Packets;

/// What an exchange with a server gives.
pub type Result<T> = std::result::Result<T, Error>;
