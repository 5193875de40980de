//! `sync prune`, and what every run removes at its end: sessions that ended long ago, with their logs and reports.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::opening::{Opened, pasteable_flags};
use super::properties::{Properties, PropertiesError};
use super::{CommonArgs, attempt, length};
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::figures;
use crate::report::tasklog;
use crate::session::{AttemptId, Level};
use crate::state::{OldSession, Store};

/// The setting.
const KEEP_DAYS: &str = "sync.keep_days";
/// How long sessions are kept when nothing is said.
const KEPT: i64 = 90;
/// Sessions that go in one transaction: others write to the file as well.
const BATCH: u32 = 20;
/// After a run no new batch begins later than this.
const AFTER_RUN: Duration = Duration::from_secs(1);

/// `sync prune`
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove sessions that ended so long ago: 30d, 12h [default: the setting `sync.keep_days`, which is 90]
    #[arg(long, value_name = "LENGTH")]
    older_than: Option<String>,
    /// Show what would be removed
    #[arg(short = 'd', long)]
    dry_run: bool,
    /// Only count an attempt of another host, whose process is gone, as lost, so that its workflow can run again
    #[arg(long, value_name = "ATTEMPT", conflicts_with_all = ["older_than", "dry_run", "json"])]
    lost: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What went, or would.
#[derive(Default)]
struct Removed {
    sessions: Vec<OldSession>,
    /// Of logs and reports.
    bytes: u64,
}

/// How long sessions are kept; none when for ever.
pub fn keep(properties: &Properties) -> Result<Option<SignedDuration>, PropertiesError> {
    let days = match properties.get(KEEP_DAYS).map(str::trim) {
        None => KEPT,
        Some("off") => return Ok(None),
        Some(text) => match text.parse::<u16>() {
            Ok(days) if days > 0 => i64::from(days),
            _ => {
                return Err(
                    properties.wrong(KEEP_DAYS, "takes a whole number of days from 1 to 65535, or `off`")
                );
            }
        },
    };
    Ok(Some(SignedDuration::from_hours(24 * days)))
}

/// Runs the command.
pub fn exec(args: &PruneArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let results = if args.json { Results::Json } else { Results::Human };
    let opened = Opened::new(common, None, results)?;
    let length = match &args.older_than {
        Some(text) => match length::length(text).filter(|length| !length.is_negative()) {
            Some(length) => Some(length),
            None => bail!("`--older-than` takes a length such as `90d` or `48h`, but got `{text}`"),
        },
        None => keep(&opened.properties)?,
    };
    if !opened.place.state.exists() {
        bail!("nothing has run yet in project `{}`", opened.place.project.display());
    }
    let mut store = Store::open(&opened.place.state)?;
    if let Some(lost) = args.lost {
        return free(AttemptId(lost), &mut store, common, &opened);
    }
    let Some(length) = length else {
        bail!("`{KEEP_DAYS}` is off, so nothing is old: say with `--older-than` what is");
    };
    let now = Timestamp::now();
    attempt::reports::find_lost(&mut store, now, common, &opened)?;
    let before = now.saturating_sub(length)?;
    let removed = if args.dry_run {
        would_go(&store, before, &opened)?
    } else {
        go(&mut store, before, None, &opened)?
    };
    show(args, &removed, before, &opened);
    Ok(Exit::Success)
}

/// At the end of a run: what goes wrong is said and fails nothing.
pub fn after_run(store: &mut Store, opened: &Opened) {
    let prune = |store: &mut Store| -> anyhow::Result<()> {
        let Some(length) = keep(&opened.properties)? else { return Ok(()) };
        let before = Timestamp::now().saturating_sub(length)?;
        go(store, before, Some(AFTER_RUN), opened).map(|_| ())
    };
    if let Err(error) = prune(store) {
        let text = format!("old sessions could not be removed: {error:#}");
        opened.console.log(Level::Warn, &text);
    }
}

