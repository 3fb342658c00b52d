//! Any text as `Sec-WebSocket-Extensions`: what was read, written in its shortest spelling, reads
//! the same again.
#![no_main]

use std::time::Duration;

use bluewire_core::{Config, HandshakeError, Inbox, Outbox, Request, ServerHandshake};
use libfuzzer_sys::fuzz_target;

/// The elements; `None` if the grammar is broken, or something else is wrong with the request.
fn read(list: &str) -> Option<Vec<String>> {
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: {list}\r\n\r\n"
    );
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    inbox.extend(head.as_bytes());
    let mut handshake = ServerHandshake::new(Config::default(), Duration::ZERO);
    match handshake.next_request(&mut inbox, &mut outbox) {
        Ok(Some(Request::Upgrade(offer))) => {
            Some(offer.extensions().map(|item| item.to_string()).collect())
        }
        Ok(other) => panic!("the head was complete: {other:?}"),
        Err(error) => {
            assert!(matches!(error, HandshakeError::InvalidExtensions), "{error:?}");
            None
        }
    }
}

fuzz_target!(|list: &str| {
    // A line's end would be another header's beginning; and heads have their limit.
    if list.len() > 8_000 || list.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f) {
        return;
    }
    if let Some(items) = read(list) {
        assert_eq!(read(&items.join(", ")).as_ref(), Some(&items));
    }
});
