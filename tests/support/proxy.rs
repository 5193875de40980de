//! A TCP proxy before a server (a database) that breaks, holds or slows a connection after so many bytes of answers or
//! requests, or at the answer to one request: a read that fails in its middle, a program that is killed just while it
//! reads.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};

/// A proxy on a free port of loopback; its threads end with the test process.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// How often a fault was set: who is held by one waits for the next.
    sets: u64,
    /// Connections that met the fault.
    met: u32,
    /// The most bytes of answers and of requests that one connection has had.
    most: [u64; 2],
    /// Bytes that the server has answered, over all connections.
    answered: u64,
}

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the server to the client.
    Answers = 0,
    /// From the client to the server.
    Requests = 1,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Both sides are closed.
    Cut,
    /// The client gets a reset (RST).
    Reset,
    /// Nothing is passed on any more, and nothing closed.
    Stall,
    /// It goes on at some 100 KB a second.
    Slow,
}

/// A break after exactly so many bytes of a way.
#[derive(Debug, Clone, Copy)]
pub struct Broken {
    pub what: Break,
    pub way: Way,
    pub after: u64,
    /// How many connections it happens to; none: all.
    pub times: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Closes both sides once one connection has answered so many bytes.
    CutAfter(u64),
    /// Passes nothing more on then, until the fault is cleared.
    HoldAfter(u64),
    /// The same, from the answer to the first request on that holds this text.
    HoldAnswerTo(&'static str),
    /// Something else, exactly there.
    Break(Broken),
}

/// What a connection has come to.
#[derive(Debug, Default)]
struct Passage {
    asked: AtomicBool,
    reset: AtomicBool,
}

/// Bytes that a slow connection passes on at once, and how long it takes for them.
const SLOW: (usize, Duration) = (512, Duration::from_millis(5));

/// Bytes that the kernel takes from a server whose connection stands still.
const HELD_BYTES: usize = 256 << 10;

impl Proxy {
    /// Starts one that passes everything on.
    pub fn before(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let own_port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared::default());
        let (target, accepted) = ((host.to_owned(), port), Arc::clone(&shared));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect((target.0.as_str(), target.1)) else { continue };
                // The kernel would take tens of megabytes for a connection that is held.
                set_socket_recv_buffer_size(&server, HELD_BYTES).expect("a socket has a buffer");
                connect(&client, &server, &accepted);
            }
        });
        Self { port: own_port, shared }
    }

    /// Where to connect instead, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on a connection breaks when it has answered so many bytes.
    pub fn cut_after(&self, bytes: u64) {
        self.set(Some(Fault::CutAfter(bytes)));
    }

    /// From now on a connection stands still when it has answered so many bytes.
    pub fn hold_after(&self, bytes: u64) {
        self.set(Some(Fault::HoldAfter(bytes)));
    }

    /// From now on a connection stands still when a request with this text was answered.
    pub fn hold_answer_to(&self, text: &'static str) {
        self.set(Some(Fault::HoldAnswerTo(text)));
    }

    /// From now on connections break so.
    pub fn break_connections(&self, broken: Broken) {
        self.set(Some(Fault::Break(broken)));
    }

    /// The most bytes of answers and of requests that one connection has had since the fault was set.
    pub fn most(&self) -> [u64; 2] {
        self.shared.lock().most
    }

    /// How many connections met the fault.
    pub fn met(&self) -> u32 {
        self.shared.lock().met
    }

    /// Bytes that the server has answered so far, over all connections.
    pub fn answered(&self) -> u64 {
        self.shared.lock().answered
    }

    /// No fault any more; what stands still goes on.
    pub fn clear(&self) {
        self.set(None);
    }

    /// Waits until a connection met the fault. Two minutes without are a failure.
    pub fn await_fault(&self) {
        let waiting =
            self.shared
                .changed
                .wait_timeout_while(self.shared.lock(), Duration::from_secs(120), |state| state.met == 0);
        let waited = waiting.expect("no test panics here").1;
        assert!(!waited.timed_out(), "no connection met the fault");
    }

    fn set(&self, fault: Option<Fault>) {
        let mut state = self.shared.lock();
        *state = State { fault, sets: state.sets + 1, met: 0, most: [0; 2], ..*state };
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics here")
    }

    /// Listens to what is asked.
    fn hears(&self, request: &[u8], asked: &AtomicBool) {
        if let Some(Fault::HoldAnswerTo(text)) = self.lock().fault
            && request.windows(text.len()).any(|part| part == text.as_bytes())
        {
            asked.store(true, Ordering::SeqCst);
        }
    }

    /// How many of these bytes are still passed on before the connection breaks, and how it does; none: all of them.
    fn breaks(&self, way: Way, passed: u64, length: usize) -> Option<(usize, Break)> {
        let mut state = self.lock();
        let most = &mut state.most[way as usize];
        *most = (*most).max(passed + length as u64);
        let Some(Fault::Break(broken)) = state.fault else { return None };
        let left = broken.after.checked_sub(passed)?;
        if broken.way != way || left >= length as u64 || broken.times.is_some_and(|times| state.met >= times)
        {
            return None;
        }
        state.met += 1;
        self.changed.notify_all();
        Some((usize::try_from(left).expect("less than a buffer"), broken.what))
    }

    /// Whether a connection that has answered so many bytes may go on; waits while it is held.
    fn may_pass(&self, answered: u64, length: usize, asked: &AtomicBool) -> bool {
        let mut state = self.lock();
        state.answered += length as u64;
        loop {
            let held = match state.fault {
                Some(Fault::CutAfter(limit)) if answered >= limit => false,
                Some(Fault::HoldAfter(limit)) if answered >= limit => true,
                Some(Fault::HoldAnswerTo(_)) if asked.load(Ordering::SeqCst) => true,
                _ => return true,
            };
            state.met += 1;
            self.changed.notify_all();
            if !held {
                return false;
            }
            let held_by = state.sets;
            let waiting = self.changed.wait_while(state, |state| state.sets == held_by);
            state = waiting.expect("no test panics here");
        }
    }
}

