//! Inputs that read files.

use super::{bound, problems};
use crate::embulk::input::{Archived, InputConfig, KeepsPlace, Parser, S3Objects, Symlinks};

/// A file with these options of `in` beside `type: file` and `path_prefix`, and of its csv parser.
fn csv_file(parser: &str) -> String {
    format!(
        "in:\n  type: file\n  path_prefix: a\n  parser:\n    type: csv\n{parser}out: {{type: file, path_prefix: o, file_ext: csv, formatter: {{type: csv}}}}\n"
    )
}

#[test]
fn a_csv_parser_has_embulks_defaults() {
    let config = bound(&csv_file("    columns: [{name: a, type: long}, {name: t, type: timestamp}]\n"));
    let InputConfig::File(input) = config.input else { panic!("file") };
    assert_eq!((input.symlinks, &input.last_path), (Symlinks::Skip, &None));
    let Parser::Csv(csv) = input.content.parser else { panic!("csv") };
    assert_eq!((csv.delimiter.as_str(), csv.quote, csv.escape), (",", Some('"'), Some('\\')));
    assert_eq!((csv.newline, csv.max_quoted_size, csv.skip_header_lines), ("\r\n", 131_072, 0));
    assert_eq!((csv.null_string, csv.comment_marker, csv.line_end), (None, None, None));
    assert_eq!(csv.columns[1].clock.format, "%Y-%m-%d %H:%M:%S.%N %z");
    assert_eq!(csv.charset.name(), "UTF-8");
}

#[test]
fn a_csv_parser_has_what_is_written() {
    let config = bound(&csv_file(
        "    header_line: true\n    quote: null\n    escape: ''\n    delimiter: \"\\t\"\n    charset: MS932\n    newline: LF\n    null_string: \\N\n    default_timezone: Asia/Tokyo\n    columns: [{name: t, type: timestamp, format: '%F', date: '2015-06-04'}]\n",
    ));
    let InputConfig::File(input) = config.input else { panic!("file") };
    let Parser::Csv(csv) = input.content.parser else { panic!("csv") };
    assert_eq!((csv.quote, csv.escape, csv.delimiter.as_str()), (None, None, "\t"));
    assert_eq!((csv.skip_header_lines, csv.newline, csv.charset.name()), (1, "\n", "Shift_JIS"));
    assert_eq!(csv.null_string.as_deref(), Some("\\N"));
    let clock = &csv.columns[0].clock;
    assert_eq!((clock.format.as_str(), clock.zone.name.as_str()), ("%F", "Asia/Tokyo"));
    assert_eq!(clock.date, jiff::civil::date(2015, 6, 4));
}

#[test]
fn what_a_parser_cannot_do_is_said() {
    assert_eq!(
        problems(&csv_file(
            "    quote: ab\n    charset: klingon\n    delimiter: ''\n    columns: [{name: a, type: int}, {type: long}, {name: t, type: timestamp, format: 'java:yyyy'}]\n    skip_header_lines: 1\n    header_line: true\n    trim_if_not_quoted: true\n    quotes_in_quoted_fields: ACCEPT_STRAY_QUOTES_ASSUMING_NO_DELIMITERS_IN_FIELDS\n    frob: 1\n"
        )),
        [
            "9:31 error bad-value: `type` must be one of boolean, long, double, string, timestamp, json, not `int`",
            "9:37 error missing-option: `name` is required in `columns`",
            "9:78 error unsupported-option: `format` is not supported yet, and leaving it out would change the result",
            "5:5 error bad-value: `trim_if_not_quoted` cannot be given with stray quotes in `quotes_in_quoted_fields`",
            "8:16 error bad-value: `delimiter` must be at least one character, not ``",
            "5:5 error bad-value: `header_line` cannot be given with `skip_header_lines`",
            "6:12 error bad-value: `quote` must be one character, not `ab`",
            "7:14 error bad-value: `charset` must be a known charset such as `UTF-8` or `Shift_JIS`, not `klingon`",
            "14:5 warning unknown-option: unknown option `frob` in `parser` is ignored",
        ]
    );
}

#[test]
fn objects_of_a_bucket_are_chosen_by_path_or_prefix() {
    let of = |options: &str| {
        format!(
            "in:\n  type: s3\n  bucket: b\n{options}  parser: {{type: jsonl}}\nout: {{type: file, path_prefix: o, file_ext: csv, formatter: {{type: csv}}}}\n"
        )
    };
    let config = bound(&of(
        "  path_prefix: a/\n  path_match_pattern: csv$\n  total_file_count_limit: 3\n  last_path: a/1\n  incremental: false\n",
    ));
    let InputConfig::S3(input) = config.input else { panic!("s3") };
    let S3Objects::Prefix { prefix, last_path, pattern, limit, archived } = input.objects else {
        panic!("prefix")
    };
    assert_eq!(
        (prefix.expose(), last_path.as_deref(), pattern.as_deref()),
        ("a/", Some("a/1"), Some("csv$"))
    );
    assert_eq!((limit, archived, input.keeps_place), (Some(3), Archived::Refuse, KeepsPlace::No));
    assert_eq!(problems(&of("")), ["2:3 error missing-option: `path` or `path_prefix` is required in `in`"]);
    assert_eq!(
        problems(&of("  path: a\n  path_match_pattern: '('\n  use_modified_time: true\n")),
        [
            "5:23 error bad-value: `path_match_pattern` is not a regular expression: unclosed group",
            "6:3 error unsupported-option: `use_modified_time` is not supported yet, and leaving it out would change the result",
        ]
    );
}
