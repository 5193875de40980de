//! `kill -9` after each recorded event, and on either side of requests and files, in workflows that follow from a seed;
//! then `sync retry`: the targets are equal, nothing came twice, nothing that was done is done again, nothing is left.
//!
//! * `kill.c` is loaded into the program and kills it, [`shim`] starts a program so, [`points`] chooses where.
//! * [`workload`] makes workflows and tables from a seed, [`source`] their rows, [`project`] their files, [`bench`]
//!   has the servers.
//! * [`case`] kills and retries; [`memory`], [`targets`] and [`left`] look at what is remembered, arrived and left.
//!
//! `SYNC_TEST_KILLS_POINTS=N` kills so many runs instead of some, with every event of every workload among them
//! (`tests/kill-many` does so); `SYNC_TEST_KILLS_SEED=S` begins with that seed. `SYNC_TEST_KILLS_CASE=...` plays the
//! one case that a failure names; where it fails its project is kept, with what the last process said and reached.

mod bench;
mod case;
mod figures;
mod left;
mod memory;
mod points;
mod project;
mod shim;
mod source;
mod targets;
mod workload;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use bench::Bench;
use case::{Outcome, Plan};
use figures::Figures;
use points::Point;
use shim::Shim;
use workload::workload;

use crate::model::random::Random;

/// Killed in every CI, and of one workload then.
const SOME: usize = 60;
const SOME_OF_ONE: usize = 10;

/// So many failures are shown.
const SHOWN: usize = 10;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Cases that several threads play.
struct Hunt {
    shim: Shim,
    /// Kills of one workload.
    of_one: usize,
    /// Kills that are still to come.
    left: AtomicUsize,
    seed: AtomicU64,
    figures: Mutex<Figures>,
    failures: Mutex<Vec<String>>,
}

impl Hunt {
    fn new(kills: usize, of_one: usize) -> Self {
        Self {
            shim: Shim::new(),
            of_one,
            left: AtomicUsize::new(kills),
            seed: AtomicU64::new(number("SYNC_TEST_KILLS_SEED").unwrap_or(1)),
            figures: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Takes workload after workload until all kills are done.
    fn run(&self) {
        while self.left.load(Ordering::Relaxed) > 0 && self.failures.lock().unwrap().len() < SHOWN {
            let seed = self.seed.fetch_add(1, Ordering::Relaxed);
            let Some(bench) = Bench::new(workload(seed)) else { return };
            self.figures.lock().unwrap().workloads += 1;
            self.kill_all(&bench, seed);
            let left = self.left.load(Ordering::Relaxed);
            self.tell(&format!("seed {seed}, {:?}: done; {left} kills to come", bench.workload.job));
        }
    }

    /// Says something at once, where the end is far.
    #[expect(clippy::print_stderr, reason = "a long hunt shows how far it is")]
    fn tell(&self, text: &str) {
        if self.of_one == usize::MAX {
            eprintln!("{text}");
        }
    }

    fn kill_all(&self, bench: &Bench, seed: u64) {
        let undisturbed = Plan { seed, ..Plan::default() };
        let Some(outcome) = self.play(bench, &undisturbed) else { return };
        let random = &mut Random::new(seed ^ 0x6b69_6c6c);
        let events = outcome.reached.get("event").copied().unwrap_or_default();
        for point in points::chosen(random, &outcome.reached, &bench.servers()).into_iter().take(self.of_one)
        {
            let retry = random.chance(25).then(|| Point::event(random, events));
            let take = |left: usize| left.checked_sub(1);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                return;
            }
            let plan = Plan { seed, run: Some(point), retry };
            if let Some(outcome) = self.play(bench, &plan) {
                self.figures.lock().unwrap().count(bench.workload.job, &outcome);
            }
        }
    }

    fn play(&self, bench: &Bench, plan: &Plan) -> Option<Outcome> {
        let played = catch_unwind(AssertUnwindSafe(|| case::play(bench, &self.shim, plan)));
        let fails = |panic: Box<dyn Any + Send>| {
            let text = told(plan, panic.as_ref());
            self.tell(&text);
            self.failures.lock().unwrap().push(text);
        };
        played.map_err(fails).ok()
    }
}

fn told(plan: &Plan, panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
    format!(
        "SYNC_TEST_KILLS_CASE={plan} tests/run -- --test main -- faults::kills --nocapture\n{:?}\n{text}\n",
        workload(plan.seed)
    )
}

#[test]
fn killed_anywhere_and_retried_all_is_there_once() {
    if let Ok(text) = std::env::var("SYNC_TEST_KILLS_CASE") {
        return one(&text);
    }
    let many = number("SYNC_TEST_KILLS_POINTS").map(|kills| usize::try_from(kills).unwrap());
    let hunt = Hunt::new(many.unwrap_or(SOME), many.map_or(SOME_OF_ONE, |_| usize::MAX));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        // Servers work as well, and a case waits for them.
        let threads = std::thread::available_parallelism().map_or(2, usize::from) + 1;
        (0..threads).for_each(|_| drop(scope.spawn(|| hunt.run())));
    });
    let mut figures = hunt.figures.into_inner().unwrap();
    figures.took = begun.elapsed();
    eprintln!("{figures}");
    let failures = hunt.failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    // How many calls there are hangs on how threads and servers take turns: a busy machine misses some.
    assert!(figures.workloads == 0 || figures.missed * 3 <= figures.runs, "too many runs were not killed");
}

fn one(text: &str) {
    let seed =
        text.split(',').next().and_then(|seed| seed.parse().ok()).expect("a case begins with its seed");
    let bench = Bench::new(workload(seed)).expect("every server runs");
    let (run, retry) =
        case::parse(text, &bench.servers()).expect("points are `SORT:NUMBER:before` or `:after`");
    case::play(&bench, &Shim::new(), &Plan { seed, run, retry });
}
