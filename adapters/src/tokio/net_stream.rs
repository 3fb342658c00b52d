//! The sockets that a connection of tokio can have.

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::NetStream;

impl NetStream {
    /// The TCP socket; `None` for a Unix socket. Bytes that other code reads from it or writes to
    /// it are lost to the connection.
    #[must_use]
    pub fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            #[cfg(unix)]
            Self::Unix(_) => None,
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => Some(stream.stream()),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(_) => None,
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

#[cfg(feature = "_tls")]
impl From<super::TlsStream<TcpStream>> for NetStream {
    fn from(stream: super::TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}
