//! Lets people change a text in their editor.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use zeroize::Zeroizing;

use super::private_file::PrivateFile;

/// How long an editor that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of an edit.
pub(super) enum Edited {
    /// The text that the editor left.
    Text(Zeroizing<String>),
    /// A signal ended it.
    Stopped(i32),
}

/// The editor that people want: `VISUAL`, else `EDITOR`, a command with its arguments as the shell reads it.
pub(super) fn wanted(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    ["VISUAL", "EDITOR"].into_iter().filter_map(variable).find(|editor| !editor.trim().is_empty())
}

/// Opens the text in the editor, in a file called `name` that lies in memory and is gone afterwards, whatever happened.
pub(super) fn edit(editor: &str, name: &str, text: &str) -> anyhow::Result<Edited> {
    // From here on a signal is waited for and no longer ends the process, which would leave the file behind.
    let mut signals =
        Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM]).context("signals cannot be waited for")?;
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from);
    let file = PrivateFile::new(name, text, runtime.as_deref())?;
    let mut command = Command::new("/bin/sh");
    let line = format!("{}{editor} {} \"$1\"", instead_of_shell(editor), without_traces(editor));
    command.arg("-c").arg(line).arg(editor).arg(file.path());
    let mut child = command.spawn().with_context(|| format!("the editor `{editor}` could not be started"))?;
    loop {
        for signal in signals.wait() {
            // Ctrl-C and Ctrl-\ reach the editor as well, which has its own use for them.
            if matches!(signal, SIGTERM | SIGHUP) {
                end(&mut child);
                return Ok(Edited::Stopped(signal));
            }
        }
        if let Some(status) = child.try_wait().context("the editor cannot be waited for")? {
            if !status.success() {
                bail!("the editor `{editor}` ended with {status}; nothing was written");
            }
            return file.read().map(Edited::Text);
        }
    }
}

/// A plain command takes the shell's place, so that a signal reaches the editor and not the shell that waits for it.
fn instead_of_shell(editor: &str) -> &'static str {
    let is_plain = |c: char| c.is_alphanumeric() || " _-./+:,@".contains(c);
    if editor.chars().all(is_plain) { "exec " } else { "" }
}

/// Vim keeps copies of texts, and what was copied in them, in files of its own elsewhere.
fn without_traces(editor: &str) -> &'static str {
    let program = editor.split_whitespace().next().unwrap_or_default();
    match program.rsplit('/').next() {
        Some("vim" | "nvim" | "gvim") => "-n -i NONE -c 'set nobackup nowritebackup noundofile'",
        _ => "",
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself; then there is nobody to tell.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visual_editor_comes_first_and_an_empty_one_is_none() {
        let of = |visual: &str, editor: &str| {
            wanted(|name| Some(if name == "VISUAL" { visual } else { editor }.to_owned()))
        };
        assert_eq!(of("code --wait", "vi").as_deref(), Some("code --wait"));
        assert_eq!(of(" ", "vi").as_deref(), Some("vi"));
        assert_eq!(of("", ""), None);
        assert_eq!(wanted(|_| None), None);
    }

    #[test]
    fn a_plain_command_takes_the_place_of_the_shell() {
        assert_eq!(instead_of_shell("/usr/bin/code --wait"), "exec ");
        for editor in ["A=b vim", "cd x && vim", "'my editor'"] {
            assert_eq!(instead_of_shell(editor), "", "{editor}");
        }
    }

    #[test]
    fn vim_keeps_no_copies() {
        assert!(without_traces("/usr/bin/vim -X").contains("-i NONE"));
        for editor in ["vi", "nano", "code --wait", "vimdiff", ""] {
            assert_eq!(without_traces(editor), "", "{editor}");
        }
    }
}
