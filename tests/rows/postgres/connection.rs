//! How a connection is made: TLS, sockets, properties of the driver, settings of the server.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::SslMode;
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;

use super::super::lab::{Lab, postgresql, query};
use super::{jsonl, refused};
use crate::support::door::Door;
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;
use crate::support::servers;
use crate::support::tls::Authority;

#[test]
fn settings_of_the_server_do_not_change_what_is_read() {
    let Some(database) = postgres_database() else { return };
    let name = &database.name;
    database.run(&format!(
        "alter database {name} set datestyle = 'German'; alter database {name} set intervalstyle = 'iso_8601';
         alter database {name} set bytea_output = 'escape'; alter database {name} set extra_float_digits = 0;
         alter database {name} set timezone = 'Asia/Kolkata'; alter database {name} set client_encoding = 'LATIN1';
         alter database {name} set statement_timeout = '10ms'; alter database {name} set search_path = 'nowhere';
         alter database {name} set standard_conforming_strings = off;
         alter database {name} set idle_in_transaction_session_timeout = '10ms'"
    ));
    let mut lab = Lab::new();
    lab.zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let sql = "select '2016-11-02'::date as d, '2016-11-02 00:00Z'::timestamptz as z, '1 day'::interval as i, \
               decode('00ff', 'hex') as y, 0.1::float8 + 0.2 as f, '日本' as t, '2016-11-02 00:00Z'::timestamptz::text as x \
               from pg_sleep(0.05)";
    assert_eq!(
        jsonl(&lab, postgresql(&database, query(sql)), TypeMapping::Exact),
        "{\"d\":\"2016-11-02\",\"z\":\"2016-11-02 00:00:00.000000 +00:00\",\"i\":\"1 day\",\"y\":\"AP8=\",\
         \"f\":0.30000000000000004,\"t\":\"日本\",\"x\":\"2016-11-02 09:00:00+09\"}\n"
    );
}

#[test]
fn properties_of_the_driver_are_followed_refused_or_named() {
    let Some(database) = postgres_database() else { return };
    database.run("create schema other; create table other.t (a int); insert into other.t values (1)");
    let lab = Lab::new();
    let mut input = postgresql(
        &database,
        query(
            "select t.a, current_setting('application_name') as name, current_setting('geqo_threshold') as g from t",
        ),
    );
    for (name, value) in [
        ("currentSchema", "other"),
        ("ApplicationName", "nightly"),
        ("prepareThreshold", "0"),
        ("madeUp", "1"),
        ("socketTimeout", "60"),
        ("options", "-c geqo_threshold=17"),
        ("targetServerType", "any"),
        ("sslfactory", "org.postgresql.ssl.jdbc4.LibPQFactory"),
    ] {
        input.options.insert(name.to_owned(), value.into());
    }
    assert_eq!(
        jsonl(&lab, input.clone(), TypeMapping::Embulk),
        "{\"a\":1,\"name\":\"nightly\",\"g\":\"17\"}\n"
    );
    let mut lines = lab.heard.lines.lock().unwrap().clone();
    lines.retain(|line| !line.starts_with("Writing"));
    assert_eq!(
        lines,
        [
            "`madeUp` in `options` means nothing here and is ignored".to_owned(),
            format!("Connecting to postgresql://{}:{}/{}", database.host, database.port, database.name),
            "SQL: select t.a, current_setting('application_name') as name, current_setting('geqo_threshold') as g from t".to_owned(),
            "Fetched 1 rows.".to_owned(),
        ]
    );
    let lab = Lab::new();
    for (name, value, said) in [
        (
            "sslmode",
            "maybe",
            "`sslmode` in `options` is not disable, allow, prefer, require, verify-ca or verify-full",
        ),
        ("loginTimeout", "soon", "`loginTimeout` in `options` is not a number of seconds"),
        ("sslcert", "client.pem", "`sslcert` and `sslkey` in `options` belong together"),
        ("sslpassword", "x", "`sslpassword` in `options` opens an encrypted key, which is not supported"),
        (
            "sslfactory",
            "org.example.Own",
            "`sslfactory` in `options` names a class of Java, which is not supported",
        ),
        (
            "socketFactory",
            "x.Y",
            "`socketFactory` in `options` names a class of Java, which is not supported",
        ),
        (
            "targetServerType",
            "primary",
            "`targetServerType` in `options` chooses among servers, which is not supported",
        ),
    ] {
        let mut input = input.clone();
        input.options.insert(name.to_owned(), value.into());
        let error = refused(&lab, &input);
        assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::Config, said));
    }
}