fn connect(client: &TcpStream, server: &TcpStream, shared: &Arc<Shared>) {
    let (Ok(from_client), Ok(to_client)) = (client.try_clone(), client.try_clone()) else { return };
    let (Ok(to_server), Ok(from_server)) = (server.try_clone(), server.try_clone()) else { return };
    let passage = Arc::new(Passage::default());
    let (hearer, heard) = (Arc::clone(shared), Arc::clone(&passage));
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let hears = |_: u64, request: &[u8]| {
            hearer.hears(request, &heard.asked);
            true
        };
        pass((from_client, to_server), Way::Requests, (&hearer, &heard), hears);
    });
    std::thread::spawn(move || {
        let may_pass = |answered, bytes: &[u8]| shared.may_pass(answered, bytes.len(), &passage.asked);
        pass((from_server, to_client), Way::Answers, (&shared, &passage), may_pass);
    });
}

/// Passes bytes on until one side ends, then ends both.
fn pass(
    (mut from, mut to): (TcpStream, TcpStream),
    way: Way,
    (shared, passage): (&Shared, &Passage),
    may_pass: impl Fn(u64, &[u8]) -> bool,
) {
    let mut buffer = vec![0; 16 << 10];
    let (mut passed, mut slow) = (0, false);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let broken = shared.breaks(way, passed, length);
        passed += length as u64;
        let bytes = &buffer[..broken.map_or(length, |(left, _)| left)];
        slow |= matches!(broken, Some((_, Break::Slow)));
        if slow {
            let pieces = buffer[..length].chunks(SLOW.0);
            let mut written = pieces.map(|piece| {
                std::thread::sleep(SLOW.1);
                to.write_all(piece)
            });
            if written.any(|written| written.is_err()) {
                break;
            }
            continue;
        }
        if !may_pass(passed, bytes) || to.write_all(bytes).is_err() {
            break;
        }
        match broken {
            None | Some((_, Break::Slow)) => {}
            Some((_, Break::Cut)) => break,
            // The other side sees nothing, not even an end.
            Some((_, Break::Stall)) => return,
            Some((_, Break::Reset)) => {
                passage.reset.store(true, Ordering::SeqCst);
                let client = if way == Way::Answers { &to } else { &from };
                // Closed with its last handle, without a word.
                set_socket_linger(client, Some(Duration::ZERO)).expect("a socket lingers");
                break;
            }
        }
    }
    if passage.reset.load(Ordering::SeqCst) {
        // The other direction waits for one of them: a half of the server's, or of the client's.
        let (server, client) = if way == Way::Answers { (&from, &to) } else { (&to, &from) };
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Read);
        return;
    }
    // Either may be closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::super::{http, webhook};
    use super::*;

    fn proxied(webhook: &webhook::Webhook) -> (Proxy, String) {
        let url = webhook.url("hook");
        let port = url.trim_start_matches("http://127.0.0.1:").trim_end_matches("/hook").parse().unwrap();
        let proxy = Proxy::before("127.0.0.1", port);
        let url = format!("http://127.0.0.1:{}/hook", proxy.port());
        (proxy, url)
    }

    #[test]
    fn a_held_connection_goes_on_when_the_fault_is_cleared() {
        let (proxy, url) = proxied(&webhook::Webhook::start());
        proxy.hold_after(1);
        let asked = std::thread::spawn(move || http::get(&url).status);
        proxy.await_fault();
        proxy.clear();
        assert_eq!(asked.join().unwrap(), 200);
    }

    #[test]
    fn a_cut_connection_gives_no_answer() {
        let (proxy, url) = proxied(&webhook::Webhook::start());
        proxy.cut_after(1);
        assert!(std::thread::spawn(move || http::get(&url).status).join().is_err());
        proxy.await_fault();
    }
}
