//! The grammar of HTTP heads, and the limits on them, for both roles.

use crate::wire::{Answer, Outcome, ask, ask_whole, limits, request, response, serve, serve_whole};
use bluewire_core::testkit::every_cut;
use bluewire_core::{Config, HandshakeError, Inbox, Outbox, ServerHandshake};
use std::sync::Arc;

use HandshakeError as E;

/// Lines that no head may have, whatever the role.
const BAD_LINES: &[(&str, E)] = &[
    // RFC 9112, section 5.1: "No whitespace is allowed between the field name and colon."
    ("+X-Foo : a", E::InvalidHeaderLine),
    ("+X-Foo\t: a", E::InvalidHeaderLine),
    // RFC 9110, section 5.1: a name is a token.
    ("+: a", E::InvalidHeaderLine),
    ("+X Foo: a", E::InvalidHeaderLine),
    ("+X\u{e4}: a", E::InvalidHeaderLine),
    ("+X(a): b", E::InvalidHeaderLine),
    ("+\"X\": b", E::InvalidHeaderLine),
    ("+no colon", E::InvalidHeaderLine),
    // RFC 9112, section 2.2: line ends.
    ("+X: a\nY: b", E::BareLineEnd),
    ("+X: a\rY: b", E::BareLineEnd),
    ("+X: a\rb\nY: c", E::BareLineEnd),
    ("+X: a\r\rY: b", E::BareLineEnd),
    ("+X: a\r", E::BareLineEnd),
    ("+\n", E::BareLineEnd),
    // RFC 9110, section 5.5: control characters.
    ("+X: a\0b", E::ControlCharacter),
    ("+X\0: b", E::ControlCharacter),
    ("+X: \x1b[0m", E::ControlCharacter),
    ("+X: \x7f", E::ControlCharacter),
];

const BAD_REQUEST_LINES: &[(&str, E)] = &[
    ("GET /chat", E::InvalidRequestLine),
    ("GET", E::InvalidRequestLine),
    ("GET  /chat HTTP/1.1", E::InvalidRequestLine),
    ("GET /chat  HTTP/1.1", E::InvalidRequestLine),
    ("GET /chat HTTP/1.1 ", E::InvalidRequestLine),
    (" GET /chat HTTP/1.1", E::InvalidRequestLine),
    ("GET\t/chat HTTP/1.1", E::InvalidRequestLine),
    ("GET /a b HTTP/1.1", E::InvalidRequestLine),
    ("GET  HTTP/1.1", E::InvalidRequestLine),
    ("GET /chat#a HTTP/1.1", E::InvalidRequestLine),
    ("GET /\u{fc} HTTP/1.1", E::InvalidRequestLine),
    ("G(T /chat HTTP/1.1", E::InvalidRequestLine),
    ("GET /chat http/1.1", E::InvalidRequestLine),
    ("GET /chat HTTP/1.10", E::InvalidRequestLine),
    ("GET /chat HTTP/1", E::InvalidRequestLine),
    ("GET /chat HTTP/+1.1", E::InvalidRequestLine),
    ("GET /chat HTTQ/1.1", E::InvalidRequestLine),
    ("HTTP/1.1 200 OK", E::InvalidRequestLine),
    ("PRI * HTTP/2.0", E::UnsupportedHttpVersion),
];

const BAD_STATUS_LINES: &[(&str, E)] = &[
    ("HTTP/1.1", E::InvalidStatusLine),
    ("HTTP/1.1 ", E::InvalidStatusLine),
    ("HTTP/1.1 10", E::InvalidStatusLine),
    ("HTTP/1.1 1010", E::InvalidStatusLine),
    ("HTTP/1.1 1x1 A", E::InvalidStatusLine),
    ("HTTP/1.1 -01 A", E::InvalidStatusLine),
    ("HTTP/1.1 099 A", E::InvalidStatusLine),
    ("HTTP/1.1  101 A", E::InvalidStatusLine),
    ("HTTP/1.1\t101 A", E::InvalidStatusLine),
    ("HTTP/1.1 101\tA", E::InvalidStatusLine),
    ("HTTP/11 101 A", E::InvalidStatusLine),
    ("http/1.1 101 A", E::InvalidStatusLine),
    ("ICY 101 A", E::InvalidStatusLine),
    ("GET / HTTP/1.1", E::InvalidStatusLine),
    ("HTTP/3.0 101 A", E::UnsupportedHttpVersion),
    ("HTTP/2 101 A", E::UnsupportedHttpVersion),
    ("HTTP/1 101 A", E::UnsupportedHttpVersion),
    ("HTTP/2101 A", E::InvalidStatusLine),
    ("HTTP/ 101 A", E::InvalidStatusLine),
];

