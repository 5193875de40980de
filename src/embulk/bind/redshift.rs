//! `out: {type: redshift}`, by the rules of Java plugins.

use std::time::Duration;

use super::input::{CONNECT, password, port, properties, sql, ssl};
use super::s3::{AccessKeys, access_by};
use super::section::{Rules, Section};
use super::sql_output::{Dialect, load, refuse};
use crate::embulk::output::{
    CopyAccess, CopyFormat, DistStyle, LoadMode, RedshiftOutput, Replacing, S3Access, S3Stage, StagedObjects,
    TableLayout, TableLoad,
};
use crate::embulk::text::Text;
use crate::secret::Secret;

/// A COPY says nothing until it has ended; Embulk gives its batches so long.
const SILENCE: Duration = Duration::from_secs(28_800);

/// How long a swap waits where nothing else is written.
const LOCK: Duration = Duration::from_secs(60);

/// Objects on their way at once where nothing else is written.
const UPLOADS: usize = 2;

const ACCESS: AccessKeys = AccessKeys {
    method: "aws_auth_method",
    id: "aws_access_key_id",
    key: "aws_secret_access_key",
    token: "aws_session_token",
    file: "aws_profile_file",
    name: "aws_profile_name",
    old: Some(["access_key_id", "secret_access_key"]),
};

pub(super) fn bind(section: &Section<'_>) -> Option<RedshiftOutput> {
    let (host, user, database) =
        (section.required("host"), section.required("user"), section.required("database"));
    let password = password(section);
    let load = load(section, Dialect::Redshift);
    if load.as_ref().is_some_and(|load| load.isolation.is_some()) {
        section.useless("transaction_isolation", "Redshift isolates transactions as the database is set to");
    }
    let mode = load.as_ref().map(|load| load.mode.clone());
    let (stage, copy_access) = (stage(section), copy_access(section));
    let output = RedshiftOutput {
        port: port(section).unwrap_or(5439),
        password,
        schema: sql(section, "schema").unwrap_or_else(|| Text::plain("public")),
        temp_schema: temp_schema(section, load.as_ref()),
        ssl: ssl(section),
        connect_timeout: section.seconds("connect_timeout").unwrap_or(CONNECT),
        socket_timeout: section.seconds("socket_timeout").unwrap_or(SILENCE),
        options: properties(section),
        format: section.word("format", &CopyFormat::NAMES).unwrap_or(CopyFormat::Text),
        replacing: replacing(section, mode.as_ref()),
        lock_timeout: section
            .integer("lock_timeout", 1..=86_400)
            .map_or(LOCK, |seconds| Duration::from_secs(seconds.unsigned_abs())),
        layout: layout(section),
        host: host?,
        user: user?,
        database: database?,
        load: load?,
        stage: stage?,
        copy_access: copy_access?,
    };
    section.ignore(&["driver_path", "max_table_name_length"]);
    section.finish();
    Some(output)
}

fn replacing(section: &Section<'_>, mode: Option<&LoadMode>) -> Replacing {
    if section.node("replace_by").is_some() && mode.is_some_and(|mode| *mode != LoadMode::Replace) {
        section.useless("replace_by", "it belongs to `mode: replace`");
    }
    section.word("replace_by", &Replacing::NAMES).unwrap_or(Replacing::Auto)
}

/// A table cannot move to another schema, so that of `replace` is filled where it will stay.
fn temp_schema(section: &Section<'_>, load: Option<&TableLoad>) -> Option<Text> {
    let schema = sql(section, "temp_schema")?;
    if load.is_some_and(|load| load.mode == LoadMode::Replace) {
        let why = "with `mode: replace` the staging table is in the schema of the table, as under Embulk";
        section.useless("temp_schema", why);
        return None;
    }
    Some(schema)
}

