//! `out: {type: redshift}`.

use super::*;
use crate::embulk::output::{
    CopyAccess, CopyFormat, DistStyle, LoadMode, RedshiftOutput, Replacing, S3Access, StagedObjects,
    TableLayout,
};

const OUT: &str = "out:\n  type: redshift\n  host: h\n  user: u\n  database: d\n  table: t\n  s3_bucket: b\n";

fn output(options: &str) -> RedshiftOutput {
    let config = bound(&format!("{IN}{OUT}{options}"));
    assert_eq!(config.output.to_string().split('.').next(), Some("redshift d"));
    let OutputConfig::Redshift(output) = config.output else { panic!("redshift") };
    *output
}

fn said(options: &str) -> Vec<String> {
    problems(&format!("{IN}{OUT}  mode: insert\n{options}"))
}

#[test]
fn the_defaults() {
    let output = output("  mode: insert\n");
    assert_eq!((output.port, output.password.expose(), output.ssl), (5439, "", SslMode::Disable));
    assert_eq!((output.schema.expose(), output.temp_schema), ("public", None));
    assert_eq!(output.socket_timeout.as_secs(), 28_800);
    assert_eq!((output.format, output.lock_timeout.as_secs()), (CopyFormat::Text, 60));
    assert_eq!((output.copy_access, output.layout), (CopyAccess::Keys, TableLayout::default()));
    assert_eq!(output.replacing, Replacing::Auto);
    let stage = output.stage;
    assert_eq!(
        (stage.prefix.expose(), stage.access, stage.keeping),
        ("", S3Access::Found, StagedObjects::Removed)
    );
    assert_eq!((stage.uploads, stage.object_bytes, stage.endpoint), (2, None, None));
    assert_eq!((output.load.mode, output.load.types), (LoadMode::Insert, TypeMapping::Embulk));
}

#[test]
fn the_options() {
    let output = output(
        "  mode: MERGE\n  merge_keys: [a]\n  merge_rule: ['n = S.n']\n  port: 5433\n  password: p\n  schema: s\n  temp_schema: w\n  ssl: verify\n  options: {loglevel: 2}\n  batch_size: 100\n  s3_key_prefix: raw/x\n  s3_endpoint: https://s3.example.com\n  delete_s3_temp_file: false\n  max_s3_upload_threads_per_task: 4\n  aws_auth_method: session\n  aws_access_key_id: i\n  aws_secret_access_key: k\n  aws_session_token: t\n  copy_iam_role_name: r\n  copy_aws_account_id: '123456789012'\n  iam_user_name: x\n  format: jsonl\n  types: exact\n  dist_style: KEY\n  dist_key: a\n  sort_key: [a, b]\n  lock_timeout: 5\n  column_options:\n    a: {type: INT, encode: zstd}\n",
    );
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(output.load.mode, LoadMode::Merge { keys: texts(&["a"]), rule: texts(&["n = S.n"]) });
    assert_eq!((output.temp_schema.unwrap().expose(), output.ssl), ("w", SslMode::Verify));
    let stage = output.stage;
    assert_eq!((stage.prefix.expose(), stage.keeping), ("raw/x/", StagedObjects::Kept));
    assert_eq!((stage.uploads, stage.object_bytes), (4, Some(100)));
    assert_eq!(stage.endpoint.as_deref(), Some("https://s3.example.com"));
    let secret = |text: &str| Secret::new(text);
    let keys = S3Access::Keys { id: secret("i"), key: secret("k"), token: Some(secret("t")) };
    assert_eq!(stage.access, keys);
    // Embulk goes by the role where a user is written as well.
    let role = CopyAccess::RoleName { name: "r".to_owned(), account: Some("123456789012".to_owned()) };
    assert_eq!((output.copy_access, output.format), (role, CopyFormat::Jsonl));
    let layout = TableLayout {
        dist_style: Some(DistStyle::Key),
        dist_key: Some("a".to_owned()),
        sort_key: texts(&["a", "b"]),
    };
    assert_eq!((output.layout, output.lock_timeout.as_secs()), (layout, 5));
    assert_eq!(output.load.column_options[0].1.encode.as_deref(), Some("zstd"));
}

