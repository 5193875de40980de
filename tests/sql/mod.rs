//! `pg>` and `mysql>` against real servers, run as a user would.

mod connection;
mod messages;
mod mysql;
mod once;
mod results;

use crate::support::postgres::PostgresDatabase;
use crate::support::running::Running;
use crate::support::sandbox::Sandbox;

/// A project whose `pg>` tasks go to a database, as a user `user`.
fn pg_project(database: &PostgresDatabase, user: &str, tasks: &str) -> Sandbox {
    let PostgresDatabase { host, port, name, .. } = database;
    Sandbox::new().file(
        "main.dig",
        &format!("_export:\n  pg: {{host: {host}, port: {port}, user: {user}, database: {name}}}\n{tasks}"),
    )
}
