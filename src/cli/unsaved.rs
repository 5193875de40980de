//! A run that leaves nothing behind: its state lies in a folder that goes with it. What a killed one leaves is removed
//! with the other folders of dead runs.

use std::io;
use std::path::PathBuf;

use super::place::Place;
use crate::run::embulk_socket;

/// The folder of a run that is not remembered, until it is dropped.
pub(super) struct Unsaved(PathBuf);

impl Unsaved {
    /// Moves the state of a place into a folder of its own.
    pub(super) fn take(place: &mut Place) -> io::Result<Self> {
        let temporary = place.state_folder().join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let folder = embulk_socket::private_directory(&temporary)?;
        place.state = folder.join("state.db");
        Ok(Self(folder))
    }
}

impl Drop for Unsaved {
    fn drop(&mut self) {
        // What cannot be removed now goes with the next run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
