//! A stream that writes down what it reads and writes.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "blocking")]
use std::net::Shutdown;
#[cfg(feature = "blocking")]
use std::time::Duration;

use bluewire_core::Role;
use bluewire_core::testkit::{Capture, Direction, Record};

#[cfg(feature = "blocking")]
use crate::blocking::{Readiness, SplitTransport, Transport};
use crate::clock::Clock;

/// Where [`Captured`] streams write to: a [`Capture`] that is written as it happens. A clone is the
/// same.
///
/// A capture has all that was said, as it was said: keep it as you would keep that. Bytes over TLS
/// are captured encrypted if the stream beneath TLS is, and readable if the one above it is.
#[derive(Clone)]
pub struct CaptureLog(Arc<Mutex<Log>>);

struct Log {
    to: Box<dyn Write + Send>,
    clock: Clock,
    error: Option<io::Error>,
}

impl CaptureLog {
    /// Begins a capture of an end of this role.
    pub fn new(role: Role, to: impl Write + Send + 'static) -> Self {
        let mut log = Log { to: Box::new(to), clock: Clock::start(), error: None };
        log.write(&Capture::title(role));
        Self(Arc::new(Mutex::new(log)))
    }

    /// Writes out what waits.
    ///
    /// # Errors
    ///
    /// The first one that there was in writing. The connection does not notice it: the capture
    /// ends there.
    pub fn finish(&self) -> io::Result<()> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match log.error.take() {
            Some(error) => Err(error),
            None => log.to.flush(),
        }
    }

    fn note<'a>(
        &self,
        direction: Direction,
        bytes: impl IntoIterator<Item = &'a [u8]>,
        len: usize,
    ) {
        let mut all = Vec::with_capacity(len);
        for bytes in bytes {
            let rest = len - all.len();
            all.extend_from_slice(&bytes[..bytes.len().min(rest)]);
        }
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = Record::new(log.clock.now(), direction, all);
        log.write(&format!("{record}\n"));
    }
}

impl Log {
    fn write(&mut self, text: &str) {
        if self.error.is_none() {
            self.error = self.to.write_all(text.as_bytes()).err();
        }
    }
}

/// A stream that writes down all that it reads and writes, with the times. It serves both
/// adapters, and may be split.
///
/// ```
/// # #[cfg(feature = "blocking")] {
/// use bluewire::testkit::{Capture, CaptureLog, Captured, End, MemoryStream, Role};
/// use bluewire::{CloseCode, Config, blocking};
/// # let path = std::env::temp_dir().join(format!("bluewire-{}.capture", std::process::id()));
///
/// // Outside of examples: `TcpStream::connect`.
/// let stream = MemoryStream::new(End::accepting(Config::default()), |_, _| {});
/// let log = CaptureLog::new(Role::Client, std::fs::File::create(&path)?);
/// let mut socket = blocking::connect_over(Captured::new(stream, log.clone()), "ws://localhost/")?;
/// socket.send("Hello")?;
/// socket.close(CloseCode::NORMAL, "")?;
/// log.finish()?;
///
/// let capture: Capture = std::fs::read_to_string(&path)?.parse()?;
/// print!("{}", capture.to_frames(Some(80)));
/// # assert!(capture.to_frames(Some(80)).contains("\"Hello\""));
/// # std::fs::remove_file(&path)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Captured<S> {
    pub(super) stream: S,
    log: CaptureLog,
}

impl<S> Captured<S> {
    /// Writes down what passes through this stream.
    #[must_use]
    pub const fn new(stream: S, log: CaptureLog) -> Self {
        Self { stream, log }
    }

    /// The stream beneath.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream beneath, alone.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }

    pub(super) fn note_read(&self, buf: &[u8], read: &io::Result<usize>) {
        if let Ok(len) = read
            && (*len > 0 || !buf.is_empty())
        {
            self.log.note(Direction::Received, [&buf[..*len]], *len);
        }
    }

    pub(super) fn note_written(&self, bufs: &[IoSlice<'_>], written: &io::Result<usize>) {
        if let Ok(len) = written
            && *len > 0
        {
            self.log.note(Direction::Sent, bufs.iter().map(|buf| &**buf), *len);
        }
    }

    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(super) fn note_shut_down(&self, result: &io::Result<()>) {
        if result.is_ok() {
            self.log.note(Direction::Sent, [], 0);
        }
    }
}

impl<S: Read> Read for Captured<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buf);
        self.note_read(buf, &read);
        read
    }
}

impl<S: Write> Write for Captured<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(buf);
        self.note_written(&[IoSlice::new(buf)], &written);
        written
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.stream.write_vectored(bufs);
        self.note_written(bufs, &written);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(feature = "blocking")]
impl<S: Transport> Transport for Captured<S> {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buf);
        self.note_read(buf, &read);
        read
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.try_read(buf);
        self.note_read(buf, &read);
        read
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.stream.try_write(bufs);
        self.note_written(bufs, &written);
        written
    }

    fn is_timed(&self) -> bool {
        self.stream.is_timed()
    }

    fn is_vectored(&self) -> bool {
        self.stream.is_vectored()
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        self.stream.wait(interest, timeout)
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        let result = self.stream.shut_down(how);
        self.note_shut_down(&result);
        result
    }
}

#[cfg(feature = "blocking")]
impl<S: SplitTransport> SplitTransport for Captured<S> {}

#[cfg(feature = "smol")]
mod asynchronous {
    use std::io::{self, IoSlice};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use smol::io::{AsyncRead, AsyncWrite};

    use super::Captured;

    impl<S: AsyncRead + Unpin> AsyncRead for Captured<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_read(cx, buf).map(|read| {
                self.note_read(buf, &read);
                read
            })
        }
    }

    impl<S: AsyncWrite + Unpin> AsyncWrite for Captured<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write(cx, buf).map(|written| {
                self.note_written(&[IoSlice::new(buf)], &written);
                written
            })
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs).map(|written| {
                self.note_written(bufs, &written);
                written
            })
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_close(cx).map(|closed| {
                self.note_shut_down(&closed);
                closed
            })
        }
    }
}

impl fmt::Debug for CaptureLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureLog").finish_non_exhaustive()
    }
}
