//! Values of every type, from MariaDB into BigQuery, by whole transfers: under both mappings, in both formats.
//!
//! Judged twice: what is staged is read here and compared with the source, and emulators load it and answer. Neither
//! has a say about the other's part.

mod cells;
mod columns;
mod emulators;
mod golden;
mod large;
mod postgres;
mod random;
mod refusals;
mod staged;
mod tables;
mod transfer;

use cells::{Kind, differences};
use columns::TABLE;
use transfer::{FORMATS, Format, MAPPINGS, Transfer};

use crate::google_clients;
use crate::support::google::FakeGoogle;
use crate::support::servers;

#[test]
fn what_is_staged_holds_what_the_source_holds() {
    let (Some(server), Some(google)) = (servers::mariadb(), FakeGoogle::start()) else { return };
    let database = server.fresh_database();
    columns::make(&database);
    for mapping in MAPPINGS {
        let arriving = columns::arriving(mapping, &[]);
        let expected = columns::expected(&database, &arriving);
        let kinds: Vec<(&str, Kind)> = arriving.iter().map(|(name, arrives)| (*name, arrives.kind)).collect();
        for format in FORMATS {
            let dataset = google.bigquery().fresh_dataset();
            let transfer = Transfer {
                database: &database,
                google: &google,
                dataset: &dataset,
                mapping,
                format,
                mode: "replace",
                table: TABLE,
                select: arriving.iter().map(|(name, _)| *name).collect(),
            };
            let (said, objects) = transfer.run_and_look(|_| {
                google.objects().iter().map(|name| google.object(name)).collect::<Vec<_>>()
            });
            said.expect_code(0);
            let [object] = <[_; 1]>::try_from(objects).expect("one object");
            let rows = match format {
                Format::Lines => staged::lines(&object, &kinds),
                Format::Parquet => staged::parquet(object, &kinds),
                Format::Csv | Format::Unsaid => unreachable!("they are not among the formats"),
            };
            let differences = differences(&kinds, &expected, &rows);
            assert!(differences.is_empty(), "{mapping:?} {format:?}: {differences:#?}");
            let types: Vec<(String, String)> =
                kinds.iter().map(|(name, kind)| ((*name).to_owned(), kind.name().to_owned())).collect();
            assert_eq!(google.bigquery().columns(&dataset, TABLE), types);
            assert_eq!(google.objects(), Vec::<String>::new());
        }
    }
    google_clients::check_calls(&google);
}
