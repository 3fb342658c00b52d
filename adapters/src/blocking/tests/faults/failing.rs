//! A stream one of whose calls goes wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::super::net_stream::WaitWithPipe;
use super::super::super::wake::WakePipe;
use super::super::*;
use crate::testkit::MemoryStream;

/// A fault at a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// This call fails, and later ones work.
    Once(io::ErrorKind),
    /// This call fails, and so do all later ones of its kind.
    Always(io::ErrorKind),
    /// The connection is reset: every later call fails.
    Reset,
    /// A read or a write moves nothing, now and later. A wait finds nothing once.
    Zero,
    /// A read or a write moves one byte. A wait says that the stream is ready, though it may not be.
    Short,
}

/// Errors after which a connection is over: those of sockets, of a system without memory, which may
/// fail a wait, and of TLS.
const FATAL: [io::ErrorKind; 6] = [
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::TimedOut,
    io::ErrorKind::NotConnected,
    io::ErrorKind::OutOfMemory,
    io::ErrorKind::UnexpectedEof,
];

impl Fault {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let passing = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
        let mut all = vec![Self::Reset, Self::Zero, Self::Short];
        all.extend(passing.map(Self::Once));
        all.extend(FATAL.map(Self::Once));
        all.extend(FATAL.map(Self::Always));
        all.into_iter()
    }

    /// Whether the connection must go on as if nothing had been.
    pub(super) const fn is_survivable(self, call: Call) -> bool {
        match self {
            Self::Short | Self::Once(io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                true
            }
            Self::Zero => matches!(call, Call::Wait | Call::ShutDown),
            // After it, nothing more is written.
            Self::Once(_) | Self::Always(_) => matches!(call, Call::ShutDown),
            Self::Reset => false,
        }
    }
}

/// The calls of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    Write,
    Wait,
    ShutDown,
}

/// Which call goes wrong, and what has happened so far.
#[derive(Debug)]
pub(super) struct Plan {
    at: usize,
    fault: Fault,
    calls: usize,
    /// The kind of the call that went wrong.
    pub(super) hit: Option<Call>,
    /// The bytes that the program was given to read.
    pub(super) read: Vec<u8>,
}

impl Plan {
    /// The call of this number goes wrong, counted from 1.
    pub(super) fn at(at: usize, fault: Fault) -> Arc<Mutex<Self>> {
        let (calls, hit, read) = (0, None, Vec::new());
        Arc::new(Mutex::new(Self { at, fault, calls, hit, read }))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream one of whose calls goes wrong.
pub(super) struct Failing {
    pub(super) stream: MemoryStream,
    pub(super) plan: Arc<Mutex<Plan>>,
}

impl Failing {
    /// Lets a call be hit: gives an error, or whether the call moves as much as usual.
    fn call(&self, call: Call) -> io::Result<Extent> {
        let mut plan = lock(&self.plan);
        plan.calls += 1;
        let now = plan.calls == plan.at;
        if now {
            plan.hit = Some(call);
        }
        let (fault, again) = (plan.fault, plan.hit == Some(call));
        match fault {
            Fault::Once(kind) if now => Err(kind.into()),
            Fault::Always(kind) if again => Err(kind.into()),
            Fault::Reset if plan.hit.is_some() => Err(match call {
                Call::Write => io::ErrorKind::BrokenPipe.into(),
                _ => io::ErrorKind::ConnectionReset.into(),
            }),
            Fault::Zero if now || (again && call != Call::Wait) => Ok(Extent::Nothing),
            Fault::Short if now => Ok(Extent::Little),
            _ => Ok(Extent::Usual),
        }
    }

    /// Whether reads fail or find the end from now on, so that a wait for them would not end.
    fn reads_end(&self) -> bool {
        let plan = lock(&self.plan);
        let lasting = matches!(plan.fault, Fault::Always(_) | Fault::Zero);
        plan.hit == Some(Call::Read) && lasting
    }
}

enum Extent {
    Usual,
    Little,
    Nothing,
}

impl Transport for Failing {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read(buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let len = match self.call(Call::Read)? {
            Extent::Usual => buf.len(),
            Extent::Little => 1,
            Extent::Nothing => return Ok(0),
        };
        let len = self.stream.try_read(&mut buf[..len])?;
        lock(&self.plan).read.extend(&buf[..len]);
        Ok(len)
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.call(Call::Write)? {
            Extent::Usual => self.stream.try_write(slices),
            Extent::Little => {
                let first = slices.iter().find(|slice| !slice.is_empty()).expect("there is output");
                self.stream.try_write(&[IoSlice::new(&first[..1])])
            }
            Extent::Nothing => Ok(0),
        }
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        match self.call(Call::Wait)? {
            Extent::Little => return Ok(interest),
            Extent::Nothing => return Ok(Readiness::NONE),
            Extent::Usual => {}
        }
        let interest = Readiness::new(interest.readable && !self.reads_end(), interest.writable);
        self.stream.wait(interest, timeout)
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.call(Call::ShutDown)?;
        self.stream.shut_down(how)
    }
}

impl WaitWithPipe for Failing {
    fn wait_with(
        &self,
        pipe: &WakePipe,
        interest: Readiness,
        timeout: Option<Duration>,
    ) -> io::Result<Readiness> {
        match self.call(Call::Wait)? {
            Extent::Little => return Ok(interest),
            Extent::Nothing => return Ok(Readiness::NONE),
            Extent::Usual => {}
        }
        let mut ready = self.stream.wait(interest, None)?;
        ready.readable |= interest.readable && self.reads_end();
        // The peer in memory acts only when this thread writes.
        let timeout = if ready.is_none() { timeout } else { Some(Duration::ZERO) };
        pipe.wait_with(pipe.source(), Readiness::NONE, timeout)?;
        Ok(ready)
    }
}
