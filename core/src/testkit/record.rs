//! One line of a capture.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// One read or write.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it happened, since the capture began.
    pub time: Duration,
    /// Which way the bytes went.
    pub direction: Direction,
    /// The bytes; none are the end of this direction.
    pub bytes: Vec<u8>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream has two directions")]
pub enum Direction {
    /// The end that is captured reads them.
    Received,
    /// The end that is captured writes them.
    Sent,
}

impl Record {
    /// A record; without bytes, that of an end.
    #[must_use]
    pub const fn new(time: Duration, direction: Direction, bytes: Vec<u8>) -> Self {
        Self { time, direction, bytes }
    }
}

impl Direction {
    pub(super) const fn arrow(self) -> char {
        match self {
            Self::Received => '<',
            Self::Sent => '>',
        }
    }
}

/// Seconds with nine decimals.
pub(super) struct Time(pub(super) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// The record's line, without a line feed.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", Time(self.time), self.direction.arrow())?;
        if self.bytes.is_empty() {
            return f.write_str("end");
        }
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
