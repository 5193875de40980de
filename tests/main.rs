//! The tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unreachable_pub, reason = "private modules of one binary")]

mod around;
mod bigquery;
mod bq;
mod check;
mod coming_from_digdag;
mod coming_from_embulk;
mod command;
mod console;
mod embulk_commands;
mod embulk_operator;
mod estate_to_redshift;
mod examples;
mod explain;
mod flow;
mod google_auth;
mod google_clients;
mod google_wire;
mod guess;
mod http;
mod largest_first;
mod liquid;
mod log;
mod mail;
mod messages;
mod model;
mod moment;
mod mutations;
mod notify;
mod object_wait;
mod objects;
mod outputs;
mod own_files;
mod param;
mod permissions;
mod policy;
mod preview;
mod properties;
mod quickstart;
mod readme;
mod redshift;
mod redshift_clients;
mod require;
mod retry;
mod rows;
mod run_flags;
mod scripts;
mod secret_mounts;
mod secrets_changes;
mod secrets_kms;
mod sql;
mod support;
mod types;
mod yaml;
