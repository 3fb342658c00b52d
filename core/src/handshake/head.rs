//! HTTP heads: where one ends in the stream, and what stands in it (RFC 9112, sections 2 to 5).
//!
//! Wanted: one pass over the bytes, however they are cut; memory that follows what has arrived and
//! ends at the limits; and one reading only. HTTP lets a recipient repair much of what is
//! malformed, and peers that repair differently have been tricked ever since: here, what is not
//! in the grammar is refused. The one exception is what HTTP demands: a client reads folded lines.
//!
//! [`HeadReader`] finds the empty line and meanwhile refuses what no line may hold; httparse then
//! divides the header lines into names and values.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::config::Limits;
use crate::cut::Cut;
use crate::grammar::{field_run_len, is_field_byte, is_field_value};
use crate::handshake::append::append;
use crate::handshake::error::HandshakeError;
use crate::inbox::Inbox;
use crate::role::Role;

/// The beginning of every status line, in all versions of HTTP that have one.
const STATUS_LINE_START: &[u8] = b"HTTP/";

/// Takes heads out of an inbox, byte by byte if they come so.
#[derive(Debug)]
pub(crate) struct HeadReader {
    role: Role,
    bytes: Vec<u8>,
    /// All bytes ever taken, which the limit bounds: more than one head if some were interim.
    taken: usize,
    /// Complete lines that are not empty.
    lines: usize,
    /// Empty lines before the first one, in bytes.
    leading: usize,
    line_has_begun: bool,
    after_cr: bool,
    /// Whether a header goes on in a further line.
    folded: bool,
}

impl HeadReader {
    /// A reader of the heads that this role receives.
    pub(crate) const fn new(role: Role) -> Self {
        Self {
            role,
            bytes: Vec::new(),
            taken: 0,
            lines: 0,
            leading: 0,
            line_has_begun: false,
            after_cr: false,
            folded: false,
        }
    }

    /// Takes what belongs to the head, and returns it once it is complete; what follows it stays
    /// in the inbox.
    pub(crate) fn read(
        &mut self,
        inbox: &mut Inbox,
        limits: &Limits,
    ) -> Result<Option<Head>, HandshakeError> {
        let unparsed = inbox.unparsed();
        let room = limits.head_len_max.saturating_sub(self.taken);
        let input = unparsed.part(0..room.min(unparsed.len()));
        let end = self.find_end(input, limits)?;
        if end.is_none() && input.len() < unparsed.len() {
            return Err(self.too_long(limits));
        }
        let input = input.part(0..end.unwrap_or(input.len()));
        append(&mut self.bytes, input, limits.head_len_max);
        self.taken = self.taken.saturating_add(input.len());
        let len = input.len();
        inbox.skip(len);
        if end.is_none() {
            return Ok(None);
        }
        let mut bytes = core::mem::take(&mut self.bytes);
        bytes.drain(..self.leading);
        if self.folded {
            unfold(&mut bytes);
        }
        match Head::divide(&bytes, self.lines.saturating_sub(1)) {
            Ok((lines, first_line_len)) => {
                *self = Self { taken: self.taken, ..Self::new(self.role) };
                Ok(Some(Head { bytes: bytes.into(), lines, first_line_len }))
            }
            Err(error) => {
                self.bytes = bytes;
                Err(error)
            }
        }
    }

    /// A head of the first line alone, once [`read`](Self::read) has met an error behind that line,
    /// with the same bytes in the inbox.
    pub(crate) fn first_line_before_error(&self, inbox: &Inbox) -> Option<Head> {
        if self.lines == 0 {
            return None;
        }
        let mut bytes: Vec<u8> = Vec::new();
        for byte in self.bytes.iter().chain(inbox.unparsed()) {
            bytes.push(*byte);
            if bytes.ends_with(b"\r\n") {
                let first_line_len = u32::try_from(bytes.len().saturating_sub(2)).ok()?;
                bytes.extend(b"\r\n");
                return Some(Head { bytes: bytes.into(), lines: Box::default(), first_line_len });
            }
        }
        None
    }

    /// Whether any byte of a head has arrived.
    pub(crate) const fn has_begun(&self) -> bool {
        self.taken > 0
    }

