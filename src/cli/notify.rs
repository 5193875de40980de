//! `sync notify --lost`: what `OnFailure=` of a systemd unit calls, and whatever else watches over runs.

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;

use super::opening::Opened;
use super::telling::{Effort, Telling};
use super::{CommonArgs, attempt};
use crate::exit::Exit;
use crate::report::console::Results;
use crate::state::Store;

/// `sync notify`
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Tell of runs that ended without a report (killed, out of memory, power gone), and send again what could not be
    /// delivered
    #[arg(long, required = true)]
    lost: bool,
}

/// Runs the command: 0 when people know everything, 75 when something could not be delivered.
pub fn exec(_: &NotifyArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let opened = Opened::new(common, None, Results::Human)?;
    let telling = Telling::new(&opened, common)?;
    if !telling.has_way() {
        bail!("nobody can be told: property `notification.type` is not set");
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
