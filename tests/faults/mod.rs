//! Faults at every place: connections that break, stall and crawl before every server, and every HTTP status at every
//! call. Each combination ends in success or in the right error, with nothing lost, nothing doubled, nothing left.
//!
//! And the program killed at every moment, then retried ([`kills`]).
//!
//! A run of all tests takes a slice; `tests/faults-all` and `tests/kill-many` take all.

mod kills;
mod proxy;
mod routes;
mod status;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use routes::Route;

/// How a combination ended, both ways right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All rows arrived in the first run.
    Success,
    /// The right error, the old rows untouched, and all rows with `sync retry`.
    Error,
}

/// One fault at one place of one route.
struct Combination {
    name: String,
    run: Box<dyn Fn() -> End + Send + Sync>,
}

/// Combinations at once: most of their time is spent waiting for servers and time-outs.
const AT_ONCE: usize = 6;

/// Whether all are run, and not a slice.
fn is_whole() -> bool {
    std::env::var("SYNC_TEST_FAULTS").as_deref() == Ok("all")
}

/// Runs so many of them, evenly chosen, or all. Prints the figure; panics with those that ended wrongly.
#[expect(clippy::print_stderr, reason = "the figure belongs to the output of the test")]
fn run(what: &str, combinations: Vec<Combination>, slice: usize) {
    let all = combinations.len();
    let chosen: Vec<Combination> = if is_whole() {
        combinations
    } else {
        // A prime that no number of faults or places divides: the slice has some of each.
        let step = 37;
        let places: std::collections::BTreeSet<usize> = (0..slice.min(all)).map(|n| n * step % all).collect();
        combinations
            .into_iter()
            .enumerate()
            .filter(|(at, _)| places.contains(at))
            .map(|(_, one)| one)
            .collect()
    };
    let (next, ends, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(combination) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match catch_unwind(AssertUnwindSafe(&combination.run)) {
                        Ok(end) => ends.lock().expect("no panic holds it").push(end),
                        Err(panic) => {
                            let said = panic
                                .downcast_ref::<String>()
                                .cloned()
                                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                            let told = format!("{}: {}", combination.name, said.unwrap_or_default());
                            wrong.lock().expect("no panic holds it").push(told);
                        }
                    }
                }
            });
        }
    });
    let (ends, wrong) = (ends.into_inner().expect("no panic held it"), wrong.into_inner().expect("nor this"));
    let successes = ends.iter().filter(|end| **end == End::Success).count();
    eprintln!(
        "{what}: {} combinations of {all}: {successes} ended in success, {} in the right error and then in success \
         with `sync retry`, {} wrongly",
        ends.len() + wrong.len(),
        ends.len() - successes,
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} ended wrongly:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What a run may end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The fault passes, so the run succeeds.
    Success,
    /// The fault stays, or a retry cannot help: the error says what it is in one of these words, unless the run met
    /// the fault at a place where it does not matter.
    Either(&'static [&'static str]),
    /// The same of 404: who is told that what is to be removed is not there believes it.
    Believed(&'static [&'static str]),
}

/// Runs the route, whose fault is set; `heal` takes it away before a retry.
fn judge(route: &Route, expected: Expected, heal: impl FnOnce()) -> End {
    let said = route.sandbox.run(["run", "main.dig"]);
    let everything = format!("stdout:\n{}\nstderr:\n{}", said.stdout, said.stderr);
    assert!(!said.stderr.contains("a fault in sync") && !said.stderr.contains("panicked"), "{everything}");
    if said.code == Some(0) {
        let mut seen = route.seen();
        if matches!(expected, Expected::Believed(_)) {
            seen.beside.clear();
        }
        if expected != Expected::Success {
            // What may not be removed stays, and is told. The next run removes it.
            seen.beside.retain(|name| !said.stderr.contains(&format!("`{name}` could not be removed")));
        }
        assert_eq!(seen, route.kind.after(), "{everything}");
        return End::Success;
    }
    let (Expected::Either(words) | Expected::Believed(words)) = expected else {
        panic!("no success\n{everything}")
    };
    assert!(matches!(said.code, Some(1 | 75)), "exit {:?}\n{everything}", said.code);
    assert!(words.iter().any(|word| said.stderr.contains(word)), "another error\n{everything}");
    // The answer to the publication may be what was lost: then the new rows are there.
    let rows = route.rows();
    assert!(
        rows == route.kind.rows_before() || rows == route.kind.rows_after(),
        "rows: {rows:?}\n{everything}"
    );
    heal();
    let retried = route.sandbox.run(["retry", "--session", "last"]);
    let everything = format!("{everything}\nretry:\n{}\n{}", retried.stdout, retried.stderr);
    assert_eq!(retried.code, Some(0), "{everything}");
    assert_eq!(route.seen(), route.kind.after(), "after the retry\n{everything}");
    End::Error
}
