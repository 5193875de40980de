//! How a server of MySQL's protocol is entered: logins, TLS, sockets, properties of the driver.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, MysqlInput, SslMode};
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::{ErrorKind, TransferError};

use super::lab::{Lab, mysql, query, to_jsonl};
use crate::support::servers::{self, MySqlDatabase, MySqlServer, fresh_name};

const PASSWORD: &str = "p'ä ss/?#%";

/// What a transfer to JSON lines writes.
fn written(lab: &Lab, input: &MysqlInput) -> Result<String, TransferError> {
    lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk))?;
    Ok(std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap())
}

#[track_caller]
fn lets_in(input: &MysqlInput) -> String {
    written(&Lab::new(), input).unwrap()
}

#[track_caller]
fn refused(input: &MysqlInput) -> TransferError {
    let lab = Lab::new();
    let error = written(&lab, input).unwrap_err();
    assert_eq!(lab.files(), Vec::<String>::new());
    assert!(!format!("{error:?}").contains(PASSWORD));
    error
}

/// A user of a database and an input that asks as this user.
fn user(database: &MySqlDatabase, identified: &str) -> (String, MysqlInput) {
    let name = fresh_name("user");
    database.run([
        format!("create user `{name}`@'%' identified {identified}"),
        format!("grant select on `{}`.* to `{name}`@'%'", database.name),
    ]);
    let mut input = mysql(database, query("select 1 as a"));
    input.user = Text::plain(&name);
    input.password = Secret::new(PASSWORD);
    (name, input)
}

fn with<'v>(input: &MysqlInput, options: impl IntoIterator<Item = (&'v str, &'v str)>) -> MysqlInput {
    let mut input = input.clone();
    for (name, value) in options {
        input.options.insert(name.to_owned(), value.into());
    }
    input
}

fn quoted() -> String {
    format!("'{}'", PASSWORD.replace('\'', "''"))
}

/// A file of the folder of a server's data.
fn data_file(server: &MySqlServer, name: &str) -> String {
    let database = server.fresh_database();
    let folder = database.rows("select @@datadir")[0][0].clone().unwrap();
    format!("{folder}{name}")
}

#[track_caller]
fn denied(input: &MysqlInput, cause: &str, remedy: &str) {
    let error = refused(input);
    let causes = error.causes.join(": ");
    assert_eq!((causes.as_str(), error.remedy()), (cause, Some(remedy)));
    assert!(error.message.starts_with("cannot connect to MySQL at `127.0.0.1:"), "{error}");
}

#[test]
fn logins_of_mariadb() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["install plugin if not exists ed25519 soname 'auth_ed25519'"]);
    for identified in [format!("by {}", quoted()), format!("via ed25519 using password({})", quoted())] {
        let (_, input) = user(&database, &identified);
        assert_eq!(lets_in(&input), "{\"a\":1}\n", "{identified}");
        let mut wrong = input;
        wrong.password = Secret::new("wrong");
        assert_eq!(refused(&wrong).kind, ErrorKind::Authentication, "{identified}");
    }
    // The server asks for one after the other.
    let (_, input) = user(
        &database,
        &format!("via ed25519 using password('x') or mysql_native_password using password({})", quoted()),
    );
    assert_eq!(lets_in(&input), "{\"a\":1}\n");
}

