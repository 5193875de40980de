//! What goes wrong is told without a value, and the table stays as it was.

use serde_json::json;
use sync::embulk::config::TypeMapping;
use sync::embulk::output::{CopyAccess, LoadMode, S3Access};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::{ErrorKind, TransferError};

use super::{Bench, option};

const OLD: &str = "create table t (id int, name varchar(20)); insert into t values (1, 'old')";

/// The modes that publish in different ways.
fn modes() -> [LoadMode; 4] {
    [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert, LoadMode::Replace]
}

fn assert_intact(bench: &Bench, what: &str) {
    assert_eq!(bench.rows("select * from t"), ["1|old"], "{what}");
    bench.assert_tidy();
}

fn chain(error: &TransferError) -> Vec<String> {
    std::iter::once(error.message.clone()).chain(error.causes.clone()).collect()
}

#[test]
fn a_refused_row_is_told_by_object_line_and_column() {
    for mode in modes() {
        let Some(bench) = Bench::new() else { return };
        bench.database.run(OLD);
        let rows = "select 2 as id, 'a' as name union all select 'hunt' || 'er2', 'b'";
        let error =
            bench.sql(&rows.replace("2 as id", "'2' as id"), &bench.output(mode.clone())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data, "{error}");
        let chain = chain(&error);
        let target = format!("redshift {}.public.t", bench.database.name);
        assert_eq!(chain[0], format!("rows for `{target}` could not be loaded"));
        let object = format!("s3://{}/{}sync_", bench.aws.bucket, bench.prefix);
        assert!(chain[1].starts_with(&format!("`{object}")), "{}", chain[1]);
        assert!(
            chain[1].ends_with(
                "-000000.tsv.gz`, line 2, column `id` (int4): Invalid digit, Value '…', Pos 0, Type: Integer (Redshift error 1207)"
            ),
            "{}",
            chain[1]
        );
        assert!(!error.to_string().contains("hunter2") && !bench.said().contains("hunter2"), "{error}");
        assert_intact(&bench, &format!("{mode:?}"));
        bench.sql("select 2 as id, 'new' as name", &bench.output(mode.clone())).unwrap();
    }
}

#[test]
fn a_value_that_is_too_long_is_cut_and_counted_or_refused() {
    let Some(bench) = Bench::new() else { return };
    bench
        .database
        .run("create table t (id int, name varchar(5), d decimal(5,1)); insert into t values (1, 'old', 1)");
    let rows = "select 2 as id, '日本語' as name, '1.25' as d union all select 3, 'short', '1.50'";
    let mut output = bench.output(LoadMode::Replace);
    let report = bench.sql(rows, &output).unwrap();
    assert_eq!(bench.rows("select * from t order by id"), ["2|日|1.2", "3|short|1.5"]);
    let notes: Vec<String> = report.changes.iter().map(sync::transfer::report::Change::note).collect();
    assert_eq!(
        notes,
        [
            "column `name`: 1 values were cut to the length of the column",
            "column `d`: 1 values lost digits after the point"
        ]
    );
    output.load.types = TypeMapping::Exact;
    let error = bench.sql(rows, &output).unwrap_err();
    assert_eq!(error.to_string(), "column `name`, row 1: a value has more bytes than the column");
    assert_eq!(bench.rows("select count(*) from t"), ["2"]);
    bench.assert_tidy();
}

