//! `_secrets` in whole runs: a task reads its secrets under other names, and no other task does.

use crate::support::sandbox::Sandbox;
use crate::support::servers::mysql_sources;

/// A project with two passwords, `mysql.password` and `other.db.password`.
fn project(mysql: &str, other: &str, workflow: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().file("main.dig", workflow);
    sandbox.set("SYNC_SECRET_MYSQL_PASSWORD", mysql);
    sandbox.set("SYNC_SECRET_OTHER_DB_PASSWORD", other);
    sandbox
}

/// Tells the beginning of `mysql.password` as a task sees it: the whole would be hidden.
fn shell_task(name: &str, directives: &str) -> String {
    format!(
        "  +{name}:\n    sh>: |\n      text='${{secret:mysql.password}}'\n      echo {name} $(expr substr \"$text\" 1 5) \
         $(expr substr \"$VALUE\" 1 5)\n    _env: {{VALUE: \"${{secret:mysql.password}}\"}}\n{directives}"
    )
}

fn shown(workflow: &str) -> String {
    let sandbox = project("first-password", "other-password", workflow);
    sandbox.run(["run", "main.dig"]).expect_code(0).stdout
}

#[test]
fn a_task_reads_its_secrets_under_other_names() {
    let text = format!(
        "+g:\n{}{}{}{}",
        shell_task("group", "    _secrets: {mysql: other.db}\n"),
        shell_task("leaf", "    _secrets: {mysql.password: other.db.password}\n"),
        shell_task("deep", "    _secrets: {mysql: {password: other.db.password}}\n"),
        shell_task("none", ""),
    );
    assert_eq!(shown(&text), "group other other\nleaf other other\ndeep other other\nnone first first\n");
}

#[test]
fn an_exported_mount_counts_below_it_and_a_tasks_own_beats_it() {
    let text = format!(
        "+g:\n  _export:\n    _secrets: {{mysql: other.db}}\n{}{}+after:\n{}",
        shell_task("below", ""),
        shell_task("own", "    _secrets: {other.db: mysql}\n"),
        shell_task("beside", ""),
    );
    assert_eq!(shown(&text), "below other other\nown first first\nbeside first first\n");
}

#[test]
fn a_mount_on_a_group_changes_nothing_and_a_wrong_one_is_refused() {
    let text = format!("+g:\n  _secrets: {{mysql: other.db}}\n{}", shell_task("t", ""));
    assert_eq!(shown(&text), "t first first\n");
    let refused =
        |workflow: &str, code| project("a", "b", workflow).run(["run", "main.dig"]).expect_code(code).stderr;
    let stderr = refused("+a:\n  sh>: 'true'\n  _secrets: {mysql: [x]}\n", 65);
    assert!(
        stderr.starts_with(
            "error: Illegal value in _secrets: `_secrets.mysql` must be a text, but is a list\n"
        ),
        "{stderr}"
    );
    let stderr = refused("_export: {_secrets: {mysql: 3}}\n+a:\n  sh>: 'true'\n", 1);
    assert!(
        stderr.contains("  +main+a: Illegal value in _secrets: `mysql` must be a text, but is a number\n"),
        "{stderr}"
    );
    let stderr = refused(
        "+a:\n  sh>: 'true'\n  _env: {A: \"${secret:mysql.password}\"}\n  _secrets: {mysql: no.db}\n",
        1,
    );
    assert!(stderr.contains("  +main+a: Secret not found for key: 'no.db.password'\n"), "{stderr}");
}

#[test]
fn a_database_is_entered_with_the_mounted_password() {
    for server in mysql_sources() {
        let (host, port, user) = (&server.host, server.port, &server.user);
        let options = format!("  mysql: {{host: {host}, port: {port}, user: {user}, database: mysql}}\n");
        let query = "    mysql>: {data: select 7 as n}\n    store_last_results: first\n";
        let own = format!("_export:\n{options}+g:\n  +q:\n{query}    _secrets: {{mysql: other.db}}\n");
        let exported =
            format!("_export:\n{options}+g:\n  _export:\n    _secrets: {{mysql: other.db}}\n  +q:\n{query}");
        for workflow in [own, exported] {
            let workflow = format!("{workflow}+show:\n  echo>: ${{mysql.last_results.n}}\n");
            let sandbox = project("not-the-password", &server.password, &workflow);
            assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "7\n");
            let unmounted = workflow.replace("_secrets", "_other");
            let sandbox = project("not-the-password", &server.password, &unmounted);
            let stderr = sandbox.run(["run", "main.dig"]).expect_code(1).stderr;
            assert!(stderr.contains("+main+g+q"), "{stderr}");
        }
    }
}
