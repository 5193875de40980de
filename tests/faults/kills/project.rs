//! The files of a case.

use super::bench::{Bench, Place};
use super::workload::{Engine, Form, Loader, Table, Way};
use crate::support::sandbox::Sandbox;

/// Notes that the task was carried out; children must know nothing of the library that kills.
const NOTE: &str = "sh>: test -z \"$LD_PRELOAD$SYNC_KILLS_AT\" && echo \"$task_name\" >> ran";

/// A sandbox with the workflow. Every process of the case has the variable `SYNC_KILLS_CASE`, the name of the place.
pub fn sandbox(bench: &Bench, place: &Place) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("SYNC_KILLS_CASE", &place.name);
    for (name, value) in bench.aws.environment().into_iter().chain(bench.google.environment()) {
        sandbox.set(name, value);
    }
    sandbox.set("SYNC_SECRET_MYSQL_PASSWORD", &bench.mysql.server.password);
    sandbox.set("SYNC_SECRET_AWS_ACCESS_KEY_ID", &bench.aws.access_key_id);
    sandbox.set("SYNC_SECRET_AWS_SECRET_ACCESS_KEY", &bench.aws.secret_access_key);
    for table in &bench.workload.tables {
        let config = format!("{}{}", input(bench, table), output(bench, place, table));
        sandbox.write(&format!("{}.yml", table.name), &config);
    }
    let ranges = if bench.workload.in_ranges { "sync.source.range_bytes=4096\n" } else { "" };
    sandbox.write("sync.properties", ranges);
    sandbox.write("main.dig", &workflow(bench, place));
    std::fs::create_dir(sandbox.path().join("out")).expect("a folder can be made");
    sandbox
}

fn workflow(bench: &Bench, place: &Place) -> String {
    let workload = &bench.workload;
    let (redshift, postgresql, mysql) = (&bench.redshift, &bench.postgresql, &bench.mysql);
    let mut text = format!(
        "timezone: UTC\n_export:\n  \
         redshift: {{host: {}, port: {}, user: {}, database: {}, temp_credentials: false}}\n  \
         pg: {{host: {}, port: {}, user: {}, database: {}}}\n  \
         mysql: {{host: {}, port: {}, user: {}, database: {}}}\n\
         +before:\n  {NOTE}\n",
        redshift.host,
        redshift.port,
        redshift.user,
        redshift.name,
        postgresql.host,
        postgresql.port,
        postgresql.user,
        postgresql.name,
        mysql.server.host,
        mysql.server.port,
        mysql.server.user,
        place.database.name,
    );
    if workload.stores {
        text += &format!("+store:\n  {NOTE} && echo picked=7 > \"$SYNC_STORE\"\n");
    }
    if workload.stores_secret {
        text += &format!("+secret:\n  {NOTE} && echo api_token=kept-in-memory > \"$SYNC_STORE\"\n");
    }
    text += &tables(bench, place);
    let picked = if workload.stores { " && test \"$picked\" = 7" } else { "" };
    let told = if workload.stores_secret { " && test \"$api_token\" = kept-in-memory" } else { "" };
    text += &format!("+after:\n  {NOTE}{picked}{told}\n");
    if workload.marks {
        text += &format!(
            "+mark:\n  s3_put>: {}/{}/_SUCCESS\n  content: ${{session_time}}\n",
            bench.aws.bucket, place.name
        );
    }
    text
}

fn tables(bench: &Bench, place: &Place) -> String {
    let workload = &bench.workload;
    let parallel = workload.parallel.map(|value| format!("  _parallel: {value}\n")).unwrap_or_default();
    let names: Vec<&str> = workload.tables.iter().map(|table| table.name.as_str()).collect();
    let each = |list: &str, name: &str| {
        format!(
            "+tables:\n{parallel}  for_each>:\n    table: {list}\n  _do:\n    +copy:\n      embulk>: {name}.yml\n    +note:\n      {NOTE}\n"
        )
    };
    match workload.form {
        Form::Tasks => {
            let tasks = workload.tables.iter().map(|table| task(bench, place, table));
            format!("+tables:\n{parallel}{}", tasks.collect::<String>())
        }
        Form::Each => each(&format!("[{}]", names.join(", ")), "${table}"),
        Form::Listed => {
            let rows: Vec<String> = names.iter().map(|name| format!("select '{name}' as name")).collect();
            let list = format!(
                "+list:\n  mysql>: {{data: \"{}\"}}\n  store_last_results: all\n",
                rows.join(" union all ")
            );
            list + &each("${mysql.last_results}", "${table.name}")
        }
    }
}

