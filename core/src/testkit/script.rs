//! A peer that follows a script.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::time::Duration;

use super::end::End;
use super::event::OwnedEvent;
use super::frame::Frame;
use crate::{ClientRequest, CloseCode, Config, OwnedMessage, Role};

/// A peer that follows a script: it writes the bytes it is given, lawful or not, and checks your
/// end against your expectations. It answers nothing by itself, neither a Ping nor a Close frame.
///
/// It does no IO: [`run`](Self::run) lets it talk with an [`End`] in memory and on virtual time.
/// `bluewire::testkit::play` lets it talk over a stream.
///
/// ```
/// use bluewire_core::testkit::{End, Frame, OwnedEvent, ScriptedPeer};
/// use bluewire_core::{CloseCode, Config, Role};
///
/// let mut server = End::open(Role::Server, Config::default());
/// let script = ScriptedPeer::new(Role::Client)
///     .send(Frame::text("Hello").not_final())
///     .send(Frame::ping("?"))
///     .expect(Frame::pong("?"))
///     // A message must be finished before the next one begins (5.4).
///     .send(Frame::text("again"))
///     .expect_close(CloseCode::PROTOCOL_ERROR)
///     .expect_end();
/// script.run(&mut server, |_, _| {})?;
/// # Ok::<(), bluewire_core::testkit::ScriptError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ScriptedPeer {
    role: Role,
    steps: VecDeque<Step>,
    /// How many steps are done.
    done: usize,
    handshake: Option<Box<End>>,
    /// The received bytes that belong to no step yet.
    received: Vec<u8>,
    output: Vec<u8>,
    eof: bool,
    ended: bool,
    now: Duration,
    until: Option<Duration>,
    error: Option<ScriptError>,
}

#[derive(Debug)]
enum Step {
    Handshake,
    ExpectHead(String),
    Expect(Frame),
    ExpectMessage(OwnedMessage),
    ExpectClose(CloseCode),
    ExpectEnd,
    Send(Vec<u8>),
    Wait(Duration),
    End,
}

