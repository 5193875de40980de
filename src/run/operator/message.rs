//! `echo>` prints a text, `fail>` fails with one.

use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;

/// `echo>`.
#[derive(Debug)]
pub struct Echo;

impl Operator for Echo {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let mut text = params::to_text("echo>", request.required_command()?)?;
        text.push('\n');
        request.reporter.output(text.as_bytes());
        Ok(OperatorOutput::default().into())
    }
}

/// `fail>`.
#[derive(Debug)]
pub struct Fail;

impl Operator for Fail {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        Err(OperatorError::failed(params::to_text("fail>", request.required_command()?)?))
    }
}
