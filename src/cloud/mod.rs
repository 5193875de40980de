//! The wires: AWS and Google over HTTP.

pub mod aws;
pub mod google;
pub mod kms;
mod runtime;
pub mod s3;

pub use runtime::{block_on, handle};