#[test]
fn a_password_for_mysql_goes_out_encrypted_or_not_at_all() {
    let Some(server) = servers::mysql() else { return };
    let database = server.fresh_database();
    let (_, input) = user(&database, &format!("with caching_sha2_password by {}", quoted()));
    // Nobody came yet: the server asks for the password itself, encrypted by its key.
    let closed = with(&input, [("allowPublicKeyRetrieval", "false")]);
    denied(
        &closed,
        "the server must be asked for its public key, which `allowPublicKeyRetrieval` forbids",
        "set `ssl: verify`, or give the key: `options: {serverRSAPublicKeyFile: FILE}`",
    );
    let key = data_file(&server, "public_key.pem");
    assert_eq!(lets_in(&with(&closed, [("serverRSAPublicKeyFile", key.as_str())])), "{\"a\":1}\n");
    // The server knows the user by now.
    assert_eq!(lets_in(&closed), "{\"a\":1}\n");

    let (_, input) = user(&database, &format!("with caching_sha2_password by {}", quoted()));
    assert_eq!(lets_in(&input), "{\"a\":1}\n");
    let (_, input) = user(&database, &format!("with caching_sha2_password by {}", quoted()));
    assert_eq!(
        lets_in(&with(&input, [("sslMode", "REQUIRED"), ("allowPublicKeyRetrieval", "false")])),
        "{\"a\":1}\n"
    );
    let mut wrong = input;
    wrong.password = Secret::new("wrong");
    assert_eq!(refused(&wrong).kind, ErrorKind::Authentication);
}

#[test]
fn the_older_login_by_sha256_encrypts_the_password_as_well() {
    let Some(server) = servers::mysql() else { return };
    let database = server.fresh_database();
    let (_, input) = user(&database, &format!("with sha256_password by {}", quoted()));
    assert_eq!(lets_in(&input), "{\"a\":1}\n");
    assert_eq!(lets_in(&with(&input, [("sslMode", "REQUIRED")])), "{\"a\":1}\n");
    denied(
        &with(&input, [("allowPublicKeyRetrieval", "false")]),
        "the server must be asked for its public key, which `allowPublicKeyRetrieval` forbids",
        "set `ssl: verify`, or give the key: `options: {serverRSAPublicKeyFile: FILE}`",
    );
    let mut wrong = input;
    wrong.password = Secret::new("wrong");
    assert_eq!(refused(&wrong).kind, ErrorKind::Authentication);
}

#[test]
fn the_modes_of_tls_are_those_of_the_driver() {
    let Some(server) = servers::mysql() else { return };
    let database = server.fresh_database();
    let authority = data_file(&server, "ca.pem");
    let mut input = mysql(&database, query("show session status like 'Ssl_version'"));
    let plain = "{\"Variable_name\":\"Ssl_version\",\"Value\":\"\"}\n";
    let encrypted = "{\"Variable_name\":\"Ssl_version\",\"Value\":\"TLSv1.3\"}\n";
    for (options, expected) in [
        (vec![], plain),
        (vec![("sslMode", "DISABLED")], plain),
        (vec![("sslMode", "PREFERRED")], encrypted),
        (vec![("sslMode", "required")], encrypted),
        (vec![("sslMode", "VERIFY_CA"), ("serverSslCert", authority.as_str())], encrypted),
        (vec![("useSSL", "true")], encrypted),
        (vec![("useSSL", "true"), ("requireSSL", "true"), ("verifyServerCertificate", "false")], encrypted),
        (vec![("requireSSL", "true")], plain),
    ] {
        assert_eq!(lets_in(&with(&input, options.clone())), expected, "{options:?}");
    }
    // What the server made for itself names no host.
    denied(
        &with(&input, [("sslMode", "VERIFY_IDENTITY"), ("serverSslCert", authority.as_str())]),
        "invalid peer certificate: certificate not valid for name \"127.0.0.1\"; certificate is not valid for any \
         names (according to its subjectAltName extension)",
        "let `host` be a name in the certificate, or ask for the authority alone: `options: {sslMode: VERIFY_CA}`",
    );
    input.ssl = SslMode::Verify;
    assert_eq!(lets_in(&with(&input, [("verifyServerCertificate", "false")])), encrypted);
    denied(
        &input,
        "invalid peer certificate: UnknownIssuer",
        "name the file of the server's authority: `options: {serverSslCert: FILE}`, or encrypt without knowing to \
         whom with `ssl: enable`",
    );
}

