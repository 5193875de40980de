//! Every type loaded by the emulators: types of the columns and cells as they answer them.

use super::cells::{Kind, by_key, differences};
use super::columns::{self, TABLE};
use super::transfer::{FORMATS, Format, MAPPINGS, Mapping, Transfer};
use crate::google_clients;
use crate::support::bigquery::BigQueryKind;
use crate::support::google::FakeGoogle;
use crate::support::servers::{self, MySqlDatabase};

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

/// A table that was loaded over an emulator.
pub(super) struct Loaded {
    pub(super) dataset: String,
    /// Names and kinds of the columns.
    pub(super) kinds: Vec<(&'static str, Kind)>,
    /// Where the cells are not those of the source.
    pub(super) differences: Vec<String>,
}

/// Loads the table of every type, but for what the emulator cannot hold. An error is what the program said.
pub(super) fn load(
    database: &MySqlDatabase,
    google: &FakeGoogle,
    emulator: BigQueryKind,
    (mapping, format): (Mapping, Format),
) -> Result<Loaded, String> {
    let arriving = columns::arriving(mapping, &left_out(emulator, mapping, format));
    let kinds: Vec<(&str, Kind)> = arriving.iter().map(|(name, arrives)| (*name, arrives.kind)).collect();
    let dataset = google.bigquery().fresh_dataset();
    let transfer = Transfer {
        database,
        google,
        dataset: &dataset,
        mapping,
        format,
        mode: "replace",
        table: TABLE,
        select: arriving.iter().map(|(name, _)| *name).collect(),
    };
    let said = transfer.run();
    if said.code != Some(0) {
        return Err(said.stderr);
    }
    let rows = by_key(google.bigquery().rows(&dataset, TABLE));
    let differences = differences(&kinds, &columns::expected(database, &arriving), &rows);
    Ok(Loaded { dataset, kinds, differences })
}

#[test]
fn every_type_arrives() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    columns::make(&database);
    let mut found = Vec::new();
    for emulator in servers::bigquery_emulators() {
        let Some(google) = FakeGoogle::before(&emulator) else { return };
        for way in MAPPINGS.into_iter().flat_map(|mapping| FORMATS.map(|format| (mapping, format))) {
            let place = format!("{:?} {way:?}", emulator.kind);
            let loaded = match load(&database, &google, emulator.kind, way) {
                Ok(loaded) => loaded,
                Err(said) => {
                    found.push(format!("{place}: {said}"));
                    continue;
                }
            };
            let name = |(name, kind): &(&str, Kind)| ((*name).to_owned(), kind.name().to_owned());
            let types: Vec<(String, String)> = loaded.kinds.iter().map(name).collect();
            assert_eq!(google.bigquery().columns(&loaded.dataset, TABLE), types, "{place}");
            found.extend(loaded.differences.iter().map(|one| format!("{place}: {one}")));
            assert_eq!(google.objects(), Vec::<String>::new());
        }
        google_clients::check_calls(&google);
    }
    assert!(found.is_empty(), "{found:#?}");
}
