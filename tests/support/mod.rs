//! What integration tests stand on: real servers, stand-ins that inject faults, a small HTTP client.

// Each test uses its part of it.
#![allow(dead_code, unreachable_pub, reason = "a private module of one binary")]

pub(crate) mod bigquery;
pub(crate) mod door;
pub(crate) mod gate;
pub(crate) mod google;
pub(crate) mod http;
pub(crate) mod http_door;
pub(crate) mod mail;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod readme_rows;
pub(crate) mod redshift;
pub(crate) mod running;
pub(crate) mod s3;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod servers;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod webhook;
