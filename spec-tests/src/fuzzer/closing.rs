//! The fuzzer's end of the closing handshake (7.1).

use std::time::Duration;

use super::{Fuzzer, State};
use crate::case::{End, Role};
use crate::payload::Payload;
use crate::wire::opcode;

/// How long a Close frame may stay unanswered.
const CLOSE_REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server may take to drop the transport after the closing handshake.
const SERVER_DROP_TIMEOUT: Duration = Duration::from_secs(1);

impl Fuzzer<'_> {
    pub(super) fn take_close(&mut self, body: &[u8]) {
        let code = body.first_chunk().map(|code| u16::from_be_bytes(*code));
        self.note(match code {
            Some(code) => format!("the testee closes with code {code}"),
            None => "the testee closes without a code".into(),
        });
        self.record.close_received = Some(code);
        self.record.started_by.get_or_insert(End::Testee);
        self.timers.close_reply = None;
        self.send_close(&1000_u16.to_be_bytes().to_vec().into());
        // 7.1.1: the server closes the transport first, so that it is the one in TIME_WAIT.
        match self.role {
            Role::Server => {
                self.note("the closing handshake is complete");
                self.state = State::Gone;
            }
            Role::Client => self.timers.server_drop = Some(self.now + SERVER_DROP_TIMEOUT),
        }
    }

    /// Starts the closing handshake, unless it has begun.
    pub(super) fn close(&mut self, body: &Payload) {
        if self.state == State::Open {
            self.record.started_by.get_or_insert(End::Fuzzer);
            self.timers.close_reply = Some(self.now + CLOSE_REPLY_TIMEOUT);
            self.send_close(body);
        }
    }

    fn send_close(&mut self, body: &Payload) {
        if self.state == State::Open {
            self.state = State::Closing;
            self.record.close_sent = true;
            self.control(opcode::CLOSE, body.to_vec());
        }
    }

    pub(super) fn drop_transport(&mut self, why: &str) {
        if self.state != State::Gone {
            self.note(format!("the fuzzer drops the transport: {why}"));
            self.record.started_by.get_or_insert(End::Fuzzer);
            self.record.dropped_by_fuzzer = true;
            self.state = State::Gone;
        }
    }
}
