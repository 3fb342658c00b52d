//! One direction of a capture, taken apart.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::frame::Frame;
use super::record::{Direction, Record};

/// A part of a stream.
#[derive(Debug)]
pub(super) enum Part {
    /// Of HTTP, through its empty line.
    Head(Vec<u8>),
    Frame(Frame),
    /// The bytes at the end that are not a whole frame.
    Rest(usize),
    End,
}

/// The parts that go this way, each with the number of the record that has its last byte.
pub(super) fn dissect(records: &[Record], direction: Direction) -> Vec<(usize, Part)> {
    let mut stream = Vec::new();
    // How long the stream is after each record.
    let mut ends = Vec::new();
    let mut ended = false;
    for (i, record) in records.iter().enumerate() {
        if record.direction == direction {
            stream.extend(&record.bytes);
            ends.push((stream.len(), i));
            ended |= record.bytes.is_empty();
        }
    }
    let record_of = |len: usize| {
        let at = ends.partition_point(|(end, _)| *end < len);
        ends.get(at).map_or(0, |(_, record)| *record)
    };
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(len) = head_len(&stream[at..]) {
        at += len;
        parts.push((record_of(at), Part::Head(stream[at - len..at].to_vec())));
    }
    while let Some((frame, len)) = Frame::parse(&stream[at..]) {
        at += len;
        parts.push((record_of(at), Part::Frame(frame)));
    }
    if at < stream.len() {
        parts.push((record_of(stream.len()), Part::Rest(stream.len() - at)));
    }
    if let Some((_, last)) = ends.last().filter(|_| ended) {
        parts.push((*last, Part::End));
    }
    parts
}

/// How long the HTTP head is that the bytes begin with. No frame begins so: these are a Binary
/// frame's first byte without FIN and with reserved bits, or an opcode that is not known.
fn head_len(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"GET ") && !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}

impl Part {
    pub(super) const fn display(&self, preview: Option<usize>) -> PartDisplay<'_> {
        PartDisplay { part: self, preview }
    }
}

pub(super) struct PartDisplay<'a> {
    part: &'a Part,
    preview: Option<usize>,
}

impl fmt::Display for PartDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Frame(frame) => frame.display(self.preview).fmt(f),
            Part::Rest(len) => write!(f, "{len} bytes of what is not complete"),
            Part::End => f.write_str("end"),
            Part::Head(head) => {
                let head = String::from_utf8_lossy(head);
                let mut lines = head.trim_end().lines();
                escape(lines.next().unwrap_or_default(), f)?;
                if self.preview.is_some() {
                    for line in lines {
                        f.write_str("\n    ")?;
                        escape(line, f)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes a line of a peer's so that it cannot do anything to the terminal that shows it: control
/// characters and those that turn the direction of the text are escaped.
fn escape(line: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for char in line.chars() {
        match char {
            '"' | '\'' | '\\' => f.write_char(char)?,
            _ => write!(f, "{}", char.escape_debug())?,
        }
    }
    Ok(())
}
