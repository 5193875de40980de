//! Tables that transfers copy and nobody reads: what can be said of each, and how it is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::figures;
use super::table::{Align, Cell, Table};
use crate::state::CopiedTarget;
use crate::transfer::output::reads::TableRecord;

/// What is known of the reads of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// What its warehouse has on record, since when.
    Recorded { since: Timestamp, record: TableRecord },
    /// Nothing, for this reason.
    Nothing(String),
}

/// A table that is copied, and what is known of its reads.
#[derive(Debug, Clone)]
pub struct ReadTable {
    pub copied: CopiedTarget,
    pub known: Known,
}

/// When a table counts as unused.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// As it was asked for.
    pub length: SignedDuration,
    pub now: Timestamp,
}

/// What is said of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nobody has read it for so long, although it was there.
    Unused,
    /// It cannot be said.
    Unclear,
    /// It is not there so long yet, and nobody has read it.
    New,
    /// It is copied no more: the warehouse has no such table.
    Gone,
    /// Somebody reads it.
    Used,
}

impl Verdict {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Unclear => "unclear",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Used => "used",
        }
    }
}

impl Threshold {
    fn start(&self) -> Timestamp {
        self.now.saturating_sub(self.length).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A table is unused only when the record reaches back to the threshold and the table was there all the time.
    pub fn verdict(&self, table: &ReadTable) -> Verdict {
        let Known::Recorded { since, record } = &table.known else { return Verdict::Unclear };
        let start = self.start();
        let born = record.created.map_or(table.copied.first, |created| created.min(table.copied.first));
        match record.last_read {
            Some(read) if read >= start => Verdict::Used,
            _ if !record.exists => Verdict::Gone,
            _ if born > start => Verdict::New,
            _ if *since > start => Verdict::Unclear,
            _ => Verdict::Unused,
        }
    }

    fn days(&self) -> i64 {
        self.length.as_hours() / 24
    }

    /// `90 days`, `12 hours`.
    pub fn shown(&self) -> String {
        match (self.days(), self.length.as_hours()) {
            (1, 24) => "1 day".to_owned(),
            (days, hours) if days > 0 && hours % 24 == 0 => format!("{days} days"),
            (_, 1) => "1 hour".to_owned(),
            (_, hours) if hours > 0 => format!("{hours} hours"),
            _ => format!("{} minutes", self.length.as_mins()),
        }
    }
}

/// All tables with what is said of them.
pub struct Judged<'t> {
    threshold: Threshold,
    tables: Vec<(Verdict, &'t ReadTable)>,
}

impl<'t> Judged<'t> {
    /// Judges them; those that cost most come first.
    pub fn new(tables: &'t [ReadTable], threshold: Threshold) -> Self {
        let mut tables: Vec<_> = tables.iter().map(|table| (threshold.verdict(table), table)).collect();
        tables.sort_by(|(_, left), (_, right)| {
            let seconds = right.copied.report.seconds.total_cmp(&left.copied.report.seconds);
            seconds.then_with(|| left.copied.target.cmp(&right.copied.target))
        });
        Self { threshold, tables }
    }

    fn of(&self, verdict: Verdict) -> impl Iterator<Item = &'t ReadTable> + '_ {
        self.tables.iter().filter(move |(own, _)| *own == verdict).map(|(_, table)| *table)
    }

    /// The tables that nobody reads, and those of which it cannot be said, with the reason.
    pub fn tables(&self, zone: &TimeZone) -> Vec<Table> {
        let mut unused = Table::new(&[
            ("UNUSED TABLE", Align::Left),
            ("LAST READ", Align::Left),
            ("LAST COPIED", Align::Left),
            ("ROWS", Align::Right),
            ("BYTES", Align::Right),
            ("SECONDS", Align::Right),
        ]);
        for table in self.of(Verdict::Unused) {
            let report = &table.copied.report;
            unused.row([
                Cell::from(table.copied.target.as_str()),
                Cell::from(last_read(table, zone)),
                Cell::from(day(table.copied.last, zone)),
                Cell::from(figures::count(report.rows_sent)),
                Cell::from(figures::bytes(report.bytes)),
                Cell::from(figures::seconds(report.seconds)),
            ]);
        }
        let mut unclear = Table::new(&[
            ("NOT CERTAIN", Align::Left),
            ("LAST READ", Align::Left),
            ("LAST COPIED", Align::Left),
            ("WHY", Align::Left),
        ]);
        for table in self.of(Verdict::Unclear) {
            unclear.row([
                Cell::from(table.copied.target.as_str()),
                Cell::from(last_read(table, zone)),
                Cell::from(day(table.copied.last, zone)),
                Cell::from(self.why(table, zone).unwrap_or_default()),
            ]);
        }
        [unused, unclear].into_iter().filter(|table| !table.is_empty()).collect()
    }

