//! The requests that a server accepts and refuses (4.2.1).

use crate::wire::{Answer, Got, Kind, request, serve, serve_whole};
use bluewire_core::testkit::every_cut;
use bluewire_core::{Config, HandshakeError};
use std::sync::Arc;

/// Requests that are as 4.2.1 wants them, one for each freedom that it or HTTP gives.
const GOOD: &[&[&str]] = &[
    &[],
    &["GET / HTTP/1.1"],
    &["GET /a?b=c&d=http://e/%20 HTTP/1.1"],
    &["GET http://server.example.com/chat HTTP/1.1"],
    &["GET HTTPS://server.example.com:443?x HTTP/1.1"],
    &["GET /chat HTTP/1.2"],
    &["=host: server.example.com"],
    &["=Host:server.example.com"],
    &["=Host: \t server.example.com:8080\t "],
    &["=Host: server.example.com:"],
    &["=Host: [2001:db8::1]:8443"],
    &["=Host: 192.0.2.1"],
    &["=UPGRADE: WebSocket"],
    &["=Upgrade: h2c , websocket"],
    &["=Upgrade: h2c", "+Upgrade: websocket"],
    &["=Connection: keep-alive, uPGRADE"],
    &["=Connection: ,,keep-alive ,\tupgrade,"],
    &["=Connection: keep-alive", "+connection: Upgrade"],
    // The example of 4.1, whose last bits decode to nothing.
    &["=Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC=="],
    &["=sec-websocket-version:  13 "],
    &["+Content-Length: 0"],
    &["+Origin: http://example.com"],
    &["+Origin: null"],
    &["+Sec-WebSocket-Protocol: chat"],
    &["+Sec-WebSocket-Protocol: ,chat ,, super.chat!,"],
    &["+Sec-WebSocket-Protocol: chat", "+sec-websocket-protocol: superchat"],
    &["+Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
    &["+Sec-WebSocket-Extensions: a; b=\"c\"", "+Sec-WebSocket-Extensions: ,d"],
    &["+Sec-WebSocket-Extensions: constructor"],
    &["+X-Unknown: \u{80}\u{ff} \t (anything)"],
    &["+X-Empty:", "+X-Spaces: \t "],
    &["+!#$%&'*+-.^_`|~09AZaz: every character of a token"],
    &["+Sec-WebSocket-Accept: ignored"],
];

use HandshakeError as E;

/// Requests that break one rule each.
const BAD: &[(&[&str], E)] = &[
    // 1: the request line.
    (&["POST /chat HTTP/1.1"], E::MethodNotGet),
    (&["HEAD /chat HTTP/1.1"], E::MethodNotGet),
    (&["get /chat HTTP/1.1"], E::MethodNotGet),
    (&["CONNECT server.example.com:80 HTTP/1.1"], E::MethodNotGet),
    (&["GET /chat HTTP/1.0"], E::UnsupportedHttpVersion),
    (&["GET /chat HTTP/0.9"], E::UnsupportedHttpVersion),
    (&["GET /chat HTTP/2.0"], E::UnsupportedHttpVersion),
    (&["GET * HTTP/1.1"], E::InvalidTarget),
    (&["GET chat HTTP/1.1"], E::InvalidTarget),
    (&["GET server.example.com:80 HTTP/1.1"], E::InvalidTarget),
    (&["GET ftp://server.example.com/ HTTP/1.1"], E::InvalidTarget),
    (&["GET http:///chat HTTP/1.1"], E::InvalidTarget),
    (&["GET http://user@server.example.com/ HTTP/1.1"], E::InvalidTarget),
    // 2: Host.
    (&["-Host"], E::MissingHost),
    (&["+Host: server.example.com"], E::RepeatedHost),
    (&["+hOST: other"], E::RepeatedHost),
    (&["=Host:"], E::InvalidHost),
    (&["=Host: a b"], E::InvalidHost),
    (&["=Host: a, b"], E::InvalidHost),
    (&["=Host: http://a"], E::InvalidHost),
    (&["=Host: a@b"], E::InvalidHost),
    (&["=Host: a:b"], E::InvalidHost),
    (&["=Host: a:65536"], E::InvalidHost),
    (&["=Host: ::1"], E::InvalidHost),
    (&["=Host: \u{fc}"], E::InvalidHost),
    // 3 and 4: Upgrade and Connection.
    (&["-Upgrade"], E::MissingUpgrade),
    (&["-Upgrade", "-Sec-WebSocket-Key"], E::MissingUpgrade),
    (&["-Upgrade", "-Sec-WebSocket-Version"], E::MissingUpgrade),
    (&["=Upgrade: h2c"], E::MissingUpgrade),
    (&["=Upgrade: websockets"], E::MissingUpgrade),
    (&["=Upgrade: web socket"], E::MissingUpgrade),
    (&["=Upgrade:"], E::MissingUpgrade),
    (&["-Connection"], E::MissingConnection),
    (&["=Connection: keep-alive"], E::MissingConnection),
    (&["=Connection: keep-alive Upgrade"], E::MissingConnection),
    (&["=Connection: not-Upgrade"], E::MissingConnection),
    // 5: the key.
    (&["-Sec-WebSocket-Key"], E::MissingKey),
    (&["+Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], E::RepeatedKey),
    (&["=Sec-WebSocket-Key:"], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE="], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSEh"], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBs ZSBub25jZQ=="], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j_Q=="], E::InvalidKey),
    (&["=Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, a"], E::InvalidKey),
    // 6: the version. 4.3 has no leading zeros and no fractions.
    (&["-Sec-WebSocket-Version"], E::MissingVersion),
    (&["+Sec-WebSocket-Version: 13"], E::RepeatedVersion),
    (&["=Sec-WebSocket-Version:"], E::UnsupportedVersion),
    (&["=Sec-WebSocket-Version: 8"], E::UnsupportedVersion),
    (&["=Sec-WebSocket-Version: 14"], E::UnsupportedVersion),
    (&["=Sec-WebSocket-Version: 013"], E::UnsupportedVersion),
    (&["=Sec-WebSocket-Version: 13.0"], E::UnsupportedVersion),
    (&["=Sec-WebSocket-Version: +13"], E::UnsupportedVersion),
    (&["=Sec-WebSocket-Version: 13, 13"], E::UnsupportedVersion),
    // An old draft's request has neither key nor version of ours.
    (&["-Sec-WebSocket-Key", "-Sec-WebSocket-Version"], E::MissingVersion),
    // 7 to 9: what is optional.
    (&["+Origin:"], E::InvalidOrigin),
    (&["+Origin: http://\u{e4}"], E::InvalidOrigin),
    (&["+Origin: http://a", "+Origin: http://a"], E::InvalidOrigin),
    (&["+Sec-WebSocket-Protocol:"], E::InvalidSubprotocols),
    (&["+Sec-WebSocket-Protocol: ,"], E::InvalidSubprotocols),
    (&["+Sec-WebSocket-Protocol: a b"], E::InvalidSubprotocols),
    (&["+Sec-WebSocket-Protocol: a;b"], E::InvalidSubprotocols),
    (&["+Sec-WebSocket-Protocol: a", "+Sec-WebSocket-Protocol: \u{e9}"], E::InvalidSubprotocols),
    (&["+Sec-WebSocket-Extensions:"], E::InvalidExtensions),
    (&["+Sec-WebSocket-Extensions: ;"], E::InvalidExtensions),
    (&["+Sec-WebSocket-Extensions: a; b=\"c"], E::InvalidExtensions),
    (&["+Sec-WebSocket-Extensions: a; b=\"c d\""], E::InvalidExtensions),
    (&["+Sec-WebSocket-Extensions: a", "+Sec-WebSocket-Extensions: b c"], E::InvalidExtensions),
    // A body would be taken for frames.
    (&["+Content-Length: 1"], E::RequestWithBody),
    (&["+Content-Length: "], E::RequestWithBody),
    (&["+Content-Length: 0", "+Content-Length: 5"], E::RequestWithBody),
    (&["+Content-Length: 0, 0"], E::RequestWithBody),
    (&["+Content-Length: -0"], E::RequestWithBody),
    (&["+Transfer-Encoding: chunked"], E::RequestWithBody),
    (&["+Transfer-Encoding: identity"], E::RequestWithBody),
];

#[test]
fn a_request_that_4_2_1_describes_is_offered() {
    for edits in GOOD {
        let bytes = request(edits);
        let outcome = serve_whole(&bytes);
        assert_eq!(outcome.result, Ok(Some(Got(Kind::Upgrade, bytes, Vec::new()))), "{edits:?}");
        assert!(outcome.answer.is_empty());
    }
}

#[test]
fn a_request_that_4_2_1_does_not_describe_is_refused() {
    for (edits, error) in BAD {
        assert_eq!(serve_whole(&request(edits)).result, Err(*error), "{edits:?}");
    }
}

#[test]
fn an_error_says_what_was_wrong_by_whom_and_where_it_is_written() {
    for (error, sentence) in [
        (E::MissingKey, "the client sent no Sec-WebSocket-Key header (RFC 6455, section 4.2.1)"),
        (
            E::WrongAccept,
            "the server sent a Sec-WebSocket-Accept that does not fit the key; \
             a cache may have answered (RFC 6455, section 4.1)",
        ),
        (
            E::Refused { status: 401 },
            "the server refused the handshake with status 401; it asks for credentials \
             (RFC 6455, section 4.1)",
        ),
        (E::BareLineEnd, "the peer sent an HTTP line that does not end in CR LF"),
        (
            E::TimedOut,
            "the peer did not finish the opening handshake within Config::handshake_timeout",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
    for (_, error) in BAD {
        let section = error.section();
        assert!(section == "4" || error.to_string().ends_with(&format!(", section {section})")));
    }
}

#[test]
fn each_refusal_gets_its_status_and_closes() {
    for (edits, error) in BAD {
        let answer = Answer::read(&serve_whole(&request(edits)).answer);
        assert_eq!(Some(answer.status), error.status(), "{edits:?}");
        let len = answer.header("Content-Length").expect("a length").parse::<usize>();
        let is_head = edits[0].starts_with("HEAD");
        // RFC 9110, section 9.3.2: no body in the answer to HEAD.
        assert_eq!(answer.body.is_empty(), is_head, "{edits:?}");
        if !is_head {
            assert_eq!(len, Ok(answer.body.len()), "{edits:?}");
            assert_eq!(answer.body, format!("{error}\n"));
        }
        let connection = answer.header("Connection").expect("a Connection");
        assert!(connection.split(", ").any(|option| option == "close"), "{edits:?}");
    }
}

#[test]
fn an_answer_about_the_version_names_the_version_that_is_known() {
    // 4.4: "If the server doesn't support the requested version, it MUST respond with a
    // |Sec-WebSocket-Version| header field (or multiple [...]) containing all versions it is
    // willing to use."
    for edit in ["=Sec-WebSocket-Version: 8", "-Sec-WebSocket-Version", "+Sec-WebSocket-Version: 8"]
    {
        let answer = Answer::read(&serve_whole(&request(&[edit])).answer);
        assert_eq!(answer.header("Sec-WebSocket-Version"), Some("13"), "{edit}");
    }
}

#[test]
fn an_answer_that_asks_for_an_upgrade_names_the_protocol() {
    let answer = Answer::read(&serve_whole(&request(&["-Upgrade"])).answer);
    assert_eq!(answer.status, 426);
    assert_eq!(answer.header("Upgrade"), Some("websocket"));
    assert_eq!(answer.header("Connection"), Some("Upgrade, close"));
}

#[test]
fn an_answer_to_another_method_names_the_one_allowed() {
    let answer = Answer::read(&serve_whole(&request(&["PUT / HTTP/1.1"])).answer);
    assert_eq!((answer.status, answer.header("Allow")), (405, Some("GET")));
}

#[test]
fn a_request_may_arrive_in_any_segmentation() {
    let config = Arc::new(Config::default());
    for edits in GOOD {
        every_cut(&request(edits), |pieces| serve(Arc::clone(&config), pieces.iter().copied()));
    }
    for (edits, _) in BAD {
        every_cut(&request(edits), |pieces| serve(Arc::clone(&config), pieces.iter().copied()));
    }
}

#[test]
fn bytes_behind_the_request_stay_in_the_inbox() {
    let config = Arc::new(Config::default());
    let mut bytes = request(&[]);
    let frames = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\r\n\r\n";
    bytes.extend_from_slice(frames);
    let outcome = serve_whole(&bytes);
    assert_eq!(outcome.result, Ok(Some(Got(Kind::Upgrade, request(&[]), frames.to_vec()))));
    every_cut(&bytes, |pieces| serve(Arc::clone(&config), pieces.iter().copied()));
}

#[test]
fn empty_lines_before_the_request_are_ignored() {
    for bytes in [&b"\r\n"[..], b"\r\n\r\n\r\n"] {
        let bytes = [bytes, &request(&[])].concat();
        let outcome = serve_whole(&bytes);
        assert_eq!(outcome.result, Ok(Some(Got(Kind::Upgrade, request(&[]), Vec::new()))));
        every_cut(&bytes, |pieces| serve(Config::default(), pieces.iter().copied()));
    }
}
