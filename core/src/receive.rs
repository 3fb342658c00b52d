//! From bytes to events: header, payload, control frame, whole message (5.4, 5.5, 6.2).

use core::ops::Range;
use core::time::Duration;

use crate::close::{CloseCode, CloseFrame, ClosedBy};
use crate::config::{Config, Delivery, Limits};
use crate::connection::{Connection, DataType, Role};
use crate::error::{Fault, ProtocolError};
use crate::event::{Event, Message};
use crate::frame::{FIN, Header, LEN_16, MASK, Opcode};
use crate::inbox::Inbox;
use crate::mask::MaskingKey;
use crate::outbox::Outbox;
use crate::utf8;

const TEXT_MESSAGE: u8 = FIN | Opcode::Text as u8;
const BINARY_MESSAGE: u8 = FIN | Opcode::Binary as u8;

/// What is known of the frame and the message that are coming in.
#[derive(Debug)]
pub(crate) struct Receiving {
    /// The type of the message under way, from its first frame to its last.
    message: Option<DataType>,
    /// Whether a data frame's payload is under way.
    in_frame: bool,
    /// Whether the data frame is its message's last.
    fin: bool,
    key: MaskingKey,
    /// Payload that the frame still brings.
    remaining: u64,
    /// Payload of the message so far, as announced by its frames' headers.
    message_len: u64,
    fragments: u32,
    /// Bytes that the last call left unparsed, by which the next one sees whether more came.
    left: usize,
    /// How much of the text in the inbox is known to be whole characters.
    validated: usize,
    pub(crate) eof: bool,
    /// The mask bit that the peer's frames must have (5.1).
    mask_bit: u8,
    /// Below this length, up to what 7 bits can say, a message of one frame is within every limit
    /// and delivered whole; 0 if none is.
    short_len_end: u8,
}

/// An event that has come but is not taken yet: see [`Connection::poll_event`].
#[derive(Debug)]
#[must_use = "an event that is not taken is lost"]
pub struct Ready(Step);

impl Ready {
    /// Whether it is a message or a chunk, rather than a control frame or a failure.
    #[must_use]
    #[inline]
    pub const fn is_data(&self) -> bool {
        matches!(self.0, Step::Message(_) | Step::Chunk { .. })
    }
}

/// What the bytes amount to, as ranges of the inbox.
#[derive(Debug)]
enum Step {
    Message(DataType),
    Chunk { data_type: DataType, len: usize, fin: bool },
    Control(Opcode, Range<usize>),
    Failed(ProtocolError),
}

impl Connection {
    /// The next thing that the received bytes amount to; `None` when it takes more bytes.
    ///
    /// Call it after each read until it returns `None`, and then write the outbox: answers to
    /// Pings and to Close are laid there. What the peer does wrong is an event too,
    /// [`Event::Failed`], after which there are none.
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
        // What ends most loops around this, told without a call.
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

