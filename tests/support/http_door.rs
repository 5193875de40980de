//! A door before an HTTP server through which one call after the other goes, and at which one of them goes wrong.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What becomes of a call.
#[derive(Debug, Clone)]
pub enum Deed {
    /// It is not done, and answered so.
    Answer { status: u16, body: String },
    /// The same, and a file is written before: what somebody else does meanwhile.
    AnswerAfter { status: u16, body: String, file: PathBuf, text: String },
    /// It is done, and the connection closed without an answer.
    LoseAnswer,
    /// It is done, and the connection closed in the middle of the answer.
    CutAnswer,
}

/// The call, counted from 0, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Rule {
    pub call: usize,
    pub deed: Deed,
}

#[derive(Debug, Default)]
struct State {
    rule: Option<Rule>,
    calls: usize,
}

/// A door on a free port of loopback; its threads end with the test process.
#[derive(Debug)]
pub struct HttpDoor {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl HttpDoor {
    /// One that everything goes through.
    pub fn before(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let own_port = listener.local_addr().expect("a bound socket has an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let (target, shared) = (format!("{host}:{port}"), Arc::clone(&state));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (target, shared) = (target.clone(), Arc::clone(&shared));
                std::thread::spawn(move || pass(client, &target, &shared));
            }
        });
        Self { port: own_port, state }
    }

    /// Where to connect instead, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, counted anew, one call goes wrong.
    pub fn set(&self, rule: Rule) {
        *self.state.lock().expect("no test panics here") = State { rule: Some(rule), calls: 0 };
    }

    /// None does any more.
    pub fn clear(&self) {
        self.state.lock().expect("no test panics here").rule = None;
    }

    /// How many calls came.
    pub fn calls(&self) -> usize {
        self.state.lock().expect("no test panics here").calls
    }
}

/// One call a connection: the server is asked to close it behind its answer.
fn pass(mut client: TcpStream, target: &str, state: &Mutex<State>) {
    let Some(request) = request(&mut client) else { return };
    let deed = {
        let mut state = state.lock().expect("no test panics here");
        let call = state.calls;
        state.calls += 1;
        state.rule.as_ref().filter(|rule| rule.call == call).map(|rule| rule.deed.clone())
    };
    let deed = match deed {
        Some(Deed::AnswerAfter { status, body, file, text }) => {
            std::fs::write(file, text).expect("a file can be written");
            Some(Deed::Answer { status, body })
        }
        deed => deed,
    };
    // A client that has gone does not mind.
    let _ = match deed {
        Some(Deed::Answer { status, body }) => {
            let body = if request.starts_with(b"HEAD ") { String::new() } else { body };
            write!(
                client,
                "HTTP/1.1 {status} x\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: \
                 close\r\n\r\n{body}",
                body.len()
            )
        }
        deed => {
            let answer = ask(target, &request).unwrap_or_default();
            match deed {
                None => client.write_all(&answer),
                Some(Deed::CutAnswer) => client.write_all(&answer[..answer.len() / 2]),
                Some(_) => Ok(()),
            }
        }
    };
    let _ = client.shutdown(Shutdown::Both);
}

/// Reads a request with the length of its body in its head, and adds that the connection ends with it.
fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut request, mut buffer) = (Vec::new(), [0; 16 << 10]);
    let end = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        let length = client.read(&mut buffer).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&buffer[..length]);
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
    if head.contains("\r\nexpect: 100-continue") {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    while request.len() < end + 4 + length {
        let length = client.read(&mut buffer).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&buffer[..length]);
    }
    request.splice(end..end, b"\r\nconnection: close".iter().copied());
    Some(request)
}

fn ask(target: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(target)?;
    server.write_all(request)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
