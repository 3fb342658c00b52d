//! From calls to bytes: messages, fragments, control frames, closing, failing
//! (5.4, 5.5, 6.1, 7.1).

use core::num::NonZeroUsize;
use core::time::Duration;

use crate::close::ClosedBy;
use crate::close_code::CloseCode;
use crate::connection::{Connection, State};
use crate::cut::Cut;
use crate::error::{Fault, SendError};
use crate::frame::{CONTROL_PAYLOAD_LEN_MAX, FIN, HEADER_LEN_MAX, Opcode, RSV1};
use crate::gather::Gather;
use crate::mask::MaskingKeys;
use crate::message::Message;
use crate::outbox::Outbox;
use crate::prepared::PreparedMessage;
use crate::role::DataType;

/// The longest reason: what the code leaves of a control frame's payload (5.5.1).
const CLOSE_REASON_LEN_MAX: usize = CONTROL_PAYLOAD_LEN_MAX - 2;

impl Connection {
    /// Sends a whole message: writes its frame to the outbox, or several frames if
    /// [`Config::fragment_len`](crate::Config::fragment_len) is set.
    ///
    /// ```
    /// # use bluewire_core::{Config, Connection, Outbox};
    /// # use core::time::Duration;
    /// let mut server = Connection::server(Config::default(), Duration::ZERO);
    /// let mut outbox = Outbox::new();
    /// server.send("Hello", &mut outbox)?;
    /// assert_eq!(outbox.unsent(), b"\x81\x05Hello");
    /// # Ok::<(), bluewire_core::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`], [`SendError::MessageUnfinished`], [`SendError::OutboxFull`] or
    /// [`SendError::MessageTooLong`].
    #[inline]
    pub fn send<'m>(
        &mut self,
        message: impl Into<Message<'m>>,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        let message = message.into();
        let payload = message.as_bytes();
        let opcode = opcode(data_type(message));
        self.check_begin()?;
        if !self.sends_plainly {
            return self.lay_message(opcode, payload, outbox);
        }
        self.check_needed(payload.len().saturating_add(HEADER_LEN_MAX), outbox)?;
        self.lay_frame(FIN | opcode as u8, payload, outbox);
        Ok(())
    }

    /// Sends a part of a message; `fin` marks the last part (5.4). Use it for a message of unknown
    /// length, or one that is larger than memory. All parts must have the same type.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`], [`SendError::TypeChanged`], [`SendError::OutboxFull`] or
    /// [`SendError::MessageTooLong`].
    pub fn send_fragment<'m>(
        &mut self,
        part: impl Into<Message<'m>>,
        fin: bool,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        let part = part.into();
        let payload = part.as_bytes();
        self.check_open()?;
        let part_type = data_type(part);
        let opcode = match self.sending {
            None => opcode(part_type),
            Some(begun) if begun == part_type => Opcode::Continuation,
            Some(_) => return Err(SendError::TypeChanged),
        };
        self.check_room(payload.len(), outbox)?;
        // The length is known only for a message that is sent whole, not for one in parts.
        let encodes = match self.sending {
            Some(_) => self.sending_coded,
            None => self.encodes(payload.len()) || (self.codec.is_some() && !fin),
        };
        if encodes {
            self.check_encoded_room(payload.len(), outbox)?;
            self.lay_encoded(opcode, payload, fin, outbox);
        } else {
            self.lay_fragments(opcode, payload, fin, outbox);
        }
        self.sending_coded = encodes;
        self.sending = if fin { None } else { Some(part_type) };
        Ok(())
    }

    /// Sends a whole message without copying it, on a server: see [`Gather`].
    ///
    /// A client has to mask its frames, and a compressed message has to be compressed. Both are
    /// copies, so in these cases the gather contains only the outbox.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_vectored<'o>(
        &mut self,
        message: impl Into<Message<'o>>,
        outbox: &'o mut Outbox,
    ) -> Result<Gather<'o>, SendError> {
        let message = message.into();
        if self.masking_keys.is_some() || (!self.sends_plainly && self.encodes(message.len())) {
            self.send(message, outbox)?;
            return Ok(Gather::copied(outbox));
        }
        self.check_message(message.len(), outbox)?;
        let opcode = opcode(data_type(message));
        Ok(Gather::new(opcode, message.as_bytes(), self.fragment_len(), outbox))
    }

    /// Sends a message that was encoded in advance for many connections; see [`PreparedMessage`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(
        &mut self,
        message: &PreparedMessage,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        self.check_message(message.payload().len(), outbox)?;
        let key = self.next_key();
        let frame = message.frame_for(self.codec.as_deref_mut().map(|codec| codec as _));
        match key {
            None => outbox.lay_laid(frame.bytes()),
            Some(key) => outbox.lay_masked_frame(frame.first(), frame.payload(), key),
        }
        Ok(())
    }

    /// Sends a prepared message without copying it, on a server: see [`Gather`]. On a client the
    /// message is masked, which is a copy, so the gather contains only the outbox.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared_vectored<'o>(
        &mut self,
        message: &'o PreparedMessage,
        outbox: &'o mut Outbox,
    ) -> Result<Gather<'o>, SendError> {
        if self.masking_keys.is_some() {
            self.send_prepared(message, outbox)?;
            return Ok(Gather::copied(outbox));
        }
        self.check_message(message.payload().len(), outbox)?;
        let frame = message.frame_for(self.codec.as_deref_mut().map(|codec| codec as _));
        Ok(Gather::laid(frame.bytes(), outbox))
    }

    /// Sends a Ping (5.5.2) with at most 125 bytes, ahead of waiting messages. The peer's Pong has
    /// the same bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`], [`SendError::ControlPayloadTooLong`], or [`SendError::OutboxFull`]
    /// when many control frames wait already.
    pub fn ping(&mut self, payload: &[u8], outbox: &mut Outbox) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload, outbox)
    }

    /// Sends a Pong ahead of waiting messages: an unsolicited one (5.5.3), or the answer to a Ping if
    /// [`Config::auto_pong`](crate::Config::auto_pong) is off.
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], outbox: &mut Outbox) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload, outbox)
    }

    /// Starts the closing handshake (7.1.2): sends a Close frame after everything that was sent
    /// before.
    ///
    /// You can receive messages until the peer's Close frame arrives. The connection ends then, or
    /// after [`Config::close_timeout`](crate::Config::close_timeout).
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`], [`SendError::InvalidCloseCode`] or
    /// [`SendError::CloseReasonTooLong`].
    pub fn close(
        &mut self,
        now: Duration,
        code: CloseCode,
        reason: &str,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        self.check_open()?;
        Self::check_close(code, reason)?;
        self.begin_closing(now, ClosedBy::Local);
        self.lay_close(Some(code), reason, outbox);
        Ok(())
    }

    /// Whether a Close frame may carry this code and this reason (5.5.1, 7.4).
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidCloseCode`] or [`SendError::CloseReasonTooLong`].
    pub const fn check_close(code: CloseCode, reason: &str) -> Result<(), SendError> {
        if !code.may_be_sent() {
            return Err(SendError::InvalidCloseCode(code));
        }
        if reason.len() > CLOSE_REASON_LEN_MAX {
            return Err(SendError::CloseReasonTooLong);
        }
        Ok(())
    }

    /// Starts the closing handshake after the current frame and drops everything that waits behind
    /// it. So the Close frame does not wait until a slow peer has read a long message.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn close_now(
        &mut self,
        now: Duration,
        code: CloseCode,
        reason: &str,
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        self.check_open()?;
        Self::check_close(code, reason)?;
        outbox.cut_short();
        self.close(now, code, reason, outbox)
    }

    /// Fails the connection (7.1.7) for a reason of the application. It sends a Close frame unless
    /// one was sent, and ignores further input. On a failed connection, and after the closing
    /// handshake, it does nothing.
    ///
    /// A code that must not be sent is replaced by 1011, and a reason is cut to 123 bytes.
    pub fn fail(&mut self, now: Duration, code: CloseCode, reason: &str, outbox: &mut Outbox) {
        let code = if code.may_be_sent() { code } else { CloseCode::INTERNAL_ERROR };
        let mut lens = (0..=reason.len().min(CLOSE_REASON_LEN_MAX)).rev();
        let reason = lens.find_map(|len| reason.get(..len)).unwrap_or_default();
        self.fail_with(now, Fault::Application(code), code, reason, outbox);
    }

    pub(crate) fn fail_with(
        &mut self,
        now: Duration,
        fault: Fault,
        code: CloseCode,
        reason: &str,
        outbox: &mut Outbox,
    ) {
        if self.receiving_is_over() {
            return;
        }
        self.begin_closing(now, ClosedBy::Local);
        self.failed = true;
        self.receiving.looks = true;
        self.closure_mut().fault = Some(fault);
        if !self.close_sent {
            // 7.1.7: "an endpoint SHOULD send a Close frame with an appropriate status code".
            self.lay_close(Some(code), reason, outbox);
        }
    }

    pub(crate) fn lay_close(&mut self, code: Option<CloseCode>, reason: &str, outbox: &mut Outbox) {
        let mut body = [0; CONTROL_PAYLOAD_LEN_MAX];
        let code_bytes = code.map(|code| code.value().to_be_bytes());
        let parts = code_bytes.iter().flatten().chain(reason.as_bytes());
        let len = body.iter_mut().zip(parts).map(|(room, byte)| *room = *byte).count();
        self.lay_frame(FIN | Opcode::Close as u8, body.part(0..len), outbox);
        self.close_sent = true;
        self.closure_mut().sent = code;
    }

    fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        self.check_open()?;
        if payload.len() > CONTROL_PAYLOAD_LEN_MAX {
            return Err(SendError::ControlPayloadTooLong);
        }
        if !outbox.has_control_room() {
            return Err(SendError::OutboxFull);
        }
        let key = self.next_key();
        outbox.lay_control(FIN | opcode as u8, payload, key);
        Ok(())
    }

    /// Lays a frame as this role must: masked or not.
    #[inline]
    fn lay_frame(&mut self, first: u8, payload: &[u8], outbox: &mut Outbox) {
        match &mut self.masking_keys {
            None => outbox.lay_frame(first, payload),
            Some(keys) => lay_masked_frame(first, payload, keys, outbox),
        }
    }

    /// Lays a message that goes out in another way than as one frame that holds it as it is.
    #[inline(never)]
    fn lay_message(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        outbox: &mut Outbox,
    ) -> Result<(), SendError> {
        self.check_room(payload.len(), outbox)?;
        if self.encodes(payload.len()) {
            self.check_encoded_room(payload.len(), outbox)?;
            self.lay_encoded(opcode, payload, true, outbox);
        } else {
            self.lay_fragments(opcode, payload, true, outbox);
        }
        Ok(())
    }

    /// Whether a whole message of this length is for the extension to encode.
    fn encodes(&self, len: usize) -> bool {
        self.codec.as_ref().is_some_and(|codec| codec.is_worthwhile(len))
    }

    /// Has the extension encode payload, and lays what it makes of it.
    fn lay_encoded(&mut self, first: Opcode, payload: &[u8], fin: bool, outbox: &mut Outbox) {
        let fragment_len = self.fragment_len();
        let Some(codec) = &mut self.codec else { return };
        let len = codec.encode(payload, fin, outbox);
        let is_whole = fin && first != Opcode::Continuation;
        if is_whole && len >= payload.len() && codec.take_back(payload.len()) {
            outbox.drop_bare(len);
            self.lay_fragments(first, payload, fin, outbox);
            return;
        }
        // RFC 7692, section 6.1: "An endpoint MUST NOT set the "Per-Message Compressed" bit of
        // control frames and non-first fragments of a data message."
        let rsv1 = if first == Opcode::Continuation { 0 } else { RSV1 };
        let keys = self.masking_keys.as_mut();
        outbox.frame_bare(len, fragment_len, rsv1 | first as u8, fin, keys);
    }

    /// Lays payload as one frame or several, the first with this opcode.
    #[inline(never)]
    fn lay_fragments(&mut self, first: Opcode, payload: &[u8], fin: bool, outbox: &mut Outbox) {
        let mut opcode = first;
        let mut rest = payload;
        loop {
            let (piece, after) = rest.split_at(rest.len().min(self.fragment_len()));
            let last = if fin && after.is_empty() { FIN } else { 0 };
            self.lay_frame(last | opcode as u8, piece, outbox);
            if after.is_empty() {
                return;
            }
            opcode = Opcode::Continuation;
            rest = after;
        }
    }

    #[inline]
    fn fragment_len(&self) -> usize {
        self.config.fragment_len.map_or(usize::MAX, Into::into)
    }

    #[inline]
    fn check_open(&self) -> Result<(), SendError> {
        // 5.5.1: "The application MUST NOT send any more data frames after sending a Close
        // frame." 6.1: the connection must be in the OPEN state.
        if self.state == State::Open { Ok(()) } else { Err(SendError::NotOpen) }
    }

    /// Whether a message may begin.
    #[inline]
    fn check_begin(&self) -> Result<(), SendError> {
        self.check_open()?;
        match self.sending {
            None => Ok(()),
            Some(_) => Err(SendError::MessageUnfinished),
        }
    }

    #[inline]
    fn check_message(&self, len: usize, outbox: &Outbox) -> Result<(), SendError> {
        self.check_begin()?;
        self.check_room(len, outbox)
    }

    /// The same for what the extension may make of a message that it cannot make shorter.
    fn check_encoded_room(&self, len: usize, outbox: &Outbox) -> Result<(), SendError> {
        let len_max = self.codec.as_ref().map_or(len, |codec| codec.encoded_len_max(len));
        self.check_room(len_max, outbox)
    }

    #[inline]
    fn check_room(&self, len: usize, outbox: &Outbox) -> Result<(), SendError> {
        let headers = match self.config.fragment_len {
            None => HEADER_LEN_MAX,
            Some(piece) => headers_len(len, piece),
        };
        self.check_needed(len.saturating_add(headers), outbox)
    }

    #[inline]
    fn check_needed(&self, needed: usize, outbox: &Outbox) -> Result<(), SendError> {
        if needed > self.config.limits.outbox_len_max.saturating_sub(outbox.len()) {
            return Err(self.no_room(needed));
        }
        Ok(())
    }

    /// Whether it is the outbox that is full or the message that is too long for it.
    #[cold]
    fn no_room(&self, needed: usize) -> SendError {
        let limit = self.config.limits.outbox_len_max;
        if needed > limit { SendError::MessageTooLong { limit } } else { SendError::OutboxFull }
    }
}

/// The most bytes that the headers of a message cut into pieces take.
#[cold]
fn headers_len(len: usize, piece: NonZeroUsize) -> usize {
    len.div_ceil(piece.get()).max(1).saturating_mul(HEADER_LEN_MAX)
}

/// Out of line: a server's way needs none of the registers that this one fills.
#[inline(never)]
fn lay_masked_frame(first: u8, payload: &[u8], keys: &mut MaskingKeys, outbox: &mut Outbox) {
    outbox.lay_masked_frame(first, payload, keys.next_key());
}

const fn data_type(message: Message<'_>) -> DataType {
    match message {
        Message::Text(_) => DataType::Text,
        Message::Binary(_) => DataType::Binary,
    }
}

const fn opcode(data_type: DataType) -> Opcode {
    match data_type {
        DataType::Text => Opcode::Text,
        DataType::Binary => Opcode::Binary,
    }
}
