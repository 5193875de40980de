//! The wires: AWS and Google over HTTP, mail, MySQL's, and the parts of PostgreSQL's and Redshift's that tasks and
//! transfers share.

pub mod aws;
mod aws_json;
mod crypto;
pub mod fault;
pub mod google;
pub mod kept;
pub mod kms;
pub mod mail;
pub mod mysql;
pub mod object_name;
pub mod part;
pub mod postgres;
pub mod rds;
pub mod redshift;
mod runtime;
pub mod s3;
pub mod sts;
pub mod tls;
pub mod web;
pub mod webhook;

pub use crypto::install_crypto;
pub use runtime::{block_on, handle, spawn};
