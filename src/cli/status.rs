//! `sync status`: what ran, what runs, what failed.

use anyhow::bail;
use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::CommonArgs;
use super::opening::Opened;
use super::unused::Question;
use super::{retry, unused};
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::status::{self, Standing};
use crate::session::TaskState;
use crate::state::{SessionRecord, Store, TransferState, Undelivered};

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
        Some(session) => one(args, session, &store, &opened),
        None => all(args, &store, &opened),
    }
}

fn all(args: &StatusArgs, store: &Store, opened: &Opened) -> anyhow::Result<Exit> {
    let since = args.since.as_deref().map(|text| since(text, Timestamp::now())).transpose()?;
    let mut sessions = store.sessions(&opened.place.project.to_string_lossy(), LIMIT)?;
    sessions.retain(|session| {
        args.workflow.as_ref().is_none_or(|name| *name == session.workflow)
            && since.is_none_or(|since| session.attempt.started_at >= since)
            && (!args.failed || has_failed(session))
    });
    let undelivered = undelivered(store, opened)?;
    let console = &opened.console;
    if args.json {
        let undelivered: Vec<_> =
            undelivered.iter().map(|(one, name)| status::undelivered_json(one, name.as_deref())).collect();
        let sessions: Vec<_> = sessions.iter().map(status::session_json).collect();
        console.json(&json!({"sessions": sessions, "undelivered": undelivered}));
        return Ok(Exit::Success);
    }
    if sessions.is_empty() {
        console.say("no such session");
    } else {
        console.result(&status::sessions(&sessions, &TimeZone::system()).render(console.out_colors()));
    }
    show_undelivered(&undelivered, opened);
    Ok(Exit::Success)
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
    !matches!(Standing::of(&session.attempt), Standing::Success | Standing::Running)
}

fn one(args: &StatusArgs, session: &str, store: &Store, opened: &Opened) -> anyhow::Result<Exit> {
    let session = retry::find(session, store, opened)?;
    let starting = session.attempt.starting_attempt;
    let mut tasks = status::latest_tasks(store.tasks(starting)?);
    let mut transfers = status::latest_transfers(store.transfers(starting)?);
    if args.failed {
        tasks.retain(|task| task.failure.is_some() && task.state != TaskState::Success);
        transfers.retain(|transfer| transfer.state == TransferState::Error);
    }
    let attempts: Vec<_> = store.attempts(session.id)?.iter().map(|attempt| attempt.id).collect();
    let mut undelivered = undelivered(store, opened)?;
    undelivered.retain(|(one, _)| one.attempt.is_some_and(|attempt| attempts.contains(&attempt)));
    if args.json {
        let mut object = status::session_json(&session);
        object["tasks"] = tasks.iter().map(status::task_json).collect();
        object["transfers"] = transfers.iter().map(status::transfer_json).collect();
        object["undelivered"] =
            undelivered.iter().map(|(one, name)| status::undelivered_json(one, name.as_deref())).collect();
        opened.console.json(&object);
        return Ok(Exit::Success);
    }
    let zone = TimeZone::system();
    let session = status::sessions(std::slice::from_ref(&session), &zone);
    for table in [session, status::tasks(&tasks, &zone), status::transfers(&transfers)] {
        if !table.is_empty() {
            opened.console.result(&format!("{}\n", table.render(opened.console.out_colors())));
        }
    }
    show_undelivered(&undelivered, opened);
    Ok(Exit::Success)
}

/// `12h`, `7d`, `30m`.
pub(super) fn length(text: &str) -> Option<SignedDuration> {
    let (at, unit) = text.char_indices().next_back()?;
    let number: i64 = text[..at].parse().ok()?;
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    number.checked_mul(unit).map(SignedDuration::from_secs)
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
