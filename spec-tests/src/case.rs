//! A case: what the peer of the implementation under test does, and what it must see.
//!
//! The *testee* is the implementation under test, an echo peer in the role of client or server:
//! each message comes back with the same type and payload. The *fuzzer* is the other end, which
//! runs the case. A case is data; [`Fuzzer`](crate::fuzzer::Fuzzer) is what runs it.

use std::fmt;
use std::time::Duration;

use crate::deflate::DeflateLoop;
use crate::payload::Payload;
use crate::wire::opcode;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that opens the connection and masks what it sends.
    Client,
    /// The end that accepts the connection.
    Server,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// One case, for a testee in either role.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its number in the suite, such as `6.4.1`.
    pub id: String,
    /// Its place among all cases, from 1.
    pub n: usize,
    /// Its subject, in a few words.
    pub title: String,
    /// The fuzzer's steps once the connection is open, in order.
    pub steps: Vec<Step>,
    /// How the received list is held against the expectation.
    pub judge: Judge,
    /// The answer that the testee must give; `None` when the steps check it themselves (echo
    /// loops).
    pub expect: Option<Expect>,
    /// How the connection must end.
    pub close: CloseRule,
    /// Whether the case only reports what the testee does.
    pub informational: bool,
    /// How often the fuzzer sends each opcode: a check that the case does what its title says.
    pub frames_sent: Option<Vec<(u8, usize)>>,
    /// The permessage-deflate parameters the case needs.
    pub deflate: Option<DeflateLoop>,
}

impl Case {
    /// Above this length, the messages of a compressed loop are long.
    const LONG_LOOP_LEN_MIN: usize = 8192;

    /// The first part of the id: 1 to 7, 9, 10, 12 or 13.
    ///
    /// # Panics
    ///
    /// If the id does not begin with a number: the tables' own tests rule that out.
    #[must_use]
    pub fn section(&self) -> u8 {
        let section = self.id.split('.').next().and_then(|part| part.parse().ok());
        section.expect("every id begins with the number of its section")
    }

    /// The same with a tenth of the round trips where compressed messages are long. A target that
    /// has the codec of another one needs no 131 MB to show that it is connected to it.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let mut case = self.clone();
        for step in &mut case.steps {
            if let Step::EchoLoop { count, send: LoopMessage::Slices { len, .. } } = step
                && *len > Self::LONG_LOOP_LEN_MIN
            {
                *count = count.div_ceil(10);
            }
        }
        case
    }

    /// About how many bytes the fuzzer sends: the payloads without their headers.
    #[must_use]
    pub fn sent_len(&self) -> usize {
        self.steps.iter().map(Step::sent_len).sum()
    }
}

/// The next step of the fuzzer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Sends a frame.
    Frame(Frame),
    /// Sends a message, cut into frames.
    Message(Message),
    /// Sends the header of a frame whose payload follows in [`Step::FrameData`].
    FrameHead {
        /// FIN.
        fin: bool,
        /// The opcode.
        opcode: u8,
        /// The payload length that the header announces.
        len: usize,
    },
    /// Sends a part of the payload announced by the last [`Step::FrameHead`].
    FrameData(Payload),
    /// Sends a Close frame with this body, unless one was sent. The fuzzer is closing from then
    /// on; frames of later steps are still sent.
    Close {
        /// The whole body: nothing, or a code and a reason, or something forbidden.
        body: Payload,
        /// The moment; later steps do not wait for it.
        when: When,
    },
    /// Waits. If the connection is gone then, this step and all that follow are skipped.
    Wait {
        /// How long.
        time: Duration,
        /// Put to the received list when the wait has run out.
        elapsed: Option<&'static str>,
        /// Whether a connection that is closing counts as gone.
        if_open: bool,
    },
    /// From then on in so much time: sends Close 1001, or drops the transport if the connection
    /// is closing. Does not wait.
    KillAfter(Duration),
    /// From then on in so much time: sends an empty Close. Does not wait.
    CloseAfter(Duration),
    /// Sends a message and awaits its echo, so many times.
    EchoLoop {
        /// How many times.
        count: usize,
        /// The message.
        send: LoopMessage,
    },
}

impl Step {
    fn sent_len(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.payload.len(),
            Self::Message(message) => message.payload.len(),
            Self::FrameData(payload) | Self::Close { body: payload, .. } => payload.len(),
            Self::EchoLoop { count, send: LoopMessage::Frame(frame) } => {
                count * frame.payload.len()
            }
            Self::EchoLoop { count, send: LoopMessage::Slices { len, .. } } => count * len,
            Self::FrameHead { .. } | Self::Wait { .. } => 0,
            Self::KillAfter(_) | Self::CloseAfter(_) => 0,
        }
    }
}

/// A frame to send, with a right or a wrong header.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// FIN.
    pub fin: bool,
    /// RSV1 (4), RSV2 (2) and RSV3 (1).
    pub rsv: u8,
    /// The opcode, also a reserved one.
    pub opcode: u8,
    /// The payload.
    pub payload: Payload,
    /// How its bytes are written.
    pub writes: Writes,
}