#[test]
fn tls_is_used_and_certificates_are_checked_where_asked_for() {
    let Some(database) = postgres_database() else { return };
    let Some(authority) = servers::variable("SYNC_TEST_POSTGRES_AUTHORITY", "PostgreSQL") else { return };
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let lab = Lab::new();
    let mut input = postgresql(&database, query(sql));
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":false}\n");
    input.ssl = SslMode::Enable;
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":true}\n");
    // The certificate is for 127.0.0.1, by an authority that the system does not know.
    input.ssl = SslMode::Verify;
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to PostgreSQL at `{}:{}`: error performing TLS handshake: \
             invalid peer certificate: UnknownIssuer",
            database.host, database.port
        )
    );
    assert_eq!(
        error.remedy(),
        Some(
            "name the file of the server's authority: `options: {sslrootcert: FILE}`, or encrypt without knowing \
             to whom with `ssl: true`"
        )
    );
    input.options.insert("sslrootcert".to_owned(), authority.as_str().into());
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":true}\n");
    input.host = Text::plain("localhost");
    assert!(refused(&Lab::new(), &input).to_string().contains("invalid peer certificate"));
    input.options.insert("sslmode".to_owned(), "verify-ca".into());
    assert_eq!(jsonl(&lab, input.clone(), TypeMapping::Embulk), "{\"ssl\":true}\n");
    input.options.remove("sslrootcert");
    assert!(refused(&Lab::new(), &input).to_string().contains("invalid peer certificate: UnknownIssuer"));
    input.options.insert("sslrootcert".to_owned(), "/nowhere.pem".into());
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(
        error.to_string().starts_with("no certificate of an authority could be read from `/nowhere.pem`"),
        "{error}"
    );
}

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let Some(authority) = Authority::new() else { return };
    let door = Door::strict_postgres(&authority);
    let (certificate, key) = authority.server();
    let der = authority.trusted().with_file_name("key.der");
    let made = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in"])
        .arg(&key)
        .arg("-out")
        .arg(&der)
        .status();
    assert!(made.unwrap().success());
    let transfer = |options: &str| {
        let text = format!(
            "in: {{type: postgresql, host: 127.0.0.1, port: {}, user: u, password: pass-word, database: d, table: t, \
             ssl: true, options: {{{options}}}}}\n\
             out: {{type: file, path_prefix: o, file_ext: csv, formatter: {{type: csv}}}}\n",
            door.port
        );
        let said = Sandbox::new().file("a.yml", &text).run(["embulk", "run", "a.yml"]).expect_code(1);
        said.stdout + &said.stderr
    };
    transfer("");
    assert_eq!(door.shown(), None);
    let own =
        |key: &std::path::Path| format!("sslcert: {}, sslkey: {}", certificate.display(), key.display());
    for key in [&key, &der] {
        let said = transfer(&own(key));
        assert_eq!(door.shown().as_deref(), Some("pass-word"), "{said}");
        assert!(said.contains("access denied (PostgreSQL error 28P01)"), "{said}");
    }
    let said = transfer(&own(&certificate));
    let expected = format!("`{}` cannot be shown to the server", certificate.display());
    assert!(said.contains(&expected), "{said}");
    assert!(
        said.contains("hint: give a certificate and its key in PEM, the key without a password"),
        "{said}"
    );
}

#[test]
fn a_host_may_be_the_folder_of_a_socket() {
    let Some(database) = postgres_database() else { return };
    let Some(authority) = servers::variable("SYNC_TEST_POSTGRES_AUTHORITY", "PostgreSQL") else { return };
    let mut input =
        postgresql(&database, query("select inet_server_addr() is null as local, count(*) from pg_class"));
    input.selection = query("select inet_server_addr() is null as local");
    input.host = Text::plain(authority.trim_end_matches("/authority.pem"));
    assert_eq!(jsonl(&Lab::new(), input, TypeMapping::Embulk), "{\"local\":true}\n");
}
