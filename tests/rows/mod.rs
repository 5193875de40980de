//! Transfers by the library: sources, types, files. What the command makes of them is tested elsewhere.

mod bucket_answers;
mod buckets;
mod connect;
mod connect_iam;
mod extents;
mod files;
mod filters;
mod hostile_files;
mod incremental;
mod killed_sources;
mod lab;
mod mysql;
mod mysql_types;
mod outcomes;
mod postgres;
mod recorded;
mod several;
mod sqlite;
mod strays;
mod to_mysql;
mod to_postgres;
mod to_redshift;
