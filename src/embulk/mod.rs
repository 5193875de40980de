//! The reading room for transfer files: `.yml.liquid` to a typed config. Pure.
//!
//! A transfer file is a Liquid template over the environment ([`liquid`]); what it renders to is YAML; what the YAML
//! says is an [`config::EmbulkConfig`]. Everything is checked here, so the rooms behind it never look at text again.
//! Secrets go around the text: see [`Surroundings`].

mod bind;
mod check;
pub mod condition;
pub mod config;
mod diff;
pub mod filter;
pub mod guess;
pub mod input;
pub mod java_date;
pub mod json_path;
pub mod keyfile;
pub mod liquid;
mod load;
pub mod native;
pub mod output;
pub mod pattern;
pub mod replacement;
pub mod ruby;
mod template;
pub mod text;
mod written;
pub mod zone;

pub use bind::ForeignPlugins;
pub(crate) use bind::TWO_THREADS;
pub use check::check_file;
pub use config::{GuessConfig, PreviewConfig};
pub use load::{Rendered, Sites, Surroundings, load, load_for_guess, load_for_preview, load_text};
pub use template::UNSET_VARIABLE;
