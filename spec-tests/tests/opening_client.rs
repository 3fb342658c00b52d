//! Sections 3 and 4.1: the opening handshake, as a client sees it.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::collections::HashSet;
use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Event, HandshakeError, HeadError, Inbox, MaskingKeys,
    Outbox, Response,
};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::digest::base64;

/// The nonce of the sample key in section 1.2.
const NONCE: [u8; 16] = *b"the sample nonce";

const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";

struct Client {
    handshake: ClientHandshake,
    inbox: Inbox,
    request: String,
}

impl Client {
    fn new() -> Self {
        Self::with(&ClientRequest::new("server.example.com", "/chat").expect("valid"))
    }

    fn with(request: &ClientRequest) -> Self {
        let mut outbox = Outbox::new();
        let config = Config::default();
        let handshake = ClientHandshake::start(request, NONCE, config, Duration::ZERO, &mut outbox);
        let request = String::from_utf8(outbox.unsent().to_vec()).expect("a head is text");
        Self { handshake, inbox: Inbox::default(), request }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Response>, HandshakeError> {
        self.inbox.extend(bytes);
        self.handshake.next_response(&mut self.inbox)
    }
}

fn with(there: &str, instead: &str) -> String {
    assert!(RESPONSE.contains(there), "{there}");
    RESPONSE.replace(there, instead)
}

#[track_caller]
fn accept(response: &str) -> Response {
    match Client::new().receive(response.as_bytes()) {
        Ok(Some(accepted)) => accepted,
        other => panic!("{response}\n{other:?}"),
    }
}

#[track_caller]
fn refuse(response: &[u8]) -> HandshakeError {
    let mut client = Client::new();
    let shown = String::from_utf8_lossy(response).into_owned();
    let error = client.receive(response).map(drop).expect_err(&shown);
    assert_eq!(client.receive(RESPONSE.as_bytes()).map(drop), Err(error), "it stays failed");
    error
}

#[test]
fn the_request_is_all_that_4_1_demands() {
    let _watch = watchdog::bound();
    covers!(
        "6455-4.1-5",
        "6455-4.1-6",
        "6455-4.1-7",
        "6455-4.1-8",
        "6455-4.1-9",
        "6455-4.1-10",
        "6455-4.1-13",
    );
    let client = Client::new();
    let key = base64(&NONCE);
    assert_eq!(key, "dGhlIHNhbXBsZSBub25jZQ==");
    let expected = format!(
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    // Nothing follows it: there is no connection to send by until the response is accepted.
    assert_eq!(client.request, expected);
}

#[test]
fn a_key_is_16_random_bytes_fresh_for_each_handshake() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-9");
    let mut keys = MaskingKeys::from_system();
    let nonces: HashSet<_> = (0..1000).map(|_| keys.nonce()).collect();
    assert_eq!(nonces.len(), 1000);
    assert!(!nonces.contains(&MaskingKeys::from_system().nonce()));
    // A thousand times sixteen bytes: each of the 256 values comes about 62 times.
    let mut counts = [0; 256];
    nonces.iter().flatten().for_each(|byte| counts[usize::from(*byte)] += 1);
    assert!(counts.iter().all(|count| (16..160).contains(count)), "{counts:?}");
}

#[test]
fn host_has_the_port_unless_it_is_the_default() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-7", "6455-3-4");
    let host = |request: ClientRequest| {
        let head = Client::with(&request).request;
        let line = head.lines().nth(1).and_then(|line| line.strip_prefix("Host: "));
        line.expect("Host is first").to_owned()
    };
    let to = |host: &str| ClientRequest::new(host, "/").expect("valid");
    assert_eq!(host(to("h").port(80)), "h");
    assert_eq!(host(to("h").port(8080)), "h:8080");
    assert_eq!(host(to("h").port(443)), "h:443");
    assert_eq!(host(to("h").secure(true).port(443)), "h");
    assert_eq!(host(to("h").secure(true).port(80)), "h:80");
    assert_eq!(host(to("::1").port(9)), "[::1]:9");
    assert_eq!(host(to("[::1]")), "[::1]");
}

