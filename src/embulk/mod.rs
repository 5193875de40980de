//! The reading room for transfer files: `.yml.liquid` to a typed config. Pure.
//!
//! A transfer file is a Liquid template over the environment; what it renders to is YAML; what the YAML says is an
//! [`config::EmbulkConfig`]. Everything is checked here, so the rooms behind it never look at text again.

pub mod config;
pub mod filter;
pub mod input;
pub mod liquid;
pub mod output;
pub mod text;
pub mod zone;
