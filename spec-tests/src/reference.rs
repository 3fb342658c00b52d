//! An echo peer in the plainest words: the tester held against itself, and the engine held
//! against an oracle.

use std::time::Duration;

use crate::case::Role;
use crate::pair::Testee;
use crate::random::Random;
use crate::receiver::{Item, Receiver, Violation};
use crate::wire::{frame, opcode};

/// An echo peer that is slow and right.
#[derive(Debug)]
pub struct Reference {
    role: Role,
    receiver: Receiver,
    random: Random,
    output: Vec<u8>,
    close_sent: bool,
    drops: bool,
}

impl Reference {
    /// An echo peer in this role on an open connection.
    #[must_use]
    pub const fn new(role: Role, seed: u64) -> Self {
        Self {
            role,
            receiver: Receiver::new(role),
            random: Random::new(seed),
            output: Vec::new(),
            close_sent: false,
            drops: false,
        }
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) {
        if !self.close_sent {
            let key = (self.role == Role::Client).then(|| self.random.key());
            self.output.extend(frame(true, 0, opcode, key, payload));
            self.close_sent = opcode == opcode::CLOSE;
        }
    }

    /// 7.1.7: a Close that says why, then the end of the transport.
    fn fail(&mut self, violation: Violation) {
        self.send(opcode::CLOSE, &violation.close_code().to_be_bytes());
        self.drops = true;
    }
}

impl Testee for Reference {
    fn receive(&mut self, _now: Duration, bytes: &[u8]) {
        self.receiver.push(bytes);
        // 1.4: "After receiving a control frame indicating the connection should be closed, a
        // peer discards any further data received."
        while !self.close_sent {
            match self.receiver.next_item() {
                Ok(None) => break,
                Ok(Some(Item::Header(_) | Item::Pong(_))) => {}
                Ok(Some(Item::Message { binary: false, payload })) => {
                    self.send(opcode::TEXT, &payload);
                }
                Ok(Some(Item::Message { binary: true, payload })) => {
                    self.send(opcode::BINARY, &payload);
                }
                Ok(Some(Item::Ping(payload))) => self.send(opcode::PONG, &payload),
                Ok(Some(Item::Close(body))) => {
                    self.send(opcode::CLOSE, &body[..body.len().min(2)]);
                    // 7.1.1: the server closes first, the client waits for it.
                    self.drops = self.role == Role::Server;
                }
                Err(violation) => self.fail(violation),
            }
        }
    }

    fn receive_eof(&mut self, _now: Duration) {
        self.drops = true;
    }

    fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    fn drops_transport(&self) -> bool {
        self.drops
    }
}
