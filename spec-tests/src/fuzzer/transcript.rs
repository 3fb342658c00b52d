//! The events of a run, line by line.

use std::fmt;
use std::time::Duration;

use crate::payload::Preview;
use crate::wire::Header;

/// How much a transcript keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Detail {
    /// The first frames and all notes: enough to understand most failures.
    #[default]
    Brief,
    /// Every frame, and the octets of every write and read.
    Full,
}

/// The lines of a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    detail: Detail,
    lines: Vec<Line>,
    frames_left_out: usize,
}

#[derive(Clone, Debug)]
struct Line {
    at: Duration,
    direction: Direction,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Sent,
    Came,
    Note,
}

impl Transcript {
    /// How many frames a brief transcript shows.
    const FRAMES_MAX: usize = 60;

    /// How many octets of a write or read are shown.
    const OCTETS_MAX: usize = 512;

    pub(super) const fn new(detail: Detail) -> Self {
        Self { detail, lines: Vec::new(), frames_left_out: 0 }
    }

    pub(super) fn note(&mut self, at: Duration, text: impl Into<String>) {
        self.lines.push(Line { at, direction: Direction::Note, text: text.into() });
    }

    pub(super) fn frame(
        &mut self,
        at: Duration,
        direction: Direction,
        header: Header,
        payload: Option<&[u8]>,
    ) {
        if self.detail == Detail::Brief && self.lines.len() >= Self::FRAMES_MAX {
            self.frames_left_out += 1;
            return;
        }
        let mut text = header.to_string();
        if let Some(payload) = payload.filter(|payload| !payload.is_empty()) {
            text += &format!(": {}", Preview::from(payload));
        }
        self.lines.push(Line { at, direction, text });
    }

    pub(super) fn octets(&mut self, at: Duration, direction: Direction, octets: &[u8]) {
        if self.detail == Detail::Brief {
            return;
        }
        let mut text = format!("{} octets:", octets.len());
        for octet in octets.iter().take(Self::OCTETS_MAX) {
            text += &format!(" {octet:02x}");
        }
        if octets.len() > Self::OCTETS_MAX {
            text += " …";
        }
        self.lines.push(Line { at, direction, text });
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { at, direction, text } in &self.lines {
            let arrow = match direction {
                Direction::Sent => "fuzzer →",
                Direction::Came => "testee →",
                Direction::Note => "        ",
            };
            writeln!(f, "{:>9.3} s  {arrow} {text}", at.as_secs_f64())?;
        }
        if self.frames_left_out > 0 {
            writeln!(f, "{:>12} {} more frames", "…", self.frames_left_out)?;
        }
        Ok(())
    }
}
