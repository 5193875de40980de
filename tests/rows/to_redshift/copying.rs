//! What lies in the bucket while rows are loaded, and by whose right it is read.

use serde_json::{Value, json};
use sync::embulk::output::{CopyAccess, CopyFormat, LoadMode, StagedObjects};
use sync::transfer::effect::{Effect, EffectOutcome};

use super::Bench;
use crate::support::s3::{gunzip, objects};

/// Rows whose texts do not shrink.
fn many(rows: u32) -> String {
    format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) \
         select i as id, hex(randomblob(100)) as noise from n"
    )
}

/// Runs a transfer and gives what is in the bucket while COPY waits.
pub(super) fn while_copying(
    bench: &Bench,
    sql: &str,
    output: &sync::embulk::output::RedshiftOutput,
) -> Vec<(String, Vec<u8>)> {
    bench.database.rule(json!({"id": "copy", "statement": "^COPY", "action": "hold"}));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.sql(sql, output));
        bench.database.await_rule("copy", 1);
        let there = objects(&bench.aws, &bench.prefix);
        bench.database.release("copy");
        run.join().unwrap().unwrap();
        there.into_iter().collect()
    })
}

#[test]
fn rows_are_staged_in_objects_that_end_between_two_rows_and_a_manifest_names_them() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    output.stage.object_bytes = Some(200_000);
    let there = while_copying(&bench, &many(20_000), &output);
    let (manifest, parts): (Vec<_>, Vec<_>) = there.iter().partition(|(key, _)| key.ends_with(".manifest"));
    assert_eq!(manifest.len(), 1);
    assert!(parts.len() > 3, "{}", parts.len());
    let entries: Value = serde_json::from_slice(&manifest[0].1).unwrap();
    let expected: Vec<Value> = parts
        .iter()
        .map(|(key, bytes)| {
            json!({"url": format!("s3://{}/{key}", bench.aws.bucket), "mandatory": true,
                   "meta": {"content_length": bytes.len()}})
        })
        .collect();
    assert_eq!(entries, json!({ "entries": expected }));
    let mut rows = 0;
    for (at, (key, bytes)) in parts.iter().enumerate() {
        assert!(key.ends_with(&format!("_1-{at:06}.tsv.gz")), "{key}");
        let text = gunzip(bytes);
        rows += text.lines().count();
        assert!(
            text.ends_with(&format!(
                "	{rows}
"
            )),
            "{key}"
        );
    }
    assert_eq!(rows, 20_000);
    assert_eq!(bench.rows("select count(*), count(distinct id) from t"), ["20000|20000"]);
    bench.assert_tidy();
}

#[test]
fn staged_objects_stay_where_the_config_says_so() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    output.stage.keeping = StagedObjects::Kept;
    bench.sql("select 1 as id", &output).unwrap();
    let kept = bench.keys();
    assert_eq!(kept.len(), 2, "{kept:?}");
    bench.database.rule(json!({"statement": "^COPY", "action": "fail", "message": "no"}));
    bench.sql("select 2 as id", &output).unwrap_err();
    bench.again(bench.lab.rows_of("select 2 as id"), &output).unwrap();
    assert_eq!(bench.keys().len(), 4, "the second try has a name of its own: {:?}", bench.keys());
    assert_eq!(bench.rows("select * from t order by id"), ["1", "2"]);
}

#[test]
fn json_lines_hold_every_text_and_numbers_as_texts() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    output.format = CopyFormat::Jsonl;
    let sql = "select 9007199254740993 as id, 'a\"b\\c' || char(10) || char(9) || '日本🍣' as name, 0.1 as d \
               union all select null, '', null";
    let there = while_copying(&bench, sql, &output);
    let (key, bytes) = &there[0];
    assert!(key.ends_with(".jsonl.gz"), "{key}");
    assert_eq!(
        gunzip(bytes),
        "{\"id\":\"9007199254740993\",\"name\":\"a\\\"b\\\\c\\n\\t日本🍣\",\"d\":\"0.1\"}\n\
         {\"id\":null,\"name\":\"\",\"d\":null}\n"
    );
    assert_eq!(
        bench.rows("select * from t where id is not null"),
        ["9007199254740993|a\"b\\c\n\t日本🍣|0.1"]
    );
    assert_eq!(bench.rows("select name from t where id is null"), [""]);
    bench.assert_tidy();
}

