//! A BigQuery that tests look into: an emulator, or our own fake.

use serde_json::{Value, json};

use super::{http, servers};

/// Which one: each is wrong about other things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BigQueryKind {
    /// Wrong about write dispositions, a job id that exists, unknown fields.
    Bqemulator,
    /// Wrong about REQUIRED and partition decorators, slow on NDJSON.
    LocalBigquery,
    /// Our own: runs no SQL, counts the rows of Parquet without keeping them.
    Fake,
}

/// One BigQuery and the project that tests use in it.
#[derive(Debug, Clone)]
pub struct BigQuery {
    pub kind: BigQueryKind,
    pub url: String,
    pub project: String,
}

impl BigQuery {
    /// Makes an empty dataset that no other test uses, and names it.
    pub fn fresh_dataset(&self) -> String {
        let dataset = servers::fresh_name("dataset");
        let body = json!({"datasetReference": {"projectId": self.project, "datasetId": dataset}});
        let answer = http::post(&self.at("datasets"), &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        dataset
    }

    /// The resource of a table; `None` where there is no such table.
    pub fn table(&self, dataset: &str, table: &str) -> Option<Value> {
        let answer = http::get(&self.at(&format!("datasets/{dataset}/tables/{}", encoded(table))));
        match answer.status {
            200 => Some(answer.json()),
            404 => None,
            _ => panic!("{}: {}", answer.status, answer.text()),
        }
    }

    /// Somebody removes a table.
    pub fn drop_table(&self, dataset: &str, table: &str) {
        let answer = http::delete(&self.at(&format!("datasets/{dataset}/tables/{}", encoded(table))));
        assert!(matches!(answer.status, 200 | 204), "{}", answer.text());
    }

    /// Name and type of each column, the type in the older dialect (INTEGER, FLOAT, BOOLEAN, RECORD), as the API
    /// writes it.
    pub fn columns(&self, dataset: &str, table: &str) -> Vec<(String, String)> {
        let resource =
            self.table(dataset, table).unwrap_or_else(|| panic!("there is no table {dataset}.{table}"));
        let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|field| (text(&field["name"]), older_name(&text(&field["type"])))).collect()
    }

    /// Names of the tables of a dataset, sorted.
    pub fn tables(&self, dataset: &str) -> Vec<String> {
        let pages = self.pages(&format!("datasets/{dataset}/tables?maxResults=1000"), "nextPageToken");
        let mut names: Vec<String> = pages
            .iter()
            .flat_map(|page| page["tables"].as_array().cloned().unwrap_or_default())
            .map(|table| text(&table["tableReference"]["tableId"]))
            .collect();
        names.sort();
        names
    }

    /// All rows in the order of the service, each cell as the API writes it: NULL is `None`, TIMESTAMP is
    /// microseconds since 1970, BYTES is Base64.
    pub fn rows(&self, dataset: &str, table: &str) -> Vec<Vec<Option<String>>> {
        let path = format!(
            "datasets/{dataset}/tables/{}/data?maxResults=10000&formatOptions.useInt64Timestamp=true",
            encoded(table)
        );
        let pages = self.pages(&path, "pageToken");
        let rows = pages.iter().flat_map(|page| page["rows"].as_array().cloned().unwrap_or_default());
        rows.map(|row| {
            row["f"].as_array().expect("a row has cells").iter().map(|cell| cell_text(&cell["v"])).collect()
        })
        .collect()
    }

    fn pages(&self, path: &str, token_name: &str) -> Vec<Value> {
        let mut pages = Vec::new();
        let mut url = self.at(path);
        loop {
            let answer = http::get(&url);
            assert_eq!(answer.status, 200, "{url}: {}", answer.text());
            let page = answer.json();
            let token = page[token_name].as_str().map(str::to_owned);
            pages.push(page);
            match token {
                Some(token) if !token.is_empty() => {
                    url = format!("{}&pageToken={}", self.at(path), encoded(&token));
                }
                _ => return pages,
            }
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}/bigquery/v2/projects/{}/{path}", self.url, self.project)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn cell_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The emulators differ in which dialect of the type names they answer.
fn older_name(kind: &str) -> String {
    match kind {
        "INT64" => "INTEGER",
        "FLOAT64" => "FLOAT",
        "BOOL" => "BOOLEAN",
        "STRUCT" => "RECORD",
        other => other,
    }
    .to_owned()
}

/// A path segment or query value with everything but letters, digits, `-`, `_`, `.` and `~` escaped.
pub fn encoded(segment: &str) -> String {
    let mut made = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            made.push(char::from(byte));
        } else {
            made.push_str(&format!("%{byte:02X}"));
        }
    }
    made
}
