//! `sync run`: a new attempt that runs everything.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Zoned;

use super::CommonArgs;
use super::attempt::{self, Desk, Earlier, Keeping, Order};
use super::not_begun::{self, Watched};
use super::opening::Opened;
use super::reading::{all_params, given, load};
use super::retry::{self, Resumed};
use super::run_args::RunArgs;
use super::session_time::Wanted;
use super::telling::{Effort, Telling};
use super::unsaved::Unsaved;
use crate::dig::schedule::Overtime;
use crate::dig::workflow::Workflow;
use crate::exit::Exit;
use crate::plan::{Recorded, Selection};
use crate::report::console::Results;
use crate::run::RunMode;
use crate::session::{Level, Params, SessionTime};
use crate::state::{AttemptKind, Store};

/// Runs the command.
pub fn exec(args: &RunArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let results = if args.shared.json { Results::Json } else { Results::Human };
    let file = dig_file(&args.file);
    let mut opened = Opened::new(common, Some(&file), results)?;
    let ended = begin(args, &file, common, &mut opened);
    let is_remembered = !args.no_save && !args.dry_run;
    if is_remembered && Watched::of(&opened, args.scheduled) == Watched::ByNobody {
        not_begun::tell(&ended, &file.to_string_lossy(), &opened, common);
    }
    ended
}

fn begin(args: &RunArgs, file: &Path, common: &CommonArgs, opened: &mut Opened) -> anyhow::Result<Exit> {
    let Some(workflow) = load(file, opened)? else { return Ok(Exit::Invalid) };
    let params = all_params(&args.shared, opened)?;
    for name in shadowed(&given(&args.shared.given)?, &workflow.root.export) {
        let file = workflow.path.display();
        let text =
            format!("parameter `{name}` of the command line has no effect: `_export` in {file} sets it, too");
        opened.console.log(Level::Warn, &text);
    }
    opened.place.prepare().with_context(|| {
        format!("the folder of the state `{}` could not be made", opened.place.state_folder().display())
    })?;
    let mut store = Store::open(&opened.place.state)?;
    let now = Zoned::now();
    attempt::reports::find_lost(&mut store, now.timestamp(), common, opened)?;
    Telling::new(opened, common)?.before(&mut store, Effort::Once);
    // What is asked of the state is asked before.
    let keeping = if args.no_save || args.dry_run { Keeping::Nothing } else { Keeping::State };
    let _unsaved = match keeping {
        Keeping::State => None,
        Keeping::Nothing => {
            Some(Unsaved::take(&mut opened.place).context("the folder of the run could not be made")?)
        }
    };
    let mode = if args.dry_run { RunMode::Dry } else { RunMode::Real };
    let desk = Desk { opened, shared: &args.shared, common, keeping };
    let wanted = args.session.as_deref().map_or(Wanted::Due, Wanted::parse);
    let last = match wanted {
        Wanted::Last => store.last_session_of(&project_name(opened), &workflow.name)?,
        _ => None,
    };
    let time = match last {
        Some(session) if !args.rerun && !args.no_save => {
            let selection = selection(args);
            let resumed = Resumed { session, workflow, selection, mode };
            return retry::resume(resumed, &params, store, &desk);
        }
        Some(session) => retry::time_of(&session, &workflow)?,
        None => match wanted.choose(&workflow.name, &workflow.timezone, workflow.schedule.as_ref(), &now) {
            Ok(time) => time,
            Err(error) => {
                opened.console.failure(&error.to_string(), &[], None);
                return Ok(Exit::Usage);
            }
        },
    };
    if args.scheduled
        && let Some(reason) = not_now(&workflow, &time, &now)
    {
        opened.console.say(&reason);
        return Ok(Exit::Success);
    }
    let skips_overtime =
        workflow.schedule.as_ref().is_some_and(|schedule| schedule.overtime == Overtime::Skip);
    let order = Order {
        sizes: attempt::sizes(&store, &project_name(opened), &workflow.name)?,
        workflow,
        time,
        kind: AttemptKind::Run,
        starting_attempt: None,
        recorded: Recorded::default(),
        selection: selection(args),
        params,
        mode,
        earlier: if args.rerun { Earlier::Again } else { Earlier::Counts },
    };
    match attempt::carry_out(order, desk.own_store(store)?, &desk)? {
        // The schedule itself says that a session is left out while another runs.
        Exit::TryLater if args.scheduled && skips_overtime => Ok(Exit::Success),
        exit => Ok(exit),
    }
}

