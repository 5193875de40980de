//! How transfers end: files that are whole or not there, errors that name what they are about.

use std::io::Read;

use mysql::prelude::Queryable;
use serde_json::json;
use sync::embulk::config::TypeMapping;
use sync::embulk::filter::{ColumnFilter, ColumnSelection, FilterConfig, JsonEdits};
use sync::embulk::input::InputConfig;
use sync::embulk::output::{
    Encoder, FileOutput, Formatter, JsonlFormatter, Newline, OutputConfig, StaleObjects, WrittenCharset,
};
use sync::embulk::text::Text;
use sync::embulk::zone::Zone;
use sync::secret::Secret;
use sync::transfer::effect::EffectOutcome;
use sync::transfer::error::ErrorKind;

use super::lab::{Lab, mysql, query, table, to_file, to_jsonl, with_filter};
use crate::support::proxy::Proxy;
use crate::support::servers;

fn file_of(config: &mut sync::embulk::config::EmbulkConfig) -> &mut FileOutput {
    match &mut config.output {
        OutputConfig::File(file) => file,
        _ => panic!("not a file"),
    }
}

#[test]
fn a_large_table_arrives_whole_without_the_dropped_column() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([
        "create table `注文 select` (id int primary key, email varchar(50), `名前` text)",
        "insert into `注文 select` select seq, 'x@example.com', concat('人', seq) from seq_1_to_70000",
    ]);
    let lab = Lab::new();
    let format = JsonlFormatter {
        encoding: WrittenCharset::Utf8,
        newline: Newline::Lf,
        date_format: None,
        timezone: None,
        json_columns: Vec::new(),
    };
    let config = to_file(
        InputConfig::Mysql(mysql(&database, table("注文 select"))),
        Formatter::Jsonl(format),
        TypeMapping::Embulk,
        "jsonl.gz",
        vec![Encoder::Gzip { level: None }],
    );
    let drop = FilterConfig::Column(ColumnFilter {
        selection: ColumnSelection::Drop(vec!["email".to_owned()]),
        add: Vec::new(),
        default_timestamp_format: String::new(),
        default_timezone: Zone::utc(),
        edits: JsonEdits::default(),
    });
    let report = lab.run(&with_filter(config, drop)).unwrap();
    assert_eq!(report.rows_sent, 70_000);
    assert_eq!(report.source, format!("mysql {}.注文 select", database.name));
    assert_eq!(report.target, "file out000.00.jsonl.gz");
    let mut text = String::new();
    let file = std::fs::File::open(lab.path("out000.00.jsonl.gz")).unwrap();
    assert_eq!(report.bytes, file.metadata().unwrap().len());
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut rows: Vec<&str> = text.lines().collect();
    rows.sort_by_key(|row| row.len());
    assert_eq!(rows.len(), 70_000);
    assert_eq!(rows[0], "{\"id\":1,\"名前\":\"人1\"}");
    assert!(rows.iter().all(|row| !row.contains("example")));
    let lines = lab.heard.lines.lock().unwrap().clone();
    assert!(lines.contains(&"SQL: SELECT * FROM `注文 select`".to_owned()));
    assert!(lines.contains(&"Fetched 64,000 rows.".to_owned()));
    assert!(lines.contains(&"Fetched 70,000 rows.".to_owned()));
    let outcomes: Vec<_> =
        lab.effects.0.lock().unwrap().iter().map(|effect| effect.outcome.clone()).collect();
    assert_eq!(outcomes, [None, Some(EffectOutcome::Done)]);
}

#[test]
fn a_table_without_rows_gives_an_empty_file() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table empty (id int)"]);
    let lab = Lab::new();
    let report = lab
        .run(&to_jsonl(InputConfig::Mysql(mysql(&database, table("empty"))), TypeMapping::Embulk))
        .unwrap();
    assert_eq!((report.rows_read, report.bytes), (0, 0));
    assert_eq!(lab.files(), ["out000.00.jsonl"]);
}

#[test]
fn errors_of_the_server_name_table_and_user() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table orders (id int)"]);
    let lab = Lab::new();
    let mut input = mysql(&database, table("nope"));
    let missing = lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
    assert_eq!(
        missing.to_string(),
        format!(
            "table `nope` could not be read: Table '{}.nope' doesn't exist (MySQL error 1146)",
            database.name
        )
    );
    input.selection = table("orders");
    let user = database.fresh_user("secret-password");
    database.run([
        "create table other (id int)".to_owned(),
        format!("grant select on `{}`.other to `{user}`@'%'", database.name),
    ]);
    input.user = Text::plain(&user);
    input.password = Secret::new("secret-password");
    let denied = lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Permission);
    assert!(
        denied.to_string().starts_with("table `orders` could not be read: SELECT command denied to user")
    );
    input.password = Secret::new("wrong-password");
    let refused = lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Authentication);
    assert!(!refused.to_string().contains("wrong-password"));
    input.port = 1;
    let nobody = lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::Unreachable);
    assert_eq!(lab.files(), Vec::<String>::new());
}

