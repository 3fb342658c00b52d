//! Plain HTTP on the same port.

use crate::wire::{Answer, Got, Kind, START, head, serve, serve_whole};
use bluewire_core::testkit::every_cut;
use bluewire_core::{
    Config, HeadError, HttpAnswer, Inbox, Outbox, Request, RequestHead, ServerHandshake,
};

const PLAIN: &[&str] = &["GET /health?x HTTP/1.1", "Host: a.example", "Accept: */*"];

fn plain(bytes: &[u8]) -> RequestHead {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(Config::default(), START);
    inbox.extend(bytes);
    match server.next_request(&mut inbox, &mut outbox) {
        Ok(Some(Request::Plain(head))) => head,
        other => panic!("not plain: {other:?}"),
    }
}

#[test]
fn a_request_that_asks_for_no_websocket_is_handed_over_whole() {
    let edits: &[&[&str]] = &[
        &[],
        &["POST /form HTTP/1.1", "+Content-Length: 5"],
        &["POST /form HTTP/1.1", "+Transfer-Encoding: chunked"],
        &["GET /old HTTP/1.0", "-Host"],
        &["OPTIONS * HTTP/1.1"],
        &["CONNECT a.example:443 HTTP/1.1"],
        &["+Upgrade: h2c", "+Connection: Upgrade, HTTP2-Settings", "+HTTP2-Settings: AAA"],
        &["+Connection: Upgrade"],
        &["+Origin: http://a", "+Origin: http://b"],
    ];
    for edits in edits {
        let bytes = head(PLAIN, edits);
        let body = b"a=b&c\r\n\r\n";
        let stream = [&bytes[..], body].concat();
        let outcome = serve_whole(&stream);
        assert_eq!(outcome.result, Ok(Some(Got(Kind::Plain, bytes, body.to_vec()))), "{edits:?}");
        assert!(outcome.answer.is_empty());
        every_cut(&stream, |pieces| serve(Config::default(), pieces.iter().copied()));
    }
}

#[test]
fn a_plain_request_tells_what_it_asks_for() {
    let request = plain(&head(PLAIN, &["PUT /a/b?c HTTP/1.0", "+ACCEPT: text/html"]));
    assert_eq!((request.method(), request.target()), ("PUT", "/a/b?c"));
    assert_eq!((request.path(), request.query()), (Some("/a/b"), Some("c")));
    assert_eq!(request.minor_version(), 0);
    assert!(request.headers().all("accept").eq([&b"*/*"[..], b"text/html"]));
    for (line, path) in [("OPTIONS * HTTP/1.1", None), ("CONNECT a:1 HTTP/1.1", None)] {
        assert_eq!(plain(&head(PLAIN, &[line])).path(), path, "{line}");
    }
}

#[test]
fn a_plain_request_can_be_answered() -> Result<(), HeadError> {
    let answer = HttpAnswer::new(200)?.text("well\n");
    for (method, body) in [("GET", "well\n"), ("HEAD", "")] {
        let request = plain(&head(PLAIN, &[&format!("{method} /health HTTP/1.1")]));
        let mut outbox = Outbox::new();
        answer.lay(&request, &mut outbox);
        let laid = Answer::read(outbox.unsent());
        assert_eq!((laid.status, laid.header("Content-Length")), (200, Some("5")));
        assert_eq!(laid.body, body, "{method}");
    }
    Ok(())
}

#[test]
fn several_plain_requests_come_one_after_the_other() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    inbox.extend(&head(PLAIN, &["GET /1 HTTP/1.1"]));
    inbox.extend(&head(PLAIN, &["GET /2 HTTP/1.1"]));
    for path in ["/1", "/2"] {
        let mut server = ServerHandshake::new(Config::default(), START);
        match server.next_request(&mut inbox, &mut outbox) {
            Ok(Some(Request::Plain(head))) => assert_eq!(head.path(), Some(path)),
            other => panic!("not plain: {other:?}"),
        }
        // A request is given once.
        assert!(matches!(server.next_request(&mut inbox, &mut outbox), Ok(None)));
    }
    assert!(inbox.is_empty());
}
