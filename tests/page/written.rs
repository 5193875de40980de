//! `report.html` beside `report.json`, and `sync report --html`.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::sandbox::Sandbox;

const WORKFLOW: &str = "+copy:\n  sh>: embulk run -l warn table.yml\n+after:\n  sh>: 'echo \"the password is \
    $SYNC_SECRET_PW, a < b\" >&2; test ! -e broken'\n";

const TABLE: &str = "in: {type: sqlite, database: shop.db, table: orders}\n\
    out: {type: file, path_prefix: orders, sequence_format: '', file_ext: .csv, formatter: {type: csv}}\n";

fn estate() -> Sandbox {
    let mut sandbox = Sandbox::new().file("main.dig", WORKFLOW).file("table.yml", TABLE);
    let shop = rusqlite::Connection::open(sandbox.path().join("shop.db")).unwrap();
    shop.execute_batch("create table orders (id integer); insert into orders values (1), (2);").unwrap();
    sandbox.set("SYNC_SECRET_PW", "opensesame-17");
    sandbox
}

#[test]
fn every_attempt_has_a_page_beside_its_report() {
    let sandbox = estate();
    sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(0);
    sandbox.write("broken", "");
    sandbox.write("table.yml", &format!("{TABLE}# another text\n"));
    sandbox.run(["run", "main.dig", "--session", "2026-01-03"]).expect_code(1);
    let first = sandbox.read(".sync/logs/1/1/report.html");
    assert!(first.contains("All is done: 1 table with 2 rows copied."), "{first}");
    assert!(first.contains("No run of this workflow before this one ended well"), "{first}");
    let file = ".sync/logs/2/2/report.html";
    assert_eq!(sandbox.path().join(file).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let second = sandbox.read(file);
    for part in [
        "<title>failed: main, 2026-01-03T00:00:00+00:00</title>",
        ">sync retry --session 2</code>",
        "<h3>Command failed with code 1</h3>",
        "[1] the password is ***, a &lt; b\n",
        "<h3>Transfer files with another text <span class=\"count\">1</span></h3>",
        "Compared with attempt 1 for 2026-01-02T00:00:00+00:00",
    ] {
        assert!(second.contains(part), "no `{part}` in\n{second}");
    }
    assert!(!second.contains("opensesame"), "{second}");
    // Whoever asks later gets the same.
    assert_eq!(sandbox.run(["report", "--html", "-"]).expect_code(0).stdout, second);
    let asked = ["report", "--session", "1", "--attempt", "1", "--html", "page.html"];
    assert_eq!(sandbox.run(asked).expect_code(0).stdout, "");
    assert_eq!(sandbox.read("page.html"), first);

    std::fs::remove_file(sandbox.path().join("broken")).unwrap();
    sandbox.run(["retry", "--session", "2"]).expect_code(0);
    let third = sandbox.read(".sync/logs/2/3/report.html");
    assert!(third.contains("in attempt 2") && !third.contains("sync retry"), "{third}");
    // Without the file for programs the page lacks nothing but what only the process knew.
    std::fs::remove_file(sandbox.path().join(".sync/logs/2/2/report.json")).unwrap();
    let later = sandbox.run(["report", "--attempt", "2", "--html", "-"]).expect_code(0).stdout;
    assert_eq!(later, second.replace("<div><dt>Zone of the process</dt><dd>UTC</dd></div>\n", ""));
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let sandbox = estate();
    sandbox.run(["run", "main.dig"]).expect_code(0);
    let said = sandbox.run(["report", "--html", "nowhere/page.html"]).expect_code(1);
    let told =
        "error: `nowhere/page.html` cannot be written\n  cause: No such file or directory (os error 2)\n";
    assert_eq!(said.stderr, told);
    let both = sandbox.run(["report", "--html", "-", "--json"]).expect_code(2);
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
}
