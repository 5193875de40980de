//! Makes the reports of attempts out of the state, and puts them beside the logs.

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::opening::{Opened, pasteable_flags};
use super::super::{CommonArgs, safe, variable};
use crate::program;
use crate::report::attempt::AttemptReport;
use crate::report::notice::ReportLink;
use crate::report::page::{self, LogTail, Page};
use crate::report::status::Standing;
use crate::report::tasklog::{
    self, AttemptIdentity, ReportForm, ReportPlace, TaskLogs, attempt_directory, write_report,
};
use crate::session::{AttemptId, Level, SessionId};
use crate::state::{AttemptRecord, SessionRecord, StateError, Store};

/// So many lines of the log of a task that failed are in the page.
const TAIL: usize = 20;

/// Who an attempt is in the names of its objects. The first attempt of a session has no name of its own, as in Digdag;
/// the others have one, so that each has a place of its own for its report.
pub(super) fn identity(
    workflow: &str,
    session_time: String,
    attempt: &AttemptRecord,
    store: &Store,
) -> Result<AttemptIdentity, StateError> {
    let is_first = store.attempts(attempt.session)?.first().is_some_and(|first| first.id == attempt.id);
    let number = (!is_first).then(|| format!("attempt{}", attempt.id));
    Ok(AttemptIdentity {
        workflow: workflow.to_owned(),
        session_time,
        name: attempt.name.clone().or(number),
        started_at: attempt.started_at,
        agent: format!("{}@{}", attempt.process.pid, attempt.process.host),
    })
}

/// The report of the attempt that stands in a session's record, without a command that goes on with it.
pub fn read(session: SessionRecord, store: &Store) -> Result<AttemptReport, StateError> {
    let starting = session.attempt.starting_attempt;
    let (tasks, transfers) = (store.tasks(starting)?, store.transfers(starting)?);
    Ok(AttemptReport::new(session, tasks, transfers))
}

/// Writes the report of an attempt that this process has ended.
pub(super) fn write(
    attempt: AttemptId,
    store: &Store,
    logs: &TaskLogs,
    retry: impl FnOnce(SessionId) -> String,
    opened: &Opened,
) {
    let read = || -> Result<_, StateError> {
        let Some(session) = store.session_of(attempt)? else { return Ok(None) };
        let command = retry(session.id);
        let report = read(session, store)?.retried_by(command);
        Ok(Some(report.in_zone(TimeZone::system().iana_name())))
    };
    match read() {
        // Its end could not be recorded: the next run finds it as one that ended without a word.
        Ok(Some(report)) if report.standing() == Standing::Running => {}
        Ok(Some(report)) => {
            match page(&report, store, opened) {
                Ok(page) => logs.report(ReportForm::Html, &page),
                Err(error) => logs.report_lost(&error.to_string()),
            }
            logs.report(ReportForm::Json, &text(&report, opened));
        }
        Ok(None) => {}
        Err(error) => logs.report_lost(&error.to_string()),
    }
}

/// Closes the attempts of the project whose process is gone, says so, and writes their reports. People are to be told:
/// see [`super::super::telling`].
pub fn find_lost(
    store: &mut Store,
    at: Timestamp,
    common: &CommonArgs,
    opened: &Opened,
) -> Result<(), StateError> {
    let lost = store.recover(&opened.place.project.to_string_lossy(), at)?;
    for lost in &lost {
        opened.console.log(Level::Warn, &format!("attempt {lost} ended without a word: its process is gone"));
    }
    of_lost(&lost, store, common, opened);
    Ok(())
}

/// Writes the reports of attempts whose process died, and notes that they have to be sent where there is a log server.
/// What cannot be written is said and keeps nobody from working.
pub fn of_lost(lost: &[AttemptId], store: &Store, common: &CommonArgs, opened: &Opened) {
    for &attempt in lost {
        if let Err(error) = write_lost(attempt, store, common, opened) {
            let text = format!("the report of attempt {attempt} could not be written: {error:#}");
            opened.console.log(Level::Warn, &text);
        }
    }
}

