//! Notices of what has not happened, to try out how they look and whether they arrive.

use jiff::Timestamp;

use super::{Copied, Empty, Event, Failed, Notice, SlowRun};

/// A notice of an event, marked as a test.
pub fn sample(event: Event, project: &str, at: Timestamp) -> Notice {
    let good = Notice {
        test: true,
        events: vec![event],
        message: "`nightly` succeeded (session 12 of 2026-01-02T00:00:00+00:00, attempt 31)".to_owned(),
        workflow: Some("nightly".to_owned()),
        session: Some(12),
        session_time: Some("2026-01-02T00:00:00+00:00".to_owned()),
        attempt: Some(31),
        outcome: "success".to_owned(),
        seconds: Some(245.0),
        ..Notice::not_begun(project.to_owned(), String::new(), at)
    };
    let table = || ("mysql shop.orders".to_owned(), "bigquery project.lake.orders".to_owned());
    let (source, target) = table();
    match event {
        Event::Failure => Notice {
            message: "`nightly` failed: 1 task (session 12 of 2026-01-02T00:00:00+00:00, attempt 31)"
                .to_owned(),
            outcome: "failed".to_owned(),
            failed: vec![Failed {
                task: "+nightly+copy+orders".to_owned(),
                tables: vec![Copied { source, target }],
                message: "`mysql shop.orders` could not be read".to_owned(),
                cause: Some("the server closed the connection".to_owned()),
                hint: None,
            }],
            failed_count: 1,
            retry_command: Some("sync retry --session 12".to_owned()),
            ..good
        },
        Event::Empty => {
            Notice { empty: vec![Empty { source, target, rows_before: 1_234 }], empty_count: 1, ..good }
        }
        Event::Slow => {
            Notice { seconds: Some(1_500.0), slow: Some(SlowRun { median_seconds: 245.0, runs: 10 }), ..good }
        }
        Event::Recovery | Event::Success => good,
    }
}
