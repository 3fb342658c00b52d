//! The sockets that a connection of smol can have.

use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use smol::Async;

use super::NetStream;
use super::tcp_socket::TcpSocket;

impl NetStream {
    /// The TCP socket; `None` for a Unix socket. Bytes that other code reads from it or writes to
    /// it are lost to the connection.
    #[must_use]
    pub fn socket(&self) -> Option<&TcpStream> {
        let socket = match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(_) => return None,
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.stream(),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => stream.get_ref(),
        };
        Some(socket.get_ref())
    }
}

impl From<TcpSocket> for NetStream {
    fn from(socket: TcpSocket) -> Self {
        Self::Tcp(socket)
    }
}

impl From<Async<TcpStream>> for NetStream {
    fn from(socket: Async<TcpStream>) -> Self {
        Self::Tcp(socket.into())
    }
}

#[cfg(unix)]
impl From<Async<UnixStream>> for NetStream {
    fn from(socket: Async<UnixStream>) -> Self {
        Self::Unix(socket)
    }
}

/// As [`TcpSocket::new`].
impl TryFrom<TcpStream> for NetStream {
    type Error = io::Error;

    fn try_from(socket: TcpStream) -> io::Result<Self> {
        TcpSocket::new(socket).map(Self::Tcp)
    }
}

#[cfg(feature = "_tls")]
impl From<super::TlsStream<TcpSocket>> for NetStream {
    fn from(stream: super::TlsStream<TcpSocket>) -> Self {
        Self::Tls(Box::new(stream))
    }
}
