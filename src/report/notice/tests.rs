//! The exact words, and the limits.

use serde_json::{Value, json};

use super::*;
use crate::report::slow::Slow;
use crate::run::event::{AttemptOutcome, FailureKind, TaskFailure};
use crate::session::{AttemptId, Params, SessionId, TaskName, TaskState};
use crate::state::{AttemptRecord, Process, SessionRecord, TaskRecord, TransferRecord, TransferState};
use crate::transfer::report::TransferReport;

fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().expect("a time")
}

fn ended(outcome: AttemptOutcome) -> Ended {
    let attempt = AttemptRecord {
        id: AttemptId(31),
        session: SessionId(12),
        starting_attempt: AttemptId(30),
        name: None,
        kind: "run".into(),
        started_at: at("03:00:00"),
        finished_at: Some(at("03:04:05")),
        outcome: Some(outcome),
        file: "nightly.dig".into(),
        params: Params::new(),
        secret_params: Vec::new(),
        process: Process { pid: 4711, host: "box".into(), ..Process::current() },
    };
    Ended {
        session: SessionRecord {
            id: SessionId(12),
            project: "/srv/estate".into(),
            workflow: "nightly".into(),
            session_time: "2026-01-02T00:00:00+00:00".into(),
            attempt,
            attempt_count: 2,
        },
        tasks: vec![task("+nightly+copy", 31), task("+nightly+later", 32)],
        transfers: vec![transfer(TransferState::Error, None)],
        previous: Previous::default(),
        project: "estate".into(),
        retry_command: "sync retry --session 12".into(),
        report: Some(ReportLink {
            object: "s3://logs/a/report.html".into(),
            url: "https://example.com/logs?a=1&b=2|3".into(),
        }),
    }
}

fn task(name: &str, attempt: i64) -> TaskRecord {
    TaskRecord {
        attempt: AttemptId(attempt),
        name: TaskName::from_full(name),
        operator: Some("embulk".into()),
        state: TaskState::Error,
        round: 1,
        started_at: None,
        finished_at: None,
        result: None,
        failure: Some(TaskFailure {
            message: "the load <failed> & `stopped`".into(),
            causes: vec!["http 500".into(), "quota".into()],
            hint: Some("ask for *more*".into()),
            kind: FailureKind::Failed,
        }),
    }
}

fn transfer(state: TransferState, report: Option<TransferReport>) -> TransferRecord {
    TransferRecord {
        attempt: AttemptId(31),
        task: TaskName::from_full("+nightly+copy"),
        source: "mysql shop.orders".into(),
        target: "bigquery p.lake.orders".into(),
        state,
        started_at: at("03:00:00"),
        finished_at: None,
        report,
        failure: None,
    }
}

fn good(rows: u64, before: u64) -> Ended {
    let report = TransferReport {
        rows_sent: rows,
        target: "bigquery p.lake.orders".into(),
        ..TransferReport::default()
    };
    let mut ended = ended(AttemptOutcome::Success);
    ended.transfers = vec![transfer(TransferState::Success, Some(report))];
    ended.previous.rows.insert("bigquery p.lake.orders".into(), before);
    ended
}

fn notice(ended: Ended) -> Notice {
    ended.notice().expect("it has ended")
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "emoji": false, "text": text})
}

fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

#[test]
fn a_failure_is_blocks() {
    let message = "`nightly` failed: 1 task (session 12 of 2026-01-02T00:00:00+00:00, attempt 31)";
    let fields: Vec<Value> = [
        "*Project*\n`estate`",
        "*Workflow*\n`nightly`",
        "*Session*\n`12`",
        "*Session time*\n`2026-01-02T00:00:00+00:00`",
        "*Attempt*\n`31`",
        "*Outcome*\n`failed`",
        "*Took*\n`4m05s`",
    ]
    .map(mrkdwn)
    .into();
    let expected = json!({
        "text": format!("nightly: failed: {message}"),
        "blocks": [
            {"type": "header", "text": plain("nightly: failed")},
            {"type": "section", "text": plain(message)},
            {"type": "section", "fields": fields},
            {"type": "section", "text": mrkdwn("*`+nightly+copy`*\n`mysql shop.orders` → `bigquery p.lake.orders`\n\
                ```the load &lt;failed&gt; &amp; 'stopped': quota```\nHint: `ask for *more*`")},
            {"type": "section", "text": mrkdwn("Run what is left:\n```sync retry --session 12```")},
            {"type": "section", "text": mrkdwn(
                "<https://example.com/logs?a=1&amp;b=2%7C3|Report> `s3://logs/a/report.html`")},
        ],
    });
    assert_eq!(notice(ended(AttemptOutcome::Failed)).slack(), expected);
}

