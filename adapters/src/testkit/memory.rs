//! A stream to an end in memory.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bluewire_core::testkit::{End, OwnedEvent};

#[cfg(feature = "blocking")]
use std::io::IoSlice;
#[cfg(feature = "blocking")]
use std::net::Shutdown;
#[cfg(feature = "blocking")]
use std::time::Duration;

#[cfg(feature = "blocking")]
use crate::blocking::{Readiness, SplitTransport, Transport};

/// The behaviour of the other application.
type Act = Box<dyn FnMut(&mut End, OwnedEvent) + Send>;

/// A stream whose other side is an [`End`] in memory, and the application there a closure that
/// sees each event. It serves all adapters. A clone is the same stream, to look at the end while a
/// `WebSocket` has the other.
///
/// The end acts only when something comes, and its clock stands still unless you
/// [move it](End::set_time). So a blocking read that would wait forever is an error of the kind
/// `TimedOut`.
#[derive(Clone)]
pub struct MemoryStream(Arc<Mutex<Inner>>);

struct Inner {
    end: End,
    act: Act,
    /// No read and no write moves more.
    piece_len_max: usize,
    /// Whether our side has ended its writing.
    shut_down: bool,
    /// Of the task that waits for something to read.
    waiting: Option<Waker>,
}

impl MemoryStream {
    /// A stream to this end.
    #[must_use]
    pub fn new(end: End, act: impl FnMut(&mut End, OwnedEvent) + Send + 'static) -> Self {
        let act = Box::new(act);
        let (piece_len_max, shut_down, waiting) = (usize::MAX, false, None);
        Self(Arc::new(Mutex::new(Inner { end, act, piece_len_max, shut_down, waiting })))
    }

    /// The same stream, of which no read and no write moves more than so many bytes, and at least
    /// one.
    #[must_use]
    pub fn in_pieces(self, len_max: usize) -> Self {
        self.lock().piece_len_max = len_max.max(1);
        self
    }

    /// Does something with the end, such as sending, or letting time pass there.
    pub fn with_end<T>(&self, act: impl FnOnce(&mut End) -> T) -> T {
        let mut inner = self.lock();
        let result = act(&mut inner.end);
        inner.step();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked in there fails as it is.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(super) fn shut_down_writing(&self) {
        let mut inner = self.lock();
        if !inner.shut_down {
            inner.shut_down = true;
            inner.end.receive_eof();
            inner.step();
        }
    }
}

#[cfg(feature = "_asynch")]
impl MemoryStream {
    pub(super) fn poll_read_some(
        &self,
        cx: &std::task::Context<'_>,
        buf: &mut [u8],
    ) -> std::task::Poll<usize> {
        let mut inner = self.lock();
        match inner.read(buf) {
            Some(len) => std::task::Poll::Ready(len),
            None => {
                inner.waiting = Some(cx.waker().clone());
                std::task::Poll::Pending
            }
        }
    }
}

impl Inner {
    fn step(&mut self) {
        loop {
            let events = self.end.take_events();
            if events.is_empty() {
                break;
            }
            for event in events {
                (self.act)(&mut self.end, event);
            }
        }
        if self.is_readable()
            && let Some(waiting) = self.waiting.take()
        {
            waiting.wake();
        }
    }

    fn is_readable(&self) -> bool {
        !self.end.outbox().is_empty() || self.has_ended()
    }

    /// The other side ends when the engine there says so, or has nothing more to hear.
    fn has_ended(&self) -> bool {
        self.end.has_ended() || self.shut_down
    }

    /// `None` if there is nothing yet.
    fn read(&mut self, buf: &mut [u8]) -> Option<usize> {
        if !self.is_readable() {
            return None;
        }
        let bytes = self.end.take_output_up_to(buf.len().min(self.piece_len_max));
        buf[..bytes.len()].copy_from_slice(&bytes);
        Some(bytes.len())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shut_down {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let len = bytes.len().min(self.piece_len_max);
        self.end.receive(&bytes[..len]);
        self.step();
        Ok(len)
    }
}

impl Read for MemoryStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "the end in memory has nothing to say, and acts only when something comes",
            )
        })
    }
}

impl Write for MemoryStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.lock().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "blocking")]
impl Transport for MemoryStream {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut self.clone(), buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(&mut self.clone(), slices)
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let readable = interest.readable && self.lock().is_readable();
        let ready = Readiness::new(readable, interest.writable);
        if ready.is_none()
            && let Some(timeout) = timeout
        {
            std::thread::sleep(timeout);
        }
        Ok(ready)
    }

    fn shut_down(&self, _: Shutdown) -> io::Result<()> {
        self.shut_down_writing();
        Ok(())
    }
}

#[cfg(feature = "blocking")]
impl SplitTransport for MemoryStream {}

#[cfg(feature = "smol")]
mod asynchronous {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use smol::io::{AsyncRead, AsyncWrite};

    use super::MemoryStream;

    impl AsyncRead for MemoryStream {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_read_some(cx, buf).map(Ok)
        }
    }

    impl AsyncWrite for MemoryStream {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(self.lock().write(buf))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Self::shut_down_writing(&self);
            Poll::Ready(Ok(()))
        }
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("MemoryStream")
            .field("end", &inner.end)
            .field("shut_down", &inner.shut_down)
            .finish_non_exhaustive()
    }
}
