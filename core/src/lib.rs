//! WebSocket (RFC 6455) as a state machine: bytes in, events out; calls in, bytes out.
//!
//! The engine does no IO. It owns no socket, no clock, no thread and no source of randomness, so
//! it runs under blocking code, under any runtime, on a board without an operating system, and
//! in tests on virtual time. The crate `bluewire` has ready adapters.
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
//! - A [`Connection`] is state: at most 256 bytes, and no heap on the way of a message.
//! - An [`Inbox`] is receive memory and an [`Outbox`] is send memory. Both are yours, so they can
//!   be pooled; empty, they hold nothing. Each call that can make bytes names the outbox.
//! - An [`Event`] borrows the inbox and nothing else. A message in hand lies where the read put
//!   it, and can be sent on without a copy of its own.
//! - Time is a `Duration` on a monotonic clock of yours. [`MaskingKeys`] come from your seed, or
//!   from the system.
//!
//! # The loop
//!
//! Everything around the engine is this: take events until there are none, write the outbox, wait
//! for bytes or for the deadline, and again.
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
//!     // A peer that reads nothing may not hold this thread for ever.
//!     stream.set_write_timeout(Some(Duration::from_secs(30)))?;
//!     loop {
//!         // 1. Events, until there is none. Pings and the Close frame answer themselves.
//!         while let Some(event) = connection.next_event(start.elapsed(), &mut inbox, &mut outbox) {
//!             if let Event::Message(message) = event {
//!                 // A full outbox, or a peer that is closing: nothing was sent.
//!                 let _ = connection.send(message, &mut outbox);
//!             }
//!         }
//!         // 2. What the clock says.
//!         connection.handle_timeout(start.elapsed(), &mut outbox);
//!         // 3. Write: all that one read caused leaves at once.
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
//! A connection begins with [`ClientHandshake`] or [`ServerHandshake`], over the same memory, or
//! with [`Connection::client`] and [`Connection::server`] where another library did the upgrade.
//!
//! # When something goes wrong
//!
//! What the *peer* does wrong is an event, [`Event::Failed`], with a [`ProtocolError`] that knows
//! its section of the RFC; the Close frame with the code that the RFC names is in the outbox
//! already. What *you* do wrong is a `Result`, [`SendError`], and changes nothing. After a
//! failure every call is inert. How a connection ended is told once, by a [`Closure`].
//!
//! # Compression
//!
//! With the feature `deflate`, [`Config`] takes a `Deflate`: then a client offers
//! permessage-deflate (RFC 7692), a server agrees to it, and connections compress what they send
//! and inflate what comes. Its page says what that costs, and when it must not be used.
//!
//! # Limits
//!
//! | what | default | past it |
//! | --- | --- | --- |
//! | [`head_len_max`](Limits::head_len_max), [`head_lines_max`](Limits::head_lines_max) | 16 KiB, 100 | 431, or [`HandshakeError`] |
//! | [`body_len_max`](Limits::body_len_max) of a refusal | 64 KiB | the rest is dropped |
//! | [`frame_len_max`](Limits::frame_len_max), [`message_len_max`](Limits::message_len_max), inflated | 16 MiB | 1009 |
//! | compressed bytes of one message | an eighth and 64 KiB more | 1009 |
//! | [`message_timeout`](Config::message_timeout) | none; of a compressed message 60 s | 1008 |
//! | [`fragments_max`](Limits::fragments_max) | 131,072 | 1008 |
//! | [`outbox_len_max`](Limits::outbox_len_max) | 32 MiB | [`SendError::OutboxFull`], [`SendError::MessageTooLong`] |
//! | [`Keepalive`] | ping after 20 s of quiet, end after 20 s more | [`Timeout::Pong`] |
//! | [`handshake_timeout`](Config::handshake_timeout), [`close_timeout`](Config::close_timeout) | 10 s | the connection ends |
//!
//! [`Config::max_bytes_per_connection`] is what they come to. Memory follows what has arrived,
//! never what was announced.
//!
//! With the feature `testkit`, the module of that name has what tests of programs need: two ends in
//! memory, a scripted peer, every cut, captures.
//!
//! # The way of one byte
//!
//! ```text
//! read ─► Inbox::space           its only landing
//!         receive                header against role, limits, reserved bits and sequence (5.2, 5.4)
//!         mask                   unmasked where it lies; moved only down over a header before it
//!         deflate                if both ends agreed: inflated, never past the limit
//!         utf8                   text is valid up to here, or fails here (8.1)
//!         Event<'_>  ─► you      lent: that very byte
//!         send       ◄─ you      one copy into the outbox, masked on the way for a client
//! write ◄ Outbox::unsent         all that one read caused, at once
//! ```
//!
//! No step goes back a room: what is above never looks into frames, what is here never asks for the
//! time, and a fault takes the same road as a message.
//!
//! # Reading order
//!
//! `role`, `message`, `close_code` (7.4), `error` and `printable`; `frame` (5.2), `mask` and `xor`
//! (5.3), `utf8` (8.1), `inbox`, `outbox` and `control_queue`, `close` (5.5.1, 7), `clock` and
//! `connection`, `receiving` and `receive` (5.4, 6.2), `send` (6.1), `timer`, `grammar` and
//! `handshake` (4), `extension` (9.1); for compression `codec` (9.2), `decoded`, `deflate_params`
//! and `deflate` (RFC 7692).
//! Modules depend on each other in one direction only.
//!
//! # What it refuses to do
//!
//! No IO, no runtime, no hidden queue, no unbounded buffer, no `unsafe`.
#![no_std]
#![forbid(unsafe_code)]

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
mod outbox;
#[cfg(test)]
mod plain_english;
mod prepared;
mod printable;
mod receive;
mod receiving;
mod role;
mod send;
#[cfg(feature = "testkit")]
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