    /// Why nothing is certain.
    fn why(&self, table: &ReadTable, zone: &TimeZone) -> Option<String> {
        match &table.known {
            Known::Nothing(reason) => Some(reason.clone()),
            Known::Recorded { since, .. } if self.threshold.verdict(table) == Verdict::Unclear => {
                Some(format!("reads are on record since {} only", day(*since, zone)))
            }
            Known::Recorded { .. } => None,
        }
    }

    /// One line: how many of each, and what the unused ones take.
    pub fn summary(&self) -> String {
        if self.tables.is_empty() {
            return "nothing was copied to a warehouse that keeps records of reads".to_owned();
        }
        let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
        for (verdict, _) in &self.tables {
            *counts.entry(*verdict).or_default() += 1;
        }
        let counted = counts.iter().map(|(verdict, count)| match verdict {
            Verdict::Unused => format!("{count} not read for {}", self.threshold.shown()),
            Verdict::Unclear => format!("{count} not certain"),
            Verdict::New => format!("{count} not there so long yet"),
            Verdict::Gone => format!("{count} not there any more"),
            Verdict::Used => format!("{count} read"),
        });
        let counted: Vec<String> = counted.collect();
        let tables = if self.tables.len() == 1 {
            "1 table".to_owned()
        } else {
            format!("{} tables", self.tables.len())
        };
        let reports = || self.of(Verdict::Unused).map(|table| &table.copied.report);
        let cost = if counts.contains_key(&Verdict::Unused) {
            let seconds = Duration::try_from_secs_f64(reports().map(|report| report.seconds).sum());
            let bytes = figures::bytes(reports().map(|report| report.bytes).sum());
            let took = seconds.map(figures::duration).unwrap_or_default();
            format!("; copying what is not read takes {took} and {bytes} each time")
        } else {
            String::new()
        };
        format!("{tables}: {}{cost}", counted.join(", "))
    }

