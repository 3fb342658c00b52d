//! Opening handshakes that do not end, beside somebody who only wants an echo.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::wire::{self, opcode};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::raw::{Raw, text};
use crate::course::Course;

use crate::servers::HANDSHAKES_MAX;

const CROWD: usize = 50;

/// How many connections say nothing.
const SILENT: usize = 10;

/// Where a flood comes from, so that the server can tell it from the good ones. Only Linux has such
/// addresses by itself.
const ELSEWHERE: Ipv4Addr =
    if cfg!(target_os = "linux") { Ipv4Addr::new(127, 0, 0, 2) } else { Ipv4Addr::LOCALHOST };

/// The server ends each when the time for its handshake is over.
pub(super) fn silence(addr: SocketAddr) -> Result<(), String> {
    let silent: Vec<_> = (0..SILENT).map(|_| Raw::connect(addr)).collect::<Result<_, _>>()?;
    silent.into_iter().try_for_each(|raw| raw.read_answer().map(drop))
}

/// An attacker has more connections than there may be handshakes, and leaves the oldest for each
/// new one. A good one from another address is served meanwhile.
pub(super) fn flood(course: &Course, addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let at_a_time = if cfg!(target_os = "linux") { HANDSHAKES_MAX + 40 } else { CROWD };
    let mut flood = VecDeque::new();
    for number in 0..3 * at_a_time {
        let connected = connect_from_elsewhere(addr);
        flood.push_back(connected.map_err(|error| format!("floods: {error}"))?);
        if flood.len() > at_a_time {
            flood.pop_front();
        }
        if number % at_a_time == at_a_time - 1 {
            echo(course, addr, random)?;
        }
    }
    Ok(())
}

fn connect_from_elsewhere(to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddrV4::new(ELSEWHERE, 0))?;
    connect(&socket, &to)?;
    Ok(socket.into())
}

/// The good one is served while they wait; then they are gone without a word.
pub(super) fn run(course: &Course, addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let mut raw = Raw::connect(addr)?;
        if number % 2 == 0 {
            raw.write(b"GET / HTTP/1.1\r\nHost: ")?;
        }
        crowd.push(raw);
    }
    let good = Raw::open(course, addr, random)?;
    for raw in crowd.iter_mut().step_by(2) {
        // The server may have given it up: on a machine with much else to do its time is over.
        let _ = raw.write(b"x");
    }
    speak(course, good, random)
}

fn echo(course: &Course, addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let good = Raw::open(course, addr, random)?;
    speak(course, good, random)
}

/// An echo, and the closing handshake.
fn speak(course: &Course, mut good: Raw, random: &mut Random) -> Result<(), String> {
    good.write(&text(b"beside a crowd", random))?;
    good.read_echo(b"beside a crowd")?;
    let close = wire::frame(true, 0, opcode::CLOSE, Some(random.key()), &1000_u16.to_be_bytes());
    good.write(&close)?;
    match good.read_to_end()? {
        Some(1000) => {
            course.tally.closed.add(1);
            Ok(())
        }
        other => Err(format!("its Close frame was answered by {other:?}")),
    }
}