#[test]
fn a_table_is_found_in_another_case() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([
        "create table orders (id int)",
        "insert into orders values (1)",
        "create table twins (id int)",
        "create table TWINS (id int)",
    ]);
    let lab = Lab::new();
    let config =
        |name: &str| to_jsonl(InputConfig::Mysql(mysql(&database, table(name))), TypeMapping::Embulk);
    lab.run(&config("ORDERS")).unwrap();
    assert_eq!(lab.json_lines("out000.00.jsonl"), [json!({"id": 1})]);
    let error = lab.run(&config("Twins")).unwrap_err();
    assert_eq!(error.to_string(), "table `Twins` could be `TWINS` or `twins`: both exist");
    assert_eq!(lab.run(&config("nope")).unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn a_stopped_transfer_ends_soon_and_leaves_the_old_file() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let lab = Lab::new();
    std::fs::write(lab.path("out000.00.jsonl"), "old").unwrap();
    let cancel = lab.cancel.clone();
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| cancel.cancel()));
    // Without the stop this query would run for hours.
    let endless = "select a.seq, b.seq as c from seq_1_to_1000000 a join seq_1_to_1000000 b";
    let error = lab
        .run(&to_jsonl(InputConfig::Mysql(mysql(&database, query(endless))), TypeMapping::Embulk))
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Canceled);
    assert_eq!(lab.files(), ["out000.00.jsonl"]);
    assert_eq!(std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap(), "old");
    let last = lab.effects.0.lock().unwrap().last().unwrap().outcome.clone();
    assert_eq!(last, Some(EffectOutcome::Removed));
}

#[test]
fn a_server_that_is_silent_is_stopped_too() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    let config =
        to_jsonl(InputConfig::Mysql(mysql(&database, query("select sleep(600) as s"))), TypeMapping::Embulk);
    let watch = database.connect();
    let name = database.name.clone();
    let stopper = std::thread::spawn(move || {
        let mut watch = watch;
        loop {
            let running: Option<u64> = watch
                .exec_first(
                    "select count(*) from information_schema.processlist where db = ? and info like '%sleep(600)%' \
                     and state = 'User sleep'",
                    (&name,),
                )
                .unwrap();
            if running == Some(1) {
                cancel.cancel();
                return;
            }
        }
    });
    let error = lab.run(&config).unwrap_err();
    stopper.join().unwrap();
    assert_eq!(error.kind, ErrorKind::Canceled);
}

#[test]
fn stale_files_are_refused_deleted_or_kept() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table one (id int)", "insert into one values (1)"]);
    let lab = Lab::new();
    std::fs::write(lab.path("out001.00.jsonl"), "stale").unwrap();
    let mut config = to_jsonl(InputConfig::Mysql(mysql(&database, table("one"))), TypeMapping::Embulk);
    let error = lab.run(&config).unwrap_err();
    assert!(
        error.to_string().starts_with("files of the same pattern are there that this run does not write: `")
    );
    assert!(error.to_string().contains("out001.00.jsonl"));
    assert_eq!(lab.files(), ["out001.00.jsonl"]);
    file_of(&mut config).stale = StaleObjects::Keep;
    lab.run(&config).unwrap();
    assert_eq!(lab.files(), ["out000.00.jsonl", "out001.00.jsonl"]);
    file_of(&mut config).stale = StaleObjects::Delete;
    lab.run(&config).unwrap();
    assert_eq!(lab.files(), ["out000.00.jsonl"]);
    assert_eq!(lab.json_lines("out000.00.jsonl"), [json!({"id": 1})]);
}

#[test]
fn statements_run_around_the_read() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let lab = Lab::new();
    let mut input = mysql(&database, table("made"));
    input.statements.before_setup = Some(Text::plain("create table made (id int)"));
    input.statements.before_select = Some(Text::plain("insert into made values (7)"));
    input.statements.after_select = Some(Text::plain("update made set id = 8"));
    lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap();
    assert_eq!(lab.json_lines("out000.00.jsonl"), [json!({"id": 7})]);
    assert_eq!(database.rows("select id from made"), [[Some("8".to_owned())]]);
}

#[test]
fn two_columns_of_one_name_are_refused_where_one_would_hide_the_other() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let lab = Lab::new();
    let input = mysql(&database, query("select 1 as a, 2 as b, 3 as a"));
    let error = lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(error.to_string(), "two columns have the name `a`");
}

