//! `sync notify --lost`: what `OnFailure=` of a systemd unit calls, and whatever else watches over runs. `--test` tries out
//! whether what the properties say works.

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::opening::Opened;
use super::properties::Way;
use super::telling::{Effort, Telling};
use super::{CommonArgs, attempt, notices};
use crate::exit::Exit;
use crate::report::console::Results;
use crate::report::notice::{Event, sample};
use crate::run::notification::{Letter, NotDelivered};
use crate::state::Store;

/// `sync notify`
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct NotifyArgs {
    /// Tell of runs that ended without a report (killed, out of memory, power gone), and send again what could not be
    /// delivered
    #[arg(long)]
    lost: bool,
    /// Print what would be sent for each event and way, and send one message in each way that says it is a test
    #[arg(long)]
    test: bool,
}

/// Runs the command: 0 when people know everything, 75 when something could not be delivered.
pub fn exec(args: &NotifyArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let opened = Opened::new(common, None, Results::Human)?;
    let telling = Telling::new(&opened, common)?;
    if !telling.has_way() {
        bail!(
            "nobody can be told: no property says how (`sync.notify.slack.url` and others, or `notification.type`)"
        );
    }
    if args.test {
        return Ok(test(&telling, &opened));
    }
    if !opened.place.state.exists() {
        opened.console.say("nothing has run yet");
        return Ok(Exit::Success);
    }
    let mut store = Store::open(&opened.place.state)?;
    attempt::reports::find_lost(&mut store, Timestamp::now(), common, &opened)?;
    let told = telling.before(&mut store, Effort::AsSet);
    Ok(if told.left > 0 { Exit::TryLater } else { Exit::Success })
}

/// First all that would be sent, then what is sent.
fn test(telling: &Telling<'_>, opened: &Opened) -> Exit {
    let (console, now) = (&opened.console, Timestamp::now());
    let project = notices::project_name(opened).unwrap_or_default();
    for way in telling.ways() {
        for event in Event::ALL {
            let (name, word) = (way.name, event.word());
            if way.events.contains(&event) {
                console.result(&format!("== {name}, {word}: would be sent ==\n"));
                console.result(&shown(way, &way.letter(&sample(event, &project, now))));
            } else {
                console.result(&format!("== {name}, {word}: would not be sent: `on` leaves it out ==\n"));
            }
        }
    }
    if let Some((channel, fields)) = telling.digdag_sample() {
        console.result(&format!("== notification.type = {channel}, a test: would be sent ==\n"));
        console.result(&format!("{:#}\n", Value::Object(fields)));
    }
    let mut exit = Exit::Success;
    let mut told = |name: &str, sent: Result<(), NotDelivered>| match sent {
        Ok(()) => console.result(&format!("== {name}: a test message was sent ==\n")),
        Err(error) => {
            console.error(&format!("the test message by {name} was not delivered: {error}"));
            exit = Exit::TryLater;
        }
    };
    for way in telling.ways() {
        // Events are the way's own, at least one.
        let event = way.events.first().copied().unwrap_or(Event::Failure);
        let letter = way.letter(&sample(event, &project, now));
        told(way.name, telling.send(way, &letter, Effort::Once, &mut |_, _| {}));
    }
    if let Some((channel, sent)) = telling.test_digdag() {
        told(&format!("notification.type = {channel}"), sent);
    }
    exit
}

/// A mail as it is read, all else as JSON that people can read.
fn shown(way: &Way, letter: &Letter) -> String {
    match serde_json::from_str::<Value>(&letter.body) {
        Ok(json) if way.name != "mail" => format!("{json:#}\n"),
        _ => format!("Subject: {}\n\n{}", letter.subject, letter.body),
    }
}
