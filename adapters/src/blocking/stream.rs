//! What the blocking adapter talks through.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
#[cfg(unix)]
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

/// A stream of bytes that blocks, for at most as long as it is told.
///
/// Deadlines (keepalive, closing) need a read that comes back: implement the timeouts if the
/// stream has them, and wrap it in [`Untimed`] if it has not.
pub trait Transport: Read + Write {
    /// Lets a read that waits longer fail with `WouldBlock` or `TimedOut`; `None` lets it wait
    /// for ever. Never zero.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// The same for writes.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Says that nothing more will be written: the peer reads an end.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn shut_down_writing(&mut self) -> io::Result<()>;

    /// Says that nothing more will be written or read: a read that waits on another thread
    /// returns. By default it only shuts down writing.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn shut_down(&mut self) -> io::Result<()> {
        self.shut_down_writing()
    }

    /// Writes what can be written without waiting, and fails with `WouldBlock` if that is
    /// nothing. By default it waits.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_vectored(slices)
    }

    /// Waits until the stream can be read or written, as `interest` asks; for ever without a
    /// timeout. At the timeout nothing is ready; nor is it, by default, ever. A stream that
    /// cannot tell is not looked at while the program sends, and has nothing to
    /// [`try_recv`](super::WebSocket::try_recv).
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn wait(&mut self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let _ = interest;
        let step = Duration::from_millis(1);
        std::thread::sleep(timeout.map_or(step, |timeout| timeout.min(step)));
        Ok(Readiness { readable: false, writable: false })
    }
}

/// A [`Transport`] that two threads can use at once: one reads, one writes.
///
/// Both halves are whole transports. On one of them only the methods for reading are called, and
/// writes that do not wait; on the other one only those for writing. For TLS, a half holds the
/// socket and, behind a lock, the session: it reads and writes the socket without that lock.
pub trait SplitTransport: Transport {
    /// One of the two.
    type Half: Transport + Send;

    /// The half that is read and the half that is written.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn split(self) -> io::Result<(Self::Half, Self::Half)>;
}

/// What a stream can be asked for, and what it can do without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a stream has two directions")]
pub struct Readiness {
    /// Something can be read: bytes, the end, or an error.
    pub readable: bool,
    /// Something can be written.
    pub writable: bool,
}

impl Readiness {
    /// To read.
    pub const READ: Self = Self { readable: true, writable: false };
    /// To write.
    pub const WRITE: Self = Self { readable: false, writable: true };
    /// To read or to write.
    pub const BOTH: Self = Self { readable: true, writable: true };
}

macro_rules! transport_of_socket {
    ($socket:ty, |$this:ident| $stream:expr) => {
        impl Transport for $socket {
            fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                let $this = self;
                ($stream).set_read_timeout(timeout)
            }

            fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                let $this = self;
                ($stream).set_write_timeout(timeout)
            }

            fn shut_down_writing(&mut self) -> io::Result<()> {
                let $this = self;
                ($stream).shutdown(Shutdown::Write)
            }

            fn shut_down(&mut self) -> io::Result<()> {
                let $this = self;
                ($stream).shutdown(Shutdown::Both)
            }

            #[cfg(unix)]
            fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                let mut flags = SendFlags::DONTWAIT;
                #[cfg(not(target_vendor = "apple"))]
                flags.insert(SendFlags::NOSIGNAL);
                let $this = self;
                Ok(sendmsg($stream, slices, &mut SendAncillaryBuffer::default(), flags)?)
            }

            fn wait(
                &mut self,
                interest: Readiness,
                timeout: Option<Duration>,
            ) -> io::Result<Readiness> {
                let mut flags = PollFlags::empty();
                flags.set(PollFlags::IN, interest.readable);
                flags.set(PollFlags::OUT, interest.writable);
                let $this = self;
                let mut fds = [PollFd::new($stream, flags)];
                // What is too long for the system is for ever.
                let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
                match poll(&mut fds, timeout.as_ref()) {
                    // Nothing is ready, which the caller finds out by the clock.
                    Err(rustix::io::Errno::INTR) => {}
                    polled => {
                        polled?;
                    }
                }
                let ready = fds[0].revents();
                let broken = ready.intersects(PollFlags::ERR | PollFlags::HUP);
                Ok(Readiness {
                    readable: interest.readable && (broken || ready.intersects(PollFlags::IN)),
                    writable: interest.writable && (broken || ready.intersects(PollFlags::OUT)),
                })
            }
        }
    };
}

macro_rules! split_transport_of_socket {
    ($socket:ty) => {
        transport_of_socket!($socket, |this| &*this);
        transport_of_socket!(SocketHalf<$socket>, |this| &*this.0);

        impl SplitTransport for $socket {
            type Half = SocketHalf<$socket>;

            fn split(self) -> io::Result<(Self::Half, Self::Half)> {
                let half = Arc::new(self);
                Ok((SocketHalf(Arc::clone(&half)), SocketHalf(half)))
            }
        }
    };
}

/// One of the two halves of a socket that was split: the socket itself, shared.
#[derive(Debug)]
pub struct SocketHalf<T>(Arc<T>);

impl<T> Read for SocketHalf<T>
where
    for<'a> &'a T: Read,
{
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf)
    }
}

impl<T> Write for SocketHalf<T>
where
    for<'a> &'a T: Write,
{
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self.0).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self.0).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

split_transport_of_socket!(TcpStream);
#[cfg(unix)]
split_transport_of_socket!(UnixStream);

/// A stream that cannot say how long to wait: any `Read + Write`. A read blocks until something
/// comes, so deadlines are only seen to between reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper and nothing else")]
pub struct Untimed<S>(pub S);

impl<S: Read> Read for Untimed<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<S: Write> Write for Untimed<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Transport for Untimed<S> {
    fn set_read_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn set_write_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
