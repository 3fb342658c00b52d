//! A stream whose n-th operation goes wrong.

use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "blocking")]
use std::net::Shutdown;
#[cfg(feature = "blocking")]
use std::time::Duration;

#[cfg(feature = "blocking")]
use crate::blocking::{Readiness, SplitTransport, Transport};

/// A fault of one read or write of a [`Faulty`] stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamFault {
    /// The connection is reset: it fails, and so do all after it, reads with `ConnectionReset` and
    /// writes with `BrokenPipe`.
    Reset,
    /// A read finds the end of the stream, and so do all reads after it. A write takes nothing,
    /// and from there on nothing is read or written.
    Zero,
    /// It moves one byte.
    Short,
    /// It moves nothing now: `WouldBlock`, or `Pending` with a wake-up at once.
    WouldBlock,
    /// A signal came: `Interrupted`. Streams that are asynchronous deal with that themselves.
    Interrupted,
}

impl StreamFault {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Reset, Self::Zero, Self::Short, Self::WouldBlock, Self::Interrupted];

    /// Whether a program that is correct goes on after it as if nothing had been.
    #[must_use]
    pub const fn is_survivable(self) -> bool {
        matches!(self, Self::Short | Self::WouldBlock | Self::Interrupted)
    }
}

/// The faults of a [`Faulty`] stream, and the number of operations it has seen: a handle to keep
/// while the stream is given away.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Reads and writes so far.
    operations: usize,
    /// The operation, counted from 1, and what befalls it.
    at: Vec<(usize, StreamFault)>,
    reset: bool,
    read_ended: bool,
    write_ended: bool,
}

/// How an operation goes.
pub(super) enum Course {
    Normal,
    Short,
    Nothing,
    Error(io::ErrorKind),
}

impl Faults {
    /// Nothing goes wrong yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The operation of this number, counted from 1, goes wrong: reads and writes count alike, and
    /// so do those that found nothing.
    #[must_use]
    pub fn at(operation: usize, fault: StreamFault) -> Self {
        let faults = Self::none();
        faults.lock().at.push((operation, fault));
        faults
    }

    /// One more operation goes wrong.
    #[must_use]
    pub fn and_at(self, operation: usize, fault: StreamFault) -> Self {
        self.lock().at.push((operation, fault));
        self
    }

    /// The next operation goes wrong.
    pub fn inject(&self, fault: StreamFault) {
        let mut plan = self.lock();
        let next = plan.operations + 1;
        plan.at.push((next, fault));
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.lock().operations
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn fault(&mut self) -> Option<StreamFault> {
        self.operations += 1;
        self.at.iter().find(|(at, _)| *at == self.operations).map(|(_, fault)| *fault)
    }

    pub(super) fn read(&mut self) -> Course {
        match self.fault() {
            Some(StreamFault::Reset) => self.reset = true,
            Some(StreamFault::Zero) => self.read_ended = true,
            fault => return self.course(fault, self.read_ended, io::ErrorKind::ConnectionReset),
        }
        self.course(None, self.read_ended, io::ErrorKind::ConnectionReset)
    }

    pub(super) fn write(&mut self) -> Course {
        match self.fault() {
            Some(StreamFault::Reset) => self.reset = true,
            Some(StreamFault::Zero) => (self.read_ended, self.write_ended) = (true, true),
            fault => return self.course(fault, self.write_ended, io::ErrorKind::BrokenPipe),
        }
        self.course(None, self.write_ended, io::ErrorKind::BrokenPipe)
    }

    const fn course(
        &self,
        fault: Option<StreamFault>,
        ended: bool,
        reset: io::ErrorKind,
    ) -> Course {
        match fault {
            _ if self.reset => Course::Error(reset),
            _ if ended => Course::Nothing,
            Some(StreamFault::WouldBlock) => Course::Error(io::ErrorKind::WouldBlock),
            Some(StreamFault::Interrupted) => Course::Error(io::ErrorKind::Interrupted),
            Some(StreamFault::Short) => Course::Short,
            _ => Course::Normal,
        }
    }
}

/// A stream some of whose operations go wrong, as [`Faults`] says. It serves all adapters.
///
/// ```
/// # #[cfg(feature = "blocking")] {
/// use bluewire::testkit::{End, Faults, Faulty, MemoryStream, StreamFault};
/// use bluewire::{Config, blocking};
///
/// let server = MemoryStream::new(End::accepting(Config::default()), |_, _| {});
/// let faults = Faults::none();
/// let stream = Faulty::new(server, faults.clone());
/// let mut socket = blocking::connect_over(stream, "ws://localhost/")?;
/// // The cable is pulled.
/// faults.inject(StreamFault::Reset);
/// assert!(socket.send("Hello").is_err());
/// # }
/// # Ok::<(), bluewire::ConnectError>(())
/// ```
#[derive(Debug)]
pub struct Faulty<S> {
    pub(super) stream: S,
    pub(super) faults: Faults,
}

impl<S> Faulty<S> {
    /// A stream over this one.
    #[must_use]
    pub const fn new(stream: S, faults: Faults) -> Self {
        Self { stream, faults }
    }

    /// The stream beneath.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream beneath, which works again.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Read> Read for Faulty<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let course = self.faults.lock().read();
        match course {
            Course::Error(kind) => Err(kind.into()),
            Course::Nothing => Ok(0),
            Course::Short => {
                let len = buf.len().min(1);
                self.stream.read(&mut buf[..len])
            }
            Course::Normal => self.stream.read(buf),
        }
    }
}

