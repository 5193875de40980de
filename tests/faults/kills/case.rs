//! One case: a run that is killed at a point, retries that may be killed as well, and a look at everything.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use super::bench::{Bench, Place};
use super::memory::Memory;
use super::points::{Point, Servers};
use super::shim::{Ended, Shim};
use super::workload::Way;
use super::{left, project, targets};
use crate::support::sandbox::Sandbox;

/// Where the run is killed, and where its first retry is.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub seed: u64,
    pub run: Option<Point>,
    pub retry: Option<Point>,
}

/// What became of a case that ended well.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The points at which a process was killed.
    pub killed: Vec<Point>,
    /// What the first process reached.
    pub reached: BTreeMap<String, usize>,
}

impl fmt::Display for Plan {
    /// As `SYNC_TEST_KILLS_CASE` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        for point in self.run.iter().chain(&self.retry) {
            write!(f, ",{point}")?;
        }
        Ok(())
    }
}

/// Splits a text such as `7,event:3:after,event:5:before`. The names of servers need their ports.
pub fn parse(text: &str, servers: &Servers) -> Option<(Option<Point>, Option<Point>)> {
    let mut points = text.split(',').skip(1).map(|point| Point::parse(point, servers));
    let (run, retry) = (points.next(), points.next());
    Some((
        run.map_or(Some(None), |point| point.map(Some))?,
        retry.map_or(Some(None), |point| point.map(Some))?,
    ))
}

const OPTIONS: [&str; 4] = ["-c", "sync.properties", "--docker", "never"];
const RUN: [&str; 4] = ["run", "main.dig", "--session", "2026-01-02"];
const RETRY: [&str; 3] = ["retry", "--session", "last"];

/// How often each task of a shell was carried out.
type Notes = BTreeMap<String, usize>;

/// The project of a case while it is under way.
struct Story<'b> {
    bench: &'b Bench,
    place: Place,
    sandbox: Sandbox,
    /// For what the test itself writes.
    beside: tempfile::TempDir,
}

impl Drop for Story<'_> {
    /// Of the one case that is looked into, everything is kept where it fails.
    #[expect(clippy::print_stderr, reason = "somebody looks for it")]
    fn drop(&mut self) {
        if !std::thread::panicking() || std::env::var_os("SYNC_TEST_KILLS_CASE").is_none() {
            return;
        }
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kills-{}", self.place.name));
        let folders = [self.sandbox.path(), self.beside().to_owned()];
        for (folder, name) in folders.iter().zip(["project", "beside"]) {
            let _ = std::fs::create_dir_all(&kept);
            let _ = Command::new("cp").arg("-r").arg(folder).arg(kept.join(name)).status();
        }
        eprintln!("kept: {}", kept.display());
    }
}

/// Plays a case. What is not as promised is a panic.
pub fn play(bench: &Bench, shim: &Shim, plan: &Plan) -> Outcome {
    let place = bench.place();
    let sandbox = project::sandbox(bench, &place);
    let beside = tempfile::tempdir().expect("a folder can be made");
    let story = Story { bench, place, sandbox, beside };
    let mut outcome = Outcome::default();
    let mut points = [plan.run.clone(), plan.retry.clone()].into_iter();
    let mut before = (Memory::default(), Notes::default());
    loop {
        let point = points.next().flatten();
        let arguments: &[&str] = if before.0.attempt.is_some() { &RETRY } else { &RUN };
        let ended = shim.run(&story.sandbox, &[arguments, &OPTIONS].concat(), point.as_ref(), story.beside());
        if ended.code.is_none() {
            story.settle();
        }
        let after = (Memory::of(&story.sandbox, story.beside()), story.notes());
        story.compare(&ended, &before, &after);
        if outcome.reached.is_empty() {
            outcome.reached.clone_from(&ended.reached);
        }
        if ended.code.is_some() {
            break;
        }
        outcome.killed.push(point.expect("nothing else kills it"));
        before = after;
    }
    story.assert_all_is_well();
    outcome
}

impl Story<'_> {
    fn beside(&self) -> &Path {
        self.beside.path()
    }

    /// Waits until nothing that the process has begun is under way any more.
    fn settle(&self) {
        left::await_end(&self.place.name);
        self.bench.await_silence(&self.place);
    }

    fn notes(&self) -> Notes {
        let mut notes = Notes::new();
        let text = std::fs::read_to_string(self.sandbox.path().join("ran")).unwrap_or_default();
        text.lines().for_each(|task| *notes.entry(task.to_owned()).or_default() += 1);
        notes
    }

    /// Fails where a process did again what was done, or left undone what it says is done.
    fn compare(&self, ended: &Ended, before: &(Memory, Notes), after: &(Memory, Notes)) {
        let is_excepted = |task: &str| self.bench.workload.stores_secret && task == "+main+secret";
        if let Some(code) = ended.code {
            assert_eq!(code, 0, "{}", ended.stderr);
        }
        after.0.assert_nothing_redone_since(&before.0, is_excepted);
        for (task, times) in &after.1 {
            let more = times - before.1.get(task).copied().unwrap_or_default();
            let allowed = match (before.0.done.contains(task), ended.code) {
                (true, _) if is_excepted(task) => 0..=1,
                (true, _) => 0..=0,
                (false, Some(_)) => 1..=1,
                (false, None) => 0..=1,
            };
            assert!(
                allowed.contains(&more),
                "{task} ran {more} times more, {allowed:?} is right:\n{}",
                ended.stderr
            );
        }
        for task in after.0.done.iter().filter(|task| task.ends_with("+note")) {
            assert!(after.1.contains_key(task), "{task} is recorded as done, and did not run");
        }
    }

    fn assert_all_is_well(&self) {
        let (bench, place, sandbox) = (self.bench, &self.place, &self.sandbox);
        let workload = &bench.workload;
        targets::assert_arrived(bench, place, sandbox);
        let scripts =
            2 + usize::from(workload.stores) + usize::from(workload.stores_secret) + workload.tables.len();
        let notes = self.notes();
        assert_eq!(notes.len(), scripts, "{notes:?}");
        assert_eq!(left::processes(&place.name), [""; 0]);
        let said = sandbox.run(["status", "--json"]).expect_code(0).stdout;
        let told: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
        let states: Vec<_> =
            told["sessions"].as_array().expect("sessions").iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["success"], "{said}");
        Memory::of(sandbox, self.beside()).assert_settled();
        let files = workload.tables.iter().filter(|table| table.way == Way::File).map(targets::file);
        assert_eq!(left::strays(sandbox, &files.collect::<Vec<_>>()), [""; 0]);
    }
}