/// Whatever statement fails, with whatever the server says, a retry does what the first try did not.
#[test]
fn a_fault_at_any_step_leaves_the_old_table_and_a_retry_publishes() {
    let steps: [(LoadMode, &str); 12] = [
        (LoadMode::Replace, "^CREATE TABLE .*sync_.*LIKE"),
        (LoadMode::Replace, "^COPY"),
        (LoadMode::Replace, "pg_last_copy_count"),
        (LoadMode::Replace, "^SELECT COUNT"),
        (LoadMode::Replace, "^SELECT current_user"),
        (LoadMode::Replace, "^LOCK TABLE"),
        (LoadMode::Replace, "RENAME TO \"t\""),
        (LoadMode::Replace, "^DROP TABLE \"public\".\"sync_.*_old\""),
        (LoadMode::Replace, "^INSERT INTO .*__sync_published"),
        (LoadMode::Insert, "^INSERT INTO \"public\".\"t\""),
        (LoadMode::TruncateInsert, "^DELETE FROM \"public\".\"t\""),
        (LoadMode::InsertDirect, "^COPY"),
    ];
    let faults = [
        ("fail", "53100", "Disk Full"),
        ("cut", "", ""),
        ("fail", "42501", "permission denied for relation t"),
    ];
    for (at, (mode, statement)) in steps.into_iter().enumerate() {
        // Each step meets two of the three.
        for (action, code, message) in [faults[at % 3], faults[(at + 1) % 3]] {
            let Some(bench) = Bench::new() else { return };
            bench.database.run(OLD);
            bench.database.rule(json!({"id": "r", "statement": statement, "action": action, "code": code, "message": message}));
            let output = bench.output(mode.clone());
            let error = bench.sql("select 2 as id, 'new' as name", &output).unwrap_err();
            let what = format!("{mode:?} {statement} {action}: {error}");
            bench.database.await_rule("r", 1);
            let kind = match (action, code) {
                ("cut", _) => ErrorKind::ConnectionLost,
                (_, "42501") => ErrorKind::Permission,
                _ => ErrorKind::Rejected,
            };
            assert_eq!(error.kind, kind, "{what}");
            assert_intact(&bench, &what);
            bench.again(bench.lab.rows_of("select 2 as id, 'new' as name"), &output).unwrap();
            let rows = match mode {
                LoadMode::Replace | LoadMode::TruncateInsert => &["2|new"][..],
                _ => &["1|old", "2|new"],
            };
            assert_eq!(bench.rows("select * from t order by id"), rows, "{what}");
            bench.assert_tidy();
        }
    }
}

#[test]
fn what_the_cluster_says_has_a_hint() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(OLD);
    let cases = [
        ("53100", "Disk Full", "make room in the cluster: drop or VACUUM tables, or add nodes"),
        (
            "XX000",
            "User arn:aws:redshift:eu-west-1:1:dbuser:c/u is not authorized to assume IAM Role arn:aws:iam::1:role/r",
            "attach the role to the cluster, and let it be assumed by Redshift",
        ),
        (
            "XX000",
            "S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid 0",
            "let the role or the keys of the COPY read the objects: `s3:GetObject` on them, `s3:ListBucket` on the bucket",
        ),
        ("42501", "permission denied for relation t", "grant the permission, then retry"),
    ];
    for (code, message, hint) in cases {
        bench
            .database
            .rule(json!({"statement": "^COPY", "action": "fail", "code": code, "message": message}));
        let error = bench.sql("select 2 as id, 'new' as name", &bench.output(LoadMode::Replace)).unwrap_err();
        assert_eq!(error.remedy(), Some(hint), "{error}");
        assert!(error.to_string().ends_with(&format!("{message} (Redshift error {code})")), "{error}");
        assert_intact(&bench, message);
    }
}

#[test]
fn a_conflict_of_transactions_is_tried_again() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(OLD);
    bench.database.rule(json!({
        "statement": "^INSERT INTO \"public\".\"t\"", "action": "fail", "times": 2, "code": "XX000",
        "message": "1023 DETAIL: Serializable isolation violation on table - 100, transactions forming the cycle are: 1, 2"
    }));
    bench.sql("select 2 as id, 'new' as name", &bench.output(LoadMode::Insert)).unwrap();
    assert_eq!(bench.rows("select * from t order by id"), ["1|old", "2|new"]);
    assert!(bench.said().contains("; retry 1 of 12 in "), "{}", bench.said());
    bench.assert_tidy();
}

