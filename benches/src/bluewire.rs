//! Bluewire's own engine in each case.

use std::hint::black_box;
use std::str;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    Config, Connection, Deflate, Event, Inbox, MaskingKeys, Message, Outbox, Request, Role,
    ServerHandshake,
};

use crate::case::{Action, Case, Kind, Shape};
use crate::wire::{Source, Wire};
use crate::{Run, payload, payloads, wire};

/// Time is an argument: nothing here reads a clock, and no peer is asked to.
const NOW: Duration = Duration::ZERO;

/// From this length a server sends from where the payload lies: below, a copy costs less than a
/// second slice in the write.
const VECTORED_LEN_MIN: usize = 512;

/// The case as this engine does it.
#[must_use]
pub fn run(case: &Case) -> Run {
    match case.action {
        Action::Receive => receive(case),
        Action::Send
            if case.role == Role::Server
                && case.len >= VECTORED_LEN_MIN
                && case.shape != Shape::Compressed =>
        {
            send_vectored(case)
        }
        Action::Send => send(case),
        Action::Echo => echo(case),
        Action::Accept => accept(case),
    }
}

fn accept(case: &Case) -> Run {
    let config = Arc::new(Config::default());
    let wire = wire::incoming(case);
    Box::new(move |times| {
        for _ in 0..times {
            let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
            let mut handshake = ServerHandshake::new(Arc::clone(&config), NOW);
            inbox.extend(black_box(&wire));
            match handshake.next_request(&mut inbox, &mut outbox) {
                Ok(Some(Request::Upgrade(offer))) => {
                    black_box(offer.accept(NOW, &mut outbox));
                }
                other => unreachable!("{other:?}"),
            }
            black_box(outbox.unsent());
        }
    })
}

fn receive(case: &Case) -> Run {
    let mut engine = Engine::new(case);
    let mut source = Source::new(case);
    Box::new(move |times| {
        for _ in 0..times {
            engine.read(&mut source, |event, _, _| {
                black_box(event);
            });
        }
    })
}

fn echo(case: &Case) -> Run {
    let mut engine = Engine::new(case);
    let mut source = Source::new(case);
    Box::new(move |times| {
        for _ in 0..times {
            engine.read(&mut source, |event, connection, outbox| {
                let Event::Message(message) = event else { unreachable!("{event:?}") };
                connection.send(message, outbox).expect("open, with room");
            });
            engine.write();
        }
    })
}

/// Sends by copying into the outbox, a batch before each write.
#[must_use]
pub fn send(case: &Case) -> Run {
    let mut engine = Engine::new(case);
    let payloads: Vec<_> = payloads(case).iter().map(|payload| Wire::new(payload)).collect();
    let (kind, messages) = (case.kind, case.messages());
    Box::new(move |times| {
        for _ in 0..times {
            for payload in payloads.iter().cycle().take(messages) {
                let message = message(kind, black_box(payload));
                engine.connection.send(message, &mut engine.outbox).expect("open, with room");
            }
            engine.write();
        }
    })
}

/// Sends from where the payload lies.
#[must_use]
pub fn send_vectored(case: &Case) -> Run {
    let mut engine = Engine::new(case);
    let (kind, payload) = (case.kind, Wire::new(&payload(case.kind, case.len)));
    Box::new(move |times| {
        for _ in 0..times {
            let message = message(kind, black_box(&payload));
            let mut gather = engine
                .connection
                .send_vectored(message, &mut engine.outbox)
                .expect("open, with room");
            while !gather.is_empty() {
                let len = black_box(gather.slices()).iter().map(|slice| slice.len()).sum();
                gather.sent(len);
            }
        }
    })
}

fn message(kind: Kind, payload: &[u8]) -> Message<'_> {
    match kind {
        Kind::Binary => Message::Binary(payload),
        Kind::Ascii | Kind::Mixed | Kind::Json => {
            Message::Text(str::from_utf8(payload).expect("text"))
        }
    }
}

/// A connection with its memory, and a transport of which only the copy is left.
struct Engine {
    connection: Connection,
    inbox: Inbox,
    outbox: Outbox,
}

impl Engine {
    fn new(case: &Case) -> Self {
        // The level that the peers compress at.
        let deflate = Deflate::default().level(6);
        let config = Config::default().deflate(deflate.clone());
        let mut connection = match case.role {
            Role::Server => Connection::server(config, NOW),
            Role::Client => Connection::client(config, MaskingKeys::from_seed([7; 32]), NOW),
        };
        if case.shape == Shape::Compressed {
            let agreed = deflate.accept("permessage-deflate").expect("nothing asked");
            connection = connection.with_deflate(agreed);
        }
        Self { connection, inbox: Inbox::default(), outbox: Outbox::new() }
    }

    /// Takes one run off the wire in reads as long as the inbox's space allows.
    #[inline]
    fn read(
        &mut self,
        source: &mut Source,
        mut on_event: impl FnMut(Event<'_>, &mut Connection, &mut Outbox),
    ) {
        let Self { connection, inbox, outbox } = self;
        loop {
            let space = inbox.space();
            let read = black_box(source.next_read(space.len()));
            space[..read.len()].copy_from_slice(read);
            let len = read.len();
            inbox.filled(len);
            while let Some(event) = connection.next_event(NOW, inbox, outbox) {
                on_event(event, connection, outbox);
            }
            if source.is_at_start() {
                return;
            }
        }
    }

    /// Writes all there is to a place that no code reads.
    #[inline]
    fn write(&mut self) {
        let len = black_box(self.outbox.unsent()).len();
        self.outbox.sent(len);
    }
}
