//! A pipe that ends a wait: a thread waits for it together with its socket.

use std::io::{self, Read, Write};
#[cfg(not(unix))]
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd};

use super::transport::{Readiness, poll_each};
use crate::facade::Runner;

#[cfg(unix)]
type Pipe = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
type Pipe = TcpStream;

/// Ends a thread's wait.
pub(super) struct WakeHandle {
    pipe: Pipe,
    woken: AtomicBool,
}

/// The pipe on which the thread waits beside its socket.
pub(super) struct WakePipe {
    pipe: Pipe,
    handle: Arc<WakeHandle>,
}

#[cfg(unix)]
fn pair() -> io::Result<(Pipe, Pipe)> {
    Pipe::pair()
}

/// Two ends of a loopback connection, which can be waited for together with a socket everywhere.
#[cfg(not(unix))]
fn pair() -> io::Result<(Pipe, Pipe)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let from = TcpStream::connect(listener.local_addr()?)?;
    // A wake-up does not wait until the one before it is acknowledged.
    from.set_nodelay(true)?;
    loop {
        let (to, address) = listener.accept()?;
        if address == from.local_addr()? {
            return Ok((from, to));
        }
    }
}

impl Wake for WakeHandle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            // It never waits, since the pipe holds a byte or two at most. After an error its other end
            // is gone.
            let _ = (&self.pipe).write_all(&[0]);
        }
    }
}

impl Runner for Arc<WakeHandle> {
    fn wake(&self) {
        self.wake_by_ref();
    }

    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool {
        spawn(task).is_ok()
    }
}

/// Starts a thread for a connection.
pub(super) fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("bluewire".to_owned()).spawn(work).map(drop)
}

impl WakePipe {
    /// A pipe with its handle.
    ///
    /// # Errors
    ///
    /// If the system has none.
    pub(super) fn new() -> io::Result<Self> {
        let (from, to) = pair()?;
        // Not `from`: Windows may refuse a byte for a moment although there is room for it, and the
        // wake-up would be lost.
        to.set_nonblocking(true)?;
        let handle = Arc::new(WakeHandle { pipe: from, woken: AtomicBool::new(false) });
        Ok(Self { pipe: to, handle })
    }

    /// The handle that ends a wait.
    pub(super) const fn handle(&self) -> &Arc<WakeHandle> {
        &self.handle
    }

    /// The same as a waker.
    pub(super) fn waker(&self) -> Waker {
        Arc::clone(&self.handle).into()
    }

    /// Waits until the socket is ready for one of these, or a handle wakes, or the time is over.
    /// Returns what the socket is ready for.
    pub(super) fn wait_with(
        &self,
        socket: impl AsFd,
        interest: Readiness,
        timeout: Option<Duration>,
    ) -> io::Result<Readiness> {
        let pipe = (self.pipe.as_fd(), Readiness::READ);
        let [woken, ready] = match interest.is_none() {
            // A socket without any interest would still report its end, again and again.
            true => [poll_each([pipe], timeout)?[0], Readiness::NONE],
            false => poll_each([pipe, (socket.as_fd(), interest)], timeout)?,
        };
        if woken.readable {
            self.clear();
        }
        Ok(ready)
    }

    /// Waits until a handle wakes, or the time is over.
    pub(super) fn wait(&self, time: Duration) {
        if self.wait_with(&self.pipe, Readiness::NONE, Some(time)).is_err() {
            // The system has no memory for it, which must not make the wait a busy one.
            thread::sleep(time.min(Duration::from_millis(100)));
        }
    }

    /// The descriptor that a poller waits for.
    pub(super) fn source(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Takes the wake-ups so far.
    pub(super) fn clear(&self) {
        self.clear_from(&self.pipe);
    }

    fn clear_from(&self, mut pipe: impl Read) {
        // The flag comes last. The other way round, a wake-up in between would be read away with
        // its flag left up, and no later one would wake. A wake-up before the flag is down is
        // handled in this turn, which begins after it.
        let mut bytes = [0; 16];
        while matches!(pipe.read(&mut bytes), Ok(len) if len == bytes.len()) {}
        self.handle.woken.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe whose handle wakes just before it is read.
    struct Woken<'a>(&'a WakePipe);

    impl Read for Woken<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.handle().wake_by_ref();
            (&self.0.pipe).read(bytes)
        }
    }

    #[test]
    fn a_wake_up_while_the_pipe_is_cleared_does_not_mute_the_next() {
        let pipe = WakePipe::new().expect("there is a pipe");
        pipe.handle().wake_by_ref();
        pipe.clear_from(Woken(&pipe));
        pipe.handle().wake_by_ref();
        let woken = poll_each([(pipe.source(), Readiness::READ)], Some(Duration::ZERO));
        assert!(woken.expect("it can be asked")[0].readable, "a handle does not wake");
    }
}