#[test]
fn offered_subprotocols_are_unique_tokens() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-11");
    let request = || ClientRequest::new("h", "/").expect("valid");
    for bad in ["", "a b", "a,a", "\u{e9}", "a/b", "a\r\nb", "(a)"] {
        let refused = request().subprotocol(bad).map(drop);
        assert_eq!(refused, Err(HeadError::InvalidSubprotocol), "{bad:?}");
    }
    let two = request().subprotocol("a").and_then(|request| request.subprotocol("b"));
    let two = two.expect("two names");
    assert!(Client::with(&two).request.contains("\r\nSec-WebSocket-Protocol: a, b\r\n"));
    assert_eq!(two.subprotocol("a").map(drop), Err(HeadError::RepeatedSubprotocol));
}

#[test]
fn headers_of_the_applications_own_cannot_break_out_of_theirs() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-12", "9110-5.5-1", "7230-3.2.6-1");
    let request = || ClientRequest::new("h", "/").expect("valid");
    for (name, value) in [
        ("x\r\ny", "a"),
        ("x", "a\r\ny: b"),
        ("x", "a\nb"),
        ("x", "a\0"),
        ("x:", "a"),
        ("", "a"),
        ("Host", "other"),
        ("upgrade", "h2c"),
        ("Connection", "close"),
        ("Sec-WebSocket-Key", "a"),
        ("sec-websocket-version", "8"),
        ("Sec-WebSocket-Extensions", "foo"),
        ("Content-Length", "5"),
    ] {
        assert!(request().header(name, value).is_err(), "{name}: {value}");
    }
    let allowed = request()
        .header("Cookie", "a=b")
        .and_then(|request| request.origin("https://example.com"))
        .expect("headers");
    let head = Client::with(&allowed).request;
    assert!(head.contains("\r\nCookie: a=b\r\nOrigin: https://example.com\r\n\r\n"), "{head}");
}

#[test]
fn a_resource_name_cannot_break_out_of_the_request_line() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-6", "6455-3-2");
    for bad in ["", "chat", "/a b", "/a\r\nX: y", "/a#b", "/\u{e9}", "/\0"] {
        let refused = ClientRequest::new("h", bad).map(drop);
        assert_eq!(refused, Err(HeadError::InvalidResourceName), "{bad:?}");
    }
    for bad in ["", "a b", "a/b", "a\r\n", "\u{fc}", "u@h", "[::1"] {
        assert_eq!(ClientRequest::new(bad, "/").map(drop), Err(HeadError::InvalidHost), "{bad:?}");
    }
}

#[test]
fn a_response_that_deviates_fails() {
    let _watch = watchdog::bound();
    covers!(
        "6455-4.1-15",
        "6455-4.1-16",
        "6455-4.1-17",
        "6455-4.1-18",
        "6455-4.1-19",
        "6455-4.1-20"
    );
    use HandshakeError as E;
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for (there, instead, error) in [
        ("HTTP/1.1", "HTTP/1.0", E::UnsupportedHttpVersion),
        ("HTTP/1.1 101", "HTTP/1.1 1O1", E::InvalidStatusLine),
        ("HTTP/1.1 101", "HTTP 101", E::InvalidStatusLine),
        ("Upgrade: websocket\r\n", "", E::WrongUpgrade),
        ("Upgrade: websocket", "Upgrade: websockets", E::WrongUpgrade),
        ("Upgrade: websocket", "Upgrade: websocket, h2c", E::WrongUpgrade),
        ("Connection: Upgrade\r\n", "", E::WrongConnection),
        ("Connection: Upgrade", "Connection: close", E::WrongConnection),
        (accept, "", E::MissingAccept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", E::WrongAccept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", E::WrongAccept),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xO8=", E::WrongAccept),
        ("Upgrade:", "Sec-WebSocket-Extensions: foo\r\nUpgrade:", E::UnofferedExtension),
        ("Upgrade:", "Sec-WebSocket-Protocol: chat\r\nUpgrade:", E::UnofferedSubprotocol),
        ("Upgrade:", "Sec-WebSocket-Protocol:\r\nUpgrade:", E::UnofferedSubprotocol),
    ] {
        assert_eq!(refuse(with(there, instead).as_bytes()), error, "{there} -> {instead}");
    }
}