#[test]
fn queries_are_sent_as_they_are_written() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let lab = Lab::new();
    let sql = "select ':a' as a, '12:30' as b, @v := 5 as c, ':x' 'y' as d, \"it's :z\" as e -- :comment\n\
               , 1 as `:f` /* :g */";
    lab.run(&to_jsonl(InputConfig::Mysql(mysql(&database, query(sql))), TypeMapping::Embulk)).unwrap();
    let expected = json!({"a": ":a", "b": "12:30", "c": 5, "d": ":xy", "e": "it's :z", ":f": 1});
    assert_eq!(lab.json_lines("out000.00.jsonl"), [expected]);
}

#[test]
fn properties_of_the_driver_are_followed_refused_or_named() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table flags (f tinyint(1))", "insert into flags values (2)"]);
    let lab = Lab::new();
    let mut input = mysql(&database, table("flags"));
    for (name, value) in [("tinyInt1isBit", "false"), ("useCompression", "true"), ("madeUp", "1")] {
        input.options.insert(name.to_owned(), value.into());
    }
    lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk)).unwrap();
    assert_eq!(lab.json_lines("out000.00.jsonl"), [json!({"f": 2})]);
    let lines = lab.heard.lines.lock().unwrap().clone();
    let ignored: Vec<&String> = lines.iter().filter(|line| line.contains("is ignored")).collect();
    assert_eq!(ignored, ["`madeUp` in `options` means nothing here and is ignored"]);
    input.options.insert("zeroDateTimeBehavior".to_owned(), "nope".into());
    let error = lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`zeroDateTimeBehavior` in `options` is not convertToNull, exception or round"
    );
}

/// A table that does not fit in the buffers of a connection.
fn through_a_proxy(
    server: &servers::MySqlServer,
) -> (servers::MySqlDatabase, Proxy, sync::embulk::input::MysqlInput) {
    let database = server.fresh_database();
    database.run([
        "create table wide (id int primary key, t varchar(1000))",
        "insert into wide select seq, repeat('x', 1000) from seq_1_to_50000",
    ]);
    let proxy = Proxy::before(&server.host, server.port);
    let mut input = mysql(&database, table("wide"));
    input.host = Text::plain("127.0.0.1");
    input.port = proxy.port();
    (database, proxy, input)
}

#[test]
fn a_connection_that_breaks_in_the_middle_leaves_nothing() {
    let Some(server) = servers::mariadb() else { return };
    let (_database, proxy, input) = through_a_proxy(&server);
    proxy.cut_after(5_000_000);
    let lab = Lab::new();
    let config = to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk);
    let error = lab.run(&config).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConnectionLost);
    assert!(error.to_string().starts_with("table `wide` could not be read: "), "{error}");
    assert!(error.is_unreachable());
    assert_eq!(lab.files(), Vec::<String>::new());
    proxy.clear();
    assert_eq!(lab.run(&config).unwrap().rows_sent, 50_000);
}

#[test]
fn a_server_that_is_silent_for_too_long_is_given_up() {
    let Some(server) = servers::mariadb() else { return };
    let (_database, proxy, mut input) = through_a_proxy(&server);
    proxy.hold_after(5_000_000);
    input.socket_timeout = std::time::Duration::from_millis(300);
    let lab = Lab::new();
    let error = lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "table `wide` could not be read: the server was silent for longer than `socket_timeout`"
    );
    assert_eq!(lab.files(), Vec::<String>::new());
}

#[test]
fn a_network_that_holds_the_read_does_not_hold_the_run() {
    let Some(server) = servers::mariadb() else { return };
    let (_database, proxy, input) = through_a_proxy(&server);
    proxy.hold_after(5_000_000);
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    let config = to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            proxy.await_fault();
            cancel.cancel();
        });
        assert_eq!(lab.run(&config).unwrap_err().kind, ErrorKind::Canceled);
    });
    assert_eq!(lab.files(), Vec::<String>::new());
}

#[test]
fn a_lock_that_keeps_the_table_closed_does_not_hold_the_run() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table closed (id int)"]);
    let mut holder = database.connect();
    holder.query_drop("lock tables closed write").unwrap();
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    let mut watch = database.connect();
    let config = to_jsonl(InputConfig::Mysql(mysql(&database, table("closed"))), TypeMapping::Embulk);
    std::thread::scope(|scope| {
        let name = &database.name;
        scope.spawn(move || {
            let waiting = "select count(*) from information_schema.processlist \
                 where db = ? and state = 'Waiting for table metadata lock'";
            while watch.exec_first::<u64, _, _>(waiting, (name,)).unwrap() != Some(1) {}
            cancel.cancel();
        });
        assert_eq!(lab.run(&config).unwrap_err().kind, ErrorKind::Canceled);
    });
}
