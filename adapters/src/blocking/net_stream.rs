//! The stream of a connection that was made by URL, or accepted by a server.

use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd};

use super::stream::{Readiness, SocketHalf, SplitTransport, Transport};
#[cfg(feature = "tls")]
use super::tls::TlsStream;

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
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

/// One of the two halves of a [`NetStream`].
#[derive(Debug)]
#[non_exhaustive]
pub enum NetHalf {
    /// Of `ws`.
    Tcp(SocketHalf<TcpStream>),
    /// Of `ws+unix`.
    #[cfg(unix)]
    Unix(SocketHalf<UnixStream>),
    /// Of `wss`.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<SocketHalf<TcpStream>>>),
}

impl NetStream {
    /// The TCP socket; `None` where it is one of Unix. What is read from it or written to it by
    /// others is lost to the connection.
    #[must_use]
    pub const fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            #[cfg(unix)]
            Self::Unix(_) => None,
            #[cfg(feature = "tls")]
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

    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(nonblocking),
            #[cfg(unix)]
            Self::Unix(socket) => socket.set_nonblocking(nonblocking),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.stream().set_nonblocking(nonblocking),
        }
    }

    /// What to wait for.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            #[cfg(unix)]
            Self::Unix(socket) => socket.as_fd(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.stream().as_fd(),
        }
    }

    /// Whether a read would give something without asking the socket.
    pub(super) fn has_incoming(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            #[cfg(unix)]
            Self::Unix(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.has_incoming(),
        }
    }

    /// Whether something waits to be written that the caller does not know of.
    pub(super) fn has_outgoing(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            #[cfg(unix)]
            Self::Unix(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.has_outgoing(),
        }
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

#[cfg(feature = "tls")]
impl From<TlsStream<TcpStream>> for NetStream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

macro_rules! transport_of_either {
    ($either:ty) => {
        impl Read for $either {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.read(buf),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.read(buf),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.read(buf),
                }
            }
        }

        impl Write for $either {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.write(buf),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.write(buf),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.write(buf),
                }
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.write_vectored(bufs),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.write_vectored(bufs),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.write_vectored(bufs),
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => socket.flush(),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.flush(),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.flush(),
                }
            }
        }

        impl Transport for $either {
            fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => Transport::set_read_timeout(socket, timeout),
                    #[cfg(unix)]
                    Self::Unix(socket) => Transport::set_read_timeout(socket, timeout),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.set_read_timeout(timeout),
                }
            }

            fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => Transport::set_write_timeout(socket, timeout),
                    #[cfg(unix)]
                    Self::Unix(socket) => Transport::set_write_timeout(socket, timeout),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.set_write_timeout(timeout),
                }
            }

            fn shut_down_writing(&mut self) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => socket.shut_down_writing(),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.shut_down_writing(),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.shut_down_writing(),
                }
            }

            fn shut_down(&mut self) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => socket.shut_down(),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.shut_down(),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.shut_down(),
                }
            }

            fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.try_write_vectored(slices),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.try_write_vectored(slices),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.try_write_vectored(slices),
                }
            }

            fn wait(
                &mut self,
                interest: Readiness,
                timeout: Option<Duration>,
            ) -> io::Result<Readiness> {
                match self {
                    Self::Tcp(socket) => socket.wait(interest, timeout),
                    #[cfg(unix)]
                    Self::Unix(socket) => socket.wait(interest, timeout),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.wait(interest, timeout),
                }
            }
        }
    };
}

transport_of_either!(NetStream);
transport_of_either!(NetHalf);

impl SplitTransport for NetStream {
    type Half = NetHalf;

    fn split(self) -> io::Result<(NetHalf, NetHalf)> {
        match self {
            Self::Tcp(socket) => {
                let (reader, writer) = socket.split()?;
                Ok((NetHalf::Tcp(reader), NetHalf::Tcp(writer)))
            }
            #[cfg(unix)]
            Self::Unix(socket) => {
                let (reader, writer) = socket.split()?;
                Ok((NetHalf::Unix(reader), NetHalf::Unix(writer)))
            }
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                let (reader, writer) = stream.split()?;
                Ok((NetHalf::Tls(Box::new(reader)), NetHalf::Tls(Box::new(writer))))
            }
        }
    }
}