fn stage(section: &Section<'_>) -> Option<S3Stage> {
    let bucket = section.required("s3_bucket");
    let access = access_by(section, &ACCESS);
    if access == Some(S3Access::Anonymous) {
        refuse(section, ACCESS.method, "rows are staged in S3, and `anonymous` may not write there");
    }
    let keeping = match section.flag("delete_s3_temp_file", Rules::Java) {
        Some(false) => StagedObjects::Kept,
        _ => StagedObjects::Removed,
    };
    Some(S3Stage {
        prefix: prefix(section.text("s3_key_prefix")),
        endpoint: section.plain("s3_endpoint").filter(|endpoint| !endpoint.is_empty()),
        keeping,
        uploads: section
            .integer("max_s3_upload_threads_per_task", 1..=16)
            .and_then(|uploads| usize::try_from(uploads).ok())
            .unwrap_or(UPLOADS),
        object_bytes: section.integer("batch_size", 1..=i64::MAX).map(i64::unsigned_abs),
        bucket: bucket?,
        access: access?,
    })
}

/// Embulk sees to it that the prefix is a folder.
fn prefix(written: Option<Text>) -> Text {
    match written {
        None => Text::plain(""),
        Some(text) if text.is_empty() || text.expose().ends_with('/') => text,
        Some(Text::Plain(text)) => Text::Plain(format!("{text}/")),
        Some(Text::Secret(secret)) => Text::Secret(Secret::new(format!("{}/", secret.expose()))),
    }
}

fn copy_access(section: &Section<'_>) -> Option<CopyAccess> {
    let given = |key: &'static str| section.plain(key).filter(|text| !text.is_empty());
    let (user, name) = (given("iam_user_name"), given("copy_iam_role_name"));
    let (account, role) = (given("copy_aws_account_id"), given("copy_iam_role"));
    if let (Some(_), Some(_)) = (&name, &role) {
        let message = "`copy_iam_role` and `copy_iam_role_name` cannot be given both";
        refuse(section, "copy_iam_role", message);
        return None;
    }
    if account.is_some() && name.is_none() {
        section.useless("copy_aws_account_id", "it belongs to `copy_iam_role_name`");
    }
    if let Some(role) = role {
        if !is_role(&role) {
            let message =
                "`copy_iam_role` must be `default` or the ARN of a role: `arn:aws:iam::ACCOUNT:role/NAME`";
            refuse(section, "copy_iam_role", message);
            return None;
        }
        return Some(CopyAccess::Role(role));
    }
    if let Some(account) = &account
        && !account.bytes().all(|byte| byte.is_ascii_digit())
    {
        refuse(section, "copy_aws_account_id", "`copy_aws_account_id` must be a number of twelve digits");
    }
    Some(match (name, user) {
        // Embulk goes by the role where both are written.
        (Some(name), _) => CopyAccess::RoleName { name, account },
        (None, Some(user)) => CopyAccess::Federation(user),
        (None, None) => CopyAccess::Keys,
    })
}

/// A role, or a chain of roles.
fn is_role(text: &str) -> bool {
    let is_arn =
        |part: &str| part.starts_with("arn:aws") && part.contains(":iam::") && part.contains(":role/");
    text == "default" || (text.split(',').all(is_arn) && !text.contains(['\'', '\\']))
}

fn layout(section: &Section<'_>) -> TableLayout {
    let layout = TableLayout {
        dist_style: section.word("dist_style", &DistStyle::NAMES),
        dist_key: section.plain("dist_key").filter(|name| !name.is_empty()),
        sort_key: section.texts("sort_key"),
    };
    match (layout.dist_style, &layout.dist_key) {
        (Some(DistStyle::Key), None) if !section.is_unknown("dist_key") => {
            refuse(section, "dist_style", "`dist_style: key` needs `dist_key`");
        }
        (Some(style), Some(_)) if style != DistStyle::Key => {
            refuse(section, "dist_key", "`dist_key` goes with `dist_style: key` only");
        }
        _ => {}
    }
    layout
}
