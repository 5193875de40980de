//! How long to wait before a retry: full jitter below a limit that doubles, or what the server asks for.
//!
//! Full jitter (anything between nothing and the limit) keeps a hundred tables that lost the same server from coming back
//! to it in the same moment. <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The limits of pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The limit of the first pause; that of each further one is twice as long.
    pub first: Duration,
    /// No pause of ours is longer.
    pub longest: Duration,
    /// A server may ask for more (`Retry-After`), up to this.
    pub longest_wish: Duration,
}

impl Pace {
    /// Calls of services.
    pub const CALLS: Self = Self {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(32),
        longest_wish: Duration::from_secs(120),
    };

    /// Tables that lost their database, until it is back.
    pub const TABLES: Self = Self {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(10),
        longest_wish: Duration::ZERO,
    };

    /// The limit of the pause before re-try number `retry` (from 1).
    fn limit(self, retry: u32) -> Duration {
        self.first.saturating_mul(1 << retry.saturating_sub(1).min(16)).min(self.longest)
    }

    /// The pause before re-try number `retry` (from 1).
    pub fn pause(self, retry: u32, wish: Option<Duration>) -> Duration {
        match wish {
            Some(wish) => wish.min(self.longest_wish),
            None => self.limit(retry).mul_f64(random_fraction()),
        }
    }
}

/// Evenly between 0 and 1; the hasher's keys are random for every value.
fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// The value of the header `Retry-After`: seconds, or until a date (RFC 9110, 10.2.3).
pub fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_random_below_a_limit_that_doubles() {
        let pace = Pace::CALLS;
        let limits: Vec<u128> = (1..9).map(|retry| pace.limit(retry).as_millis()).collect();
        assert_eq!(limits, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 32_000]);
        assert_eq!(pace.limit(u32::MAX), pace.longest);
        let pauses: Vec<Duration> = (0..100).map(|_| pace.pause(3, None)).collect();
        assert!(pauses.iter().all(|pause| *pause <= pace.limit(3)));
        // Anything below the limit, from its lowest quarter to its highest: a chance of 1 in 10^12 to fail.
        assert!(pauses.iter().any(|pause| *pause < pace.limit(3) / 4));
        assert!(pauses.iter().any(|pause| *pause > pace.limit(3) * 3 / 4));
    }

    #[test]
    fn a_server_gets_its_wish_within_reason() {
        assert_eq!(Pace::CALLS.pause(1, Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(Pace::CALLS.pause(1, Some(Duration::from_secs(9999))), Pace::CALLS.longest_wish);
        assert_eq!(retry_after(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(retry_after("Fri, 01 Jan 2100 00:00:00 GMT") > Some(Duration::from_secs(86_400)));
        assert_eq!(retry_after("soon"), None);
    }
}