#[test]
fn a_server_without_tls_is_refused_unless_it_is_only_preferred() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let mut input = mysql(&database, query("select 1 as a"));
    assert_eq!(lets_in(&with(&input, [("sslMode", "PREFERRED")])), "{\"a\":1}\n");
    input.ssl = SslMode::Enable;
    denied(&input, "the server offers no TLS", "set `ssl: disable`");
}

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let Some(server) = servers::mysql() else { return };
    let database = server.fresh_database();
    let (name, input) = user(&database, &format!("by {} require x509", quoted()));
    let input = with(&input, [("sslMode", "REQUIRED")]);
    let error = refused(&input);
    assert!(error.to_string().contains(&format!("Access denied for user '{name}'")), "{error}");
    let (certificate, key) = (data_file(&server, "client-cert.pem"), data_file(&server, "client-key.pem"));
    let own = with(&input, [("sslCert", certificate.as_str()), ("sslKey", key.as_str())]);
    assert_eq!(lets_in(&own), "{\"a\":1}\n");
}

#[test]
fn a_host_may_be_the_path_of_a_socket() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let path = database.rows("select @@socket")[0][0].clone().unwrap();
        let mut input = mysql(&database, query("select substring_index(user(), '@', -1) as host"));
        assert_eq!(lets_in(&input), format!("{{\"host\":\"{}\"}}\n", tcp_name(&database)));
        input.host = Text::plain(&path);
        input.ssl = SslMode::Enable;
        let lab = Lab::new();
        assert_eq!(written(&lab, &input).unwrap(), "{\"host\":\"localhost\"}\n");
        let lines = lab.heard.lines.lock().unwrap().clone();
        assert_eq!(
            lines[..2],
            [
                format!("Connecting to mysql://{path}/{}", database.name),
                "`ssl` has no effect on a Unix socket".to_owned()
            ]
        );
        input.host = Text::plain("/nowhere/mysqld.sock");
        let error = refused(&input);
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert!(
            error.to_string().starts_with("cannot connect to MySQL at `/nowhere/mysqld.sock`: "),
            "{error}"
        );
    }
}

/// What a server calls a client on loopback: its address, or its name.
fn tcp_name(database: &MySqlDatabase) -> String {
    database.rows("select substring_index(user(), '@', -1)")[0][0].clone().unwrap()
}

#[test]
fn properties_of_the_driver_are_followed_refused_or_named() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let (name, _) = user(&database, &format!("by {}", quoted()));
    let mut input = with(
        &mysql(&database, query("select @@session.div_precision_increment as d, 'é' as t")),
        [
            ("sessionVariables", "div_precision_increment = 7, character_set_results = latin1"),
            ("useCompression", "true"),
            ("madeUp", "1"),
            ("maxRows", "0"),
            ("user", name.as_str()),
            ("password", PASSWORD),
        ],
    );
    input.user = Text::plain("nobody");
    let lab = Lab::new();
    assert_eq!(written(&lab, &input).unwrap(), "{\"d\":7,\"t\":\"é\"}\n");
    let first = lab.heard.lines.lock().unwrap().first().cloned();
    assert_eq!(first.as_deref(), Some("`madeUp` in `options` means nothing here and is ignored"));
    for (options, said) in [
        (
            vec![("sessionVariables", "nonsense = 1")],
            "`sessionVariables` failed: Unknown system variable '…' (MySQL error 1193)",
        ),
        (
            vec![("sslMode", "maybe")],
            "`sslMode` in `options` is not DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY",
        ),
        (vec![("useSSL", "maybe")], "`useSSL` in `options` is not true or false"),
        (vec![("connectTimeout", "soon")], "`connectTimeout` in `options` is not a number of milliseconds"),
        (
            vec![("connectionTimeZone", "Nowhere/Else")],
            "`connectionTimeZone` in `options` is not a time zone",
        ),
        (
            vec![("sslKey", "/nowhere.pem")],
            "`sslKey` in `options` is not a file with a private key in PEM: I/O error: No such file or directory (os error 2)",
        ),
        (vec![("maxRows", "5")], "`maxRows` in `options` cuts the rows off, which is not supported"),
        (
            vec![("zeroDateTimeBehavior", "never")],
            "`zeroDateTimeBehavior` in `options` is not convertToNull, exception or round",
        ),
    ] {
        assert_eq!(refused(&with(&input, options)).to_string(), said);
    }
}
