//! A run that leaves nothing behind: its state lies in a folder that goes with it. What a killed one leaves is removed
//! with the other folders of dead runs.

use std::io;

use super::place::Place;
use crate::run::private_directory::PrivateDirectory;

/// The folder of a run that is not remembered, until it is dropped.
pub(super) struct Unsaved(#[expect(dead_code, reason = "it is there to be dropped")] PrivateDirectory);

impl Unsaved {
    /// Moves the state of a place into a folder of its own.
    pub(super) fn take(place: &mut Place) -> io::Result<Self> {
        let temporary = place.state_folder().join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let folder = PrivateDirectory::new(&temporary)?;
        place.state = folder.path().join("state.db");
        Ok(Self(folder))
    }
}
