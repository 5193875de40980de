//! Transfers by the library: sources, types, files. What the command makes of them is tested elsewhere.

mod files;
mod lab;
mod mysql_types;
mod outcomes;
mod sqlite;
