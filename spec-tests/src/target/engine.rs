//! The engine as an echo peer in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    Config, Connection, Deflate, DeflateParams, Delivery, Event, Inbox, MaskingKeys, Message,
    Outbox, SendError, State,
};

use super::Target;
use crate::case::{Case, Role};
use crate::cutting::Cutting;
use crate::fuzzer::Fuzzer;
use crate::pair::{self, Testee};

/// The engine in one role.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// The engine's role.
    pub role: Role,
    /// How it echoes.
    pub echo: Echo,
}

/// How an echo is made of the engine's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// Each message when it is complete, by one call.
    Whole,
    /// Each part of a message as it comes, as a fragment.
    Chunks,
}

impl Engine {
    /// One target compresses as by default, the shortest messages too; the others with as little
    /// work as it can be.
    fn deflate(self) -> Deflate {
        let deflate = Deflate::default().len_min(0);
        match (self.role, self.echo) {
            (Role::Server, Echo::Whole) => deflate,
            _ => deflate.level(1),
        }
    }
}

impl Target for Engine {
    fn name(&self) -> String {
        match self.echo {
            Echo::Whole => format!("engine {}", self.role),
            Echo::Chunks => format!("engine {} in chunks", self.role),
        }
    }

    fn role(&self) -> Role {
        self.role
    }

    fn cuttings(&self, case: &Case) -> Vec<Cutting> {
        Cutting::all(case)
    }

    fn runs_in_full(&self) -> bool {
        self.echo == Echo::Whole
    }

    fn run(&self, fuzzer: &mut Fuzzer<'_>, cutting: Cutting) {
        let mut peer = EnginePeer::new(*self, cutting);
        let run = catch_unwind(AssertUnwindSafe(|| pair::run(fuzzer, &mut peer, cutting)));
        let fault = run.map_or_else(|_| Some("the engine panicked".into()), |()| peer.fault());
        if let Some(fault) = fault {
            fuzzer.receive_failure(peer.now, &fault);
        }
    }
}

/// One connection and the memory around it, driven as an adapter drives it: a read, all its
/// events, then a write of what they caused.
struct EnginePeer {
    role: Role,
    config: Arc<Config>,
    connection: Connection,
    inbox: Inbox,
    outbox: Outbox,
    /// Bytes that were written, on their way to the fuzzer.
    written: Vec<u8>,
    reads: Reads,
    /// Whether echoes go out from where they lie.
    vectored: bool,
    now: Duration,
    refused: Option<SendError>,
}

/// How bytes come into the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// As a socket gives them: no more than there is space for, then all events.
    IntoSpace,
    /// All at once.
    Copied,
}

impl EnginePeer {
    fn new(target: Engine, cutting: Cutting) -> Self {
        let delivery = match target.echo {
            Echo::Whole => Delivery::Whole,
            Echo::Chunks => Delivery::Chunks,
        };
        let config = Config::default().delivery(delivery).deflate(target.deflate());
        let config = Arc::new(config);
        Self {
            role: target.role,
            connection: connection(target.role, &config),
            config,
            inbox: Inbox::default(),
            outbox: Outbox::new(),
            written: Vec::new(),
            reads: if cutting == Cutting::Whole { Reads::Copied } else { Reads::IntoSpace },
            vectored: cutting == Cutting::Random(1),
            now: Duration::ZERO,
            refused: None,
        }
    }

    fn begin_compressing(&mut self, params: DeflateParams) {
        self.connection = connection(self.role, &self.config).with_deflate(params);
    }

    /// Takes all events and writes what they caused.
    fn pump(&mut self) {
        let Self { connection, inbox, outbox, written, vectored, now, refused, .. } = self;
        while let Some(event) = connection.next_event(*now, inbox, outbox) {
            let sent = match event {
                Event::Message(message) if *vectored => {
                    echo_vectored(connection, message, outbox, written)
                }
                Event::Message(message) => connection.send(message, outbox),
                Event::Chunk { part, fin } => connection.send_fragment(part, fin, outbox),
                _ => Ok(()),
            };
            if let Err(error) = sent {
                *refused = Some(error);
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let unsent = self.outbox.unsent();
            let len = unsent.len();
            self.written.extend_from_slice(unsent);
            self.outbox.sent(len);
        }
    }

    /// The fault of the connection, now that its transport is gone.
    fn fault(&self) -> Option<String> {
        if let Some(error) = self.refused {
            return Some(format!("the engine refused an echo: {error}"));
        }
        if self.connection.state() != State::Closed {
            return Some(format!("the engine is {:?} at the end", self.connection.state()));
        }
        let Some(closure) = self.connection.closure() else {
            return Some("the engine does not say how it ended".into());
        };
        if closure.clean == closure.fault.is_some() {
            return Some(format!("the engine ended in contradiction: {closure:?}"));
        }
        None
    }
}

fn connection(role: Role, config: &Arc<Config>) -> Connection {
    let config = Arc::clone(config);
    match role {
        Role::Server => Connection::server(config, Duration::ZERO),
        Role::Client => Connection::client(config, MaskingKeys::from_seed([7; 32]), Duration::ZERO),
    }
}

impl Testee for EnginePeer {
    fn offer(&self) -> Option<String> {
        self.config.deflate.as_ref().map(Deflate::offer)
    }

    fn accept(&mut self, offer: &str) -> Option<String> {
        let params = self.config.deflate.as_ref()?.accept(offer)?;
        self.begin_compressing(params);
        Some(params.to_string())
    }

    fn confirm(&mut self, answer: &str) -> bool {
        let params = self.config.deflate.as_ref().and_then(|deflate| deflate.confirm(answer));
        params.map(|params| self.begin_compressing(params)).is_some()
    }

    fn receive(&mut self, now: Duration, mut bytes: &[u8]) {
        self.now = now;
        if self.reads == Reads::Copied {
            self.inbox.extend(bytes);
            return self.pump();
        }
        while !bytes.is_empty() {
            let space = self.inbox.space();
            let len = space.len().min(bytes.len());
            let (read, rest) = bytes.split_at(len);
            space[..len].copy_from_slice(read);
            self.inbox.filled(len);
            self.pump();
            bytes = rest;
        }
    }

    fn receive_eof(&mut self, now: Duration) {
        self.now = now;
        self.connection.receive_eof();
        self.pump();
    }

    fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.written)
    }

    fn drops_transport(&self) -> bool {
        self.connection.should_shut_down() || self.connection.state() == State::Closed
    }

    fn poll_timeout(&self) -> Option<Duration> {
        self.connection.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        self.connection.handle_timeout(now, &mut self.outbox);
        self.pump();
    }
}

/// Writes the echo from where it lies, up to its last byte; that one is left to the outbox.
fn echo_vectored(
    connection: &mut Connection,
    message: Message<'_>,
    outbox: &mut Outbox,
    written: &mut Vec<u8>,
) -> Result<(), SendError> {
    let mut gather = connection.send_vectored(message, outbox)?;
    let bytes = gather.slices().concat();
    let len = bytes.len() - 1;
    written.extend_from_slice(&bytes[..len]);
    gather.sent(len);
    Ok(())
}