#[test]
fn the_keys_of_the_config_or_a_role_by_its_name_load_too() {
    let Some(bench) = Bench::new() else { return };
    let mut output = bench.output(LoadMode::Insert);
    let name = bench.database.role.rsplit('/').next().unwrap().to_owned();
    let named = |account: Option<&str>| CopyAccess::RoleName {
        name: name.clone(),
        account: account.map(str::to_owned),
    };
    for access in [CopyAccess::Keys, named(Some("123456789012")), CopyAccess::Role("default".to_owned())] {
        output.copy_access = access.clone();
        bench.sql("select 1 as id", &output).unwrap_or_else(|error| panic!("{access:?}: {error}"));
    }
    let copies = bench.database.statements().into_iter().filter(|sql| sql.starts_with("COPY"));
    let said: Vec<String> = copies.map(|sql| sql.split_once(".manifest' ").unwrap().1.to_owned()).collect();
    let rest = format!(
        " MANIFEST REGION AS '{}' GZIP DELIMITER '\\t' NULL AS 'NULL_{}' ESCAPE STATUPDATE OFF COMPUPDATE OFF",
        bench.aws.region,
        &bench.lab.context().key.id()[..8]
    );
    assert_eq!(
        said,
        [
            format!("CREDENTIALS '***'{rest}"),
            format!("IAM_ROLE '{}'{rest}", bench.database.role),
            format!("IAM_ROLE default{rest}")
        ]
    );
    bench.assert_tidy();
}

/// Names are in the ledger before anything bears them.
#[test]
fn everything_outside_is_recorded_before_and_after() {
    let Some(bench) = Bench::new() else { return };
    bench.sql("select 1 as id", &bench.output(LoadMode::Insert)).unwrap();
    let recorded = bench.lab.effects.0.lock().unwrap().clone();
    let word = |effect: &Effect| match effect {
        Effect::StageTable { .. } => "table".to_owned(),
        Effect::StageObject { object, .. } => object.rsplit('.').next().unwrap().to_owned(),
        Effect::PublishRows { rows, .. } => format!("rows {rows}"),
        Effect::StageSet { .. } => "set".to_owned(),
        other => format!("{other:?}"),
    };
    let told: Vec<String> = recorded
        .iter()
        .map(|recorded| match &recorded.outcome {
            None => word(&recorded.effect),
            Some(EffectOutcome::Done) => format!("{} done", word(&recorded.effect)),
            Some(EffectOutcome::Removed) => format!("{} removed", word(&recorded.effect)),
            Some(EffectOutcome::Failed { .. }) => format!("{} failed", word(&recorded.effect)),
            Some(EffectOutcome::Staged(staged)) => {
                format!("{} staged {}", word(&recorded.effect), staged.rows)
            }
            Some(EffectOutcome::Divided(_)) => format!("{} divided", word(&recorded.effect)),
            Some(EffectOutcome::Sealed(set)) => format!("{} sealed {}", word(&recorded.effect), set.rows),
        })
        .collect();
    assert_eq!(
        told,
        [
            "table",
            "gz",
            "gz staged 1",
            "set",
            "set sealed 1",
            "manifest",
            "rows 1",
            "rows 1 done",
            "table removed",
            "set removed",
            "gz removed",
            "manifest removed"
        ]
    );
}

/// The source breaks off when some objects are there already.
#[test]
fn a_source_that_fails_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int, noise varchar(300)); insert into t values (0, 'old')");
    let mut output = bench.output(LoadMode::Replace);
    output.stage.object_bytes = Some(200_000);
    let sql = format!("select * from ({}) union all select abs(-9223372036854775808), ''", many(20_000));
    let error = bench.sql(&sql, &output).unwrap_err();
    assert!(error.to_string().contains("overflow"), "{error}");
    let staged =
        bench.lab.effects.0.lock().unwrap().iter().filter(|recorded| recorded.outcome.is_none()).count();
    assert!(staged > 2, "{staged}");
    assert_eq!(bench.rows("select * from t"), ["0|old"]);
    bench.assert_tidy();
}
