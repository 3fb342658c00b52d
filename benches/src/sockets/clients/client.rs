//! One connection of the clients.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use super::super::latency::Latency;
use super::super::stream::Stream;
use super::super::traffic::{Place, Traffic};
use super::inflate::Inflating;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: Stream,
    /// Bytes that wait to be written.
    queued: usize,
    /// The message of the round that is sent next.
    next: usize,
    /// When the messages left whose echo has not come.
    left: VecDeque<(Instant, usize)>,
    /// Bytes that came of the next echo.
    part: usize,
    sending: Place,
    receiving: Place,
    /// Where echoes come compressed.
    inflating: Option<Box<Inflating>>,
}

impl Client {
    pub(super) fn new(stream: Stream, compressed: bool) -> Self {
        Self {
            stream,
            queued: 0,
            next: 0,
            left: VecDeque::new(),
            part: 0,
            sending: Place::default(),
            receiving: Place::default(),
            inflating: compressed.then(|| Box::new(Inflating::new())),
        }
    }

    /// Messages whose echo has not come.
    pub(super) fn unanswered(&self) -> usize {
        self.left.iter().map(|(_, count)| count).sum()
    }

    /// Waits for that many messages that others send.
    pub(super) fn expect(&mut self, count: usize, now: Instant) {
        self.left.push_back((now, count));
    }

    /// Sends so many messages, or queues them.
    pub(super) fn send(&mut self, traffic: &Traffic, count: usize, now: Instant) -> io::Result<()> {
        self.expect(count, now);
        self.send_unexpected(traffic, count)
    }

    /// Sends messages that were expected before.
    pub(super) fn send_unexpected(&mut self, traffic: &Traffic, count: usize) -> io::Result<()> {
        self.queued += traffic.bytes(self.next, count);
        self.next = (self.next + count) % traffic.round();
        self.write(traffic)
    }

    pub(super) fn write(&mut self, traffic: &Traffic) -> io::Result<()> {
        while self.queued > 0 {
            match self.stream.write(traffic.frames(self.sending, self.queued)) {
                Ok(written) => {
                    traffic.sent(&mut self.sending, written);
                    self.queued -= written;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.stream.flush()
    }

    /// Takes what came, answers each echo by a message if asked to, and says how many echoes came.
    pub(super) fn read(
        &mut self,
        traffic: &Traffic,
        buffer: &mut [u8],
        answer: bool,
        latency: &mut Latency,
    ) -> io::Result<u64> {
        let mut echoes = 0;
        loop {
            let len = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let came = self.take(traffic, &buffer[..len])?;
            let now = Instant::now();
            self.note(came, now, latency)?;
            echoes += came as u64;
            if answer && came > 0 {
                self.send(traffic, came, now)?;
            }
            // A read that did not fill the buffer has emptied the socket.
            if len < buffer.len() && self.stream.is_plain() {
                break;
            }
        }
        Ok(echoes)
    }

    /// Compares what came, and says how many echoes it ended.
    fn take(&mut self, traffic: &Traffic, bytes: &[u8]) -> io::Result<usize> {
        if let Some(inflating) = &mut self.inflating {
            let place = &mut self.receiving;
            return inflating.take(bytes, |payload| {
                if payload.len() != traffic.echo_len {
                    return Err(io::Error::other("an echo of another length"));
                }
                traffic.check(place, payload)
            });
        }
        traffic.check(&mut self.receiving, bytes)?;
        self.part += bytes.len();
        let came = self.part / traffic.echo_len;
        self.part %= traffic.echo_len;
        Ok(came)
    }

    /// Notes how long the oldest messages took.
    fn note(&mut self, mut came: usize, now: Instant, latency: &mut Latency) -> io::Result<()> {
        while came > 0 {
            let Some((sent, count)) = self.left.front_mut() else {
                return Err(io::Error::other("an echo too many"));
            };
            let noted = came.min(*count);
            latency.add(now - *sent, noted as u64);
            came -= noted;
            *count -= noted;
            if *count == 0 {
                self.left.pop_front();
            }
        }
        Ok(())
    }
}
