//! An engine with its memory and a clock, for tests that speak in literal frames.
//!
//! Frames are written as a server sends them, unmasked, in both directions and for both roles: an
//! endpoint that is a server gets them masked, and a client's frames are shown unmasked, once their
//! masking has been checked. So one test holds both roles to a rule.

use std::time::Duration;

use bluewire_core::{
    CloseCode, Config, Connection, Event, Inbox, MaskingKeys, Message, Outbox, ProtocolError,
    SendError,
};

use crate::case::Role;
use crate::random::Random;
use crate::wire::{Header, mask};

/// One end of an open connection.
#[derive(Debug)]
pub struct Endpoint {
    /// Which end it is.
    pub role: Role,
    /// The engine.
    pub connection: Connection,
    /// Its receive memory.
    pub inbox: Inbox,
    /// Its send memory.
    pub outbox: Outbox,
    /// The present time.
    pub now: Duration,
    /// The last frame given, as far as its payload is still to come.
    masking: Masking,
}

/// An event that lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A part of a text message, and whether it is the last.
    TextChunk(String, bool),
    /// A part of a binary message, and whether it is the last.
    BinaryChunk(Vec<u8>, bool),
    /// A Ping.
    Ping(Vec<u8>),
    /// A Pong.
    Pong(Vec<u8>),
    /// A Close, its code and its reason.
    Close(Option<u16>, String),
    /// The peer broke a rule.
    Failed(ProtocolError),
}

impl Endpoint {
    /// An endpoint in this role.
    #[must_use]
    pub fn new(role: Role, config: Config) -> Self {
        let connection = match role {
            Role::Server => Connection::server(config, Duration::ZERO),
            Role::Client => {
                Connection::client(config, MaskingKeys::from_seed([1; 32]), Duration::ZERO)
            }
        };
        Self {
            role,
            connection,
            // Little, so that messages of a few hundred bytes go through all its cases.
            inbox: Inbox::with_read_len(256),
            outbox: Outbox::new(),
            now: Duration::ZERO,
            masking: Masking::default(),
        }
    }

    /// A client and a server.
    #[must_use]
    pub fn both() -> [Self; 2] {
        Self::both_with(&Config::default())
    }

    /// A client and a server with these settings.
    #[must_use]
    pub fn both_with(config: &Config) -> [Self; 2] {
        [Role::Client, Role::Server].map(|role| Self::new(role, config.clone()))
    }

    /// Gives it frames, or parts of frames, and takes all events.
    pub fn receive(&mut self, frames: &[u8]) -> Vec<Seen> {
        match self.role {
            Role::Client => self.receive_raw(frames),
            Role::Server => {
                let masked = self.masking.mask(frames);
                self.receive_raw(&masked)
            }
        }
    }

    /// Gives it these very bytes, and takes all events.
    pub fn receive_raw(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.inbox.extend(bytes);
        self.events()
    }

    /// Tells it that the transport has ended, and takes all events.
    pub fn receive_eof(&mut self) -> Vec<Seen> {
        self.connection.receive_eof();
        self.events()
    }

    /// Lets so much time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.connection.handle_timeout(self.now, &mut self.outbox);
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// As the engine's.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), SendError> {
        self.connection.send(message, &mut self.outbox)
    }

    /// Sends a part of a message.
    ///
    /// # Errors
    ///
    /// As the engine's.
    pub fn send_fragment<'m>(
        &mut self,
        part: impl Into<Message<'m>>,
        fin: bool,
    ) -> Result<(), SendError> {
        self.connection.send_fragment(part, fin, &mut self.outbox)
    }

    /// Starts the closing handshake.
    ///
    /// # Errors
    ///
    /// As the engine's.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), SendError> {
        self.connection.close(self.now, CloseCode::new(code), reason, &mut self.outbox)
    }

    /// The frames that it has sent since the last time: whole ones, unmasked.
    ///
    /// # Panics
    ///
    /// If a client's frame is not masked, or a server's is, or a frame is cut.
    pub fn sent(&mut self) -> Vec<u8> {
        let bytes = self.sent_raw();
        let mut frames = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (header, len) = Header::parse(rest).expect("a whole header");
            assert_eq!(header.key.is_some(), self.role == Role::Client, "5.1: who masks");
            assert!(header.minimal, "5.2: the shortest form");
            let end = len + usize::try_from(header.len).expect("a length in memory");
            let mut payload = rest[len..end].to_vec();
            if let Some(key) = header.key {
                mask(&mut payload, key, 0);
            }
            frames.extend(Header { key: None, ..header }.to_vec());
            frames.extend(payload);
            rest = &rest[end..];
        }
        frames
    }

    /// The very bytes that it has sent since the last time.
    pub fn sent_raw(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !self.outbox.is_empty() {
            let unsent = self.outbox.unsent();
            let len = unsent.len();
            bytes.extend_from_slice(unsent);
            self.outbox.sent(len);
        }
        bytes
    }

    fn events(&mut self) -> Vec<Seen> {
        let Self { connection, inbox, outbox, now, .. } = self;
        let mut seen = Vec::new();
        while let Some(event) = connection.next_event(*now, inbox, outbox) {
            seen.push(match event {
                Event::Message(Message::Text(text)) => Seen::Text(text.into()),
                Event::Message(Message::Binary(bytes)) => Seen::Binary(bytes.into()),
                Event::Chunk { part: Message::Text(text), fin } => {
                    Seen::TextChunk(text.into(), fin)
                }
                Event::Chunk { part: Message::Binary(bytes), fin } => {
                    Seen::BinaryChunk(bytes.into(), fin)
                }
                Event::Ping(payload) => Seen::Ping(payload.into()),
                Event::Pong(payload) => Seen::Pong(payload.into()),
                Event::Close(close) => {
                    Seen::Close(close.code.map(CloseCode::value), close.reason.into())
                }
                Event::Failed(error) => Seen::Failed(error),
                other => unreachable!("an event that the tests do not know: {other:?}"),
            });
        }
        seen
    }
}

/// Masks a stream of frames that comes in parts.
#[derive(Debug)]
struct Masking {
    random: Random,
    key: [u8; 4],
    /// How much of the payload under way is masked, and how much is still to come.
    done: usize,
    left: u64,
}

impl Default for Masking {
    fn default() -> Self {
        Self { random: Random::new(5), key: [0; 4], done: 0, left: 0 }
    }
}

impl Masking {
    /// Sets the mask bit of each header, puts a key behind it, and masks the payload. Nothing
    /// else about a header is changed; it comes whole.
    fn mask(&mut self, frames: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = frames;
        loop {
            let here = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
            let start = out.len();
            out.extend_from_slice(&rest[..here]);
            mask(&mut out[start..], self.key, self.done);
            self.done += here;
            self.left -= here as u64;
            rest = &rest[here..];
            if rest.is_empty() {
                return out;
            }
            let (header, len) = Header::parse(rest).expect("headers come whole");
            self.key = self.random.key();
            (self.done, self.left) = (0, header.len);
            let start = out.len();
            out.extend_from_slice(&rest[..len]);
            out[start + 1] |= 0x80;
            out.extend(self.key);
            rest = &rest[len..];
        }
    }
}