#[test]
fn a_table_that_is_dropped_or_changed_meanwhile_is_named() {
    for (sql, what) in
        [("drop table t", "was dropped"), ("alter table t add column more int", "got other columns")]
    {
        let Some(bench) = Bench::new() else { return };
        bench.database.run(OLD);
        bench.database.rule(json!({"id": "copy", "statement": "^COPY", "action": "hold"}));
        std::thread::scope(|scope| {
            let run =
                scope.spawn(|| bench.sql("select 2 as id, 'new' as name", &bench.output(LoadMode::Insert)));
            bench.database.await_rule("copy", 1);
            bench.database.run(sql);
            bench.database.release("copy");
            let error = run.join().unwrap().unwrap_err();
            assert_eq!(error.to_string(), format!("table `t` {what} while rows were read"));
            assert_eq!(error.remedy(), Some("retry: the rows are read again"));
        });
        bench.assert_tidy();
    }
}

#[test]
fn a_view_that_comes_meanwhile_keeps_the_old_table() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(OLD);
    bench.database.rule(json!({"id": "copy", "statement": "^COPY", "action": "hold"}));
    std::thread::scope(|scope| {
        let run =
            scope.spawn(|| bench.sql("select 2 as id, 'new' as name", &bench.output(LoadMode::Replace)));
        bench.database.await_rule("copy", 1);
        bench.database.run("create view v as select * from t");
        bench.database.release("copy");
        let error = run.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("could not be published"), "{error}");
        assert_eq!(
            error.remedy(),
            Some("drop what depends on the table, or make views WITH NO SCHEMA BINDING")
        );
    });
    assert_intact(&bench, "a view");
}

#[test]
fn wrong_options_are_told_before_rows_are_read() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(OLD);
    let rows = "select nope";
    let mut output = bench.output(LoadMode::Insert);
    output.stage.bucket = Text::plain("sync-test-nowhere");
    let error = bench.sql("select 1 as id", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "bucket `sync-test-nowhere` could not be asked for: S3 knows no such bucket"
    );
    let mut output = bench.output(LoadMode::Replace);
    output.load.column_options = vec![("id".to_owned(), option("jsonb"))];
    let error = bench.sql("select 1 as id", &output).unwrap_err();
    assert_eq!(error.message, "column `id` cannot have the type that `column_options` gives it");
    assert_eq!(error.remedy(), Some("check `column_options.id.type`"));
    let mut output = bench.output(LoadMode::Insert);
    output.copy_access = CopyAccess::Role("arn:aws:iam::1:role/unknown".to_owned());
    let error = bench.sql("select 2 as id", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Permission, "{error}");
    let mut output = bench.output(LoadMode::Insert);
    output.load.table = Text::plain("v");
    bench.database.run("create view v as select 1 as id");
    let error = bench.sql("select 2 as id", &output).unwrap_err();
    assert_eq!(error.to_string(), "`v` is a view, which takes no rows");
    assert_intact(&bench, rows);
}

/// Keys are in no message and in no line of the log, also where the server repeats the statement.
#[test]
fn keys_are_never_shown() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(OLD);
    let mut output = bench.output(LoadMode::Insert);
    output.copy_access = CopyAccess::Keys;
    bench.sql("select 2 as id, 'x' as name", &output).unwrap();
    let shown = format!("FROM 's3://{}/{}sync_", bench.aws.bucket, bench.prefix);
    assert!(
        bench.said().contains(&shown) && bench.said().contains("CREDENTIALS '…' MANIFEST"),
        "{}",
        bench.said()
    );
    let key = bench.aws.secret_access_key.clone();
    bench.database.rule(json!({
        "statement": "^COPY", "action": "fail", "code": "42601", "message": format!("near \"{key}\", {key}")
    }));
    let error = bench.sql("select 3 as id, 'x' as name", &output).unwrap_err();
    assert!(!error.to_string().contains(&key) && !bench.said().contains(&key), "{error}");
    output.stage.access = S3Access::Keys {
        id: Secret::new(bench.aws.access_key_id.as_str()),
        key: Secret::new("wrong"),
        token: None,
    };
    let error = bench.sql("select 3 as id, 'x' as name", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Authentication, "{error}");
}
