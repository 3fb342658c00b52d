//! The stream of a connection that was made by URL, or accepted by a server.

use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::stream::{Readiness, SocketHalf, SplitTransport, Transport};
#[cfg(feature = "tls")]
use super::tls::TlsStream;

/// TCP, with TLS or without.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetStream {
    /// `ws`.
    Tcp(TcpStream),
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
    /// Of `wss`.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<SocketHalf<TcpStream>>>),
}

impl NetStream {
    /// The socket. What is read from it or written to it by others is lost to the connection.
    #[must_use]
    pub const fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.stream(),
        }
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket().set_nonblocking(nonblocking)
    }

    /// Whether a read would give something without asking the socket.
    pub(super) fn has_incoming(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.has_incoming(),
        }
    }

    /// Whether something waits to be written that the caller does not know of.
    pub(super) fn has_outgoing(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
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
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.read(buf),
                }
            }
        }

        impl Write for $either {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.write(buf),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.write(buf),
                }
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.write_vectored(bufs),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.write_vectored(bufs),
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => socket.flush(),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.flush(),
                }
            }
        }

        impl Transport for $either {
            fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => Transport::set_read_timeout(socket, timeout),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.set_read_timeout(timeout),
                }
            }

            fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => Transport::set_write_timeout(socket, timeout),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.set_write_timeout(timeout),
                }
            }

            fn shut_down_writing(&mut self) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => socket.shut_down_writing(),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.shut_down_writing(),
                }
            }

            fn shut_down(&mut self) -> io::Result<()> {
                match self {
                    Self::Tcp(socket) => socket.shut_down(),
                    #[cfg(feature = "tls")]
                    Self::Tls(stream) => stream.shut_down(),
                }
            }

            fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                match self {
                    Self::Tcp(socket) => socket.try_write_vectored(slices),
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
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                let (reader, writer) = stream.split()?;
                Ok((NetHalf::Tls(Box::new(reader)), NetHalf::Tls(Box::new(writer))))
            }
        }
    }
}
