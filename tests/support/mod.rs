//! What integration tests stand on: real servers, stand-ins that inject faults, a small HTTP client.

// Each test uses its part of it.
#![allow(dead_code)]

pub mod http;
pub mod servers;
pub mod webhook;
