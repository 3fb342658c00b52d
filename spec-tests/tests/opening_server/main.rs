//! The opening handshake, as a server sees it.
#![forbid(unsafe_code)]

mod demands;
mod http;
#[path = "../../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::time::Duration;

use bluewire_core::{Config, HandshakeError, Inbox, Offer, Outbox, Request, ServerHandshake};

/// The request of section 1.2, without what is optional.
const REQUEST: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";

/// The response of section 1.3, without its subprotocol.
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";

struct Server {
    handshake: ServerHandshake,
    inbox: Inbox,
    outbox: Outbox,
}

impl Server {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self {
            handshake: ServerHandshake::new(config, Duration::ZERO),
            inbox: Inbox::default(),
            outbox: Outbox::new(),
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Request>, HandshakeError> {
        self.inbox.extend(bytes);
        self.handshake.next_request(&mut self.inbox, &mut self.outbox)
    }

    #[track_caller]
    fn offer(&mut self, request: &str) -> Offer {
        match self.receive(request.as_bytes()) {
            Ok(Some(Request::Upgrade(offer))) => offer,
            other => panic!("{request}\n{other:?}"),
        }
    }

    fn sent(&mut self) -> String {
        let bytes = self.outbox.unsent().to_vec();
        self.outbox.sent(bytes.len());
        assert!(self.outbox.is_empty());
        String::from_utf8(bytes).expect("a head is text")
    }
}

/// The response to a request that is accepted.
#[track_caller]
fn accept(request: &str) -> String {
    let mut server = Server::new();
    let offer = server.offer(request);
    let _connection = offer.accept(Duration::ZERO, &mut server.outbox);
    server.sent()
}

/// The status, and the error, of a request that is refused.
#[track_caller]
fn refuse(request: &[u8]) -> (u16, HandshakeError, String) {
    let mut server = Server::new();
    let shown = String::from_utf8_lossy(request).into_owned();
    let error = server.receive(request).map(|asked| asked.is_some());
    let error = error.expect_err(&shown);
    let answer = server.sent();
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    assert!(answer.contains("\r\nConnection: close\r\n") || answer.contains("close\r\n"));
    let status = status.and_then(|status| status.parse().ok()).expect("a status line");
    // A failed handshake stays failed, whatever arrives.
    assert_eq!(server.receive(REQUEST.as_bytes()).map(|asked| asked.is_some()), Err(error));
    assert_eq!(server.sent(), "");
    (status, error, answer)
}

fn with(there: &str, instead: &str) -> String {
    assert!(REQUEST.contains(there), "{there}");
    REQUEST.replace(there, instead)
}
