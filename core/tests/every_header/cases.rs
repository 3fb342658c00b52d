//! The headers to try, and the situations in which they arrive.

use std::sync::Arc;

use bluewire_core::{CloseCode, Config, Connection, Delivery, Inbox, MaskingKeys, Outbox, Role};

use crate::common::{End, KEY, NOW, frame};

/// The longest frame and the longest message that the limited configuration takes: beyond the
/// boundary of 16 bits, so that the limits are tried with lengths of 64 bits.
pub(crate) const FRAME_LEN_MAX: u64 = 65_540;
pub(crate) const MESSAGE_LEN_MAX: u64 = 65_541;

/// The payload of the message under way before the frame.
const BEGUN: &[u8] = b"ab";

/// The payload of a lawful Ping after the frame: it arrives only if the frame was consumed exactly.
pub(crate) const AFTER: &[u8] = b"after";

/// The message under way when the frame arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    Text,
    Binary,
    /// None, on a connection that has agreed on compression.
    NothingAgreed,
    CompressedText,
    CompressedBinary,
}

impl Before {
    pub(crate) const ALL: &[Self] = if cfg!(feature = "deflate") {
        &[
            Self::Nothing,
            Self::Text,
            Self::Binary,
            Self::NothingAgreed,
            Self::CompressedText,
            Self::CompressedBinary,
        ]
    } else {
        &[Self::Nothing, Self::Text, Self::Binary]
    };

    pub(crate) const fn agreed(self) -> bool {
        matches!(self, Self::NothingAgreed | Self::CompressedText | Self::CompressedBinary)
    }

    pub(crate) const fn is_compressed(self) -> bool {
        matches!(self, Self::CompressedText | Self::CompressedBinary)
    }

    /// The first byte of the message's first frame.
    const fn first(self) -> Option<u8> {
        match self {
            Self::Nothing | Self::NothingAgreed => None,
            Self::Text => Some(0x01),
            Self::Binary => Some(0x02),
            Self::CompressedText => Some(0x41),
            Self::CompressedBinary => Some(0x42),
        }
    }
}

/// The state of the connection when the frame arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    CloseSent,
    CloseReceived,
    Failed,
    Closed,
}

impl Phase {
    pub(crate) const ALL: [Self; 5] =
        [Self::Open, Self::CloseSent, Self::CloseReceived, Self::Failed, Self::Closed];

    /// Whether frames still mean something.
    pub(crate) const fn listens(self) -> bool {
        matches!(self, Self::Open | Self::CloseSent)
    }
}

/// A frame's header on the wire: its first two bytes, and the extended length that they ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) first: u8,
    pub(crate) second: u8,
    pub(crate) len: u64,
}

impl Head {
    /// Every header: all first bytes, all second bytes, and where these ask for an extended length,
    /// those on each side of every boundary.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const LENS_16: [u64; 8] = [0, 1, 125, 126, 127, 128, 65_534, 65_535];
        const LENS_64: [u64; 20] = [
            0,
            1,
            125,
            126,
            127,
            65_534,
            65_535,
            65_536,
            65_537,
            FRAME_LEN_MAX - 2,
            FRAME_LEN_MAX - 1,
            FRAME_LEN_MAX,
            FRAME_LEN_MAX + 1,
            1 << 31,
            (1 << 32) - 1,
            1 << 32,
            (1 << 63) - 1,
            1 << 63,
            (1 << 63) + 1,
            u64::MAX,
        ];
        (0..=u16::MAX).flat_map(|pair| {
            let [first, second] = pair.to_be_bytes();
            let short = [u64::from(second & 0x7f)];
            let lens = match second & 0x7f {
                126 => LENS_16.to_vec(),
                127 => LENS_64.to_vec(),
                _ => short.to_vec(),
            };
            lens.into_iter().map(move |len| Self { first, second, len })
        })
    }

    pub(crate) const fn opcode(self) -> u8 {
        self.first & 0xf
    }

    /// Whether its payload is short enough to be sent whole.
    const fn has_whole_payload(self) -> bool {
        self.len <= MESSAGE_LEN_MAX + 1
    }

    /// The header's bytes, up to the masking key.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let len = self.len.to_be_bytes();
        let mut bytes = vec![self.first, self.second];
        match self.second & 0x7f {
            126 => bytes.extend(&len[6..]),
            127 => bytes.extend(len),
            _ => {}
        }
        bytes
    }
}

/// A header and all that is around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) role: Role,
    pub(crate) before: Before,
    pub(crate) phase: Phase,
    pub(crate) delivery: Delivery,
    pub(crate) limited: bool,
    pub(crate) head: Head,
}

impl Case {
    /// Whether the extension decodes the payload: it continues a compressed message, or begins one.
    pub(crate) fn is_coded(&self) -> bool {
        match self.before {
            before if before.is_compressed() => self.head.opcode() == 0x0,
            Before::NothingAgreed => {
                self.head.first & 0x70 == 0x40 && matches!(self.head.opcode(), 0x1 | 0x2)
            }
            _ => false,
        }
    }

