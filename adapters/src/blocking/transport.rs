//! The streams that the blocking adapter uses.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bluewire_core::Outbox;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
#[cfg(unix)]
use rustix::net::{RecvFlags, recv};

use crate::clock::Clock;
use crate::error::is_passing;
#[cfg(unix)]
use crate::socket;
use crate::sync::{Mutex, lock};

/// A stream of bytes that several threads can use by reference: one reads, one writes, and any of
/// them shuts it down.
///
/// Implement it for a stream that can wait with a timeout. Wrap any other `Read + Write` in
/// [`Untimed`].
pub trait Transport {
    /// Bounds how long a [`read`](Self::read) waits; `None` lets it wait forever. The timeout is
    /// never zero.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;

    /// Reads what has arrived, and waits for it as long as the read timeout allows.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) at the timeout, and those of the stream.
    fn read(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// Reads what has arrived, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing has, and those of the stream.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes what the stream takes without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it takes nothing, and those of the stream.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Whether reads can have a timeout, and [`try_read`](Self::try_read) finds what has arrived. If
    /// not, nothing is read while the program sends. True by default.
    fn is_timed(&self) -> bool {
        true
    }

    /// Whether [`try_write`](Self::try_write) writes several slices at once. If not, a message is
    /// copied behind its header, so that the two leave together. False by default.
    fn is_vectored(&self) -> bool {
        false
    }

    /// Waits until the stream is ready for `interest`, or for as long as the timeout allows.
    /// Returns what it is ready for; nothing at the timeout.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness>;

    /// The descriptor that `poll(2)` takes for the stream, or `None`, which is the default. With a
    /// descriptor, messages that a [`Group`](crate::group::Group) publishes while the stream is full
    /// are written as soon as it is ready; without one, they wait up to 20 ms longer.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Shuts one direction down, or both. Threads that wait in [`read`](Self::read) or
    /// [`wait`](Self::wait) for a direction that is shut down must return. On Windows, where
    /// sockets do not let them, Bluewire waits for 100 ms at a time, and never in `read`.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn shut_down(&self, how: Shutdown) -> io::Result<()>;
}

/// A [`Transport`] that two threads can use at once, which is what splitting takes.
///
/// It may not borrow from elsewhere (`'static`): while messages wait, the thread that keeps the
/// time has a handle of the connection too, and it may outlive both halves for a moment.
pub trait SplitTransport: Transport + Send + Sync + 'static {}

/// The directions in which a stream is asked, or ready, to transfer bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// A read does not wait: there are bytes, the end, or an error.
    pub readable: bool,
    /// A write does not wait: there is room, or an error.
    pub writable: bool,
}

impl Readiness {
    /// Neither.
    pub const NONE: Self = Self::new(false, false);
    /// To read.
    pub const READ: Self = Self::new(true, false);
    /// To write.
    pub const WRITE: Self = Self::new(false, true);
    /// To read or to write.
    pub const BOTH: Self = Self::new(true, true);

    /// To read, to write, both, or neither.
    #[must_use]
    pub const fn new(readable: bool, writable: bool) -> Self {
        Self { readable, writable }
    }

    /// Whether it is neither.
    #[must_use]
    pub const fn is_none(self) -> bool {
        !self.readable && !self.writable
    }
}

macro_rules! transport_of_socket {
    ($socket:ty) => {
        impl Transport for $socket {
            fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                <$socket>::set_read_timeout(self, timeout)
            }

            fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
                Read::read(&mut &*self, buf).map_err(timed_out)
            }

            #[cfg(unix)]
            fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                Ok(recv(self, buf, RecvFlags::DONTWAIT)?.0)
            }

            #[cfg(not(unix))]
            fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                match self.wait(Readiness::READ, Some(Duration::ZERO))?.readable {
                    true => Transport::read(self, buf),
                    false => Err(io::ErrorKind::WouldBlock.into()),
                }
            }

            #[cfg(unix)]
            fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                socket::send(self, slices)
            }

            #[cfg(not(unix))]
            fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                match self.wait(Readiness::WRITE, Some(Duration::ZERO))?.writable {
                    true => write_a_little(self, slices),
                    false => Err(io::ErrorKind::WouldBlock.into()),
                }
            }

            fn is_vectored(&self) -> bool {
                true
            }

            fn wait(
                &self,
                interest: Readiness,
                timeout: Option<Duration>,
            ) -> io::Result<Readiness> {
                poll_each([(self.as_fd(), interest)], timeout).map(|[ready]| ready)
            }

            fn fd(&self) -> Option<BorrowedFd<'_>> {
                Some(self.as_fd())
            }

            fn shut_down(&self, how: Shutdown) -> io::Result<()> {
                match how {
                    // There it would take away what has arrived, and end no wait.
                    Shutdown::Both if cfg!(windows) => self.shutdown(Shutdown::Write),
                    how => self.shutdown(how),
                }
            }
        }

        impl SplitTransport for $socket {}
    };
}

