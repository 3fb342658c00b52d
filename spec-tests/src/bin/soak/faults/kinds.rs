//! Peers that speak the protocol, up to a point.

use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::wire::{self, opcode};
use rustix::net::sockopt;

use super::raw::{Raw, request, text};
use crate::PATIENCE;
use crate::course::Course;
use crate::traffic;

/// Some text, of up to so many bytes.
fn words(len_max: usize, random: &mut Random) -> Vec<u8> {
    b"every good boy deserves fruit ".iter().copied().cycle().take(random.below(len_max)).collect()
}

/// A frame without its end: at least the end is missing, perhaps all but a byte.
fn part_of_a_frame(random: &mut Random) -> Vec<u8> {
    let mut frame = text(&words(100_000, random), random);
    frame.truncate(1 + random.below(frame.len() - 1));
    frame
}

pub(super) fn reset(course: &Course, addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let mut raw = Raw::open(course, addr, random)?;
    raw.write(&part_of_a_frame(random))?;
    sockopt::set_socket_linger(&raw.stream, Some(Duration::ZERO))
        .map_err(|error| format!("cannot reset: {error}"))
}

/// The messages before it are answered.
pub(super) fn half_close(
    course: &Course,
    addr: SocketAddr,
    random: &mut Random,
) -> Result<(), String> {
    let mut raw = Raw::open(course, addr, random)?;
    let words = words(1_000, random);
    raw.write(&text(&words, random))?;
    raw.write(&part_of_a_frame(random))?;
    raw.stream.shutdown(Shutdown::Write).map_err(|error| format!("shuts down: {error}"))?;
    raw.read_echo(&words)?;
    raw.read_to_end().map(drop)
}

/// The server's memory is bounded, and so is its patience.
pub(super) fn stall(course: &Course, addr: SocketAddr, random: &mut Random) -> Result<(), String> {
    let mut raw = Raw::open_with_little_room(course, addr, random)?;
    raw.write_until_ended(&text(&[b'x'; 64 * 1024], random))
}

/// It seems to live, but takes nothing of what waits for it.
pub(super) fn stall_with_pongs(
    course: &Course,
    addr: SocketAddr,
    random: &mut Random,
) -> Result<(), String> {
    let mut raw = Raw::open_with_little_room(course, addr, random)?;
    // More than the kernel holds of the echoes, and no more than a server reads meanwhile.
    let long = text(&[b'x'; traffic::LEN_MAX], random);
    for _ in 0..4 {
        raw.write(&long)?;
    }
    let pong = wire::frame(true, 0, opcode::PONG, Some(random.key()), b"");
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(200));
        // The server has left.
        if raw.write(&pong).is_err() {
            return Ok(());
        }
    }
    Err(format!("no end though nothing was read for {PATIENCE:?}"))
}

/// It is served as any other.
pub(super) fn slow_writer(
    course: &Course,
    addr: SocketAddr,
    random: &mut Random,
) -> Result<(), String> {
    let mut raw = Raw::connect(addr)?;
    let write_slowly = |raw: &mut Raw, bytes: &[u8]| {
        bytes.iter().try_for_each(|byte| {
            thread::sleep(Duration::from_millis(2));
            raw.write(&[*byte])
        })
    };
    let (request, accept) = request(addr, random);
    write_slowly(&mut raw, request.as_bytes())?;
    raw.read_response(course, &accept)?;
    let words = words(300, random);
    write_slowly(&mut raw, &text(&words, random))?;
    raw.read_echo(&words)?;
    let close = wire::frame(true, 0, opcode::CLOSE, Some(random.key()), &1000_u16.to_be_bytes());
    write_slowly(&mut raw, &close)?;
    match raw.read_to_end()? {
        Some(1000) => {
            course.tally.closed.add(1);
            Ok(())
        }
        other => Err(format!("its Close frame was answered by {other:?}")),
    }
}

pub(super) fn drop_without_close(
    course: &Course,
    addr: SocketAddr,
    random: &mut Random,
) -> Result<(), String> {
    let mut raw = Raw::open(course, addr, random)?;
    let words = words(10_000, random);
    raw.write(&text(&words, random))?;
    raw.read_echo(&words)
}
