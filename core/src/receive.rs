//! From bytes to events: header, payload, control frame, whole message (5.4, 5.5, 6.2).

use alloc::boxed::Box;
use core::time::Duration;

use crate::close::{CloseFrame, ClosedBy};
use crate::close_code::CloseCode;
use crate::connection::{Connection, State};
use crate::error::{Fault, ProtocolError};
use crate::event::Event;
use crate::frame::{FIN, Header, Opcode};
use crate::inbox::Inbox;
use crate::message::Message;
use crate::outbox::Outbox;
use crate::receiving::{LONG_ARRIVAL_LEN, Step};
use crate::role::DataType;
use crate::utf8;

/// An event that has arrived but is not taken yet: see [`Connection::poll_event`].
#[derive(Debug)]
#[must_use = "an event that is not taken is lost"]
pub struct Ready(Step);

impl Ready {
    /// Whether it is a message or a chunk, rather than a control frame or a failure.
    #[must_use]
    #[inline]
    pub const fn is_data(&self) -> bool {
        !matches!(self.0, Step::Control(..) | Step::Failed)
    }
}

impl Connection {
    /// The next event in the received bytes; `None` when more bytes are needed.
    ///
    /// Call it after each read until it returns `None`, and then write the outbox: it queues
    /// answers to Pings and to Close there. A fault of the peer is an event too, [`Event::Failed`],
    /// and the last one.
    ///
    /// Text that is not UTF-8 is reported as soon as the bytes that make it invalid have arrived.
    /// There is one exception: if 4 KiB or more of a message arrive at once and leave it
    /// unfinished, the fault is reported with the next bytes, or once the transport is
    /// [`drained`](Self::drained).
    ///
    /// An event borrows the inbox: its bytes are where the read put them, and stay until the
    /// inbox is used again.
    #[inline]
    pub fn next_event<'a>(
        &mut self,
        now: Duration,
        inbox: &'a mut Inbox,
        outbox: &mut Outbox,
    ) -> Option<Event<'a>> {
        // The condition that ends most loops around this function, checked without a call.
        if self.nothing_came(inbox) {
            return None;
        }
        self.next_event_of_some(now, inbox, outbox)
    }

    #[inline(never)]
    fn next_event_of_some<'a>(
        &mut self,
        now: Duration,
        inbox: &'a mut Inbox,
        outbox: &mut Outbox,
    ) -> Option<Event<'a>> {
        let ready = self.poll_event(now, inbox)?;
        Some(self.take_event(ready, now, inbox, outbox))
    }

    /// The first half of [`next_event`](Self::next_event), which borrows nothing. Use it in a loop
    /// that reads until there is a message and then lends it to its caller: the borrow checker does
    /// not accept that in one step.
    ///
    /// ```
    /// # use bluewire_core::{Config, Connection, Event, Inbox, Message, Outbox};
    /// # use core::time::Duration;
    /// # struct Socket { connection: Connection, inbox: Inbox, outbox: Outbox }
    /// # impl Socket {
    /// # fn read(&mut self) { self.inbox.extend(b"\x81\x02hi") }
    /// fn receive(&mut self, now: Duration) -> Option<Message<'_>> {
    ///     let ready = loop {
    ///         match self.connection.poll_event(now, &mut self.inbox) {
    ///             Some(ready) if ready.is_data() => break ready,
    ///             Some(ready) => {
    ///                 // A control frame: taken, and answered where it must be.
    ///                 let (inbox, outbox) = (&mut self.inbox, &mut self.outbox);
    ///                 self.connection.take_event(ready, now, inbox, outbox);
    ///             }
    ///             None => self.read(),
    ///         }
    ///     };
    ///     match self.connection.take_event(ready, now, &mut self.inbox, &mut self.outbox) {
    ///         Event::Message(message) => Some(message),
    ///         _ => None,
    ///     }
    /// }
    /// # }
    /// # let keys = bluewire_core::MaskingKeys::from_seed([0; 32]);
    /// # let connection = Connection::client(Config::default(), keys, Duration::ZERO);
    /// # let (inbox, outbox) = (Inbox::default(), Outbox::new());
    /// # let mut socket = Socket { connection, inbox, outbox };
    /// # assert_eq!(socket.receive(Duration::ZERO), Some(Message::Text("hi")));
    /// ```
    #[inline]
    pub fn poll_event(&mut self, now: Duration, inbox: &mut Inbox) -> Option<Ready> {
        self.note_arrival(now, inbox);
        if self.receiving_is_over() {
            return self.discard(inbox);
        }
        if !self.receiving.message_is_under_way()
            && let Some(data_type) = self.receiving.short_message(inbox)
        {
            return Some(Ready(Step::Message(data_type)));
        }
        if inbox.unparsed_len() == 0 && !self.receiving.looks {
            return None;
        }
        self.poll_any_event(now, inbox)
    }

    /// Tells the connection that the transport has nothing to read for now. Then
    /// [`next_event`](Self::next_event) validates text that it has left
    /// [unchecked](Self::has_unchecked_text) (8.1).
    ///
    /// In this way, a long text that arrives in several reads is validated once, when it is
    /// complete, and a peer that does not go on delays no fault.
    #[inline]
    pub const fn drained(&mut self) {
        self.receiving.looks |= self.receiving.unchecked;
    }

    /// Whether [`next_event`](Self::next_event) has left incomplete text unchecked, because more
    /// was about to arrive.
    ///
    /// If so, try to read before you wait, and call [`drained`](Self::drained) if there is nothing.
    /// A loop that only waits learns of text that is not UTF-8 when more of it arrives.
    #[must_use]
    #[inline]
    pub const fn has_unchecked_text(&self) -> bool {
        self.receiving.unchecked
    }

    /// Throws away what means nothing any more.
    #[cold]
    fn discard(&mut self, inbox: &mut Inbox) -> Option<Ready> {
        inbox.discard();
        self.receiving.left = 0;
        self.receiving.unchecked = false;
        if self.receiving.eof {
            // The application failed it, or a deadline did, with events still to take.
            self.conclude();
        }
        None
    }

    /// [`poll_event`](Self::poll_event) for all that is not a short message.
    #[inline(never)]
    fn poll_any_event(&mut self, now: Duration, inbox: &mut Inbox) -> Option<Ready> {
        if !self.receiving.message_is_under_way()
            && let Some(data_type) = self.receiving.medium_message(&self.config.limits, inbox)
        {
            return Some(Ready(Step::Message(data_type)));
        }
        let step = self.next_step(now, inbox);
        self.receiving.left = inbox.unparsed_len();
        match step {
            Ok(Some(step)) => Some(Ready(step)),
            Err(error) => {
                self.receiving.failure = Some(Box::new(error));
                Some(Ready(Step::Failed))
            }
            Ok(None) => {
                if self.receiving.eof {
                    self.conclude();
                }
                None
            }
        }
    }

    /// The second half of [`next_event`](Self::next_event): takes what
    /// [`poll_event`](Self::poll_event) found, before the inbox or the connection is used for
    /// anything else.
    ///
    /// # Panics
    ///
    /// In a debug build, if `ready` came from another connection, or from another inbox that held
    /// more.
    #[inline]
    pub fn take_event<'a>(
        &mut self,
        ready: Ready,
        now: Duration,
        inbox: &'a mut Inbox,
        outbox: &mut Outbox,
    ) -> Event<'a> {
        match ready.0 {
            Step::Message(data_type) => self.take_message(data_type, now, inbox, outbox),
            step => self.take_any_event(step, now, inbox, outbox),
        }
    }

    #[inline]
    fn take_message<'a>(
        &mut self,
        data_type: DataType,
        now: Duration,
        inbox: &'a mut Inbox,
        outbox: &mut Outbox,
    ) -> Event<'a> {
        let range = inbox.take_message(inbox.message_len());
        match as_message(data_type, inbox.bytes(range)) {
            Some(message) => Event::Message(message),
            None => self.fail_peer(now, ProtocolError::InvalidUtf8, outbox),
        }
    }

    /// [`take_event`](Self::take_event) for what is mostly not a message: out of line, so that
    /// the way of a message is short enough to be part of its caller.
    #[inline(never)]
    fn take_any_event<'a>(
        &mut self,
        step: Step,
        now: Duration,
        inbox: &'a mut Inbox,
        outbox: &mut Outbox,
    ) -> Event<'a> {
        match step {
            Step::Message(data_type) => self.take_message(data_type, now, inbox, outbox),
            Step::Chunk { data_type, fin, rest } => {
                let range = inbox.take_message(inbox.message_len().saturating_sub(rest.into()));
                match as_message(data_type, inbox.bytes(range)) {
                    Some(part) => Event::Chunk { part, fin },
                    None => self.fail_peer(now, ProtocolError::InvalidUtf8, outbox),
                }
            }
            Step::DecodedMessage(data_type) => {
                let len = inbox.decoded().len();
                match as_message(data_type, inbox.take_decoded(len)) {
                    Some(message) => Event::Message(message),
                    None => self.fail_peer(now, ProtocolError::InvalidUtf8, outbox),
                }
            }
            Step::DecodedChunk { data_type, fin, rest } => {
                let len = inbox.decoded().len().saturating_sub(rest.into());
                match as_message(data_type, inbox.take_decoded(len)) {
                    Some(part) => Event::Chunk { part, fin },
                    None => self.fail_peer(now, ProtocolError::InvalidUtf8, outbox),
                }
            }
            Step::Control(opcode, len) => {
                self.receive_control(now, opcode, inbox.last_taken(len.into()), outbox)
            }
            Step::Failed => {
                let failure = self.receiving.failure.take();
                debug_assert!(failure.is_some(), "an event of another connection");
                let error = failure.map_or(ProtocolError::InvalidUtf8, |failure| *failure);
                self.fail_peer(now, error, outbox)
            }
        }
    }

    /// Whether another whole frame waits in the inbox. Then it pays to delay the write, since the
    /// answer to that frame can leave with it.
    #[must_use]
    pub fn has_frame(&self, inbox: &Inbox) -> bool {
        let there = inbox.unparsed();
        if let Some(remaining) = self.receiving.payload_remaining() {
            return there.len() as u64 >= remaining;
        }
        if Header::is_short_frame(there) {
            return true;
        }
        match Header::parse(there, self.masking_keys.is_none(), self.codec.is_some()) {
            Ok(Some(header)) => there.len().saturating_sub(header.len) as u64 >= header.payload_len,
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Whether the last call left nothing, nothing has arrived since, and there is nothing else to
    /// look at.
    #[inline]
    fn nothing_came(&self, inbox: &Inbox) -> bool {
        (inbox.unparsed_len() | self.receiving.left | usize::from(self.receiving.looks)) == 0
    }

    /// Any received byte is a sign of life.
    #[inline]
    fn note_arrival(&mut self, now: Duration, inbox: &Inbox) {
        if inbox.unparsed_len() != self.receiving.left {
            self.clock.last_received = now;
            self.clock.pong_due = false;
        }
    }

    /// Goes on until there is something to tell, or nothing more to go on with.
    fn next_step(
        &mut self,
        now: Duration,
        inbox: &mut Inbox,
    ) -> Result<Option<Step>, ProtocolError> {
        // The bytes from before are part of a header, or of a control frame.
        let came = inbox.unparsed_len();
        let step = self.any_step(now, inbox);
        let is_drained = core::mem::replace(&mut self.receiving.looks, self.receiving.eof);
        self.receiving.unchecked = matches!(step, Ok(None))
            && !is_drained
            && came >= LONG_ARRIVAL_LEN
            && self.receiving.has_unfinished_text(&self.config);
        if !self.receiving.unchecked {
            self.receiving.validate_unfinished(&self.config, inbox)?;
        }
        step
    }

    #[inline]
    fn any_step(
        &mut self,
        now: Duration,
        inbox: &mut Inbox,
    ) -> Result<Option<Step>, ProtocolError> {
        let masked = self.masking_keys.is_none();
        let extended = self.codec.is_some();
        loop {
            if self.receiving.in_frame {
                let step = match &mut self.codec {
                    Some(codec) if self.receiving.coded => {
                        self.receiving.coded_payload(&self.config, &mut **codec, inbox)?
                    }
                    _ => self.receiving.payload(&self.config, inbox)?,
                };
                if let Some(step) = step {
                    return Ok(Some(step));
                }
                if self.receiving.in_frame {
                    return Ok(None);
                }
            }
            let header = Header::parse(inbox.unparsed(), masked, extended)?;
            let Some(header) = header else { return Ok(None) };
            if header.opcode.is_control() {
                return Ok(take_control(&header, inbox));
            }
            self.receiving.begin_frame(&header, &self.config, inbox)?;
            if header.opcode != Opcode::Continuation {
                self.note_beginning(now);
            }
        }
    }

    /// Notes that a message begins. Once the connection closes, the time is that of the closing
    /// handshake. By itself, since the loop over frames would lack a register for it.
    #[inline(never)]
    fn note_beginning(&mut self, now: Duration) {
        if self.state == State::Open {
            self.clock.began = now;
        }
    }

    fn receive_control<'a>(
        &mut self,
        now: Duration,
        opcode: Opcode,
        payload: &'a [u8],
        outbox: &mut Outbox,
    ) -> Event<'a> {
        match opcode {
            Opcode::Ping => {
                // 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in
                // response, unless it already received a Close frame." 5.5.3: with "identical
                // Application data".
                if self.config.auto_pong {
                    let key = self.next_key();
                    outbox.lay_answer(FIN | Opcode::Pong as u8, payload, key);
                }
                Event::Ping(payload)
            }
            Opcode::Pong => {
                self.clock.receive_pong(now, payload);
                Event::Pong(payload)
            }
            _ => match CloseFrame::parse(payload) {
                Ok(close) => {
                    self.receive_close(now, close, outbox);
                    Event::Close(close)
                }
                Err(error) => self.fail_peer(now, error, outbox),
            },
        }
    }

    fn receive_close(&mut self, now: Duration, close: CloseFrame<'_>, outbox: &mut Outbox) {
        self.begin_closing(now, ClosedBy::Peer);
        self.close_received = true;
        self.receiving.looks = true;
        let closure = self.closure_mut();
        closure.code = close.code.unwrap_or(CloseCode::NO_STATUS_RECEIVED);
        closure.reason = close.reason.into();
        if !self.close_sent {
            // 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close
            // frame, the endpoint MUST send a Close frame in response. (When sending a Close frame
            // in response, the endpoint typically echos the status code it received.)" The reason
            // goes with it, as most peers do it: who closes finds what it said in what it gets.
            self.lay_close(close.code, close.reason, outbox);
        }
    }

    /// Fails the connection for what the peer did.
    #[cold]
    fn fail_peer<'a>(
        &mut self,
        now: Duration,
        error: ProtocolError,
        outbox: &mut Outbox,
    ) -> Event<'a> {
        self.fail_with(now, Fault::Protocol(error), error.close_code(), error.rule(), outbox);
        Event::Failed(error)
    }
}

