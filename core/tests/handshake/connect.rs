//! Answers of an HTTP proxy to CONNECT (RFC 9110, section 9.3.6).

use bluewire_core::{ConnectResponse, HandshakeError, Inbox, Limits};

/// The result of an answer, given in pieces of this length; and the bytes left of it.
fn read(
    bytes: &[u8],
    piece_len: usize,
) -> (Result<bool, HandshakeError>, ConnectResponse, Vec<u8>) {
    let (mut response, mut inbox) = (ConnectResponse::new(Limits::default()), Inbox::default());
    let mut result = Ok(false);
    for piece in bytes.chunks(piece_len) {
        inbox.extend(piece);
        if result == Ok(false) {
            result = response.read(&mut inbox);
        }
    }
    assert_eq!(response.read(&mut inbox), result, "it says the same again");
    (result, response, inbox.unparsed().to_vec())
}

fn each_cutting(bytes: &[u8]) -> impl Iterator<Item = usize> {
    1..=bytes.len()
}

#[test]
fn any_2xx_opens_the_tunnel_behind_its_head() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 Connection established\r\nProxy-Agent: p/1\r\n\r\n",
        "HTTP/1.1 204\r\n\r\n",
        // "A client MUST ignore any Content-Length or Transfer-Encoding header fields".
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 Fine\r\nA: b\r\n\r\n",
    ] {
        let bytes = format!("{head}3\r\nthrough it\r\n\r\n").into_bytes();
        for piece_len in each_cutting(&bytes) {
            let (result, _, left) = read(&bytes, piece_len);
            assert_eq!(result, Ok(true), "{head:?}");
            assert_eq!(left, bytes[head.len()..], "{head:?}");
        }
    }
}

#[test]
fn any_other_status_refuses_with_head_and_body() {
    for status in [101, 301, 400, 403, 407, 502, 999] {
        let body = if status == 101 { "" } else { "why" };
        let bytes = format!("HTTP/1.1 {status} No\r\nX-A: b\r\nContent-Length: 3\r\n\r\n{body}");
        for piece_len in each_cutting(bytes.as_bytes()) {
            let (result, response, left) = read(bytes.as_bytes(), piece_len);
            assert_eq!(result, Err(HandshakeError::Refused { status }));
            let refusal = response.into_refusal().expect("it refuses");
            assert_eq!(refusal.head().headers().first("x-a"), Some(&b"b"[..]));
            assert_eq!((refusal.body(), refusal.is_complete()), (body.as_bytes(), true));
            assert_eq!(left, b"");
        }
    }
}

#[test]
fn an_answer_that_is_not_http_or_too_long_is_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(20_000));
    for (bytes, error) in [
        ("SSH-2.0-OpenSSH_9\r\n\r\n", HandshakeError::InvalidStatusLine),
        ("HTTP/2.0 200 OK\r\n\r\n", HandshakeError::UnsupportedHttpVersion),
        ("\x05\x00", HandshakeError::InvalidStatusLine),
        ("HTTP/1.1 200 \x00", HandshakeError::ControlCharacter),
        (&endless, HandshakeError::HeadTooLong { limit: 16 * 1024 }),
    ] {
        for piece_len in [1, 7, 100_000] {
            let (result, response, _) = read(bytes.as_bytes(), piece_len);
            assert_eq!(result, Err(error), "{}", &bytes[..2]);
            assert!(response.into_refusal().is_none());
        }
    }
}

#[test]
fn an_end_in_the_head_is_a_loss_and_in_the_body_cuts_it() {
    let bytes = b"HTTP/1.1 502 Bad Gateway\r\n\r\nall of it";
    for len in 0..bytes.len() {
        let (mut response, mut inbox) = (ConnectResponse::new(Limits::default()), Inbox::default());
        inbox.extend(&bytes[..len]);
        assert_eq!(response.read(&mut inbox), Ok(false));
        response.receive_eof();
        let result = response.read(&mut inbox);
        match len.checked_sub(bytes.len() - b"all of it".len()) {
            None => assert_eq!(result, Err(HandshakeError::ConnectionLost)),
            Some(len) => {
                assert_eq!(result, Err(HandshakeError::Refused { status: 502 }));
                let refusal = response.into_refusal().expect("it refuses");
                assert_eq!(refusal.body(), &b"all of it"[..len]);
            }
        }
    }
}
