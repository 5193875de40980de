//! A terminal: tmux, with a server of its own for each test. What is on the screen is what a person would see.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::servers::skip;

/// Longer than anything takes that a screen is waited for.
const DEADLINE: Duration = Duration::from_secs(120);

/// Keeps the whole terminal for the program, and its size for the test.
const SETTINGS: &str = "set -g status off\nset -g history-limit 20000\n\
    set -g default-terminal tmux-256color\n";

/// A program in a terminal. It ends with the value.
pub struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    /// Starts a command in a terminal of this size, with the command's folder and environment and nothing else. When it
    /// has ended, the last line says `ended with CODE`. None, said, where there is no tmux.
    pub fn start(command: &Command, width: usize, height: usize) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            assert!(
                std::env::var("SYNC_TEST_REQUIRE").as_deref() != Ok("1"),
                "tmux is needed and nothing may be skipped"
            );
            skip("no tmux (`tests/run` installs it)");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("sync-terminal-").tempdir().expect("a folder");
        std::fs::write(folder.path().join("tmux.conf"), SETTINGS).expect("written");
        let terminal = Self { folder };
        let mut tmux = terminal.tmux();
        tmux.args(["new-session", "-d", "-x", &width.to_string(), "-y", &height.to_string()]);
        tmux.arg("-c").arg(command.get_current_dir().expect("it has a folder"));
        tmux.args(["env", "-i", "TERM=tmux-256color", "LANG=C.UTF-8"]);
        for (name, value) in command.get_envs() {
            let (name, value) = (name.to_string_lossy(), value.unwrap_or_default().to_string_lossy());
            tmux.arg(format!("{name}={value}"));
        }
        tmux.args(["sh", "-c", "\"$@\"; echo \"ended with $?\"; cat > /dev/null", "sh"]);
        tmux.arg(command.get_program()).args(command.get_args());
        done(tmux);
        Some(terminal)
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        let of = |name: &str| -> PathBuf { self.folder.path().join(name) };
        tmux.arg("-u").arg("-S").arg(of("socket")).arg("-f").arg(of("tmux.conf")).env_remove("TMUX");
        tmux
    }

    /// The screen, without the blanks at the ends of lines and without empty lines at its end.
    pub fn screen(&self) -> String {
        self.captured(&[])
    }

    /// All that was ever on it and not taken away; lines that the terminal broke are whole.
    pub fn everything(&self) -> String {
        self.captured(&["-S", "-", "-J"])
    }

    fn captured(&self, more: &[&str]) -> String {
        let mut tmux = self.tmux();
        tmux.args(["capture-pane", "-p"]).args(more);
        let output = done(tmux);
        let text = String::from_utf8(output.stdout).expect("text");
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Gives the terminal another size.
    pub fn resize(&self, width: usize, height: usize) {
        let mut tmux = self.tmux();
        tmux.args(["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
        done(tmux);
    }

    /// Looks until the screen is as it is wished.
    #[track_caller]
    pub fn await_screen(&self, is_wished: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is_wished(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < DEADLINE, "it never was on the screen, but\n{screen}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.tmux().arg("kill-server").output();
    }
}

#[track_caller]
fn done(mut tmux: Command) -> Output {
    let output = tmux.output().expect("tmux starts");
    assert!(output.status.success(), "{tmux:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