    /// All tables, for programs.
    pub fn json(&self, warehouses: &[Value], zone: &TimeZone) -> Value {
        let table = |(verdict, table): &(Verdict, &ReadTable)| {
            let CopiedTarget { target, workflow, task, first, last, report } = &table.copied;
            let recorded = match &table.known {
                Known::Recorded { since, record } => Some((since, record)),
                Known::Nothing(_) => None,
            };
            let iso = |at: Timestamp| at.to_string();
            let last_read = recorded.and_then(|(_, record)| record.last_read);
            json!({
                "target": target,
                "source": report.source,
                "workflow": workflow,
                "task": task,
                "verdict": verdict.word(),
                "last_read": last_read.map(iso),
                "not_read_since": recorded.filter(|_| last_read.is_none()).map(|(since, _)| iso(*since)),
                "why": self.why(table, zone),
                "created": recorded.and_then(|(_, record)| record.created).map(iso),
                "first_copied": iso(*first),
                "last_copied": iso(*last),
                "rows": report.rows_sent,
                "bytes": report.bytes,
                "seconds": report.seconds,
                "table_rows": recorded.and_then(|(_, record)| record.rows),
                "table_bytes": recorded.and_then(|(_, record)| record.bytes),
            })
        };
        json!({
            "older_than_seconds": self.threshold.length.as_secs(),
            "now": self.threshold.now.to_string(),
            "warehouses": warehouses,
            "tables": self.tables.iter().map(table).collect::<Vec<_>>(),
        })
    }
}

fn last_read(table: &ReadTable, zone: &TimeZone) -> String {
    match &table.known {
        Known::Nothing(_) => String::new(),
        Known::Recorded { since, record } => match record.last_read {
            Some(at) => day(at, zone),
            None => format!("not since {}", day(*since, zone)),
        },
    }
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::TaskName;
    use crate::transfer::report::TransferReport;

    const NOW: &str = "2026-11-30T12:00:00Z";

    fn at(day: &str) -> Timestamp {
        format!("{day}T03:00:00Z").parse().expect("a time")
    }

    fn threshold(days: i64) -> Threshold {
        Threshold { length: SignedDuration::from_hours(days * 24), now: NOW.parse().expect("a time") }
    }

    fn copied(table: &str, first: &str, seconds: f64) -> CopiedTarget {
        CopiedTarget {
            target: format!("bigquery p.lake.{table}"),
            workflow: "nightly".into(),
            task: TaskName::from_full("+nightly+copy"),
            first: at(first),
            last: at("2026-11-30"),
            report: TransferReport {
                source: format!("mysql shop.{table}"),
                rows_sent: 1200,
                bytes: 4096,
                seconds,
                ..TransferReport::default()
            },
        }
    }

    /// A table that was copied first on a day, and read last on another; on record since 180 days.
    fn table(name: &str, first: &str, last_read: Option<&str>) -> ReadTable {
        let record = TableRecord { exists: true, last_read: last_read.map(at), ..TableRecord::default() };
        ReadTable {
            copied: copied(name, first, 1.5),
            known: Known::Recorded { since: at("2026-06-03"), record },
        }
    }

    #[test]
    fn only_what_was_there_and_is_on_record_all_the_time_is_unused() {
        for (first, created, last_read, days, expected) in [
            ("2026-01-01", None, None, 90, Verdict::Unused),
            ("2026-01-01", None, Some("2026-09-01"), 90, Verdict::Unused),
            ("2026-01-01", None, Some("2026-09-02"), 90, Verdict::Used),
            ("2026-01-01", None, Some("2026-07-01"), 200, Verdict::Used),
            // The record does not reach back so far.
            ("2026-01-01", None, None, 200, Verdict::Unclear),
            // Nobody can have read it before.
            ("2026-11-01", None, None, 90, Verdict::New),
            // It was there before it was remembered.
            ("2026-11-01", Some("2025-01-01"), None, 90, Verdict::Unused),
            // It is made anew each night.
            ("2026-01-01", Some("2026-11-30"), None, 90, Verdict::Unused),
        ] {
            let mut table = table("orders", first, last_read);
            if let Known::Recorded { record, .. } = &mut table.known {
                record.created = created.map(at);
            }
            let said = threshold(days).verdict(&table);
            assert_eq!(said, expected, "{first} {created:?} {last_read:?} {days}");
        }
        let mut gone = table("orders", "2026-01-01", None);
        gone.known = Known::Recorded { since: at("2026-06-03"), record: TableRecord::default() };
        assert_eq!(threshold(90).verdict(&gone), Verdict::Gone);
        gone.known = Known::Nothing("nobody knows".into());
        assert_eq!(threshold(90).verdict(&gone), Verdict::Unclear);
    }

    #[test]
    fn what_costs_most_comes_first_and_names_may_be_japanese() {
        let mut tables = vec![
            table("注文明細", "2026-01-01", None),
            table("orders", "2026-01-01", Some("2026-08-01")),
            table("items", "2026-01-01", Some("2026-11-29")),
            table("customers", "2026-11-20", None),
            table("events", "2026-01-01", None),
        ];
        tables[1].copied.report.seconds = 93.0;
        tables[4].known = Known::Nothing("no workflow tells how to reach it".into());
        let judged = Judged::new(&tables, threshold(90));
        let text: Vec<String> =
            judged.tables(&TimeZone::UTC).iter().map(|table| table.render(false)).collect();
        assert_eq!(
            text.join("\n"),
            "UNUSED TABLE              LAST READ             LAST COPIED   ROWS    BYTES  SECONDS
bigquery p.lake.orders    2026-08-01            2026-11-30   1,200  4.0 KiB     93.0
bigquery p.lake.注文明細  not since 2026-06-03  2026-11-30   1,200  4.0 KiB      1.5

NOT CERTAIN             LAST READ  LAST COPIED  WHY
bigquery p.lake.events             2026-11-30   no workflow tells how to reach it
"
        );
        assert_eq!(
            judged.summary(),
            "5 tables: 2 not read for 90 days, 1 not certain, 1 not there so long yet, 1 read; copying what is not read \
             takes 1m34s and 8.0 KiB each time"
        );
        let json = judged.json(&[], &TimeZone::UTC);
        assert_eq!(json["tables"][0]["verdict"], "unused");
        assert_eq!(json["tables"][0]["last_read"], "2026-08-01T03:00:00Z");
    }

    #[test]
    fn a_record_that_is_too_short_calls_nothing_unused() {
        let tables = [table("orders", "2025-01-01", None)];
        let judged = Judged::new(&tables, threshold(365));
        assert_eq!(judged.summary(), "1 table: 1 not certain");
        assert_eq!(
            judged.tables(&TimeZone::UTC)[0].render(false),
            "NOT CERTAIN             LAST READ             LAST COPIED  WHY
bigquery p.lake.orders  not since 2026-06-03  2026-11-30   reads are on record since 2026-06-03 only
"
        );
    }
}
