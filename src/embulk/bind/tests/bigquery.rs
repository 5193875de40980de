//! Numbers and files of `type: bigquery`.

use std::time::Duration;

use super::{IN, bound, problems};
use crate::embulk::output::{Afterwards, FormatChoice, OutputConfig, Payload};

/// By the rules of Ruby: see `embulk::ruby`.
#[test]
fn numbers_and_files_of_bigquery() {
    let bound = |options: &str| {
        let config =
            bound(&format!("{IN}out:\n  type: bigquery\n  project: p\n  dataset: d\n  table: t\n{options}"));
        let OutputConfig::Bigquery(output) = config.output else { panic!("bigquery") };
        output
    };
    let output = bound("  retries: '010'\n  max_bad_records: '1_000'\n  timeout_sec: 7.9\n");
    assert_eq!((output.retries, output.max_bad_records, output.timeouts.read.as_secs()), (8, 1000, 7));
    let output = bound("  progress_log_interval: 1.5\n  field_delimiter: '\\t'\n");
    assert_eq!(output.progress_interval, Some(Duration::from_millis(1500)));
    assert_eq!((output.field_delimiter, output.format_choice), ('\t', FormatChoice::Written));
    let output = bound("  skip_file_generation: true\n  path_prefix: a/b\n  compression: gzip\n");
    let ready = output.ready.unwrap();
    assert_eq!((ready.path_prefix.expose(), ready.file_ext.as_str()), ("a/b", ".csv.gz"));
    assert_eq!((ready.afterwards, output.format_choice), (Afterwards::Delete, FormatChoice::Written));
    let keeps = "  delete_from_local_when_job_end: false\n  path_prefix: a/b\n";
    let output = bound(&format!("{keeps}  file_ext: .x\n"));
    let kept = output.kept.unwrap();
    assert_eq!(
        (kept.path_prefix.expose(), kept.file_ext.as_deref(), output.ready),
        ("a/b", Some(".x"), None)
    );
    let output = bound(&format!("{keeps}  skip_file_generation: true\n"));
    assert_eq!((output.ready.unwrap().afterwards, output.kept), (Afterwards::Keep, None));
    let output = bound("  payload_column: a\n  payload_column_index: 1\n  template_table: u\n");
    assert_eq!(output.payload, Some(Payload::Index(1)));
    let range = "  range_partitioning: {field: a, range: {start: 1, end: 9, interval: 1}}\n";
    let decorated =
        format!("{IN}out:\n  type: bigquery\n  project: p\n  dataset: d\n  table: t$2024\n{range}");
    assert_eq!(
        problems(&decorated),
        [
            "7:23 error bad-value: `range_partitioning` does not go with `$` in `table`: that is a partition of time"
        ]
    );
}
