//! By a command: it reads the notification from its input, as JSON, and what it prints is nobody's.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessGroup};

use super::NotDelivered;
use crate::run::operator::Cancel;

/// How often a command that runs is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A command for `/bin/sh`.
#[derive(Debug, Clone)]
pub struct ShellChannel {
    pub command: String,
    /// It is killed after so long, with all that it started.
    pub timeout: Duration,
}

impl ShellChannel {
    /// Gives it an input of JSON.
    pub(super) fn send(
        &self,
        input: String,
        environment: &BTreeMap<String, String>,
        cancel: &Cancel,
    ) -> Result<(), NotDelivered> {
        let refused = |what: String| NotDelivered::Refused(format!("the notification command {what}"));
        let lost = |error: std::io::Error| refused(format!("could not be run: {error}"));
        let mut command = CommandWrap::with_new("/bin/sh", |command| {
            command.args(["-c", &self.command]).env_clear().envs(environment);
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        });
        let mut process = command.wrap(ProcessGroup::leader()).spawn().map_err(lost)?;
        if let Some(mut stdin) = process.stdin().take() {
            // A command may end without having read it.
            thread::spawn(move || stdin.write_all(input.as_bytes()));
        }
        let ended = wait(process.as_mut(), self.timeout, cancel).map_err(lost)?;
        match ended {
            Ended::By(status) if status.success() => Ok(()),
            Ended::By(status) => Err(refused(match status.code() {
                Some(code) => format!("failed with code {code}"),
                None => "was killed".to_owned(),
            })),
            Ended::Late => Err(refused(format!("took longer than {} s", self.timeout.as_secs_f64()))),
            Ended::Stopped => Err(NotDelivered::Stopped),
        }
    }
}

enum Ended {
    By(ExitStatus),
    Late,
    Stopped,
}

fn wait(process: &mut dyn ChildWrapper, timeout: Duration, cancel: &Cancel) -> std::io::Result<Ended> {
    let began = Instant::now();
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(Ended::By(status));
        }
        let ended = match (cancel.is_canceled(), began.elapsed() > timeout) {
            (true, _) => Ended::Stopped,
            (false, true) => Ended::Late,
            (false, false) => {
                thread::sleep(LOOK);
                continue;
            }
        };
        process.start_kill()?;
        process.wait()?;
        return Ok(ended);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::notification;
    use super::*;

    fn input() -> String {
        Value::Object(notification().fields()).to_string()
    }

    fn send(command: &str, timeout: Duration) -> Result<(), NotDelivered> {
        let environment = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
        let channel = ShellChannel { command: command.to_owned(), timeout };
        channel.send(input(), &environment, &Cancel::default())
    }

    #[test]
    fn a_command_reads_the_notification() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("out");
        let sent = send(&format!("{{ cat; echo \" $GREETING\"; }} > {}", file.display()), Duration::MAX);
        assert_eq!(sent, Ok(()));
        let read = std::fs::read_to_string(file).expect("a file");
        assert_eq!(read, format!("{} hello\n", input()));
        assert_eq!(send("exec true", Duration::MAX), Ok(()));
    }

    #[test]
    fn how_it_failed_is_told_without_the_command() {
        let refused = |text: &str| Err(NotDelivered::Refused(format!("the notification command {text}")));
        assert_eq!(send("exit 3", Duration::MAX), refused("failed with code 3"));
        assert_eq!(send("kill -9 $$", Duration::MAX), refused("was killed"));
        assert_eq!(send("sleep 1000 & wait", Duration::from_millis(50)), refused("took longer than 0.05 s"));
        let channel = ShellChannel { command: "true".to_owned(), timeout: Duration::MAX };
        let odd = BTreeMap::from([("X".to_owned(), "\0".to_owned())]);
        assert_eq!(
            channel.send(input(), &odd, &Cancel::default()),
            refused("could not be run: nul byte found in provided data")
        );
    }
}
