//! A server that refuses: the client keeps the whole answer.

use crate::wire::{START, client};
use bluewire_core::{Config, HandshakeError, Inbox, Limits, Outbox, Refusal};
use std::time::Duration;

const BODY_LEN_MAX: usize = 100;

/// The result of an answer, given in pieces of this length, and then the end of the transport.
fn refuse(bytes: &[u8], piece_len: usize, eof: bool) -> (Option<u16>, Option<Refusal>, Inbox) {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let limits = Limits::default().body_len_max(BODY_LEN_MAX);
    let mut client = client(Config::default().limits(limits), &mut outbox);
    let mut status = None;
    for piece in bytes.chunks(piece_len) {
        inbox.extend(piece);
        if let Err(HandshakeError::Refused { status: refused }) = client.next_response(&mut inbox) {
            status = Some(refused);
        }
    }
    if eof {
        client.receive_eof();
        match client.next_response(&mut inbox) {
            Err(HandshakeError::Refused { status: refused }) => status = Some(refused),
            other => panic!("not refused: {other:?}"),
        }
    }
    (status, client.into_refusal(), inbox)
}

/// An answer with these headers and this body must come to these bytes of body.
fn check(headers: &str, body: &str, expected: &str, complete: bool, needs_eof: bool) {
    let bytes = format!("{headers}\r\n\r\n{body}");
    for piece_len in [1, 2, 3, 7, 1000] {
        let (status, refusal, _) = refuse(bytes.as_bytes(), piece_len, false);
        assert_eq!(status.is_none(), needs_eof, "{bytes:?}");
        let refusal = if needs_eof { refuse(bytes.as_bytes(), piece_len, true).1 } else { refusal };
        let refusal = refusal.expect("refused");
        assert_eq!(refusal.body().escape_ascii().to_string(), expected, "{bytes:?}");
        assert_eq!(refusal.is_complete(), complete, "{bytes:?}");
    }
}

#[test]
fn a_refusal_tells_its_status_and_headers() {
    let bytes = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\
        WWW-Authenticate: Digest\r\nContent-Length: 2\r\n\r\nno";
    let (status, refusal, inbox) = refuse(bytes, 1000, false);
    let refusal = refusal.expect("refused");
    assert_eq!(status, Some(401));
    let head = refusal.head();
    assert_eq!((head.status(), head.reason(), head.version()), (401, "Unauthorized", (1, 1)));
    assert!(head.headers().all("www-authenticate").eq([&b"Basic"[..], b"Digest"]));
    assert_eq!((refusal.body(), refusal.is_complete()), (&b"no"[..], true));
    assert!(inbox.is_empty());
}

#[test]
fn every_status_but_101_refuses() {
    for status in [200, 204, 299, 301, 304, 400, 401, 403, 404, 426, 500, 503, 599, 999] {
        for version in ["HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2", "HTTP/2.0", "HTTP/3"] {
            let bytes = format!("{version} {status} X\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(refuse(bytes.as_bytes(), 5, false).0, Some(status), "{bytes:?}");
        }
    }
}

#[test]
fn a_refusal_is_whole_whatever_version_of_http_it_is_of() {
    for (line, version, reason) in [
        ("HTTP/1.0 503 Busy here", (1, 0), "Busy here"),
        ("HTTP/1.9 503 Busy", (1, 9), "Busy"),
        ("HTTP/2 503 ", (2, 0), ""),
        ("HTTP/2 503 Busy", (2, 0), "Busy"),
        ("HTTP/3.1 503", (3, 1), ""),
    ] {
        let bytes = format!("{line}\r\nRetry-After: 5\r\nContent-Length: 5\r\n\r\nlater");
        for piece_len in [1, 7, 1000] {
            let (status, refusal, _) = refuse(bytes.as_bytes(), piece_len, false);
            let refusal = refusal.expect("refused");
            let head = refusal.head();
            assert_eq!((status, head.version(), head.reason()), (Some(503), version, reason));
            assert_eq!(head.headers().first("retry-after"), Some(&b"5"[..]));
            assert_eq!((refusal.body(), refusal.is_complete()), (&b"later"[..], true));
        }
    }
}

#[test]
fn a_body_ends_where_its_length_says() {
    let head = "HTTP/1.1 403 No\r\nContent-Length: 5";
    check(head, "hello", "hello", true, false);
    check(head, "hello, more", "hello", true, false);
    check(head, "hell", "hell", false, true);
    check("HTTP/1.1 403 No\r\nContent-Length: 0", "", "", true, false);
    check("HTTP/1.1 403 No\r\nContent-Length: 5, 5", "hello", "hello", true, false);
    check(
        "HTTP/1.1 403 No\r\nContent-Length: 5\r\nContent-Length: 5",
        "hello",
        "hello",
        true,
        false,
    );
}

#[test]
fn a_body_without_length_ends_with_the_transport() {
    check("HTTP/1.1 500 Oops", "hello", "hello", true, true);
    check("HTTP/1.0 500 Oops", "", "", true, true);
    check("HTTP/1.1 500 Oops\r\nTransfer-Encoding: gzip", "hello", "hello", true, true);
    check("HTTP/1.0 500 Oops\r\nTransfer-Encoding: chunked", "hello", "hello", true, true);
}

#[test]
fn a_status_without_body_ends_at_its_head() {
    for status in [204, 304] {
        check(&format!("HTTP/1.1 {status} X\r\nContent-Length: 5"), "", "", true, false);
    }
}

#[test]
fn a_chunked_body_is_put_together() {
    let head = "HTTP/1.1 404 X\r\nContent-Length: 3\r\nTransfer-Encoding: chunked";
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
        "5;a=b;c=\"d\"\r\nhello\r\n000;x\r\n\r\n",
        "005 \r\nhello\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\nmore",
    ] {
        check(head, body, "hello", true, false);
    }
    check(
        head,
        "A\r\n0123456789\r\nb\r\n01234567890\r\n0\r\n\r\n",
        "012345678901234567890",
        true,
        false,
    );
    check(
        "HTTP/1.1 404 X\r\nTransfer-Encoding: gzip,\r\nTransfer-Encoding: CHUNKED",
        "1\r\nx\r\n0\r\n\r\n",
        "x",
        true,
        false,
    );
}

