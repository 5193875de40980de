//! Two hundred rows on their way from one place to another, through a door that faults stand in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::redshift::{RedshiftDatabase, redshift_database};
use crate::support::s3;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{Aws, MySqlDatabase, aws, fresh_name, mariadb};

/// Rows that move.
const ROWS: usize = 200;

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    MariadbToFile,
    PostgresToFile,
    FileToMariadb,
    FileToPostgres,
    /// The cluster's side; S3 is reached without faults.
    FileToRedshift,
    FileToS3,
    /// One upload that carries its job along.
    FileToBigquery,
    /// Staged in a bucket.
    FileToBigqueryByGcs,
    FileToGcs,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::MariadbToFile,
        Self::PostgresToFile,
        Self::FileToMariadb,
        Self::FileToPostgres,
        Self::FileToRedshift,
        Self::FileToS3,
        Self::FileToBigquery,
        Self::FileToBigqueryByGcs,
        Self::FileToGcs,
    ];

    /// Whether rows are added to those that were there; else they take their place.
    fn adds(self) -> bool {
        matches!(
            self,
            Self::FileToMariadb
                | Self::FileToPostgres
                | Self::FileToRedshift
                | Self::FileToBigquery
                | Self::FileToBigqueryByGcs
        )
    }

    /// The row that is there before.
    pub(super) fn rows_before(self) -> Vec<String> {
        vec!["0".to_owned()]
    }

    /// The rows that are to be there, each once.
    pub(super) fn rows_after(self) -> Vec<String> {
        let mut rows: Vec<String> = (1..=ROWS).map(|id| id.to_string()).collect();
        if self.adds() {
            rows.extend(self.rows_before());
        }
        rows.sort();
        rows
    }

    /// Rows, and nothing beside them.
    pub(super) fn after(self) -> Seen {
        Seen { rows: self.rows_after(), beside: Vec::new() }
    }
}

/// What lies at the target.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Their ids, in the order of texts.
    pub(super) rows: Vec<String>,
    /// Tables, objects and files that nobody wants.
    pub(super) beside: Vec<String>,
}

/// What holds the two ends.
enum Ends {
    FromMariadb(MySqlDatabase),
    FromPostgres(PostgresDatabase),
    ToMariadb(MySqlDatabase),
    ToPostgres(PostgresDatabase),
    ToRedshift(Box<RedshiftDatabase>, Aws, String),
    ToS3(Aws, String),
    ToBigquery(FakeGoogle, String),
    ToGcs(FakeGoogle),
}

/// A project with one table to be copied.
pub(super) struct Route {
    pub(super) kind: Kind,
    pub(super) sandbox: Sandbox,
    ends: Ends,
}

const CSV: &str = "in:\n  type: file\n  path_prefix: rows.csv\n  parser:\n    type: csv\n    charset: UTF-8\n    newline: LF\n    \
                   skip_header_lines: 1\n    columns:\n    - {name: id, type: long}\n    - {name: note, type: string}\n";

fn note(id: usize) -> String {
    format!("{id:0100}")
}

