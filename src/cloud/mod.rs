//! The wires: AWS and Google over HTTP.

pub mod aws;
mod crypto;
pub mod google;
pub mod kms;
pub mod mail;
mod runtime;
pub mod s3;
pub mod web;
pub mod webhook;

pub use crypto::install_crypto;
pub use runtime::{block_on, handle, spawn};
