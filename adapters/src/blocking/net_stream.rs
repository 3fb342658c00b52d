//! The stream of a connection that was made by URL, or accepted by a server.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd};

#[cfg(feature = "_tls")]
use super::tls::TlsStream;
use super::transport::{Readiness, SplitTransport, Transport};
use super::wake::WakePipe;

/// A stream for which a thread waits together with a pipe. It is a [`NetStream`], except in tests.
pub(super) trait WaitWithPipe: Transport + Send + Sync + 'static {
    /// Waits for the stream together with a pipe. Returns what the stream is ready for.
    fn wait_with(
        &self,
        pipe: &WakePipe,
        interest: Readiness,
        timeout: Option<Duration>,
    ) -> io::Result<Readiness>;

    /// Whether the stream has bytes of its own to write, which the thread that waits for it writes.
    fn holds_back(&self) -> bool {
        false
    }
}

/// TCP, with TLS or without, or a Unix socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetStream {
    /// `ws`.
    Tcp(TcpStream),
    /// `ws+unix`.
    #[cfg(unix)]
    Unix(UnixStream),
    /// `wss`. In a box, so that plain connections stay as small as they are.
    #[cfg(feature = "_tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl NetStream {
    /// The TCP socket; `None` for a Unix socket. Do not read from it or write to it: the connection
    /// would miss those bytes.
    #[must_use]
    pub const fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            #[cfg(unix)]
            Self::Unix(_) => None,
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => Some(stream.stream()),
        }
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// If the connection is gone, and [`Unsupported`](io::ErrorKind::Unsupported) for a Unix socket.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().ok_or(io::ErrorKind::Unsupported)?.peer_addr()
    }

    /// The descriptor to wait for.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            #[cfg(unix)]
            Self::Unix(socket) => socket.as_fd(),
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.stream().as_fd(),
        }
    }

    /// Whether a read would give something without asking the socket.
    pub(super) fn has_incoming(&self) -> bool {
        match self {
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.has_incoming(),
            _ => false,
        }
    }

    /// Whether the TLS handshake is under way.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.is_handshaking(),
            _ => false,
        }
    }

    /// Writes what TLS itself has to say, as far as that is possible without waiting. Whether
    /// something is left. If it fails, so does what the caller reads or writes next.
    pub(super) fn has_unsent(&self) -> bool {
        match self {
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => {
                let written = stream.try_write(&[]);
                written.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            _ => false,
        }
    }

    fn transport(&self) -> &dyn Transport {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(socket) => socket,
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => &**stream,
        }
    }
}

impl Transport for NetStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport().set_read_timeout(timeout)
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.transport().read(buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.transport().try_read(buf)
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.transport().try_write(slices)
    }

    fn is_vectored(&self) -> bool {
        true
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        self.transport().wait(interest, timeout)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(Self::fd(self))
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.transport().shut_down(how)
    }
}

impl SplitTransport for NetStream {}

impl WaitWithPipe for NetStream {
    fn wait_with(
        &self,
        pipe: &WakePipe,
        interest: Readiness,
        timeout: Option<Duration>,
    ) -> io::Result<Readiness> {
        // The socket does not know what TLS has deciphered, and the caller not what TLS has to say.
        let there = interest.readable && self.has_incoming();
        let timeout = if there { Some(Duration::ZERO) } else { timeout };
        let interest = Readiness::new(interest.readable, interest.writable || self.has_unsent());
        let ready = pipe.wait_with(Self::fd(self), interest, timeout)?;
        Ok(Readiness::new(ready.readable || there, ready.writable))
    }

    fn holds_back(&self) -> bool {
        self.has_unsent()
    }
}

/// For a program that has taken the stream over.
impl Read for NetStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.transport().read(buf)
    }
}

/// For a program that has taken the stream over. Writes wait for the peer without a bound.
impl Write for NetStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            match self.try_write(bufs) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(Readiness::WRITE, None)?;
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<TcpStream> for NetStream {
    fn from(socket: TcpStream) -> Self {
        Self::Tcp(socket)
    }
}

#[cfg(unix)]
impl From<UnixStream> for NetStream {
    fn from(socket: UnixStream) -> Self {
        Self::Unix(socket)
    }
}

#[cfg(feature = "_tls")]
impl From<TlsStream<TcpStream>> for NetStream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}
