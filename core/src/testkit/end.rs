//! One end of a connection, with its memory and its clock.

use crate::Arc;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::time::Duration;

use super::event::{self, OwnedEvent};
use crate::{
    ClientHandshake, ClientRequest, CloseCode, Closure, Config, Connection, HandshakeError,
    HttpAnswer, Inbox, MaskingKeys, Message, Offer, Outbox, Request, Role, SendError,
    ServerHandshake,
};

/// A server's reply to an offer.
type Judge = Box<dyn FnMut(&mut Offer) -> Result<(), HttpAnswer> + Send>;

/// One end of a connection: the engine, its memory, its clock and its events, driven by hand. Bytes
/// and times go in, bytes and events come out, and nothing happens by itself.
///
/// Its masking keys are the same in each run.
///
/// ```
/// use bluewire_core::testkit::{End, Frame, OwnedEvent};
/// use bluewire_core::{Config, Role};
///
/// let mut server = End::open(Role::Server, Config::default());
/// server.receive(&Frame::ping("are you there").bytes_from(Role::Client));
/// assert_eq!(server.take_events(), [OwnedEvent::ping("are you there")]);
/// let (answer, _) = Frame::parse(&server.take_output()).expect("a whole frame");
/// assert!(answer.says_same(&Frame::pong("are you there")));
/// ```
pub struct End {
    stage: Stage,
    role: Role,
    inbox: Inbox,
    outbox: Outbox,
    now: Duration,
    eof: bool,
    events: Vec<OwnedEvent>,
}

enum Stage {
    Asking(Box<ClientHandshake>, MaskingKeys),
    Asked(Box<ServerHandshake>, Judge),
    Open(Box<Connection>),
    /// Failed, or refused by the server that it is.
    Ended(Option<HandshakeError>),
    /// Between two stages.
    Between,
}

impl End {
    /// An end of a connection whose opening handshake is done, at the time zero.
    #[must_use]
    pub fn open(role: Role, config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        Self::over(match role {
            Role::Client => Connection::client(config, keys(), Duration::ZERO),
            Role::Server => Connection::server(config, Duration::ZERO),
        })
    }

    /// An end around a connection that you have made.
    #[must_use]
    pub fn over(connection: Connection) -> Self {
        let (role, config) = (connection.role(), Arc::clone(connection.config()));
        Self::new(Stage::Open(Box::new(connection)), role, &config, Outbox::new())
    }

    /// A client that begins with its opening handshake: the request is in its output.
    #[must_use]
    pub fn connecting(request: &ClientRequest, config: impl Into<Arc<Config>>) -> Self {
        let (config, mut keys, mut outbox) = (config.into(), keys(), Outbox::new());
        let nonce = keys.nonce();
        let start = Duration::ZERO;
        let handshake =
            ClientHandshake::start(request, nonce, Arc::clone(&config), start, &mut outbox);
        Self::new(Stage::Asking(Box::new(handshake), keys), Role::Client, &config, outbox)
    }

    /// A server that awaits the opening handshake, and accepts every offer.
    #[must_use]
    pub fn accepting(config: impl Into<Arc<Config>>) -> Self {
        Self::judging(config, |_| Ok(()))
    }

    /// A server that awaits the opening handshake, and asks `judge` about the offer: to choose a
    /// subprotocol and add headers, or to refuse with an answer. A request for anything else than
    /// a WebSocket is refused with 426.
    #[must_use]
    pub fn judging(
        config: impl Into<Arc<Config>>,
        judge: impl FnMut(&mut Offer) -> Result<(), HttpAnswer> + Send + 'static,
    ) -> Self {
        let config = config.into();
        let handshake = ServerHandshake::new(Arc::clone(&config), Duration::ZERO);
        let stage = Stage::Asked(Box::new(handshake), Box::new(judge));
        Self::new(stage, Role::Server, &config, Outbox::new())
    }

    fn new(stage: Stage, role: Role, config: &Config, outbox: Outbox) -> Self {
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let (now, events) = (Duration::ZERO, Vec::new());
        Self { stage, role, inbox, outbox, now, eof: false, events }
    }