impl Route {
    /// Everything but the config; none where a server is missing.
    pub(super) fn new(kind: Kind) -> Option<Self> {
        let fill = || {
            let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, '{}')", note(id))).collect();
            let table = "create table t (id bigint primary key, note varchar(200))";
            [table.to_owned(), format!("insert into t values {}", rows.join(", "))]
        };
        let empty = ["create table t (id bigint, note text)", "insert into t values (0, 'old')"];
        let ends = match kind {
            Kind::MariadbToFile => {
                let database = mariadb()?.fresh_database();
                database.run(fill());
                Ends::FromMariadb(database)
            }
            Kind::PostgresToFile => {
                let database = postgres_database()?;
                fill().iter().for_each(|sql| database.run(sql));
                Ends::FromPostgres(database)
            }
            Kind::FileToMariadb => {
                let database = mariadb()?.fresh_database();
                database.run(empty);
                Ends::ToMariadb(database)
            }
            Kind::FileToPostgres => {
                let database = postgres_database()?;
                empty.iter().for_each(|sql| database.run(sql));
                Ends::ToPostgres(database)
            }
            Kind::FileToRedshift => {
                let database = redshift_database()?;
                database.run("create table t (id bigint, note varchar(1000))");
                database.run("insert into t values (0, 'old')");
                Ends::ToRedshift(Box::new(database), aws()?, format!("{}/", fresh_name("faults")))
            }
            Kind::FileToS3 => {
                let (aws, prefix) = (aws()?, fresh_name("faults/o"));
                s3::put_bytes(&aws, &aws.bucket, &format!("{prefix}.000.00.jsonl"), b"{\"id\":0}\n".to_vec());
                Ends::ToS3(aws, prefix)
            }
            Kind::FileToBigquery | Kind::FileToBigqueryByGcs => {
                let fake = FakeGoogle::start()?;
                fake.polls(1);
                let dataset = fake.bigquery().fresh_dataset();
                Ends::ToBigquery(fake, dataset)
            }
            Kind::FileToGcs => {
                let fake = FakeGoogle::start()?;
                fake.put("o.000.00.jsonl", b"{\"id\":0}\n");
                Ends::ToGcs(fake)
            }
        };
        let mut sandbox = Sandbox::new().file("main.dig", "+copy:\n  embulk>: copy.yml\n");
        let mut csv = "id,note\n".to_owned();
        for id in 1..=ROWS {
            writeln!(csv, "{id},{}", note(id)).expect("a text grows");
        }
        sandbox.write("rows.csv", &csv);
        sandbox.write("copied.jsonl", "{\"id\":0}\n");
        if let Ends::ToRedshift(_, aws, _) | Ends::ToS3(aws, _) = &ends {
            for (name, value) in aws.environment() {
                sandbox.set(name, value);
            }
        }
        let mut route = Self { kind, sandbox, ends };
        if matches!(route.ends, Ends::ToBigquery(..)) {
            // The stand-in takes rows by a load alone.
            route.sandbox.write("old.csv", "id,note\n0,old\n");
            let (host, port) = route.door();
            let main = route.point(&host, port).replace("rows.csv", "old.csv");
            route.sandbox.write("copy.yml", &main);
            route.sandbox.run(["run", "main.dig"]).expect_code(0);
        }
        Some(route)
    }

    /// Where the server is.
    pub(super) fn door(&self) -> (String, u16) {
        let of_url = |url: &str| {
            let (host, port) = url.trim_start_matches("http://").split_once(':').expect("host and port");
            (host.to_owned(), port.parse().expect("a port"))
        };
        match &self.ends {
            Ends::FromMariadb(database) | Ends::ToMariadb(database) => {
                (database.server.host.clone(), database.server.port)
            }
            Ends::FromPostgres(database) | Ends::ToPostgres(database) => {
                (database.host.clone(), database.port)
            }
            Ends::ToRedshift(database, ..) => (database.host.clone(), database.port),
            Ends::ToS3(aws, _) => of_url(&aws.endpoint),
            Ends::ToBigquery(fake, _) | Ends::ToGcs(fake) => of_url(fake.url()),
        }
    }

    /// The stand-in of Google.
    pub(super) fn google(&self) -> &FakeGoogle {
        match &self.ends {
            Ends::ToBigquery(fake, _) | Ends::ToGcs(fake) => fake,
            _ => panic!("{:?} knows no Google", self.kind),
        }
    }

    /// Writes the config so that it goes through a door, and gives it. Time-outs are short, so that a stall is soon over.
    pub(super) fn point(&mut self, host: &str, port: u16) -> String {
        let near = format!("host: {host}, port: {port}, connect_timeout: 2, socket_timeout: 1");
        let file = "out: {type: file, path_prefix: copied, file_ext: jsonl, sequence_format: ., \
                    formatter: {type: jsonl}}\n";
        let url = format!("http://{host}:{port}");
        let text = match &self.ends {
            Ends::FromMariadb(database) => {
                let (server, name) = (&database.server, &database.name);
                let (user, password) = (&server.user, &server.password);
                format!(
                    "in: {{type: mysql, {near}, user: {user}, password: {password}, database: {name}, table: t}}\n{file}"
                )
            }
            Ends::FromPostgres(database) => format!(
                "in: {{type: postgresql, {near}, user: {}, database: {}, table: t}}\n{file}",
                database.user, database.name
            ),
            Ends::ToMariadb(database) => {
                let (server, name) = (&database.server, &database.name);
                let (user, password) = (&server.user, &server.password);
                format!(
                    "{CSV}out: {{type: mysql, {near}, user: {user}, password: {password}, database: {name}, table: t, \
                     mode: insert}}\n"
                )
            }
            Ends::ToPostgres(database) => format!(
                "{CSV}out: {{type: postgresql, {near}, user: {}, database: {}, table: t, mode: insert}}\n",
                database.user, database.name
            ),
            Ends::ToRedshift(database, aws, prefix) => format!(
                "{CSV}out: {{type: redshift, {near}, user: {}, database: {}, table: t, mode: insert, s3_bucket: {}, \
                 s3_key_prefix: {prefix}, aws_auth_method: env, copy_iam_role: '{}'}}\n",
                database.user, database.name, aws.bucket, database.role
            ),
            Ends::ToS3(aws, prefix) => format!(
                "{CSV}out: {{type: s3, bucket: {}, path_prefix: {prefix}, file_ext: .jsonl, endpoint: '{url}', \
                 formatter: {{type: jsonl}}}}\n",
                aws.bucket
            ),
            Ends::ToBigquery(fake, dataset) => {
                let staged = if self.kind == Kind::FileToBigqueryByGcs {
                    format!("gcs_bucket: {}, ", FakeGoogle::BUCKET)
                } else {
                    String::new()
                };
                format!(
                    "{CSV}out: {{type: bigquery, mode: append, auth_method: application_default, project: {}, \
                     dataset: {dataset}, table: t, {staged}source_format: jsonl, auto_create_table: true, open_timeout_sec: 2, \
                     send_timeout_sec: 1, read_timeout_sec: 1, \
                     column_options: [{{name: id, type: INTEGER}}, {{name: note, type: STRING}}]}}\n",
                    fake.bigquery().project
                )
            }
            Ends::ToGcs(_) => format!(
                "{CSV}out: {{type: gcs, bucket: {}, path_prefix: o, file_ext: .jsonl, formatter: {{type: jsonl}}}}\n",
                FakeGoogle::BUCKET
            ),
        };
        if let Ends::ToBigquery(..) | Ends::ToGcs(_) = self.ends {
            self.sandbox.set("BIGQUERY_EMULATOR_HOST", url.as_str());
            self.sandbox.set("STORAGE_EMULATOR_HOST", url);
        }
        self.sandbox.write("copy.yml", &text);
        text
    }

    /// The ids at the target, in the order of texts.
    pub(super) fn rows(&self) -> Vec<String> {
        let of_lines = |text: &str| {
            let id = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["id"].to_string();
            text.lines().map(id).collect::<Vec<_>>()
        };
        let mut rows = match &self.ends {
            Ends::FromMariadb(_) | Ends::FromPostgres(_) => of_lines(&self.sandbox.read("copied.jsonl")),
            Ends::ToMariadb(database) => {
                let rows = database.rows("select id from t").into_iter().flatten();
                rows.map(Option::unwrap_or_default).collect()
            }
            Ends::ToPostgres(database) => database.rows("select id from t"),
            Ends::ToRedshift(database, ..) => database.rows("select id from t"),
            Ends::ToS3(aws, prefix) => self.object_rows(&s3::objects(aws, prefix), of_lines),
            Ends::ToBigquery(fake, dataset) => {
                let rows = fake.bigquery().rows(dataset, "t").into_iter();
                rows.map(|row| row[0].clone().unwrap_or_default()).collect()
            }
            Ends::ToGcs(fake) => of_lines(&String::from_utf8(fake.object("o.000.00.jsonl")).expect("text")),
        };
        rows.sort();
        rows
    }

    fn object_rows(
        &self,
        objects: &BTreeMap<String, Vec<u8>>,
        of_lines: impl Fn(&str) -> Vec<String>,
    ) -> Vec<String> {
        objects.values().flat_map(|bytes| of_lines(std::str::from_utf8(bytes).expect("text"))).collect()
    }

    /// Rows, and what lies beside them. Tables that remember what is published stay.
    pub(super) fn seen(&self) -> Seen {
        const MEMORY: &str = "__sync_published";
        let tables = "select table_name from information_schema.tables where table_schema = ";
        let beside = match &self.ends {
            Ends::FromMariadb(_) | Ends::FromPostgres(_) => {
                let files = std::fs::read_dir(self.sandbox.path()).expect("a folder");
                let names =
                    files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
                names.filter(|name| name.starts_with("copied") && name != "copied.jsonl").collect()
            }
            Ends::ToMariadb(database) => {
                let rows = database.rows(&format!("{tables}'{}'", database.name)).into_iter().flatten();
                rows.map(Option::unwrap_or_default).collect()
            }
            Ends::ToPostgres(database) => database.rows(&format!("{tables}'public'")),
            Ends::ToRedshift(database, aws, prefix) => {
                let mut left =
                    database.behind.rows(&format!("{tables}'public' and table_type = 'BASE TABLE'"));
                left.extend(s3::objects(aws, prefix).into_keys());
                left
            }
            Ends::ToS3(aws, prefix) => {
                let own = format!("{prefix}.000.00.jsonl");
                let others = s3::objects(aws, prefix).into_keys().filter(|key| *key != own);
                others.chain(s3::uploads(aws, prefix)).collect()
            }
            Ends::ToBigquery(fake, dataset) => {
                let mut left = fake.bigquery().tables(dataset);
                left.extend(fake.objects());
                left
            }
            Ends::ToGcs(fake) => fake.objects().into_iter().filter(|name| name != "o.000.00.jsonl").collect(),
        };
        let beside = beside.into_iter().filter(|name: &String| name != "t" && name != MEMORY).collect();
        Seen { rows: self.rows(), beside }
    }
}
