//! The cases that are measured.

use std::fmt;

use bluewire_core::Role;

use crate::wire;

/// One thing that is measured, done by every engine that can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The measured action.
    pub action: Action,
    /// In which role. A server receives masked frames, a client sends them.
    pub role: Role,
    /// With what payload.
    pub kind: Kind,
    /// The payload's length in bytes.
    pub len: usize,
    /// How it stands on the wire.
    pub shape: Shape,
}

/// The action of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Takes a message off the wire.
    Receive,
    /// Puts a message that stays the caller's on the wire, the fastest way the engine has.
    Send,
    /// Takes a message off the wire and puts it back.
    Echo,
    /// Takes a client's opening handshake off the wire and accepts it.
    Accept,
}

/// The kind of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes, which are not validated.
    Binary,
    /// Text in ASCII.
    Ascii,
    /// Text in characters of one to four bytes.
    Mixed,
    /// Text in JSON, each message with other values.
    Json,
}

/// How a message stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One frame, which one read brings.
    Whole,
    /// 64 frames, which one read brings.
    Fragments,
    /// One frame in reads of 1460 bytes, as from a network with the commonest segment size.
    Segments,
    /// 32 messages in one read or one write.
    Batch,
    /// The same, each compressed in the context of those before it (RFC 7692), at level 6.
    Compressed,
    /// Messages of one frame one after the other, in reads of at most 64 KiB that do not begin or
    /// end where frames do: as from a socket whose peer sends without a pause.
    Stream,
    /// The same with messages of 64 frames.
    FragmentStream,
}

/// Messages in a batch.
pub const BATCH: usize = 32;
/// Frames of a fragmented message.
pub const FRAGMENTS: usize = 64;
/// Bytes of a network segment's payload.
pub const SEGMENT: usize = 1460;
/// Payload bytes of a stream's messages, unless a single one is longer: what fits a processor's
/// cache, and is not a whole number of reads.
pub const STREAM_LEN: usize = 17 * (16 << 10);
/// Bytes of a stream that arrive together.
pub const STREAM_CUT: usize = 64 << 10;

impl Case {
    /// Every case, in the order of the report.
    #[must_use]
    pub fn all() -> Vec<Self> {
        use {Action::*, Kind::*, Shape::*};
        const SIZES: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 1 << 20];
        const LARGE: [usize; 2] = [16 << 10, 1 << 20];
        let mut cases = Vec::new();
        let mut add = |action, role, kind, shape, sizes: &[usize]| {
            cases.extend(sizes.iter().map(|&len| Self { action, role, kind, len, shape }));
        };
        for role in [Role::Server, Role::Client] {
            for kind in [Binary, Ascii, Mixed] {
                add(Receive, role, kind, Whole, &SIZES);
            }
            for kind in [Binary, Mixed] {
                add(Receive, role, kind, Fragments, &LARGE);
                add(Receive, role, kind, Segments, &LARGE);
            }
            for kind in [Binary, Ascii, Mixed] {
                add(Receive, role, kind, Stream, &LARGE);
            }
            for kind in [Binary, Ascii] {
                add(Receive, role, kind, FragmentStream, &LARGE[1..]);
            }
            add(Receive, role, Ascii, Batch, &[16]);
            add(Send, role, Binary, Whole, &SIZES);
            add(Send, role, Binary, Batch, &[16]);
            add(Echo, role, Ascii, Whole, &SIZES[..3]);
        }
        for action in [Receive, Send] {
            add(action, Role::Server, Json, Compressed, &[128, 1 << 10, 16 << 10]);
        }
        add(Accept, Role::Server, Ascii, Whole, &[wire::REQUEST.len()]);
        cases
    }

    /// Messages that go by in one run of it.
    #[must_use]
    pub const fn messages(&self) -> usize {
        match self.shape {
            Shape::Batch | Shape::Compressed => BATCH,
            Shape::Stream if self.len < STREAM_LEN => STREAM_LEN / self.len,
            _ => 1,
        }
    }

    /// The most bytes that one read brings.
    #[must_use]
    pub const fn read_len(&self) -> usize {
        match self.shape {
            Shape::Segments => SEGMENT,
            Shape::Stream | Shape::FragmentStream => STREAM_CUT,
            _ => usize::MAX,
        }
    }

    /// Whether reads end where they would if the runs were one stream of bytes, and not anew at the
    /// start of each run.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self.shape, Shape::Stream | Shape::FragmentStream)
    }
}

impl fmt::Display for Case {
    /// A path such as `server/receive/binary/16/whole`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, role, kind, len, shape } = self;
        let path = format!("{role:?}/{action:?}/{kind:?}/{len}/{shape:?}");
        f.write_str(&path.to_lowercase())
    }
}
