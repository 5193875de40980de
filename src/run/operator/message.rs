//! `echo>` prints a text, `fail>` fails with one.

use super::{Operator, OperatorError, OperatorOutput, OperatorRequest};
use crate::dig::params;

/// `echo>`.
#[derive(Debug)]
pub struct Echo;

impl Operator for Echo {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<OperatorOutput, OperatorError> {
        let mut text = params::to_text("echo>", request.required_command()?)?;
        text.push('\n');
        request.reporter.output(text.as_bytes());
        Ok(OperatorOutput::default())
    }
}

/// `fail>`.
#[derive(Debug)]
pub struct Fail;

impl Operator for Fail {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<OperatorOutput, OperatorError> {
        Err(OperatorError::failed(params::to_text("fail>", request.required_command()?)?))
    }
}