    /// Whether the message under way is text, or the one that begins.
    pub(crate) const fn is_text(&self) -> bool {
        match self.before {
            Before::Nothing | Before::NothingAgreed => self.head.opcode() == 0x1,
            Before::Text | Before::CompressedText => true,
            Before::Binary | Before::CompressedBinary => false,
        }
    }

    /// The first frame of the message under way; empty if none is.
    pub(crate) fn begun(&self) -> Vec<u8> {
        let Some(first) = self.before.first() else { return Vec::new() };
        let payload = match self.before {
            Before::Text | Before::Binary => BEGUN.to_vec(),
            _ => match stored_len(self.head.len) {
                Some(len) => stored_header(len),
                // An empty block, and the first byte of the one that the receiver completes.
                None => [&stored_header(0)[..], &[0]].concat(),
            },
        };
        frame(self.role, first, &payload)
    }

    /// The frame's header, with its masking key.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = self.head.bytes();
        if self.head.second & 0x80 != 0 {
            header.extend(KEY);
        }
        header
    }

    /// The payload as it crosses the wire, or the beginning of one that is too long to be sent.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut payload = self.plain_payload();
        if self.head.second & 0x80 != 0 {
            payload.iter_mut().zip(KEY.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        payload
    }

    fn plain_payload(&self) -> Vec<u8> {
        let Some(len) =
            usize::try_from(self.head.len).ok().filter(|_| self.head.has_whole_payload())
        else {
            let start = if self.is_coded() && self.before == Before::NothingAgreed {
                stored_header(u16::MAX)
            } else {
                Vec::new()
            };
            return [&start[..], b"abc"].concat();
        };
        let mut payload: Vec<u8> = (b'a'..=b'z').cycle().take(len).collect();
        match self.head.opcode() {
            0x8 if len >= 2 => payload[..2].copy_from_slice(&1000_u16.to_be_bytes()),
            0x0 if self.is_coded() && len > 0 => {
                let at = stored_len(self.head.len).map_or(0, usize::from);
                let blocks = stored_header(0).into_iter().cycle();
                payload.truncate(at);
                payload.extend(blocks.take(len - at));
            }
            0x1 | 0x2 if self.is_coded() => match len {
                1 => payload[0] = 0,
                // The block type that does not exist.
                0 | 2..6 => payload.fill(0xff),
                _ => {
                    let block = u16::try_from(len - 6).unwrap_or(u16::MAX);
                    payload[..5].copy_from_slice(&stored_header(block));
                    payload[len - 1] = 0;
                }
            },
            _ => {}
        }
        payload
    }

    /// A lawful Ping, which follows the frame.
    pub(crate) fn after(&self) -> Vec<u8> {
        frame(self.role, 0x89, AFTER)
    }

    /// The endpoint on which the frame arrives, with the message begun and nothing left to write.
    pub(crate) fn end(&self, config: &Arc<Config>) -> End {
        let config = Arc::clone(config);
        let connection = match self.role {
            Role::Client => Connection::client(config, MaskingKeys::from_seed([1; 32]), NOW),
            Role::Server => Connection::server(config, NOW),
        };
        #[cfg(feature = "deflate")]
        let connection = if self.before.agreed() {
            connection.with_deflate(bluewire_core::DeflateParams::default())
        } else {
            connection
        };
        let mut end = End { connection, inbox: Inbox::default(), outbox: Outbox::new(), now: NOW };
        end.inbox.extend(&self.begun());
        while end.event().is_some() {}
        match self.phase {
            Phase::Open => {}
            Phase::CloseSent => {
                let End { connection, outbox, .. } = &mut end;
                connection.close(NOW, CloseCode::NORMAL, "", outbox).expect("open");
            }
            Phase::CloseReceived => assert_eq!(end.hear_frame(0x88, &[0x03, 0xe8]).len(), 1),
            Phase::Failed => {
                let End { connection, outbox, .. } = &mut end;
                connection.fail(NOW, CloseCode::INTERNAL_ERROR, "", outbox);
            }
            Phase::Closed => assert_eq!(end.hear_eof(), []),
        }
        end.write_all();
        end
    }
}

/// How many bytes of a compressed frame of this length lie in the stored block (RFC 1951, 3.2.4)
/// that the frame before it has opened. The rest, up to 11 bytes, are empty blocks.
fn stored_len(frame_len: u64) -> Option<u16> {
    let rest = match frame_len {
        0..=65_535 => 1,
        65_536..=65_542 => 11,
        _ => return Some(u16::MAX),
    };
    u16::try_from(frame_len.checked_sub(rest)?).ok()
}

/// The header of a stored block of this length.
fn stored_header(len: u16) -> Vec<u8> {
    [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes()].concat()
}
