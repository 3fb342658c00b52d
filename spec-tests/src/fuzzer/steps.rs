//! Going through the steps of a case.

use std::time::Duration;

use super::transcript::Direction;
use super::{Fuzzer, State};
use crate::case::{self, Case, Frame, LoopMessage, Message, Received, Step, When, Writes};
use crate::deflate::{Echoes, Slices};
use crate::payload::Payload;
use crate::wire::{Header, mask, opcode};

/// Where a run stands in its case.
#[derive(Debug)]
pub(super) struct Steps<'c> {
    rest: &'c [Step],
    wait: Option<Wait>,
    echo_loop: Option<EchoLoop<'c>>,
    loop_ended: bool,
    /// Closes whose moment has not come.
    closes: Vec<(When, &'c Payload)>,
    /// The key and the position of a payload that is sent in parts.
    parts: Option<(Option<[u8; 4]>, usize)>,
}

#[derive(Debug)]
struct Wait {
    until: Duration,
    elapsed: Option<&'static str>,
    if_open: bool,
}

#[derive(Debug)]
struct EchoLoop<'c> {
    message: Repeated<'c>,
    count: usize,
    done: usize,
}

/// The messages of an echo loop.
#[derive(Debug)]
enum Repeated<'c> {
    Frame { frame: &'c Frame, expect: Received },
    Slices { binary: bool, fragment_len: Option<usize>, echoes: Echoes },
}

impl Repeated<'_> {
    /// The fault of an echo, if it has one.
    fn check(
        &mut self,
        k: usize,
        (binary, payload, compressed): (bool, Vec<u8>, bool),
    ) -> Result<(), String> {
        match self {
            Self::Slices { binary: expected, echoes, .. } if binary == *expected => {
                echoes.receive(k, &payload, compressed)
            }
            Self::Slices { .. } => Err("is of the other type".into()),
            Self::Frame { expect, .. } => {
                let received = Received::Message { binary, payload: payload.into() };
                let right = received == *expect && !compressed;
                if right { Ok(()) } else { Err(format!("is {received}, not {expect}")) }
            }
        }
    }
}

impl<'c> Steps<'c> {
    pub(super) fn new(case: &'c Case) -> Self {
        Self {
            rest: &case.steps,
            wait: None,
            echo_loop: None,
            loop_ended: false,
            closes: Vec::new(),
            parts: None,
        }
    }

    pub(super) const fn in_loop(&self) -> bool {
        self.echo_loop.is_some()
    }

    pub(super) const fn loop_ended(&self) -> bool {
        self.loop_ended
    }

    pub(super) fn wait_until(&self) -> Option<Duration> {
        self.wait.as_ref().map(|wait| wait.until)
    }
}

impl<'c> Fuzzer<'c> {
    /// Goes on until there is something to wait for.
    pub(super) fn run_steps(&mut self) {
        while self.state != State::Gone && self.steps.wait.is_none() && !self.steps.in_loop() {
            let Some((step, rest)) = self.steps.rest.split_first() else {
                break;
            };
            self.steps.rest = rest;
            self.run_step(step);
        }
    }

    fn run_step(&mut self, step: &'c Step) {
        match step {
            Step::Frame(frame) => self.send_frame(frame),
            Step::Message(message) => self.send_message(message),
            Step::FrameHead { fin, opcode, len } => self.send_head(*fin, *opcode, *len),
            Step::FrameData(part) => self.send_part(part),
            Step::Close { body, when } => {
                self.steps.closes.push((*when, body));
                self.close_at_the_moment();
            }
            Step::Wait { time, elapsed, if_open } => {
                let until = self.now + *time;
                self.steps.wait = Some(Wait { until, elapsed: *elapsed, if_open: *if_open });
            }
            Step::KillAfter(time) => self.timers.kill = Some(self.now + *time),
            Step::CloseAfter(time) => self.timers.close = Some(self.now + *time),
            Step::EchoLoop { count, send } => self.begin_loop(*count, send),
        }
    }

    /// Ends the wait that has run out and goes on, if there is still someone to go on with.
    pub(super) fn end_wait(&mut self) {
        let now = self.now;
        let Some(wait) = self.steps.wait.take_if(|wait| wait.until <= now) else {
            return;
        };
        if self.state == State::Gone || (wait.if_open && self.state != State::Open) {
            self.steps.rest = &[];
            return;
        }
        if let Some(tag) = wait.elapsed {
            self.note(format!("wait {tag} is over"));
            self.record.received.push(Received::Elapsed(tag));
            self.close_at_the_moment();
        }
        self.run_steps();
    }

    pub(super) fn close_at_the_moment(&mut self) {
        let closes = std::mem::take(&mut self.steps.closes);
        for (when, body) in closes {
            if self.is_moment(when) {
                self.close(body);
            } else {
                self.steps.closes.push((when, body));
            }
        }
    }

