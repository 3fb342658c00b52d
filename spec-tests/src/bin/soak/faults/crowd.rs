//! A crowd of opening handshakes that do not end, beside somebody who only wants an echo.

use std::net::SocketAddr;

use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::wire::{self, opcode};

use super::raw::{Raw, text};
use crate::course::Course;

const CROWD: usize = 50;

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
    let mut good = Raw::open(course, addr, random)?;
    for raw in crowd.iter_mut().step_by(2) {
        // The server may have given it up: on a machine with much else to do its time is over.
        let _ = raw.write(b"x");
    }
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
