//! Handshakes whose HTTP another library speaks, over HTTP/1 and over HTTP/2 (RFC 8441).

use bluewire_core::{
    ClientRequest, Config, HandshakeError, HttpAnswer, HttpHandshake, Offer, Request, RequestHead,
    ResponseHead,
};

use HandshakeError as E;

type Lines<'a> = &'a [(&'a str, &'a str)];

const VERSION: (&str, &str) = ("sec-websocket-version", "13");

fn head(
    method: &str,
    authority: &str,
    path: &str,
    protocol: Option<&str>,
    headers: Lines<'_>,
) -> Result<RequestHead, E> {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    RequestHead::of_http2(method, authority, path, protocol, headers)
}

fn judge(method: &str, protocol: Option<&str>, headers: Lines<'_>) -> Result<Request, E> {
    Request::judge(Config::default(), head(method, "example.com", "/chat?a=b", protocol, headers)?)
}

fn offer(headers: Lines<'_>) -> Offer {
    match judge("CONNECT", Some("websocket"), headers) {
        Ok(Request::Upgrade(offer)) => offer,
        other => panic!("{other:?}"),
    }
}

fn response_headers(offer: &Offer) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    offer.each_response_header(|name, value| headers.push((name.into(), value.into())));
    headers
}

#[test]
fn an_extended_connect_is_an_offer() {
    let mut offer = offer(&[
        VERSION,
        ("host", "ignored.example"),
        ("origin", "https://example.com"),
        ("sec-websocket-protocol", "chat, superchat"),
    ]);
    assert_eq!((offer.status(), offer.path(), offer.query()), (200, "/chat", Some("a=b")));
    assert_eq!((offer.host(), offer.is_cross_origin()), ("example.com", false));
    offer.select_subprotocol("superchat").expect("it is valid");
    offer.add_header("set-cookie", "a: b").expect("it is valid");
    let expected = [("Sec-WebSocket-Protocol", "superchat"), ("set-cookie", "a: b")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(response_headers(&offer), expected);
    // No HTTP/1 is written into the stream.
    let mut outbox = bluewire_core::Outbox::new();
    let _ = offer.accept(core::time::Duration::ZERO, &mut outbox);
    assert!(outbox.unsent().is_empty());
}

#[test]
fn over_http2_each_broken_rule_has_its_status() {
    let cases: [(&str, Option<&str>, Lines<'_>, E, u16); 9] = [
        ("GET", None, &[VERSION], E::MissingProtocol, 400),
        ("CONNECT", None, &[VERSION], E::MissingProtocol, 400),
        ("GET", None, &[("upgrade", "websocket")], E::MissingProtocol, 400),
        ("CONNECT", Some("connect-udp"), &[VERSION], E::UnknownProtocol, 501),
        ("POST", Some("websocket"), &[VERSION], E::MethodNotConnect, 405),
        ("CONNECT", Some("websocket"), &[], E::MissingVersion, 400),
        (
            "CONNECT",
            Some("websocket"),
            &[("sec-websocket-version", "8")],
            E::UnsupportedVersion,
            400,
        ),
        ("CONNECT", Some("websocket"), &[VERSION, ("origin", "")], E::InvalidOrigin, 400),
        (
            "CONNECT",
            Some("websocket"),
            &[VERSION, ("content-length", "5")],
            E::RequestWithBody,
            400,
        ),
    ];
    for (method, protocol, headers, error, status) in cases {
        let judged = judge(method, protocol, headers);
        assert_eq!(judged.map(|_| ()), Err(error), "{method} {protocol:?} {headers:?}");
        let answer = HttpAnswer::to_error(error).expect("it is valid").over_http2();
        assert_eq!(answer.status(), status, "{error:?}");
        let mut names = Vec::new();
        answer.each_header(|name, _| names.push(name.to_owned()));
        assert!(!names.iter().any(|name| name == "Upgrade" || name == "Connection"), "{names:?}");
        assert_eq!(answer.body_bytes(), format!("{error}\n").as_bytes());
    }
    let judged = judge("GET", None, &[("accept", "*/*")]);
    assert!(matches!(judged, Ok(Request::Plain(head)) if head.is_http2()));
    let invalid = Request::judge(
        Config::default(),
        head("CONNECT", "", "/", Some("websocket"), &[VERSION]).expect("it is valid"),
    );
    assert_eq!(invalid.map(|_| ()), Err(E::MissingHost));
    let invalid = Request::judge(
        Config::default(),
        head("CONNECT", "example.com", "*", Some("websocket"), &[VERSION]).expect("it is valid"),
    );
    assert_eq!(invalid.map(|_| ()), Err(E::InvalidTarget));
}

#[test]
fn a_parsed_head_has_no_lines_but_its_own() {
    let split = head("GET", "example.com", "/", None, &[("a", "b\r\nc: d")]);
    assert_eq!(split.map(|_| ()), Err(E::ControlCharacter));
    for target in ["/a\r\nb: c", "/a b", ""] {
        let parsed = RequestHead::of_http1("GET", target, 1, []);
        assert!(parsed.is_err(), "{target:?} {parsed:?}");
    }
    for name in ["a b", "a: b\r\nc", "a: b\r\n\r\nc"] {
        let parsed = RequestHead::of_http1("GET", "/", 1, [(name, &b"d"[..])]);
        assert_eq!(parsed.map(|_| ()), Err(E::InvalidHeaderLine), "{name:?}");
    }
}

#[test]
fn a_head_that_http1_has_parsed_is_judged_as_one_that_was_read() {
    let lines = [
        ("host", "example.com"),
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        VERSION,
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let of = |lines: Lines<'_>| {
        let lines = lines.iter().map(|(name, value)| (*name, value.as_bytes()));
        Request::judge(Config::default(), RequestHead::of_http1("GET", "/", 1, lines)?)
    };
    let Ok(Request::Upgrade(offer)) = of(&lines) else { panic!() };
    assert_eq!(offer.status(), 101);
    assert_eq!(response_headers(&offer)[2].1, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(of(&lines[..4]).map(|_| ()), Err(E::MissingKey));
    assert!(matches!(of(&lines[..1]), Ok(Request::Plain(_))));
    let answer = HttpAnswer::to_error(E::MissingUpgrade).expect("it is valid");
    let mut headers = Vec::new();
    answer.each_header(|name, value| headers.push(format!("{name}: {value}")));
    let text = "Content-Type: text/plain; charset=utf-8";
    let expected = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", text];
    assert_eq!(headers, expected);
}

#[test]
fn a_client_judges_the_response_to_its_extended_connect() {
    let request =
        ClientRequest::new("example.com", "/chat").expect("it is valid").port(8443).secure(true);
    let request = request.subprotocol("chat").expect("it is valid");
    let judge = |status, version, headers: Lines<'_>| {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let handshake = HttpHandshake::http2(&request, Config::default());
        handshake.judge(ResponseHead::of_parts(status, version, headers)?)
    };
    assert_eq!(request.authority(), "example.com:8443");
    let chosen = judge(200, (2, 0), &[("sec-websocket-protocol", "chat")]).expect("it is valid");
    assert_eq!(chosen.subprotocol(), Some("chat"));
    assert_eq!(judge(204, (2, 0), &[]).map(|_| ()), Ok(()));
    for (status, version, headers, error) in [
        (403, (2, 0), &[][..], E::Refused { status: 403 }),
        (101, (2, 0), &[], E::Refused { status: 101 }),
        (200, (1, 1), &[], E::UnsupportedHttpVersion),
        (200, (2, 0), &[("sec-websocket-protocol", "x")], E::UnofferedSubprotocol),
        (200, (2, 0), &[("sec-websocket-extensions", "x")], E::UnofferedExtension),
    ] {
        assert_eq!(judge(status, version, headers).map(|_| ()), Err(error));
    }
}

#[test]
fn a_client_judges_the_response_that_http1_has_parsed() {
    let request = ClientRequest::new("example.com", "/chat").expect("it is valid");
    let nonce = *b"the sample nonce";
    let handshake = HttpHandshake::http1(&request, nonce, Config::default());
    assert_eq!((handshake.method(), handshake.protocol()), ("GET", None));
    let mut names = Vec::new();
    handshake.each_header(|name, _| names.push(name.to_owned()));
    assert_eq!(names, ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]);
    let mut headers = vec![
        ("upgrade", &b"websocket"[..]),
        ("connection", b"Upgrade"),
        ("sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ];
    let response =
        ResponseHead::of_parts(101, (1, 1), headers.iter().copied()).expect("it is valid");
    assert!(handshake.judge(response).is_ok());
    headers.pop();
    let handshake = HttpHandshake::http1(&request, nonce, Config::default());
    let response = ResponseHead::of_parts(101, (1, 1), headers).expect("it is valid");
    assert_eq!(handshake.judge(response).map(|_| ()), Err(E::MissingAccept));
}
