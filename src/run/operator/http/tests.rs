//! Requests against a server that answers as it is told: what is sent, what is stored, what is tried again, and what
//! messages say.

use serde_json::{Value, json};

use super::super::Waiting;
use super::super::testing::Bench;
use super::testing::{Received, Reply, Server, answer, with};
use super::*;
use crate::run::event::FailureKind;

fn once(server: &Server, options: Value) -> Received {
    run(&Bench::new(), server, options).expect("success");
    server.received().pop().expect("a request")
}

/// A task with these options beside `http>: <the server>/x`.
fn run(bench: &Bench, server: &Server, options: Value) -> Result<Value, OperatorError> {
    let mut local = json!({"http>": server.url("x")});
    local.as_object_mut().expect("a map").extend(options.as_object().expect("a map").clone());
    bench.run(&Http::default(), json!({}), local).map(|output| Value::Object(output.store))
}

/// The first turn.
fn turn(http: &Http, bench: &Bench, local: Value, waiting: Waiting) -> Result<Turn, OperatorError> {
    bench.turn(http, json!({}), local, waiting)
}

fn message(server: &Server, options: Value) -> String {
    let error = run(&Bench::new(), server, options).expect_err("a failure");
    error.message.replace(server.address(), "HOST")
}

#[test]
fn what_stands_in_the_options_is_sent() {
    let ok = || Server::start(vec![answer("200 OK", "")]);
    for (options, line, headers, body) in [
        (json!({}), "GET /x", "", ""),
        (json!({"method": "head"}), "HEAD /x", "", ""),
        (json!({"method": "PURGE"}), "PURGE /x", "", ""),
        (
            json!({"method": "POST", "content": {"a": 1.0, "b": ["x", true, null]}}),
            "POST /x",
            "content-type: application/json",
            r#"{"a":1.0,"b":["x",true,null]}"#,
        ),
        (json!({"method": "PUT", "content": [1]}), "PUT /x", "content-type: application/json", "[1]"),
        (json!({"method": "POST", "content": "text"}), "POST /x", "content-type: plain/text", "text"),
        (json!({"method": "POST", "content": 5}), "POST /x", "content-type: plain/text", "5"),
        (
            json!({"method": "POST", "content": "text", "content_format": "JSON"}),
            "POST /x",
            "content-type: application/json",
            "\"text\"",
        ),
        (
            json!({"method": "POST", "content": "<a/>", "content_type": "application/xml"}),
            "POST /x",
            "content-type: application/xml",
            "<a/>",
        ),
        (
            json!({"method": "POST", "content": {"a b": "x&y", "n": 1, "z": null}, "content_format": "form", "content_type": "no/no"}),
            "POST /x",
            "content-type: application/x-www-form-urlencoded",
            "a+b=x%26y&n=1&z=null",
        ),
        (
            json!({"method": "POST", "content": "x", "headers": [{"Content-Type": "text/csv"}]}),
            "POST /x",
            "content-type: text/csv",
            "x",
        ),
        (json!({"headers": [{"foo": "1"}, {"bar": 2}, {"foo": "3"}]}), "GET /x", "foo: 1|foo: 3|bar: 2", ""),
        (json!({"query": {"a": "x y", "b": 1, "c": "ü"}}), "GET /x?a=x+y&b=1&c=%C3%BC", "", ""),
        (json!({"query": "{\"a\": \"b\"}"}), "GET /x?a=b", "", ""),
        (json!({"query": "a=1&b=%20&c"}), "GET /x?a=1&b=+&c=", "", ""),
    ] {
        let server = ok();
        let received = once(&server, options.clone());
        assert_eq!(
            (received.line.as_str(), received.headers.join("|").as_str(), received.body.as_str()),
            (line, headers, body),
            "{options}"
        );
    }
    let server = ok();
    once(&server, json!({"http>": server.url("x?z=1#part"), "query": {"a": "b"}}));
    assert_eq!(server.lines(), ["GET /x?z=1&a=b"]);
}

#[test]
fn the_map_of_the_operators_name_gives_defaults() {
    let server = Server::start(vec![answer("200 OK", "")]);
    let exported = json!({"http": {"method": "POST", "content": "a"}});
    let local = json!({"http>": server.url("x"), "method": "PUT"});
    Bench::new().run(&Http::default(), exported, local).expect("success");
    let received = server.received().remove(0);
    assert_eq!((received.line.as_str(), received.body.as_str()), ("PUT /x", "a"));
}

