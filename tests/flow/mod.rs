//! The nightly flow of a team: forty tables from MariaDB to BigQuery, in both forms it may be written in.

mod estate;
mod source;

use estate::{Estate, FORMS, Target};

use crate::support::servers::{self, BigQuery, BigQueryKind};

/// The emulator itself, with a dataset of its own.
fn target(emulator: &BigQuery) -> Option<Target> {
    let gcs = servers::gcs()?;
    Some(Target {
        bigquery: emulator.url.clone(),
        storage: gcs.url,
        project: emulator.project.clone(),
        dataset: emulator.fresh_dataset(),
        bucket: gcs.bucket,
    })
}

#[test]
fn forty_tables_arrive_equal_and_a_second_run_adds_nothing() {
    let Some(gcs) = servers::gcs() else { return };
    for emulator in servers::bigquery_emulators() {
        for form in FORMS {
            let Some(estate) = target(&emulator).and_then(|target| Estate::new(form, target)) else { return };
            let said = estate.run().expect_code(0);
            assert!(said.stderr.contains("40"), "{}", said.stderr);
            estate.assert_equal();
            assert_eq!(estate.target.staged(&gcs), Vec::<String>::new());
            if emulator.kind == BigQueryKind::LocalBigquery {
                estate.run().expect_code(0);
                estate.assert_equal();
            }
        }
    }
}
