//! An echo peer in the plainest words: the tester held against itself, and the engine held
//! against an oracle.

use std::time::Duration;

use crate::case::Role;
use crate::deflate::{Agreed, Compressor, Inflater};
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
    deflate: Option<(Inflater, Compressor)>,
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
            deflate: None,
        }
    }

    fn begin_compressing(&mut self, agreed: Agreed) {
        let peer = agreed.compression_of(self.role.peer());
        let own = agreed.compression_of(self.role);
        self.deflate = Some((
            Inflater::new(peer.window_bits, peer.takeover),
            Compressor::new(own.window_bits, own.takeover),
        ));
        self.receiver.expect_compressed();
    }

    /// Echoes a compressed message.
    fn send_compressed(&mut self, binary: bool, payload: &[u8]) {
        let Some((inflater, compressor)) = &mut self.deflate else { return };
        let Ok(message) = inflater.message(payload, MESSAGE_LEN_MAX) else {
            return self.fail(Violation::NotUtf8);
        };
        let payload = compressor.message(&message);
        let opcode = if binary { opcode::BINARY } else { opcode::TEXT };
        let key = (self.role == Role::Client).then(|| self.random.key());
        self.output.extend(frame(true, 4, opcode, key, &payload));
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

/// The longest message that is inflated.
const MESSAGE_LEN_MAX: usize = 1 << 20;

impl Testee for Reference {
    fn offer(&self) -> Option<String> {
        Some("permessage-deflate; client_max_window_bits".into())
    }

    /// Grants the first offer as it is.
    fn accept(&mut self, offer: &str) -> Option<String> {
        let first = offer.split(',').next().unwrap_or_default();
        let of_the_server = |part: &&str| !part.trim().starts_with("client_max_window_bits");
        let answer = first.split(';').filter(of_the_server).collect::<Vec<_>>().join(";");
        self.begin_compressing(Agreed::parse(&answer).ok()?);
        Some(answer)
    }

    fn confirm(&mut self, answer: &str) -> bool {
        let agreed = Agreed::parse(answer);
        agreed.map(|agreed| self.begin_compressing(agreed)).is_ok()
    }

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
                Ok(Some(Item::Compressed { binary, payload })) => {
                    self.send_compressed(binary, &payload);
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
