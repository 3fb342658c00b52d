//! The asynchronous adapter in virtual time, over streams in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(shuttle)]
mod models;
mod platform;
mod runtime;
mod split;
mod whole;
mod wire;

use std::time::Duration;

use bluewire_core::{Config, Keepalive};

use self::runtime::Manual;
use self::wire::{Peer, Wire, wire};

type WebSocket = super::WebSocket<Manual, Wire>;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// A client's frames, masked with zeros.
const PING: &[u8] = b"\x89\x81\0\0\0\0?";
const PONG: &[u8] = b"\x8a\x01?";
const HELLO: &[u8] = b"\x81\x85\0\0\0\0Hello";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";
/// A server's answer to it.
const CLOSED: &[u8] = b"\x88\x02\x03\xe8";

/// A server's socket, and its client.
fn socket(config: Config) -> (WebSocket, Peer) {
    let (wire, peer) = wire();
    (WebSocket::adopt_server(wire, b"", config), peer)
}

fn quiet() -> Config {
    Config::default().keepalive(None)
}

fn keepalive() -> Config {
    Config::default().keepalive(Keepalive::default().interval(SEC).timeout(SEC)).close_timeout(SEC)
}
