//! Any bytes to a client's opening handshake: however they are cut, the outcome is the same.
//!
//! An input is one byte that seeds the cuts, and what comes on the wire. So that an answer can be
//! right, `{accept}` in it stands for the right value.
#![no_main]

use std::time::Duration;

use bluewire_core::{ClientHandshake, ClientRequest, Config, Inbox, MaskingKeys, Outbox};
use bluewire_fuzz::cut;
use libfuzzer_sys::fuzz_target;

const NOW: Duration = Duration::ZERO;

/// Belongs to the nonce.
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const NONCE: [u8; 16] = *b"the sample nonce";

/// The result, and the bytes left for the connection.
fn ask(pieces: &mut dyn Iterator<Item = &[u8]>) -> (String, Vec<u8>) {
    let mut config = Config::default();
    config.limits.body_len_max = 100;
    let (mut inbox, mut outbox) = (Inbox::with_read_len(64), Outbox::new());
    let request = ClientRequest::new("localhost", "/")
        .and_then(|request| request.subprotocol("chat")?.subprotocol("superchat"))
        .expect("a valid request");
    let mut handshake = ClientHandshake::start(&request, NONCE, config, NOW, &mut outbox);
    let outcome = loop {
        match handshake.next_response(&mut inbox) {
            Ok(None) => {}
            Ok(Some(response)) => {
                let told = format!("{:?} {:?}", response.head(), response.subprotocol());
                let _ = response.into_connection(MaskingKeys::from_seed([1; 32]), NOW);
                break told;
            }
            Err(error) => {
                assert_eq!(handshake.next_response(&mut inbox).err(), Some(error));
                let refusal = handshake.into_refusal().map(|refusal| {
                    let versions: Vec<_> = refusal.versions().collect();
                    assert!(refusal.body().len() <= 100);
                    format!("{:?} {versions:?}", refusal)
                });
                break format!("{error:?} {refusal:?}");
            }
        }
        match pieces.next() {
            Some(piece) => inbox.extend(piece),
            None => handshake.receive_eof(),
        }
    };
    for piece in pieces {
        inbox.extend(piece);
    }
    (outcome, inbox.unparsed().to_vec())
}

fn replace(bytes: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(b"{accept}") {
            replaced.extend(ACCEPT);
            rest = after;
        } else {
            replaced.push(*first);
            rest = &rest[1..];
        }
    }
    replaced
}

fuzz_target!(|input: &[u8]| {
    let [seed, bytes @ ..] = input else { return };
    let bytes = replace(bytes);
    let whole = ask(&mut std::iter::once(&*bytes));
    for other in [ask(&mut bytes.chunks(1)), ask(&mut cut(*seed, &bytes))] {
        assert_eq!(other.0, whole.0);
    }
});
