//! `sync status`: what ran, what runs, what failed.

mod see;

use anyhow::bail;
use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::CommonArgs;
use super::length::length;
use super::opening::{Opened, pasteable_flags};
use super::unused::Question;
use super::{retry, unused};
use crate::diagnostic::suggest;
use crate::exit::Exit;
use crate::program;
use crate::report::attempt::AttemptReport;
use crate::report::console::Results;
use crate::report::live::{progress_json, progress_of};
use crate::report::status::{self, Clock, Seen, Standing};
use crate::session::TaskState;
use crate::state::{SessionRecord, Sought, Store, TransferRecord, TransferState, Undelivered};

use see::See;

/// `sync status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// One session with its tasks and tables: its number, or `last`
    #[arg(long, value_name = "ID|last")]
    session: Option<String>,
    /// Only sessions of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only sessions whose last attempt started since then: 12h, 7d, or a time in ISO 8601
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only sessions, or tasks, that failed
    #[arg(long)]
    failed: bool,
    /// The tables that were copied and that nobody reads, by the records of their warehouse
    #[arg(long, conflicts_with_all = ["session", "since", "failed"])]
    unused: bool,
    /// With --unused: how long nobody has read them: 90d, 2160h
    #[arg(long, value_name = "LENGTH", default_value = "90d", requires = "unused")]
    older_than: String,
    /// With --unused: queries of this project of Google Cloud count as well
    #[arg(long, value_name = "PROJECT", requires = "unused")]
    reader_project: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Sessions that are looked through.
const LIMIT: u32 = 1000;

/// Runs the command.
pub fn exec(args: &StatusArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let results = if args.json { Results::Json } else { Results::Human };
    let opened = Opened::new(common, None, results)?;
    if !opened.place.state.exists() {
        bail!("nothing has run yet in project `{}`", opened.place.project.display());
    }
    let store = Store::open(&opened.place.state)?;
    if args.unused {
        let Some(length) = length(&args.older_than).filter(SignedDuration::is_positive) else {
            bail!("`--older-than` takes a length such as `90d` or `48h`, but got `{}`", args.older_than)
        };
        let question =
            Question { workflow: args.workflow.as_deref(), length, reader_projects: &args.reader_project };
        return unused::show(&question, &store, &opened);
    }
    match &args.session {
        Some(session) => one(args, session, &store, &opened, common),
        None => all(args, &store, &opened),
    }
}

fn all(args: &StatusArgs, store: &Store, opened: &Opened) -> anyhow::Result<Exit> {
    let clock = Clock::of_process();
    let since = args.since.as_deref().map(|text| since(text, clock.now)).transpose()?;
    let sought = Sought { workflow: args.workflow.as_deref(), since };
    let project = opened.place.project.to_string_lossy();
    let mut sessions = store.sessions(&project, sought, LIMIT)?;
    let is_whole = sessions.len() < LIMIT as usize;
    sessions.retain(|session| !args.failed || has_failed(session));
    let seen = See::new(store, clock.now).all(sessions)?;
    let undelivered = undelivered(store, opened)?;
    let console = &opened.console;
    if args.json {
        let undelivered: Vec<_> =
            undelivered.iter().map(|(one, name)| status::undelivered_json(one, name.as_deref())).collect();
        let sessions: Vec<_> = seen.iter().map(|seen| status::session_json(seen, clock.now)).collect();
        console.json(&json!({
            "version": status::VERSION, "sessions": sessions, "undelivered": undelivered,
        }));
        return Ok(Exit::Success);
    }
    if seen.is_empty() {
        console.say(&no_session(args, store, &project)?);
    } else {
        let (width, colors) = (console.out_width(), console.out_colors());
        console.result(&status::fitted(|clock| status::sessions(&seen, clock), &clock, width, colors));
        for seen in &seen {
            show_live(seen, &clock, opened);
        }
    }
    if !is_whole {
        console
            .say(&format!("these are among the newest {LIMIT} sessions: `--workflow` and `--since` choose"));
    }
    show_undelivered(&undelivered, opened);
    Ok(Exit::Success)
}

