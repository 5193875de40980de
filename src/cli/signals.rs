//! SIGINT, SIGTERM and SIGHUP become requests to stop.

use std::io;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::exit::Exit;
use crate::run::{StopHandle, StopReason};

/// So long after a second signal the process is gone, whatever it still does: a retry goes on from what is recorded.
const AT_ONCE: Duration = Duration::from_millis(900);

/// Forwards signals to a run until it is dropped.
pub struct Forwarding(Handle);

/// So long after a SIGHUP, SIGINT or SIGTERM is a part of the same wish: systemd's `SendSIGHUP=` sends SIGTERM and SIGHUP
/// one after the other, and they need not come in that order.
const SAME_WISH: Duration = Duration::from_millis(200);

/// Starts forwarding. The second signal asks once more: the run then ends at once. SIGHUP is never the second. One that
/// was ignored when we started stays so: `nohup` asked for it.
pub fn forward(stop: StopHandle) -> io::Result<Forwarding> {
    let wanted = [SIGINT, SIGTERM].into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP));
    let mut signals = Signals::new(wanted)?;
    let handle = signals.handle();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut heard = Heard::default();
        for signal in &mut signals {
            match heard.hear(signal, Instant::now()) {
                Wish::None => continue,
                Wish::Stop => {}
                Wish::EndAtOnce { first } => end_soon(first),
            }
            stop.stop(StopReason::Signal(signal));
        }
    })?;
    Ok(Forwarding(handle))
}

/// What a signal asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// Nothing that was not asked for before.
    None,
    Stop,
    EndAtOnce {
        first: i32,
    },
}

/// The signals so far.
#[derive(Debug, Default)]
struct Heard {
    first: Option<i32>,
    /// When the first was SIGHUP, and nothing else has come since.
    hung_up_at: Option<Instant>,
}

impl Heard {
    fn hear(&mut self, signal: i32, now: Instant) -> Wish {
        let hung_up_at = self.hung_up_at;
        let Some(first) = self.first else {
            self.first = Some(signal);
            self.hung_up_at = (signal == SIGHUP).then_some(now);
            return Wish::Stop;
        };
        if signal == SIGHUP {
            return Wish::None;
        }
        self.hung_up_at = None;
        match hung_up_at {
            Some(at) if now.saturating_duration_since(at) <= SAME_WISH => Wish::None,
            _ => Wish::EndAtOnce { first },
        }
    }
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

    /// What signals ask for that come so many milliseconds after the first.
    fn wishes(signals: &[(i32, u64)]) -> Vec<Wish> {
        let (mut heard, start) = (Heard::default(), Instant::now());
        let hear = |(signal, after): &(i32, u64)| heard.hear(*signal, start + Duration::from_millis(*after));
        signals.iter().map(hear).collect()
    }

    #[test]
    fn a_hang_up_is_never_the_second() {
        assert_eq!(
            wishes(&[(SIGTERM, 0), (SIGHUP, 0), (SIGHUP, 9000)]),
            [Wish::Stop, Wish::None, Wish::None]
        );
        assert_eq!(wishes(&[(SIGHUP, 0), (SIGHUP, 9000)]), [Wish::Stop, Wish::None]);
        let ends = Wish::EndAtOnce { first: SIGTERM };
        assert_eq!(wishes(&[(SIGTERM, 0), (SIGHUP, 0), (SIGINT, 1)]), [Wish::Stop, Wish::None, ends]);
    }

    #[test]
    fn what_comes_with_a_hang_up_is_the_same_wish() {
        assert_eq!(wishes(&[(SIGHUP, 0), (SIGTERM, 200)]), [Wish::Stop, Wish::None]);
        let ends = || Wish::EndAtOnce { first: SIGHUP };
        assert_eq!(wishes(&[(SIGHUP, 0), (SIGTERM, 201)]), [Wish::Stop, ends()]);
        assert_eq!(wishes(&[(SIGHUP, 0), (SIGTERM, 1), (SIGTERM, 2)]), [Wish::Stop, Wish::None, ends()]);
        assert_eq!(wishes(&[(SIGTERM, 0), (SIGTERM, 1)]), [Wish::Stop, Wish::EndAtOnce { first: SIGTERM }]);
    }

    #[test]
    fn ignored_signals_are_bits() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        assert!(is_in_mask(status, SIGHUP) && is_in_mask(status, 13));
        assert!(!is_in_mask(status, SIGINT) && !is_in_mask("", SIGHUP));
    }
}
