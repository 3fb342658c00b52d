//! Section 4.2: what a request must have, and what is answered.

use crate::watchdog;
use std::time::Duration;

use bluewire_core::{Config, HandshakeError, HttpAnswer, Request};
use bluewire_spec_tests::covers;

use super::{REQUEST, RESPONSE, Server, accept, refuse, with};

#[test]
fn the_request_of_the_rfc_gets_its_response() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.2-7", "6455-4.2.1-2", "6455-4.2.2-6", "6455-9-1", "7230-3.3-1");
    assert_eq!(accept(REQUEST), RESPONSE);
}

#[test]
fn a_request_that_lacks_anything_is_refused() {
    let _watch = watchdog::bound();
    covers!(
        "6455-4.2.1-1",
        "6455-4.2.1-2",
        "6455-4.2.1-3",
        "6455-4.2.1-4",
        "6455-4.2.1-5",
        "6455-4.2.1-6",
        "6455-4.2.1-7",
        "7230-5.4-1",
    );
    use HandshakeError as E;
    let host = "Host: server.example.com\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (there, instead, status, error) in [
        ("GET", "POST", 405, E::MethodNotGet),
        ("HTTP/1.1", "HTTP/1.0", 505, E::UnsupportedHttpVersion),
        ("HTTP/1.1", "HTTP/2.0", 505, E::UnsupportedHttpVersion),
        ("/chat", "chat", 400, E::InvalidTarget),
        ("/chat", "*", 400, E::InvalidTarget),
        ("/chat", "/chat#top", 400, E::InvalidRequestLine),
        ("/chat", "/my chat", 400, E::InvalidRequestLine),
        (host, "", 400, E::MissingHost),
        ("server.example.com", "server example", 400, E::InvalidHost),
        ("server.example.com", "", 400, E::InvalidHost),
        ("Upgrade: websocket\r\n", "", 426, E::MissingUpgrade),
        ("Upgrade: websocket", "Upgrade: h2c", 426, E::MissingUpgrade),
        ("Connection: Upgrade\r\n", "", 400, E::MissingConnection),
        ("Connection: Upgrade", "Connection: close", 400, E::MissingConnection),
        (key, "", 400, E::MissingKey),
        ("dGhlIHNhbXBsZSBub25jZQ==", "", 400, E::InvalidKey),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", 400, E::InvalidKey),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400, E::InvalidKey),
        ("Sec-WebSocket-Version: 13\r\n", "", 426, E::MissingVersion),
        ("Version: 13", "Version: 013", 426, E::UnsupportedVersion),
        ("Version: 13", "Version: 13.0", 426, E::UnsupportedVersion),
        ("Version: 13", "Version: 8", 426, E::UnsupportedVersion),
    ] {
        let (refused, why, _) = refuse(with(there, instead).as_bytes());
        assert_eq!((refused, why), (status, error), "{there} -> {instead}");
    }
}

#[test]
fn a_header_that_must_come_once_is_refused_twice() {
    let _watch = watchdog::bound();
    covers!("6455-11.3.1-1", "6455-11.3.5-1", "6455-4.2.1-6", "6455-4.2.1-7", "7230-5.4-1");
    for (line, error) in [
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", HandshakeError::RepeatedKey),
        ("Sec-WebSocket-Version: 13\r\n", HandshakeError::RepeatedVersion),
        ("Host: server.example.com\r\n", HandshakeError::RepeatedHost),
    ] {
        let (status, why, _) = refuse(with(line, &line.repeat(2)).as_bytes());
        assert_eq!((status, why), (400, error));
    }
}

#[test]
fn an_unknown_version_is_answered_with_the_known_one() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.2-3", "6455-4.4-1");
    for version in ["7", "8", "14", "0", ""] {
        let (status, _, answer) = refuse(with("13", version).as_bytes());
        assert_eq!(status, 426);
        assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{answer}");
        assert!(answer.contains("\r\nUpgrade: websocket\r\n"), "{answer}");
    }
}

#[test]
fn a_request_comes_in_any_segments_and_frames_follow_it() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.2-8", "6455-6.2-1");
    let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let stream = [REQUEST.as_bytes(), frame].concat();
    for cut in 1..stream.len() {
        let mut server = Server::new();
        let first = server.receive(&stream[..cut]).expect("nothing wrong");
        let asked = match first {
            Some(asked) => {
                server.inbox.extend(&stream[cut..]);
                asked
            }
            None => server.receive(&stream[cut..]).expect("nothing wrong").expect("complete"),
        };
        let Request::Upgrade(offer) = asked else {
            panic!("an upgrade was asked for");
        };
        let mut connection = offer.accept(Duration::ZERO, &mut server.outbox);
        let event = connection.next_event(Duration::ZERO, &mut server.inbox, &mut server.outbox);
        let hello = bluewire_core::Event::Message("Hello".into());
        assert_eq!(event, Some(hello), "cut at {cut}");
    }
}