    fn begin_loop(&mut self, count: usize, send: &'c LoopMessage) {
        let message = match send {
            LoopMessage::Frame(frame) => {
                let binary = frame.opcode == opcode::BINARY;
                let expect = Received::Message { binary, payload: frame.payload.clone() };
                Repeated::Frame { frame, expect }
            }
            LoopMessage::Slices { binary, len, fragment_len } => {
                let (Some(deflate), Some(agreed)) = (&self.case.deflate, self.agreed) else {
                    // Such a case ends before its first step if nothing was agreed on.
                    return;
                };
                let slices = Slices { data: deflate.data, len: *len };
                let echoes = Echoes::new(slices, agreed, self.role);
                Repeated::Slices { binary: *binary, fragment_len: *fragment_len, echoes }
            }
        };
        self.go_on(EchoLoop { message, count, done: 0 });
    }

    /// Sends the next message of the loop.
    fn go_on(&mut self, echo_loop: EchoLoop<'c>) {
        if self.state == State::Open {
            match &echo_loop.message {
                Repeated::Frame { frame, .. } => self.send_frame(frame),
                Repeated::Slices { binary, fragment_len, echoes } => {
                    let payload = echoes.compressed(echo_loop.done);
                    self.send_frames(*binary, 4, &payload, *fragment_len);
                }
            }
        }
        self.steps.echo_loop = Some(echo_loop);
    }

    /// Takes the next echo of the loop and sends the next message.
    pub(super) fn take_echo(&mut self, binary: bool, payload: Vec<u8>, compressed: bool) {
        let Some(mut echo_loop) = self.steps.echo_loop.take() else {
            return;
        };
        let echo = (binary, payload, compressed);
        if let Err(fault) = echo_loop.message.check(echo_loop.done, echo) {
            self.note(format!("echo {}: {fault}", echo_loop.done + 1));
            return self.end_loop(false);
        }
        echo_loop.done += 1;
        if echo_loop.done == echo_loop.count {
            return self.end_loop(true);
        }
        self.go_on(echo_loop);
    }

    fn end_loop(&mut self, done: bool) {
        self.record.loop_done = done;
        self.steps.loop_ended = true;
        self.run_steps();
    }

    fn send_message(&mut self, message: &Message) {
        self.send_frames(message.binary, 0, &message.payload.to_vec(), message.fragment_len);
    }

    /// Sends a message in frames, with these reserved bits on the first.
    fn send_frames(&mut self, binary: bool, rsv: u8, payload: &[u8], fragment_len: Option<usize>) {
        let mut opcode = if binary { opcode::BINARY } else { opcode::TEXT };
        let mut rsv = rsv;
        let mut rest = payload;
        let lens = case::frame_lens(payload.len(), fragment_len);
        for (i, len) in lens.iter().enumerate() {
            let (piece, after) = rest.split_at(*len);
            self.send(i + 1 == lens.len(), rsv, opcode, piece, Writes::Joined);
            (opcode, rsv, rest) = (opcode::CONTINUATION, 0, after);
        }
    }

    fn send_frame(&mut self, frame: &Frame) {
        self.send(frame.fin, frame.rsv, frame.opcode, &frame.payload.to_vec(), frame.writes);
    }

    fn send(&mut self, fin: bool, rsv: u8, opcode: u8, payload: &[u8], writes: Writes) {
        let key = self.key();
        let header = Header { rsv, ..Header::new(fin, opcode, key, payload.len() as u64) };
        *self.record.frames_sent.entry(opcode).or_default() += 1;
        self.transcript.frame(self.now, Direction::Sent, header, Some(payload));
        let bytes = crate::wire::frame(fin, rsv, opcode, key, payload);
        match writes {
            Writes::Joined => self.write(bytes),
            Writes::Own => self.write_apart(&bytes, bytes.len()),
            Writes::Chopped(len) => self.write_apart(&bytes, len),
        }
    }

    fn send_head(&mut self, fin: bool, opcode: u8, len: usize) {
        let key = self.key();
        let header = Header::new(fin, opcode, key, len as u64);
        *self.record.frames_sent.entry(opcode).or_default() += 1;
        self.transcript.frame(self.now, Direction::Sent, header, None);
        self.steps.parts = Some((key, 0));
        let bytes = header.to_vec();
        self.write_apart(&bytes, bytes.len());
    }

    fn send_part(&mut self, part: &Payload) {
        let (key, done) = self.steps.parts.unwrap_or((None, 0));
        let mut bytes = part.to_vec();
        if let Some(key) = key {
            mask(&mut bytes, key, done);
        }
        self.steps.parts = Some((key, done + bytes.len()));
        self.note(format!("fuzzer → payload {part}"));
        self.write_apart(&bytes, bytes.len());
    }

    /// In writes of `len` bytes, none of which is shared with what comes before or after.
    fn write_apart(&mut self, bytes: &[u8], len: usize) {
        for piece in bytes.chunks(len) {
            self.joins = false;
            self.write(piece.to_vec());
        }
        self.joins = false;
    }
}
