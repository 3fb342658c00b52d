//! One end: an engine, what its application does and hears, and a driver as an adapter has one.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, CloseCode, Closure, Config, Connection, Event, HandshakeError,
    Inbox, MaskingKeys, Message, Outbox, OwnedMessage, Request, Role, ServerHandshake, State,
};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// An act of an application at its time.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Send(OwnedMessage),
    /// The same in two fragments, with this payload's Ping between.
    SendInTwo(OwnedMessage, Vec<u8>),
    Ping(Vec<u8>),
    Close(u16),
    Fail(u16),
}

#[derive(Debug)]
enum Stage {
    Asking(Box<ClientHandshake>, MaskingKeys),
    Asked(Box<ServerHandshake>),
    Open(Box<Connection>),
    Refused(HandshakeError),
    /// Between two stages.
    None,
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    stage: Stage,
    config: Arc<Config>,
    inbox: Inbox,
    pub(crate) outbox: Outbox,
    acts: VecDeque<(Duration, Act)>,
    /// The messages that the engine accepted.
    pub(crate) sent: Vec<OwnedMessage>,
    pub(crate) received: Vec<OwnedMessage>,
    parts: Option<OwnedMessage>,
    /// Whether the peer's Close frame was seen.
    pub(crate) close_seen: bool,
    pub(crate) eof_seen: bool,
    closing_since: Option<Duration>,
}

impl Endpoint {
    pub(crate) fn new(
        role: Role,
        config: Config,
        acts: Vec<(Duration, Act)>,
        random: &mut StdRng,
    ) -> Self {
        let config = Arc::new(config);
        let mut outbox = Outbox::new();
        let stage = match role {
            Role::Client => {
                let mut seed = [0; 32];
                random.fill_bytes(&mut seed);
                let mut keys = MaskingKeys::from_seed(seed);
                let request = ClientRequest::new("localhost", "/").expect("a valid request");
                let nonce = keys.nonce();
                let (config, start) = (Arc::clone(&config), Duration::ZERO);
                let handshake = ClientHandshake::start(&request, nonce, config, start, &mut outbox);
                Stage::Asking(Box::new(handshake), keys)
            }
            Role::Server => {
                let handshake = ServerHandshake::new(Arc::clone(&config), Duration::ZERO);
                Stage::Asked(Box::new(handshake))
            }
        };
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let (sent, received) = (Vec::new(), Vec::new());
        Self {
            stage,
            config,
            inbox,
            outbox,
            acts: acts.into(),
            sent,
            received,
            parts: None,
            close_seen: false,
            eof_seen: false,
            closing_since: None,
        }
    }

    pub(crate) fn closure(&self) -> Option<&Closure> {
        match &self.stage {
            Stage::Open(connection) => connection.closure(),
            _ => None,
        }
    }

