//! A client for plain HTTP on loopback, enough to ask a stand-in: one request a connection, no TLS, no redirects.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A stand-in that says nothing for so long has hung: the test fails instead of hanging too.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// GET of `http://HOST:PORT/PATH`.
pub fn get(url: &str) -> Answer {
    send("GET", url, None)
}

/// POST of a JSON body.
pub fn post(url: &str, body: &Value) -> Answer {
    send("POST", url, Some(body))
}

/// DELETE.
pub fn delete(url: &str) -> Answer {
    send("DELETE", url, None)
}

/// Any method, with or without a JSON body.
pub fn send(method: &str, url: &str, body: Option<&Value>) -> Answer {
    send_bytes(method, url, body.map(Value::to_string).unwrap_or_default().as_bytes())
}

/// Any method, with these bytes for a body.
pub fn send_bytes(method: &str, url: &str, body: &[u8]) -> Answer {
    send_typed(method, url, "application/json", body)
}

/// The same for bytes of some type.
pub fn send_typed(method: &str, url: &str, content_type: &str, body: &[u8]) -> Answer {
    let rest = url.strip_prefix("http://").expect("stand-ins speak plain HTTP");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    // HTTP/1.0: the server ends the answer by closing, and never sends it in chunks.
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap_or_else(|error| panic!("{error}: {url}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("the patience is not zero");
    stream.write_all(&[request.as_bytes(), body].concat()).expect("the server reads the request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers");
    parse(&answer)
        .unwrap_or_else(|| panic!("no HTTP answer from {url}: {}", String::from_utf8_lossy(&answer)))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer.get(end + 4..)?.to_vec() })
}