#[test]
fn a_malformed_body_is_what_was_understood_of_it() {
    let head = "HTTP/1.1 404 X\r\nTransfer-Encoding: chunked";
    for body in [
        "5\r\nhelloX",
        "5\r\nhello\rX",
        "5\r\nhello\r\n\r\n",
        "5\r\nhello\r\nx",
        "5\r\nhello\r\n-1\r\n",
        "5\r\nhello\r\n0x1\r\n",
        "5\r\nhello\r\n11111111111111111\r\n",
        "5\r\nhello\r\n1;\n",
        "5\r\nhello\r\n1;\0",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nA: \0",
    ] {
        check(head, body, "hello", false, false);
    }
    check(head, "5\r\nhel", "hel", false, true);
    check(head, "5\r\nhello\r\n0\r\n", "hello", false, true);
    for length in ["", "x", "-1", "+1", "1, 2", "1\r\nContent-Length: 2", "99999999999999999999"] {
        let head = format!("HTTP/1.1 404 X\r\nContent-Length: {length}");
        check(&head, "hello", "", false, false);
    }
}

#[test]
fn a_body_of_the_limit_is_kept_and_one_byte_more_is_not() {
    let fits = "x".repeat(BODY_LEN_MAX);
    let long = "x".repeat(BODY_LEN_MAX + 1);
    let head = |len: usize| format!("HTTP/1.1 404 X\r\nContent-Length: {len}");
    check(&head(BODY_LEN_MAX), &fits, &fits, true, false);
    check(&head(BODY_LEN_MAX + 1), &long, &fits, false, false);
    check("HTTP/1.1 404 X", &fits, &fits, true, true);
    check("HTTP/1.1 404 X", &long, &fits, false, false);
    let head = "HTTP/1.1 404 X\r\nTransfer-Encoding: chunked";
    check(head, &format!("64\r\n{fits}\r\n0\r\n\r\n"), &fits, true, false);
    check(head, &format!("64\r\n{fits}\r\n1\r\nx"), &fits, false, false);
}

#[test]
fn an_endless_body_neither_waits_nor_grows() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let limits = Limits::default().body_len_max(0);
    let mut client = client(Config::default().limits(limits), &mut outbox);
    inbox.extend(b"HTTP/1.1 404 X\r\nContent-Length: 18446744073709551615\r\n\r\n");
    let refused = client.next_response(&mut inbox).map(|_| ());
    assert_eq!(refused, Err(HandshakeError::Refused { status: 404 }));
    assert_eq!(client.refusal().map(Refusal::is_complete), Some(false));
}

#[test]
fn the_refusal_is_there_before_its_body() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(Config::default(), &mut outbox);
    assert!(client.refusal().is_none());
    inbox.extend(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\npart");
    assert!(matches!(client.next_response(&mut inbox), Ok(None)));
    let refusal = client.refusal().expect("its head is there");
    assert_eq!(refusal.head().headers().first_str("location"), Some("/b"));
    assert_eq!((refusal.body(), refusal.is_complete()), (&b"part"[..], false));
}

#[test]
fn a_refusal_whose_body_takes_too_long_is_still_a_refusal() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(Config::default(), &mut outbox);
    inbox.extend(b"HTTP/1.1 503 X\r\nContent-Length: 9\r\n\r\npart");
    assert!(matches!(client.next_response(&mut inbox), Ok(None)));
    let deadline = START + Duration::from_secs(10);
    assert_eq!(client.poll_timeout(), Some(deadline));
    client.handle_timeout(deadline);
    assert_eq!(client.poll_timeout(), None);
    inbox.extend(b"more");
    for _ in 0..2 {
        let refused = client.next_response(&mut inbox).map(|_| ());
        assert_eq!(refused, Err(HandshakeError::Refused { status: 503 }));
    }
    let refusal = client.refusal().expect("refused");
    assert_eq!((refusal.body(), refusal.is_complete()), (&b"part"[..], false));
}

