//! The nightly flow of a team: forty tables from MariaDB to BigQuery, in both forms it may be written in.

mod estate;
mod failures;
mod hunt;
mod kills;
mod leaks;
mod source;

use estate::{Estate, FORMS, Target};

use crate::google_clients;
use crate::support::google::FakeGoogle;
use crate::support::servers;

/// Tables, rows and types are judged by the emulators; what they are wrong about (dispositions, ids of jobs) is done by
/// the stand-in before them.
#[test]
fn forty_tables_arrive_equal_cell_by_cell() {
    for emulator in servers::bigquery_emulators() {
        for form in FORMS {
            let Some(fake) = FakeGoogle::before(&emulator) else { return };
            let Some(estate) = Estate::new(form, Target::of_fake(&fake)) else { return };
            let said = estate.run().expect_code(0);
            assert!(said.stdout.contains("40 in all"), "{}", said.stdout);
            estate.assert_equal();
            assert_eq!(estate.target.staged(), Vec::<String>::new());
            google_clients::check_calls(&fake);
        }
    }
}

#[test]
fn a_second_run_leaves_the_same_rows() {
    for form in FORMS {
        let Some(fake) = FakeGoogle::start() else { return };
        let Some(estate) = Estate::new(form, Target::of_fake(&fake)) else { return };
        for _ in 0..2 {
            estate.run().expect_code(0);
            estate.assert_equal();
            assert_eq!(estate.target.staged(), Vec::<String>::new());
        }
    }
}