#[test]
fn a_failure_is_a_text() {
    assert_eq!(
        notice(ended(AttemptOutcome::Failed)).text(),
        "`nightly` failed: 1 task (session 12 of 2026-01-02T00:00:00+00:00, attempt 31)\n\n\
         project: estate\nworkflow: nightly\nsession: 2026-01-02T00:00:00+00:00\noutcome: failed\ntook: 4m05s\n\n\
         Failed (1):\n  +nightly+copy\n    mysql shop.orders → bigquery p.lake.orders\n    \
         the load <failed> & `stopped`: quota\n    hint: ask for *more*\n\n\
         Run what is left:\n  sync retry --session 12\n\n\
         Report:\n  https://example.com/logs?a=1&b=2|3\n  s3://logs/a/report.html\n"
    );
}

#[test]
fn a_failure_is_json_that_can_be_read_back() {
    let notice = notice(ended(AttemptOutcome::Failed));
    let expected = r#"{"version":1,"test":false,"events":["failure"],"message":"`nightly` failed: 1 task (session 12 of 2026-01-02T00:00:00+00:00, attempt 31)","at":"2026-01-02T03:04:05Z","project":"estate","workflow":"nightly","session":12,"session_time":"2026-01-02T00:00:00+00:00","attempt":31,"outcome":"failed","seconds":245.0,"failed":[{"task":"+nightly+copy","tables":[{"source":"mysql shop.orders","target":"bigquery p.lake.orders"}],"message":"the load <failed> & `stopped`","cause":"quota","hint":"ask for *more*"}],"failed_count":1,"empty":[],"empty_count":0,"slow":null,"retry_command":"sync retry --session 12","report":{"object":"s3://logs/a/report.html","url":"https://example.com/logs?a=1&b=2|3"}}"#;
    let json = serde_json::to_string(&notice).expect("JSON");
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<Notice>(&json).expect("a notice"), notice);
}

#[test]
fn how_it_ended_says_what_is_told() {
    let of = |ended: Ended| {
        let notice = notice(ended);
        (notice.title(), notice.events.iter().map(|event| event.word()).collect::<Vec<_>>().join(" "))
    };
    let said = |title: &str, events: &str| (title.to_owned(), events.to_owned());
    assert_eq!(of(good(1, 2)), said("nightly: succeeded", "success"));
    assert_eq!(of(ended(AttemptOutcome::Partial)), said("nightly: succeeded", ""));
    assert_eq!(of(ended(AttemptOutcome::Signal(15))), said("nightly: was stopped", "failure"));
    assert_eq!(of(ended(AttemptOutcome::Lost)), said("nightly: ended without a word", "failure"));
    let after = |outcome| {
        let mut ended = good(1, 2);
        ended.previous.outcome = Some(outcome);
        of(ended)
    };
    assert_eq!(after(AttemptOutcome::Lost), said("nightly: works again", "recovery success"));
    assert_eq!(after(AttemptOutcome::Failed), said("nightly: works again", "recovery success"));
    assert_eq!(after(AttemptOutcome::Success), said("nightly: succeeded", "success"));
    assert_eq!(of(good(0, 2)), said("nightly: 1 table has no rows", "empty success"));
    assert_eq!(of(good(0, 0)), said("nightly: succeeded", "success"));
    let lost = notice(ended(AttemptOutcome::Lost));
    assert_eq!(
        (lost.seconds, lost.message.as_str()),
        (
            None,
            "`nightly` ended without a word: its process 4711 on `box` is gone (session 12 of \
             2026-01-02T00:00:00+00:00, attempt 31)"
        )
    );
    let stopped = notice(ended(AttemptOutcome::Signal(15))).message;
    assert!(stopped.starts_with("`nightly` was stopped by SIGTERM (session 12"), "{stopped}");
}

#[test]
fn an_incremental_copy_without_news_is_no_wonder() {
    let mut ended = good(0, 5);
    if let Some(report) = &mut ended.transfers[0].report {
        report.next.insert("last_record".into(), json!([5]));
    }
    assert_eq!(notice(ended).empty_count, 0);
}

