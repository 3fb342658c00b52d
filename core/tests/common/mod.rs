//! The shared parts of the tests: frames as a peer writes them, and an end of a connection that is
//! fed by hand and records its events.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::time::Duration;

use bluewire_core::testkit::every_cut;
use bluewire_core::{
    Config, Connection, Delivery, Event, Inbox, MaskingKeys, Message, Outbox, ProtocolError, Role,
};
use proptest::prelude::ProptestConfig;

/// So many cases of a property; as many times more as `PROPTEST_CASES` is more than its default.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    const DEFAULT: u32 = 256;
    let config = ProptestConfig::default();
    let cases = cases * config.cases.max(DEFAULT) / DEFAULT;
    ProptestConfig { cases, failure_persistence: None, ..config }
}

/// Where time does not matter.
pub(crate) const NOW: Duration = Duration::ZERO;

pub(crate) const BOTH: [Role; 2] = [Role::Client, Role::Server];

/// The masking key of the examples in section 5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A lawful frame to this endpoint, but for its first byte, which can be anything: masked if it
/// goes to a server.
pub(crate) fn frame(to: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    frame_with_key(to, first, payload, KEY)
}

pub(crate) fn frame_with_key(to: Role, first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let len = payload.len();
    let mut bytes = vec![first];
    if let Ok(len_7 @ 0..=125) = u8::try_from(len) {
        bytes.push(len_7);
    } else if let Ok(len_16) = u16::try_from(len) {
        bytes.push(126);
        bytes.extend(len_16.to_be_bytes());
    } else {
        bytes.push(127);
        bytes.extend((len as u64).to_be_bytes());
    }
    match to {
        Role::Client => bytes.extend(payload),
        Role::Server => {
            bytes[1] |= 0x80;
            bytes.extend(key);
            bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
        }
    }
    bytes
}

/// The first bytes of a frame to this endpoint: with its mask bit, and with nothing after it.
pub(crate) fn header(to: Role, first: u8, len_7: u8) -> [u8; 2] {
    [first, if to == Role::Server { 0x80 | len_7 } else { len_7 }]
}

/// The body of a Close frame.
pub(crate) fn close_body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// A frame that an end has sent: its first byte, and its payload after unmasking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent(pub(crate) u8, pub(crate) Vec<u8>);

impl Sent {
    pub(crate) fn new(first: u8, payload: impl AsRef<[u8]>) -> Self {
        Self(first, payload.as_ref().to_vec())
    }

    pub(crate) fn close(code: u16) -> Self {
        Self(0x88, close_body(code, ""))
    }
}

/// Takes frames apart that this endpoint has sent, and holds them to what every sender must do:
/// lengths in the shortest form (5.2), masked if and only if a client sent them (5.1), no frame
/// cut off.
pub(crate) fn frames_sent_by(role: Role, mut bytes: &[u8]) -> Vec<Sent> {
    fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at_checked(len).expect("a frame is cut off");
        *bytes = rest;
        taken
    }
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let &[first, second] = take(&mut bytes, 2) else { unreachable!() };
        assert_eq!(second & 0x80 != 0, role == Role::Client, "masked by a client, and only so");
        let len = match second & 0x7f {
            126 => {
                let len = take(&mut bytes, 2).iter().fold(0, |len, byte| len << 8 | *byte as usize);
                assert!(len >= 126, "the shortest form");
                len
            }
            127 => {
                let len = take(&mut bytes, 8).iter().fold(0, |len, byte| len << 8 | *byte as usize);
                assert!(len >= 65_536, "the shortest form");
                len
            }
            len => len as usize,
        };
        let key = if role == Role::Client { take(&mut bytes, 4) } else { &[0; 4] };
        let payload = take(&mut bytes, len);
        frames.push(Sent(
            first,
            payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k).collect(),
        ));
    }
    frames
}

/// An event with memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Text(String),
    Binary(Vec<u8>),
    TextPart(String, bool),
    BinaryPart(Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Failed(ProtocolError),
}

impl Told {
    pub(crate) fn from_event(event: Event<'_>) -> Self {
        match event {
            Event::Message(Message::Text(text)) => Self::Text(text.into()),
            Event::Message(Message::Binary(bytes)) => Self::Binary(bytes.into()),
            Event::Chunk { part, fin } => {
                assert!(fin || !part.is_empty(), "a part without a byte says nothing");
                match part {
                    Message::Text(text) => Self::TextPart(text.into(), fin),
                    Message::Binary(bytes) => Self::BinaryPart(bytes.into(), fin),
                }
            }
            Event::Ping(payload) => Self::Ping(payload.into()),
            Event::Pong(payload) => Self::Pong(payload.into()),
            Event::Close(close) => Self::Close(close.code.map(u16::from), close.reason.into()),
            Event::Failed(error) => Self::Failed(error),
            other => panic!("an event that the tests do not know: {other:?}"),
        }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn binary(bytes: impl AsRef<[u8]>) -> Self {
        Self::Binary(bytes.as_ref().into())
    }

    pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Self {
        Self::Ping(payload.as_ref().into())
    }

    pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::Pong(payload.as_ref().into())
    }

    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::Close(Some(code), reason.into())
    }
}

/// Joins the parts of a message that no other event stands between: where one part ends and the
/// next begins has no meaning.
pub(crate) fn joined(told: Vec<Told>) -> Vec<Told> {
    let mut joined: Vec<Told> = Vec::new();
    for event in told {
        match (joined.last_mut(), event) {
            (Some(Told::TextPart(text, end @ false)), Told::TextPart(more, fin)) => {
                text.push_str(&more);
                *end = fin;
            }
            (Some(Told::BinaryPart(bytes, end @ false)), Told::BinaryPart(more, fin)) => {
                bytes.extend(more);
                *end = fin;
            }
            (_, event) => joined.push(event),
        }
    }
    joined
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) now: Duration,
}

