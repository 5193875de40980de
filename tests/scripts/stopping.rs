//! A run that is stopped ends what its tasks started.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Sandbox;

/// A run of `main.dig`, and the first line that its task printed.
fn started(sandbox: &Sandbox) -> (Child, BufReader<impl Read>, String) {
    let mut command = sandbox.command(["run", "main.dig"]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    (run, output, line)
}

fn is_alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn the_second_signal_ends_the_command_and_all_that_it_started() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+t:\n  sh>: |\n    trap 'echo cleaned up; exit 1' TERM\n    sh -c 'sleep 1000 > /dev/null 2>&1 & wait' &\n    echo $!\n    wait\n",
    );
    let (mut run, mut output, line) = started(&sandbox);
    let id = Pid::from_child(&run);
    let mut said = BufReader::new(run.stderr.take().unwrap());
    kill_process(id, Signal::INT).unwrap();
    let mut warning = String::new();
    said.read_line(&mut warning).unwrap();
    let stopping =
        "warning: stopping: SIGINT; what runs may go on for 10.0s, a second signal ends it at once\n";
    assert_eq!(warning, stopping);
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "cleaned up\n");
    assert!(!is_alive(line.trim()));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(
        rest,
        "error: stopped by SIGINT; what is done is recorded\nhint: `sync retry --session 1` runs what is left\n"
    );
}

/// Python's `pty` gives the run a terminal that is its own, as a shell does.
#[test]
fn a_command_that_asks_on_the_terminal_fails_instead_of_waiting_for_ever() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+t:\n  sh>: echo before; read password < /dev/tty; echo \"after $password\"\n");
    let program = env!("CARGO_BIN_EXE_sync");
    let script = format!(
        "import pty, sys; sys.exit(pty.spawn(['{program}', 'run', 'main.dig', '--progress', 'none']) >> 8)"
    );
    let mut command = std::process::Command::new("python3");
    command.args(["-c", &script]).current_dir(sandbox.path()).env("NO_COLOR", "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("before\n"), "{said}");
    let told = "  +main+t: the command asked for something on the terminal, and a task has none\n    \
                hint: say it in an option, a file or a variable; `sudo -n` and `ssh -o BatchMode=yes` do not ask\n";
    assert!(said.contains(told), "{said}");
}
