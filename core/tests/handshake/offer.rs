//! The information in an offer that a server gets, and how it answers (4.2.2).

use crate::wire::{Answer, START, request};
use bluewire_core::{Config, HeadError, HttpAnswer, Inbox, Offer, Outbox, Request, Role};
use bluewire_core::{ServerHandshake, State};

fn offer(edits: &[&str]) -> Offer {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(Config::default(), START);
    inbox.extend(&request(edits));
    match server.next_request(&mut inbox, &mut outbox) {
        Ok(Some(Request::Upgrade(offer))) => offer,
        other => panic!("no offer: {other:?}"),
    }
}

fn accept(offer: Offer) -> String {
    let mut outbox = Outbox::new();
    let connection = offer.accept(START, &mut outbox);
    assert_eq!((connection.role(), connection.state()), (Role::Server, State::Open));
    String::from_utf8(outbox.unsent().to_vec()).expect("ASCII")
}

#[test]
fn the_response_is_the_one_that_4_2_2_describes() {
    assert_eq!(
        accept(offer(&[])),
        "HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
}

#[test]
fn the_response_names_the_subprotocol_chosen_and_the_headers_added() -> Result<(), HeadError> {
    let mut offer = offer(&["+Sec-WebSocket-Protocol: chat, superchat"]);
    offer.select_subprotocol("superchat")?;
    offer.add_header("Set-Cookie", "a=b")?;
    offer.add_header("set-COOKIE", "c=d")?;
    assert!(accept(offer).ends_with(
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: superchat\r\n\
        Set-Cookie: a=b\r\n\
        set-COOKIE: c=d\r\n\r\n"
    ));
    Ok(())
}

#[test]
fn a_subprotocol_or_extension_that_was_offered_is_not_in_the_response_by_itself() {
    let edits = ["+Sec-WebSocket-Protocol: chat", "+Sec-WebSocket-Extensions: permessage-deflate"];
    let head = accept(offer(&edits));
    assert!(!head.contains("Protocol:") && !head.contains("Extensions:"), "{head}");
}

#[test]
fn only_a_subprotocol_that_was_offered_can_be_chosen() {
    let mut offer = offer(&["+Sec-WebSocket-Protocol: chat, superchat"]);
    for name in ["other", "Chat", "", "chat, superchat", "chat "] {
        let result = offer.select_subprotocol(name);
        assert_eq!(result, Err(HeadError::UnofferedSubprotocol), "{name}");
    }
    assert!(!accept(offer).contains("Protocol:"));
}

#[test]
fn among_supported_subprotocols_the_client_chooses() {
    for (supported, chosen) in [
        (&["v1", "v2"][..], Some("v2")),
        (&["v1", "v3"], Some("v1")),
        (&["V2", ""], None),
        (&[], None),
    ] {
        let mut offer = offer(&["+Sec-WebSocket-Protocol: v2", "+Sec-WebSocket-Protocol: v1"]);
        assert_eq!(offer.subprotocol(), None);
        assert_eq!(offer.select_subprotocol_among(supported), chosen);
        assert_eq!(offer.subprotocol(), chosen);
        let line = chosen.map(|name| format!("\r\nSec-WebSocket-Protocol: {name}\r\n"));
        let head = accept(offer);
        match line {
            Some(line) => assert!(head.contains(&line), "{head}"),
            None => assert!(!head.contains("Protocol:"), "{head}"),
        }
    }
}

#[test]
fn an_added_header_cannot_break_the_response() {
    let mut offer = offer(&[]);
    for (name, value, error) in [
        ("a b", "c", HeadError::InvalidHeaderName),
        ("a", "b\r\nc: d", HeadError::InvalidHeaderValue),
        ("a", "b\0", HeadError::InvalidHeaderValue),
        ("Content-Length", "0", HeadError::ReservedHeader),
        ("transfer-encoding", "chunked", HeadError::ReservedHeader),
        ("Sec-WebSocket-Accept", "x", HeadError::ReservedHeader),
        ("sec-websocket-extensions", "x", HeadError::ReservedHeader),
        ("Upgrade", "h2c", HeadError::ReservedHeader),
    ] {
        assert_eq!(offer.add_header(name, value), Err(error), "{name}");
        let answer = HttpAnswer::new(403).and_then(|answer| answer.header(name, value));
        assert_eq!(answer.err(), Some(error), "{name}");
    }
    assert_eq!(accept(offer).lines().count(), 5);
}

#[test]
fn an_offer_tells_what_was_asked_for() {
    let offer = offer(&[
        "GET /chat/%C3%A4?a=b?c HTTP/1.1",
        "+Origin: https://example.com",
        "+Sec-WebSocket-Protocol: v2, v1",
        "+Sec-WebSocket-Protocol: v0",
        "+Sec-WebSocket-Extensions: a; b; c=\"d\", e",
        "+Sec-WebSocket-Extensions: f; g=1",
        "+Cookie: secret",
    ]);
    let head = offer.head();
    assert_eq!((head.method(), head.target()), ("GET", "/chat/%C3%A4?a=b?c"));
    assert_eq!((offer.path(), offer.query()), ("/chat/%C3%A4", Some("a=b?c")));
    assert_eq!(offer.host(), "server.example.com");
    assert_eq!(offer.origin(), Some("https://example.com"));
    assert!(offer.subprotocols().eq(["v2", "v1", "v0"]));
    let extensions: Vec<_> = offer.extensions().map(|item| item.to_string()).collect();
    assert_eq!(extensions, ["a; b; c=d", "e", "f; g=1"]);
    let first = offer.extensions().next().expect("an extension");
    assert_eq!(first.name(), "a");
    let params: Vec<_> = first.params().collect();
    assert_eq!(params, [("b", None), ("c", Some("d".into()))]);
    assert_eq!(offer.headers().first_str("cookie"), Some("secret"));
    let shown = format!("{offer:?}");
    assert!(shown.contains("Cookie") && !shown.contains("secret"), "values are not shown: {shown}");
    let kept = head.clone();
    drop(offer);
    assert_eq!(kept.path(), Some("/chat/%C3%A4"));
}

#[test]
fn the_host_of_an_absolute_target_counts_more_than_host() {
    for (line, host, path, query) in [
        ("GET http://a.example:81/b?c HTTP/1.1", "a.example:81", "/b", Some("c")),
        ("GET https://a.example HTTP/1.1", "a.example", "/", None),
        ("GET HTTP://[::1]?q HTTP/1.1", "[::1]", "/", Some("q")),
        ("GET /b HTTP/1.1", "server.example.com", "/b", None),
        ("GET //b/c HTTP/1.1", "server.example.com", "//b/c", None),
        ("GET /?u=http://x/ HTTP/1.1", "server.example.com", "/", Some("u=http://x/")),
    ] {
        let offer = offer(&[line]);
        assert_eq!((offer.host(), offer.path(), offer.query()), (host, path, query), "{line}");
    }
}

#[test]
fn a_page_of_another_site_is_recognised() {
    for (host, origin, is_cross) in [
        ("a.example", "http://a.example", false),
        ("a.example", "https://a.example", false),
        ("A.example", "http://a.EXAMPLE", false),
        ("a.example:80", "http://a.example", false),
        ("a.example", "http://a.example:80", false),
        ("a.example:443", "https://a.example", false),
        ("a.example:8080", "http://a.example:8080", false),
        ("[::1]:9", "http://[::1]:9", false),
        ("a.example", "http://b.example", true),
        ("a.example", "http://a.example.evil", true),
        ("a.example", "http://evil-a.example", true),
        ("a.example", "http://sub.a.example", true),
        ("a.example", "http://a.example:8080", true),
        ("a.example:8080", "http://a.example", true),
        ("a.example:443", "http://a.example", true),
        ("a.example", "null", true),
        ("a.example", "file://", true),
        ("a.example", "ftp://a.example", true),
        ("a.example", "a.example", true),
        ("a.example", "http://a.example/", true),
        ("a.example", "http://a.example@evil", true),
        ("a.example", "http://a.example http://evil", true),
        ("a.example", "http://", true),
    ] {
        let edits = [format!("=Host: {host}"), format!("+Origin: {origin}")];
        let offer = offer(&edits.each_ref().map(String::as_str));
        assert_eq!(offer.is_cross_origin(), is_cross, "{origin} at {host}");
    }
    assert!(!offer(&[]).is_cross_origin(), "without Origin no browser asks");
}

fn lay(answer: &HttpAnswer, edits: &[&str]) -> Answer {
    let mut outbox = Outbox::new();
    offer(edits).reject(answer, &mut outbox);
    Answer::read(outbox.slices().concat().as_slice())
}

#[test]
fn an_offer_is_rejected_by_the_status_of_choice() -> Result<(), HeadError> {
    let answer = HttpAnswer::new(401)?.header("WWW-Authenticate", "Basic")?.text("who are you?\n");
    assert_eq!(answer.status(), 401);
    let laid = lay(&answer, &[]);
    assert_eq!(
        laid.head,
        "HTTP/1.1 401 Unauthorized\r\n\
        Connection: close\r\n\
        WWW-Authenticate: Basic\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 13"
    );
    assert_eq!(laid.body, "who are you?\n");
    let moved = HttpAnswer::new(307)?.header("Location", "https://b.example/")?;
    let laid = lay(&moved, &[]);
    assert_eq!((laid.status, laid.header("Content-Length")), (307, Some("0")));
    let bytes = HttpAnswer::new(503)?.body(*b"\x01\x02");
    assert_eq!(lay(&bytes, &[]).body.as_bytes(), b"\x01\x02");
    Ok(())
}

#[test]
fn an_answer_of_no_content_has_neither_body_nor_length() -> Result<(), HeadError> {
    let laid = lay(&HttpAnswer::new(204)?.body("x"), &[]);
    assert_eq!((laid.header("Content-Length"), laid.body.as_str()), (None, ""));
    Ok(())
}

#[test]
fn an_answer_of_426_names_protocol_and_version() -> Result<(), HeadError> {
    let laid = lay(&HttpAnswer::new(426)?, &[]);
    assert_eq!(laid.header("Upgrade"), Some("websocket"));
    assert_eq!(laid.header("Connection"), Some("Upgrade, close"));
    assert_eq!(laid.header("Sec-WebSocket-Version"), Some("13"));
    Ok(())
}

#[test]
fn a_status_that_is_no_answer_is_refused() {
    for status in [0, 100, 101, 199, 600, 999] {
        assert_eq!(HttpAnswer::new(status).err(), Some(HeadError::InvalidStatus), "{status}");
    }
    for status in [200, 299, 418, 599] {
        let laid = HttpAnswer::new(status).map(|answer| lay(&answer, &[]).status);
        assert_eq!(laid, Ok(status));
    }
}