    /// Lets bytes arrive, and takes all events. After an end nothing arrives.
    pub fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.eof {
            // As a read does: no more than the inbox has space for.
            let space = self.inbox.space();
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            self.inbox.filled(len);
            bytes = &bytes[len..];
            self.step();
        }
    }

    /// Lets the peer's stream end, in order or not.
    pub fn receive_eof(&mut self) {
        self.eof = true;
        match &mut self.stage {
            Stage::Asking(handshake, _) => handshake.receive_eof(),
            Stage::Asked(handshake, _) => handshake.receive_eof(),
            Stage::Open(connection) => connection.receive_eof(),
            Stage::Ended(_) | Stage::Between => {}
        }
        self.step();
    }

    /// Lets it be so late, and does what is due then. Time never goes back: an earlier time
    /// changes nothing.
    pub fn set_time(&mut self, now: Duration) {
        self.now = self.now.max(now);
        match &mut self.stage {
            Stage::Asking(handshake, _) => handshake.handle_timeout(self.now),
            Stage::Asked(handshake, _) => handshake.handle_timeout(self.now, &mut self.outbox),
            Stage::Open(connection) => connection.handle_timeout(self.now, &mut self.outbox),
            Stage::Ended(_) | Stage::Between => {}
        }
        self.step();
    }

    /// Lets bytes arrive at this time, whatever is due.
    pub(super) fn hear_at(&mut self, now: Duration, bytes: &[u8]) {
        self.now = self.now.max(now);
        self.receive(bytes);
    }

    /// Its time.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// When something is due next, if nothing arrives before.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Asking(handshake, _) => handshake.poll_timeout(),
            Stage::Asked(handshake, _) => handshake.poll_timeout(),
            Stage::Open(connection) => connection.poll_timeout(),
            Stage::Ended(_) | Stage::Between => None,
        }
    }

    /// The events since the last call. Consecutive chunks of a message are joined into one.
    pub fn take_events(&mut self) -> Vec<OwnedEvent> {
        mem::take(&mut self.events)
    }

    pub(super) const fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// All that it wants to be written, which is written thereby.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.take_output_up_to(usize::MAX)
    }

    /// At most so many bytes of what it wants to be written.
    pub fn take_output_up_to(&mut self, len_max: usize) -> Vec<u8> {
        let mut bytes = self.outbox.slices().concat();
        bytes.truncate(len_max);
        self.outbox.sent(bytes.len());
        bytes
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`]; [`SendError::NotOpen`] also before the handshake is done.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), SendError> {
        let (connection, outbox) = self.parts()?;
        connection.send(message, outbox)
    }

    /// Sends a part of a message.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_fragment`]; [`SendError::NotOpen`] also before the handshake is done.
    pub fn send_fragment<'m>(
        &mut self,
        part: impl Into<Message<'m>>,
        fin: bool,
    ) -> Result<(), SendError> {
        let (connection, outbox) = self.parts()?;
        connection.send_fragment(part, fin, outbox)
    }

    /// Sends a Ping.
    ///
    /// # Errors
    ///
    /// As [`Connection::ping`]; [`SendError::NotOpen`] also before the handshake is done.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let (connection, outbox) = self.parts()?;
        connection.ping(payload, outbox)
    }

    /// Begins to close.
    ///
    /// # Errors
    ///
    /// As [`Connection::close`]; [`SendError::NotOpen`] also before the handshake is done.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        let now = self.now;
        let (connection, outbox) = self.parts()?;
        connection.close(now, code, reason, outbox)
    }

    /// The connection and the outbox, for every other call.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] if the opening handshake is not done.
    pub fn parts(&mut self) -> Result<(&mut Connection, &mut Outbox), SendError> {
        match &mut self.stage {
            Stage::Open(connection) => Ok((connection, &mut self.outbox)),
            _ => Err(SendError::NotOpen),
        }
    }

    /// The connection, once the opening handshake is done.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Open(connection) => Some(connection),
            _ => None,
        }
    }

    /// Why the opening handshake failed here. A server's own refusal is none.
    #[must_use]
    pub const fn handshake_error(&self) -> Option<HandshakeError> {
        match self.stage {
            Stage::Ended(error) => error,
            _ => None,
        }
    }

    /// How the connection ended.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.connection()?.closure()
    }

    /// Which end it is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The received bytes that were not taken.
    #[must_use]
    pub const fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The bytes that wait to be written.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Whether it wants its stream ended: everything is written, and nothing more will be.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.outbox.is_empty()
            && match &self.stage {
                Stage::Open(connection) => connection.should_shut_down(),
                Stage::Ended(_) => true,
                _ => false,
            }
    }

    /// Goes as far as the received bytes allow.
    fn step(&mut self) {
        let Self { inbox, outbox, now, events, .. } = self;
        let was_open = matches!(self.stage, Stage::Open(_));
        self.stage = match mem::replace(&mut self.stage, Stage::Between) {
            Stage::Asking(mut handshake, keys) => match handshake.next_response(inbox) {
                Ok(None) => Stage::Asking(handshake, keys),
                Ok(Some(response)) => Stage::Open(Box::new(response.into_connection(keys, *now))),
                Err(error) => Stage::Ended(Some(error)),
            },
            Stage::Asked(mut handshake, mut judge) => match handshake.next_request(inbox, outbox) {
                Ok(None) => Stage::Asked(handshake, judge),
                Ok(Some(Request::Upgrade(mut offer))) => match judge(&mut offer) {
                    Ok(()) => Stage::Open(Box::new(offer.accept(*now, outbox))),
                    Err(answer) => {
                        offer.reject(&answer, outbox);
                        Stage::Ended(None)
                    }
                },
                Ok(Some(Request::Plain(head))) => {
                    let answer = HttpAnswer::new(426).expect("it is a status of an answer");
                    answer.lay(&head, outbox);
                    Stage::Ended(None)
                }
                Err(error) => Stage::Ended(Some(error)),
            },
            stage => stage,
        };
        if let Stage::Open(connection) = &mut self.stage {
            if !was_open {
                events.push(OwnedEvent::Open);
            }
            if self.eof {
                connection.receive_eof();
            }
            while let Some(event) = connection.next_event(*now, inbox, outbox) {
                event::push(events, event);
            }
        }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage: &dyn fmt::Debug = match &self.stage {
            Stage::Asking(handshake, _) => handshake,
            Stage::Asked(handshake, _) => handshake,
            Stage::Open(connection) => connection,
            Stage::Ended(error) => error,
            Stage::Between => &"between two stages",
        };
        f.debug_struct("End")
            .field("stage", stage)
            .field("inbox", &self.inbox)
            .field("outbox", &self.outbox)
            .field("now", &self.now)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// The same in each run: a test needs no secrecy.
fn keys() -> MaskingKeys {
    MaskingKeys::from_seed([1; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_has_events_until_they_are_taken() {
        let mut end = End::open(Role::Client, Config::default());
        assert!(!end.has_events());
        end.receive(b"\x89\0");
        assert!(end.has_events());
        end.take_events();
        assert!(!end.has_events());
    }
}
