//! A server of the tests: it answers one connection after the other as it is told, and remembers what came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What one connection gets.
pub(in super::super) enum Reply {
    /// An answer: the status line's rest, headers that each end in a line break, and the body.
    Answer(&'static str, String, Vec<u8>),
    /// The end of the connection, in the middle of an answer.
    Break,
    /// The connection is reset before anything was read.
    Reset,
    /// Nothing, until the client goes.
    Silence,
}

/// Status and body.
pub(in super::super) fn answer(status: &'static str, body: &str) -> Reply {
    Reply::Answer(status, String::new(), body.as_bytes().to_vec())
}

/// Status, headers and body.
pub(in super::super) fn with(status: &'static str, headers: &str, body: &str) -> Reply {
    let lines = headers.lines().map(|line| format!("{line}\r\n")).collect();
    Reply::Answer(status, lines, body.as_bytes().to_vec())
}

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Received {
    /// Method and target.
    pub(in super::super) line: String,
    /// `name: value` in the order they came, but for those that every request has.
    pub(in super::super) headers: Vec<String>,
    pub(in super::super) body: String,
}

/// The server. Its thread ends with the last reply, or with the tests.
pub(in super::super) struct Server {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(in super::super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&received);
        std::thread::spawn(move || {
            for reply in replies {
                let (stream, _) = listener.accept().expect("a client");
                if matches!(reply, Reply::Reset) {
                    // What is unread when a socket is closed resets its connection.
                    let _ = stream.peek(&mut [0]);
                    continue;
                }
                let request = read(&stream);
                told.lock().expect("no panic").push(request);
                serve(stream, reply);
            }
        });
        Self { address, received }
    }

    /// `HOST:PORT`.
    pub(in super::super) fn address(&self) -> &str {
        &self.address
    }

    pub(in super::super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// What came so far.
    pub(in super::super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// Methods and targets of what came so far.
    pub(in super::super) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|received| received.line).collect()
    }
}

fn read(stream: &TcpStream) -> Received {
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    };
    let line = next().trim_end_matches(" HTTP/1.1").to_owned();
    let all: Vec<String> = std::iter::from_fn(|| Some(next()).filter(|line| !line.is_empty())).collect();
    let length = all.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).expect("a body");
    let common = ["host:", "accept:", "user-agent: sync/", "content-length:"];
    let headers = all.into_iter().filter(|line| !common.iter().any(|name| line.starts_with(name)));
    Received { line, headers: headers.collect(), body: String::from_utf8(body).expect("text") }
}

fn serve(mut stream: TcpStream, reply: Reply) {
    match reply {
        Reply::Answer(status, headers, body) => {
            let head =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
            // A client that has seen enough concerns nobody.
            let _ = stream.write_all(format!("{head}{headers}\r\n").as_bytes());
            let _ = stream.write_all(&body);
        }
        Reply::Break => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
        Reply::Reset => {}
        Reply::Silence => {
            let _ = stream.read(&mut [0]);
        }
    }
}
