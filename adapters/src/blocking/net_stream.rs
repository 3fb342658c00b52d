//! The stream of a connection that was made by URL, or accepted by a server.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::fd::BorrowedFd;

#[cfg(feature = "_tls")]
use super::tls::TlsStream;
use super::transport::{Readiness, SplitTransport, Transport};
use super::wake::WakePipe;

/// A stream for which a thread waits together with a pipe, and which may have a TLS session.
pub(super) trait WaitWithPipe: Transport + Send + Sync + 'static {
    /// Whether a read would give something without asking the socket.
    fn has_incoming(&self) -> bool {
        false
    }

    /// Whether the TLS handshake is under way.
    fn is_handshaking(&self) -> bool {
        false
    }

    /// Writes what TLS itself has to say, as far as that is possible without waiting. Whether
    /// something is left. If it fails, so does what the caller reads or writes next.
    fn has_unsent(&self) -> bool {
        false
    }

    /// Waits for the stream together with a pipe. Returns what the stream is ready for.
    fn wait_with(
        &self,
        pipe: &WakePipe,
        interest: Readiness,
        timeout: Option<Duration>,
    ) -> io::Result<Readiness> {
        let fd = self.fd().ok_or(io::ErrorKind::Unsupported)?;
        // The socket does not know what TLS has deciphered, and the caller not what TLS has to say.
        let there = interest.readable && self.has_incoming();
        let timeout = if there { Some(Duration::ZERO) } else { timeout };
        let interest = Readiness::new(interest.readable, interest.writable || self.has_unsent());
        let ready = pipe.wait_with(fd, interest, timeout)?;
        Ok(Readiness::new(ready.readable || there, ready.writable))
    }
}

impl WaitWithPipe for TcpStream {}
#[cfg(unix)]
impl WaitWithPipe for UnixStream {}

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
        Transport::fd(self).expect("each of them is a socket")
    }

    fn transport(&self) -> &dyn WaitWithPipe {
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
        self.transport().fd()
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.transport().shut_down(how)
    }
}

impl SplitTransport for NetStream {}

impl WaitWithPipe for NetStream {
    fn has_incoming(&self) -> bool {
        self.transport().has_incoming()
    }

    fn is_handshaking(&self) -> bool {
        self.transport().is_handshaking()
    }

    fn has_unsent(&self) -> bool {
        self.transport().has_unsent()
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
