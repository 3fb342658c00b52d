//! The small items of the public API: conversions, accessors, answers, and the text of `Debug`, which
//! says how much there is and never what.

#[path = "common/mod.rs"]
mod common;

use std::num::NonZeroUsize;
use std::time::Duration;

use bluewire_core::{
    ClientRequest, CloseCode, CloseFrame, ClosedBy, Config, Connection, HandshakeError, HttpAnswer,
    HttpHandshake, Inbox, MaskingKeys, Message, Outbox, OwnedMessage, Refusal, Request,
    ResponseHead, Role, ServerHandshake, accept_value,
};

use common::{BOTH, End, NOW};

fn keys() -> MaskingKeys {
    MaskingKeys::from_seed([1; 32])
}

#[test]
fn an_aborted_connection_is_closed_without_a_close_frame() {
    for role in BOTH {
        let mut end = End::new(role);
        end.connection.abort();
        let closure = end.connection.closure().expect("it has ended");
        assert_eq!((closure.clean, closure.code), (false, CloseCode::ABNORMAL));
        assert!(end.outbox.is_empty());
        let fault = closure.fault;
        end.connection.abort();
        assert_eq!(end.connection.closure().expect("it has ended").fault, fault);
    }
}

#[test]
fn an_aborted_connection_whose_close_frames_have_crossed_is_clean() {
    let mut end = End::new(Role::Client);
    end.connection.close(NOW, CloseCode::NORMAL, "", &mut end.outbox).expect("it is open");
    end.inbox.extend(b"\x88\x02\x03\xe8");
    while end.connection.next_event(NOW, &mut end.inbox, &mut end.outbox).is_some() {}
    end.connection.abort();
    let closure = end.connection.closure().expect("it has ended");
    assert!(closure.clean);
    assert_eq!(closure.closed_by, ClosedBy::Local);
}

#[test]
fn a_close_frame_is_made_of_a_code_and_a_reason() {
    let frame = CloseFrame::new(Some(CloseCode::GOING_AWAY), "bye");
    assert_eq!((frame.code, frame.reason), (Some(CloseCode::GOING_AWAY), "bye"));
}

#[test]
fn messages_are_bytes_too() {
    let text = Message::Text("text");
    assert_eq!(AsRef::<[u8]>::as_ref(&text), b"text");
    let owned = OwnedMessage::Binary(vec![1, 2]);
    assert_eq!(AsRef::<[u8]>::as_ref(&owned), [1, 2]);
}

#[cfg(feature = "std")]
#[test]
fn the_system_gives_keys_that_differ() {
    let (mut one, mut other) = (MaskingKeys::from_system(), MaskingKeys::from_system());
    assert_ne!(one.nonce(), other.nonce());
}

