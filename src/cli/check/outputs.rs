//! Where the transfers of workflows go: their outputs, with the accounts that they name, for whoever has a question for
//! the servers there.

use std::path::Path;

use super::AskArgs;
use super::ask::Asking;
use super::site::Breadth;
use super::sites::Walk;
use crate::cli::attempt;
use crate::cli::opening::Opened;
use crate::embulk::output::OutputConfig;
use crate::reader::DirectoryReader;
use crate::state::RunWorkflow;
use crate::transfer::context::TransferContext;

/// The output of a transfer, and what it is asked with.
pub struct Reached {
    pub output: OutputConfig,
    pub context: TransferContext,
}

/// The outputs of all transfers of workflows, with the parameters that their last runs were given. What only a run
/// knows is stood in for: the account is known all the same, where it does not depend on it. Beside them, why some could
/// not be had.
pub fn outputs(workflows: &[RunWorkflow], opened: &Opened) -> (Vec<Reached>, Vec<String>) {
    let project = &opened.place.project;
    let reader = DirectoryReader::new(project);
    let environment = attempt::environment();
    let mut walk = Walk::new(&reader, project, &environment, Breadth::All);
    for workflow in workflows {
        walk.workflow_given(Path::new(&workflow.file), &workflow.params);
    }
    let sites = walk.sites;
    let args = AskArgs { explain: false, connect: true, timeout: std::num::NonZeroU64::MIN };
    Asking::new(opened, &reader, &args).outputs(sites)
}
