//! One driver with its socket: a receive buffer, a send buffer with so much room, and a clock that
//! moves when the test says so. The loop around the driver is that of an adapter.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bluewire_core::{Closure, Config, OwnedMessage, PreparedMessage, Role};

use super::super::{Arrivals, Budget, Driver, Goal, Intake, Lay, Next, Purpose, Ticket, Want};
use crate::clock::Clock;
use crate::error::Error;
use crate::open::request::Opened;
use crate::server::{Admission, ServerOptions, Slot};

/// A loop that goes round so often without time passing spins.
const ROUNDS_MAX: usize = 10_000;

/// The bytes that one read of a flooding peer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flood {
    Pings,
    EmptyMessages,
    /// The beginning of a message that never ends.
    Fragments,
}

impl Flood {
    pub(super) const ALL: [Self; 3] = [Self::Pings, Self::EmptyMessages, Self::Fragments];

    const fn frame(self) -> &'static [u8] {
        match self {
            Self::Pings => b"\x89\x80\0\0\0\0",
            Self::EmptyMessages => b"\x82\x80\0\0\0\0",
            Self::Fragments => b"\x00\x80\0\0\0\0",
        }
    }
}

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) driver: Driver,
    pub(super) arrivals: Arrivals,
    pub(super) admission: Arc<Admission>,
    /// The socket's receive buffer.
    pub(super) incoming: VecDeque<u8>,
    pub(super) incoming_ended: bool,
    /// A peer that always has more to say, and the time that a read of it takes.
    pub(super) flood: Option<(Flood, Duration)>,
    /// The room of the socket's send buffer.
    pub(super) room: usize,
    pub(super) write_fails: bool,
    /// All that was written.
    pub(super) written: Vec<u8>,
    pub(super) shut_down: bool,
    pub(super) received: Vec<OwnedMessage>,
    /// Reads that the driver asked for.
    pub(super) reads: usize,
}

type Write<'a> = dyn FnMut(&[IoSlice<'_>]) -> io::Result<usize> + 'a;

/// The result of one turn of the loop.
#[derive(Debug)]
pub(super) enum Turn {
    /// It waits until then.
    Waits(Option<Duration>),
    Over,
    Ended(Result<(), Error>),
}

impl World {
    pub(super) fn new(config: Config) -> Self {
        Self::with_slot(config, false)
    }

    pub(super) fn with_slot(config: Config, in_server: bool) -> Self {
        let admission = Admission::new(&ServerOptions::default());
        let slot: Option<Slot> = if in_server { admission.enter(None) } else { None };
        Self::of(Role::Server, config, admission, slot)
    }

    pub(super) fn client(config: Config) -> Self {
        Self::of(Role::Client, config, Admission::new(&ServerOptions::default()), None)
    }

    fn of(role: Role, config: Config, admission: Arc<Admission>, slot: Option<Slot>) -> Self {
        let clock = Clock::by(standing_still);
        let opened = Opened::adopted(role, b"", config.into(), clock);
        let (driver, arrivals, ..) = Driver::open(opened, slot);
        Self {
            now: Duration::ZERO,
            driver,
            arrivals,
            admission,
            incoming: VecDeque::new(),
            incoming_ended: false,
            flood: None,
            room: usize::MAX,
            write_fails: false,
            written: Vec::new(),
            shut_down: false,
            received: Vec::new(),
            reads: 0,
        }
    }

    pub(super) fn lay(&mut self, what: Lay<'_>) -> Result<Ticket, Error> {
        let now = self.now;
        self.driver.lay(what, || now)
    }

    pub(super) fn is_reached(&mut self, ticket: Ticket) -> Result<bool, Error> {
        self.driver.is_reached(Goal::Written(ticket))
    }

    /// Whether what is laid waits for the answer to a frame that has arrived.
    pub(super) fn is_corked(&mut self) -> bool {
        !self.driver.should_write(&Intake::Arrivals(&mut self.arrivals, Purpose::Attend))
    }