#[test]
fn the_versions_that_a_server_knows_are_reported() {
    let bytes = b"HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13, 8\r\n\
        Sec-WebSocket-Version: 7, x, 300, ,0\r\nContent-Length: 0\r\n\r\n";
    let refusal = refuse(bytes, 1000, false).1.expect("refused");
    assert!(refusal.versions().eq([13, 8, 7, 0]));
}

/// A client reports the status of a refusal whose head is not valid HTTP, and why there is no more.
#[test]
fn the_status_of_a_refusal_counts_though_its_head_is_malformed() {
    let long = format!("X: {}\r\n", "y".repeat(20_000));
    let many = "X: y\r\n".repeat(101);
    for (lines, error) in [
        ("no colon\r\n", HandshakeError::InvalidHeaderLine),
        ("Retry-After : 5\r\n", HandshakeError::InvalidHeaderLine),
        (" X: y\r\n", HandshakeError::FoldedHeaderLine),
        ("X: \0\r\n", HandshakeError::ControlCharacter),
        ("X: y\n", HandshakeError::BareLineEnd),
        (&long, HandshakeError::HeadTooLong { limit: 16 * 1024 }),
        (&many, HandshakeError::TooManyHeaderLines { limit: 100 }),
    ] {
        let bytes = format!("HTTP/1.1 503 Service Unavailable\r\n{lines}\r\nbody");
        for piece_len in [1, 7, 100_000] {
            let (status, refusal, _) = refuse(bytes.as_bytes(), piece_len, false);
            let refusal = refusal.expect("refused");
            assert_eq!((status, refusal.head_error()), (Some(503), Some(error)));
            let head = refusal.head();
            assert_eq!((head.status(), head.reason()), (503, "Service Unavailable"));
            assert_eq!(head.as_bytes(), b"HTTP/1.1 503 Service Unavailable\r\n\r\n");
            assert!(head.headers().is_empty() && head.headers().first("X").is_none());
            assert_eq!((refusal.body(), refusal.is_complete()), (&b""[..], false));
        }
        // If a response does not refuse, its fault is the error.
        for status in ["101 Switching Protocols", "102 Processing"] {
            let bytes = bytes.replace("503 Service Unavailable", status);
            let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
            let mut client = client(Config::default(), &mut outbox);
            inbox.extend(bytes.as_bytes());
            assert_eq!(client.next_response(&mut inbox).err(), Some(error), "{status}");
            assert!(client.refusal().is_none());
        }
    }
}

#[test]
fn a_status_line_that_is_malformed_has_no_status_that_counts() {
    for line in ["HTTP/1.1 503 a\0b", "HTTP/1.1 503 a\rb", "HTTP/1.1 5o3 a", "HTTP/1.1"] {
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        let mut client = client(Config::default(), &mut outbox);
        inbox.extend(format!("{line}\r\nno colon\r\n\r\n").as_bytes());
        let error = client.next_response(&mut inbox).map(drop).expect_err("malformed");
        assert!(!matches!(error, HandshakeError::Refused { .. }), "{line:?}");
        assert!(client.refusal().is_none());
    }
}

/// Interim responses and their lines do not count for the one that follows.
#[test]
fn a_malformed_refusal_after_an_interim_response_has_its_own_status() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 401 No\r\nbad\r\n\r\n";
    for piece_len in 1..bytes.len() {
        let (status, refusal, _) = refuse(bytes, piece_len, false);
        let error = refusal.expect("refused").head_error();
        assert_eq!((status, error), (Some(401), Some(HandshakeError::InvalidHeaderLine)));
    }
}

#[test]
fn a_connection_lost_within_the_head_of_a_refusal_is_a_lost_connection() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(Config::default(), &mut outbox);
    inbox.extend(b"HTTP/1.1 503 Busy\r\nX: y");
    client.receive_eof();
    assert_eq!(client.next_response(&mut inbox).err(), Some(HandshakeError::ConnectionLost));
}

/// A reason phrase is a server's to choose: it cannot write into a log or a terminal.
#[test]
fn a_refusal_is_shown_by_its_status_and_its_reason_made_safe_to_print() {
    let long = "x".repeat(100);
    let cut = format!("503 {}...", "x".repeat(64));
    for (line, shown) in [
        ("HTTP/1.1 503 Isn't ready", "503 Isn't ready"),
        ("HTTP/1.1 503 ", "503"),
        ("HTTP/1.1 503", "503"),
        ("HTTP/1.1 503 \u{9b}2J\u{202e}\u{2028}", "503 \\u{9b}2J\\u{202e}\\u{2028}"),
        (&format!("HTTP/1.1 503 {long}"), &*cut),
    ] {
        let bytes = format!("{line}\r\nContent-Length: 0\r\n\r\n");
        let (_, refusal, _) = refuse(bytes.as_bytes(), 1000, false);
        assert_eq!(refusal.expect("refused").to_string(), shown);
    }
}
