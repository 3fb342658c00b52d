//! Fuzzer and testee in one thread, joined by memory, on virtual time.

use std::time::Duration;

use crate::case::Role;
use crate::cutting::{Cutter, Cutting};
use crate::fuzzer::Fuzzer;

/// An echo peer in memory: bytes and times in, bytes out.
pub trait Testee {
    /// A client's offer of extensions.
    fn offer(&self) -> Option<String> {
        None
    }

    /// A server's answer to an offer of extensions.
    fn accept(&mut self, offer: &str) -> Option<String> {
        let _ = offer;
        None
    }

    /// Whether the answer to a client's offer is valid.
    fn confirm(&mut self, answer: &str) -> bool {
        let _ = answer;
        false
    }

    /// Takes bytes that came, whole or in part.
    fn receive(&mut self, now: Duration, bytes: &[u8]);

    /// Learns that the peer has dropped the transport.
    fn receive_eof(&mut self, now: Duration);

    /// The bytes that it wants sent, once each.
    fn output(&mut self) -> Vec<u8>;

    /// Whether it drops the transport, once its output is sent.
    fn drops_transport(&self) -> bool;

    /// The next time at which [`handle_timeout`](Self::handle_timeout) has something to do.
    fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// Does what is due.
    fn handle_timeout(&mut self, now: Duration) {
        let _ = now;
    }
}

/// Runs the case on an open connection, until it is over or neither end has anything to do.
///
/// Bytes take no time. Time passes only when nothing is under way, and then at once: a case of
/// a thousand seconds takes no longer than the work in it.
pub fn run(fuzzer: &mut Fuzzer<'_>, testee: &mut dyn Testee, cutting: Cutting) {
    let mut pair = Pair { fuzzer, testee, cutter: Cutter::new(cutting), now: Duration::ZERO };
    match pair.negotiate() {
        Ok(extensions) => pair.fuzzer.open(pair.now, extensions.as_deref()),
        Err(fault) => pair.fuzzer.receive_failure(pair.now, &fault),
    }
    loop {
        pair.exchange();
        let deadlines = [pair.fuzzer.poll_timeout(), pair.testee.poll_timeout()];
        let next = deadlines.into_iter().flatten().min();
        match next {
            Some(next) if !pair.fuzzer.is_over() => pair.pass_time(next),
            _ => break,
        }
    }
    pair.testee.receive_eof(pair.now);
}

struct Pair<'a, 'c> {
    fuzzer: &'a mut Fuzzer<'c>,
    testee: &'a mut dyn Testee,
    cutter: Cutter,
    now: Duration,
}

impl Pair<'_, '_> {
    /// The part of the opening handshake that matters here: the server's answer.
    fn negotiate(&mut self) -> Result<Option<String>, String> {
        let Some(deflate) = self.fuzzer.deflate() else { return Ok(None) };
        if self.fuzzer.role() == Role::Client {
            return Ok(self.testee.accept(&deflate.offer_header()));
        }
        let answer = self.testee.offer().and_then(|offer| deflate.answer(&offer));
        match answer {
            Some(answer) if !self.testee.confirm(&answer) => {
                Err(format!("the testee does not take {answer} for an answer to its offer"))
            }
            answer => Ok(answer),
        }
    }

    /// Moves bytes until none are left.
    fn exchange(&mut self) {
        self.forward();
        loop {
            let writes: Vec<_> = std::iter::from_fn(|| self.fuzzer.next_write()).collect();
            if writes.is_empty() {
                return;
            }
            for piece in self.cutter.cut(writes) {
                if self.testee.drops_transport() {
                    return;
                }
                self.testee.receive(self.now, &piece);
                self.forward();
            }
        }
    }

    /// Moves what the testee wants sent.
    fn forward(&mut self) {
        let output = self.testee.output();
        if !output.is_empty() {
            self.fuzzer.receive(self.now, &output);
        }
        if self.testee.drops_transport() {
            self.fuzzer.receive_eof(self.now);
        }
    }

    fn pass_time(&mut self, next: Duration) {
        self.now = self.now.max(next);
        self.testee.handle_timeout(self.now);
        self.forward();
        self.fuzzer.handle_timeout(self.now);
    }
}
