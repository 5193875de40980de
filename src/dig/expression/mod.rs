//! `${...}`: what a text with JavaScript in it becomes.
//!
//! [`Template`] finds the expressions, [`Evaluator`] evaluates them with a JavaScript engine of its own, and walks
//! whole parameter maps as Digdag does. Pure: the clock and the zone are handed in, and scripts reach no file, no
//! network and no environment. Which parameters a task sees is not decided here.

mod engine;
mod engine_thread;
mod evaluator;
mod extras;
mod footprint;
#[cfg(test)]
mod recorded;
mod syntax;
mod template;
mod zone;

pub use evaluator::{Clock, EvaluationError, Evaluator, Limits, Tolerance};
pub use syntax::{TemplateError, parse_template};
pub use template::{Part, Template};

#[cfg(test)]
mod tests;