/// Digdag's rule: what is given on the command line is weaker than any `_export`. People expect the opposite.
fn shadowed<'a>(given: &'a Params, export: &Params) -> Vec<&'a str> {
    let both_maps = |name: &str| given[name].is_object() && export[name].is_object();
    given.keys().map(String::as_str).filter(|name| export.contains_key(*name) && !both_maps(name)).collect()
}

fn project_name(opened: &Opened) -> String {
    opened.place.project.to_string_lossy().into_owned()
}

/// Why a timer's run has nothing to do: the options of the schedule say so.
fn not_now(workflow: &Workflow, time: &SessionTime, now: &Zoned) -> Option<String> {
    let schedule = workflow.schedule.as_ref()?;
    if !schedule.allows(&time.0) {
        return Some(format!("session {time} lies outside `start` and `end` of the schedule: nothing runs"));
    }
    let limit = schedule.skip_delayed_by?;
    let late = now.duration_since(&schedule.run_time(&time.0)?).unsigned_abs();
    (late > limit)
        .then(|| format!("session {time} is later than `skip_delayed_by` of the schedule: nothing runs"))
}

fn selection(args: &RunArgs) -> Selection {
    let selection = match (&args.start, &args.goal, &args.end) {
        (Some(start), _, Some(end)) => Selection::Between { start: start.clone(), end: end.clone() },
        (Some(pattern), _, _) => Selection::From(pattern.clone()),
        (_, Some(pattern), _) => Selection::Goal(pattern.clone()),
        (_, _, Some(pattern)) => Selection::End(pattern.clone()),
        _ => Selection::All,
    };
    match &args.task {
        Some(pattern) => Selection::Subtree(pattern.clone(), Box::new(selection)),
        None => selection,
    }
}

/// `sync run flow` means `flow.dig`, as with Digdag.
fn dig_file(file: &Path) -> PathBuf {
    if file.extension().is_none() && !file.exists() { file.with_extension("dig") } else { file.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dig;
    use crate::reader::MemoryReader;

    #[test]
    fn the_schedule_may_leave_a_session_out() {
        let said = |options: &str, session: &str| {
            let text = format!("schedule:\n  daily>: '07:00:00'\n  {options}\n+a:\n  echo>: x\n");
            let reader = MemoryReader::default().with("main.dig", &text);
            let workflow = dig::load(Path::new("main.dig"), &reader).workflow.expect("a workflow");
            let time = SessionTime(format!("{session}T00:00:00+00:00[UTC]").parse().expect("a time"));
            not_now(&workflow, &time, &"2026-01-02T08:00:00+00:00[UTC]".parse().expect("a time"))
        };
        assert_eq!(said("end: 2026-01-05", "2026-01-02"), None);
        assert_eq!(
            said("end: 2026-01-01", "2026-01-02").as_deref(),
            Some(
                "session 2026-01-02T00:00:00+00:00 lies outside `start` and `end` of the schedule: nothing runs"
            )
        );
        assert_eq!(said("skip_delayed_by: 1h", "2026-01-02"), None);
        assert_eq!(
            said("skip_delayed_by: 59m", "2026-01-02").as_deref(),
            Some(
                "session 2026-01-02T00:00:00+00:00 is later than `skip_delayed_by` of the schedule: nothing runs"
            )
        );
    }
}