#[test]
fn what_is_slow_or_empty_is_told_with_figures() {
    let mut ended = good(0, 1234);
    let seconds = std::time::Duration::from_secs;
    ended.previous.slow = Some(Slow { took: seconds(245), median: seconds(60), runs: 10 });
    let notice = notice(ended);
    let slow = "It took 4m05s, more than twice the median of its last 10 runs, 1m00s.";
    let empty = "mysql shop.orders → bigquery p.lake.orders: 0 rows, 1,234 the last time";
    let text = notice.text();
    assert!(text.contains(&format!("\n\n{slow}\n\nNo rows (1):\n  {empty}\n\nReport:\n")), "{text}");
    let blocks = notice.slack()["blocks"].take();
    assert_eq!(blocks[3]["text"]["text"], slow);
    assert_eq!(blocks[4]["text"]["text"], format!("*No rows* (1)\n`{empty}`"));
}

#[test]
fn a_test_says_that_it_is_one() {
    let line = "This is a test by `sync notify --test`: nothing of it has happened.";
    for event in Event::ALL {
        let notice = sample(event, "estate", at("00:00:00"));
        assert_eq!(notice.events, [event]);
        assert!(notice.title().starts_with("Test: nightly: "));
        assert!(notice.text().starts_with(line));
        assert_eq!(notice.slack()["blocks"][1]["elements"][0]["text"], line);
        assert_eq!(Event::from_word(event.word()), Some(event));
    }
}

/// The limits of Block Kit's reference.
fn assert_within_limits(message: &Value) {
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50, "{} blocks", blocks.len());
    let length = |text: &Value| text["text"].as_str().expect("a text").encode_utf16().count();
    let mut all = 0;
    for block in blocks {
        let most = if block["type"] == "header" { 150 } else { 3_000 };
        let texts = block.get("text").into_iter().chain(block["elements"].as_array().into_iter().flatten());
        for text in texts {
            assert!((1..=most).contains(&length(text)), "{text}");
            all += length(text);
        }
        for field in block["fields"].as_array().into_iter().flatten() {
            assert!(length(field) <= 2_000, "{field}");
            all += length(field);
        }
    }
    assert!(all < 13_200, "{all} characters");
}

#[test]
fn a_message_of_any_size_fits() {
    for (count, text) in [(1, 100_000), (3, 5_000), (50, 10), (280, 3_000)] {
        for letter in ["&", "a", "\u{1f680}", "`", "\u{7}"] {
            let long = letter.repeat(text);
            let mut ended = ended(AttemptOutcome::Failed);
            ended.session.workflow = long.clone();
            ended.retry_command = long.clone();
            ended.report = Some(ReportLink { object: long.clone(), url: long.clone() });
            ended.tasks = (0..count)
                .map(|number| {
                    let mut task = task(&format!("+{number}{long}"), 31);
                    if let Some(failure) = &mut task.failure {
                        failure.message = long.clone();
                        failure.hint = Some(long.clone());
                    }
                    task
                })
                .collect();
            let mut notice = notice(ended);
            let empty = Empty { source: long.clone(), target: long, rows_before: u64::MAX };
            notice.empty = vec![empty; count.min(Notice::MOST_PARTS)];
            notice.empty_count = count;
            notice.test = true;
            notice.slow = Some(SlowRun { median_seconds: 1.0, runs: 10 });
            let message = notice.slack();
            assert_within_limits(&message);
            let blocks = message["blocks"].as_array().expect("blocks");
            let shown = blocks
                .iter()
                .filter(|block| block["text"]["text"].as_str().is_some_and(|text| text.starts_with("*`+")));
            let left = count - shown.count();
            let told = format!("and {left} more task{} that failed", if left == 1 { "" } else { "s" });
            let is_told = blocks.iter().any(|block| block["elements"][0]["text"] == told.as_str());
            assert_eq!(is_told, left > 0, "{told}");
        }
    }
}

#[test]
fn a_report_is_shown_by_who_keeps_it() {
    let key = "logs/2026-01-01/0.1夜@20260102T000000+0900/report.html";
    let path = "logs/2026-01-01/0.1%E5%A4%9C%4020260102T000000%2B0900/report.html";
    let link = ReportLink::new("b", key, None);
    assert_eq!(link.object, format!("s3://b/{key}"));
    assert_eq!(link.url, format!("https://s3.console.aws.amazon.com/s3/object/b?prefix={path}"));
    let link = ReportLink::new("b", key, Some("http://localhost:9000/"));
    assert_eq!(link.url, format!("http://localhost:9000/b/{path}"));
}

#[test]
fn what_is_cut_is_counted() {
    let mut ended = ended(AttemptOutcome::Failed);
    ended.session.workflow = "&".repeat(100);
    let title = notice(ended).slack()["blocks"][0]["text"]["text"].clone();
    // 108 characters: 27 of them are shown as 5 each.
    assert_eq!(title, format!("{}… (81 more)", "&amp;".repeat(27)));
}
