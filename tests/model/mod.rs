//! Random workflows, told twice: by the rules of the language, carried out plainly, and by the program. Both must
//! tell the same of every task: how often it ran, what it saw, how it ended, and what came before it.
//!
//! * [`make`] makes projects, [`files`] writes them down, [`random`] is where chance comes from, [`shrink`] makes
//!   small what was found.
//! * [`rules`] is an interpreter of the language that shares nothing with the program; [`recorded`] holds it to what
//!   Digdag itself did.
//! * [`program`] is the program without processes, [`binary`] the whole of it; [`events`] is what both say.
//! * [`story`] is what is told, by whomever; [`step`] is the operator of the tests.
//!
//! `SYNC_TEST_MODEL_CASES=N` runs so many (10,000 when it is not set), `SYNC_TEST_MODEL_SEED=S` that one alone; with
//! both, so many from that one on.

mod binary;
mod events;
mod files;
mod make;
mod program;
pub mod random;
mod recorded;
mod rules;
mod shrink;
mod step;
mod story;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use files::Files;
use make::Recipe;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn recipe(seed: u64) -> Recipe {
    Recipe { seed, size: 6 + usize::try_from(seed % 20).unwrap(), real: false }
}

/// What the two tell differently; none when they agree, or when the rules do not say how the workflow ends.
fn difference(files: &Files) -> Option<String> {
    let expected = rules::tell(files)?;
    let told = match program::run(files) {
        Ok(told) => told,
        Err(refusal) => return Some(refusal),
    };
    let text = expected.story.difference(&told.story) + &told.moments.disorder(&expected.dues);
    (!text.is_empty()).then_some(text)
}

/// The first seed of a range that shows a difference.
fn first_difference(seeds: std::ops::RangeInclusive<u64>) -> Option<(u64, Files, String)> {
    let (next, found) = (AtomicU64::new(*seeds.start()), Mutex::new(None));
    let look = || {
        while found.lock().unwrap().is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return;
            }
            let files = make::project(recipe(seed));
            if let Some(difference) = difference(&files) {
                *found.lock().unwrap() = Some((seed, files, difference));
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(look)));
    });
    found.into_inner().unwrap()
}

#[test]
fn random_workflows_end_as_the_rules_say() {
    let first = number("SYNC_TEST_MODEL_SEED");
    let cases = number("SYNC_TEST_MODEL_CASES").unwrap_or(if first.is_some() { 1 } else { 10_000 });
    let first = first.unwrap_or(1);
    if let Some((seed, files, found)) = first_difference(first..=first + cases - 1) {
        let (files, found) = shrink::shrunk(files, found, difference);
        panic!("SYNC_TEST_MODEL_SEED={seed}\n{}\n{found}", files.show());
    }
}

#[test]
fn some_end_the_same_in_real_shells() {
    for seed in 1..=40 {
        let files = make::project(Recipe { real: true, ..recipe(seed) });
        let Some(expected) = rules::tell(&files) else { continue };
        let told = binary::run(&files);
        let story = expected.story.seen_from_outside();
        let difference = story.difference(&told.story) + &told.moments.disorder(&expected.dues);
        assert!(difference.is_empty(), "seed {seed}\n{}\n{difference}", files.show());
    }
}
