//! The rules that a handshake inherits from HTTP (RFC 7230, RFC 9110, RFC 6585).

use crate::watchdog;
use std::time::Duration;

use bluewire_core::{Config, HandshakeError, Limits};
use bluewire_spec_tests::covers;

use super::{REQUEST, RESPONSE, Server, accept, refuse, with};

#[test]
fn case_space_lists_and_unknown_headers_do_not_matter() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.1-4", "6455-4.2.1-5", "6455-4.2.1-9", "7230-7-1");
    for (there, instead) in [
        ("Upgrade: websocket", "uPGRADE:WebSocket"),
        ("Upgrade: websocket", "Upgrade: h2c, websocket"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Connection: Upgrade", "CONNECTION: \t upgrade \t"),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
        ("Connection: Upgrade", "Connection: ,, Upgrade ,"),
        ("Host:", "X-Unknown: value\r\nHost:"),
        ("Host:", "X-Empty:\r\nHost:"),
        ("Key: ", "Key:\t  "),
        ("Version: 13", "Version:13  "),
        ("server.example.com", "[::1]:8080"),
    ] {
        assert_eq!(accept(&with(there, instead)), RESPONSE, "{there} -> {instead}");
    }
}

#[test]
fn the_target_may_be_an_absolute_uri() {
    let _watch = watchdog::bound();
    covers!("6455-4.2.1-2", "7230-5.3.2-1");
    for target in ["http://server.example.com/chat?a=b", "https://server.example.com/chat?a=b"] {
        let offer = Server::new().offer(&with("/chat", target));
        assert_eq!((offer.path(), offer.query()), ("/chat", Some("a=b")));
        assert_eq!(offer.host(), "server.example.com");
    }
    // 4.2.1: "or an absolute HTTP/HTTPS URI".
    for target in ["ws://server.example.com/chat", "ftp://server.example.com/chat"] {
        let (status, why, _) = refuse(with("/chat", target).as_bytes());
        assert_eq!((status, why), (400, HandshakeError::InvalidTarget), "{target}");
    }
}

#[test]
fn lines_that_other_parsers_would_repair_are_refused() {
    let _watch = watchdog::bound();
    covers!(
        "7230-3.2.4-1",
        "7230-3.2.4-2",
        "7230-3-1",
        "7230-3.2.6-1",
        "7230-3.5-1",
        "9110-5.5-1",
        "6455-4.2.1-1",
    );
    for (there, instead) in [
        ("Host:", "Host :"),
        ("Host:", "X-Folded: a\r\n b\r\nHost:"),
        ("Host:", "X-Folded: a\r\n\tb\r\nHost:"),
        ("Host:", " Host:"),
        ("Host:", "X Y: a\r\nHost:"),
        ("Host:", ": a\r\nHost:"),
        ("Host:", "X\u{e9}: a\r\nHost:"),
        ("Host:", "no colon\r\nHost:"),
        ("Host:", "X: a\0b\r\nHost:"),
        ("Host:", "X: a\rb\r\nHost:"),
        ("Host:", "X: a\nHost:"),
        ("Host:", "X: a\x08b\r\nHost:"),
    ] {
        let (status, _, _) = refuse(with(there, instead).as_bytes());
        assert_eq!(status, 400, "{instead:?}");
    }
    assert_eq!(refuse(REQUEST.replace("\r\n", "\n").as_bytes()).0, 400);
    // An empty line before the request line is skipped, as HTTP advises.
    assert_eq!(accept(&format!("\r\n{REQUEST}")), RESPONSE);
}

#[test]
fn a_request_with_a_body_is_refused() {
    let _watch = watchdog::bound();
    covers!("7230-3.3-2");
    for line in ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: x"] {
        let request = with("Host:", &format!("{line}\r\nHost:"));
        let (status, why, _) = refuse(format!("{request}hello").as_bytes());
        assert_eq!((status, why), (400, HandshakeError::RequestWithBody), "{line}");
    }
    assert_eq!(accept(&with("Host:", "Content-Length: 0\r\nHost:")), RESPONSE);
}

#[test]
fn a_head_that_is_too_large_is_refused_before_it_ends() {
    let _watch = watchdog::bound();
    covers!("6585-5-1", "6455-10.4-1", "6455-10.7-1");
    let endless = |start: &str, unit: &str| {
        let mut server = Server::new();
        server.inbox.extend(start.as_bytes());
        for _ in 0..100_000 {
            if let Err(error) = server.receive(unit.as_bytes()) {
                return (server.sent()[9..12].to_owned(), error);
            }
        }
        panic!("it takes everything");
    };
    let limits = Limits::default();
    let line = endless("GET /", "aaaaaaaaaaaaaaaa");
    assert_eq!(
        line,
        ("414".into(), HandshakeError::FirstLineTooLong { limit: limits.head_len_max })
    );
    let long = endless("GET / HTTP/1.1\r\nX: ", "aaaaaaaaaaaaaaaa");
    assert_eq!(long, ("431".into(), HandshakeError::HeadTooLong { limit: limits.head_len_max }));
    let many = endless("GET / HTTP/1.1\r\n", "X: a\r\n");
    assert_eq!(
        many,
        ("431".into(), HandshakeError::TooManyHeaderLines { limit: limits.head_lines_max })
    );
    // At the limit it is taken.
    let limits = Limits::default().head_len_max(REQUEST.len()).head_lines_max(5);
    let mut server = Server::with(Config::default().limits(limits));
    let _offer = server.offer(REQUEST);
}

#[test]
fn headers_of_the_applications_own_are_one_line_each_and_none_of_the_handshakes() {
    let _watch = watchdog::bound();
    covers!("9110-5.5-1", "6455-4.2.2-7");
    let mut server = Server::new();
    let mut offer = server.offer(REQUEST);
    for (name, value) in [
        ("X", "a\r\nSet-Cookie: b"),
        ("X", "a\0b"),
        ("X\r\nY", "a"),
        ("X Y", "a"),
        ("", "a"),
        ("Sec-WebSocket-Accept", "a"),
        ("upgrade", "h2c"),
        ("Connection", "close"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
    ] {
        assert!(offer.add_header(name, value).is_err(), "{name}: {value}");
    }
    offer.add_header("Set-Cookie", "a=b").expect("a header");
    let _connection = offer.accept(Duration::ZERO, &mut server.outbox);
    assert_eq!(server.sent(), RESPONSE.replace("=\r\n", "=\r\nSet-Cookie: a=b\r\n"));
}