impl End {
    pub(crate) fn new(role: Role) -> Self {
        Self::with(role, &Config::default())
    }

    pub(crate) fn with(role: Role, config: &Config) -> Self {
        let connection = match role {
            Role::Client => {
                Connection::client(config.clone(), MaskingKeys::from_seed([1; 32]), NOW)
            }
            Role::Server => Connection::server(config.clone(), NOW),
        };
        let inbox = Inbox::with_read_len(config.limits.read_len);
        Self { connection, inbox, outbox: Outbox::new(), now: NOW }
    }

    pub(crate) fn role(&self) -> Role {
        self.connection.role()
    }

    /// Lets bytes arrive, and takes all events.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Told> {
        self.inbox.extend(bytes);
        self.events()
    }

    /// Lets a frame arrive, and takes all events.
    pub(crate) fn hear_frame(&mut self, first: u8, payload: &[u8]) -> Vec<Told> {
        self.hear(&frame(self.role(), first, payload))
    }

    pub(crate) fn events(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(event) = self.event() {
            told.push(event);
        }
        told
    }

    pub(crate) fn event(&mut self) -> Option<Told> {
        let event = self.connection.next_event(self.now, &mut self.inbox, &mut self.outbox)?;
        Some(Told::from_event(event))
    }

    /// As [`event`](Self::event), in the two halves of `next_event`.
    pub(crate) fn event_in_halves(&mut self) -> Option<Told> {
        let ready = self.connection.poll_event(self.now, &mut self.inbox)?;
        let is_data = ready.is_data();
        let Self { connection, inbox, outbox, now } = self;
        let told = Told::from_event(connection.take_event(ready, *now, inbox, outbox));
        match told {
            Told::Ping(_) | Told::Pong(_) | Told::Close(..) => assert!(!is_data),
            // A message announced as text may prove not to be text.
            Told::Failed(ProtocolError::InvalidUtf8) => {}
            Told::Failed(_) => assert!(!is_data),
            _ => assert!(is_data),
        }
        Some(told)
    }

    /// Reads the transport to its end, and takes all events.
    pub(crate) fn hear_eof(&mut self) -> Vec<Told> {
        self.connection.receive_eof();
        self.events()
    }

    /// Writes up to `len` bytes of the outbox, by single writes.
    pub(crate) fn write(&mut self, len: usize) -> Vec<u8> {
        let mut written = Vec::new();
        while written.len() < len && !self.outbox.is_empty() {
            let unsent = self.outbox.unsent();
            assert!(!unsent.is_empty(), "an outbox that is not empty has bytes to write");
            let piece = unsent[..unsent.len().min(len - written.len())].to_vec();
            self.outbox.sent(piece.len());
            written.extend(piece);
        }
        // The transport takes no more.
        self.outbox.sent(0);
        written
    }

    /// Writes all of the outbox.
    pub(crate) fn write_all(&mut self) -> Vec<u8> {
        self.write(usize::MAX)
    }

    /// Writes all of the outbox, and takes apart what that was: whole frames.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        let bytes = self.write_all();
        frames_sent_by(self.role(), &bytes)
    }
}

/// The result of feeding bytes to a fresh end.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) told: Vec<Told>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) end: End,
}

/// Feeds bytes to a fresh end in every way: whole, byte by byte, and in two pieces cut at every
/// place. The events, the sent bytes and the bytes left must be the same.
pub(crate) fn hear_in_every_cut(role: Role, config: &Config, bytes: &[u8]) -> Heard {
    every_cut(bytes, |pieces| {
        let Heard { told, sent, end } = hear_in_pieces(role, config, pieces);
        (told, sent, end.connection.state(), end.connection.fault())
    });
    hear_in_pieces(role, config, &[bytes])
}

fn hear_in_pieces(role: Role, config: &Config, pieces: &[&[u8]]) -> Heard {
    let mut end = End::with(role, config);
    let told = pieces.iter().flat_map(|piece| end.hear(piece)).collect();
    let sent = end.sent();
    Heard { told: joined(told), sent, end }
}

/// [`hear_in_every_cut`] for a connection as it comes.
pub(crate) fn hear(role: Role, bytes: &[u8]) -> Heard {
    hear_in_every_cut(role, &Config::default(), bytes)
}

/// The rule that the bytes break, after `told`; and that the Close frame tells it, the connection
/// has failed, and that all this comes with the last byte and not before, in whatever delivery.
pub(crate) fn assert_fails(role: Role, bytes: &[u8], told: &[Told], error: ProtocolError) {
    for delivery in [Delivery::Whole, Delivery::Chunks] {
        let config = Config::default().delivery(delivery);
        let heard = hear_in_every_cut(role, &config, bytes);
        let (last, before) = heard.told.split_last().expect("a failure at least");
        assert_eq!(*last, Told::Failed(error), "{role:?}: {bytes:02x?}");
        if delivery == Delivery::Whole {
            assert_eq!(before, told, "{role:?}: {bytes:02x?}");
        }
        let Sent(first, body) = heard.sent.last().expect("a Close frame at least");
        assert_eq!((*first, &body[..2]), (0x88, &error.close_code().value().to_be_bytes()[..]));
        assert!(body.len() > 2, "the reason tells the rule");
        assert!(heard.end.connection.should_shut_down());

        let mut end = End::with(role, &config);
        let all_but_one = bytes.split_last().map_or(bytes, |(_, rest)| rest);
        let early = end.hear(all_but_one);
        assert!(!early.contains(&Told::Failed(error)), "{role:?}: failed too early: {bytes:02x?}");
    }
}
