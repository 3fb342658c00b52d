//! The bytes that a connection has read and written, with their times, as text.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::time::Duration;

use super::dissect::{Part, dissect};
use super::end::End;
use super::event::OwnedEvent;
use super::record::{Direction, Record, Time};
use crate::{Config, Connection, MaskingKeys, Role};

/// The first line of a capture, before the role.
const TITLE: &str = "bluewire-capture 1";

/// The bytes that one end of a connection has read and written, with the times. Keep it in a file,
/// look at it frame by frame, or give it to the engine again.
///
/// # The format
///
/// Plain text, one line for each read and write:
///
/// ```text
/// bluewire-capture 1 client
/// 0.000000000 > 474554202f20485454502f312e310d0a...
/// 0.000913402 < 485454502f312e3120313031...
/// 0.001204511 > 8185 37fa213d 7f9f4d5158
/// 0.020000000 < end
/// ```
///
/// The first line has the format's version and the role of the end whose bytes they are. Each
/// other line is a time in seconds since the capture began, with up to nine decimals and never
/// less than that of the line before; `>` for what this end wrote or `<` for what it read; and the
/// bytes in hexadecimal, or `end` for the end of that direction, which comes after all of its bytes
/// wherever it stands: of two threads that write and end a stream, the second may be the first to
/// write it down. Empty lines and lines that begin with `#` say nothing, and spaces between the
/// digits neither.
///
/// ```
/// use bluewire_core::testkit::{Capture, OwnedEvent};
/// use bluewire_core::Config;
///
/// let capture: Capture = "\
///     bluewire-capture 1 client\n\
///     0.25 > 8185 37fa213d 7f9f4d5158\n\
///     0.50 < 8105 48656c6c\n\
///     0.75 < 6f\n"
///     .parse()?;
/// assert_eq!(
///     capture.to_frames(Some(80)),
///     "0.250000000 > text fin mask 37fa213d 5 bytes \"Hello\"\n\
///      0.750000000 < text fin 5 bytes \"Hello\"\n",
/// );
/// assert_eq!(capture.replay(Config::default()).events, [OwnedEvent::text("Hello")]);
/// # Ok::<(), bluewire_core::testkit::CaptureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    role: Role,
    records: Vec<Record>,
}

impl Capture {
    /// A capture with nothing in it, of an end of this role.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self { role, records: Vec::new() }
    }

    /// The first line of a capture of this role, with its line feed: where records are written as
    /// they come, each by its `Display`.
    #[must_use]
    pub fn title(role: Role) -> String {
        let mut title = String::from(TITLE);
        title.push_str(match role {
            Role::Client => " client\n",
            Role::Server => " server\n",
        });
        title
    }

    /// Adds a read or a write.
    pub fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Whose bytes they are.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The reads and writes, in their order.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Everything that went this way.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> Vec<u8> {
        let those = self.records.iter().filter(|record| record.direction == direction);
        those.flat_map(|record| &record.bytes).copied().collect()
    }

    /// The capture frame by frame, a line for each, at the time at which its last byte went: with
    /// the heads of the opening handshake, if they are in it, and with at most so many bytes of
    /// each payload. `None` leaves payloads out, and the heads but for their first lines: they may
    /// be secret.
    #[must_use]
    pub fn to_frames(&self, preview: Option<usize>) -> String {
        let mut lines = Vec::new();
        for direction in [Direction::Received, Direction::Sent] {
            for (record, part) in dissect(&self.records, direction) {
                lines.push((record, direction, part));
            }
        }
        // Stable: what one record ends stays in its order.
        lines.sort_by_key(|(record, ..)| *record);
        let mut text = String::new();
        for (record, direction, part) in lines {
            let (time, arrow) = (Time(self.records[record].time), direction.arrow());
            writeln!(text, "{time} {arrow} {}", part.display(preview)).expect("text takes all");
        }
        text
    }

    /// Lets the engine hear again what this end has read, at the same times, and tells what it
    /// made of it.
    ///
    /// The opening handshake is passed over, if it is in the capture; compression that it has
    /// agreed to is agreed to again if `config` asks for it. The bytes that this end wrote are not
    /// repeated: the capture does not say which calls wrote them. So the deadlines of the engine do
    /// not count, and a Close frame that was an answer then is a first one now.
    #[must_use]
    pub fn replay(&self, config: Config) -> Replayed {
        self.hear(Direction::Received, self.role, config)
    }

    /// The same for what this end has written, as its peer hears it.
    #[must_use]
    pub fn replay_sent(&self, config: Config) -> Replayed {
        let peer = match self.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        self.hear(Direction::Sent, peer, config)
    }

    fn hear(&self, direction: Direction, role: Role, config: Config) -> Replayed {
        let mut end = End::over(self.connection(role, config));
        let parts = dissect(&self.records, direction);
        let heads = parts.iter().filter_map(|(_, part)| match part {
            Part::Head(head) => Some(head.len()),
            _ => None,
        });
        let mut head_len: usize = heads.sum();
        let mut ended = false;
        for record in &self.records {
            if record.direction != direction {
                continue;
            }
            let skipped = head_len.min(record.bytes.len());
            head_len -= skipped;
            end.hear_at(record.time, &record.bytes[skipped..]);
            ended |= record.bytes.is_empty();
        }
        if ended {
            end.receive_eof();
        }
        Replayed { events: end.take_events(), end }
    }

    fn connection(&self, role: Role, config: Config) -> Connection {
        #[cfg(feature = "deflate")]
        let agreed = config.deflate.as_ref().and_then(|deflate| self.agreed(deflate));
        let connection = match role {
            Role::Client => {
                let keys = MaskingKeys::from_seed([1; 32]);
                Connection::client(config, keys, Duration::ZERO)
            }
            Role::Server => Connection::server(config, Duration::ZERO),
        };
        #[cfg(feature = "deflate")]
        if let Some(params) = agreed {
            return connection.with_deflate(params);
        }
        connection
    }

    /// The parameters that the response in the capture has agreed to.
    #[cfg(feature = "deflate")]
    fn agreed(&self, deflate: &crate::Deflate) -> Option<crate::DeflateParams> {
        let response = match self.role {
            Role::Client => Direction::Received,
            Role::Server => Direction::Sent,
        };
        dissect(&self.records, response).into_iter().find_map(|(_, part)| {
            let Part::Head(head) = part else { return None };
            let head = String::from_utf8(head).ok()?;
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let named = name.eq_ignore_ascii_case("Sec-WebSocket-Extensions");
                named.then(|| deflate.confirm(value.trim()))?
            })
        })
    }
}

