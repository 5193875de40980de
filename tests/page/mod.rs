//! The page of an attempt, in a real browser.

mod made_up;
mod written;

use std::path::Path;
use std::process::Command;

use made_up::{Night, failure, page, tables};
use serde_json::json;
use sync::run::event::AttemptOutcome;

use crate::support::servers;

/// What a browser finds wrong with pages. None where there is no browser.
fn browse(arguments: &[&str]) -> Option<String> {
    let python = servers::variable("SYNC_TEST_PLAYWRIGHT", "Python with Playwright")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/browse.py");
    let done = Command::new(python).arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() || !said.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(said)
}

/// Pages in a folder of their own; with `SYNC_TEST_PICTURES` their pictures go to the folder that it names.
fn in_folder(pages: &[(&str, String)]) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, page): &(&str, String)| {
        let path = folder.path().join(format!("{name}.html"));
        std::fs::write(&path, page).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let paths: Vec<String> = pages.iter().map(write).collect();
    if let Ok(pictures) = std::env::var("SYNC_TEST_PICTURES") {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        browse(&[&["pictures", &pictures], paths.as_slice()].concat());
    }
    (folder, paths)
}

/// A night in which a few tables failed, in two ways, after one that was good.
fn bad_night() -> String {
    let denied = failure(
        "the transfer from `mysql shop.order_items_001` failed",
        &[
            "the query could not be run",
            "1142 (42000): SELECT command denied to user 'reader'@'…' for table 'order_items_001'",
        ],
        Some("grant SELECT on the table to the user that reads"),
    );
    let away = failure("BigQuery could not be reached", &["503 Service Unavailable"], None);
    let night = Night {
        failing: vec![(1, denied), (5, away.clone()), (12, away)],
        outcome: AttemptOutcome::Failed,
        ..Night::of(tables(14))
    };
    let before = Night { attempt: sync::session::AttemptId(41), rows: 5_400_000, ..Night::of(tables(15)) };
    page(&night, Some(&before))
}

fn good_night() -> String {
    let before = Night { attempt: sync::session::AttemptId(41), ..Night::of(tables(6)) };
    page(&Night::of(tables(7)), Some(&before))
}

/// A night in which all went wrong that can, with a thousand tables.
fn thousand() -> String {
    let failing = (0..30).map(|number| {
        let message = format!("the load of table {number} failed");
        (
            number * 33,
            failure(
                &message,
                &[
                    "http 500",
                    "backendError: Error encountered during execution. Retrying may solve the problem.",
                ],
                Some("try again"),
            ),
        )
    });
    let night =
        Night { failing: failing.collect(), outcome: AttemptOutcome::Failed, ..Night::of(tables(1000)) };
    let before = Night { attempt: sync::session::AttemptId(41), ..Night::of(tables(990)) };
    page(&night, Some(&before))
}

/// Names that want to be more than names.
fn hostile() -> (String, Vec<String>) {
    let names = [
        "<script>alert(1)</script>",
        "</title><img src=x onerror=alert(2)>",
        "\"><svg onload='alert(3)'>",
        "javascript:alert(4)",
        "{{7*7}}${alert(5)}&lt;b&gt;&#106;",
        "</script><script>alert(6)</script>",
        "]]><!-- --!>",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).to_vec();
    names.push("長い名前".repeat(250));
    let mut shown = names.clone();
    names.push("evil\u{202e}txt.exe\u{1b}[31m".to_owned());
    shown.push("evil⟨U+202E⟩txt.exe␛[31m".to_owned());
    let of_names = failure(&names[1], &[&names[0], &names[5]], Some(&names[2]));
    let night = Night {
        workflow: names[1].clone(),
        failing: vec![(0, of_names)],
        outcome: AttemptOutcome::Failed,
        ..Night::of(names)
    };
    (page(&night, None), shown)
}

#[test]
fn pages_ask_for_nothing_fit_a_phone_and_are_accessible() {
    let pages = [("bad", bad_night()), ("good", good_night()), ("hostile", hostile().0)];
    let (_folder, paths) = in_folder(&pages);
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let Some(wrong) = browse(&[&["quiet"], paths.as_slice()].concat()) else { return };
    assert_eq!(wrong, "");
}

#[test]
fn a_thousand_tables_are_sorted_and_filtered_in_less_than_a_megabyte() {
    let page = thousand();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let (_folder, paths) = in_folder(&[("thousand", page)]);
    let Some(wrong) = browse(&["sort", &paths[0]]) else { return };
    assert_eq!(wrong, "");
}

#[test]
fn whatever_a_name_is_it_is_text() {
    let (page, shown) = hostile();
    let (_folder, paths) = in_folder(&[("hostile", page)]);
    let Some(wrong) = browse(&["text", &paths[0], &json!(shown).to_string()]) else { return };
    assert_eq!(wrong, "");
}

#[test]
fn the_command_is_copied() {
    let (_folder, paths) = in_folder(&[("bad", bad_night())]);
    let Some(wrong) = browse(&["copy", &paths[0]]) else { return };
    assert_eq!(wrong, "");
}