/// That nothing was found, and where a workflow has never run, the one that may be meant.
fn no_session(args: &StatusArgs, store: &Store, project: &str) -> anyhow::Result<String> {
    let Some(workflow) = &args.workflow else { return Ok("no such session".to_owned()) };
    let known = store.workflows(project)?;
    if known.contains(workflow) {
        return Ok("no such session".to_owned());
    }
    let near = suggest(workflow, known.iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Ok(format!("no such session: a workflow `{workflow}` has not run here{near}"))
}

/// What a session does now.
fn show_live(seen: &Seen, clock: &Clock, opened: &Opened) {
    let Some(live) = &seen.live else { return };
    let (console, record) = (&opened.console, &seen.record);
    console.result(&format!("\nsession {} of {} runs: {}", record.id, record.workflow, live.summary()));
    let table = live.table(clock.now);
    if !table.is_empty() {
        console.result(&table.render_fit(console.out_width(), console.out_colors()));
    }
}

/// What people were not told, with the workflow that it is about. What nobody has tried to tell is no news where there
/// is no way to tell it.
fn undelivered(store: &Store, opened: &Opened) -> anyhow::Result<Vec<(Undelivered, Option<String>)>> {
    let properties = &opened.properties;
    let has_way =
        properties.get("notification.type").is_some() || properties.under("sync.notify.").next().is_some();
    let mut undelivered = store.undelivered(&opened.place.project.to_string_lossy())?;
    undelivered.retain(|one| has_way || one.tries > 0);
    let named = undelivered.into_iter().map(|one| {
        let session = one.attempt.map(|attempt| store.session_of(attempt)).transpose()?.flatten();
        Ok((one, session.map(|session| session.workflow)))
    });
    named.collect()
}

fn show_undelivered(undelivered: &[(Undelivered, Option<String>)], opened: &Opened) {
    for (one, workflow) in undelivered {
        let line = status::undelivered(one, workflow.as_deref(), &TimeZone::system());
        opened.console.result(&format!("{line}\n"));
    }
}

fn has_failed(session: &SessionRecord) -> bool {
    matches!(Standing::of(&session.attempt), Standing::Failed | Standing::Stopped | Standing::Lost)
}

fn one(
    args: &StatusArgs,
    session: &str,
    store: &Store,
    opened: &Opened,
    common: &CommonArgs,
) -> anyhow::Result<Exit> {
    let session = retry::find(session, store, opened)?;
    let starting = session.attempt.starting_attempt;
    let mut tasks = status::latest_tasks(store.tasks(starting)?);
    let mut transfers = status::latest_transfers(store.transfers(starting)?);
    let progress = store.progress(session.attempt.id)?;
    let attempts: Vec<_> = store.attempts(session.id)?.iter().map(|attempt| attempt.id).collect();
    let mut undelivered = undelivered(store, opened)?;
    undelivered.retain(|(one, _)| one.attempt.is_some_and(|attempt| attempts.contains(&attempt)));
    let clock = Clock::of_process();
    let seen = See::new(store, clock.now).one(session.clone())?;
    if args.failed {
        tasks.retain(|task| task.failure.is_some() && task.state != TaskState::Success);
        transfers.retain(|transfer| transfer.state == TransferState::Error);
    }
    if args.json {
        let transfer = |transfer: &TransferRecord| {
            let mut json = status::transfer_json(transfer);
            if let Some(so_far) = progress_of(transfer, &progress) {
                json["progress"] = progress_json(&so_far);
            }
            json
        };
        let mut object = status::session_json(&seen, clock.now);
        object["version"] = status::VERSION.into();
        object["tasks"] = tasks.iter().map(status::task_json).collect();
        object["transfers"] = transfers.iter().map(transfer).collect();
        object["undelivered"] =
            undelivered.iter().map(|(one, name)| status::undelivered_json(one, name.as_deref())).collect();
        opened.console.json(&object);
        return Ok(Exit::Success);
    }
    let (width, colors) = (opened.console.out_width(), opened.console.out_colors());
    let mut parts = vec![status::fitted(
        |clock| status::sessions(std::slice::from_ref(&seen), clock),
        &clock,
        width,
        colors,
    )];
    parts.extend(seen.slow.map(|slow| format!("{}\n", status::slow_line(&slow))));
    if !tasks.is_empty() {
        parts.push(status::fitted(|clock| status::tasks(&tasks, clock), &clock, width, colors));
    }
    if !transfers.is_empty() {
        let table = |clock: &Clock| status::transfers(&transfers, &progress, clock);
        parts.push(status::fitted(table, &clock, width, colors));
    }
    let id = session.id;
    let command = program::command(&format!("sync retry --session {id}{}", pasteable_flags(common)));
    let report = AttemptReport::new(session, tasks, transfers).retried_by(command);
    parts.extend([report.failures(), report.retry_line()].into_iter().filter(|part| !part.is_empty()));
    opened.console.result(&parts.join("\n"));
    show_undelivered(&undelivered, opened);
    Ok(Exit::Success)
}

/// A length back from now, or a time.
fn since(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Some(length) = length(text) {
        return Ok(now.saturating_sub(length)?);
    }
    let time = text.parse::<Timestamp>().or_else(|_| {
        text.parse::<jiff::civil::Date>()?.to_zoned(TimeZone::system()).map(|time| time.timestamp())
    });
    match time {
        Ok(time) => Ok(time),
        Err(_) => {
            bail!("`--since` takes a length such as `12h` or `7d`, or a time in ISO 8601, but got `{text}`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_length_or_a_time() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        assert_eq!(since("12h", now).unwrap().to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(since("2026-01-01T00:00:00Z", now).unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(
            since("soon", now).unwrap_err().to_string(),
            "`--since` takes a length such as `12h` or `7d`, or a time in ISO 8601, but got `soon`"
        );
    }
}
