//! The body of a response that refuses the handshake: an error page to show or to log
//! (RFC 9112, sections 6 and 7).
//!
//! It is kept up to a limit, and nothing about it can turn the refusal into another error: a body
//! that is malformed, too long or cut off is the part of it that was understood, and says so.

use alloc::vec::Vec;
use core::fmt;

use crate::cut::Cut;
use crate::handshake::append::append;
use crate::handshake::headers::ResponseHead;
use crate::inbox::Inbox;

/// A body while it arrives.
#[derive(Clone)]
pub(crate) struct Body {
    state: State,
    bytes: Vec<u8>,
    len_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Arriving(Framing),
    Complete,
    /// It was longer than what is kept, malformed, or cut off.
    Truncated,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    /// That many more bytes.
    Length(u64),
    Chunked(Chunked),
    /// The end of the transport.
    Eof,
}

/// The next part of the chunked coding (RFC 9112, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Chunked {
    /// A digit of a chunk's size, or what stands behind the last one.
    Size {
        size: u64,
        any_digit: bool,
    },
    /// The rest of the size's line: extensions, which mean nothing here.
    SizeRest(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// The trailer section: lines up to an empty one.
    Trailer {
        line_has_begun: bool,
    },
    TrailerLf {
        line_has_begun: bool,
    },
}

impl Chunked {
    const SIZE: Self = Self::Size { size: 0, any_digit: false };
}

impl Body {
    /// The body that this head announces.
    pub(crate) fn new(head: &ResponseHead, len_max: usize) -> Self {
        let state = match announced(head) {
            State::Arriving(_) if len_max == 0 => State::Truncated,
            state => state,
        };
        Self { state, bytes: Vec::new(), len_max }
    }

    /// The body of an answer whose head cannot be read.
    pub(crate) const fn unreadable() -> Self {
        Self { state: State::Truncated, bytes: Vec::new(), len_max: 0 }
    }

    /// The body that another library has read, or its beginning.
    pub(crate) fn of(bytes: &[u8], is_complete: bool) -> Self {
        let state = if is_complete { State::Complete } else { State::Truncated };
        Self { state, bytes: bytes.into(), len_max: bytes.len() }
    }

    /// Takes what has arrived of it.
    pub(crate) fn read(&mut self, inbox: &mut Inbox) {
        while let State::Arriving(framing) = self.state
            && !inbox.unparsed().is_empty()
        {
            let len = self.step(framing, inbox.unparsed());
            inbox.skip(len);
        }
    }

    /// Says that nothing more will come.
    pub(crate) fn end(&mut self) {
        match self.state {
            State::Arriving(Framing::Eof) => self.state = State::Complete,
            _ => self.give_up(),
        }
    }

    /// Says that nothing more will be waited for.
    pub(crate) const fn give_up(&mut self) {
        if !self.is_over() {
            self.state = State::Truncated;
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        !matches!(self.state, State::Arriving(_))
    }

    pub(crate) const fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes bytes of `input`, which is not empty, and tells how many: at least one.
    fn step(&mut self, framing: Framing, input: &[u8]) -> usize {
        let (data, next) = match framing {
            Framing::Eof => (input, State::Arriving(Framing::Eof)),
            Framing::Length(left) => {
                let (data, left) = take(input, left);
                (data, if left == 0 { State::Complete } else { length(left) })
            }
            Framing::Chunked(Chunked::Data(left)) => {
                let (data, left) = take(input, left);
                (data, chunked(if left == 0 { Chunked::DataCr } else { Chunked::Data(left) }))
            }
            Framing::Chunked(expected) => {
                if let Some(byte) = input.first() {
                    self.state = chunked_step(expected, *byte);
                }
                return 1;
            }
        };
        let kept = data.len().min(self.len_max.saturating_sub(self.bytes.len()));
        append(&mut self.bytes, data.part(0..kept), self.len_max);
        self.state = if kept < data.len() { State::Truncated } else { next };
        data.len()
    }
}

/// Without the bytes: an error page can hold what its reader alone is to see.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes, {:?})", self.bytes.len(), self.state)
    }
}