#[test]
fn case_and_space_do_not_matter_in_a_response() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-15", "6455-4.1-16", "6455-4.1-17", "7230-7-1");
    for (there, instead) in [
        ("Upgrade: websocket", "UPGRADE:WebSocket"),
        ("Connection: Upgrade", "connection: keep-alive,\tupgrade"),
        ("Connection: Upgrade", "Connection: ,, Upgrade"),
        ("Accept: ", "Accept: \t"),
        ("xOo=\r\n", "xOo= \t\r\n"),
        ("Switching Protocols", ""),
        ("Upgrade:", "X-Unknown: y\r\nUpgrade:"),
    ] {
        let _accepted = accept(&with(there, instead));
    }
}

#[test]
fn a_header_that_may_come_once_fails_twice() {
    let _watch = watchdog::bound();
    covers!("6455-11.3.2-1", "6455-11.3.3-1", "6455-11.3.4-1", "6455-4.1-20");
    use HandshakeError as E;
    for (line, error) in [
        ("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", E::RepeatedAccept),
        ("Sec-WebSocket-Extensions: foo\r\n", E::RepeatedExtensions),
        ("Sec-WebSocket-Protocol: chat\r\n", E::RepeatedSubprotocol),
    ] {
        let others = RESPONSE.replace(line, "");
        let twice = others.replace("Upgrade: ", &format!("{}Upgrade: ", line.repeat(2)));
        assert_eq!(refuse(twice.as_bytes()), error);
    }
}

#[test]
fn a_subprotocol_is_one_of_those_offered_to_the_letter() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-19");
    let request = ClientRequest::new("h", "/").expect("valid");
    let request = request.subprotocol("chat").and_then(|request| request.subprotocol("v2"));
    let request = request.expect("two names");
    for (name, chosen) in [("chat", true), ("v2", true), ("Chat", false), ("chat, v2", false)] {
        let line = format!("Sec-WebSocket-Protocol: {name}\r\nUpgrade:");
        let answered = Client::with(&request).receive(with("Upgrade:", &line).as_bytes());
        match answered {
            Ok(Some(response)) => assert_eq!((response.subprotocol(), chosen), (Some(name), true)),
            Err(HandshakeError::UnofferedSubprotocol) => assert!(!chosen, "{name}"),
            other => panic!("{other:?}"),
        }
    }
    let response = Client::with(&request).receive(RESPONSE.as_bytes()).expect("accepted");
    assert_eq!(response.expect("complete").subprotocol(), None, "none is fine too");
}

#[test]
fn another_status_is_an_answer_for_the_application() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-14", "6455-4.4-1", "6455-11.3.5-1");
    let answer = b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8\r\n\
        Sec-WebSocket-Version: 7\r\nContent-Length: 5\r\n\r\nsorry";
    let mut client = Client::new();
    let error = client.receive(answer).map(drop);
    assert_eq!(error, Err(HandshakeError::Refused { status: 426 }));
    let refusal = client.handshake.refusal().expect("an answer");
    assert_eq!((refusal.head().status(), refusal.body()), (426, &b"sorry"[..]));
    assert_eq!(refusal.versions().collect::<Vec<_>>(), [13, 8, 7]);
    for status in [200, 301, 401, 403, 404, 500, 503] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(refuse(answer.as_bytes()), HandshakeError::Refused { status });
    }
}

#[test]
fn interim_responses_are_skipped_but_not_without_limit() {
    let _watch = watchdog::bound();
    covers!("7231-6.2-1");
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
    let _accepted = accept(&format!("{interim}{RESPONSE}"));
    let endless = interim.repeat(10_000);
    let error = refuse(endless.as_bytes());
    assert_eq!(error.section(), "10.4", "{error}");
}