#[test]
fn secrets_are_put_in_everywhere_and_shown_nowhere() {
    let server = Server::start(vec![answer("404 Not Found", "who is se&cret?")]);
    let bench = Bench::new().secret("s", "se&cret").secret("user", "me").secret("pw", "pa:ss");
    let address = server.url("").replace("http://", "http://me:pa%3Ass@");
    let options = json!({
        "http>": format!("{address}${{secret:s}}"),
        "method": "POST",
        "query": {"${secret:s}": "a${secret:s}"},
        "headers": [{"X-Key": "k ${secret:s}"}],
        "content": {"${secret:s}": ["${secret:s}"]},
    });
    let error = run(&bench, &server, options).expect_err("a failure");
    assert_eq!(
        error.to_failure(bench.services().guard.as_ref()).message,
        "HTTP 4XX Client Error: POST http://*** - 404 Not Found: who is ***?"
    );
    let received = server.received().remove(0);
    assert_eq!(received.line, "POST /se&cret?se%26cret=ase%26cret");
    assert_eq!(
        received.headers.join("|"),
        "authorization: Basic bWU6cGE6c3M=|x-key: k se&cret|content-type: application/json"
    );
    assert_eq!(received.body, r#"{"se&cret":["se&cret"]}"#);
    assert!(!bench.log().contains("se&cret") && !bench.log().contains("pa"), "{}", bench.log());
}

#[test]
fn a_secret_in_a_query_is_hidden_in_the_address() {
    let server = Server::start(vec![answer("400 Bad Request", "")]);
    let bench = Bench::new().secret("k", "v1");
    let address = server.url("x").replace("http://", "http://me:pw@");
    let error = run(&bench, &server, json!({"http>": address, "query": "a=1&token=x${secret:k}&b=2"}));
    assert_eq!(
        error.expect_err("a failure").message.replace(server.address(), "HOST"),
        "HTTP 4XX Client Error: GET http://HOST/x?a=1&token=***&b=2 - 400 Bad Request"
    );
    assert_eq!(server.lines(), ["GET /x?a=1&token=xv1&b=2"]);
}

#[test]
fn secrets_of_the_operator_give_address_and_authorization() {
    let server = Server::start((0..3).map(|_| answer("200 OK", "")).collect());
    let bench = Bench::new().secret("http.uri", &server.url("secret")).secret("http.user", "me");
    run(&bench, &server, json!({})).expect("success");
    assert!(bench.log().contains("Sending HTTP request: GET http://***"), "{}", bench.log());
    let bench = bench.secret("http.password", "pw").secret("http.authorization", "Bearer t");
    run(&bench, &server, json!({})).expect("success");
    run(&bench, &server, json!({"headers": [{"authorization": "own"}]})).expect("success");
    let authorizations: Vec<_> =
        server.received().iter().map(|received| received.headers.join("|")).collect();
    assert_eq!(
        authorizations,
        ["authorization: Basic bWU6", "authorization: Bearer t", "authorization: own"]
    );
    assert_eq!(server.lines(), ["GET /secret"; 3]);
}

#[test]
fn status_and_content_are_stored() {
    let body = "日本\r\n";
    let server = Server::start(vec![
        answer("200 OK", "unseen"),
        with("200 OK", "Content-Type: text/plain; charset=utf-8", body),
        answer("304 Not Modified", ""),
        answer("200 OK", &"é".repeat(64 << 10)),
        answer("200 OK", &"x".repeat(65 << 10)),
        answer("200 OK", &"x".repeat(1 << 20)),
    ]);
    let stored = |options| run(&Bench::new(), &server, options);
    assert_eq!(stored(json!({})).expect("success"), json!({"http": {"last_status": 200}}));
    assert_eq!(
        stored(json!({"store_content": "true"})).expect("success"),
        json!({"http": {"last_status": 200, "last_content": body}})
    );
    assert_eq!(stored(json!({})).expect("success"), json!({"http": {"last_status": 304}}));
    stored(json!({"store_content": true})).expect("64 Ki characters are few enough");
    for length in [65 << 10, 1 << 20] {
        let error = stored(json!({"store_content": true})).expect_err("a failure");
        assert_eq!(error.message, format!("Response content too large: {length} > 65536"));
    }
}

#[test]
fn what_was_stored_before_is_forgotten() {
    let server = Server::start(vec![answer("200 OK", "a")]);
    let local = json!({"http>": server.url("x"), "store_content": true});
    let output = Bench::new().run(&Http::default(), json!({}), local).expect("success");
    assert_eq!(output.reset_store, [["http", "last_status"], ["http", "last_content"]]);
}

#[test]
fn refusals_say_what_the_server_said() {
    let long = format!("a\u{1b}[31m\n\t{}", "b".repeat(300));
    for (reply, options, expected) in [
        (
            answer("400 x", "no"),
            json!({}),
            "HTTP 4XX Client Error: GET http://HOST/x - 400 Bad Request: no".to_owned(),
        ),
        (answer("499 x", ""), json!({}), "HTTP 4XX Client Error: GET http://HOST/x - 499".to_owned()),
        (
            answer("403 Forbidden", &long),
            json!({"method": "DELETE"}),
            format!(
                "HTTP 4XX Client Error: DELETE http://HOST/x - 403 Forbidden: a [31m {}",
                "b".repeat(193)
            ),
        ),
        (
            answer("503 x", "busy"),
            json!({"retry": false}),
            "HTTP 5XX Server Error: GET http://HOST/x - 503 Service Unavailable: busy".to_owned(),
        ),
        (
            answer("429 x", "slow down"),
            json!({"method": "POST"}),
            "HTTP 4XX Client Error: POST http://HOST/x - 429 Too Many Requests: slow down".to_owned(),
        ),
        (
            answer("600 x", "odd"),
            json!({"retry": false}),
            "Unexpected HTTP status: GET http://HOST/x - 600: odd".to_owned(),
        ),
    ] {
        let server = Server::start(vec![reply]);
        assert_eq!(message(&server, options), expected);
    }
}

#[test]
fn what_may_pass_is_tried_again_by_default_where_that_does_no_harm() {
    let replies = vec![
        answer("503 x", ""),
        answer("408 x", ""),
        Reply::Reset,
        Reply::Break,
        answer("429 x", ""),
        answer("200 OK", ""),
    ];
    let server = Server::start(replies);
    assert_eq!(
        run(&Bench::new(), &server, json!({})).expect("success"),
        json!({"http": {"last_status": 200}})
    );
    assert_eq!(server.lines(), ["GET /x"; 5]);
    let server = Server::start(vec![answer("500 x", ""), answer("200 OK", "")]);
    run(&Bench::new(), &server, json!({"method": "POST", "retry": true, "content": "a"})).expect("success");
    assert_eq!(server.lines(), ["POST /x"; 2]);
}

#[test]
fn pauses_are_random_below_a_limit_that_doubles_unless_the_server_says_more() {
    let pauses = |headers: &str| {
        let server = Server::start((0..8).map(|_| with("503 x", headers, "")).collect());
        let (http, bench, local) = (Http::default(), Bench::new(), json!({"http>": server.url("x")}));
        let mut waiting = Waiting::first();
        let next = |_| match turn(&http, &bench, local.clone(), waiting.clone()) {
            Ok(Turn::Again { after, state }) => {
                waiting.state = state;
                after.as_secs()
            }
            other => panic!("{other:?}"),
        };
        (0..8).map(next).collect::<Vec<_>>()
    };
    let limits = [1, 2, 4, 8, 16, 30, 30, 30];
    assert!(pauses("").into_iter().zip(limits).all(|(pause, limit)| pause <= limit));
    assert_eq!(pauses("Retry-After: 7"), [7; 8]);
    assert_eq!(pauses("Retry-After: 0"), [1; 8]);
    assert_eq!(pauses("Retry-After: 3600"), [3600; 8]);
}

#[test]
fn after_a_day_it_gives_up() {
    let server = Server::start(vec![answer("503 x", "busy"), with("429 x", "Retry-After: 86401", "")]);
    let waiting = || Waiting { state: json!({"retries": 4}), ..Waiting::first() };
    let local = json!({"http>": server.url("x")});
    let short = Http { longest: Duration::ZERO };
    let error = turn(&short, &Bench::new(), local.clone(), waiting()).expect_err("a failure");
    assert_eq!(error.causes, ["number of tries within 0 h: 5"]);
    let error = turn(&Http::default(), &Bench::new(), local, Waiting::first()).expect_err("a failure");
    assert_eq!(error.causes, ["number of tries within 24 h: 1"]);
}

#[test]
fn nobody_who_answers_is_unreachable() {
    let gone = Server::start(Vec::new());
    let broken = Server::start(vec![Reply::Break]);
    let reset = Server::start(vec![Reply::Reset]);
    let silent = Server::start(vec![Reply::Silence]);
    let error = |server: &Server, options| run(&Bench::new(), server, options).expect_err("a failure");
    let network = "check host, port and network, then retry";
    let time = "`timeout` says how many seconds it may take";
    let refused = "Connection refused (os error 111)";
    for (server, options, expected, hint) in [
        (&gone, json!({"retry": false, "http>": "http://127.0.0.1:1/"}), refused, network),
        (&broken, json!({"retry": false}), "end of file before message length reached", network),
        (&reset, json!({"retry": false}), "Connection reset by peer (os error 104)", network),
        (&silent, json!({"retry": false, "timeout": 1}), "no answer within 1 s", time),
    ] {
        let error = error(server, options);
        assert!(error.message.starts_with("HTTP request failed: GET http://127.0.0.1:"), "{}", error.message);
        assert!(error.message.ends_with(expected), "{}", error.message);
        assert_eq!(error.hint.as_deref(), Some(hint));
        assert_eq!(error.kind, FailureKind::Unreachable);
    }
}

#[test]
fn a_request_and_its_answer_are_in_the_log() {
    let server = Server::start(vec![answer("204 x", "")]);
    let bench = Bench::new();
    run(&bench, &server, json!({})).expect("success");
    assert_eq!(
        bench.log().replace(server.address(), "HOST"),
        "Debug: Sending HTTP request: GET http://HOST/x\n\
         Debug: Received HTTP response: GET http://HOST/x: 204 No Content\n"
    );
}

#[test]
fn a_stopped_task_waits_for_no_answer() {
    let server = Server::start(vec![Reply::Silence]);
    let bench = Bench::new();
    bench.cancel.cancel();
    assert_eq!(run(&bench, &server, json!({})).expect_err("stopped").kind, FailureKind::Canceled);
}

#[test]
fn redirects_are_followed_or_not() {
    let other = Server::start(vec![answer("200 OK", "there")]);
    let away = format!("Location: {}", other.url("z"));
    let server = Server::start(vec![
        with("302 Found", "Location: y?a=b", ""),
        with("307 Temporary Redirect", &away, ""),
        with("302 Found", "Location: /y", "here"),
    ]);
    let bench = Bench::new().secret("k", "v").secret("http.authorization", "Bearer t");
    let headers = json!([{"X-Key": "${secret:k}"}, {"X-Open": "o"}]);
    let stored = run(
        &bench,
        &server,
        json!({"method": "POST", "content": "a", "store_content": true, "headers": headers}),
    );
    assert_eq!(stored.expect("success"), json!({"http": {"last_status": 200, "last_content": "there"}}));
    let stored = run(&Bench::new(), &server, json!({"follow_redirects": false, "store_content": true}));
    assert_eq!(stored.expect("success"), json!({"http": {"last_status": 302, "last_content": "here"}}));
    assert_eq!(server.lines(), ["POST /x", "GET /y?a=b", "GET /x"]);
    assert_eq!(server.received()[1].headers, ["x-key: v", "x-open: o", "authorization: Bearer t"]);
    assert_eq!(other.received()[0].headers, ["x-open: o"]);
}

#[test]
fn a_circle_of_redirects_ends() {
    let server = Server::start((0..9).map(|_| with("302 Found", "Location: x", "")).collect());
    assert_eq!(message(&server, json!({})), "HTTP request failed: GET http://HOST/x: more than 8 redirects");
    assert_eq!(server.lines().len(), 9);
    let server = Server::start(vec![with("302 Found", "Location: file:///etc/passwd", "")]);
    assert_eq!(
        message(&server, json!({})),
        "HTTP request failed: GET http://HOST/x: the server redirects to something else than an address of http or https"
    );
}

#[test]
fn requests_go_through_a_proxy() {
    let proxy = Server::start((0..4).map(|_| answer("200 OK", "")).collect());
    let (host, port) = proxy.address().split_once(':').expect("host and port");
    let named =
        json!({"http>": "http://example.invalid/a", "proxy": {"enabled": true, "host": host, "port": port}});
    run(&Bench::new(), &proxy, named).expect("success");
    let mut bench = Bench::new();
    bench.environment.insert("HTTP_PROXY".to_owned(), format!("http://me:pw@{}", proxy.address()));
    let off = json!({"http>": "http://example.invalid/b", "proxy": {"enabled": false}});
    run(&bench, &proxy, off).expect("success");
    // Without a proxy of its own, https goes through that of http.
    let error = run(&bench, &proxy, json!({"http>": "https://example.invalid/c", "retry": false}));
    assert!(error.is_err(), "the proxy opens no tunnel");
    assert_eq!(
        proxy.lines(),
        ["GET http://example.invalid/a", "GET http://example.invalid/b", "CONNECT example.invalid:443"]
    );
    assert!(proxy.received()[1].headers.contains(&"proxy-authorization: Basic bWU6cHc=".to_owned()));
    bench.environment.insert("no_proxy".to_owned(), "127.0.0.1".to_owned());
    let server = Server::start(vec![answer("200 OK", "")]);
    run(&bench, &server, json!({})).expect("success");
    assert_eq!((server.lines().len(), proxy.lines().len()), (1, 3));
}

#[test]
fn what_is_wrong_is_named() {
    let server = Server::start(Vec::new());
    for (options, expected) in [
        (json!({"http>": null}), "Parameter 'http>' is required but null"),
        (json!({"http>": "ftp://me:pw@x/"}), "`http>` takes a URL of http or https"),
        (json!({"http>": "example.com/x"}), "`http>` takes a URL of http or https"),
        (json!({"http>": "${secret:none}"}), "Secret not found for key: 'none'"),
        (json!({"method": "a b"}), "`method` is not a method of HTTP"),
        (
            json!({"content": {"a": 1}, "content_format": "text"}),
            "Invalid content format for objects: 'text'",
        ),
        (json!({"content": [1], "content_format": "form"}), "Invalid content format for arrays: 'form'"),
        (json!({"content": "a", "content_format": "form"}), "Invalid content format for strings: 'form'"),
        (json!({"content": 1, "content_format": "xml"}), "Invalid content format for numbers: 'xml'"),
        (
            json!({"content": {"a": [1]}, "content_format": "form"}),
            "field `a` of the form must be a text, but is a list",
        ),
        (json!({"headers": {"a": "b"}}), "`headers` must be a list of maps with one pair each"),
        (json!({"headers": [{"a": "b", "c": "d"}]}), "`headers` must be a list of maps with one pair each"),
        (json!({"headers": [{"a": {}}]}), "`headers` must be a list of maps with one pair each"),
        (json!({"headers": [{"a b": "c"}]}), "`a b` is not the name of a header"),
        (json!({"headers": [{"a": "b\nc"}]}), "the header `a` must be one line of text"),
        (json!({"query": {"a": [1]}}), "Expected string type for key 'query.a' but got [1] (array)"),
        (json!({"query": [1]}), "Expected string type for key 'query' but got [1] (array)"),
        (
            json!({"timeout": "soon"}),
            "Expected integer (int) type for key 'timeout' but got \"soon\" (string)",
        ),
        (json!({"retry": "maybe"}), "Expected 'true' or 'false' for key 'retry' but got \"maybe\" (string)"),
        (json!({"proxy": "x"}), "`proxy` must be a map with `enabled`, `host` and `port`"),
        (json!({"proxy": {"enabled": true}}), "Parameter 'host' is required but not set"),
        (
            json!({"proxy": {"enabled": true, "host": "h", "port": 65536}}),
            "`proxy.port` must be a number from 0 to 65535",
        ),
    ] {
        assert_eq!(message(&server, options.clone()), expected, "{options}");
    }
}
