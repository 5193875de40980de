//! The tables of `sync status`, at every width.

use super::super::super::slow::Slow;
use super::super::tests::{at, lost, session, task, transfer};
use super::*;
use crate::run::event::AttemptOutcome;
use crate::state::SessionRecord;

fn clock_of(zone: &str) -> Clock {
    let zone = TimeZone::get(zone).expect("a zone");
    Clock { zone, now: at("03:04:10"), detail: Detail::Full }
}

fn seen(record: SessionRecord) -> Seen {
    Seen { record, slow: None, live: None }
}

#[test]
fn sessions_are_a_table_with_the_zone_of_its_times() {
    let all = [
        session(12, Some(AttemptOutcome::Success)),
        session(11, Some(AttemptOutcome::Signal(15))),
        session(10, None),
        lost(9),
    ]
    .map(seen);
    assert_eq!(
        sessions(&all, &clock_of("UTC")).render(false),
        "SESSION  WORKFLOW  SESSION TIME               STATE    ATTEMPTS  STARTED (UTC)         TOOK\n     \
         12  nightly   2026-01-02T00:00:00+09:00  success         2  2026-01-02 03:04:05  2m05s\n     \
         11  nightly   2026-01-02T00:00:00+09:00  stopped         2  2026-01-02 03:04:05  2m05s\n     \
         10  nightly   2026-01-02T00:00:00+09:00  running         2  2026-01-02 03:04:05   5.0s\n      \
         9  nightly   2026-01-02T00:00:00+09:00  lost            2  2026-01-02 03:04:05\n"
    );
}

#[test]
fn a_slow_one_is_noted_and_a_narrow_terminal_gets_what_matters() {
    let slow = Slow { took: Duration::from_secs(125), median: Duration::from_secs(60), runs: 3 };
    let mut record = session(12, Some(AttemptOutcome::Success));
    record.workflow = "copy_all_tables_of_the_shop".into();
    let mut hourly = session(11, None);
    hourly.session_time = "2026-01-02T03:00:00+09:00".into();
    let all = [Seen { slow: Some(slow), ..seen(record) }, seen(hourly)];
    let shown = |width| fitted(|clock| sessions(&all, clock), &clock_of("Asia/Tokyo"), width, false);
    assert_eq!(
        shown(None),
        "SESSION  WORKFLOW                     SESSION TIME               STATE    ATTEMPTS  STARTED (Asia/Tokyo)   TOOK  NOTE\n     \
         12  copy_all_tables_of_the_shop  2026-01-02T00:00:00+09:00  success         2  2026-01-02 12:04:05   2m05s  slow: usually 1m00s\n     \
         11  nightly                      2026-01-02T03:00:00+09:00  running         2  2026-01-02 12:04:05    5.0s\n"
    );
    assert_eq!(
        shown(Some(80)),
        "SESSION  WORKFLOW       SESSION TIME         STATE    STARTED (JST)   TOOK  NOTE\n     \
         12  copy…the_shop  2026-01-02           success  01-02 12:04    2m05s  slow\n     \
         11  nightly        2026-01-02 03:00:00  running  01-02 12:04     5.0s\n"
    );
}

#[test]
fn tasks_and_tables_have_their_times_and_figures() {
    let tasks_of = [task("+nightly+orders", TaskState::Error), task("+nightly+items", TaskState::Running)];
    let clock = clock_of("UTC");
    assert_eq!(
        tasks(&tasks_of, &clock).render(false),
        "TASK             OPERATOR  STATE    TRIES  STARTED (UTC)         TOOK\n\
         +nightly+orders  embulk>   error        4  2026-01-02 03:00:00   1.5s\n\
         +nightly+items   embulk>   running      4  2026-01-02 03:00:00  4m10s\n"
    );
    let records = [TransferState::Success, TransferState::Error, TransferState::Running].map(transfer);
    let name = (records[2].task.clone(), records[2].source.clone(), records[2].target.clone());
    let progress = BTreeMap::from([(name, Progress { rows: 700, bytes: 1024 })]);
    assert_eq!(
        transfers(&records, &progress, &clock).render(false),
        "FROM               TO                      STATE     ROWS    BYTES   TOOK\n\
         mysql shop.orders  bigquery p.lake.orders  success  1,500  2.0 KiB   1.5s\n\
         mysql shop.orders  bigquery p.lake.orders  error\n\
         mysql shop.orders  bigquery p.lake.orders  running    700  1.0 KiB  4m10s\n"
    );
}
