//! Entries of `column_options` that no column has are named, on both sides and by every kind of server.

use sync::embulk::config::{EmbulkConfig, TypeMapping};
use sync::embulk::input::{InputConfig, ValueType};

use super::lab::{Lab, loaded, mysql, postgresql, table, to_jsonl, value_type};
use crate::support::postgres::postgres_database;
use crate::support::servers::{MySqlServer, mysql_sources};

const TABLE: &str = "create table t (id int, price int)";
const SAID: &str = "has an entry for a column that does not exist: `pirce` (did you mean `price`?)";

/// What is noted of a transfer, and said as it runs.
fn noted(lab: &Lab, config: &EmbulkConfig) -> Vec<String> {
    let notes = lab.run(config).unwrap().notes;
    let said = lab.heard.lines.lock().unwrap();
    for note in &notes {
        assert_eq!(said.iter().filter(|line| *line == note).count(), 1, "{said:?}");
    }
    notes
}

#[test]
fn inputs_name_them() {
    let entries = || vec![value_type("pirce", ValueType::String), value_type("ID", ValueType::String)];
    let mut inputs = Vec::new();
    let databases: Vec<_> = mysql_sources().iter().map(MySqlServer::fresh_database).collect();
    for database in &databases {
        database.run([TABLE]);
        let mut input = mysql(database, table("t"));
        input.column_options = entries();
        inputs.push(InputConfig::Mysql(input));
    }
    let database = postgres_database();
    if let Some(database) = &database {
        database.run(TABLE);
        let mut input = postgresql(database, table("t"));
        input.column_options = entries();
        inputs.push(InputConfig::Postgresql(input));
    }
    for input in inputs {
        let notes = noted(&Lab::new(), &to_jsonl(input, TypeMapping::Embulk));
        assert_eq!(notes, [format!("`column_options` of `in:` {SAID}")]);
    }
}

#[test]
fn outputs_name_them() {
    let to = |server: String| {
        let lab = Lab::new();
        std::fs::File::create(lab.path("empty.db")).unwrap();
        // The entry of a column that a filter has dropped has no effect either.
        let text = format!(
            "in: {{type: sqlite, database: empty.db, query: 'select 1 as id, 2 as price, 3 as old'}}\nfilters:\n\
             - {{type: remove_columns, remove: [old]}}\nout:\n  {server}\n  table: t\n  mode: insert\n  \
             column_options: {{pirce: {{type: TEXT}}, ID: {{type: INTEGER}}}}\n"
        );
        noted(&lab, &loaded(&text))
    };
    for server in mysql_sources() {
        let database = server.fresh_database();
        let place = format!(
            "type: mysql\n  host: {}\n  port: {}\n  user: {}\n  password: '{}'\n  database: {}",
            server.host, server.port, server.user, server.password, database.name
        );
        assert_eq!(to(place), [format!("`column_options` of `out:` {SAID}")]);
    }
    if let Some(database) = postgres_database() {
        let place = format!(
            "type: postgresql\n  host: {}\n  port: {}\n  user: {}\n  database: {}",
            database.host, database.port, database.user, database.name
        );
        assert_eq!(to(place), [format!("`column_options` of `out:` {SAID}")]);
    }
}
