//! How transfers to S3 end in the middle, and what the next attempt makes of what was recorded.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::{OutputConfig, S3Access, S3Output};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::effect::{Effect, EffectOutcome, RecordedEffect};
use sync::transfer::error::ErrorKind;

use super::lab::{Lab, query, sqlite, to_jsonl};
use crate::support::s3;
use crate::support::servers::{Aws, aws, fresh_name};

/// A lab with a database to put queries to.
pub(super) fn lab() -> Lab {
    let lab = Lab::new();
    let connection = rusqlite::Connection::open(lab.path("empty.db")).unwrap();
    connection.execute_batch("create table unread (id integer)").unwrap();
    lab
}

/// A transfer of so many rows of 400 bytes to `<prefix>.000.00.jsonl`.
pub(super) fn to_s3(aws: &Aws, prefix: &str, rows: u32) -> sync::embulk::config::EmbulkConfig {
    let sql = format!(
        "with recursive n(id) as (select 1 union all select id + 1 from n where id < {rows}) select id, \
         printf('%0400d', id) as note from n"
    );
    let mut config = to_jsonl(InputConfig::Sqlite(sqlite("empty.db", query(&sql))), TypeMapping::Embulk);
    let OutputConfig::File(mut files) = config.output else { panic!("a file") };
    files.path_prefix = Text::plain(prefix);
    files.sequence = sync::embulk::output::Sequence::parse(".%03d.%02d").unwrap();
    files.file_ext = ".jsonl".to_owned();
    config.output = OutputConfig::S3(Box::new(S3Output {
        bucket: Text::plain(&aws.bucket),
        files: *files,
        endpoint: Some(aws.endpoint.clone()),
        region: Some(aws.region.clone()),
        access: S3Access::Keys {
            id: Secret::new(aws.access_key_id.as_str()),
            key: Secret::new(aws.secret_access_key.as_str()),
            token: None,
        },
        canned_acl: None,
        encryption: None,
        kms_key: None,
        storage_class: None,
    }));
    config
}

fn parts(aws: &Aws, key: &str, upload: Option<&str>) -> Effect {
    let upload = upload.map(str::to_owned);
    Effect::UploadParts { bucket: aws.bucket.clone(), object: key.to_owned(), upload }
}

#[test]
fn a_transfer_that_is_stopped_leaves_the_old_object_and_no_parts() {
    let Some(aws) = aws() else { return };
    let prefix = fresh_name("stopped/orders");
    let key = format!("{prefix}.000.00.jsonl");
    s3::put(&aws, &aws.bucket, &key, &[]);
    let lab = lab();
    let cancel = lab.cancel.clone();
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |rows| {
        if rows > 40_000 {
            cancel.cancel();
        }
    }));
    let error = lab.run(&to_s3(&aws, &prefix, 1_000_000)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Canceled);
    assert_eq!(s3::objects(&aws, &prefix), [(key.clone(), b"hello".to_vec())].into());
    assert_eq!(s3::uploads(&aws, &prefix), Vec::<String>::new());
    let recorded = lab.effects.0.lock().unwrap().clone();
    let [intended, begun, known, removed] = &recorded[..] else { panic!("{recorded:?}") };
    assert_eq!((&intended.effect, &intended.outcome), (&parts(&aws, &key, None), &None));
    assert_eq!(known.effect, intended.effect);
    assert_eq!(known.outcome, Some(EffectOutcome::Done));
    assert_eq!(begun.outcome, None);
    assert_eq!(removed.effect, begun.effect);
    assert_eq!(removed.outcome, Some(EffectOutcome::Removed));
}

#[test]
fn the_next_attempt_removes_parts_whose_upload_is_recorded_or_only_intended() {
    let Some(aws) = aws() else { return };
    for is_known in [true, false] {
        let prefix = fresh_name("left/orders");
        let key = format!("{prefix}.000.00.jsonl");
        let upload = s3::begin_upload(&aws, &key);
        // Somebody else's, whose key begins with ours.
        let other = format!("{key}.old");
        s3::begin_upload(&aws, &other);
        let lab = lab();
        let effect = parts(&aws, &key, is_known.then_some(upload.as_str()));
        let elsewhere = Effect::UploadParts { bucket: "pond".to_owned(), object: key.clone(), upload: None };
        for effect in [&effect, &elsewhere] {
            lab.effects.0.lock().unwrap().push(RecordedEffect { effect: effect.clone(), outcome: None });
        }
        lab.run(&to_s3(&aws, &prefix, 1)).unwrap();
        assert_eq!(s3::uploads(&aws, &prefix), [other]);
        assert_eq!(
            s3::objects(&aws, &prefix).into_keys().collect::<Vec<_>>().as_slice(),
            std::slice::from_ref(&key)
        );
        let object = Effect::WriteObject { bucket: aws.bucket.clone(), object: key.clone() };
        let recorded: Vec<(Effect, Option<EffectOutcome>)> = lab.effects.0.lock().unwrap()[2..]
            .iter()
            .map(|recorded| (recorded.effect.clone(), recorded.outcome.clone()))
            .collect();
        assert_eq!(
            recorded,
            [
                (effect, Some(EffectOutcome::Removed)),
                (object.clone(), None),
                (object, Some(EffectOutcome::Done))
            ]
        );
        assert!(lab.heard.lines.lock().unwrap().contains(&format!(
            "parts of `s3://pond/{key}` that an earlier attempt left are not looked for: the config names another \
             place now"
        )));
    }
}
