//! Joins `param_set>` and `param_get>` to the state file, by a connection of its own beside the one that records the
//! run: a task that keeps something does not wait for the line of events.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::run::operator::param::{ParamStore, ParamStoreError};
use crate::state::{StateError, Store};

/// The kept parameters of one project.
pub struct KeptParams {
    path: PathBuf,
    project: String,
    store: Mutex<Option<Store>>,
}

impl KeptParams {
    /// Nothing is opened before the first use.
    pub fn new(path: &Path, project: &str) -> Self {
        Self { path: path.to_owned(), project: project.to_owned(), store: Mutex::new(None) }
    }

    fn with_store<T>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StateError>,
    ) -> Result<T, ParamStoreError> {
        let failed = |error: StateError| ParamStoreError(error.to_string());
        let mut held = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match &mut *held {
            Some(store) => store,
            empty => empty.insert(Store::open(&self.path).map_err(failed)?),
        };
        work(store).map_err(failed)
    }
}

impl ParamStore for KeptParams {
    fn set(&self, pairs: &[(String, String)]) -> Result<(), ParamStoreError> {
        self.with_store(|store| store.set_params(&self.project, pairs, Timestamp::now()))
    }

    fn get(&self, keys: &[&str]) -> Result<Vec<Option<String>>, ParamStoreError> {
        self.with_store(|store| store.params(&self.project, keys, Timestamp::now()))
    }
}
