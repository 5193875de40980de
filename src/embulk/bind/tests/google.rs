//! Who asks Google, and the options of `bigquery_java`.

use super::{Auth, IN, OutputConfig, bound, loaded, output_of, problems};
use crate::embulk::output::{
    AwsFederation, Compression, Conversions, CountCheck, Creation, FieldType, GivenSchema, KeyKind,
    SourceFormat, UnknownValues, WriteMode,
};

const PERSON: &str = r#"{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c", "project_id": "own"}"#;
const POOL: &str = r#"{"type": "external_account", "audience": "//iam/pool", "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request", "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"environment_id": "aws1"}}"#;
const AWS: &str = "  auth_method: workload_identity_federation\n  workload_identity_federation:\n    config: {content: 'POOL'}\n";
const JAVA: &str =
    "  type: bigquery_java\n  dataset: d\n  table: t\n  source_format: NEWLINE_DELIMITED_JSON\n";

fn java(options: &str) -> String {
    format!("{IN}out:\n{JAVA}{options}").replace("POOL", POOL).replace("PERSON", PERSON)
}

fn ruby(options: &str) -> String {
    format!("{IN}out:\n  type: bigquery\n  dataset: d\n  table: t\n{options}")
        .replace("POOL", POOL)
        .replace("PERSON", PERSON)
}

fn auth(text: &str) -> Auth {
    output_of(text).auth
}

#[test]
fn a_federation_is_named_by_its_json_or_is_one_with_aws() {
    for method in ["json_key", "service_account", "workload_identity_federation"] {
        let options = format!("  project: p\n  auth_method: {method}\n  json_keyfile: {{content: 'POOL'}}\n");
        let Auth::Federation(key) = auth(&ruby(&options)) else { panic!("{method}") };
        assert_eq!((key.kind, key.content.expose()), (KeyKind::Federation, POOL));
    }
    let named =
        "    aws_role_arn: arn:aws:iam::1:role/r\n    aws_role_session_name: s\n    aws_region: eu-west-1\n";
    let Auth::AwsFederation(aws) = auth(&java(&format!("  project: p\n{AWS}{named}"))) else { panic!() };
    let AwsFederation { config, role_arn, session_name, region } = aws;
    assert_eq!(config.content.expose(), POOL);
    assert_eq!(role_arn.as_deref(), Some("arn:aws:iam::1:role/r"));
    assert_eq!((session_name.as_str(), region.as_str()), ("s", "eu-west-1"));
    // Without a role, and with what the plugin takes for the rest.
    let Auth::AwsFederation(aws) = auth(&ruby(&format!("  project: p\n{AWS}"))) else { panic!() };
    assert_eq!(aws.role_arn, None);
    assert_eq!(
        (aws.session_name.as_str(), aws.region.as_str()),
        ("embulk-bigquery-output", "ap-northeast-1")
    );
    let gcs = format!(
        "{IN}out:\n  type: gcs\n  bucket: b\n  path_prefix: p\n  file_ext: .csv\n  formatter: {{type: csv}}\n{AWS}"
    );
    let OutputConfig::Gcs(output) = bound(&gcs.replace("POOL", POOL)).output else { panic!("gcs") };
    assert!(matches!(output.auth, Auth::AwsFederation(_)));
}

#[test]
fn what_a_key_is_for_must_be_what_the_method_wants() {
    for (text, expected) in [
        (
            ruby("  auth_method: json_key\n  json_keyfile: {content: 'PERSON'}\n"),
            "7:17 error bad-json-keyfile: `json_keyfile` is of type `authorized_user`, and this `auth_method` takes `service_account`",
        ),
        (
            ruby("  project: p\n  auth_method: authorized_user\n  json_keyfile: {content: 'POOL'}\n"),
            "8:17 error bad-json-keyfile: `json_keyfile` is of type `external_account`, and this `auth_method` takes `authorized_user`",
        ),
        (
            ruby("  auth_method: workload_identity_federation\n  json_keyfile: {content: 'PERSON'}\n"),
            "7:17 error bad-json-keyfile: `json_keyfile` is of type `authorized_user`, and this `auth_method` takes `external_account`",
        ),
        (
            ruby("  project: p\n  auth_method: workload_identity_federation\n"),
            "7:16 error missing-option: `workload_identity_federation` or `json_keyfile` is required for this `auth_method`",
        ),
        (
            ruby(
                "  project: p\n  auth_method: workload_identity_federation\n  workload_identity_federation: {aws_region: x}\n",
            ),
            "8:33 error missing-option: `config` is required in `workload_identity_federation`",
        ),
        (
            java(&format!("  project: p\n{AWS}")),
            "10:5 error missing-option: `aws_role_arn` is required in `workload_identity_federation`",
        ),
        (
            ruby("  auth_method: application_default\n  json_keyfile: {content: '{'}\n"),
            "7:27 error bad-json-keyfile: `json_keyfile` is not JSON: line 1, column 1 of the key",
        ),
        (
            java("  auth_method: json_key\n  json_keyfile: {content: 'PERSON'}\n"),
            "7:16 error bad-value: `auth_method` must be one of service_account, authorized_user, compute_engine, application_default, workload_identity_federation, not `json_key`",
        ),
        (
            java("  project: p\n"),
            "3:3 error missing-option: `json_keyfile` is required for this `auth_method`",
        ),
    ] {
        assert_eq!(problems(&text), [expected], "{text}");
    }
    let hint = |text: &str| loaded(text).unwrap_err()[0].hint.clone().unwrap();
    assert_eq!(
        hint(&ruby("  auth_method: json_key\n  json_keyfile: {content: 'PERSON'}\n")),
        "write `auth_method: authorized_user`"
    );
}

