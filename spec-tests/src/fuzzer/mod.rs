//! The fuzzer: the end that runs a case against the testee and judges what comes back.
//!
//! It does no IO and has no clock: bytes and times come in through calls, and what it wants
//! written, awaited or dropped is asked of it. So the same fuzzer runs on virtual time against an
//! engine in memory and on real time over a socket.

mod closing;
mod steps;
mod transcript;
mod verdict;

use std::collections::VecDeque;
use std::time::Duration;

use crate::case::{Case, End, Received, Role, When};
use crate::deflate::{Agreed, DeflateLoop};
use crate::opening::Opening;
use crate::payload::Payload;
use crate::random::Random;
use crate::receiver::{Item, Receiver, Violation};
use crate::wire::{Header, frame, opcode};
use steps::Steps;
use transcript::Direction;
pub use transcript::{Detail, Transcript};
use verdict::Record;
pub use verdict::{CloseVerdict, Verdict};

/// How long the opening handshake may take.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

/// One run of one case.
#[derive(Debug)]
pub struct Fuzzer<'c> {
    case: &'c Case,
    role: Role,
    random: Random,
    state: State,
    opening: Option<Opening>,
    agreed: Option<Agreed>,
    receiver: Receiver,
    steps: Steps<'c>,
    timers: Timers,
    writes: VecDeque<Vec<u8>>,
    /// Whether the next frame may join the last write.
    joins: bool,
    record: Record,
    transcript: Transcript,
    now: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    Closing,
    Gone,
}

/// Deadlines; those of a wait belong to the steps.
#[derive(Clone, Copy, Debug, Default)]
struct Timers {
    opening: Option<Duration>,
    close_reply: Option<Duration>,
    server_drop: Option<Duration>,
    kill: Option<Duration>,
    close: Option<Duration>,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The verdict on the testee's behaviour.
    pub verdict: Verdict,
    /// The verdict on the end of the connection.
    pub close_verdict: CloseVerdict,
    /// The events of the run.
    pub transcript: Transcript,
}

impl Run {
    /// Whether the testee passes by the strict reading.
    #[must_use]
    pub fn passes(&self) -> bool {
        let verdict = matches!(self.verdict, Verdict::Ok | Verdict::Informational);
        verdict && self.close_verdict == CloseVerdict::Ok
    }
}

impl<'c> Fuzzer<'c> {
    /// A fuzzer in this role, for a testee in the other.
    #[must_use]
    pub fn new(case: &'c Case, role: Role, seed: u64, detail: Detail) -> Self {
        Self {
            case,
            role,
            random: Random::new(seed),
            state: State::Connecting,
            opening: None,
            agreed: None,
            receiver: Receiver::new(role),
            steps: Steps::new(case),
            timers: Timers::default(),
            writes: VecDeque::new(),
            joins: false,
            record: Record::default(),
            transcript: Transcript::new(detail),
            now: Duration::ZERO,
        }
    }