#[test]
fn a_line_that_http_does_not_have_is_refused_not_repaired() {
    for (line, error) in BAD_LINES {
        let outcome = serve_whole(&request(&[line]));
        assert_eq!(outcome.result, Err(*error), "{line:?}");
        assert_eq!(Answer::read(&outcome.answer).status, 400, "{line:?}");
        assert_eq!(ask_whole(&response(&[line])).result, Err(*error), "{line:?}");
    }
}

#[test]
fn white_space_before_the_first_header_is_refused() {
    for space in [" ", "\t"] {
        let line = format!("GET / HTTP/1.1\r\n{space}X: y");
        assert_eq!(serve_whole(&request(&[&line])).result, Err(E::FoldedHeaderLine));
        let line = format!("HTTP/1.1 101 A\r\n{space}X: y");
        assert_eq!(ask_whole(&response(&[&line])).result, Err(E::FoldedHeaderLine));
    }
}

/// RFC 9112, section 5.2: a server may refuse them.
#[test]
fn a_folded_line_in_a_request_is_refused() {
    for line in ["+X: a\r\n b", "+X: a\r\n\tb", "+X: a\r\n ", "+X:\r\n b"] {
        let outcome = serve_whole(&request(&[line]));
        assert_eq!(outcome.result, Err(E::FoldedHeaderLine), "{line:?}");
        assert_eq!(Answer::read(&outcome.answer).status, 400, "{line:?}");
        every_cut(&request(&[line]), |pieces| serve(Config::default(), pieces.iter().copied()));
    }
}

#[test]
fn a_request_line_that_http_does_not_have_is_refused() {
    for (line, error) in BAD_REQUEST_LINES {
        let bytes = [line.as_bytes(), &request(&[])["GET /chat HTTP/1.1".len()..]].concat();
        let outcome = serve_whole(&bytes);
        assert_eq!(outcome.result, Err(*error), "{line:?}");
        assert_eq!(Some(Answer::read(&outcome.answer).status), error.status(), "{line:?}");
    }
}

#[test]
fn a_status_line_that_http_does_not_have_is_refused() {
    for (line, error) in BAD_STATUS_LINES {
        assert_eq!(ask_whole(&response(&[line])).result, Err(*error), "{line:?}");
    }
    // A server has no empty lines before it, other than a client.
    let bytes = [b"\r\n", &response(&[])[..]].concat();
    assert_eq!(ask_whole(&bytes).result, Err(E::InvalidStatusLine));
}

#[test]
fn a_peer_that_does_not_speak_http_is_found_out_at_its_first_byte() {
    // The beginning of TLS, in the clear.
    let outcome = serve_whole(b"\x16");
    assert_eq!(outcome.result, Err(E::ControlCharacter));
    assert_eq!(ask_whole(b"\x15").result, Err(E::InvalidStatusLine));
}

#[test]
fn a_banner_of_another_protocol_is_not_waited_upon() {
    // None of them would go on before it has an answer.
    let http_2 = "\0\0\x12\x04\0\0\0\0\0";
    for banner in ["220 mail.example ESMTP\r\n", "SSH-2.0-OpenSSH_9\r\n", "<html>", "HTTQ", http_2]
    {
        every_cut(banner.as_bytes(), |pieces| ask(Config::default(), pieces.iter().copied()));
        assert_eq!(ask_whole(banner.as_bytes()).result, Err(E::InvalidStatusLine), "{banner}");
    }
}

#[test]
fn bad_heads_are_judged_alike_in_any_segmentation() {
    let config = Arc::new(Config::default());
    for (line, _) in BAD_LINES {
        every_cut(&request(&[line]), |pieces| serve(Arc::clone(&config), pieces.iter().copied()));
        every_cut(&response(&[line]), |pieces| ask(Arc::clone(&config), pieces.iter().copied()));
    }
}

fn both(config: &Config, edit: &str) -> [Outcome; 2] {
    [serve(config.clone(), [&request(&[edit])[..]]), ask(config.clone(), [&response(&[edit])[..]])]
}