    /// The peer sends.
    pub(super) fn arrive(&mut self, bytes: &[u8]) {
        self.incoming.extend(bytes);
    }

    /// Writes what leaves at once.
    pub(super) fn write(&mut self) {
        let now = self.now;
        self.write_by(|driver, write| driver.write_out(|| now, write));
    }

    /// A group publishes a message. Whether nothing is left to write, if the driver took it.
    pub(super) fn send_published(&mut self, message: &PreparedMessage) -> Option<bool> {
        let now = self.now;
        self.write_by(|driver, write| driver.write_published(Some(message), || now, write))
    }

    fn write_by<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Write<'_>) -> T) -> T {
        let Self { driver, room, written, write_fails, .. } = self;
        act(driver, &mut |slices| {
            if *write_fails {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if *room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let mut len = 0;
            for slice in slices {
                let taken = slice.len().min(*room);
                written.extend_from_slice(&slice[..taken]);
                *room -= taken;
                len += taken;
            }
            Ok(len)
        })
    }

    /// Goes on until the loop waits for something that does not come by itself at this time.
    pub(super) fn run(&mut self, purpose: Purpose, mut budget: Option<&mut Budget>) -> Turn {
        let mut seen = self.now;
        let mut rounds = 0;
        while rounds < ROUNDS_MAX {
            let now = self.now;
            rounds = if now == seen { rounds + 1 } else { 0 };
            seen = now;
            match self.driver.next(&mut self.arrivals, purpose, budget.as_deref_mut(), || now) {
                Next::Deliver(ready) => match self.driver.lend(ready, &mut self.arrivals) {
                    Ok(lent) => self.received.push(lent.message.into_owned()),
                    Err(error) => {
                        self.write();
                        self.driver.conclude();
                        return Turn::Ended(Err(error));
                    }
                },
                Next::Over => {
                    self.write();
                    return Turn::Over;
                }
                Next::End => {
                    self.shut_down = true;
                    return Turn::Ended(self.driver.tell_end());
                }
                Next::Wait(want) => {
                    if !self.act(want) {
                        return Turn::Waits(want.deadline());
                    }
                }
            }
        }
        panic!("the loop spins at {:?}: {:?}", self.now, self.driver);
    }

    /// Does the wanted step. Returns whether to ask the driver again at once.
    fn act(&mut self, want: Want) -> bool {
        let waiting = self.driver.queue_len();
        if want.write {
            self.write();
        }
        if want.shut_down {
            self.driver.was_shut_down();
            self.shut_down = true;
        }
        let mut progress = self.driver.queue_len() != waiting || want.shut_down;
        if want.read {
            progress |= self.read();
        }
        progress || want.deadline().is_some_and(|until| until <= self.now)
    }

    fn read(&mut self) -> bool {
        self.reads += 1;
        if let Some((flood, takes)) = self.flood {
            self.now += takes;
            for _ in 0..16 {
                self.incoming.extend(flood.frame());
            }
        }
        let space = self.arrivals.space();
        let len = space.len().min(self.incoming.len());
        for (to, from) in space.iter_mut().zip(self.incoming.drain(..len)) {
            *to = from;
        }
        let read = match len {
            0 if self.incoming_ended => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            len => Ok(len),
        };
        let now = self.now;
        self.driver.report_read(read, &mut self.arrivals, || now)
    }

    /// Lets time pass until the loop has ended, or has nothing to wait for. At most `hops` waits.
    pub(super) fn run_on(&mut self, purpose: Purpose, hops: usize) -> Turn {
        for _ in 0..hops {
            match self.run(purpose, None) {
                Turn::Waits(Some(until)) if until < Duration::MAX => self.now = until,
                turn => return turn,
            }
        }
        panic!("it goes on and on at {:?}: {:?}", self.now, self.driver);
    }

    pub(super) fn closure(&self) -> &Closure {
        self.driver.closure().expect("the end was reported")
    }
}

/// A connection begins at zero.
fn standing_still() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}
