//! The request of a client, and the responses that it accepts and refuses (4.1).

use crate::wire::{Got, Kind, NONCE, START, accepted, ask, ask_whole, client, response};
use bluewire_core::testkit::every_cut;
use bluewire_core::{
    ClientHandshake, ClientRequest, Config, HandshakeError, HeadError, Inbox, Outbox,
};
use std::sync::Arc;

/// Responses that are as 4.1 wants them.
const GOOD: &[&[&str]] = &[
    &[],
    &["HTTP/1.1 101 "],
    &["HTTP/1.1 101"],
    &["HTTP/1.1 101 Web Socket \u{e4}"],
    &["HTTP/1.2 101 Switching Protocols"],
    &["=upgrade:WebSocket"],
    &["=Upgrade: ,websocket, "],
    &["=Connection: keep-alive, upgrade"],
    &["=Connection: keep-alive", "+CONNECTION: UPGRADE"],
    &["=sec-websocket-accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"],
    &["+Sec-WebSocket-Protocol: chat"],
    &["+Sec-WebSocket-Protocol: superchat"],
    &["+Sec-WebSocket-Version: 13"],
    &["+Set-Cookie: a=b", "+Set-Cookie: c=d"],
    // RFC 9112, section 6.3: they mean nothing in a 101.
    &["+Content-Length: 5"],
    &["+Transfer-Encoding: chunked"],
];

use HandshakeError as E;

