//! Two ends with any settings agree on compression; what one sends, in any way, the other
//! receives, however it is cut.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use bluewire_core::{Deflate, Keepalive, Message, OwnedMessage, PreparedMessage, Role};
use bluewire_fuzz::{End, Told, config, cut, join};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Settings {
    level: u8,
    memory_level: u8,
    bits: u8,
    forgets: u8,
    len_min: u8,
}

impl Settings {
    fn deflate(&self) -> Deflate {
        Deflate::default()
            .level(self.level % 12)
            .memory_level(self.memory_level % 12)
            .window_bits(self.bits & 15)
            .peer_window_bits(self.bits >> 4)
            .no_context_takeover(self.forgets & 1 != 0)
            .peer_no_context_takeover(self.forgets & 2 != 0)
            .fall_back(self.forgets & 4 != 0)
            .idle_timeout((self.forgets & 8 != 0).then_some(Duration::from_millis(10)))
            .len_min(self.len_min.into())
    }
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    /// So many bytes of one value, more than any window has room for.
    Run(u8, u16),
    /// The message that was sent so many messages before.
    Again(u8),
    Prepared(&'a [u8]),
    /// Written up to so many bytes.
    Vectored(&'a [u8], u8),
    /// In parts of so many bytes.
    Fragments(&'a [u8], u8),
    Ping(&'a [u8]),
    /// So many milliseconds pass.
    Wait(u8),
    /// All is written, and the peer hears it.
    Cross,
}

struct Pair {
    from: End,
    to: End,
    seed: u8,
    sent: Vec<OwnedMessage>,
    heard: usize,
}

impl Pair {
    fn call(&mut self, call: &Call<'_>) {
        let End { connection, outbox, wire, now, .. } = &mut self.from;
        match *call {
            Call::Text(text) => self.send(Message::Text(text)),
            Call::Binary(bytes) => self.send(Message::Binary(bytes)),
            Call::Run(byte, len) => self.send(Message::Binary(&vec![byte; len.into()])),
            Call::Again(back) => {
                if let Some(at) = self.sent.len().checked_sub(usize::from(back) + 1) {
                    let message = self.sent[at].clone();
                    self.send(message.borrow());
                }
            }
            Call::Prepared(bytes) => {
                let message = PreparedMessage::new(bytes);
                connection.send_prepared(&message, outbox).expect("it is open");
                self.sent.push(OwnedMessage::Binary(bytes.into()));
            }
            Call::Vectored(bytes, len) => {
                let mut gather = connection.send_vectored(bytes, outbox).expect("it is open");
                let all = gather.slices().concat();
                let len = all.len().min(len.into());
                wire.extend(&all[..len]);
                gather.sent(len);
                drop(gather);
                self.sent.push(OwnedMessage::Binary(bytes.into()));
            }
            Call::Fragments(bytes, len) => {
                for part in bytes.chunks(usize::from(len) + 1) {
                    connection.send_fragment(part, false, outbox).expect("it is open");
                }
                connection.send_fragment(&[][..], true, outbox).expect("it is open");
                self.sent.push(OwnedMessage::Binary(bytes.into()));
            }
            Call::Ping(payload) => {
                // An error says that it is too long.
                let _ = connection.ping(payload, outbox);
            }
            Call::Wait(millis) => {
                *now += Duration::from_millis(millis.into());
                connection.handle_timeout(*now, outbox);
            }
            Call::Cross => self.cross(),
        }
        self.from.check();
    }

    fn send(&mut self, message: Message<'_>) {
        let End { connection, outbox, .. } = &mut self.from;
        connection.send(message, outbox).expect("it is open");
        self.sent.push(message.into_owned());
    }

    fn cross(&mut self) {
        self.from.write(usize::MAX);
        for piece in cut(self.seed, &self.from.wire[self.heard..]) {
            self.to.hear(piece);
        }
        self.heard = self.from.wire.len();
    }

    fn finish(mut self) {
        self.cross();
        let mut received = Vec::new();
        for told in self.to.told {
            match told {
                Told::Message(message) => received.push(Told::Part(message, true)),
                Told::Part(part, fin) => join(&mut received, part.borrow(), fin),
                // Also between the parts of a message.
                Told::Ping(_) => {}
                other => panic!("nothing else was sent: {other:?}"),
            }
        }
        let sent = self.sent.into_iter().map(|message| Told::Part(message, true));
        assert_eq!(received, sent.collect::<Vec<_>>());
    }
}

fuzz_target!(|input: (u8, u8, Settings, Settings, Vec<Call<'_>>)| {
    let (flags, seed, client, server, calls) = input;
    let (client, server) = (client.deflate(), server.deflate());
    let Some(agreed) = server.accept(&client.offer()) else { return };
    assert_eq!(client.confirm(&agreed.to_string()), Some(agreed));
    // Without the limits that the messages would run into, and heard of often enough.
    // A deadline stays, as the ends expect of a connection that is open.
    let keepalive = Some(Keepalive::default().interval(Duration::from_secs(u32::MAX.into())));
    let (role, config) = config(flags & !4);
    let config = |deflate| config.clone().deflate(deflate).keepalive(keepalive);
    let client = End::with_deflate(Role::Client, config(client), agreed);
    let server = End::with_deflate(Role::Server, config(server), agreed);
    let (from, to) = if role == Role::Client { (client, server) } else { (server, client) };
    let mut pair = Pair { from, to, seed, sent: Vec::new(), heard: 0 };
    for call in &calls {
        pair.call(call);
    }
    pair.finish();
});