    /// The first half of [`next_event`](Self::next_event), which borrows nothing: for a loop that
    /// reads until there is a message and then lends it to its caller, which the borrow checker
    /// refuses in one step.
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
        if self.receiving.message.is_none()
            && let Some(data_type) = self.receiving.short_message(inbox)
        {
            return Some(Ready(Step::Message(data_type)));
        }
        if inbox.unparsed_len() == 0 && !self.receiving.eof {
            return None;
        }
        self.poll_any_event(now, inbox)
    }

    /// Throws away what means nothing any more.
    #[cold]
    fn discard(&mut self, inbox: &mut Inbox) -> Option<Ready> {
        inbox.discard();
        self.receiving.left = 0;
        if self.receiving.eof {
            // The application failed it, or a deadline did, with events still to take.
            self.conclude();
        }
        None
    }

    /// [`poll_event`](Self::poll_event) for all that is not a short message.
    #[inline(never)]
    fn poll_any_event(&mut self, now: Duration, inbox: &mut Inbox) -> Option<Ready> {
        if self.receiving.message.is_none()
            && let Some(data_type) = self.receiving.medium_message(&self.config.limits, inbox)
        {
            return Some(Ready(Step::Message(data_type)));
        }
        let step = self.next_step(now, inbox);
        self.receiving.left = inbox.unparsed_len();
        match step {
            Ok(Some(step)) => Some(Ready(step)),
            Err(error) => Some(Ready(Step::Failed(error))),
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
    /// If `ready` came from another inbox that held more.
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
            Step::Chunk { data_type, len, fin } => {
                let range = inbox.take_message(len);
                match as_message(data_type, inbox.bytes(range)) {
                    Some(part) => Event::Chunk { part, fin },
                    None => self.fail_peer(now, ProtocolError::InvalidUtf8, outbox),
                }
            }
            Step::Control(opcode, range) => {
                self.receive_control(now, opcode, inbox.bytes(range), outbox)
            }
            Step::Failed(error) => self.fail_peer(now, error, outbox),
        }
    }

    /// Whether another whole frame waits in the inbox: a reason not to write what was laid yet,
    /// since its answer can go out by the same write.
    #[must_use]
    pub fn has_frame(&self, inbox: &Inbox) -> bool {
        let there = inbox.unparsed();
        match Header::parse(there, self.masking_keys.is_none()) {
            Ok(Some(header)) => (there.len() - header.len) as u64 >= header.payload_len,
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Whether the last call left nothing, nothing has come since, and there is no end to tell.
    #[inline]
    fn nothing_came(&self, inbox: &Inbox) -> bool {
        let empty = (inbox.unparsed_len() | self.receiving.left) == 0;
        empty && !self.receiving.eof && !self.receiving_is_over()
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
        let step = self.any_step(now, inbox);
        self.receiving.validate_unfinished(&self.config, inbox)?;
        step
    }

    #[inline]
    fn any_step(
        &mut self,
        now: Duration,
        inbox: &mut Inbox,
    ) -> Result<Option<Step>, ProtocolError> {
        let masked = self.masking_keys.is_none();
        loop {
            if self.receiving.in_frame {
                if let Some(step) = self.receiving.payload(&self.config, inbox)? {
                    return Ok(Some(step));
                }
                if self.receiving.in_frame {
                    return Ok(None);
                }
            }
            let Some(header) = Header::parse(inbox.unparsed(), masked)? else { return Ok(None) };
            if header.opcode.is_control() {
                return Ok(take_control(&header, inbox));
            }
            self.receiving.begin_frame(&header, &self.config, inbox)?;
            if header.opcode != Opcode::Continuation {
                self.clock.message_began = now;
            }
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
        self.closure.code = close.code.unwrap_or(CloseCode::NO_STATUS_RECEIVED);
        self.closure.reason = close.reason.into();
        if !self.close_sent {
            // 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close
            // frame, the endpoint MUST send a Close frame in response. (When sending a Close frame
            // in response, the endpoint typically echos the status code it received.)" The reason
            // goes with it, as most peers do it: who closes finds what it said in what it gets.
            self.lay_close(close.code, close.reason, outbox);
        }
        if self.receiving.eof {
            self.conclude();
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
        if self.receiving.eof {
            self.conclude();
        }
        Event::Failed(error)
    }
}

impl Receiving {
    pub(crate) fn new(config: &Config, role: Role) -> Self {
        let Limits { frame_len_max, message_len_max, fragments_max, .. } = config.limits;
        let within_limits = frame_len_max.min(message_len_max).saturating_add(1);
        let delivered_whole = config.delivery == Delivery::Whole && fragments_max > 0;
        let short_len_end = u8::try_from(within_limits).map_or(LEN_16, |end| end.min(LEN_16));
        Self {
            message: None,
            in_frame: false,
            fin: false,
            key: MaskingKey::NONE,
            remaining: 0,
            message_len: 0,
            fragments: 0,
            left: 0,
            validated: 0,
            eof: false,
            mask_bit: if role == Role::Server { MASK } else { 0 },
            short_len_end: if delivered_whole { short_len_end } else { 0 },
        }
    }

    /// Takes a message as most are, when none is under way: one frame of at most 125 bytes, all of
    /// it there.
    ///
    /// Such a frame breaks no rule, so a few comparisons tell it from all others, in place of the
    /// questions that those must answer one by one. Nothing changes unless it is one.
    #[inline]
    fn short_message(&mut self, inbox: &mut Inbox) -> Option<DataType> {
        let &[first, second, ..] = inbox.unparsed() else { return None };
        // A mask bit that is not as it must be makes it too long.
        let len = second ^ self.mask_bit;
        if len >= self.short_len_end {
            return None;
        }
        self.plain_message(first, 2, len.into(), inbox)
    }

    /// The same with a length of 16 bits.
    #[inline]
    fn medium_message(&mut self, limits: &Limits, inbox: &mut Inbox) -> Option<DataType> {
        let &[first, second, high, low, ..] = inbox.unparsed() else { return None };
        let len = u16::from_be_bytes([high, low]);
        let within_limits = u64::from(len) <= limits.frame_len_max.min(limits.message_len_max);
        // Messages that are delivered whole have a short way, and so has this one.
        let plain = self.short_len_end != 0 && within_limits && len >= LEN_16.into();
        if second ^ self.mask_bit != LEN_16 || !plain {
            return None;
        }
        self.plain_message(first, 4, len.into(), inbox)
    }

    /// Takes a message of one frame whose length is lawful, if that is what it is.
    #[inline]
    fn plain_message(
        &mut self,
        first: u8,
        key_start: usize,
        len: usize,
        inbox: &mut Inbox,
    ) -> Option<DataType> {
        let data_type = match first {
            TEXT_MESSAGE => DataType::Text,
            BINARY_MESSAGE => DataType::Binary,
            _ => return None,
        };
        let rest = inbox.unparsed_mut().get_mut(key_start..)?;
        if self.mask_bit == 0 {
            rest.get(..len)?;
            inbox.take_message_behind(key_start, len);
        } else {
            let (key, rest) = rest.split_first_chunk_mut()?;
            MaskingKey::new(*key).apply_once(rest.get_mut(..len)?);
            inbox.take_message_behind(key_start + 4, len);
        }
        self.left = inbox.unparsed_len();
        Some(data_type)
    }

    pub(crate) const fn message_is_under_way(&self) -> bool {
        self.message.is_some()
    }

    /// Takes a data frame's header, if its place and its length are lawful.
    #[inline]
    fn begin_frame(
        &mut self,
        header: &Header,
        config: &Config,
        inbox: &mut Inbox,
    ) -> Result<(), ProtocolError> {
        let begins = header.opcode != Opcode::Continuation;
        if begins == self.message.is_some() {
            // 5.4: a fragmented message is a first frame with an opcode, then continuation frames;
            // "The fragments of one message MUST NOT be interleaved between the fragments of
            // another message".
            return Err(if begins {
                ProtocolError::InterleavedMessage
            } else {
                ProtocolError::UnexpectedContinuation
            });
        }
        let (before, fragments) = if begins { (0, 0) } else { (self.message_len, self.fragments) };
        let limits = &config.limits;
        if header.payload_len > limits.frame_len_max {
            return Err(ProtocolError::FrameTooLong);
        }
        // Lengths are below 2^63 each, and the sum so far is within the limit.
        let message_len = before.saturating_add(header.payload_len);
        if message_len > limits.message_len_max {
            return Err(ProtocolError::MessageTooLong);
        }
        if fragments >= limits.fragments_max {
            return Err(ProtocolError::TooManyFragments);
        }
        inbox.skip(header.len);
        match header.opcode {
            Opcode::Text => self.message = Some(DataType::Text),
            Opcode::Binary => self.message = Some(DataType::Binary),
            _ => {}
        }
        if begins {
            inbox.begin_message();
            self.validated = 0;
        }
        self.message_len = message_len;
        self.fragments = fragments + 1;
        self.in_frame = true;
        self.fin = header.fin;
        self.key = header.key;
        self.remaining = header.payload_len;
        Ok(())
    }

    /// Takes what is there of the frame's payload.
    #[inline]
    fn payload(
        &mut self,
        config: &Config,
        inbox: &mut Inbox,
    ) -> Result<Option<Step>, ProtocolError> {
        let there = inbox.unparsed().len();
        let len = usize::try_from(self.remaining).map_or(there, |remaining| remaining.min(there));
        inbox.take_payload(len, &mut self.key);
        self.remaining -= len as u64;
        self.in_frame = self.remaining != 0;
        let ends = self.fin && !self.in_frame;
        let Some(data_type) = self.message else { return Ok(None) };
        let step = match config.delivery {
            Delivery::Whole if ends => Step::Message(data_type),
            Delivery::Whole => {
                self.expect_more(config, inbox);
                return Ok(None);
            }
            Delivery::Chunks => {
                let len = match data_type {
                    DataType::Text => validate(inbox.message())?,
                    DataType::Binary => inbox.message_len(),
                };
                if ends && len != inbox.message_len() {
                    return Err(ProtocolError::InvalidUtf8);
                }
                if !ends && len == 0 {
                    return Ok(None);
                }
                Step::Chunk { data_type, len, fin: ends }
            }
        };
        if ends {
            self.message = None;
            inbox.expect(0);
        }
        Ok(Some(step))
    }

    /// Validates what has come of a text that is not complete: before anything that came later is
    /// told, so that the first fault is, but once for all fragments that came together. A text
    /// that is complete is validated when it is taken.
    fn validate_unfinished(&mut self, config: &Config, inbox: &Inbox) -> Result<(), ProtocolError> {
        if self.message == Some(DataType::Text) && config.delivery == Delivery::Whole {
            self.validated += validate(&inbox.message()[self.validated..])?;
        }
        Ok(())
    }

    /// Tells the inbox how much the message can still bring, as its room may grow by that.
    fn expect_more(&self, config: &Config, inbox: &mut Inbox) {
        let later = if self.fin { 0 } else { config.limits.message_len_max - self.message_len };
        inbox.expect(self.remaining.saturating_add(later));
    }
}

/// Takes a control frame, which is handled whole.
fn take_control(header: &Header, inbox: &mut Inbox) -> Option<Step> {
    let payload_len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
    if inbox.unparsed().len() - header.len < payload_len {
        return None;
    }
    inbox.skip(header.len);
    Some(Step::Control(header.opcode, inbox.take_control(payload_len, header.key)))
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

fn validate(text: &[u8]) -> Result<usize, ProtocolError> {
    utf8::whole_chars_len(text).map_err(|utf8::Invalid| ProtocolError::InvalidUtf8)
}