fn task(bench: &Bench, place: &Place, table: &Table) -> String {
    let name = &table.name;
    let retry = if table.retries { "      _retry: 1\n" } else { "" };
    let copy = if table.in_shell { "sh>: embulk run" } else { "embulk>:" };
    let mut text = format!("  +{name}:\n    +copy:\n      {copy} {name}.yml\n{retry}");
    let schema = &place.name;
    if let Way::Copied { by } = table.way {
        let from = format!("s3://{}/{schema}/{name}.", bench.aws.bucket);
        text += &format!(
            "    +create:\n      redshift>: {{data: \"drop table if exists {schema}.{name}_new; create table {schema}.{name}_new (like {schema}.{name})\"}}\n"
        );
        text += &match by {
            Loader::Load => format!(
                "    +load:\n      redshift_load>:\n      schema: {schema}\n      table: {name}_new\n      from: {from}\n      csv: ''\n      \
                 gzip: true\n      ignoreheader: 1\n      emptyasnull: true\n      region: {}\n",
                bench.aws.region
            ),
            Loader::Sql => format!(
                "    +load:\n      redshift>: {{data: \"copy {schema}.{name}_new from '{from}' iam_role '{}' region '{}' csv gzip ignoreheader 1 emptyasnull\"}}\n",
                bench.redshift.role, bench.aws.region
            ),
        };
        text += &format!(
            "    +swap:\n      redshift>: {{data: \"alter table {schema}.{name} rename to {name}_old; alter table {schema}.{name}_new rename to {name}; drop table {schema}.{name}_old\"}}\n"
        );
    }
    if table.is_noted {
        let (operator, place) = match table.way {
            Way::Mysql { .. } => ("mysql", String::new()),
            Way::Postgresql { .. } => ("pg", format!("{schema}.")),
            _ => ("redshift", format!("{schema}.")),
        };
        // What `mysql>` runs is no transaction unless one is asked for.
        text += &format!(
            "    +audit:\n      {operator}>: {{data: \"insert into {place}audit values ('{name}')\"}}\n      \
             strict_transaction: true\n"
        );
    }
    text + &format!("    +note:\n      {NOTE}\n")
}

fn input(bench: &Bench, table: &Table) -> String {
    let name = &table.name;
    match table.engine {
        Engine::Mysql => {
            let server = &bench.mysql.server;
            format!(
                "in: {{type: mysql, host: {}, port: {}, user: {}, password: '{}', database: {}, table: {name}}}\n",
                server.host, server.port, server.user, server.password, bench.mysql.name
            )
        }
        Engine::Postgresql => {
            let server = &bench.postgresql;
            format!(
                "in: {{type: postgresql, host: {}, port: {}, user: {}, password: '', database: {}, table: {name}}}\n",
                server.host, server.port, server.user, server.name
            )
        }
    }
}

fn output(bench: &Bench, place: &Place, table: &Table) -> String {
    let (name, place_name, bucket) = (&table.name, &place.name, &bench.aws.bucket);
    let csv = "  formatter: {type: csv, header_line: true}\n";
    let merged = |mode: &str| if mode == "merge" { "  merge_keys: [id]\n" } else { "" };
    match &table.way {
        Way::BigQuery { mode, more } => format!(
            "out:\n  type: bigquery\n  mode: {mode}\n  auth_method: application_default\n  project: {}\n  dataset: {place_name}\n  table: {name}\n{more}",
            bench.google.bigquery().project
        ),
        Way::Redshift { mode } => {
            let server = &bench.redshift;
            format!(
                "out:\n  type: redshift\n  host: {}\n  port: {}\n  user: {}\n  database: {}\n  schema: {place_name}\n  table: {name}\n  \
                 mode: {mode}\n{}  s3_bucket: {bucket}\n  s3_key_prefix: {place_name}/staged/\n  aws_auth_method: env\n  copy_iam_role: '{}'\n",
                server.host,
                server.port,
                server.user,
                server.name,
                merged(mode),
                server.role
            )
        }
        Way::Copied { .. } | Way::S3 => format!(
            "out:\n  type: s3\n  bucket: {bucket}\n  path_prefix: {place_name}/{name}\n  file_ext: .csv.gz\n  auth_method: env\n{csv}  encoders: [{{type: gzip}}]\n"
        ),
        Way::Postgresql { mode } => {
            let server = &bench.postgresql;
            format!(
                "out:\n  type: postgresql\n  host: {}\n  port: {}\n  user: {}\n  password: ''\n  database: {}\n  schema: {place_name}\n  table: {name}\n  mode: {mode}\n{}",
                server.host,
                server.port,
                server.user,
                server.name,
                merged(mode)
            )
        }
        Way::Mysql { mode } => {
            let server = &place.database.server;
            format!(
                "out:\n  type: mysql\n  host: {}\n  port: {}\n  user: {}\n  password: '{}'\n  database: {}\n  table: {name}\n  mode: {mode}\n",
                server.host, server.port, server.user, server.password, place.database.name
            )
        }
        Way::Gcs => format!(
            "out:\n  type: gcs\n  bucket: staging\n  path_prefix: {place_name}/{name}\n  file_ext: .csv\n  auth_method: application_default\n{csv}"
        ),
        Way::File => format!(
            "out:\n  type: file\n  path_prefix: out/{name}\n  sequence_format: .\n  file_ext: csv\n{csv}"
        ),
    }
}
