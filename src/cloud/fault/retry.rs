//! Whether a run may try once more, and the line that says so.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Fault;
use super::pace::Pace;

/// Retries that a run may spend in vain. One that helped is given back, so a long run with a fault now and then goes
/// on, while a service that is down for everybody is not asked by every table as often as it may be by one.
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<Account>);

#[derive(Debug)]
struct Account {
    total: u32,
    left: AtomicU32,
}

impl RetryBudget {
    /// Enough for two hundred tables whose server restarts under them.
    pub const USUAL: u32 = 500;

    /// So many; with none nothing is tried again.
    pub fn new(total: u32) -> Self {
        Self(Arc::new(Account { total, left: AtomicU32::new(total) }))
    }

    /// Takes one; false where none is left.
    fn take(&self) -> bool {
        self.0.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    /// Gives some back. There are never more than in the beginning.
    fn give_back(&self, retries: u32) {
        let total = self.0.total;
        // It always succeeds: the closure never says no.
        let _ = self.0.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            Some(left.saturating_add(retries).min(total))
        });
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(Self::USUAL)
    }
}

/// Who hears that something is tried again: the log of the task.
type Ear = Arc<dyn Fn(&str) + Send + Sync>;

/// What callers are handed who may try again: the budget that they share, and who hears of it. Cheap to clone.
#[derive(Clone)]
pub struct Retrying {
    budget: RetryBudget,
    ear: Ear,
}

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// A try that failed.
#[derive(Clone, Copy)]
pub struct Failed<'f> {
    /// What failed and how, in a line without values.
    pub what: &'f dyn fmt::Display,
    /// Retries so far.
    pub retried: u32,
    /// Retries that this one thing may take.
    pub most: u32,
    /// How long the server asks to wait.
    pub wish: Option<Duration>,
    /// The limits of pauses.
    pub pace: Pace,
}

/// What follows a try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another one, after this pause.
    Again(Duration),
    /// Nothing: it was tried often enough.
    Enough,
    /// Nothing: the budget of the run is spent. With its size.
    Spent(u32),
}

impl Retrying {
    /// With the budget of a run; `ear` hears a line of each retry.
    pub fn new(budget: RetryBudget, ear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { budget, ear: Arc::new(ear) }
    }

    /// Outside of a run: a budget of its own, and nobody hears.
    pub fn alone() -> Self {
        Self::new(RetryBudget::default(), |_| {})
    }

    /// What follows. Another try is in the log when this returns, and paid for.
    pub fn next(&self, failed: Failed<'_>) -> Next {
        let Failed { what, retried, most, wish, pace } = failed;
        if retried >= most {
            return Next::Enough;
        }
        if !self.budget.take() {
            return Next::Spent(self.budget.0.total);
        }
        let (number, pause) = (retried + 1, pace.pause(retried + 1, wish));
        (self.ear)(&format!("{what}; retry {number} of {most} in {} ms", pause.as_millis()));
        Next::Again(pause)
    }

    /// A line about a retry that costs nothing and waits for nothing: the one with new credentials.
    pub fn renews(&self, what: &dyn fmt::Display) {
        (self.ear)(&format!("{what}; retry with new credentials"));
    }

    /// So many retries have led to success.
    pub fn helped(&self, retries: u32) {
        self.budget.give_back(retries);
    }
}

/// Something whose server went away is begun anew until the server is back, or was away for too long.
#[derive(Debug)]
pub struct Absence {
    retried: u32,
    /// When it failed for the first time since the server was last there.
    since: Option<Instant>,
    /// When the last try began.
    begun: Instant,
    outages: u32,
    patience: Duration,
}

/// How often something is begun anew at most, however long its server stays away.
const MOST_BEGINNINGS: u32 = 50;

/// How often a server may go away under one table: a read that breaks after an hour each time never ends well.
const MOST_OUTAGES: u32 = 3;

impl Absence {
    /// Nothing has failed yet. No further try begins once the first failure is so long ago. A try that went well for
    /// longer than that shows that the server was back: what comes then is another outage.
    pub fn new(patience: Duration) -> Self {
        Self { retried: 0, since: None, begun: Instant::now(), outages: 0, patience }
    }

    /// The pause before the next try; an error is final, with what is to be said of it.
    pub fn next(
        &mut self,
        fault: Option<Fault>,
        what: &dyn fmt::Display,
        retrying: &Retrying,
    ) -> Result<Duration, Option<String>> {
        if !fault.is_some_and(Fault::passes) {
            return Err(self.told());
        }
        if self.since.is_some() && self.begun.elapsed() > self.patience {
            self.over(retrying);
            (self.retried, self.since) = (0, None);
        }
        let since = *self.since.get_or_insert_with(|| {
            self.outages += 1;
            Instant::now()
        });
        if since.elapsed() >= self.patience || self.outages > MOST_OUTAGES {
            return Err(self.told());
        }
        let (retried, most) = (self.retried, MOST_BEGINNINGS);
        match retrying.next(Failed { what, retried, most, wish: None, pace: Pace::TABLES }) {
            Next::Again(pause) => {
                self.retried += 1;
                self.begun = Instant::now() + pause;
                Ok(pause)
            }
            last => Err(last.reason().or(self.told())),
        }
    }