#[test]
fn the_subprotocol_is_one_of_those_offered_or_none() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.2-5", "6455-11.3.4-1");
    // 11.3.4: in a request the header may be repeated.
    let lines = "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Protocol: v2\r\nHost:";
    let request = with("Host:", lines);
    assert_eq!(accept(&request), RESPONSE, "none is chosen");
    let mut server = Server::new();
    let mut offer = server.offer(&request);
    assert_eq!(offer.subprotocols().collect::<Vec<_>>(), ["chat", "superchat", "v2"]);
    for name in ["other", "", "chat, superchat", "Chat"] {
        assert!(offer.select_subprotocol(name).is_err(), "{name}");
    }
    offer.select_subprotocol("superchat").expect("offered");
    let _connection = offer.accept(Duration::ZERO, &mut server.outbox);
    let chosen = server.sent();
    assert_eq!(chosen.matches("Sec-WebSocket-Protocol: superchat\r\n").count(), 1);
    for bad in ["", " , ", "a b", "a/b", "caf\u{e9}"] {
        let line = format!("Sec-WebSocket-Protocol: {bad}\r\nHost:");
        let (status, why, _) = refuse(with("Host:", &line).as_bytes());
        assert_eq!((status, why), (400, HandshakeError::InvalidSubprotocols), "{bad}");
    }
}

#[test]
fn extensions_are_read_by_their_grammar_and_none_is_used_unasked() {
    let _watch = watchdog::bound();
    covers!("6455-9.1-1", "6455-9.1-2", "6455-9.1-3", "6455-4.2.2-6", "6455-9-1");
    let offering = |values: &[&str]| {
        let lines: String =
            values.iter().map(|value| format!("Sec-WebSocket-Extensions: {value}\r\n")).collect();
        with("Host:", &format!("{lines}Host:"))
    };
    for good in [
        &["foo"][..],
        &["foo; a; b=1, bar"],
        &["foo ; a = \"b\" , bar"],
        &["foo; a=\"b\\c\""],
        &["foo", "bar; x=1"],
        &[",foo,,"],
    ] {
        assert_eq!(accept(&offering(good)), RESPONSE, "{good:?}");
    }
    for bad in [
        "foo; a=\"b c\"",
        ";",
        "foo;",
        "foo; a=",
        "foo; a=\"b",
        "foo; a=\"\"",
        "foo bar",
        "foo; =1",
        "",
        ",",
        "f\u{f6}o",
    ] {
        let (status, why, _) = refuse(offering(&[bad]).as_bytes());
        assert_eq!((status, why), (400, HandshakeError::InvalidExtensions), "{bad}");
    }
    let split = offering(&["foo; a=1", "bar"]);
    let offer = Server::new().offer(&split);
    let names: Vec<_> = offer.extensions().map(|extension| extension.to_string()).collect();
    assert_eq!(names, ["foo; a=1", "bar"], "as if it were one line");
}

#[test]
fn the_application_may_refuse_and_sees_the_origin() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.2-2", "6455-4.2.2-4", "6455-10.2-1", "6455-4.2.1-8");
    let evil = with("Host:", "Origin: https://evil.example\r\nHost:");
    for status in [401, 403, 404, 307] {
        let mut server = Server::new();
        let offer = server.offer(&evil);
        assert_eq!(offer.origin(), Some("https://evil.example"));
        assert!(offer.is_cross_origin());
        let answer = HttpAnswer::new(status).expect("a status");
        let answer = answer.header("Location", "/elsewhere").expect("a header");
        offer.reject(&answer, &mut server.outbox);
        let sent = server.sent();
        assert!(sent.starts_with(&format!("HTTP/1.1 {status} ")), "{sent}");
        assert!(sent.contains("\r\nConnection: close\r\n"), "{sent}");
        assert!(sent.contains("\r\nLocation: /elsewhere\r\n"), "{sent}");
    }
    let offer = Server::new().offer(REQUEST);
    assert_eq!((offer.origin(), offer.is_cross_origin()), (None, false));
    let own = with("Host:", "Origin: http://server.example.com\r\nHost:");
    assert!(!Server::new().offer(&own).is_cross_origin());
}

#[test]
fn a_client_that_leaves_or_stays_silent_ends_the_handshake() {
    let _watch = watchdog::bound();
    covers!("6455-7.2.2-1");
    let mut server = Server::new();
    assert!(matches!(server.receive(b"GET / HT"), Ok(None)));
    server.handshake.receive_eof();
    assert_eq!(server.receive(b"").map(drop), Err(HandshakeError::ConnectionLost));

    let mut server = Server::new();
    assert!(matches!(server.receive(b"GET / HT"), Ok(None)));
    let deadline = server.handshake.poll_timeout().expect("a deadline");
    assert_eq!(deadline, Config::default().handshake_timeout);
    server.handshake.handle_timeout(deadline, &mut server.outbox);
    assert_eq!(server.receive(b"").map(drop), Err(HandshakeError::TimedOut));
    assert!(server.sent().starts_with("HTTP/1.1 408 "));
}
