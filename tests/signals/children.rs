//! Commands die with the run, also when it is killed and can end nothing itself.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::{Running, is_alive, process_in, until, word_in};
use crate::support::sandbox::Sandbox;

/// A task that starts a process in its group, one without our environment, and one in a session of its own.
const FAMILY: &str = "echo $$ > shell; sleep 1000 & echo $! > child\n\
    env -i sleep 1000 & echo $! > bare\nsetsid sh -c 'echo $$ > away; exec sleep 1000' & wait\n";
const NAMES: [&str; 4] = ["shell", "child", "bare", "away"];

#[test]
fn a_killed_run_leaves_no_process() {
    let sandbox =
        Sandbox::new().file("main.dig", "+work: {sh>: exec sh family.sh}\n").file("family.sh", FAMILY);
    let running = Running::start(&sandbox, &["run", "main.dig"]);
    let numbers = NAMES.map(|name| process_in(&sandbox, name));
    running.signal(Signal::KILL);
    for (name, number) in NAMES.iter().zip(&numbers) {
        until(name, || !is_alive(number));
    }
}

#[test]
fn a_stopped_run_leaves_no_process_of_its_group() {
    let sandbox =
        Sandbox::new().file("main.dig", "+work: {sh>: exec sh family.sh}\n").file("family.sh", FAMILY);
    let running = Running::start(&sandbox, &["run", "main.dig", "--grace", "0s"]);
    let numbers = NAMES.map(|name| process_in(&sandbox, name));
    running.signal(Signal::TERM);
    running.expect_code(143);
    for (name, number) in NAMES.iter().zip(&numbers).take(3) {
        assert!(!is_alive(number), "{name}");
    }
    // What has left the group is nobody's.
    let away = numbers[3].parse().ok().and_then(rustix::process::Pid::from_raw).expect("a number");
    rustix::process::kill_process(away, Signal::KILL).expect("it lives");
}

#[test]
fn what_a_task_left_running_when_it_ended_is_not_the_runs_any_more() {
    let sandbox = Sandbox::new()
        .file(
            "main.dig",
            "+serve: {sh>: 'sleep 1000 > /dev/null 2>&1 & echo $! > server'}\n\
         +work: {sh>: exec sh work.sh}\n",
        )
        .file("work.sh", "echo $$ > shell; exec sleep 1000\n");
    let running = Running::start(&sandbox, &["run", "main.dig"]);
    let (server, shell) = (process_in(&sandbox, "server"), process_in(&sandbox, "shell"));
    running.signal(Signal::KILL);
    until("shell", || !is_alive(&shell));
    assert!(is_alive(&server));
    let server = server.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a number");
    rustix::process::kill_process(server, Signal::KILL).expect("it lives");
}

/// A `docker` whose `run` works in a session of its own, as a container does, and whose `kill` writes down what it was
/// told.
const DOCKER: &str = "#!/bin/sh\ncase $1 in\nrun) while [ \"$1\" != --name ]; do shift; done; echo \"$2\" > name; cat > /dev/null; \
    exec sleep 1000;;\nkill) echo \"$2\" > \"$(dirname \"$0\")/killed\";;\nesac\n";

#[test]
fn a_container_is_killed_too() {
    for signal in [Signal::KILL, Signal::TERM] {
        let mut sandbox = Sandbox::new()
            .file("bin/docker", DOCKER)
            .file("main.dig", "+work:\n  docker: {image: alpine}\n  sh>: sleep 1000\n");
        let docker = sandbox.path().join("bin/docker");
        std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        let path = std::env::var("PATH").expect("a PATH");
        sandbox.set("PATH", format!("{}:{path}", sandbox.path().join("bin").display()));
        let running = Running::start(&sandbox, &["run", "main.dig", "--grace", "0s"]);
        let name = word_in(&sandbox, "name");
        running.signal(signal);
        assert_eq!(word_in(&sandbox, "bin/killed"), name);
        drop(running);
    }
}