#[test]
fn an_accept_value_answers_a_key_and_nothing_else() {
    let value = accept_value("dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(value.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    // 15 and 17 bytes, and a value that is not base64.
    for key in ["", "dGhlIHNhbXBsZSBub25j", "AAAAAAAAAAAAAAAAAAAAAAA=", "dGhlIHNhbXBsZSBub25jZ!=="]
    {
        assert_eq!(accept_value(key), None, "{key}");
    }
}

#[test]
fn a_request_says_what_it_asks_for() {
    let request = ClientRequest::new("example.com", "/chat?room=1").expect("it is valid");
    assert_eq!(request.resource_name(), "/chat?room=1");
    assert!(!request.is_secure());
    let request = request.secure(true);
    assert!(request.is_secure());
    let handshake = HttpHandshake::http1(&request, keys().nonce(), Config::default());
    assert_eq!(handshake.request().resource_name(), "/chat?room=1");
    assert_eq!((handshake.method(), handshake.protocol()), ("GET", None));
    let handshake = HttpHandshake::http2(&request, Config::default());
    assert_eq!((handshake.method(), handshake.protocol()), ("CONNECT", Some("websocket")));
}

#[test]
fn a_refusal_of_another_library_keeps_its_body() {
    for is_complete in [true, false] {
        let headers = [("Content-Length", &b"2"[..])];
        let head = ResponseHead::of_parts(403, (1, 1), headers).expect("it is valid");
        let refusal = Refusal::of_parts(head, b"no", is_complete);
        assert_eq!(refusal.head().status(), 403);
        assert_eq!((refusal.body(), refusal.is_complete()), (&b"no"[..], is_complete));
        let shown = format!("{refusal:?}");
        assert!(shown.contains("Body(2 bytes, ") && !shown.contains("no\""), "{shown}");
    }
}

/// The head of an answer with this status, to a request for a page.
fn answered(status: u16) -> String {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    inbox.extend(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    let mut handshake = ServerHandshake::new(Config::default(), NOW);
    let asked = handshake.next_request(&mut inbox, &mut outbox).expect("it is valid");
    let Some(Request::Plain(head)) = asked else { panic!("it asks for a page: {asked:?}") };
    HttpAnswer::new(status).expect("a status").lay(&head, &mut outbox);
    String::from_utf8(outbox.slices().concat()).expect("it is a head")
}

#[test]
fn statuses_have_the_reason_phrases_of_http() {
    for (status, reason) in [
        (200, "OK"),
        (204, "No Content"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (410, "Gone"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (421, "Misdirected Request"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (418, ""),
    ] {
        let answer = answered(status);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} {reason}\r\n")), "{answer}");
    }
}

#[test]
fn only_empty_outboxes_exchange_their_memory() {
    let (mut used, mut new) = (Outbox::new(), Outbox::new());
    let mut connection = Connection::server(Config::default(), NOW);
    connection.send("Hello", &mut used).expect("it is open");
    used.swap_memory(&mut new);
    assert_eq!((used.len(), new.capacity()), (7, 0));
    new.swap_memory(&mut used);
    assert_eq!((used.len(), new.capacity()), (7, 0));
    used.sent(7);
    let capacity = used.capacity();
    assert!(capacity >= 7);
    used.swap_memory(&mut new);
    assert_eq!((used.capacity(), new.capacity()), (0, capacity));
}

#[test]
fn debug_says_how_much_there_is_and_not_what() {
    let mut connection = Connection::server(Config::default(), NOW);
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    inbox.extend(b"secret");
    let shown = format!("{inbox:?}");
    assert!(shown.starts_with("Inbox { message_len: 0, unparsed_len: 6, capacity: "), "{shown}");
    connection.send("secret", &mut outbox).expect("it is open");
    let shown = format!("{outbox:?}");
    assert!(shown.starts_with("Outbox { len: 8, capacity: ") && !shown.contains("secret"));
    let message = Message::Text("secret");
    let mut gather = connection.send_vectored(message, &mut outbox).expect("it is open");
    assert_eq!(format!("{gather:?}"), "Gather { outbox_len: 10, payload_len: 6 }");
    gather.sent(12);
    assert_eq!(format!("{gather:?}"), "Gather { outbox_len: 0, payload_len: 4 }");
    assert!(!gather.is_empty());
}

#[test]
fn a_vectored_message_is_split_as_its_fragments_are_written() {
    let config = Config::default().fragment_len(NonZeroUsize::new(4));
    let mut connection = Connection::server(config, NOW);
    let mut outbox = Outbox::new();
    let message = Message::Text("Hello, you");
    let mut gather = connection.send_vectored(message, &mut outbox).expect("it is open");
    assert_eq!(format!("{gather:?}"), "Gather { outbox_len: 2, payload_len: 10 }");
    let mut written = Vec::new();
    while !gather.is_empty() {
        // One byte at a time.
        let byte = gather.slices().concat()[0];
        written.push(byte);
        gather.sent(1);
    }
    assert_eq!(written, b"\x01\x04Hell\x00\x04o, y\x80\x02ou");
}

#[test]
fn an_empty_line_before_a_response_is_refused() {
    let request = ClientRequest::new("example.com", "/").expect("it is valid");
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = bluewire_core::ClientHandshake::start(
        &request,
        keys().nonce(),
        Config::default(),
        Duration::ZERO,
        &mut outbox,
    );
    assert!(client.refusal().is_none());
    inbox.extend(b"\r\n\r\n");
    let refused = client.next_response(&mut inbox);
    assert_eq!(refused.err(), Some(HandshakeError::InvalidStatusLine));
    assert!(client.into_refusal().is_none());
}

#[cfg(feature = "deflate")]
#[test]
fn the_memory_of_a_compressed_connection_depends_on_what_it_delivers() {
    use bluewire_core::{Deflate, Delivery};
    let config = Config::default().deflate(Deflate::default());
    let whole = config.clone().delivery(Delivery::Whole).max_bytes_per_connection();
    let chunks = config.delivery(Delivery::Chunks).max_bytes_per_connection();
    assert!(chunks < whole, "{chunks} and {whole}");
    assert!(chunks > Config::default().delivery(Delivery::Chunks).max_bytes_per_connection());
}