fn go(
    store: &mut Store,
    before: Timestamp,
    limit: Option<Duration>,
    opened: &Opened,
) -> anyhow::Result<Removed> {
    let since = Instant::now();
    let folder = opened.place.state_folder();
    let mut removed = Removed::default();
    loop {
        let pruned =
            store.prune(&project(opened), before, BATCH, |session| tasklog::set_aside(folder, session))?;
        let is_last = pruned.removed.is_empty();
        removed.sessions.extend(pruned.removed);
        removed.bytes +=
            tasklog::remove_set_aside(folder).context("logs that were set aside could not be removed")?;
        if let (true, Some((old, error))) = (is_last, pruned.kept.into_iter().next()) {
            return Err(error)
                .with_context(|| format!("the logs of session {} could not be moved", old.session));
        }
        if is_last || limit.is_some_and(|limit| since.elapsed() >= limit) {
            return Ok(removed);
        }
    }
}

fn would_go(store: &Store, before: Timestamp, opened: &Opened) -> anyhow::Result<Removed> {
    let sessions = store.old_sessions(&project(opened), before, u32::MAX)?;
    let folder = opened.place.state_folder();
    let bytes = sessions.iter().map(|old| tasklog::session_size(folder, old.session)).sum();
    Ok(Removed { sessions, bytes })
}

fn show(args: &PruneArgs, removed: &Removed, before: Timestamp, opened: &Opened) {
    let console = &opened.console;
    if args.json {
        let sessions: Vec<_> = removed
            .sessions
            .iter()
            .map(|old| {
                json!({"session": old.session.0, "workflow": old.workflow, "session_time": old.session_time,
                    "attempt_count": old.attempts})
            })
            .collect();
        let (dry_run, bytes) = (args.dry_run, removed.bytes);
        let before = before.to_string();
        console
            .json(&json!({"ended_before": before, "dry_run": dry_run, "bytes": bytes, "sessions": sessions}));
        return;
    }
    let mut of_workflows: BTreeMap<&str, usize> = BTreeMap::new();
    removed.sessions.iter().for_each(|old| *of_workflows.entry(&old.workflow).or_default() += 1);
    let verb = if args.dry_run { "would remove" } else { "removed" };
    for (workflow, count) in &of_workflows {
        let sessions = if *count == 1 { "session" } else { "sessions" };
        console.result(&format!("{verb} {count} {sessions} of {workflow}\n"));
    }
    let bytes = figures::bytes(removed.bytes);
    console.result(&format!("{verb} {} in all, with {bytes} of logs and reports\n", removed.sessions.len()));
}

/// People say that the process of an attempt is gone.
fn free(attempt: AttemptId, store: &mut Store, common: &CommonArgs, opened: &Opened) -> anyhow::Result<Exit> {
    let closed = store.close_elsewhere(&project(opened), attempt, Timestamp::now())?;
    if closed.is_empty() {
        let message =
            format!("attempt {attempt} does not run in project `{}`", opened.place.project.display());
        opened.console.failure(&message, &[], Some("`sync status --json` has the numbers of attempts"));
        return Ok(Exit::TaskFailed);
    }
    attempt::reports::of_lost(&closed, store, common, opened);
    for attempt in closed {
        if let Some(session) = store.session_of(attempt)? {
            opened.console.result(&format!(
                "attempt {attempt} of {} counts as lost: `sync retry --session {}{}` runs what is left\n",
                session.workflow,
                session.id,
                pasteable_flags(common)
            ));
        }
    }
    Ok(Exit::Success)
}

fn project(opened: &Opened) -> String {
    opened.place.project.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::properties::Sources;
    use super::*;

    #[test]
    fn days_or_off() {
        let said = |text: &str| {
            let sources = Sources { text: Some(text.into()), ..Sources::default() };
            keep(&Properties::load(&sources).expect("they are right"))
        };
        let days = |number: i64| Some(SignedDuration::from_hours(24 * number));
        assert_eq!(said("").expect("right"), days(90));
        assert_eq!(said("sync.keep_days = 7").expect("right"), days(7));
        assert_eq!(said("sync.keep_days = off").expect("right"), None);
        for wrong in ["0", "-1", "1.5", "never", "90d"] {
            assert_eq!(
                said(&format!("sync.keep_days = {wrong}")).expect_err("wrong").to_string(),
                "property `sync.keep_days` takes a whole number of days from 1 to 65535, or `off`"
            );
        }
    }
}