transport_of_socket!(TcpStream);
#[cfg(unix)]
transport_of_socket!(UnixStream);

/// Writes so little that a writable socket takes it at once: without `MSG_DONTWAIT`, a call waits
/// until the system has taken all that it was given.
#[cfg(not(unix))]
fn write_a_little(mut socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    const LEN_MAX: usize = 16 * 1024;
    if slices.iter().map(|slice| slice.len()).sum::<usize>() <= LEN_MAX {
        return socket.write_vectored(slices);
    }
    let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
    socket.write(&first[..first.len().min(LEN_MAX)])
}

/// Windows says `TimedOut`, which elsewhere is the end of a connection whose peer is unreachable.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::TimedOut if cfg!(windows) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

/// Waits by `poll(2)`. Returns the readiness of each; a broken one is ready for all.
pub(super) fn poll_each<const N: usize>(
    sources: [(BorrowedFd<'_>, Readiness); N],
    timeout: Option<Duration>,
) -> io::Result<[Readiness; N]> {
    let interests = sources.map(|(_, interest)| interest);
    let mut fds = sources.map(|(fd, interest)| PollFd::from_borrowed_fd(fd, poll_flags(interest)));
    poll_fds(&mut fds, timeout)?;
    let mut ready = interests;
    for (ready, fd) in ready.iter_mut().zip(&fds) {
        let is = |flag| fd.revents().intersects(flag | !(PollFlags::IN | PollFlags::OUT));
        ready.readable &= is(PollFlags::IN);
        ready.writable &= is(PollFlags::OUT);
    }
    Ok(ready)
}

/// The same for any number. A signal ends the wait with nothing ready, and the caller looks at the
/// clock.
pub(super) fn poll_fds(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    match poll(fds, timespec(timeout).as_ref()) {
        Err(Errno::INTR) => Ok(()),
        polled => Ok(polled.map(drop)?),
    }
}

pub(super) fn poll_flags(interest: Readiness) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.readable);
    flags.set(PollFlags::OUT, interest.writable);
    flags
}

/// A read timeout that streams accept: never zero, and `None` instead of a year or more.
pub(super) fn read_timeout(timeout: Option<Duration>) -> Option<Duration> {
    let timeout = timeout.filter(|timeout| *timeout < TIMEOUT_MAX);
    timeout.map(|timeout| timeout.max(Duration::from_millis(1)))
}

/// Longer timeouts count as no timeout, because the system may not accept them.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A timeout that the system accepts; `None` for one that is too long for it.
pub(super) fn timespec(timeout: Option<Duration>) -> Option<Timespec> {
    timeout.and_then(|timeout| Timespec::try_from(timeout).ok())
}

/// Writes all, until this time at most.
pub(super) fn write_all(
    stream: &impl Transport,
    outbox: &mut Outbox,
    clock: Clock,
    until: Duration,
) -> io::Result<()> {
    while !write_some(stream, outbox)? {
        let left = until.saturating_sub(clock.now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match stream.wait(Readiness::WRITE, Some(left)) {
            Err(error) if !is_passing(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Writes what the stream takes without waiting. Whether that was all.
pub(super) fn write_some(stream: &impl Transport, outbox: &mut Outbox) -> io::Result<bool> {
    while !outbox.is_empty() {
        match stream.try_write(&outbox.slices().map(IoSlice::new)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => outbox.sent(len),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// A stream that has no timeouts: any `Read + Write`. A read blocks until something comes, so
/// deadlines are seen between reads only.
///
/// It cannot be split, since a read would keep all others from the stream:
///
/// ```compile_fail
/// use bluewire::Config;
/// use bluewire::blocking::{Untimed, WebSocket};
/// # use std::os::unix::net::UnixStream;
///
/// # let (stream, _) = UnixStream::pair()?;
/// let socket = WebSocket::adopt_client(Untimed::new(stream), &[], Config::default());
/// let (reader, writer) = socket.split();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Untimed<S>(Mutex<S>);

/// After this time, output is offered again to such a stream that took nothing.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

impl<S> Untimed<S> {
    /// Wraps a stream.
    pub const fn new(stream: S) -> Self {
        Self(Mutex::new(stream))
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<S: Read + Write> Transport for Untimed<S> {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buf)
    }

    fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn is_timed(&self) -> bool {
        false
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = lock(&self.0);
        let len = stream.write_vectored(slices)?;
        match stream.flush() {
            // Unflushed bytes leave with the next write.
            Err(error) if !is_passing(&error) => Err(error),
            _ => Ok(len),
        }
    }

    fn wait(&self, _: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        std::thread::sleep(timeout.map_or(RETRY_INTERVAL, |timeout| timeout.min(RETRY_INTERVAL)));
        Ok(Readiness::NONE)
    }

    fn shut_down(&self, _: Shutdown) -> io::Result<()> {
        lock(&self.0).flush()
    }
}
