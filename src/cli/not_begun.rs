//! A run that nobody watches and that could not begin, as its workflow is invalid, say: people are told all the same.

use jiff::Timestamp;

use super::opening::Opened;
use super::telling::{Effort, Telling};
use super::{CommonArgs, attempt};
use crate::exit::Exit;
use crate::session::Level;
use crate::state::{StateError, Store};

/// Who looks at what a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Somebody at a terminal.
    AtTerminal,
    /// A timer, or another program.
    ByNobody,
}

impl Watched {
    /// A timer says so; else there is a terminal, or there is none.
    pub fn of(opened: &Opened, is_scheduled: bool) -> Self {
        if opened.console.can_redraw() && !is_scheduled { Self::AtTerminal } else { Self::ByNobody }
    }
}

/// Tells of a command that ended before it had begun an attempt. `what` it was to run.
pub fn tell(ended: &anyhow::Result<Exit>, what: &str, opened: &Opened, common: &CommonArgs) {
    let reason = match ended {
        Ok(Exit::Invalid) => "it, or a file that it needs, is invalid: `sync check` says where".to_owned(),
        Ok(_) => return,
        Err(error) => format!("{error:#}"),
    };
    let telling = match Telling::new(opened, common) {
        Ok(telling) if telling.has_way() => telling,
        _ => return,
    };
    let message = format!("`{what}` did not run: {reason}");
    let is_of_state = ended.as_ref().is_err_and(anyhow::Error::is::<StateError>);
    let kept = if is_of_state { None } else { keep(&message, &telling, opened, common) };
    if let Some(mut store) = kept {
        telling.before(&mut store, Effort::Once);
    } else if let Err(error) = telling.directly(&message) {
        opened.console.log(Level::Warn, &format!("nobody could be told: {error}"));
    }
}

/// Notes it in the state, where there is one that can be written.
fn keep(message: &str, telling: &Telling<'_>, opened: &Opened, common: &CommonArgs) -> Option<Store> {
    opened.place.prepare().ok()?;
    let mut store = Store::open(&opened.place.state).ok()?;
    // Nobody came so far as to look.
    attempt::reports::find_lost(&mut store, Timestamp::now(), common, opened).ok()?;
    telling.keep(message, &mut store).ok()?;
    Some(store)
}
