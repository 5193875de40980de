//! An engine on a thread of its own. Some of the engine's own functions cannot be stopped once they run (`indexOf` in
//! a list of four billion holes): then the thread is left behind, and the next text gets a new one. Its stack is known
//! too, whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;

use super::engine::{Engine, Host, TOO_LONG};
use super::evaluator::Limits;

/// What a thread needs beside the stack of its script.
const STACK_BESIDE: usize = 1 << 20;

type Answer = Result<Vec<String>, String>;

struct Question {
    codes: Vec<String>,
    scope: String,
}

/// Asks one engine, and waits for its answers.
pub(super) struct EngineThread {
    questions: Sender<Question>,
    answers: Receiver<Answer>,
    stop: Arc<AtomicBool>,
    limits: Limits,
}

impl EngineThread {
    /// The error is the system's (no more threads).
    pub(super) fn start(host: Host, limits: Limits) -> Result<Self, String> {
        let (questions, asked) = channel::<Question>();
        let (answer, answers) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let serve = move || {
            let mut engine = Engine::new(host, limits, flag);
            for question in asked {
                if answer.send(engine.evaluate(&question.codes, &question.scope)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("javascript".to_owned())
            .stack_size(limits.stack_bytes + STACK_BESIDE)
            .spawn(serve)
            .map_err(|error| format!("cannot start a thread for the script: {error}"))?;
        Ok(Self { questions, answers, stop, limits })
    }

    /// As [`Engine::evaluate`]. None for the thread: it is not to be asked again.
    pub(super) fn evaluate(self, codes: Vec<String>, scope: String) -> (Answer, Option<Self>) {
        let lost = || Err("the JavaScript engine failed".to_owned());
        if self.questions.send(Question { codes, scope }).is_err() {
            return (lost(), None);
        }
        match self.answers.recv_timeout(self.limits.time) {
            Ok(answer) => (answer, Some(self)),
            Err(RecvTimeoutError::Timeout) => {
                self.stop.store(true, Ordering::Relaxed);
                (Err(TOO_LONG.to_owned()), None)
            }
            Err(RecvTimeoutError::Disconnected) => (lost(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_gone_is_not_asked_again() {
        // Its thread has ended before the question, or while it was asked.
        for listens in [false, true] {
            let (questions, asked) = channel();
            let asked = listens.then_some(asked);
            let answers = channel().1;
            let thread = EngineThread { questions, answers, stop: Arc::default(), limits: Limits::default() };
            let (answer, thread) = thread.evaluate(vec!["1".to_owned()], "{}".to_owned());
            assert_eq!(answer, Err("the JavaScript engine failed".to_owned()));
            assert!(thread.is_none());
            drop(asked);
        }
    }
}
