//! Counts what each engine allocates in steady state, and prints a line for each case and engine:
//! the case, the engine, allocations a message, divided by tabs.
//!
//! Then, after the word `memory`, what one connection of Bluewire's holds that has had a compressed
//! message of 1 KiB each way.
//!
//! A program of its own, since counting costs those that allocate more time than they deserve.
#![forbid(unsafe_code)]

use std::alloc::System;

use std::time::Duration;

use bluewire_benches::{Case, Kind, engines, payload};
use bluewire_core::{Config, Connection, Deflate, Inbox, MaskingKeys, Message, Outbox};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough that what happens once in many messages shows.
const TIMES: u64 = 2_000;

fn main() {
    for case in Case::all() {
        for engine in engines() {
            let Some(mut run) = (engine.run)(&case) else { continue };
            // Buffers grow to their size first.
            run(TIMES / 10);
            let region = Region::new(ALLOCATOR);
            run(TIMES);
            let stats = region.change();
            let count = stats.allocations + stats.reallocations;
            let messages = TIMES as f64 * case.messages() as f64;
            println!("{case}\t{}\t{:.3}", engine.name, count as f64 / messages);
        }
    }
    println!("memory\twith context takeover\t{}", held(&Deflate::default()));
    let without = Deflate::default().no_context_takeover(true).peer_no_context_takeover(true);
    println!("memory\twithout context takeover, its states shared\t{}", held(&without));
}

/// Bytes on the heap that belong to one connection of many, between messages.
fn held(deflate: &Deflate) -> usize {
    let payload = payload(Kind::Json, 1024);
    // The first makes what is shared, and keeps what is its own.
    let (mut first, mut second) = (Talk::new(deflate), Talk::new(deflate));
    first.one_message_each_way(&payload);
    let region = Region::new(ALLOCATOR);
    second.one_message_each_way(&payload);
    let stats = region.change();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A server's connection, and what a client sends to it.
struct Talk {
    server: Connection,
    wire: Vec<u8>,
}

impl Talk {
    fn new(deflate: &Deflate) -> Self {
        let config = Config::default().deflate(deflate.clone());
        let agreed = deflate.accept(&deflate.offer()).expect("our own offer");
        let now = Duration::ZERO;
        let keys = MaskingKeys::from_seed([7; 32]);
        let mut client = Connection::client(config.clone(), keys, now).with_deflate(agreed);
        let mut outbox = Outbox::new();
        client.send(&payload(Kind::Json, 1024), &mut outbox).expect("open");
        let wire = outbox.unsent().to_vec();
        Self { server: Connection::server(config, now).with_deflate(agreed), wire }
    }

    fn one_message_each_way(&mut self, payload: &[u8]) {
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        inbox.extend(&self.wire);
        assert!(self.server.next_event(Duration::ZERO, &mut inbox, &mut outbox).is_some());
        self.server.send(Message::Binary(payload), &mut outbox).expect("open");
    }
}