/// Takes a control frame, which is handled whole.
fn take_control(header: &Header, inbox: &mut Inbox) -> Option<Step> {
    // At most 125 bytes (5.5), as the header was checked for.
    let len = u8::try_from(header.payload_len).unwrap_or(u8::MAX);
    if inbox.unparsed_len().saturating_sub(header.len) < len.into() {
        return None;
    }
    inbox.skip(header.len);
    inbox.take_control(len.into(), header.key);
    Some(Step::Control(header.opcode, len))
}

/// The bytes as a message of this type; `None` if they are not text and should be.
#[inline]
fn as_message(data_type: DataType, bytes: &[u8]) -> Option<Message<'_>> {
    match data_type {
        // 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte
        // stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket
        // Connection_."
        DataType::Text => utf8::to_str(bytes).map(Message::Text),
        DataType::Binary => Some(Message::Binary(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn nothing_came_only_if_nothing_waits_and_nothing_is_left_to_look_at() {
        let mut connection = Connection::server(Config::default(), Duration::ZERO);
        let mut inbox = Inbox::default();
        assert!(connection.nothing_came(&inbox));
        for (bytes, left, looks) in [
            (1, 0, false),
            (1, 1, false),
            (0, 1, false),
            (0, 0, true),
            (1, 0, true),
            (0, 1, true),
            (1, 1, true),
        ] {
            inbox.discard();
            inbox.extend(&[0; 1][..bytes]);
            connection.receiving.left = left;
            connection.receiving.looks = looks;
            assert!(!connection.nothing_came(&inbox), "{bytes} {left} {looks}");
        }
    }

    #[test]
    fn an_event_that_is_not_taken_is_lost() {
        let keys = crate::MaskingKeys::from_seed([1; 32]);
        let mut connection = Connection::client(Config::default(), keys, Duration::ZERO);
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        inbox.extend(b"\x01\x01a\x80\x01b");
        assert!(connection.poll_event(Duration::ZERO, &mut inbox).is_some_and(|it| it.is_data()));
        inbox.extend(b"\x01\x01c\x80\x01d");
        let event = connection.next_event(Duration::ZERO, &mut inbox, &mut outbox);
        assert!(matches!(event, Some(Event::Message(Message::Text("cd")))), "{event:?}");
    }
}
