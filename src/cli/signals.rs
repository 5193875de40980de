//! SIGINT, SIGTERM and SIGHUP become requests to stop.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::run::{StopHandle, StopReason};

/// Forwards signals to a run until it is dropped.
pub struct Forwarding(Handle);

/// Starts forwarding. The second signal asks once more: the run then ends at once.
pub fn forward(stop: StopHandle) -> io::Result<Forwarding> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let handle = signals.handle();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            stop.stop(StopReason::Signal(signal));
        }
    })?;
    Ok(Forwarding(handle))
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.0.close();
    }
}