#[test]
fn lines_that_other_parsers_would_repair_fail() {
    let _watch = watchdog::bound();
    covers!("7230-3-1", "7230-3.2.6-1", "7230-3.5-1", "9110-5.5-1", "6455-4.1-20");
    for instead in [
        "Upgrade :",
        " Upgrade:",
        "X: a\0\r\nUpgrade:",
        "X: a\rb\r\nUpgrade:",
        "X: a\nUpgrade:",
        ": a\r\nUpgrade:",
        "X Y: a\r\nUpgrade:",
    ] {
        let error = refuse(with("Upgrade:", instead).as_bytes());
        assert!(!matches!(error, HandshakeError::Refused { .. }), "{instead:?}");
    }
    refuse(RESPONSE.replace("\r\n", "\n").as_bytes());
}

#[test]
fn a_header_that_goes_on_in_a_further_line_is_read() {
    let _watch = watchdog::bound();
    covers!("7230-3.2.4-3");
    for instead in ["Upgrade:\r\n", "X: a\r\n b\r\nUpgrade:", "X: a\r\n\tUpgrade: b\r\nUpgrade:"] {
        let response = with("Upgrade:", instead);
        let mut client = Client::new();
        let accepted = client.receive(response.as_bytes()).expect("nothing wrong");
        assert!(accepted.is_some(), "{response:?}");
    }
    let mut client = Client::new();
    let busy = b"HTTP/1.1 503 Busy\r\nRetry-After:\r\n 5\r\nContent-Length: 0\r\n\r\n";
    let error = client.receive(busy).expect_err("refused");
    assert_eq!(error, HandshakeError::Refused { status: 503 });
    let refusal = client.handshake.refusal().expect("there is one");
    assert_eq!(refusal.head().headers().first("Retry-After"), Some(&b"5"[..]));
}

#[test]
fn extensions_in_a_response_are_read_by_their_grammar() {
    let _watch = watchdog::bound();
    covers!("6455-9.1-1", "6455-9.1-2", "6455-4.1-18", "6455-9.1-5");
    for bad in ["foo; a=\"b c\"", ";", "foo;", "foo; a=\"b", "", ","] {
        let line = format!("Sec-WebSocket-Extensions: {bad}\r\nUpgrade:");
        let error = refuse(with("Upgrade:", &line).as_bytes());
        assert_eq!(error, HandshakeError::InvalidExtensions, "{bad}");
    }
    for unasked in ["foo", "permessage-deflate", "foo; a=\"b\""] {
        let line = format!("Sec-WebSocket-Extensions: {unasked}\r\nUpgrade:");
        let error = refuse(with("Upgrade:", &line).as_bytes());
        assert_eq!(error, HandshakeError::UnofferedExtension, "{unasked}");
    }
}

#[test]
fn frames_that_follow_the_response_are_not_lost_whatever_the_cut() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-21", "6455-6.2-1");
    let stream = [RESPONSE.as_bytes(), b"\x81\x05Hello"].concat();
    for cut in 1..stream.len() {
        let mut client = Client::new();
        let first = client.receive(&stream[..cut]).expect("nothing wrong");
        let response = match first {
            Some(response) => {
                client.inbox.extend(&stream[cut..]);
                response
            }
            None => client.receive(&stream[cut..]).expect("nothing wrong").expect("complete"),
        };
        let keys = MaskingKeys::from_seed([1; 32]);
        let mut connection = response.into_connection(keys, Duration::ZERO);
        let (now, mut outbox) = (Duration::ZERO, Outbox::new());
        let event = connection.next_event(now, &mut client.inbox, &mut outbox);
        assert_eq!(event, Some(Event::Message("Hello".into())), "cut at {cut}");
    }
}

#[test]
fn a_server_that_leaves_or_stays_silent_fails_the_handshake() {
    let _watch = watchdog::bound();
    covers!("6455-7.2.1-1", "6455-4.1-20");
    let mut client = Client::new();
    assert!(matches!(client.receive(b"HTTP/1.1 101 S"), Ok(None)));
    client.handshake.receive_eof();
    assert_eq!(client.receive(b"").map(drop), Err(HandshakeError::ConnectionLost));

    let mut client = Client::new();
    let deadline = client.handshake.poll_timeout().expect("a deadline");
    assert_eq!(deadline, Config::default().handshake_timeout);
    client.handshake.handle_timeout(deadline);
    assert_eq!(client.receive(b"").map(drop), Err(HandshakeError::TimedOut));
}