#[test]
fn a_head_of_the_limit_passes_and_one_byte_more_does_not() {
    let edit = format!("+X: {}", "y".repeat(500));
    for (len, passes) in [(0, true), (1, false)] {
        let limit = request(&[&edit]).len() - len;
        let outcome = serve(limits(limit, 100), [&request(&[&edit])[..]]);
        assert_eq!(outcome.result.is_ok(), passes);
        if !passes {
            assert_eq!(outcome.result, Err(E::HeadTooLong { limit }));
            assert_eq!(Answer::read(&outcome.answer).status, 431);
        }
        let config = limits(response(&[&edit]).len() - len, 100);
        let outcome = ask(config, [&response(&[&edit])[..]]);
        assert_eq!(outcome.result.is_ok(), passes);
    }
}

#[test]
fn lines_of_the_limit_pass_and_one_more_does_not() {
    // Five header lines and the one added; three and that one.
    for (lines, passes) in
        [(6, [true, true]), (5, [false, true]), (4, [false, true]), (3, [false; 2])]
    {
        let outcomes = both(&limits(16 * 1024, lines), "+X: y");
        assert_eq!([0, 1].map(|i| outcomes[i].result.is_ok()), passes, "{lines}");
        for (outcome, passes) in outcomes.iter().zip(passes) {
            if !passes {
                assert_eq!(outcome.result, Err(E::TooManyHeaderLines { limit: lines }));
            }
        }
        if !passes[0] {
            assert_eq!(Answer::read(&outcomes[0].answer).status, 431);
        }
    }
}

#[test]
fn two_thousand_tiny_headers_are_refused_not_cut_off() {
    let edit = format!("+{}Y: z", "X: y\r\n".repeat(2000));
    for outcome in both(&Config::default(), &edit) {
        assert_eq!(outcome.result, Err(E::TooManyHeaderLines { limit: 100 }));
    }
}

#[test]
fn a_request_line_longer_than_the_limit_has_its_own_status() {
    let line = format!("GET /{} HTTP/1.1", "a".repeat(16 * 1024));
    let outcome = serve_whole(&request(&[&line]));
    assert_eq!(outcome.result, Err(E::FirstLineTooLong { limit: 16 * 1024 }));
    assert_eq!(Answer::read(&outcome.answer).status, 414);
}

/// Gives a header without end byte by byte; tells after how many bytes of it the server gave up.
fn dribble(config: Config) -> (usize, Inbox) {
    let (mut inbox, mut outbox) = (Inbox::with_read_len(64), Outbox::new());
    let limit = config.limits.head_len_max;
    let mut server = ServerHandshake::new(config, crate::wire::START);
    let bytes = request(&["+X: a"]);
    let begin = &bytes[..bytes.len() - 4];
    inbox.extend(begin);
    assert!(matches!(server.next_request(&mut inbox, &mut outbox), Ok(None)));
    for len in begin.len() + 1..1 << 21 {
        inbox.extend(b"a");
        match server.next_request(&mut inbox, &mut outbox) {
            Ok(None) => {}
            Ok(Some(_)) => panic!("the head is not complete"),
            Err(error) => {
                assert_eq!(error, E::HeadTooLong { limit });
                return (len, inbox);
            }
        }
    }
    panic!("no limit was kept")
}

#[test]
fn a_megabyte_dribbled_byte_by_byte_takes_linear_time() {
    // If each byte made the engine read the head anew, this would take 500 billion steps.
    let (len, inbox) = dribble(limits(1 << 20, 100));
    assert_eq!(len, (1 << 20) + 1);
    assert!(inbox.capacity() <= 256, "what was read does not stay in the inbox");
}

#[test]
fn an_endless_header_is_refused_at_the_limit() {
    assert_eq!(dribble(Config::default()).0, 16 * 1024 + 1);
}

#[test]
fn after_a_failure_every_call_is_inert() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(Config::default(), crate::wire::START);
    inbox.extend(b"\0");
    let failed = server.next_request(&mut inbox, &mut outbox).map(|_| ());
    assert_eq!(failed, Err(E::ControlCharacter));
    outbox.sent(outbox.len());
    inbox.extend(&request(&[]));
    let len = inbox.unparsed().len();
    server.receive_eof();
    server.handle_timeout(std::time::Duration::MAX, &mut outbox);
    let failed = server.next_request(&mut inbox, &mut outbox).map(|_| ());
    assert_eq!(failed, Err(E::ControlCharacter));
    assert_eq!((inbox.unparsed().len(), outbox.len()), (len, 0));
    assert_eq!(server.poll_timeout(), None);
}
