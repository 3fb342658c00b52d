//! A library's reading of a stream.

use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::wire::{Header, mask, opcode};

/// The longest frame and the longest message that every library is set to take.
pub(crate) const LEN_MAX: usize = 4096;

/// The delivery of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// How a library left the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    #[default]
    Open,
    /// The peer closed it, with this code.
    Closed(Option<u16>),
    /// The library failed it.
    Failed {
        /// In the library's own words.
        why: String,
        /// The close code that belongs to that.
        code: u16,
    },
}

impl Ending {
    /// The kind of outcome, without the parts that differ from stream to stream.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Open => "open".into(),
            Self::Closed(_) => "closed".into(),
            Self::Failed { why, code } => {
                let end = why.find(|char: char| !char.is_alphanumeric() && char != '(');
                format!("failed with {code} for {}", &why[..end.unwrap_or(why.len())])
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) ending: Ending,
    /// How many bytes had come when it ended; more than the stream has if what follows it was
    /// needed to end it.
    pub(crate) ended_at: usize,
    /// The payloads of the Pongs that were sent.
    pub(crate) pongs: Vec<Vec<u8>>,
    /// The code in the Close frame that was sent, if one was.
    pub(crate) close_sent: Option<Option<u16>>,
}

impl Outcome {
    pub(crate) fn failed_with(&self) -> Option<u16> {
        match self.ending {
            Ending::Failed { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the connection failed, for what `why` begins with.
    pub(crate) fn failed_for(&self, start: &str) -> bool {
        matches!(&self.ending, Ending::Failed { why, .. } if why.starts_with(start))
    }

    pub(crate) fn end(&mut self, ending: Ending, at: usize) {
        if self.ending == Ending::Open {
            self.ending = ending;
            self.ended_at = at;
        }
    }

    /// Takes note of what the library has sent: only Pongs, and at last a Close frame.
    pub(crate) fn note_sent(&mut self, by: Role, mut sent: &[u8]) {
        while !sent.is_empty() {
            let Some((header, len)) = Header::parse(sent) else { panic!("a header cut off") };
            assert_eq!(header.key.is_some(), by == Role::Client, "masked by a client, and only so");
            let payload_len = usize::try_from(header.len).expect("short");
            let mut payload = sent[len..len + payload_len].to_vec();
            sent = &sent[len + payload_len..];
            mask(&mut payload, header.key.unwrap_or_default(), 0);
            match header.opcode {
                opcode::PONG => self.pongs.push(payload),
                opcode::CLOSE => {
                    assert_eq!(self.close_sent, None, "a second Close frame");
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    self.close_sent = Some(code);
                }
                _ => panic!("{header} was not asked for"),
            }
        }
    }
}