const fn length(left: u64) -> State {
    State::Arriving(Framing::Length(left))
}

const fn chunked(expected: Chunked) -> State {
    State::Arriving(Framing::Chunked(expected))
}

/// At most `left` bytes of `input`, and how many are left then.
fn take(input: &[u8], left: u64) -> (&[u8], u64) {
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
    (input.part(0..len), left.saturating_sub(len as u64))
}

/// One byte of what stands around the chunks' data.
fn chunked_step(expected: Chunked, byte: u8) -> State {
    chunked(match (expected, byte) {
        (Chunked::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
            let digit = char::from(byte).to_digit(16).map(u64::from);
            let Some(size) = size.checked_mul(16).zip(digit).map(|(size, digit)| size | digit)
            else {
                return State::Truncated;
            };
            Chunked::Size { size, any_digit: true }
        }
        (Chunked::Size { size, any_digit: true } | Chunked::SizeRest(size), b'\r') => {
            Chunked::SizeLf(size)
        }
        (Chunked::Size { size, any_digit: true }, b';' | b' ' | b'\t') => Chunked::SizeRest(size),
        (Chunked::SizeRest(size), b'\t' | b' '..=b'~' | 0x80..) => Chunked::SizeRest(size),
        // Section 7.1: `last-chunk = 1*("0") [ chunk-ext ] CRLF`.
        (Chunked::SizeLf(0), b'\n') => Chunked::Trailer { line_has_begun: false },
        (Chunked::SizeLf(size), b'\n') => Chunked::Data(size),
        (Chunked::DataCr, b'\r') => Chunked::DataLf,
        (Chunked::DataLf, b'\n') => Chunked::SIZE,
        (Chunked::Trailer { line_has_begun }, b'\r') => Chunked::TrailerLf { line_has_begun },
        (Chunked::Trailer { .. }, b'\t' | b' '..=b'~' | 0x80..) => {
            Chunked::Trailer { line_has_begun: true }
        }
        (Chunked::TrailerLf { line_has_begun: true }, b'\n') => {
            Chunked::Trailer { line_has_begun: false }
        }
        (Chunked::TrailerLf { line_has_begun: false }, b'\n') => return State::Complete,
        _ => return State::Truncated,
    })
}

/// RFC 9112, section 6.3, for a response to GET, or one that refuses CONNECT.
fn announced(head: &ResponseHead) -> State {
    // 1: "any response with a 1xx (Informational), 204 (No Content), or 304 (Not Modified) status
    // code is always terminated by the first empty line after the header fields".
    if matches!(head.status(), 100..=199 | 204 | 304) {
        return State::Complete;
    }
    let headers = head.headers();
    // 4: "If a Transfer-Encoding header field is present in a response and the chunked transfer
    // coding is not the final encoding, the message body length is determined by reading the
    // connection until it is closed by the server." 6.1: where HTTP/1.0 has it, "treat the message
    // as if the framing is faulty".
    if let Some(last) = headers.elements("Transfer-Encoding").last() {
        let is_chunked = last.eq_ignore_ascii_case(b"chunked") && head.version() >= (1, 1);
        return if is_chunked { chunked(Chunked::SIZE) } else { State::Arriving(Framing::Eof) };
    }
    // 5: "an invalid Content-Length header field" is an error, "unless the field value can be
    // successfully parsed as a comma-separated list [...], all values in the list are valid, and
    // all values in the list are the same".
    if headers.first("Content-Length").is_none() {
        return State::Arriving(Framing::Eof);
    }
    let mut lengths = headers.elements("Content-Length").map(decimal);
    match lengths.next().flatten() {
        Some(len) if lengths.all(|other| other == Some(len)) => {
            if len == 0 {
                State::Complete
            } else {
                length(len)
            }
        }
        _ => State::Truncated,
    }
}

/// `Content-Length = 1*DIGIT`
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    // `parse` would take a sign. It refuses an empty text itself.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok()
}