#[test]
fn the_formats() {
    for (name, format) in CopyFormat::NAMES {
        assert_eq!(output(&format!("  mode: insert\n  format: {name}\n")).format, format);
    }
}

#[test]
fn keys_have_old_names_too() {
    let access = |options: &str| output(&format!("  mode: insert\n{options}")).stage.access;
    let keys = S3Access::Keys { id: Secret::new("i"), key: Secret::new("k"), token: None };
    assert_eq!(access("  access_key_id: i\n  secret_access_key: k\n"), keys);
    assert_eq!(access("  aws_access_key_id: i\n  access_key_id: old\n  aws_secret_access_key: k\n"), keys);
    assert_eq!(access("  aws_auth_method: env\n"), S3Access::Environment);
    assert_eq!(access("  aws_auth_method: instance\n"), S3Access::Machine);
    assert_eq!(
        said("  aws_auth_method: basic\n  aws_access_key_id: i\n"),
        ["10:20 error missing-option: `aws_secret_access_key` is required for this `aws_auth_method`"]
    );
}

#[test]
fn what_is_wrong_is_said() {
    for (options, expected) in [
        (
            "  aws_auth_method: anonymous\n",
            "10:20 error bad-value: rows are staged in S3, and `anonymous` may not write there",
        ),
        (
            "  aws_auth_method: properties\n",
            "10:3 error unsupported-option: `aws_auth_method` is not supported yet, and leaving it out would change the result",
        ),
        (
            "  copy_iam_role: r\n",
            "10:18 error bad-value: `copy_iam_role` must be `default` or the ARN of a role: `arn:aws:iam::ACCOUNT:role/NAME`",
        ),
        (
            "  copy_iam_role: default\n  copy_iam_role_name: r\n",
            "10:18 error bad-value: `copy_iam_role` and `copy_iam_role_name` cannot be given both",
        ),
        ("  dist_style: key\n", "10:15 error bad-value: `dist_style: key` needs `dist_key`"),
        (
            "  dist_style: all\n  dist_key: a\n",
            "11:13 error bad-value: `dist_key` goes with `dist_style: key` only",
        ),
        (
            "  format: orc\n",
            "10:11 error bad-value: `format` must be one of text, csv, jsonl, parquet, not `orc`",
        ),
        ("  merge_keys: [a]\n", "10:15 error bad-value: `merge_keys` is there for `mode: merge` only"),
    ] {
        assert_eq!(said(options), [expected], "{options}");
    }
    assert_eq!(
        problems(&format!("{IN}{OUT}  mode: merge_direct\n")),
        [
            "9:9 error bad-value: `mode` must be one of insert, insert_direct, truncate_insert, replace, merge, not `merge_direct`"
        ]
    );
    assert_eq!(
        problems(&format!(
            "{IN}out: {{type: redshift, host: h, user: u, database: d, table: t, mode: insert}}\n"
        )),
        ["2:6 error missing-option: `s3_bucket` is required in `out`"]
    );
}

#[test]
fn what_has_no_effect_is_said() {
    for (mode, options, expected) in [
        (
            "replace",
            "  temp_schema: w\n",
            "10:3 warning ignored-option: `temp_schema` has no effect: with `mode: replace` the staging table is in the schema of the table, as under Embulk",
        ),
        (
            "insert",
            "  transaction_isolation: serializable\n",
            "10:3 warning ignored-option: `transaction_isolation` has no effect: Redshift isolates transactions as the database is set to",
        ),
        (
            "insert",
            "  replace_by: swap\n",
            "10:3 warning ignored-option: `replace_by` has no effect: it belongs to `mode: replace`",
        ),
        (
            "insert",
            "  copy_aws_account_id: '1'\n",
            "10:3 warning ignored-option: `copy_aws_account_id` has no effect: it belongs to `copy_iam_role_name`",
        ),
    ] {
        let text = format!("{IN}{OUT}  mode: {mode}\n{options}");
        assert_eq!(problems(&text), [expected]);
    }
}
