//! Requests that one server reads in another way than the next one: each adapter refuses them, and
//! sees no second request behind them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bluewire::{HttpAnswer, ServerOptions};

use crate::fixture::*;

const FIRST_LINE: &str = "GET /chat HTTP/1.1";
const HOST: &str = "Host: 127.0.0.1";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION: &str = "Sec-WebSocket-Version: 13";

/// A request of these lines, and those that it needs besides.
fn request(first_line: &str, lines: &[&str]) -> Vec<u8> {
    let rest = ["Upgrade: websocket", "Connection: Upgrade"];
    let lines = [first_line].into_iter().chain(lines.iter().copied()).chain(rest);
    let mut request = lines.collect::<Vec<_>>().join("\r\n").into_bytes();
    request.extend(b"\r\n\r\n");
    request
}

/// Headers that make a good request a bad one.
const HEADERS: &[&str] = &[
    // Two lengths, or a length that another reads otherwise.
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: +5",
    "Content-Length: -1",
    "Content-Length: 0x5",
    "Content-Length: 5, 6",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: xchunked",
    // Names that another reads as `Transfer-Encoding` or `Host`, or not.
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    "Transfer-Encoding\u{b}: chunked",
    " Transfer-Encoding: chunked",
    "X: y\r\n Transfer-Encoding: chunked",
    "X: y\r\n\tfolded",
    "Host : evil.example",
    "X(: y",
    "X\u{e9}: y",
    ": y",
    "without a colon",
    // Ends of lines that another sees, or does not.
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "X: y\n\nGET /smuggled HTTP/1.1",
    "X: y\0",
    "X\0: y",
    // Repeated.
    "Host: evil.example",
    "Host: 127.0.0.1",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
];

/// First lines that are not those of a request for a WebSocket. (An absolute target of another host
/// than `Host` is lawful: the target counts.)
const FIRST_LINES: &[&str] = &[
    "GET ftp://127.0.0.1/chat HTTP/1.1",
    "GET evil.example:80 HTTP/1.1",
    "CONNECT evil.example:80 HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "PRI * HTTP/2.0",
    "POST /chat HTTP/1.1",
    "get /chat HTTP/1.1",
    "GET /chat HTTP/1.0",
    "GET /chat HTTP/0.9",
    "GET /chat HTTP/2.0",
    "GET /chat http/1.1",
    "GET /chat",
    "GET  /chat HTTP/1.1",
    "GET\t/chat HTTP/1.1",
    "GET /chat  HTTP/1.1",
    "GET /chat HTTP/1.1 ",
    "GET /chat /other HTTP/1.1",
    "GET /chat#fragment HTTP/1.1",
    "GET /ch\u{e4}t HTTP/1.1",
    "GET /chat\0 HTTP/1.1",
    "GET chat HTTP/1.1",
    " GET /chat HTTP/1.1",
];

/// `Host` and what else must be there once, otherwise than it should be.
const REPLACED: &[&[&str]] = &[
    &[KEY, VERSION],
    &["Host:", KEY, VERSION],
    &["Host: 127.0.0.1, evil.example", KEY, VERSION],
    &["Host: evil example", KEY, VERSION],
    &["Host: user@127.0.0.1", KEY, VERSION],
    &["Host: 127.0.0.1/chat", KEY, VERSION],
    &["Host: 127.0.0.1:port", KEY, VERSION],
    &[HOST, VERSION],
    &[HOST, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==", VERSION],
    &[HOST, "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==", VERSION],
    &[HOST, KEY],
    &[HOST, KEY, "Sec-WebSocket-Version: 12"],
];

fn hostile() -> Vec<Vec<u8>> {
    let headers = HEADERS.iter().map(|line| request(FIRST_LINE, &[HOST, KEY, VERSION, line]));
    let first_lines = FIRST_LINES.iter().map(|line| request(line, &[HOST, KEY, VERSION]));
    let replaced = REPLACED.iter().map(|lines| request(FIRST_LINE, lines));
    headers.chain(first_lines).chain(replaced).collect()
}

/// All that comes for a request and one more behind it.
fn answers(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let second = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    // The server may have left already.
    let _ = stream.write_all(&[request, second].concat());
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&answers).into_owned()
}

#[test]
fn a_request_that_two_servers_read_differently_is_refused_and_ends_the_connection() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
        let smuggled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&smuggled);
        let options = ServerOptions::default().on_request(move |head| {
            seen.fetch_or(head.path() == Some("/smuggled"), Ordering::SeqCst);
            HttpAnswer::new(404).unwrap()
        });
        let server = Running::start(adapter, Style::Serve, options);
        let mut wrong = Vec::new();
        for request in hostile() {
            let answers = answers(server.addr, &request);
            let refused = ["HTTP/1.1 4", "HTTP/1.1 505"].iter().any(|it| answers.starts_with(it));
            let refused = refused || answers.is_empty();
            if !refused || answers.matches("HTTP/1.1 ").count() > 1 {
                let first = answers.lines().next().unwrap_or_default();
                wrong.push(format!("{}: {first}", request.escape_ascii()));
            }
        }
        assert!(wrong.is_empty(), "{adapter:?}: {wrong:#?}");
        assert!(!smuggled.load(Ordering::SeqCst), "{adapter:?}");
        speak(&mut bluewire::blocking::connect(server.url()).unwrap());
        server.shutdown(TIMEOUT);
    }
}