#[test]
fn a_key_gives_its_project_whatever_it_is_for() {
    let options = "  auth_method: compute_engine\n  json_keyfile: {content: 'PERSON'}\n";
    let output = output_of(&ruby(options));
    assert_eq!((output.project.expose(), output.auth), ("own", Auth::ComputeEngine));
}

#[test]
fn the_defaults_of_the_java_plugin() {
    let output = output_of(&java("  auth_method: authorized_user\n  json_keyfile: {content: 'PERSON'}\n"));
    assert_eq!((output.project.expose(), output.destination_project.expose()), ("own", "own"));
    assert_eq!((output.mode, output.conversions), (WriteMode::Append, Conversions::Java));
    assert_eq!((output.source_format, output.compression), (SourceFormat::Jsonl, Compression::None));
    assert_eq!((output.count_check, output.unknown_values), (CountCheck::Fail, UnknownValues::Refuse));
    assert_eq!(output.default_timestamp_format, "%Y-%m-%d %H:%M:%S.%6N %:z");
    assert_eq!((output.retries, output.max_bad_records, output.before_load), (5, 0, None));
    assert_eq!((output.polling_interval.as_secs(), output.max_polling_time.as_secs()), (10, 3600));
}

#[test]
fn the_options_of_the_java_plugin() {
    let output = output_of(&java(
        "  auth_method: application_default\n  project: p\n  destination_project: q\n  location: US\n  mode: append_direct\n  auto_create_table: \"false\"\n  auto_create_dataset: true\n  compression: GZIP\n  max_bad_records: 2\n  ignore_unknown_values: true\n  template_table: x\n  retries: 1\n  job_status_polling_interval: 3\n  default_timestamp_format: '%F'\n  time_partitioning: {type: HOUR, field: at}\n  clustering: {fields: [a]}\n  retain_column_descriptions: true\n  retain_column_policy_tags: true\n  enable_standard_sql: true\n  column_options:\n  - {name: a, type: INT64, timezone: Asia/Tokyo, scale: 3, timestamp_format: '%d', description: d}\n",
    ));
    assert_eq!(output.mode, WriteMode::AppendDirect { creation: Creation::Never });
    assert_eq!(output.destination_project.expose(), "q");
    assert_eq!((output.dataset_creation, output.compression), (Creation::IfMissing, Compression::Gzip));
    assert_eq!((output.count_check, output.unknown_values), (CountCheck::Note, UnknownValues::Ignore));
    assert_eq!(output.given_schema, Some(GivenSchema::Template("x".to_owned())));
    assert_eq!((output.clustering, output.default_timestamp_format), (vec!["a".to_owned()], "%F".to_owned()));
    let option = &output.column_options[0];
    assert_eq!((option.field_type, option.scale), (Some(FieldType::Integer), Some(3)));
    let merge = output_of(&java(
        "  auth_method: application_default\n  project: p\n  mode: merge\n  merge_keys: [a]\n  merge_rule: [b = S.b]\n",
    ));
    assert_eq!(merge.mode, WriteMode::Merge { keys: vec!["a".to_owned()], rule: vec!["b = S.b".to_owned()] });
}

#[test]
fn what_the_java_plugin_refuses() {
    const DEFAULT: &str = "  auth_method: application_default\n  project: p\n";
    for (options, expected) in [
        (
            "  mode: replace\n  auto_create_table: false\n",
            "10:22 error bad-value: `mode: replace` requires `auto_create_table: true`",
        ),
        (
            "  ignore_unknown_values: 1\n",
            "9:26 error bad-value: `ignore_unknown_values` must be true or false, not `1`",
        ),
        (
            "  column_options: [{name: a, scale: 10}]\n",
            "9:37 error bad-value: `scale` must be a whole number from 0 to 9, not `10`",
        ),
    ] {
        assert_eq!(problems(&java(&format!("{DEFAULT}{options}"))), [expected], "{options}");
    }
    let without = format!(
        "{IN}out: {{type: bigquery_java, dataset: d, table: t, auth_method: compute_engine, project: p}}\n"
    );
    assert_eq!(problems(&without), ["2:6 error missing-option: `source_format` is required in `out`"]);
    let Ok(rendered) = loaded(&java(&format!("{DEFAULT}  gcs_bucket: b\n  schema_file: s\n"))) else {
        panic!("warnings only")
    };
    let said: Vec<_> = rendered.problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(
        said,
        [
            "unknown option `gcs_bucket` in `out` is ignored",
            "unknown option `schema_file` in `out` is ignored"
        ]
    );
}