impl ScriptedPeer {
    /// A peer of this role, with nothing to do yet.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            steps: VecDeque::new(),
            done: 0,
            handshake: None,
            received: Vec::new(),
            output: Vec::new(),
            eof: false,
            ended: false,
            now: Duration::ZERO,
            until: None,
            error: None,
        }
    }

    /// Then does its side of a lawful opening handshake: as a client it asks `localhost` for `/`,
    /// as a server it accepts. For any other one, [expect a head](Self::expect_head) and
    /// [send bytes](Self::send_bytes).
    pub fn handshake(self) -> Self {
        self.then(Step::Handshake)
    }

    /// Then awaits the head of a request or a response that contains this, such as a header line.
    pub fn expect_head(self, text: &str) -> Self {
        self.then(Step::ExpectHead(text.into()))
    }

    /// Then awaits this frame, whatever its masking key is.
    pub fn expect(self, frame: Frame) -> Self {
        self.then(Step::Expect(frame))
    }

    /// Then awaits this message, in whatever fragments.
    pub fn expect_message(self, message: OwnedMessage) -> Self {
        self.then(Step::ExpectMessage(message))
    }

    /// Then awaits a Close frame with this code, whatever its reason is.
    pub fn expect_close(self, code: CloseCode) -> Self {
        self.then(Step::ExpectClose(code))
    }

    /// Then awaits the end of the stream.
    pub fn expect_end(self) -> Self {
        self.then(Step::ExpectEnd)
    }

    /// Then writes a frame.
    pub fn send(self, frame: Frame) -> Self {
        let bytes = frame.bytes_from(self.role);
        self.then(Step::Send(bytes))
    }

    /// Then writes any bytes.
    pub fn send_bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Then does nothing for a time.
    pub fn wait(self, time: Duration) -> Self {
        self.then(Step::Wait(time))
    }

    /// Then ends its stream. The steps after this judge the bytes that it still reads.
    pub fn end(self) -> Self {
        self.then(Step::End)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }

    /// Takes bytes that came.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.received.extend(bytes);
        self.go_on();
    }

    /// Takes the end of the stream.
    pub fn receive_eof(&mut self) {
        self.eof = true;
        self.go_on();
    }

    /// Lets it be so late.
    pub fn set_time(&mut self, now: Duration) {
        self.now = now;
        self.go_on();
    }

    /// Until when it does nothing.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.until
    }

    /// The bytes that it writes next; they count as written then.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.go_on();
        mem::take(&mut self.output)
    }

    /// Whether it has ended its stream, behind its output.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the script is over: at its end, or at a step that failed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.error.is_some() || self.steps.is_empty()
    }

    /// How it went. Once no more will come, what is left undone is an error.
    ///
    /// # Errors
    ///
    /// The first step that was not met.
    pub fn finish(mut self) -> Result<(), ScriptError> {
        self.go_on();
        match (self.error.take(), self.steps.front()) {
            (Some(error), _) => Err(error),
            (None, Some(_)) => Err(self.mismatch("nothing more".into())),
            (None, None) => Ok(()),
        }
    }

    /// Runs the script against an end in memory, on virtual time that passes only when nothing is
    /// under way. Your application is `act`: it sees each event of the end, and may do with the
    /// end what it likes.
    ///
    /// # Errors
    ///
    /// The first step that was not met.
    pub fn run(
        mut self,
        end: &mut End,
        mut act: impl FnMut(&mut End, OwnedEvent),
    ) -> Result<(), ScriptError> {
        self.now = self.now.max(end.now());
        loop {
            self.exchange(end, &mut act);
            if self.is_over() {
                return self.finish();
            }
            // A script that awaits something in vain meets a deadline of the end: what that sends,
            // or the end of its stream, is not what is awaited.
            let deadlines = [self.deadline(), end.deadline()];
            let Some(next) = deadlines.into_iter().flatten().min() else { return self.finish() };
            end.set_time(next);
            self.set_time(next);
        }
    }

    fn exchange(&mut self, end: &mut End, act: &mut impl FnMut(&mut End, OwnedEvent)) {
        loop {
            for event in end.take_events() {
                act(end, event);
            }
            let output = self.take_output();
            end.receive(&output);
            if self.ended {
                end.receive_eof();
            }
            let answer = end.take_output();
            self.receive(&answer);
            if end.has_ended() && !self.eof {
                self.receive_eof();
            }
            let is_quiet = output.is_empty() && answer.is_empty() && self.output.is_empty();
            if is_quiet && !end.has_events() {
                return;
            }
        }
    }

    /// Does all steps that can be done.
    fn go_on(&mut self) {
        while self.error.is_none()
            && let Some(step) = self.steps.pop_front()
        {
            match self.try_step(&step) {
                Ok(true) => self.done += 1,
                Ok(false) => {
                    self.steps.push_front(step);
                    if self.eof && self.until.is_none() {
                        self.error = Some(self.mismatch("the end of the stream".into()));
                    }
                    return;
                }
                Err(found) => {
                    self.steps.push_front(step);
                    self.error = Some(self.mismatch(found));
                }
            }
        }
    }

    /// Whether the step is done; what was found in the place of what is awaited.
    fn try_step(&mut self, step: &Step) -> Result<bool, String> {
        match step {
            Step::Send(bytes) => self.output.extend(bytes),
            Step::End => self.ended = true,
            Step::Wait(time) => {
                let until = *self.until.get_or_insert_with(|| self.now.saturating_add(*time));
                if self.now < until {
                    return Ok(false);
                }
                self.until = None;
            }
            Step::Handshake => return self.shake_hands(),
            Step::ExpectHead(text) => {
                let Some(head) = self.take_head() else { return Ok(false) };
                let head = String::from_utf8_lossy(&head);
                if !head.contains(text) {
                    return Err(format!("{head:?}"));
                }
            }
            Step::Expect(expected) => {
                let Some(frame) = self.take_frame() else { return Ok(false) };
                if !frame.says_same(expected) {
                    return Err(frame.to_string());
                }
            }
            Step::ExpectMessage(expected) => return self.expect_whole(expected),
            Step::ExpectClose(code) => {
                let Some(frame) = self.take_frame() else { return Ok(false) };
                if frame.opcode() != 0x8
                    || !frame.payload().starts_with(&code.value().to_be_bytes())
                {
                    return Err(frame.to_string());
                }
            }
            Step::ExpectEnd => {
                if let Some((frame, _)) = Frame::parse(&self.received) {
                    return Err(frame.to_string());
                }
                match (self.eof, self.received.len()) {
                    (false, _) => return Ok(false),
                    (true, 0) => {}
                    (true, len) => return Err(format!("{len} bytes of an unfinished frame")),
                }
            }
        }
        Ok(true)
    }

    /// All frames of a message are awaited before one is taken.
    fn expect_whole(&mut self, expected: &OwnedMessage) -> Result<bool, String> {
        let opcode = if expected.borrow().is_text() { 0x1 } else { 0x2 };
        let (mut payload, mut len) = (Vec::new(), 0);
        loop {
            let Some((frame, frame_len)) = Frame::parse(&self.received[len..]) else {
                return Ok(false);
            };
            let expected_opcode = if len == 0 { opcode } else { 0 };
            payload.extend(frame.payload());
            len += frame_len;
            let is_part = frame.opcode() == expected_opcode
                && expected.borrow().as_bytes().starts_with(&payload);
            if !is_part || frame.is_final() && payload.len() < expected.borrow().len() {
                return Err(frame.to_string());
            }
            if frame.is_final() {
                self.received.drain(..len);
                return Ok(true);
            }
        }
    }

    fn shake_hands(&mut self) -> Result<bool, String> {
        if self.handshake.is_none() {
            self.handshake = Some(Box::new(match self.role {
                Role::Client => {
                    let request = ClientRequest::new("localhost", "/").expect("it is valid");
                    End::connecting(&request, Config::default())
                }
                Role::Server => End::accepting(Config::default()),
            }));
        }
        loop {
            let Some(end) = &mut self.handshake else { return Ok(true) };
            self.output.extend(end.take_output());
            if end.connection().is_some() {
                self.handshake = None;
                return Ok(true);
            }
            if let Some(error) = end.handshake_error() {
                return Err(format!("a handshake that fails: {error}"));
            }
            let Some(head) = self.take_head() else { return Ok(false) };
            if let Some(end) = &mut self.handshake {
                end.receive(&head);
            }
        }
    }

    /// Through its empty line.
    fn take_head(&mut self) -> Option<Vec<u8>> {
        let end = self.received.windows(4).position(|window| window == b"\r\n\r\n")?;
        Some(self.received.drain(..end + 4).collect())
    }

    fn take_frame(&mut self) -> Option<Frame> {
        let (frame, len) = Frame::parse(&self.received)?;
        self.received.drain(..len);
        Some(frame)
    }

    fn mismatch(&self, found: String) -> ScriptError {
        let expected = self.steps.front().map_or_else(String::new, ToString::to_string);
        ScriptError { step: self.done + 1, expected, found }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake => f.write_str("an opening handshake"),
            Self::ExpectHead(text) => write!(f, "a head with {text:?}"),
            Self::Expect(frame) => frame.fmt(f),
            Self::ExpectMessage(OwnedMessage::Text(text)) => write!(f, "the message {text:?}"),
            Self::ExpectMessage(OwnedMessage::Binary(bytes)) => {
                write!(f, "a binary message of {} bytes", bytes.len())
            }
            Self::ExpectClose(code) => write!(f, "a Close frame with {code}"),
            Self::ExpectEnd => f.write_str("the end of the stream"),
            Self::Send(bytes) => write!(f, "to write {} bytes", bytes.len()),
            Self::Wait(time) => write!(f, "to wait for {time:?}"),
            Self::End => f.write_str("to end the stream"),
        }
    }
}

/// A step of a script that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptError {
    /// The step, counted from 1.
    pub step: usize,
    /// The event that it awaits.
    pub expected: String,
    /// The event that arrived instead.
    pub found: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, expected, found } = self;
        write!(f, "step {step} of the script expected {expected}, but received {found}")
    }
}

impl core::error::Error for ScriptError {}