impl<S: Write> Write for Faulty<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let course = self.faults.lock().write();
        match course {
            Course::Error(kind) => Err(kind.into()),
            Course::Nothing => Ok(0),
            Course::Short => self.stream.write(&buf[..buf.len().min(1)]),
            Course::Normal => self.stream.write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let course = self.faults.lock().write();
        match course {
            Course::Error(kind) => Err(kind.into()),
            Course::Nothing => Ok(0),
            Course::Short => self.stream.write(first_byte(bufs)),
            Course::Normal => self.stream.write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

pub(super) fn first_byte<'a>(bufs: &'a [IoSlice<'_>]) -> &'a [u8] {
    bufs.iter().find_map(|buf| buf.get(..1)).unwrap_or_default()
}

#[cfg(feature = "blocking")]
impl<S: Transport> Faulty<S> {
    fn read_by(
        &self,
        read: impl FnOnce(&S, &mut [u8]) -> io::Result<usize>,
        buf: &mut [u8],
    ) -> io::Result<usize> {
        let course = self.faults.lock().read();
        match course {
            Course::Error(kind) => Err(kind.into()),
            Course::Nothing => Ok(0),
            Course::Short => {
                let len = buf.len().min(1);
                read(&self.stream, &mut buf[..len])
            }
            Course::Normal => read(&self.stream, buf),
        }
    }
}

#[cfg(feature = "blocking")]
impl<S: Transport> Transport for Faulty<S> {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_by(S::read, buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_by(S::try_read, buf)
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let course = self.faults.lock().write();
        match course {
            Course::Error(kind) => Err(kind.into()),
            Course::Nothing => Ok(0),
            Course::Short => self.stream.try_write(&[IoSlice::new(first_byte(bufs))]),
            Course::Normal => self.stream.try_write(bufs),
        }
    }

    fn is_timed(&self) -> bool {
        self.stream.is_timed()
    }

    fn is_vectored(&self) -> bool {
        self.stream.is_vectored()
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let (reads_end, writes_end) = {
            let plan = self.faults.lock();
            (plan.reset || plan.read_ended, plan.reset || plan.write_ended)
        };
        // An operation that would fail at once does not wait.
        let failing =
            Readiness::new(interest.readable && reads_end, interest.writable && writes_end);
        if failing.is_none() { self.stream.wait(interest, timeout) } else { Ok(failing) }
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shut_down(how)
    }
}

#[cfg(feature = "blocking")]
impl<S: SplitTransport> SplitTransport for Faulty<S> {}

/// The result of a poll at a fault.
#[cfg(feature = "_asynch")]
pub(super) fn fail(
    kind: io::ErrorKind,
    cx: &std::task::Context<'_>,
) -> std::task::Poll<io::Result<usize>> {
    if kind == io::ErrorKind::WouldBlock {
        // The next time it works.
        cx.waker().wake_by_ref();
        return std::task::Poll::Pending;
    }
    std::task::Poll::Ready(Err(kind.into()))
}

#[cfg(feature = "smol")]
mod asynchronous {
    use std::io::{self, IoSlice};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use smol::io::{AsyncRead, AsyncWrite};

    use super::{Course, Faulty, fail, first_byte};

    impl<S: AsyncRead + Unpin> AsyncRead for Faulty<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let course = self.faults.lock().read();
            let stream = Pin::new(&mut self.stream);
            match course {
                Course::Error(kind) => fail(kind, cx),
                Course::Nothing => Poll::Ready(Ok(0)),
                Course::Short => {
                    let len = buf.len().min(1);
                    stream.poll_read(cx, &mut buf[..len])
                }
                Course::Normal => stream.poll_read(cx, buf),
            }
        }
    }

    impl<S: AsyncWrite + Unpin> AsyncWrite for Faulty<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let course = self.faults.lock().write();
            let stream = Pin::new(&mut self.stream);
            match course {
                Course::Error(kind) => fail(kind, cx),
                Course::Nothing => Poll::Ready(Ok(0)),
                Course::Short => stream.poll_write(cx, &buf[..buf.len().min(1)]),
                Course::Normal => stream.poll_write(cx, buf),
            }
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let course = self.faults.lock().write();
            let stream = Pin::new(&mut self.stream);
            match course {
                Course::Error(kind) => fail(kind, cx),
                Course::Nothing => Poll::Ready(Ok(0)),
                Course::Short => stream.poll_write(cx, first_byte(bufs)),
                Course::Normal => stream.poll_write_vectored(cx, bufs),
            }
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_close(cx)
        }
    }
}

/// Runs a test once for each operation of its stream, with the fault at that operation, and a last
/// time without one, which `run` may hold to a full success: until a run has fewer operations than
/// the number of the one that was to go wrong. Tells how many operations have gone wrong.
///
/// `run` makes a [`Faulty`] stream with the faults that it is given, and sees its number.
///
/// ```
/// use bluewire::testkit::{Faulty, StreamFault, at_every_operation};
/// use std::io::Read;
///
/// let tried = at_every_operation(StreamFault::Short, |at, faults| {
///     let mut text = String::new();
///     Faulty::new(&b"Hello"[..], faults).read_to_string(&mut text).expect("it can be read");
///     assert_eq!(text, "Hello", "short at operation {at}");
/// });
/// assert!(tried >= 2);
/// ```
///
/// # Panics
///
/// If that takes more than 100,000 operations.
pub fn at_every_operation(fault: StreamFault, mut run: impl FnMut(usize, Faults)) -> usize {
    for at in 1..100_000 {
        let faults = Faults::at(at, fault);
        run(at, faults.clone());
        if faults.operations() < at {
            return at - 1;
        }
    }
    panic!("a run has more than 100,000 operations");
}
