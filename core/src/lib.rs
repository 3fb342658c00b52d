//! WebSocket (RFC 6455) as a state machine: bytes in, events out; calls in, bytes out.
//!
//! The engine does no IO. It owns no socket, clock, thread or source of randomness. You can use it
//! in blocking code, with any runtime, on a board without an operating system, and in tests on
//! virtual time. Most programs use the crate `bluewire`, which has adapters for blocking sockets,
//! smol and tokio.
//!
//! ```text
//!                    ┌───────────────── Connection ─────────────────┐
//!  socket ─read─► Inbox ─► poll_event / next_event ─► Event<'_> ─► your code
//!                    │     (answers pings, closes)                     │
//!  socket ◄write─ Outbox ◄──────── send, ping, close ◄─────────────────┘
//!  clock  ───────► handle_timeout ◄── poll_timeout
//! ```
//!
//! # Who owns what
//!
//! - A [`Connection`] holds the state, in at most 256 bytes. It allocates nothing per message.
//! - An [`Inbox`] holds received bytes, an [`Outbox`] holds bytes to send. You own both, so you can
//!   pool them. An empty one holds no memory. You pass the outbox to every method that can produce
//!   bytes.
//! - An [`Event`] borrows the inbox only. Its message is still in the inbox, where you read it. (A
//!   compressed one lies in memory of its own.) `send` copies it directly into the outbox.
//! - Time is a `Duration` on a monotonic clock that you provide. [`MaskingKeys`] come from a seed of
//!   yours, or from the system.
//!
//! # The loop
//!
//! An adapter is a loop: take all events, write the outbox, wait for bytes or for the next deadline,
//! and start again.
//!
//! ```
//! use bluewire_core::{Closure, Connection, Event, Inbox, Outbox, State};
//! use std::io::{ErrorKind, Read, Write};
//! use std::net::{Shutdown, TcpStream};
//! use std::time::{Duration, Instant};
//!
//! /// Echoes every message, on either end of a connection that is open.
//! fn echo(mut connection: Connection, mut inbox: Inbox, mut stream: TcpStream)
//! -> std::io::Result<Closure> {
//!     let start = Instant::now();
//!     let mut outbox = Outbox::new();
//!     // A peer that does not read must not block this thread forever.
//!     stream.set_write_timeout(Some(Duration::from_secs(30)))?;
//!     loop {
//!         // 1. Take all events. The engine answers Pings and the Close frame.
//!         while let Some(event) = connection.next_event(start.elapsed(), &mut inbox, &mut outbox) {
//!             if let Event::Message(message) = event {
//!                 // This fails if the outbox is full or the peer is closing.
//!                 let _ = connection.send(message, &mut outbox);
//!             }
//!         }
//!         // 2. Handle deadlines.
//!         connection.handle_timeout(start.elapsed(), &mut outbox);
//!         // 3. Write everything in the outbox.
//!         while !outbox.is_empty() {
//!             match stream.write(outbox.unsent()) {
//!                 Ok(n) => outbox.sent(n),
//!                 Err(error) if error.kind() == ErrorKind::Interrupted => {}
//!                 Err(error) => return Err(error),
//!             }
//!         }
//!         if let Some(closure) = connection.closure() {
//!             return Ok(closure.clone());
//!         }
//!         if connection.should_shut_down() {
//!             let _ = stream.shutdown(Shutdown::Write);
//!         }
//!         // 4. Wait for bytes, or for the next deadline.
//!         let timeout = connection.poll_timeout().map(|at| at.saturating_sub(start.elapsed()));
//!         stream.set_read_timeout(timeout.map(|time| time.max(Duration::from_millis(1))))?;
//!         match stream.read(inbox.space()) {
//!             Ok(0) => connection.receive_eof(),
//!             Ok(n) => inbox.filled(n),
//!             Err(error) => match error.kind() {
//!                 // The deadline came first. Unix reports `WouldBlock`, Windows `TimedOut`.
//!                 ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
//!                 // A signal came first.
//!                 ErrorKind::Interrupted => {}
//!                 _ => connection.receive_eof(),
//!             },
//!         }
//!     }
//! }
//! # use bluewire_core::{CloseCode, Config, MaskingKeys};
//! # use std::{net::TcpListener, thread};
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let mut peer = TcpStream::connect(listener.local_addr()?)?;
//! # let (stream, _) = listener.accept()?;
//! # let server = Connection::server(Config::default(), Duration::ZERO);
//! # let echoing = thread::spawn(move || echo(server, Inbox::default(), stream));
//! # let mut client = Connection::client(
//! #     Config::default(), MaskingKeys::from_seed([7; 32]), Duration::ZERO);
//! # let mut outbox = Outbox::new();
//! # client.send("Hello", &mut outbox)?;
//! # client.close(Duration::ZERO, CloseCode::NORMAL, "", &mut outbox)?;
//! # peer.write_all(outbox.unsent())?;
//! # let mut answer = Vec::new();
//! # peer.read_to_end(&mut answer)?;
//! # assert_eq!(answer, b"\x81\x05Hello\x88\x02\x03\xe8");
//! # drop(peer);
//! # assert!(echoing.join().unwrap()?.clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A connection begins with a [`ClientHandshake`] or a [`ServerHandshake`], which use the same inbox
//! and outbox. If another library did the upgrade, begin with [`Connection::client`] or
//! [`Connection::server`].
//!
//! # Errors
//!
//! - A mistake of the *peer* is an event, [`Event::Failed`]. Its [`ProtocolError`] names the section
//!   of the RFC that the peer broke. The outbox already contains the Close frame with the right code.
//! - A mistake of *yours* is an `Err` with a [`SendError`]. The call has changed nothing.
//! - After `Event::Failed`, the connection ignores further input, and `send` fails. The loop goes on
//!   until [`closure`](Connection::closure) has a value.
//! - A [`Closure`] says how the connection ended.
//!
//! # Compression
//!
//! With the feature `deflate`, [`Config`] takes a `Deflate`. A client then offers permessage-deflate
//! (RFC 7692), a server agrees to it, and connections compress and decompress messages. The page of
//! `Deflate` says what compression costs, and when you must not use it.
//!
//! # Limits
//!
//! | limit | default | when exceeded |
//! | --- | --- | --- |
//! | [`head_len_max`](Limits::head_len_max), [`head_lines_max`](Limits::head_lines_max) | 16 KiB, 100 | 431, or [`HandshakeError`] |
//! | [`body_len_max`](Limits::body_len_max) of a refusal | 64 KiB | the rest is dropped |
//! | [`frame_len_max`](Limits::frame_len_max), [`message_len_max`](Limits::message_len_max), inflated | 16 MiB | 1009 |
//! | compressed bytes of one message | `message_len_max` × 9/8 + 64 KiB | 1009 |
//! | [`message_timeout`](Config::message_timeout) | 60 s for a compressed message, none for others | 1008 |
//! | [`fragments_max`](Limits::fragments_max) | 131,072 | 1008 |
//! | [`outbox_len_max`](Limits::outbox_len_max) | 32 MiB | [`SendError::OutboxFull`], [`SendError::MessageTooLong`] |
//! | [`Keepalive`] | ping after 20 s of quiet, end after 20 s more | [`Timeout::Pong`] |
//! | [`handshake_timeout`](Config::handshake_timeout), [`close_timeout`](Config::close_timeout) | 10 s | the connection ends |
//!
//! [`Config::max_bytes_per_connection`] computes the worst case. Bluewire allocates only for bytes
//! that have arrived, never because a peer announces a length.
//!
//! # Other features
//!
//! With the feature `bytes`, messages convert from and to `bytes::Bytes`, without a copy where that
//! is possible.
//!
//! The feature `testkit` adds a module for the tests of your program: two ends in memory, a scripted
//! peer, streams cut at every place, and captures.
//!
//! # The path of a byte
//!
//! ```text
//! read ─► Inbox::space           the only buffer it enters
//!         receive                checks the header: role, limits, reserved bits, order (5.2, 5.4)
//!         mask                   unmasks in place
//!         deflate                if negotiated: decompresses, up to the limit
//!         utf8                   checks text as it arrives (8.1)
//!         Event<'_>  ─► you      lends you that same byte
//!         send       ◄─ you      copies once into the outbox; a client masks here
//! write ◄ Outbox::unsent         everything that one read caused, in one write
//! ```
//!
//! # Reading the source
//!
//! Read the modules in this order; the numbers are sections of RFC 6455: `role`, `message`,
//! `close_code` (7.4), `error` and `printable`; `frame` (5.2), `mask` and `xor`
//! (5.3), `utf8` (8.1), `inbox`, `outbox` and `control_queue`, `close` (5.5.1, 7), `clock` and
//! `connection`, `receiving` and `receive` (5.4, 6.2), `send` (6.1), `timer`, `grammar` and
//! `handshake` (4), `extension` (9.1); for compression `codec` (9.2), `decoded`, `deflate_params`
//! and `deflate` (RFC 7692).
//! There is no circle: modules depend on each other in one direction only.
//!
//! # Without an operating system
//!
//! Without the feature `std` the crate needs `alloc` alone. Seed [`MaskingKeys`] from the board's
//! source of randomness, and take the time from its timer. Some targets, such as `riscv32imc` and
//! `thumbv6m`, have no compare-and-swap. Enable the feature `portable-atomic` there: [`Arc`] then
//! comes from `portable-atomic-util`. Your program must also enable one feature of the crate
//! `portable-atomic`: `critical-section` or `unsafe-assume-single-core`.
//!
//! # Non-goals
//!
//! The engine has no IO, no runtime, no hidden queue, no unbounded buffer and no `unsafe`.
#![no_std]
#![forbid(unsafe_code)]
// A peer's bytes must not be able to stop the program. Code that cannot panic, though the lint does
// not see that, has an exception with its reason.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod capacity;
mod clock;
mod close;
mod close_code;
mod codec;
mod config;
mod connection;
mod control_queue;
mod cut;
#[cfg_attr(
    not(feature = "deflate"),
    expect(dead_code, reason = "the one extension that there is writes here")
)]
mod decoded;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "deflate")]
mod deflate_params;
mod error;
#[cfg(test)]
mod error_messages;
mod event;
mod extension;
mod frame;
mod gather;
mod grammar;
mod handshake;
mod inbox;
mod mask;
mod message;
#[cfg(feature = "bytes")]
mod message_bytes;
mod outbox;
#[cfg(test)]
mod plain_english;
mod prepared;
mod printable;
mod receive;
mod receiving;
mod role;
mod send;
mod shared;
#[cfg(feature = "testkit")]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    reason = "tests stop by panics, and no peer but themselves sends them bytes"
)]
pub mod testkit;
mod timer;
mod utf8;
mod xor;

pub use close::{CloseFrame, ClosedBy, Closure};
pub use close_code::CloseCode;
pub use config::{Config, Delivery, Keepalive, Limits};
pub use connection::{Connection, State};
#[cfg(feature = "deflate")]
pub use deflate::Deflate;
#[cfg(feature = "deflate")]
pub use deflate_params::DeflateParams;
pub use error::{Fault, ProtocolError, SendError, Timeout};
pub use event::Event;
pub use extension::ExtensionItem;
pub use gather::Gather;
pub use handshake::{
    ClientHandshake, ClientRequest, ConnectResponse, HandshakeError, HeadError, Headers,
    HttpAnswer, HttpHandshake, Offer, Refusal, Request, RequestHead, Response, ResponseHead,
    ServerHandshake, accept_value,
};
pub use inbox::Inbox;
pub use mask::MaskingKeys;
pub use message::{Message, OwnedMessage};
pub use outbox::Outbox;
pub use prepared::PreparedMessage;
pub use printable::Printable;
pub use receive::Ready;
pub use role::Role;
pub use shared::Arc;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