/// Responses that break one rule each.
const BAD: &[(&[&str], E)] = &[
    (&["HTTP/1.0 101 Switching Protocols"], E::UnsupportedHttpVersion),
    (&["HTTP/2.0 101 Switching Protocols"], E::UnsupportedHttpVersion),
    // 2: Upgrade.
    (&["-Upgrade"], E::WrongUpgrade),
    (&["=Upgrade:"], E::WrongUpgrade),
    (&["=Upgrade: h2c"], E::WrongUpgrade),
    (&["=Upgrade: websockets"], E::WrongUpgrade),
    (&["=Upgrade: websocket, h2c"], E::WrongUpgrade),
    (&["+Upgrade: websocket"], E::WrongUpgrade),
    // 3: Connection.
    (&["-Connection"], E::WrongConnection),
    (&["=Connection: close"], E::WrongConnection),
    (&["=Connection: Upgraded"], E::WrongConnection),
    // 4: Accept.
    (&["-Sec-WebSocket-Accept"], E::MissingAccept),
    (&["+Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], E::RepeatedAccept),
    (&["=Sec-WebSocket-Accept:"], E::WrongAccept),
    (&["=Sec-WebSocket-Accept: s3pplmbitxaq9kygzzhzrbk+xoo="], E::WrongAccept),
    (&["=Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo"], E::WrongAccept),
    (&["=Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x"], E::WrongAccept),
    (&["=Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ=="], E::WrongAccept),
    (&["=Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="], E::WrongAccept),
    // 5: extensions, though none is offered.
    (&["+Sec-WebSocket-Extensions: permessage-deflate"], E::UnofferedExtension),
    (&["+Sec-WebSocket-Extensions: a; b=\"c"], E::InvalidExtensions),
    (&["+Sec-WebSocket-Extensions:"], E::InvalidExtensions),
    (&["+Sec-WebSocket-Extensions: a", "+Sec-WebSocket-Extensions: b"], E::RepeatedExtensions),
    // 6: the subprotocol.
    (&["+Sec-WebSocket-Protocol: other"], E::UnofferedSubprotocol),
    (&["+Sec-WebSocket-Protocol: Chat"], E::UnofferedSubprotocol),
    (&["+Sec-WebSocket-Protocol:"], E::UnofferedSubprotocol),
    (&["+Sec-WebSocket-Protocol: chat, superchat"], E::UnofferedSubprotocol),
    (&["+Sec-WebSocket-Protocol: chat,"], E::UnofferedSubprotocol),
    (&["+Sec-WebSocket-Protocol: chat", "+Sec-WebSocket-Protocol: chat"], E::RepeatedSubprotocol),
];

fn laid(request: &ClientRequest) -> String {
    let mut outbox = Outbox::new();
    let _ = ClientHandshake::start(request, NONCE, Config::default(), START, &mut outbox);
    String::from_utf8(outbox.unsent().to_vec()).expect("ASCII")
}

fn new(host: &str, resource_name: &str) -> Result<ClientRequest, HeadError> {
    ClientRequest::new(host, resource_name)
}

#[test]
fn the_request_is_the_one_that_4_1_describes() -> Result<(), HeadError> {
    assert_eq!(
        laid(&new("server.example.com", "/chat")?),
        "GET /chat HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n"
    );
    let request = new("server.example.com", "/chat?a=b")?
        .subprotocol("chat")?
        .header("X-First", "1")?
        .origin("http://example.com")?
        .subprotocol("superchat")?
        .header("x-SECOND", "")?;
    assert_eq!(
        laid(&request),
        "GET /chat?a=b HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\n\
        X-First: 1\r\n\
        Origin: http://example.com\r\n\
        x-SECOND: \r\n\r\n"
    );
    Ok(())
}

#[test]
fn host_names_the_port_unless_it_is_the_default_one() -> Result<(), HeadError> {
    for (host, secure, port, header) in [
        ("a.example", false, None, "a.example"),
        ("a.example", false, Some(80), "a.example"),
        ("a.example", true, None, "a.example"),
        ("a.example", true, Some(443), "a.example"),
        ("a.example", false, Some(443), "a.example:443"),
        ("a.example", true, Some(80), "a.example:80"),
        ("a.example", false, Some(8080), "a.example:8080"),
        ("192.0.2.1", false, Some(1), "192.0.2.1:1"),
        ("::1", false, Some(9), "[::1]:9"),
        ("[::1]", false, Some(9), "[::1]:9"),
        ("2001:db8::1", true, None, "[2001:db8::1]"),
    ] {
        let mut request = new(host, "/")?.secure(secure);
        if let Some(port) = port {
            request = request.port(port);
        }
        let head = laid(&request);
        assert!(head.contains(&format!("\r\nHost: {header}\r\n")), "{header}: {head}");
    }
    Ok(())
}

#[test]
fn headers_that_would_break_the_request_are_refused_at_once() -> Result<(), HeadError> {
    for host in ["", "a b", "a/b", "a:80", "a@b", "\u{fc}", "a\r\nb", "[::1", "::g", "fe80::1%1"] {
        assert_eq!(new(host, "/").err(), Some(HeadError::InvalidHost), "{host}");
    }
    for name in ["", "chat", "?a", "/a#b", "/a b", "/\u{e4}", "/a\r\nb", "/a\tb", "/\u{7f}"] {
        assert_eq!(new("a", name).err(), Some(HeadError::InvalidResourceName), "{name}");
    }
    // 4.1: "non-empty strings with characters in the range U+0021 to U+007E not including
    // separator characters".
    for name in ["", "a b", "a,b", "\u{e9}", "a/b", "a;b", "(a)", "a\r\nb", "\u{7f}"] {
        let result = new("a", "/")?.subprotocol(name);
        assert_eq!(result.err(), Some(HeadError::InvalidSubprotocol), "{name}");
    }
    let result = new("a", "/")?.subprotocol("x")?.subprotocol("y")?.subprotocol("x");
    assert_eq!(result.err(), Some(HeadError::RepeatedSubprotocol));
    for name in ["", "a b", "a:", "\u{e4}", "a\r\nb", "a\0"] {
        let result = new("a", "/")?.header(name, "x");
        assert_eq!(result.err(), Some(HeadError::InvalidHeaderName), "{name}");
    }
    for value in ["\r\n", "a\r\nX: y", "a\nb", "a\rb", "a\0b", "\x1b", "\x7f"] {
        let result = new("a", "/")?.header("a", value);
        assert_eq!(result.err(), Some(HeadError::InvalidHeaderValue), "{value:?}");
        let result = new("a", "/")?.origin(value);
        assert_eq!(result.err(), Some(HeadError::InvalidHeaderValue), "{value:?}");
    }
    for name in [
        "Host",
        "upgrade",
        "CONNECTION",
        "Content-Length",
        "transfer-encoding",
        "Trailer",
        "TE",
        "Expect",
        "Sec-WebSocket-Key",
        "sec-websocket-version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Anything",
    ] {
        let result = new("a", "/")?.header(name, "x");
        assert_eq!(result.err(), Some(HeadError::ReservedHeader), "{name}");
    }
    let result = new("a", "/")?.origin("http://a")?.header("ORIGIN", "http://b");
    assert_eq!(result.err(), Some(HeadError::RepeatedOrigin));
    Ok(())
}

#[test]
fn a_response_that_4_1_describes_is_accepted() {
    for edits in GOOD {
        let bytes = response(edits);
        let outcome = ask_whole(&bytes);
        assert_eq!(outcome.result, Ok(Some(Got(Kind::Response, bytes, Vec::new()))), "{edits:?}");
    }
}

#[test]
fn a_response_that_4_1_does_not_describe_fails_the_connection() {
    for (edits, error) in BAD {
        assert_eq!(ask_whole(&response(edits)).result, Err(*error), "{edits:?}");
    }
}

#[test]
fn a_client_sends_nothing_after_its_request() {
    for edits in GOOD {
        assert!(ask_whole(&response(edits)).answer.is_empty(), "{edits:?}");
    }
    for (edits, _) in BAD {
        assert!(ask_whole(&response(edits)).answer.is_empty(), "{edits:?}");
    }
}

#[test]
fn a_response_may_arrive_in_any_segmentation() {
    let config = Arc::new(Config::default());
    for edits in GOOD {
        every_cut(&response(edits), |pieces| ask(Arc::clone(&config), pieces.iter().copied()));
    }
    for (edits, _) in BAD {
        every_cut(&response(edits), |pieces| ask(Arc::clone(&config), pieces.iter().copied()));
    }
}

#[test]
fn bytes_behind_the_response_stay_in_the_inbox() {
    let frames = b"\x81\x05Hello\x89\x00";
    let bytes = [&response(&[])[..], frames].concat();
    let outcome = ask_whole(&bytes);
    assert_eq!(outcome.result, Ok(Some(Got(Kind::Response, response(&[]), frames.to_vec()))));
    every_cut(&bytes, |pieces| ask(Config::default(), pieces.iter().copied()));
}

#[test]
fn the_chosen_subprotocol_is_reported() {
    assert_eq!(accepted(&response(&[])).subprotocol(), None);
    let response = accepted(&response(&["+Sec-WebSocket-Protocol: superchat"]));
    assert_eq!(response.subprotocol(), Some("superchat"));
}

#[test]
fn the_head_of_the_response_is_reported() {
    let edits = ["HTTP/1.1 101 Fine", "+Set-Cookie: a=b", "+set-cookie: c=d", "+X: \u{ff}"];
    let response = accepted(&response(&edits));
    let head = response.head();
    assert_eq!((head.status(), head.reason(), head.version()), (101, "Fine", (1, 1)));
    let headers = head.headers();
    let cookies: Vec<_> = headers.all("SET-COOKIE").collect();
    assert_eq!(cookies, [b"a=b", b"c=d"]);
    assert_eq!(headers.first("x"), Some(&b"\xff"[..]));
    assert_eq!(headers.first_str("x"), None);
    assert_eq!(headers.first_str("upgrade"), Some("websocket"));
    assert_eq!(headers.first("absent"), None);
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Set-Cookie", "set-cookie", "X"]
    );
    assert_eq!((headers.len(), headers.is_empty()), (6, false));
    let shown = format!("{response:?}");
    assert!(
        shown.contains("Set-Cookie") && !shown.contains("a=b"),
        "values are not shown: {shown}"
    );
}

#[test]
fn interim_responses_are_passed_over() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let bytes = [&interim[..], &response(&[]), b"\x89\x00"].concat();
    let outcome = ask_whole(&bytes);
    let rest = b"\x89\x00".to_vec();
    assert_eq!(outcome.result, Ok(Some(Got(Kind::Response, response(&[]), rest))));
    every_cut(&bytes, |pieces| ask(Config::default(), pieces.iter().copied()));
}

#[test]
fn interim_responses_without_end_are_not() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let config = Config::default();
    let head_len_max = config.limits.head_len_max;
    let mut client = client(config, &mut outbox);
    let interim = b"HTTP/1.1 102 Processing\r\n\r\n";
    let mut len = 0;
    let error = loop {
        inbox.extend(interim);
        len += interim.len();
        if let Err(error) = client.next_response(&mut inbox) {
            break error;
        }
        assert!(len <= head_len_max);
    };
    assert_eq!(error, HandshakeError::FirstLineTooLong { limit: head_len_max });
}
