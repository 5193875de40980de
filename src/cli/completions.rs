//! `sync completions`: the script with which a shell asks this program what may stand at the cursor.

use clap::{Args, ValueEnum};

use super::{console, scrubber};
use crate::exit::Exit;
use crate::program;
use crate::report::console::Results;

/// `sync completions SHELL`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    // `power-shell` is nobody's word.
    #[value(name = "powershell")]
    PowerShell,
}

impl Shell {
    /// The script for the program under its own name, as it is kept in `completions/`.
    fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../completions/sync.bash"),
            Self::Zsh => include_str!("../../completions/_sync"),
            Self::Fish => include_str!("../../completions/sync.fish"),
            Self::Elvish => include_str!("../../completions/sync.elv"),
            Self::PowerShell => include_str!("../../completions/sync.ps1"),
        }
    }

    /// The script for a command of another name.
    fn script_for(self, name: &str) -> String {
        let function = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let lines = self.script().lines().map(|line| {
            let line = line.replace("_sync", &format!("_{function}"));
            // The name of the command stands alone at the end, or in brackets.
            let line = match line.strip_suffix(" sync") {
                Some(start) => format!("{start} {name}"),
                None => line,
            };
            line.replace("[sync]", &format!("[{name}]")).replace(" sync ", &format!(" {name} "))
        });
        lines.map(|line| line + "\n").collect()
    }
}

/// Runs the command.
pub fn exec(args: &CompletionsArgs) -> Exit {
    console(Results::Human, scrubber()).result(&args.shell.script_for(program::short_name()));
    Exit::Success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_for_the_name_that_it_is_made_for() {
        for shell in Shell::value_variants() {
            assert_eq!(shell.script_for("sync"), shell.script(), "{shell:?}");
            let other = shell.script_for("sync-tables");
            assert_ne!(other, shell.script(), "{shell:?}");
            let left = other.replace("sync-tables", "").replace("sync_tables", "");
            assert!(!left.contains("sync"), "{shell:?}: {left}");
        }
    }
}
