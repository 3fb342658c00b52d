//! Peers that do not speak the protocol.

use std::net::SocketAddr;

use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::wire::{self, Header, opcode};

use super::raw::Raw;
use crate::course::Course;
use crate::traffic;

/// No more than an answer of HTTP comes of it, and the end.
pub(super) fn no_handshake(addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let mut raw = Raw::connect(addr)?;
    let many = 1 + random.below(400);
    let mut bytes: Vec<_> = (0..many).flat_map(|_| random.bytes()).collect();
    bytes.extend(b"\r\n\r\n");
    raw.write(&bytes)?;
    let answer = raw.read_answer()?;
    // A reset may take it away.
    if answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") {
        return Ok(());
    }
    Err(format!("answered by {:?}", String::from_utf8_lossy(&answer)))
}

/// The server says which rule was broken (7.4.1), and ends the connection.
pub(super) fn frame(course: &Course, addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let mut raw = Raw::open(course, addr, random)?;
    let (what, bytes, code) = broken(random);
    raw.write(&bytes)?;
    match raw.read_to_end()? {
        Some(answer) if answer == code => Ok(()),
        answer => Err(format!("{what} is answered by {answer:?}, not {code}")),
    }
}

fn broken(random: &mut Random) -> (&'static str, Vec<u8>, u16) {
    let key = Some(random.key());
    let too_long = Header::new(true, opcode::BINARY, key, traffic::LEN_MAX as u64 + 1);
    let too_long_by_far = Header::new(true, opcode::BINARY, key, u64::MAX >> 1);
    let frame = wire::frame;
    match random.below(12) {
        0 => ("RSV2", frame(true, 2, opcode::TEXT, key, b"x"), 1002),
        1 => ("RSV1 without an extension", frame(true, 4, opcode::TEXT, key, b"x"), 1002),
        2 => ("a reserved opcode", frame(true, 0, 0x3, key, b"x"), 1002),
        3 => ("a reserved control opcode", frame(true, 0, 0xB, key, b"x"), 1002),
        4 => ("a frame without a mask", frame(true, 0, opcode::TEXT, None, b"x"), 1002),
        5 => ("a continuation of nothing", frame(true, 0, opcode::CONTINUATION, key, b"x"), 1002),
        6 => ("a ping in fragments", frame(false, 0, opcode::PING, key, b"x"), 1002),
        7 => ("a ping too long", frame(true, 0, opcode::PING, key, &[0; 126]), 1002),
        8 => ("a code that may not be sent", frame(true, 0, opcode::CLOSE, key, &[3, 237]), 1002),
        9 => ("text that is not UTF-8", frame(true, 0, opcode::TEXT, key, b"x\xFF"), 1007),
        10 => ("a message too long", too_long.to_vec(), 1009),
        _ => ("a message too long by far", too_long_by_far.to_vec(), 1009),
    }
}
