//! Heads to begin from, edits to them, and both roles driven over pieces of bytes.

use bluewire_core::{
    ClientHandshake, ClientRequest, Config, HandshakeError, Inbox, Limits, Outbox, Request,
    Response, ServerHandshake,
};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const START: Duration = Duration::from_secs(1000);

/// The nonce of the example in 1.3.
pub(crate) const NONCE: [u8; 16] = *b"the sample nonce";

/// The least request that 4.2.1 asks for.
pub(crate) const REQUEST: &[&str] = &[
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// The least response that 4.2.2 asks for.
pub(crate) const RESPONSE: &[&str] = &[
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/// A head as bytes after edits: `-Name` takes a line away, `=Name: value` sets it, `+line` adds a
/// line, and anything else is the first line. Characters are bytes: U+00FF is 0xFF.
pub(crate) fn head(lines: &[&str], edits: &[&str]) -> Vec<u8> {
    let mut lines: Vec<&str> = lines.to_vec();
    for edit in edits {
        let (kind, rest) = edit.split_at(1);
        let name = |line: &str| line.split(':').next().map(str::to_ascii_lowercase);
        let position = lines.iter().position(|line| name(line) == name(rest));
        match (kind, position) {
            ("-", Some(position)) => drop(lines.remove(position)),
            ("=", Some(position)) => lines[position] = rest,
            ("+", _) => lines.push(rest),
            ("-" | "=", None) => panic!("there is no line to edit for {edit}"),
            _ => lines[0] = edit,
        }
    }
    let text = lines.join("\r\n") + "\r\n\r\n";
    text.chars().map(|char| u8::try_from(u32::from(char)).expect("one byte")).collect()
}

pub(crate) fn request(edits: &[&str]) -> Vec<u8> {
    head(REQUEST, edits)
}

pub(crate) fn response(edits: &[&str]) -> Vec<u8> {
    head(RESPONSE, edits)
}

/// The result of a handshake as seen from outside.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Option<Got>, HandshakeError>,
    pub(crate) answer: Vec<u8>,
}

/// A head, and what follows it in the inbox.
#[derive(Debug, PartialEq)]
pub(crate) struct Got(pub(crate) Kind, pub(crate) Vec<u8>, pub(crate) Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Upgrade,
    Plain,
    Response,
}

pub(crate) fn limits(head_len_max: usize, head_lines_max: usize) -> Config {
    let limits = Limits::default().head_len_max(head_len_max).head_lines_max(head_lines_max);
    Config::default().limits(limits)
}

/// A server that is given these pieces, one read each.
pub(crate) fn serve<'a>(
    config: impl Into<Arc<Config>>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(config, START);
    let mut result = Ok(None);
    for piece in pieces {
        inbox.extend(piece);
        if matches!(result, Ok(None)) {
            result = server.next_request(&mut inbox, &mut outbox);
        }
    }
    let result = result.map(|request| {
        request.map(|request| match request {
            Request::Upgrade(offer) => (Kind::Upgrade, offer.head().as_bytes().to_vec()),
            Request::Plain(head) => (Kind::Plain, head.as_bytes().to_vec()),
        })
    });
    let rest = inbox.unparsed().to_vec();
    let result = result.map(|got| got.map(|(kind, head)| Got(kind, head, rest)));
    Outcome { result, answer: outbox.unsent().to_vec() }
}

/// A server that is given these bytes in one read.
pub(crate) fn serve_whole(bytes: &[u8]) -> Outcome {
    serve(Config::default(), [bytes])
}

/// A client that offers the subprotocols `chat` and `superchat`.
pub(crate) fn client(config: impl Into<Arc<Config>>, outbox: &mut Outbox) -> ClientHandshake {
    let request = ClientRequest::new("server.example.com", "/chat")
        .and_then(|request| request.subprotocol("chat")?.subprotocol("superchat"))
        .expect("a valid request");
    ClientHandshake::start(&request, NONCE, config, START, outbox)
}

/// That client, given these pieces, one read each.
pub(crate) fn ask<'a>(
    config: impl Into<Arc<Config>>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(config, &mut outbox);
    outbox.sent(outbox.len());
    let mut result = Ok(None);
    for piece in pieces {
        inbox.extend(piece);
        if matches!(result, Ok(None)) {
            result = client.next_response(&mut inbox);
        }
    }
    let rest = inbox.unparsed().to_vec();
    let result = result.map(|response| {
        response.map(|response| Got(Kind::Response, response.head().as_bytes().to_vec(), rest))
    });
    Outcome { result, answer: outbox.unsent().to_vec() }
}

/// That client, given these bytes in one read.
pub(crate) fn ask_whole(bytes: &[u8]) -> Outcome {
    ask(Config::default(), [bytes])
}

/// The response that the client accepts.
pub(crate) fn accepted(bytes: &[u8]) -> Response {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(Config::default(), &mut outbox);
    inbox.extend(bytes);
    client.next_response(&mut inbox).expect("valid").expect("complete")
}

/// The contents of a server's answer: its status and headers, and whether it is whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("an answer is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.strip_prefix("HTTP/1.1 ").expect("an answer is HTTP/1.1");
        let status = status[..3].parse().expect("an answer has a status");
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The only header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|line| line.0 == name).map(|line| line.1);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} more than once in {}", self.head);
        value
    }
}
