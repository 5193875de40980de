//! `sync report`: what an attempt did, for people and for programs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::attempt::reports;
use super::opening::Opened;
use super::{CommonArgs, retry};
use crate::exit::Exit;
use crate::report::attempt::AttemptReport;
use crate::report::console::Results;
use crate::report::status::Standing;
use crate::report::tasklog::ReportForm;
use crate::session::Level;
use crate::state::Store;

/// `sync report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The session: its number in `sync status`, or `last`
    #[arg(long, value_name = "ID|last", default_value = "last")]
    session: String,
    /// The attempt [default: the session's last]
    #[arg(long, value_name = "N")]
    attempt: Option<i64>,
    /// Print JSON: what `report.json` beside the logs holds
    #[arg(long)]
    json: bool,
    /// Write a page that needs nothing else, as `report.html` beside the logs; `-` is stdout
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

/// Runs the command.
pub fn exec(args: &ReportArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let results = if args.json { Results::Json } else { Results::Human };
    let opened = Opened::new(common, None, results)?;
    if !opened.place.state.exists() {
        bail!("nothing has run yet in project `{}`", opened.place.project.display());
    }
    let store = Store::open(&opened.place.state)?;
    let mut session = retry::find(&args.session, &store, &opened)?;
    if let Some(number) = args.attempt {
        session = retry::attempt_of(&session, number, &store)?;
    }
    let report = reports::made_later(session, &store, common)?;
    if report.standing() == Standing::Lost
        && let Err(error) = reports::keep(&report, &store, &opened)
    {
        opened.console.log(Level::Warn, &format!("the report could not be kept: {error:#}"));
    }
    let attempt = report.attempt();
    let file = ReportForm::Json.file(opened.place.state_folder(), attempt.session, attempt.id);
    // As it was written when the attempt ended; the state gives another where it is not there or not whole.
    let kept = || std::fs::read(file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    if let Some(file) = &args.html {
        // What only the process itself knew.
        let kept = kept().unwrap_or_default();
        let mut report = report.in_zone(kept["process_zone"].as_str());
        if let Some(command) = kept["retry_command"].as_str() {
            report = report.retried_by(command.to_owned());
        }
        write_page(&report, file, &store, &opened)?;
    } else if args.json {
        opened.console.json(&kept().unwrap_or_else(|| report.json()));
    } else {
        let text = report.text(&TimeZone::system(), opened.console.out_colors());
        opened.console.result(&text);
    }
    Ok(Exit::Success)
}

fn write_page(report: &AttemptReport, file: &Path, store: &Store, opened: &Opened) -> anyhow::Result<()> {
    let page = reports::page(report, store, opened)?;
    if file == Path::new("-") {
        opened.console.output(page.as_bytes());
        return Ok(());
    }
    std::fs::write(file, page).with_context(|| format!("`{}` cannot be written", file.display()))
}
