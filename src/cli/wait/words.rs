//! What is said of a session or a task that is waited for.

use jiff::tz::TimeZone;

use super::verdict::{Verdict, Why};
use crate::report::status::{self, Standing};
use crate::run::StopReason;
use crate::run::event::{AttemptOutcome, TaskFailure};
use crate::session::TaskName;
use crate::state::SessionRecord;

/// How far it is, while it is waited for.
pub(super) fn stands(verdict: &Verdict, session: Option<&SessionRecord>) -> String {
    match (verdict, session) {
        (Verdict::Runs(attempt), Some(session)) => {
            let since = status::moment(session.attempt.started_at, &TimeZone::system());
            format!("attempt {attempt} runs since {since}")
        }
        (Verdict::LeftOut(attempt), _) => {
            format!("attempt {attempt} ran only a part, and this is still to do")
        }
        _ => "it has not begun".to_owned(),
    }
}

/// How it ended badly.
pub(super) fn ended(why: &Why, outcome: Option<&AttemptOutcome>) -> String {
    let in_words = |standing: Standing| match (standing, outcome) {
        (Standing::Lost, _) => "ended without a word: its process is gone".to_owned(),
        (Standing::Stopped, Some(AttemptOutcome::Signal(number))) => {
            format!("was stopped by {}", StopReason::Signal(*number))
        }
        (Standing::Success, _) => "succeeded".to_owned(),
        _ => "failed".to_owned(),
    };
    match why {
        Why::Ended(standing) => in_words(*standing),
        Why::Task(..) => "failed".to_owned(),
        Why::NotRun(standing) => format!("did not run: its attempt {}", in_words(*standing)),
    }
}

/// Tasks that failed, each below the last with its causes.
pub(super) fn listed(failures: &[(TaskName, TaskFailure)]) -> String {
    let mut text = String::new();
    for (name, failure) in failures {
        text.push_str(&format!("\n  {name}: {}", failure.message));
        for cause in &failure.causes {
            text.push_str(&format!("\n    cause: {cause}"));
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("\n    hint: {hint}"));
        }
    }
    text
}
