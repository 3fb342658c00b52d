//! The body of a Close frame, and the report on how a connection ended (sections 5.5.1 and 7.1).

use alloc::boxed::Box;

use crate::close_code::CloseCode;
use crate::error::{Fault, ProtocolError};
use crate::utf8;

/// The contents of a Close frame (5.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseFrame<'a> {
    /// The status code; `None` where the frame's body is empty.
    pub code: Option<CloseCode>,
    /// The reason, at most 123 bytes; empty where none was given.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Makes the contents of a Close frame, for tests of programs that handle events.
    #[must_use]
    pub const fn new(code: Option<CloseCode>, reason: &'a str) -> Self {
        Self { code, reason }
    }

    /// Reads the body of a Close frame.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ProtocolError> {
        let Some((code, reason)) = body.split_first_chunk::<2>() else {
            // 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte
            // unsigned integer".
            return match body {
                [] => Ok(Self { code: None, reason: "" }),
                _ => Err(ProtocolError::CloseBodyTooShort),
            };
        };
        let code = CloseCode::new(u16::from_be_bytes(*code));
        if !code.may_be_sent() {
            return Err(ProtocolError::InvalidCloseCode(code));
        }
        // 7.1.6: the reason is "interpreted as UTF-8-encoded data".
        match utf8::to_str(reason) {
            Some(reason) => Ok(Self { code: Some(code), reason }),
            None => Err(ProtocolError::InvalidCloseReason),
        }
    }
}

/// The end that began to close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosedBy {
    /// This endpoint: it sent the first Close frame, or failed the connection.
    Local,
    /// The peer: its Close frame came first.
    Peer,
    /// Neither: the transport ended before any Close frame.
    Transport,
}

/// How a connection ended. Every connection has exactly one closure.
///
/// You can make one to test your program:
///
/// ```
/// use bluewire_core::{CloseCode, ClosedBy, Closure, Fault, Timeout};
///
/// fn is_worth_a_retry(closure: &Closure) -> bool {
///     closure.fault.is_some() || closure.code == CloseCode::SERVICE_RESTART
/// }
///
/// assert!(!is_worth_a_retry(&Closure::new(CloseCode::NORMAL, "goodbye")));
/// assert!(is_worth_a_retry(&Closure::new(CloseCode::SERVICE_RESTART, "")));
/// let silent = Closure::new(CloseCode::ABNORMAL, "")
///     .closed_by(ClosedBy::Local)
///     .sent(CloseCode::INTERNAL_ERROR)
///     .fault(Fault::Timeout(Timeout::Pong));
/// assert!(is_worth_a_retry(&silent) && !silent.clean);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closure {
    /// _The WebSocket Connection Close Code_ (7.1.5): the one in the peer's Close frame,
    /// [`NO_STATUS_RECEIVED`](CloseCode::NO_STATUS_RECEIVED) where that frame carried none, and
    /// [`ABNORMAL`](CloseCode::ABNORMAL) where no Close frame came.
    pub code: CloseCode,
    /// _The WebSocket Connection Close Reason_ (7.1.6): the peer's, or empty.
    pub reason: Box<str>,
    /// Whether both ends sent a Close frame and neither broke the protocol
    /// (_closed cleanly_, 7.1.4).
    pub clean: bool,
    /// The code in the Close frame of this endpoint; `None` if it sent no Close frame, or
    /// answered a Close frame without a code by another one.
    pub sent: Option<CloseCode>,
    /// The end that began.
    pub closed_by: ClosedBy,
    /// The fault that ended the connection, if there was one.
    pub fault: Option<Fault>,
}

impl Closure {
    /// Makes the closure of a connection that the peer closed with this code and this reason. With
    /// [`CloseCode::ABNORMAL`], it is the closure of a lost connection.
    ///
    /// This is for tests of your program. Connections make their own closures.
    #[must_use]
    pub fn new(code: CloseCode, reason: impl Into<Box<str>>) -> Self {
        let lost = code == CloseCode::ABNORMAL;
        Self {
            code,
            reason: reason.into(),
            clean: !lost,
            sent: code.may_be_sent().then_some(code),
            closed_by: if lost { ClosedBy::Transport } else { ClosedBy::Peer },
            fault: lost.then_some(Fault::ConnectionLost),
        }
    }

    /// Sets [`clean`](field@Self::clean).
    #[must_use]
    pub const fn clean(mut self, clean: bool) -> Self {
        self.clean = clean;
        self
    }

    /// Sets [`sent`](field@Self::sent).
    #[must_use]
    pub fn sent(mut self, sent: impl Into<Option<CloseCode>>) -> Self {
        self.sent = sent.into();
        self
    }

    /// Sets [`closed_by`](field@Self::closed_by).
    #[must_use]
    pub const fn closed_by(mut self, closed_by: ClosedBy) -> Self {
        self.closed_by = closed_by;
        self
    }

    /// Sets [`fault`](field@Self::fault). A fault also sets `clean` to false.
    #[must_use]
    pub fn fault(mut self, fault: impl Into<Option<Fault>>) -> Self {
        self.fault = fault.into();
        self.clean &= self.fault.is_none();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_empty_or_begins_with_a_code() {
        let parse = CloseFrame::parse;
        assert_eq!(parse(b""), Ok(CloseFrame { code: None, reason: "" }));
        assert_eq!(parse(b"\x03"), Err(ProtocolError::CloseBodyTooShort));
        let code = Some(CloseCode::NORMAL);
        assert_eq!(parse(b"\x03\xe8"), Ok(CloseFrame { code, reason: "" }));
        assert_eq!(parse(b"\x03\xe8bye"), Ok(CloseFrame { code, reason: "bye" }));
        let reserved = CloseCode::new(1004);
        assert_eq!(parse(b"\x03\xec"), Err(ProtocolError::InvalidCloseCode(reserved)));
        assert_eq!(parse(b"\x03\xe8\xff"), Err(ProtocolError::InvalidCloseReason));
    }
}