    /// Which end it plays.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The compression that its case needs.
    #[must_use]
    pub const fn deflate(&self) -> Option<&'c DeflateLoop> {
        self.case.deflate.as_ref()
    }

    /// Begins with the opening handshake. `host` is what a client asks for.
    pub fn connect(&mut self, now: Duration, host: &str) {
        self.now = now;
        self.timers.opening = Some(now + OPENING_TIMEOUT);
        let deflate = self.case.deflate.as_ref();
        let (opening, request) = Opening::new(self.role, host, deflate, &mut self.random);
        self.opening = Some(opening);
        self.write(request);
    }

    /// Begins on a connection that is open. `extensions` is what the server answered with.
    pub fn open(&mut self, now: Duration, extensions: Option<&str>) {
        self.now = now;
        self.state = State::Open;
        self.timers.opening = None;
        let Some(deflate) = &self.case.deflate else {
            return self.run_steps();
        };
        let Some(extensions) = extensions else {
            self.record.unimplemented = true;
            self.note("permessage-deflate was not negotiated: nothing to test");
            return self.close(&1000_u16.to_be_bytes().to_vec().into());
        };
        self.note(format!("agreed on: {extensions}"));
        let agreed = match self.role {
            Role::Client => deflate.confirm(extensions),
            Role::Server => Agreed::parse(extensions),
        };
        match agreed {
            Ok(agreed) => {
                self.agreed = Some(agreed);
                self.receiver.expect_compressed();
                self.run_steps();
            }
            Err(fault) => {
                self.record.broken = Some(format!("the negotiation is wrong: {fault}"));
                self.drop_transport("that is no answer");
            }
        }
    }

    /// Takes bytes that came from the testee.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) {
        self.now = now;
        if self.state == State::Gone {
            return;
        }
        self.transcript.octets(now, Direction::Came, bytes);
        let Some(mut opening) = self.opening.take() else {
            return self.receive_frames(bytes);
        };
        match opening.receive(bytes) {
            Ok(None) => self.opening = Some(opening),
            Ok(Some(opened)) => {
                self.write(opened.answer);
                self.open(now, opened.extensions.as_deref());
                self.receive_frames(&opened.rest);
            }
            Err(fault) => {
                self.record.broken = Some(format!("the opening handshake is wrong: {fault}"));
                self.drop_transport("that is no handshake");
            }
        }
    }

    /// Learns that the testee has dropped the transport.
    pub fn receive_eof(&mut self, now: Duration) {
        self.now = now;
        if self.state == State::Gone {
            return;
        }
        self.note("the testee drops the transport");
        if self.state == State::Connecting {
            self.record.broken = Some("the testee left the opening handshake".into());
        }
        self.record.started_by.get_or_insert(End::Testee);
        self.state = State::Gone;
        self.writes.clear();
    }

    /// Learns that the testee has broken the transport off, which may have cost its peer what it
    /// had not read yet.
    pub fn receive_reset(&mut self, now: Duration) {
        if self.state != State::Gone {
            self.record.reset = true;
            self.note("the testee resets the transport");
        }
        self.receive_eof(now);
    }

    /// Learns that the testee panicked or could not be reached, which no case forgives.
    pub fn receive_failure(&mut self, now: Duration, what: &str) {
        self.receive_eof(now);
        self.note(what);
        self.record.broken = Some(what.into());
    }

    /// The bytes of the next write, once each.
    pub fn next_write(&mut self) -> Option<Vec<u8>> {
        let write = self.writes.pop_front()?;
        self.joins &= !self.writes.is_empty();
        self.transcript.octets(self.now, Direction::Sent, &write);
        Some(write)
    }

    /// The next time at which [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.is_over() {
            return None;
        }
        let Timers { opening, close_reply, server_drop, kill, close } = self.timers;
        [opening, close_reply, server_drop, kill, close, self.steps.wait_until()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        let due = |timer: &mut Option<Duration>| timer.take_if(|at| *at <= now).is_some();
        if due(&mut self.timers.opening) {
            self.record.broken = Some("the opening handshake takes too long".into());
            self.drop_transport("the opening handshake takes too long");
        }
        if due(&mut self.timers.close_reply) {
            self.record.late = true;
            self.drop_transport("the Close was not answered in time");
        }
        if due(&mut self.timers.server_drop) {
            self.record.late = true;
            self.drop_transport("the server did not drop the transport in time");
        }
        if due(&mut self.timers.kill) {
            match self.state {
                State::Open => self.close(&1001_u16.to_be_bytes().to_vec().into()),
                _ => self.drop_transport("the case takes too long"),
            }
        }
        if due(&mut self.timers.close) {
            self.close(&Payload::EMPTY);
        }
        self.end_wait();
    }

    /// Whether the run is over: the transport must be dropped, at once or after all writes.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Gone
    }

    /// Judges the run.
    #[must_use]
    pub fn finish(mut self) -> Run {
        if self.state != State::Gone {
            self.record.broken = Some("neither end has anything left to do".into());
        }
        let verdict = self.record.verdict(self.case);
        let close_verdict = self.record.close_verdict(self.case, self.role);
        self.conclude(verdict, close_verdict);
        Run { verdict, close_verdict, transcript: self.transcript }
    }

    fn conclude(&mut self, verdict: Verdict, close_verdict: CloseVerdict) {
        let list = |entries: &[Received]| {
            let entries: Vec<_> = entries.iter().map(ToString::to_string).collect();
            format!("[{}]", entries.join(", "))
        };
        if let Some(expect) = &self.case.expect {
            self.note(format!("expected for OK: {}", list(&expect.ok)));
            if let Some(non_strict) = &expect.non_strict {
                self.note(format!("expected for NON-STRICT: {}", list(non_strict)));
            }
            self.note(format!("received: {}", list(&self.record.received)));
        }
        let rule = &self.case.close;
        let (end, clean) = (rule.by, if rule.clean { ", complete" } else { "" });
        self.note(format!("expected closing: by the {end:?}, {:?}{clean}", rule.codes));
        if let Some(what) = self.record.broken.take() {
            self.note(what);
        }
        if let Some(violation) = self.record.violation {
            self.note(format!("the testee broke a rule: {violation}"));
        }
        self.note(format!("verdict: {verdict}; closing: {close_verdict}"));
    }

    fn receive_frames(&mut self, bytes: &[u8]) {
        self.receiver.push(bytes);
        while self.state != State::Gone {
            match self.receiver.next_item() {
                Ok(None) => break,
                Ok(Some(item)) => self.take_item(item),
                Err(violation) => self.take_violation(violation),
            }
        }
    }

    fn take_item(&mut self, item: Item) {
        match item {
            Item::Header(header) => {
                self.transcript.frame(self.now, Direction::Came, header, None);
            }
            Item::Message { binary, payload } => self.take_message(binary, payload, false),
            Item::Compressed { binary, payload } => self.take_message(binary, payload, true),
            // Answered, not listed: the testee may ping whenever it likes.
            Item::Ping(payload) if self.state == State::Open => self.control(opcode::PONG, payload),
            Item::Ping(_) => {}
            Item::Pong(payload) => self.record.received.push(Received::Pong(payload.into())),
            Item::Close(body) => self.take_close(&body),
        }
        self.close_at_the_moment();
    }

    fn take_message(&mut self, binary: bool, payload: Vec<u8>, compressed: bool) {
        self.record.first_message = true;
        if self.steps.in_loop() {
            self.take_echo(binary, payload, compressed);
        } else {
            self.record.received.push(Received::Message { binary, payload: payload.into() });
        }
    }

    fn take_violation(&mut self, violation: Violation) {
        self.record.violation = Some(violation);
        self.close(&violation.close_code().to_be_bytes().to_vec().into());
        self.drop_transport(&violation.to_string());
    }

    fn control(&mut self, opcode: u8, payload: Vec<u8>) {
        let key = self.key();
        let header = Header::new(true, opcode, key, payload.len() as u64);
        self.transcript.frame(self.now, Direction::Sent, header, Some(&payload));
        self.write(frame(true, 0, opcode, key, &payload));
    }

    /// 5.3: a fresh key for each frame of a client, none for a server.
    fn key(&mut self) -> Option<[u8; 4]> {
        (self.role == Role::Client).then(|| self.random.key())
    }

    fn write(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self.writes.back_mut() {
            Some(last) if self.joins => last.extend(bytes),
            _ => self.writes.push_back(bytes),
        }
        self.joins = true;
    }

    fn is_moment(&self, when: When) -> bool {
        match when {
            When::Now => true,
            When::ExpectedMet => {
                let ok = self.case.expect.as_ref().map(|expect| &expect.ok);
                ok == Some(&self.record.received)
            }
            When::FirstMessage => self.record.first_message,
            When::LoopEnd => self.steps.loop_ended(),
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.transcript.note(self.now, text);
    }
}