impl Frame {
    /// A final frame.
    pub fn new(opcode: u8, payload: impl Into<Payload>) -> Self {
        Self { fin: true, rsv: 0, opcode, payload: payload.into(), writes: Writes::Joined }
    }

    /// A text frame.
    pub fn text(payload: impl Into<Payload>) -> Self {
        Self::new(opcode::TEXT, payload)
    }

    /// A binary frame.
    pub fn binary(payload: impl Into<Payload>) -> Self {
        Self::new(opcode::BINARY, payload)
    }

    /// A continuation frame.
    pub fn continuation(payload: impl Into<Payload>) -> Self {
        Self::new(opcode::CONTINUATION, payload)
    }

    /// A Ping frame.
    pub fn ping(payload: impl Into<Payload>) -> Self {
        Self::new(opcode::PING, payload)
    }

    /// A Pong frame.
    pub fn pong(payload: impl Into<Payload>) -> Self {
        Self::new(opcode::PONG, payload)
    }

    /// The same frame without FIN: more of the message follows.
    #[must_use]
    pub fn unfinished(self) -> Self {
        Self { fin: false, ..self }
    }

    /// The same frame with these reserved bits.
    #[must_use]
    pub fn rsv(self, rsv: u8) -> Self {
        Self { rsv, ..self }
    }

    /// The same frame, its bytes written in this way.
    #[must_use]
    pub fn written(self, writes: Writes) -> Self {
        Self { writes, ..self }
    }
}

/// How the bytes of a frame are written to the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Together with the frames before and after it.
    Joined,
    /// In a write of its own.
    Own,
    /// In writes of so many bytes.
    Chopped(usize),
}

/// A message to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Binary or text.
    pub binary: bool,
    /// The payload.
    pub payload: Payload,
    /// The payload length of each frame. When it divides the length of a longer message, an
    /// empty final frame follows.
    pub fragment_len: Option<usize>,
}

impl Message {
    /// A text message in one frame.
    pub fn text(payload: impl Into<Payload>) -> Self {
        Self { binary: false, payload: payload.into(), fragment_len: None }
    }

    /// The same message in frames of so many bytes.
    #[must_use]
    pub fn in_frames_of(self, len: usize) -> Self {
        Self { fragment_len: Some(len), ..self }
    }
}

/// The payload lengths of the frames of a message that is cut so.
#[must_use]
pub fn frame_lens(len: usize, fragment_len: Option<usize>) -> Vec<usize> {
    match fragment_len {
        Some(piece) if piece < len => {
            let mut lens = vec![piece; len / piece];
            lens.push(len % piece);
            lens
        }
        _ => vec![len],
    }
}

/// The message of an echo loop.
#[derive(Clone, Debug, PartialEq)]
pub enum LoopMessage {
    /// The same frame each time.
    Frame(Frame),
    /// The next slice of the case's data set each time, going round.
    Slices {
        /// Binary or text.
        binary: bool,
        /// Units in each message: characters of text, otherwise bytes.
        len: usize,
        /// The payload length of each frame, after compression.
        fragment_len: Option<usize>,
    },
}

/// The moment of a Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When the step's turn comes.
    Now,
    /// As soon as the received list is what [`Expect::ok`] says.
    ExpectedMet,
    /// On the first message.
    FirstMessage,
    /// After the last echo of the loop, or the first wrong one.
    LoopEnd,
}

/// The things to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// The whole received list.
    Events,
    /// Type and length of the echo. The fuzzer compares the bytes too: an echo of the right
    /// length with wrong bytes is no echo.
    EchoLen,
    /// Type, length and bytes of each echo.
    EchoBytes,
}

/// The received lists that pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// The list for a verdict of OK.
    pub ok: Vec<Received>,
    /// The list for a verdict of NON-STRICT, if the case has one.
    pub non_strict: Option<Vec<Received>>,
}

/// One entry of the received list.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// A data message.
    Message {
        /// Binary or text.
        binary: bool,
        /// The payload.
        payload: Payload,
    },
    /// A Pong.
    Pong(Payload),
    /// A wait ran out.
    Elapsed(&'static str),
}

impl Received {
    /// A text message.
    pub fn text(payload: impl Into<Payload>) -> Self {
        Self::Message { binary: false, payload: payload.into() }
    }

    /// A binary message.
    pub fn binary(payload: impl Into<Payload>) -> Self {
        Self::Message { binary: true, payload: payload.into() }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { binary: false, payload } => write!(f, "text {payload}"),
            Self::Message { binary: true, payload } => write!(f, "binary {payload}"),
            Self::Pong(payload) => write!(f, "pong {payload}"),
            Self::Elapsed(tag) => write!(f, "wait {tag} over"),
        }
    }
}

/// How the connection must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRule {
    /// Who must start closing.
    pub by: End,
    /// The close codes accepted from the testee; none at all is accepted too.
    pub codes: Vec<u16>,
    /// Whether the closing handshake must be complete before the transport ends.
    pub clean: bool,
    /// Whether another code fails the case itself.
    pub wrong_code_fails: bool,
    /// Whether closing started by the other end fails the case itself.
    pub wrong_end_fails: bool,
}

/// One of the two ends, by its part in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that runs the case.
    Fuzzer,
    /// The one that is tested.
    Testee,
}