    /// Goes on with `input`; tells where in it the head ends.
    fn find_end(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, HandshakeError> {
        let mut position = 0_usize;
        while let Some(byte) = input.get(position) {
            let before = self.bytes.len().saturating_add(position);
            position = position.saturating_add(1);
            if self.role == Role::Client
                && let Some(expected) = STATUS_LINE_START.get(before)
                && byte != expected
            {
                // Who speaks another protocol may be waiting for an answer to it.
                return Err(HandshakeError::InvalidStatusLine);
            }
            if self.step(*byte, limits)? {
                return Ok(Some(position));
            }
            if self.role == Role::Client && before.saturating_add(1) < STATUS_LINE_START.len() {
                continue;
            }
            if self.line_has_begun && !self.after_cr {
                // Most bytes need no more than this.
                let run_len = field_run_len(input.part_from(position));
                position = position.saturating_add(run_len);
            }
        }
        Ok(None)
    }

    /// Judges one byte; tells whether it ends the head.
    fn step(&mut self, byte: u8, limits: &Limits) -> Result<bool, HandshakeError> {
        match (byte, self.after_cr) {
            (b'\n', true) => {
                self.after_cr = false;
                return self.end_line(limits);
            }
            // RFC 9112, section 2.2: "A recipient of such a bare CR MUST consider that element to
            // be invalid or replace each bare CR with SP". That "a recipient MAY recognize a
            // single LF as a line terminator" is not made use of.
            (_, true) | (b'\n', false) => return Err(HandshakeError::BareLineEnd),
            (b'\r', false) => self.after_cr = true,
            (b' ' | b'\t', false) if !self.line_has_begun && self.lines > 0 => {
                // RFC 9112, section 5.2: "A server that receives an obs-fold in a request message
                // [...] MUST either reject the message [...] or replace each received obs-fold"; a
                // user agent "MUST replace" it. Section 2.2: white space between the start line
                // and the first header may be rejected by both.
                if self.role == Role::Server || self.lines == 1 {
                    return Err(HandshakeError::FoldedHeaderLine);
                }
                self.lines = self.lines.saturating_sub(1);
                self.line_has_begun = true;
                self.folded = true;
            }
            (byte, false) if is_field_byte(byte) => self.line_has_begun = true,
            // RFC 9110, section 5.5: "Field values containing CR, LF, or NUL characters are
            // invalid and dangerous"; the other control characters are in no grammar either.
            (_, false) => return Err(HandshakeError::ControlCharacter),
        }
        Ok(false)
    }

    /// Counts a line; tells whether it is the empty one that ends the head.
    fn end_line(&mut self, limits: &Limits) -> Result<bool, HandshakeError> {
        if self.line_has_begun {
            self.line_has_begun = false;
            self.lines = self.lines.saturating_add(1);
            if self.lines.saturating_sub(1) > limits.head_lines_max {
                return Err(HandshakeError::TooManyHeaderLines { limit: limits.head_lines_max });
            }
            return Ok(false);
        }
        if self.lines == 0 {
            if self.role == Role::Client {
                return Err(HandshakeError::InvalidStatusLine);
            }
            // RFC 9112, section 2.2: "a server that is expecting to receive and parse a
            // request-line SHOULD ignore at least one empty line (CRLF) received prior to the
            // request-line." They count towards the limit like all others.
            self.leading = self.leading.saturating_add(2);
            return Ok(false);
        }
        Ok(true)
    }

    const fn too_long(&self, limits: &Limits) -> HandshakeError {
        let limit = limits.head_len_max;
        match self.lines {
            0 => HandshakeError::FirstLineTooLong { limit },
            _ => HandshakeError::HeadTooLong { limit },
        }
    }
}

/// Replaces each `obs-fold = OWS CRLF RWS` by as many spaces.
///
/// RFC 9112, section 5.2: "A user agent that receives an obs-fold in a response message that is not
/// within a "message/http" container MUST replace each received obs-fold with one or more SP octets
/// prior to interpreting the field value."
fn unfold(head: &mut [u8]) {
    let (mut position, mut space_start, mut folded) = (0_usize, 0, false);
    while position < head.len() {
        match *head.part_from(position) {
            [b' ' | b'\t', ..] => position = position.saturating_add(1),
            [b'\r', b'\n', b' ' | b'\t', ..] => {
                folded = true;
                position = position.saturating_add(3);
            }
            _ => {
                if folded {
                    head.part_mut(space_start..position).fill(b' ');
                }
                folded = false;
                position = position.saturating_add(1);
                space_start = position;
            }
        }
    }
}

/// A complete head: its bytes, and where the header lines lie in them.
///
/// A connection may keep it for as long as it lives, so it is small.
#[derive(Debug)]
pub(crate) struct Head {
    bytes: Box<[u8]>,
    lines: Box<[Line]>,
    first_line_len: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    start: u32,
    name_end: u32,
}

impl Head {
    /// The head that this first line and these header lines make.
    pub(crate) fn of_lines<'l>(
        first_line: &str,
        lines: impl IntoIterator<Item = (&'l str, &'l [u8])>,
    ) -> Result<Self, HandshakeError> {
        let mut bytes = Vec::from(first_line);
        bytes.extend(b"\r\n");
        let mut count = 0_usize;
        for (name, value) in lines {
            // A value that another library let through may not become a line of its own.
            if !is_field_value(value) {
                return Err(HandshakeError::ControlCharacter);
            }
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                bytes.extend(part);
            }
            count = count.saturating_add(1);
        }
        bytes.extend(b"\r\n");
        if first_line.contains(['\r', '\n']) {
            return Err(HandshakeError::BareLineEnd);
        }
        let (lines, first_line_len) = Self::divide(&bytes, count)?;
        Ok(Self { bytes: bytes.into(), lines, first_line_len })
    }

    /// Divides `lines` header lines, and tells how long the first line is. The lines' ends and the
    /// empty line have been found before.
    fn divide(bytes: &[u8], lines: usize) -> Result<(Box<[Line]>, u32), HandshakeError> {
        let is_end = |pair: &[u8]| pair == b"\r\n";
        let first_line_len = bytes.windows(2).position(is_end);
        debug_assert!(first_line_len.is_some(), "the reader saw its end");
        let first_line_len = first_line_len.unwrap_or_default();
        let block = bytes.part_from(first_line_len.saturating_add(2));
        let mut headers = vec![httparse::EMPTY_HEADER; lines];
        // By default it accepts no folding, no white space before the colon, and only tokens as
        // names.
        let parsed = match httparse::parse_headers(block, &mut headers) {
            Ok(httparse::Status::Complete((len, parsed))) if len == block.len() => parsed,
            _ => return Err(HandshakeError::InvalidHeaderLine),
        };
        let position = |slice: &[u8]| {
            u32::try_from(slice.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr()))
                .map_err(|_| HandshakeError::HeadTooLong { limit: u32::MAX as usize })
        };
        let line = |header: &httparse::Header<'_>| {
            let (start, len) = (position(header.name.as_bytes())?, header.name.len());
            let name_end = (start as usize).saturating_add(len);
            Ok(Line { start, name_end: position(bytes.part_from(name_end))? })
        };
        // Not by `collect`, which does not know how many there are once some may be errors.
        let mut lines = Vec::with_capacity(parsed.len());
        for header in parsed {
            lines.push(line(header)?);
        }
        let first_line_len = position(bytes.part_from(first_line_len))?;
        Ok((lines.into(), first_line_len))
    }

    pub(crate) fn first_line(&self) -> &[u8] {
        self.bytes.part(0..self.first_line_len as usize)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The header lines: the names, which are tokens, and the values without the white space
    /// around them.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.lines.len()).map(|number| (self.name(number), self.value(number)))
    }

    /// The values of the lines of this name, in whatever case.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let is_of_name = move |(number, line): &(usize, &Line)| {
            // Of most lines, the length is another one.
            line.name_end.saturating_sub(line.start) as usize == name.len()
                && self.name(*number).eq_ignore_ascii_case(name.as_bytes())
        };
        let lines = self.lines.iter().enumerate().filter(is_of_name);
        lines.map(|(number, _)| self.value(number))
    }

    fn line(&self, number: usize) -> Line {
        self.lines.get(number).copied().unwrap_or_default()
    }

    fn name(&self, number: usize) -> &[u8] {
        let Line { start, name_end } = self.line(number);
        self.bytes.part(start as usize..name_end as usize)
    }

    fn value(&self, number: usize) -> &[u8] {
        let end = match self.lines.get(number.saturating_add(1)) {
            Some(next) => next.start as usize,
            None => self.bytes.len().saturating_sub("\r\n".len()),
        };
        // Past the colon. Of all white space, a line holds none but spaces and tabs.
        let start = (self.line(number).name_end as usize).saturating_add(1);
        self.bytes.part(start..end).trim_ascii()
    }
}
