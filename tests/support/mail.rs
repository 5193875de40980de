//! A mail server of one test, by aiosmtpd (`tests/servers/mail.py`).

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::servers;
use super::tls::Authority;

/// A running server; it ends with the value, and with the test process.
pub struct MailServer {
    process: Child,
    output: BufReader<ChildStdout>,
    pub port: u16,
    authority: Authority,
}

impl MailServer {
    /// Starts one that speaks `plain`, `starttls` or `tls`, to anybody or after a login. `None`, after saying so, where
    /// something is missing.
    pub fn start(mode: &str, login: Option<(&str, &str)>) -> Option<Self> {
        let python = servers::variable("SYNC_TEST_AIOSMTPD", "mail server")?;
        let authority = Authority::new()?;
        let (certificate, key) = authority.server();
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/servers/mail.py");
        let mut process = Command::new(python)
            .arg("-B")
            .args([program.as_os_str(), mode.as_ref(), certificate.as_ref(), key.as_ref()])
            .args(login.iter().flat_map(|(user, password)| [user, password]))
            // Its end of this pipe closes with the test process: then it ends too.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut output = BufReader::new(process.stdout.take().expect("the output is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the server says when it is ready");
        let port = line.trim().strip_prefix("ready ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the mail server said {line:?}"));
        Some(Self { process, output, port, authority })
    }

    /// The file with the certificate that makes it trusted.
    pub fn trusted(&self) -> String {
        self.authority.trusted().to_string_lossy().into_owned()
    }

    /// The next mail that it took; it is there before the sender hears of it.
    pub fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the server tells of a mail");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
