//! What the state knows of the tasks of a workflow, as the plan wants it.

use std::collections::HashMap;

use crate::plan::{Copied, Past, Sizes};
use crate::session::TaskName;
use crate::state::{StateError, Store};

/// How large the tasks of a workflow were when it last ended well in this project.
pub fn sizes(store: &Store, project: &str, workflow: &str) -> Result<Sizes, StateError> {
    let tasks: HashMap<TaskName, Past> = store
        .last_good_figures(project, workflow)?
        .into_iter()
        .map(|task| {
            let copied = task.copied.map(|(bytes, took)| Copied { bytes, took });
            (task.name, Past { operator: task.operator, took: task.took, copied })
        })
        .collect();
    Ok(Sizes::new(&tasks))
}
