//! Where the policy lies and who keeps it: runs, single transfers, previews, commands of tasks, and no real Embulk.

use std::os::unix::fs::PermissionsExt;

use super::{CSV, PERSONAL, assert_clean_everywhere, header, mysql};
use crate::support::sandbox::Sandbox;
use crate::support::servers::{MySqlDatabase, mariadb, mysql_sources};

fn users(database: &MySqlDatabase) {
    database.run([
        "create table users (id int primary key, email varchar(60), at datetime)".to_owned(),
        format!("insert into users values (1, '{}', '2024-01-02 03:04:05')", PERSONAL[0]),
    ]);
}

const KEEP_ID: &str = "rules: [{column: id, action: keep}]\n";

#[test]
fn a_preview_shows_what_would_be_copied() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    users(&database);
    let sandbox = Sandbox::new()
        .file(
            "policy.yml",
            "rules:\n- {column: id, action: keep}\n- {column: email, action: mask, keep_domain: true}\n",
        )
        .file("users.yml", &mysql(&database, "table: users"));
    let said = sandbox.run(["embulk", "preview", "-l", "warn", "users.yml"]).expect_code(0);
    let table = "\
+---------+---------------------------+
| id:long |              email:string |
+---------+---------------------------+
|       1 | *************@example.com |
+---------+---------------------------+
";
    assert!(said.stdout.ends_with(table), "{}", said.stdout);
    assert!(
        said.stdout.contains("not copied, new to the policy: `at` (no rule names it)"),
        "{}",
        said.stdout
    );
    assert_clean_everywhere(&sandbox, &said);
}

/// The run's own properties name it, which commands of its tasks do not read.
#[test]
fn commands_of_tasks_keep_the_policy_of_the_run() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    users(&database);
    let sandbox = Sandbox::new()
        .file("rules/ours.yml", KEEP_ID)
        .file("props", "sync.policy.file = rules/ours.yml\n")
        .file("below/users.yml", &(mysql(&database, "table: users") + CSV))
        .file(
            "flow.dig",
            "+copy:\n  sh>: cd below && embulk run users.yml\n+look:\n  sh>: cd below && embulk preview -l warn users.yml\n\
             +again:\n  sh>: cd below && sync embulk run users.yml && env -u SYNC_EMBULK_SOCKET embulk run users.yml\n",
        );
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_sync")).parent().unwrap().display().to_string();
    let mut command = sandbox.command(["run", "-c", "props", "flow.dig"]);
    command.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()));
    let said = crate::support::sandbox::Said::of(command.output().unwrap()).expect_code(0);
    assert_eq!(sandbox.read("below/out000.00.csv"), "id\n1\n");
    assert!(said.stdout.contains("| id:long |"), "{}", said.stdout);
    assert_clean_everywhere(&sandbox, &said);
}

#[test]
fn a_policy_above_the_project_holds_too() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    users(&database);
    let sandbox = Sandbox::new()
        .file("policy.yml", KEEP_ID)
        .file("embulk/users.yml", &(mysql(&database, "table: users") + CSV));
    sandbox.run(["embulk", "run", "embulk/users.yml"]).expect_code(0);
    assert_eq!(header(&sandbox), "id");
}

#[test]
fn a_policy_that_cannot_be_kept_stops_all() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    users(&database);
    let sandbox = Sandbox::new()
        .file("users.yml", &(mysql(&database, "table: users") + CSV))
        .file("flow.dig", "+copy:\n  sh>: touch begun && embulk run users.yml\n");
    let path = sandbox.path().join("policy.yml");
    let says = |text: &str, error: &str| {
        sandbox.write("policy.yml", text);
        let said = sandbox.run(["run", "flow.dig"]).expect_code(65);
        assert!(said.stderr.starts_with(error), "{}", said.stderr);
        let said = sandbox.run(["embulk", "run", "users.yml"]).expect_code(1);
        assert!(said.stdout.is_empty() || !said.stdout.contains("Committed"), "{said:?}");
        for made in ["begun", "out000.00.csv"] {
            assert!(!sandbox.path().join(made).exists(), "{made}");
        }
    };
    says(
        "rules: [{colunm: id, action: keep}]\n",
        "error: unknown key `colunm`\n --> policy.yml:1:10\n  |\n1 | rules: [{colunm: id, action: keep}]\n  |          ^^^^^^ did you \
         mean `column`?\n",
    );
    says(
        "rules: [{column: id, action: hmac, key: '${secret:nope}'}]\n",
        "error: policy.yml has no key for `hmac`: Secret not found for key: 'nope'\nhint: `sync secrets set nope` keeps one: 32 \
         random bytes, in hex\n",
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    says(
        KEEP_ID,
        "error: policy `policy.yml` can be changed by everyone on this machine\n = hint: `chmod o-w policy.yml` takes that right \
         away\n",
    );
}

