//! The shared parts of the fuzz targets: an end of a connection whose invariants are checked after
//! each step, and ways of cutting its input.

use std::time::Duration;

use bluewire_core::{
    Config, Connection, DeflateParams, Delivery, Event, Inbox, MaskingKeys, Message, Outbox,
    OwnedMessage, ProtocolError, Role, State,
};

/// The length inflated at a time for chunks, and the limit on the room that grows for it.
const DECODED_CHUNKS_LEN_MAX: u64 = 64 * 1024;

/// An event with memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Message(OwnedMessage),
    /// The parts of a message that no other event stands between, joined.
    Part(OwnedMessage, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Failed(ProtocolError),
}

/// One end of a connection.
#[derive(Debug)]
pub struct End {
    pub connection: Connection,
    pub inbox: Inbox,
    pub outbox: Outbox,
    pub now: Duration,
    pub told: Vec<Told>,
    /// All that was written.
    pub wire: Vec<u8>,
    state: State,
    memory_max: u64,
}

impl End {
    pub fn new(role: Role, config: Config) -> Self {
        let now = Duration::ZERO;
        let memory_max = memory_max(&config);
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let connection = match role {
            Role::Client => Connection::client(config, MaskingKeys::from_seed([1; 32]), now),
            Role::Server => Connection::server(config, now),
        };
        let (told, wire, state) = (Vec::new(), Vec::new(), State::Open);
        Self { connection, inbox, outbox: Outbox::new(), now, told, wire, state, memory_max }
    }

    /// One that has agreed on compression.
    pub fn with_deflate(role: Role, config: Config, params: DeflateParams) -> Self {
        let Self { connection, inbox, outbox, now, told, wire, state, memory_max } =
            Self::new(role, config);
        let connection = connection.with_deflate(params);
        Self { connection, inbox, outbox, now, told, wire, state, memory_max }
    }

    /// Lets bytes arrive, through the room that the inbox has, and takes all events.
    pub fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.inbox.space();
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            self.inbox.filled(len);
            bytes = &bytes[len..];
            self.check();
            self.take_events();
        }
    }

    pub fn hear_eof(&mut self) {
        self.connection.receive_eof();
        self.take_events();
        assert_eq!(self.connection.state(), State::Closed);
    }

    fn take_events(&mut self) {
        while self.take_event() {}
    }

    /// Whether there was one.
    fn take_event(&mut self) -> bool {
        let Self { connection, inbox, outbox, now, told, .. } = self;
        let Some(event) = connection.next_event(*now, inbox, outbox) else { return false };
        let over =
            told.last().is_some_and(|last| matches!(last, Told::Close(..) | Told::Failed(_)));
        assert!(!over, "an event after the last");
        match event {
            Event::Message(message) => told.push(Told::Message(message.into_owned())),
            Event::Chunk { part, fin } => join(told, part, fin),
            Event::Ping(payload) => told.push(Told::Ping(payload.into())),
            Event::Pong(payload) => told.push(Told::Pong(payload.into())),
            Event::Close(close) => {
                told.push(Told::Close(close.code.map(u16::from), close.reason.into()));
            }
            Event::Failed(error) => told.push(Told::Failed(error)),
            other => panic!("an event that is not known here: {other:?}"),
        }
        self.check();
        true
    }

    /// Writes at most `len` bytes.
    pub fn write(&mut self, len: usize) {
        let slices = self.outbox.slices().concat();
        let len = len.min(slices.len());
        self.wire.extend(&slices[..len]);
        self.outbox.sent(len);
        self.check();
    }

    /// Checks that hold whatever happens.
    pub fn check(&mut self) {
        let state = self.connection.state();
        assert!(state as u8 >= self.state as u8, "from {:?} back to {state:?}", self.state);
        self.state = state;
        assert_eq!(self.connection.closure().is_some(), state == State::Closed);
        assert_eq!(self.connection.poll_timeout().is_none(), state == State::Closed);
        let memory = (self.inbox.capacity() + self.outbox.capacity()) as u64;
        assert!(memory <= self.memory_max, "{memory} bytes of {}", self.memory_max);
    }

    /// All that another end of ours makes of what was written: it can have nothing against it.
    pub fn told_to_a_peer(&self) -> Vec<Told> {
        let role = match self.connection.role() {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let mut peer = Self::new(role, Config::default());
        peer.hear(&self.wire);
        let failed = matches!(peer.told.last(), Some(Told::Failed(_)));
        assert!(!failed, "our own frames break a rule: {:?}", peer.told);
        peer.told
    }
}

/// The most that an inbox and an outbox may hold. Neither they nor this limit include the states of
/// compression, which makes the limit stricter.
fn memory_max(config: &Config) -> u64 {
    let decoded = match (&config.deflate, config.delivery) {
        (None, _) => 0,
        (Some(_), Delivery::Whole) => config.limits.message_len_max + 1,
        (Some(_), Delivery::Chunks) => DECODED_CHUNKS_LEN_MAX,
    };
    let plain = config.clone().deflate(None);
    plain.max_bytes_per_connection() + decoded
}

/// The events, without a part of a message that then failed: the cuts decide how much of that part
/// is reported.
pub fn settled(end: &End) -> Vec<&Told> {
    let mut told: Vec<_> = end.told.iter().collect();
    if let [.., Told::Part(_, false), Told::Failed(_)] = &*end.told {
        told.remove(told.len() - 2);
    }
    told
}

/// The parts that stay the same however an input was cut: the events, the answers and the closure.
pub fn assert_same(end: &End, other: &End) {
    assert_eq!(settled(end), settled(other));
    assert_eq!(end.wire, other.wire);
    assert_eq!(end.connection.closure(), other.connection.closure());
}

/// Adds a part to the events: to the last one, if both belong to one message.
pub fn join(told: &mut Vec<Told>, part: Message<'_>, fin: bool) {
    match (told.last_mut(), part) {
        (Some(Told::Part(OwnedMessage::Text(text), end @ false)), Message::Text(part)) => {
            text.push_str(part);
            *end = fin;
        }
        (Some(Told::Part(OwnedMessage::Binary(bytes), end @ false)), Message::Binary(part)) => {
            bytes.extend(part);
            *end = fin;
        }
        (_, part) => told.push(Told::Part(part.into_owned(), fin)),
    }
}

/// A configuration out of one byte, with limits that short inputs reach.
pub fn config(byte: u8) -> (Role, Config) {
    let role = if byte & 1 == 0 { Role::Server } else { Role::Client };
    let mut config = Config::default();
    if byte & 2 != 0 {
        config.delivery = Delivery::Chunks;
    }
    if byte & 4 != 0 {
        config.limits.message_len_max = 200;
        config.limits.frame_len_max = 150;
        config.limits.fragments_max = 5;
    }
    if byte & 8 != 0 {
        config.limits.read_len = 64;
    }
    if byte & 16 != 0 {
        config.auto_pong = false;
    }
    if byte & 32 != 0 {
        config.fragment_len = 7.try_into().ok();
    }
    (role, config)
}

/// Cuts bytes into pieces, by a seed: short ones, whole ones, one by one.
pub fn cut(seed: u8, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(seed) | 0x100;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // A linear congruence is as good as any here.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let bits = seed % 8;
        let len = ((state >> 16) as usize % (1 << bits) + 1).min(rest.len());
        let (piece, after) = rest.split_at(len);
        rest = after;
        Some(piece)
    })
}