    /// It has succeeded.
    pub fn over(&self, retrying: &Retrying) {
        retrying.helped(self.retried);
    }

    fn told(&self) -> Option<String> {
        let since = self.since.filter(|_| self.retried > 0)?;
        let (times, seconds) = (self.retried, since.elapsed().as_secs());
        Some(format!("tried again {times} times within {seconds} s"))
    }
}

impl Next {
    /// What a final error adds; none where nothing was held back.
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Spent(0) => Some("nothing is tried again (`sync.retry.budget` is 0)".to_owned()),
            Self::Spent(total) => Some(format!(
                "not tried again: the {total} retries of this run are spent (`sync.retry.budget`)"
            )),
            Self::Again(_) | Self::Enough => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    fn failed(retried: u32, most: u32) -> Failed<'static> {
        Failed {
            what: &"GET x: HTTP 503",
            retried,
            most,
            wish: Some(Duration::from_secs(2)),
            pace: Pace::CALLS,
        }
    }

    #[test]
    fn a_retry_is_said_and_counted_and_given_back_when_it_helped() {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let ear = Arc::clone(&heard);
        let retrying = Retrying::new(RetryBudget::new(2), move |line: &str| {
            ear.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        });
        let again = Next::Again(Duration::from_secs(2));
        assert_eq!(retrying.next(failed(0, 3)), again);
        assert_eq!(retrying.next(failed(1, 3)), again);
        assert_eq!(retrying.next(failed(2, 3)), Next::Spent(2));
        assert_eq!(retrying.next(failed(3, 3)), Next::Enough, "its own limit comes first");
        retrying.helped(1);
        assert_eq!(retrying.next(failed(0, 3)), again);
        assert_eq!(retrying.next(failed(1, 3)), Next::Spent(2));
        retrying.helped(99);
        assert_eq!(
            (0..3).filter(|_| retrying.next(failed(0, 3)) == again).count(),
            2,
            "never more than at first"
        );
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(heard[0], "GET x: HTTP 503; retry 1 of 3 in 2000 ms");
        assert_eq!(heard[1], "GET x: HTTP 503; retry 2 of 3 in 2000 ms");
        assert_eq!(heard.len(), 5);
    }

    #[test]
    fn a_server_that_went_away_is_waited_for_as_long_as_patience_lasts() {
        let retrying = Retrying::new(RetryBudget::new(2), |_| {});
        let next = |absence: &mut Absence, fault| absence.next(fault, &"no", &retrying);
        let mut absence = Absence::new(Duration::from_secs(600));
        assert_eq!(next(&mut absence, None), Err(None));
        assert_eq!(next(&mut absence, Some(Fault::NotFound)), Err(None));
        assert!(next(&mut absence, Some(Fault::NoConnection)).is_ok_and(|pause| pause <= Pace::TABLES.first));
        let told = Err(Some("tried again 1 times within 0 s".to_owned()));
        assert_eq!(next(&mut absence, Some(Fault::NotFound)), told);
        assert!(next(&mut absence, Some(Fault::ConnectionLost)).is_ok());
        assert_eq!(next(&mut absence, Some(Fault::Restarting)), Err(Next::Spent(2).reason()));
        absence.over(&retrying);
        assert!(next(&mut Absence::new(Duration::from_secs(600)), Some(Fault::NoConnection)).is_ok());
        assert_eq!(next(&mut Absence::new(Duration::ZERO), Some(Fault::NoConnection)), Err(None));
    }

    #[test]
    fn a_try_that_went_well_for_long_begins_another_outage() {
        let retrying = Retrying::new(RetryBudget::new(9), |_| {});
        let hour = Duration::from_secs(3600);
        let mut absence = Absence::new(Duration::from_secs(60));
        let fails =
            |absence: &mut Absence| absence.next(Some(Fault::ConnectionLost), &"no", &retrying).is_ok();
        for outage in 1..=MOST_OUTAGES {
            assert!(fails(&mut absence), "{outage}");
            // It ran for an hour and broke off again.
            for moment in [absence.since.as_mut(), Some(&mut absence.begun)].into_iter().flatten() {
                *moment = moment.checked_sub(hour).expect("the machine is up for longer");
            }
        }
        assert!(!fails(&mut absence));
        let mut absence = Absence::new(Duration::from_secs(60));
        assert!(fails(&mut absence));
        absence.since = absence.since.and_then(|since| since.checked_sub(hour));
        assert!(!fails(&mut absence), "it was away all the time");
    }

    #[test]
    fn what_is_final_says_why() {
        assert_eq!(Next::Enough.reason(), None);
        assert_eq!(
            Next::Spent(500).reason().as_deref(),
            Some("not tried again: the 500 retries of this run are spent (`sync.retry.budget`)")
        );
        let none = Retrying::new(RetryBudget::new(0), |_| panic!("nothing is tried again"));
        assert_eq!(
            none.next(failed(0, 3)).reason().as_deref(),
            Some("nothing is tried again (`sync.retry.budget` is 0)")
        );
    }
}
