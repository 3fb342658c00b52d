//! Any bytes to a server's opening handshake: however they are cut, the outcome is the same.
//!
//! An input is one byte that seeds the cuts, and what comes on the wire.
#![no_main]

use std::time::Duration;

use bluewire_core::{Config, Inbox, Outbox, Request, ServerHandshake};
use bluewire_fuzz::cut;
use libfuzzer_sys::fuzz_target;

const NOW: Duration = Duration::ZERO;

/// The result, the answer, and the bytes left for the connection.
fn answer(pieces: &mut dyn Iterator<Item = &[u8]>) -> (String, Vec<u8>, Vec<u8>) {
    let config = Config::default();
    let limits = config.limits;
    let (mut inbox, mut outbox) = (Inbox::with_read_len(64), Outbox::new());
    let mut handshake = ServerHandshake::new(config, NOW);
    let outcome = loop {
        match handshake.next_request(&mut inbox, &mut outbox) {
            Ok(None) => {}
            Ok(Some(Request::Upgrade(offer))) => {
                let told = format!(
                    "{} {:?} {} {:?} {} {:?} {:?}",
                    offer.path(),
                    offer.query(),
                    offer.host(),
                    offer.origin(),
                    offer.is_cross_origin(),
                    offer.subprotocols().collect::<Vec<_>>(),
                    offer.extensions().collect::<Vec<_>>(),
                );
                let _ = offer.accept(NOW, &mut outbox);
                break told;
            }
            Ok(Some(other)) => break format!("{other:?}"),
            Err(error) => {
                assert_eq!(handshake.next_request(&mut inbox, &mut outbox).err(), Some(error));
                break format!("{error:?}");
            }
        }
        match pieces.next() {
            Some(piece) => inbox.extend(piece),
            None => handshake.receive_eof(),
        }
        assert!(inbox.capacity() <= 2 * limits.head_len_max + (1 << 17));
    };
    for piece in pieces {
        inbox.extend(piece);
    }
    let sent = outbox.slices().concat();
    // 9112: an answer is a head, and no line of it was made by the peer.
    assert!(sent.is_empty() || sent.starts_with(b"HTTP/1.1 "));
    (outcome, sent, inbox.unparsed().to_vec())
}

fuzz_target!(|input: &[u8]| {
    let [seed, bytes @ ..] = input else { return };
    let whole = answer(&mut std::iter::once(bytes));
    for other in [answer(&mut bytes.chunks(1)), answer(&mut cut(*seed, bytes))] {
        assert_eq!((&other.0, &other.1), (&whole.0, &whole.1));
        if whole.1.starts_with(b"HTTP/1.1 101 ") {
            assert_eq!(other.2, whole.2, "bytes behind the request");
        }
    }
});
