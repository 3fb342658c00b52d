//! Peers that do wrong: each kind on a thread of its own, on one server after the other.

mod crowd;
mod garbage;
mod kinds;
mod raw;

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bluewire_spec_tests::random::Random;

use crate::course::Course;

/// The behaviour of a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Reset,
    HalfClose,
    Stall,
    StallWithPongs,
    SlowWriter,
    NoHandshake,
    GarbageFrame,
    Drop,
    Silence,
    Crowd,
    Flood,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::Reset,
        Self::HalfClose,
        Self::Stall,
        Self::StallWithPongs,
        Self::SlowWriter,
        Self::NoHandshake,
        Self::GarbageFrame,
        Self::Drop,
        Self::Silence,
        Self::Crowd,
        Self::Flood,
    ];

    /// Does it, and sees that the server does what it should.
    fn run(self, course: &Course, turn: usize, random: &mut Random) -> Result<(), String> {
        let addr = course.place(turn).addr;
        match self {
            Self::Reset => kinds::reset(course, addr, random),
            Self::HalfClose => kinds::half_close(course, addr, random),
            Self::Stall => kinds::stall(course, addr, random),
            Self::StallWithPongs => kinds::stall_with_pongs(course, addr, random),
            Self::SlowWriter => kinds::slow_writer(course, addr, random),
            Self::NoHandshake => garbage::no_handshake(addr, random),
            Self::GarbageFrame => garbage::frame(course, addr, random),
            Self::Drop => kinds::drop_without_close(course, addr, random),
            Self::Silence => crowd::silence(addr),
            Self::Crowd => crowd::run(course, addr, random),
            Self::Flood => crowd::flood(course, addr, random),
        }
    }

    /// How long it rests in between, so that the good ones have their share of the machine.
    const fn pause(self) -> Duration {
        match self {
            Self::Stall
            | Self::StallWithPongs
            | Self::SlowWriter
            | Self::Silence
            | Self::Crowd
            | Self::Flood => Duration::from_millis(500),
            _ => Duration::from_millis(50),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "reset in the middle of a frame",
            Self::HalfClose => "half-close in the middle of a frame",
            Self::Stall => "sends and does not read",
            Self::StallWithPongs => "sends Pongs and does not read",
            Self::SlowWriter => "writes byte by byte, slowly",
            Self::NoHandshake => "garbage in place of a handshake",
            Self::GarbageFrame => "a frame that breaks a rule",
            Self::Drop => "end without a Close frame",
            Self::Silence => "connects and says nothing",
            Self::Crowd => "crowd of handshakes that do not end",
            Self::Flood => "more handshakes from one address than there may be",
        })
    }
}

/// Starts them all; each ends when the course does.
pub(crate) fn start(course: &Arc<Course>) -> Vec<JoinHandle<()>> {
    let spawn = |fault| {
        let course = Arc::clone(course);
        thread::spawn(move || work(fault, &course))
    };
    Fault::ALL.into_iter().map(spawn).collect()
}

fn work(fault: Fault, course: &Course) {
    let mut random = Random::new(course.seed ^ ((100 + fault as u64) << 32));
    let mut turn = fault as usize;
    while course.goes_on() {
        if let Err(error) = fault.run(course, turn, &mut random) {
            let what = format!("{fault}, on {}: {error}", course.place(turn).name);
            return course.tally.violation(what);
        }
        course.tally.survived(fault);
        turn += 1;
        thread::sleep(fault.pause());
    }
}
