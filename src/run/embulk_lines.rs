//! The lines that `embulk run` prints, as scripts around it know them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::embulk_protocol::LogLevel;
use crate::session::Level;
use crate::transfer::output::bigquery::transaction_report;
use crate::transfer::report::TransferReport;

/// A log line as Embulk writes it: `2024-03-10 12:34:56.789 +0900 [INFO] (main): text`.
pub fn log_line(at: Timestamp, zone: &TimeZone, level: LogLevel, text: &str) -> String {
    let at = at.to_zoned(zone.clone());
    let level = match level {
        LogLevel::Trace => "TRACE",
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warn => "WARN",
        LogLevel::Error => "ERROR",
    };
    format!("{} [{level}] (main): {text}", at.strftime("%Y-%m-%d %H:%M:%S%.3f %z"))
}

/// What a transfer that succeeded says at its end. The BigQuery output's report is what people count rows by.
pub fn of_success(report: &TransferReport) -> Vec<String> {
    let mut lines = Vec::new();
    if report.target.starts_with("bigquery") {
        let loaded = report.rows_loaded.unwrap_or(report.rows_sent);
        lines.push(format!("embulk-output-bigquery: {}", transaction_report(report.rows_sent, loaded)));
    }
    lines.push("Committed.".to_owned());
    lines.push(format!("Next config diff: {}", json!({"in": report.next, "out": {}})));
    lines
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_as_embulk_writes_them() {
        let zone = TimeZone::get("Asia/Tokyo").expect("a known zone");
        let at = "2024-03-10T03:34:56.789Z".parse().expect("a time");
        assert_eq!(
            log_line(at, &zone, LogLevel::Warn, "text"),
            "2024-03-10 12:34:56.789 +0900 [WARN] (main): text"
        );
        let report = TransferReport {
            target: "bigquery p.d.t".to_owned(),
            rows_sent: 5,
            rows_loaded: Some(4),
            ..TransferReport::default()
        };
        assert_eq!(
            of_success(&report),
            [
                "embulk-output-bigquery: transaction_report: {\"num_input_rows\":5,\"num_response_rows\":4,\
                 \"num_output_rows\":4,\"num_rejected_rows\":1}",
                "Committed.",
                "Next config diff: {\"in\":{},\"out\":{}}",
            ]
        );
    }
}