#[test]
fn no_other_embulk_is_started_in_its_force() {
    let mut sandbox = Sandbox::new()
        .file("real/embulk", "#!/bin/sh\necho real embulk\n")
        .file("foreign.yml", "in: {type: randomj}\nout: {type: stdout}\n")
        .file("props", "sync.policy.file = ours.yml\n")
        .file("ours.yml", "")
        .file("flow.dig", "+a:\n  sh>: embulk run foreign.yml\n");
    let real = sandbox.path().join("real/embulk");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", sandbox.path().join("real").display(), std::env::var("PATH").unwrap());
    sandbox.set("PATH", path);
    assert_eq!(sandbox.run(["run", "flow.dig"]).expect_code(0).stdout, "real embulk\n");
    let said = sandbox.run(["run", "-c", "props", "flow.dig"]);
    assert!(said.code != Some(0) && !said.stdout.contains("real embulk"), "{said:?}");
    sandbox.run(["check", "-c", "props", "foreign.yml"]).expect_code(65);
    // Nor for a file that no check has seen.
    sandbox.write("later.dig", "+a:\n  sh>: cp foreign.yml made.yml && embulk run made.yml\n");
    let said = sandbox.run(["run", "-c", "props", "later.dig"]).expect_code(1);
    assert!(!said.stdout.contains("real embulk"), "{said:?}");
    assert_eq!(sandbox.run(["run", "later.dig"]).expect_code(0).stdout, "real embulk\n");
}

#[test]
fn a_column_that_is_not_kept_is_never_remembered() {
    for server in mysql_sources() {
        let database = server.fresh_database();
        users(&database);
        let sandbox = Sandbox::new().file(
            "users.yml",
            &(mysql(&database, "table: users\n  incremental: true\n  incremental_columns: [email]") + CSV),
        );
        for (rules, why) in [
            ("- {column: [id, at], action: keep}", "no rule of policy.yml keeps it"),
            ("- {column: [email], action: drop}", "policy.yml:2 says `drop`"),
            ("- {column: [email], action: hash}", "policy.yml:2 says `hash`"),
        ] {
            sandbox.write("policy.yml", &format!("rules:\n{rules}\n"));
            let said = sandbox.run(["embulk", "run", "-c", "diff.yml", "users.yml"]).expect_code(1);
            let error =
                format!("column `email` is incremental, so its last value would be kept as it is, but {why}");
            assert!(said.stderr.contains(&error), "{}", said.stderr);
            let said = sandbox.run(["check", "--connect", "users.yml"]).expect_code(65);
            assert!(said.stdout.contains(&error), "{}", said.stdout);
            assert_clean_everywhere(&sandbox, &said);
        }
        sandbox.write("users.yml", &(mysql(&database, "table: users\n  incremental: true") + CSV));
        sandbox.write("policy.yml", KEEP_ID);
        let said = sandbox.run(["embulk", "run", "-c", "diff.yml", "users.yml"]).expect_code(0);
        assert!(sandbox.read("diff.yml").contains("\"last_record\":[1]"), "{}", sandbox.read("diff.yml"));
        assert_clean_everywhere(&sandbox, &said);
    }
}

/// Filters come after the policy.
#[test]
fn filters_do_not_bring_back_what_it_keeps_back() {
    let Some(server) = mariadb() else { return };
    let database = server.fresh_database();
    users(&database);
    database.run(["alter table users add j json", "update users set j = json_object('mail', email)"]);
    let run = |filters: &str, code: i32| {
        let sandbox = Sandbox::new()
            .file(
                "policy.yml",
                "rules:\n- {column: [email, j], action: drop}\n- {column: [id, at], action: keep}\n",
            )
            .file("users.yml", &format!("{}filters:\n{filters}{CSV}", mysql(&database, "table: users")));
        let said = sandbox.run(["embulk", "run", "-l", "warn", "users.yml"]).expect_code(code);
        assert_clean_everywhere(&sandbox, &said);
        (said.stdout + &said.stderr, if code == 0 { header(&sandbox) } else { String::new() })
    };
    let note = |filter: &str| format!("filter `{filter}`: no effect on `email`, which the policy keeps back");
    for (filters, columns, said) in [
        ("  - {type: rename, columns: {email: e, id: n}}\n", "n,at", note("rename")),
        ("  - {type: column, columns: [{name: id}, {name: x, src: email}]}\n", "id", note("column")),
        ("  - {type: column, add_columns: [{name: x, src: email}]}\n", "id,at", note("column")),
        ("  - {type: remove_columns, keep: [id, email]}\n", "id", note("remove_columns")),
        ("  - {type: typecast, columns: [{name: email, type: string}]}\n", "id,at", note("typecast")),
        (
            "  - {type: timestamp_format, columns: [{name: email, from_format: ['%Y']}]}\n",
            "id,at",
            note("timestamp_format"),
        ),
        ("  - {type: remove_columns, remove: [email]}\n", "id,at", String::new()),
        ("  - {type: mask, columns: [{name: email}]}\n", "id,at", String::new()),
        (
            "  - {type: column, add_columns: [{name: email, type: string, default: x}]}\n",
            "id,at,email",
            String::new(),
        ),
        // A column of that name which a filter has made is that filter's.
        (
            "  - {type: rename, columns: {at: email}}\n  - {type: rename, columns: {email: e}}\n",
            "id,e",
            String::new(),
        ),
    ] {
        let (text, header) = run(filters, 0);
        assert_eq!(header, columns, "{filters}");
        assert!(text.contains(&said), "{filters}{text}");
        if said.is_empty() {
            assert!(!text.contains("no effect"), "{text}");
        }
    }
    for filters in [
        "  - {type: expand_json, json_column_name: j, expanded_columns: [{name: mail, type: string}]}\n",
        "  - {type: row, where: 'j IS NOT NULL'}\n",
        "  - {type: column, columns: [{name: j}]}\n",
    ] {
        let (text, _) = run(filters, 1);
        assert!(text.contains("policy.yml:2 drops column `j`"), "{filters}{text}");
    }
}
