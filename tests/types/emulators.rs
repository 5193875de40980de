//! Every type loaded by the emulators: types of the columns and cells as they answer them.

use super::cells::{Kind, by_key, differences};
use super::columns::{self, TABLE};
use super::transfer::{FORMATS, Format, MAPPINGS, Mapping, Transfer};
use crate::google_clients;
use crate::support::bigquery::BigQueryKind;
use crate::support::google::FakeGoogle;
use crate::support::servers;

/// Columns of exact types that an emulator cannot hold. What is staged for them is judged all the same, by
/// `what_is_staged_holds_what_the_source_holds`.
const WRONGS: [(BigQueryKind, &[Format], &[&str], &str); 4] = [
    (BigQueryKind::Bqemulator, &FORMATS, &["share", "digits"], "a table with a BIGNUMERIC cannot be made"),
    (
        BigQueryKind::Bqemulator,
        &[Format::Lines],
        &["bytes", "padded", "short_blob", "blob_column", "long_blob"],
        "BYTES of lines keep the Base64 text as their bytes",
    ),
    (
        BigQueryKind::LocalBigquery,
        &FORMATS,
        &["share"],
        "a BIGNUMERIC is rounded to fewer digits after the point",
    ),
    (
        BigQueryKind::LocalBigquery,
        &FORMATS,
        &["digits"],
        "a BIGNUMERIC of more than 38 digits fails the load",
    ),
];

pub(super) fn left_out(emulator: BigQueryKind, mapping: Mapping, format: Format) -> Vec<&'static str> {
    // Behind the stand-in, CSV arrives as lines; what is chosen may be either.
    let is_wrong = |formats: &[Format]| match format {
        Format::Csv | Format::Unsaid => formats.contains(&Format::Lines),
        format => formats.contains(&format),
    };
    let here = WRONGS.iter().filter(|(kind, formats, ..)| *kind == emulator && is_wrong(formats));
    match mapping {
        Mapping::Embulk => Vec::new(),
        Mapping::Exact => here.flat_map(|(_, _, columns, _)| columns.iter().copied()).collect(),
    }
}

#[test]
fn every_type_arrives() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    columns::make(&database);
    let mut found = Vec::new();
    for emulator in servers::bigquery_emulators() {
        let Some(google) = FakeGoogle::before(&emulator) else { return };
        for (mapping, format) in
            MAPPINGS.into_iter().flat_map(|mapping| FORMATS.map(|format| (mapping, format)))
        {
            let left_out = left_out(emulator.kind, mapping, format);
            let arriving = columns::arriving(mapping, &left_out);
            let kinds: Vec<(&str, Kind)> =
                arriving.iter().map(|(name, arrives)| (*name, arrives.kind)).collect();
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
            let said = transfer.run();
            let place = format!("{:?} {mapping:?} {format:?}", emulator.kind);
            if said.code != Some(0) {
                found.push(format!("{place}: {}", said.stderr));
                continue;
            }
            let types: Vec<(String, String)> =
                kinds.iter().map(|(name, kind)| ((*name).to_owned(), kind.name().to_owned())).collect();
            assert_eq!(google.bigquery().columns(&dataset, TABLE), types, "{place}");
            let rows = by_key(google.bigquery().rows(&dataset, TABLE));
            let expected = columns::expected(&database, &arriving);
            found.extend(differences(&kinds, &expected, &rows).iter().map(|one| format!("{place}: {one}")));
            assert_eq!(google.objects(), Vec::<String>::new());
        }
        google_clients::check_calls(&google);
    }
    assert!(found.is_empty(), "{found:#?}");
}
