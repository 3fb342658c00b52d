//! A TCP socket, read and written with as few system calls as it takes.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};

#[cfg(target_os = "linux")]
use super::reactor::{Direction, Registration, Seen};

/// A TCP socket that does not block.
///
/// After a read that has not filled its buffer it waits to be told of more, without asking once
/// again. On Linux, one that was made of a [`TcpStream`] is registered with the kernel once, in an
/// edge-triggered epoll set of Bluewire's, which in turn is a single source of async-io's reactor:
/// an echo takes two system calls. One that was made of an [`Async<TcpStream>`](Async) stays what
/// it is, and asks to be told at each wait: that is one call more.
///
/// One task at a time reads, and one writes. [`poll_close`](AsyncWrite::poll_close) shuts the
/// writing side down.
pub struct TcpSocket {
    waiting: Waiting,
}

enum Waiting {
    /// In async-io's reactor.
    Plain {
        socket: Async<TcpStream>,
        /// Whether the last read has taken all there was.
        drained: bool,
    },
    /// In our own.
    #[cfg(target_os = "linux")]
    Edge { socket: TcpStream, registration: Registration, read: Seen, written: Seen },
}

impl TcpSocket {
    /// Takes a connected socket, and makes it one that does not block.
    ///
    /// # Errors
    ///
    /// If the system refuses what it takes to wait for it.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        #[cfg(target_os = "linux")]
        if let Some(registration) = Registration::enter(&socket) {
            let (read, written) = (Seen::NEVER, Seen::NEVER);
            return Ok(Self { waiting: Waiting::Edge { socket, registration, read, written } });
        }
        Ok(Async::new_nonblocking(socket)?.into())
    }

    /// The socket. What is read from it or written to it by others is lost to the connection.
    #[must_use]
    pub fn get_ref(&self) -> &TcpStream {
        match &self.waiting {
            Waiting::Plain { socket, .. } => socket.get_ref(),
            #[cfg(target_os = "linux")]
            Waiting::Edge { socket, .. } => socket,
        }
    }

    fn poll_read_with(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match &mut self.waiting {
            Waiting::Plain { socket, drained } => loop {
                if *drained {
                    ready!(socket.poll_readable(cx))?;
                    *drained = false;
                }
                match socket.get_ref().read(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *drained = true,
                    Ok(len) => {
                        // The end is no data that was taken.
                        *drained = 0 < len && len < buf.len();
                        return Poll::Ready(Ok(len));
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            },
            #[cfg(target_os = "linux")]
            Waiting::Edge { socket, registration, read, .. } => loop {
                let told = ready!(registration.poll(Direction::Read, *read, cx));
                match (&*socket).read(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *read = told,
                    Ok(len) => {
                        if 0 < len && len < buf.len() && told.trusts_short_reads() {
                            *read = told;
                        }
                        return Poll::Ready(Ok(len));
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            },
        }
    }

    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        match &mut self.waiting {
            Waiting::Plain { socket, .. } => loop {
                match write(socket.get_ref()) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => return Poll::Ready(written),
                }
                ready!(socket.poll_writable(cx))?;
            },
            #[cfg(target_os = "linux")]
            Waiting::Edge { socket, registration, written, .. } => loop {
                let told = ready!(registration.poll(Direction::Write, *written, cx));
                match write(socket) {
                    // A write that takes less than all may have other reasons than a full buffer,
                    // and the kernel tells only of room in one that it has called full.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *written = told,
                    taken => return Poll::Ready(taken),
                }
            },
        }
    }
}

impl AsyncRead for TcpSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_with(cx, buf)
    }
}

impl AsyncWrite for TcpSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut socket| socket.write(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut socket| socket.write_vectored(bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_ref().shutdown(Shutdown::Write))
    }
}

impl From<Async<TcpStream>> for TcpSocket {
    fn from(socket: Async<TcpStream>) -> Self {
        Self { waiting: Waiting::Plain { socket, drained: false } }
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if let Waiting::Edge { socket, registration, .. } = &self.waiting {
            registration.leave(socket);
        }
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpSocket").field(self.get_ref()).finish()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use smol::Timer;
    use smol::future::FutureExt as _;
    use smol::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn what_follows_urgent_data_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it listens");
        let peer = TcpStream::connect(address).expect("it listens");
        let (ours, _) = listener.accept().expect("somebody connects");
        let mut ours = TcpSocket::new(ours).expect("it is a socket");
        let send = |bytes: &[u8], flags| {
            rustix::net::send(&peer, bytes, flags).expect("there is room");
        };
        // The kernel ends a read at the mark, also where there is more behind it.
        send(b"before", rustix::net::SendFlags::empty());
        send(b"!", rustix::net::SendFlags::OOB);
        send(b"behind", rustix::net::SendFlags::empty());
        let late = async {
            Timer::after(Duration::from_secs(10)).await;
            panic!("it waits for what is there");
        };
        let read = async {
            let (mut buf, mut all) = ([0; 64], Vec::new());
            while !all.ends_with(b"behind") {
                let len = ours.read(&mut buf).await.expect("it is open");
                all.extend_from_slice(&buf[..len]);
            }
            assert_eq!(all, b"beforebehind");
        };
        smol::block_on(read.or(late));
    }
}