    pub(crate) fn refusal(&self) -> Option<HandshakeError> {
        match self.stage {
            Stage::Refused(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the transport must be dropped.
    pub(crate) fn is_over(&self) -> bool {
        self.refusal().is_some() || self.closure().is_some()
    }

    /// Whether the transport's writing side is to be shut down.
    pub(crate) fn should_shut_down(&self) -> bool {
        match &self.stage {
            Stage::Open(connection) => connection.should_shut_down() && self.outbox.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Asking(handshake, _) => handshake.poll_timeout(),
            Stage::Asked(handshake) => handshake.poll_timeout(),
            Stage::Open(connection) => connection.poll_timeout(),
            Stage::Refused(_) | Stage::None => None,
        }
    }

    /// When the application acts next.
    pub(crate) fn next_act(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Open(connection) if connection.state() != State::Closed => {
                self.acts.front().map(|(time, _)| *time)
            }
            _ => None,
        }
    }

    /// Sees to the time. Nothing that is due may be due still after it.
    pub(crate) fn tell_time(&mut self, now: Duration) {
        match &mut self.stage {
            Stage::Asking(handshake, _) => handshake.handle_timeout(now),
            Stage::Asked(handshake) => handshake.handle_timeout(now, &mut self.outbox),
            Stage::Open(connection) => connection.handle_timeout(now, &mut self.outbox),
            Stage::Refused(_) | Stage::None => {}
        }
        self.step(now);
        let next = self.deadline();
        assert!(next.is_none_or(|next| next > now), "a deadline that stays: {next:?} at {now:?}");
    }

    /// Takes bytes that were read; none are the end.
    pub(crate) fn hear(&mut self, now: Duration, mut bytes: &[u8]) {
        if bytes.is_empty() {
            self.eof_seen = true;
            match &mut self.stage {
                Stage::Asking(handshake, _) => handshake.receive_eof(),
                Stage::Asked(handshake) => handshake.receive_eof(),
                Stage::Open(connection) => connection.receive_eof(),
                Stage::Refused(_) | Stage::None => {}
            }
        }
        loop {
            let space = self.inbox.space();
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            self.inbox.filled(len);
            bytes = &bytes[len..];
            self.step(now);
            if bytes.is_empty() {
                return;
            }
        }
    }

    /// Goes as far as the received bytes allow.
    pub(crate) fn step(&mut self, now: Duration) {
        self.stage = match mem::replace(&mut self.stage, Stage::None) {
            Stage::Asking(mut handshake, keys) => match handshake.next_response(&mut self.inbox) {
                Ok(None) => Stage::Asking(handshake, keys),
                Ok(Some(response)) => Stage::Open(Box::new(response.into_connection(keys, now))),
                Err(error) => Stage::Refused(error),
            },
            Stage::Asked(mut handshake) => {
                match handshake.next_request(&mut self.inbox, &mut self.outbox) {
                    Ok(None) => Stage::Asked(handshake),
                    Ok(Some(Request::Upgrade(offer))) => {
                        Stage::Open(Box::new(offer.accept(now, &mut self.outbox)))
                    }
                    Ok(Some(other)) => panic!("not an upgrade: {other:?}"),
                    Err(error) => Stage::Refused(error),
                }
            }
            stage => stage,
        };
        if let Stage::Open(connection) = &mut self.stage {
            if self.eof_seen {
                connection.receive_eof();
            }
            while let Some(event) = connection.next_event(now, &mut self.inbox, &mut self.outbox) {
                match event {
                    Event::Message(message) => self.received.push(message.into_owned()),
                    Event::Chunk { part, fin } => {
                        gather(&mut self.parts, part);
                        if fin {
                            self.received.extend(self.parts.take());
                        }
                    }
                    Event::Close(_) => self.close_seen = true,
                    Event::Failed(error) => panic!("a peer of ours broke a rule: {error:?}"),
                    _ => {}
                }
            }
        }
        self.look(now);
    }

    /// Holds the closing to its time.
    fn look(&mut self, now: Duration) {
        let Stage::Open(connection) = &self.stage else { return };
        if connection.state() != State::Open {
            let since = *self.closing_since.get_or_insert(now);
            assert!(now - since <= self.config.close_timeout, "closing since {since:?} at {now:?}");
        }
    }

    /// Does what the application does next.
    pub(crate) fn act(&mut self, now: Duration) {
        let (_, act) = self.acts.pop_front().expect("it is due");
        let Stage::Open(connection) = &mut self.stage else { return };
        let outbox = &mut self.outbox;
        // A refusal is an answer, too: it is closing, or the outbox is full.
        match act {
            Act::Send(message) => {
                if connection.send(&message, outbox).is_ok() {
                    self.sent.push(message);
                }
            }
            Act::SendInTwo(message, ping) => {
                let (first, rest) = split(&message);
                if connection.send_fragment(first, false, outbox).is_ok() {
                    let _ = connection.ping(&ping, outbox);
                    if connection.send_fragment(rest, true, outbox).is_ok() {
                        self.sent.push(message);
                    } else {
                        // It has no end now, which only failing tells the peer.
                        connection.fail(now, CloseCode::INTERNAL_ERROR, "", outbox);
                    }
                }
            }
            Act::Ping(payload) => {
                let _ = connection.ping(&payload, outbox);
            }
            Act::Close(code) => {
                let _ = connection.close(now, CloseCode::new(code), "done", outbox);
            }
            Act::Fail(code) => connection.fail(now, CloseCode::new(code), "", outbox),
        }
        self.look(now);
    }

    /// The next bytes to write, at most so many. None of them tells that the transport is full.
    pub(crate) fn write(&mut self, max: usize, random: &mut StdRng) -> Vec<u8> {
        let all = self.outbox.slices().concat();
        let max = max.min(all.len());
        let len = if random.random_bool(0.5) { max } else { random.random_range(0..=max) };
        self.outbox.sent(len);
        all[..len].to_vec()
    }
}

fn split(message: &OwnedMessage) -> (Message<'_>, Message<'_>) {
    match message {
        OwnedMessage::Text(text) => {
            let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at));
            let (first, rest) = text.split_at(middle.unwrap_or(0));
            (Message::Text(first), Message::Text(rest))
        }
        OwnedMessage::Binary(bytes) => {
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            (Message::Binary(first), Message::Binary(rest))
        }
    }
}

fn gather(parts: &mut Option<OwnedMessage>, part: Message<'_>) {
    match (parts, part) {
        (Some(OwnedMessage::Text(text)), Message::Text(part)) => text.push_str(part),
        (Some(OwnedMessage::Binary(bytes)), Message::Binary(part)) => bytes.extend(part),
        (parts @ None, part) => *parts = Some(part.into_owned()),
        _ => panic!("a message of two types"),
    }
}