/// Writes the report of an attempt that nobody reported.
fn write_lost(attempt: AttemptId, store: &Store, common: &CommonArgs, opened: &Opened) -> anyhow::Result<()> {
    let session = store.session_of(attempt)?.context("it is not in the state")?;
    let report = made_later(session, store, common)?;
    keep(&report, store, opened)
}

/// The report of an attempt, made by another process than its own.
pub fn made_later(
    session: SessionRecord,
    store: &Store,
    common: &CommonArgs,
) -> Result<AttemptReport, StateError> {
    let command =
        program::command(&format!("sync retry --session {}{}", session.id, pasteable_flags(common)));
    Ok(read(session, store)?.retried_by(command))
}

/// Keeps a report that was made later, unless the attempt's own is there.
pub fn keep(report: &AttemptReport, store: &Store, opened: &Opened) -> anyhow::Result<()> {
    let (session, attempt) = (report.session(), report.attempt());
    let state_folder = opened.place.state_folder();
    if ReportForm::Json.file(state_folder, attempt.session, attempt.id).exists() {
        return Ok(());
    }
    let identity = || identity(&session.workflow, compact(&session.session_time), attempt, store);
    let settings = opened.properties.log_server()?;
    let server = safe::log_server(settings.as_ref(), identity, &safe::aws(&opened.properties))?;
    let place = ReportPlace { state_folder, session: attempt.session, attempt: attempt.id };
    let write = |form, text: &str| {
        let key = server.as_ref().map(|server| server.identity.report_key(&server.path, form));
        write_report(&place, form, text, key)
    };
    // The page first: who finds the other takes it that both are there.
    write(ReportForm::Html, &page(report, store, opened)?)?;
    Ok(write(ReportForm::Json, &text(report, opened))?)
}

/// The page of a report, without a secret, in the zone of this process.
pub fn page(report: &AttemptReport, store: &Store, opened: &Opened) -> Result<String, StateError> {
    let before = store.last_good_before(report.session())?;
    let before = before.map(|session| read(session, store)).transpose()?;
    let (folder, session) = (opened.place.state_folder(), report.session().id);
    let logs = page::wanted_logs(report).into_iter().filter_map(|(task, attempt)| {
        let directory = attempt_directory(folder, session, attempt);
        // A log that cannot be read is left out: the page tells of the failure all the same.
        let lines = tasklog::tail(&directory, &task, TAIL).ok()??;
        Some(LogTail { task, attempt, lines })
    });
    let (logs, zone) = (logs.collect::<Vec<_>>(), TimeZone::system());
    let page = Page { report, before: before.as_ref(), logs: &logs, zone: &zone };
    Ok(page.html(&opened.scrubber))
}

/// Where the report of an attempt lies in S3, when there is a log server.
pub fn link(session: &SessionRecord, store: &Store, opened: &Opened) -> anyhow::Result<Option<ReportLink>> {
    let Some(server) = opened.properties.log_server()? else { return Ok(None) };
    let identity = identity(&session.workflow, compact(&session.session_time), &session.attempt, store)?;
    let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let endpoint = server.endpoint.or_else(|| variables.into_iter().find_map(variable));
    Ok(Some(ReportLink::new(
        &server.bucket,
        &identity.report_key(&server.path, ReportForm::Html),
        endpoint.as_deref(),
    )))
}

/// `yyyy-MM-dd'T'HH:mm:ssxxx` as `yyyyMMdd'T'HHmmssxx`.
fn compact(session_time: &str) -> String {
    let time = session_time.replace(':', "");
    match time.split_once('T') {
        Some((day, time)) => format!("{}T{time}", day.replace('-', "")),
        None => time,
    }
}

/// The file: JSON that people can read as well, without a secret.
fn text(report: &AttemptReport, opened: &Opened) -> String {
    format!("{:#}\n", opened.scrubber.scrub_value(&report.json()))
}
