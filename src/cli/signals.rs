//! SIGINT, SIGTERM and SIGHUP become requests to stop.

use std::io;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::exit::Exit;
use crate::run::{StopHandle, StopReason};

/// So long after a second signal the process is gone, whatever it still does: a retry goes on from what is recorded.
const AT_ONCE: Duration = Duration::from_millis(900);

/// Forwards signals to a run until it is dropped.
pub struct Forwarding(Handle);

/// Starts forwarding. The second signal asks once more: the run then ends at once. SIGHUP that was ignored when we
/// started stays so: `nohup` asked for it.
pub fn forward(stop: StopHandle) -> io::Result<Forwarding> {
    let wanted = [SIGINT, SIGTERM].into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP));
    let mut signals = Signals::new(wanted)?;
    let handle = signals.handle();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut first = None;
        for signal in &mut signals {
            stop.stop(StopReason::Signal(signal));
            match first {
                None => first = Some(signal),
                Some(first) => end_soon(first),
            }
        }
    })?;
    Ok(Forwarding(handle))
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Ends the process, should it not end by itself.
fn end_soon(signal: i32) {
    let code = i32::from(Exit::Signal(signal).code());
    let ends = move || {
        std::thread::sleep(AT_ONCE);
        std::process::exit(code);
    };
    // Without a thread there is no time to give.
    if std::thread::Builder::new().name("end".to_owned()).spawn(ends).is_err() {
        std::process::exit(code);
    }
}

/// Whether the process was started with a signal ignored: a bit of `SigIgn` in `/proc/self/status` (proc(5)). Where that
/// cannot be read, none is.
fn is_ignored(signal: i32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_in_mask(&status, signal))
}

fn is_in_mask(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_bits() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        assert!(is_in_mask(status, SIGHUP) && is_in_mask(status, 13));
        assert!(!is_in_mask(status, SIGINT) && !is_in_mask("", SIGHUP));
    }
}