/// The engine's result for a capture.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// All events, chunks joined.
    pub events: Vec<OwnedEvent>,
    /// The end that heard it, as it is after the last byte.
    pub end: End,
}

/// The whole file.
impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::title(self.role))?;
        self.records.iter().try_for_each(|record| writeln!(f, "{record}"))
    }
}

/// A file that is no capture: the line, counted from 1, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureError {
    /// The line, counted from 1.
    pub line: usize,
    /// The fault of the line.
    pub kind: CaptureErrorKind,
}

/// The faults that a line of a capture can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureErrorKind {
    /// The first line is not the title of a capture of this version.
    Title,
    /// The time is no number of seconds.
    Time,
    /// The time is before that of the line above.
    TimeGoesBack,
    /// The direction is neither `<` nor `>`.
    Direction,
    /// The bytes are not pairs of hexadecimal digits, and not `end`.
    Bytes,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            CaptureErrorKind::Title => "a capture begins with `bluewire-capture 1` and a role",
            CaptureErrorKind::Time => "the time is not a number of seconds with up to 9 decimals",
            CaptureErrorKind::TimeGoesBack => "the time is before that of the line above",
            CaptureErrorKind::Direction => "the direction is neither `<` nor `>`",
            CaptureErrorKind::Bytes => {
                "the bytes are neither pairs of hexadecimal digits nor `end`"
            }
        };
        write!(f, "the capture is malformed at line {}: {what}", self.line)
    }
}

impl core::error::Error for CaptureError {}

impl core::str::FromStr for Capture {
    type Err = CaptureError;

    fn from_str(text: &str) -> Result<Self, CaptureError> {
        let mut capture = None;
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |kind| CaptureError { line: number, kind };
            let Some(Self { records, .. }) = &mut capture else {
                let role = parse_title(line).ok_or_else(|| error(CaptureErrorKind::Title))?;
                capture = Some(Self::new(role));
                continue;
            };
            let record = parse_record(line).map_err(error)?;
            if records.last().is_some_and(|last| record.time < last.time) {
                return Err(error(CaptureErrorKind::TimeGoesBack));
            }
            records.push(record);
        }
        capture.ok_or(CaptureError { line: 1, kind: CaptureErrorKind::Title })
    }
}

fn parse_title(line: &str) -> Option<Role> {
    match line.strip_prefix(TITLE)? {
        " client" => Some(Role::Client),
        " server" => Some(Role::Server),
        _ => None,
    }
}

fn parse_record(line: &str) -> Result<Record, CaptureErrorKind> {
    let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
    let time = parse_time(time).ok_or(CaptureErrorKind::Time)?;
    let (direction, bytes) = rest.split_once(' ').ok_or(CaptureErrorKind::Direction)?;
    let direction = match direction {
        "<" => Direction::Received,
        ">" => Direction::Sent,
        _ => return Err(CaptureErrorKind::Direction),
    };
    let bytes = match bytes {
        "end" => Vec::new(),
        bytes => parse_bytes(bytes).ok_or(CaptureErrorKind::Bytes)?,
    };
    Ok(Record { time, direction, bytes })
}

fn parse_time(text: &str) -> Option<Duration> {
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(seconds) || !are_digits(decimals) || !(1..=9).contains(&decimals.len()) {
        return None;
    }
    let missing = 9 - u32::try_from(decimals.len()).ok()?;
    let nanos = decimals.parse::<u32>().ok()? * 10_u32.pow(missing);
    Some(Duration::new(seconds.parse().ok()?, nanos))
}

fn parse_bytes(text: &str) -> Option<Vec<u8>> {
    let mut digits = text.chars().filter(|digit| *digit != ' ').map(|digit| digit.to_digit(16));
    let mut bytes = Vec::with_capacity(text.len() / 2);
    while let Some(high) = digits.next() {
        let (high, low) = (high?, digits.next()??);
        bytes.push(u8::try_from(high << 4 | low).ok()?);
    }
    (!bytes.is_empty()).then_some(bytes)
}
