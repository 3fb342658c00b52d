//! Headers of a response that go on in a further line (RFC 9112, section 5.2): a client reads them.

use crate::wire::{Got, Kind, ask, client, limits, response};
use bluewire_core::testkit::every_cut;
use bluewire_core::{
    Config, ConnectResponse, HandshakeError, Inbox, Limits, Outbox, Refusal, ResponseHead,
};
use std::sync::Arc;

/// The head as the client has it: accepted, in every cut.
fn accepted(bytes: &[u8]) -> Vec<u8> {
    let config = Arc::new(Config::default());
    let outcome = every_cut(bytes, |pieces| ask(Arc::clone(&config), pieces.iter().copied()));
    match outcome.result {
        Ok(Some(Got(Kind::Response, head, rest))) if rest == b"\x81\x00" => head,
        other => panic!("not accepted: {other:?}"),
    }
}

fn refusal(bytes: &[u8]) -> Refusal {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(Config::default(), &mut outbox);
    for byte in bytes {
        inbox.extend(&[*byte]);
        if client.next_response(&mut inbox).is_err() {
            break;
        }
    }
    client.into_refusal().expect("refused")
}

fn first(head: &ResponseHead, name: &str) -> Option<String> {
    head.headers().first(name).map(|value| value.escape_ascii().to_string())
}

#[test]
fn a_response_whose_headers_are_folded_is_accepted() {
    for fold in ["\r\n ", "\r\n\t", " \t \r\n \t ", "\r\n \r\n ", "\r\n \t\r\n\t\r\n "] {
        let folded = [
            format!("=Upgrade:{fold}websocket"),
            format!("=Connection: keep-alive,{fold}Upgrade"),
            format!("=Sec-WebSocket-Accept:{fold}s3pPLMBiTxaQ9kYGzzhZRbK+xOo={fold}"),
            format!("+X: a{fold}b{fold}c"),
            "+Y: z".to_owned(),
        ];
        let edits: Vec<_> = folded.iter().map(String::as_str).collect();
        let bytes = [&response(&edits)[..], b"\x81\x00"].concat();
        let head = accepted(&bytes);
        // Each fold has become as many spaces, and nothing else has changed.
        let spaces = " ".repeat(fold.len());
        let text = String::from_utf8(bytes[..bytes.len() - 2].to_vec()).expect("ASCII");
        assert_eq!(String::from_utf8(head).expect("ASCII"), text.replace(fold, &spaces));
    }
}

#[test]
fn a_refusal_whose_headers_are_folded_has_its_headers_and_its_body() {
    let refusal = refusal(
        b"HTTP/1.1 503 Busy\r\nRetry-After:\r\n 120\r\nX: a\r\n\tb\r\n  c\r\n\
          Content-Length: \r\n 4\r\n\r\nbody",
    );
    let head = refusal.head();
    assert_eq!((head.status(), head.headers().len(), refusal.head_error()), (503, 3, None));
    assert_eq!(first(head, "retry-after").as_deref(), Some("120"));
    assert_eq!(first(head, "X").as_deref(), Some("a   b    c"));
    assert_eq!((refusal.body(), refusal.is_complete()), (&b"body"[..], true));
}

#[test]
fn a_fold_of_white_space_alone_is_an_empty_end() {
    let refusal = refusal(b"HTTP/1.1 401 No\r\nX: a\r\n \r\nY:\r\n\t\r\nContent-Length: 0\r\n\r\n");
    let head = refusal.head();
    assert_eq!((first(head, "X").as_deref(), first(head, "Y").as_deref()), (Some("a"), Some("")));
    assert_eq!(head.headers().len(), 3);
}

/// The text in a folded line is a value, whatever it looks like.
#[test]
fn a_folded_line_is_never_a_header_of_its_own() {
    let refusal = refusal(b"HTTP/1.1 401 No\r\nX: a\r\n Y: b\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(first(refusal.head(), "X").as_deref(), Some("a   Y: b"));
    assert_eq!(first(refusal.head(), "Y"), None);
}

/// A folded header is one line to the limit on lines; its bytes count as all others do.
#[test]
fn folds_are_within_the_limits_on_a_head() {
    let folded = response(&["+X: a\r\n b\r\n c\r\n d"]);
    assert!(ask(limits(16 * 1024, 4), [&folded[..]]).result.is_ok());
    let error = HandshakeError::TooManyHeaderLines { limit: 3 };
    assert_eq!(ask(limits(16 * 1024, 3), [&folded[..]]).result, Err(error));
    let endless = response(&[&format!("+X: a{}", "\r\n b".repeat(10_000))]);
    let error = HandshakeError::HeadTooLong { limit: 16 * 1024 };
    assert_eq!(ask(Config::default(), [&endless[..]]).result, Err(error));
}

/// Those of a proxy, too.
#[test]
fn a_proxy_may_fold_the_headers_of_its_response() {
    let read = |bytes: &[u8]| {
        let (mut response, mut inbox) = (ConnectResponse::new(Limits::default()), Inbox::default());
        let mut result = Ok(false);
        for byte in bytes {
            inbox.extend(&[*byte]);
            if matches!(result, Ok(false)) {
                result = response.read(&mut inbox);
            }
        }
        (result, response.into_refusal(), inbox.unparsed().to_vec())
    };
    let (result, _, rest) = read(b"HTTP/1.1 200 OK\r\nVia: a,\r\n b\r\n\r\nbehind");
    assert_eq!((result, &rest[..]), (Ok(true), &b"behind"[..]));

    let (result, refusal, _) = read(
        b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n realm=x\r\nContent-Length: 1\r\n\r\n!",
    );
    assert_eq!(result, Err(HandshakeError::Refused { status: 407 }));
    let refusal = refusal.expect("refused");
    let challenge = first(refusal.head(), "proxy-authenticate");
    assert_eq!(challenge.as_deref(), Some("Basic   realm=x"));
    assert_eq!((refusal.body(), refusal.is_complete()), (&b"!"[..], true));

    // The status counts, as that of a server, but for a tunnel the head must be valid.
    let (result, refusal, _) = read(b"HTTP/1.1 407 No\r\nbad\r\n\r\n");
    assert_eq!(result, Err(HandshakeError::Refused { status: 407 }));
    let error = refusal.and_then(|refusal| refusal.head_error());
    assert_eq!(error, Some(HandshakeError::InvalidHeaderLine));
    let (result, refusal, _) = read(b"HTTP/1.1 200 OK\r\nbad\r\n\r\n");
    assert_eq!((result, refusal.is_none()), (Err(HandshakeError::InvalidHeaderLine), true));
}
