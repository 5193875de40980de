//! A PostgreSQL that nobody else writes to: in the one of the other tests something is committed all the time.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};

use crate::support::postgres::{PostgresClient, PostgresDatabase};
use crate::support::servers;

/// A fresh database, and the turn of who uses the server.
pub fn database() -> Option<(PostgresDatabase, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::new(());
    static PORT: OnceLock<u16> = OnceLock::new();
    servers::postgres()?;
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let port = *PORT.get_or_init(start);
    let database = PostgresDatabase {
        name: servers::fresh_name("quiet"),
        host: "127.0.0.1".to_owned(),
        port,
        user: "sync".to_owned(),
    };
    let mut client = PostgresClient::connect(&database.host, port, "sync", "sync");
    client.run(&format!("create database {}", database.name));
    Some((database, turn))
}

/// Starts the server, which ends with the tests, and waits until it answers.
fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (tell, told) = mpsc::channel();
    // A server dies with the thread that started it: this one stays.
    std::thread::spawn(move || {
        let folder = tempfile::Builder::new().prefix("sync-quiet-").tempdir().unwrap();
        // The account of PostgreSQL enters it.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/postgres");
        let mut server = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(script)
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let wait = "until [ -e \"$1/ready\" ]; do kill -0 \"$2\" || exit 1; sleep 0.05; done";
        let waited = Command::new("bash")
            .args(["-c", wait, "wait"])
            .arg(folder.path())
            .arg(server.id().to_string())
            .status()
            .unwrap();
        tell.send(waited.success()).unwrap();
        let _ = server.wait();
    });
    assert!(told.recv().unwrap(), "the quiet PostgreSQL did not start");
    port
}
