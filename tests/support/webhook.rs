//! A receiver of webhooks (Slack and the like) that remembers what came and answers as it was told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

/// What one request is answered with.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    /// 200 and the text `ok`, as Slack does.
    Ok,
    /// 200 and this text.
    Text(&'static str),
    /// A status and this JSON.
    Json(u16, &'static str),
    /// Another status; 429 comes with `Retry-After: 0`.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
}

/// A receiver on a free port of loopback; its thread ends with the test process.
#[derive(Debug)]
pub struct Webhook {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    replies: VecDeque<Reply>,
}

impl Webhook {
    /// Starts listening; every request is answered 200 until told otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                // A client that breaks off concerns nobody but its own test.
                std::thread::spawn(move || serve(stream, &served).is_ok());
            }
        });
        Self { port, shared }
    }

    /// The address to post to; the path tells requests apart.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, path.trim_start_matches('/'))
    }

    /// The next requests are answered so, in this order; then 200 again.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.state.lock().expect("no test panics here").replies.extend(replies);
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state.lock().expect("no test panics here").received.clone()
    }

    /// Waits until `count` requests came, and gives all there are. Half a minute without is a failure.
    pub fn await_received(&self, count: usize) -> Vec<Received> {
        let state = self.shared.state.lock().expect("no test panics here");
        let (state, waited) = self
            .shared
            .arrived
            .wait_timeout_while(state, Duration::from_secs(30), |state| state.received.len() < count)
            .expect("no test panics here");
        assert!(!waited.timed_out(), "{} of {count} requests came", state.received.len());
        state.received.clone()
    }
}

/// Every connection serves one request.
const CLOSE: &str = "connection: close\r\n";

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(request) = read_request(&mut BufReader::new(stream.try_clone()?))? else { return Ok(()) };
    let reply = {
        let mut state = shared.state.lock().expect("no test panics here");
        state.received.push(request);
        shared.arrived.notify_all();
        state.replies.pop_front().unwrap_or(Reply::Ok)
    };
    match reply {
        Reply::Close => Ok(()),
        Reply::Ok => write_text(&mut stream, "ok"),
        Reply::Text(text) => write_text(&mut stream, text),
        Reply::Json(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} told so\r\n{CLOSE}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + body).as_bytes())
        }
        Reply::Status(status) => {
            let wait = if status == 429 { "retry-after: 0\r\n" } else { "" };
            let head = format!("HTTP/1.1 {status} told so\r\n{CLOSE}{wait}content-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
    }
}

fn write_text(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let length = text.len();
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{CLOSE}content-length: {length}\r\n\r\n{text}").as_bytes())
}

/// `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some(Received { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}

#[cfg(test)]
mod tests {
    use super::super::http;
    use super::*;

    #[test]
    fn a_webhook_remembers_and_answers_as_told() {
        let webhook = Webhook::start();
        webhook.reply([Reply::Status(429)]);
        let body = serde_json::json!({"text": "一 table failed"});
        assert_eq!(http::post(&webhook.url("/hook"), &body).status, 429);
        assert_eq!(http::post(&webhook.url("/hook"), &body).text(), "ok");
        let received = webhook.await_received(2);
        assert_eq!((received[1].path.as_str(), received[1].json()), ("/hook", body));
    }
}
