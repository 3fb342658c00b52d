//! A TCP socket that is read and written with as few system calls as possible.

use std::fmt;
use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use smol::Async;

#[cfg(target_os = "linux")]
use super::reactor::{Direction, Registration, Seen};
use crate::asynch::{or_pending, would_block};
use crate::socket::{Socket, send};

/// A TCP socket that does not block.
///
/// After a read that has not filled its buffer it waits until the system reports more, without
/// trying once again. On Linux, a socket that was made of a [`TcpStream`] is registered with the
/// kernel once, in an edge-triggered epoll set of Bluewire's, which in turn is a single source in
/// async-io's reactor: an echo takes two system calls. A socket that was made of an
/// [`Async<TcpStream>`](Async) stays with async-io, which registers it for each wait: that is one
/// call more.
///
/// One task at a time reads, and one writes. [`poll_close`](AsyncWrite::poll_close) shuts the
/// writing side down. A write to a connection that is gone raises no `SIGPIPE`.
pub struct TcpSocket {
    source: Source,
}

/// The source of the reports that the socket is ready.
enum Source {
    /// async-io's reactor.
    AsyncIo {
        socket: Async<TcpStream>,
        /// Whether the last read has taken everything.
        drained: bool,
    },
    /// A set of Bluewire's.
    #[cfg(target_os = "linux")]
    Set { socket: TcpStream, registration: Registration, read: Seen, written: Seen },
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
        if let Some(registration) = Registration::add(&socket) {
            let (read, written) = (Seen::NEVER, Seen::NEVER);
            return Ok(Self { source: Source::Set { socket, registration, read, written } });
        }
        Ok(Async::new_nonblocking(socket)?.into())
    }

    /// The socket. Bytes that other code reads from it or writes to it are lost to the connection.
    #[must_use]
    pub fn get_ref(&self) -> &TcpStream {
        match &self.source {
            Source::AsyncIo { socket, .. } => socket.get_ref(),
            #[cfg(target_os = "linux")]
            Source::Set { socket, .. } => socket,
        }
    }

    /// Reads what is there and leaves it there; 0 at the end.
    pub(super) fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_with(cx, usize::MAX, &mut |socket| socket.peek(buf))
    }

    /// Pending if the last read has taken everything, and the system has reported nothing since.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.source {
            Source::AsyncIo { socket, drained } => poll_reported(socket, drained, cx),
            #[cfg(target_os = "linux")]
            Source::Set { registration, read, .. } => {
                registration.poll(Direction::Read, *read, cx).map(drop)
            }
        }
    }

    /// Reads by `read` into a buffer of this length.
    fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        len_max: usize,
        read_socket: &mut dyn FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        // The end takes nothing, and nor does a peek.
        let drains = |len: &usize| 0 < *len && *len < len_max && len_max < usize::MAX;
        match &mut self.source {
            Source::AsyncIo { socket, drained } => loop {
                ready!(poll_reported(socket, drained, cx));
                let received = read_socket(socket.get_ref());
                *drained = received.as_ref().map_or_else(would_block, drains);
                let received = or_pending(received);
                if received.is_ready() {
                    return received;
                }
            },
            #[cfg(target_os = "linux")]
            Source::Set { socket, registration, read, .. } => loop {
                let reported = ready!(registration.poll(Direction::Read, *read, cx));
                let received = read_socket(socket);
                let drains = |len: &usize| drains(len) && reported.trusts_short_reads();
                if received.as_ref().map_or_else(would_block, drains) {
                    *read = reported;
                }
                let received = or_pending(received);
                if received.is_ready() {
                    return received;
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
        self.poll_read_with(cx, buf.len(), &mut |mut socket| socket.read(buf))
    }
}

impl AsyncWrite for TcpSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.source {
            Source::AsyncIo { socket, .. } => poll_send(socket, cx, bufs),
            #[cfg(target_os = "linux")]
            Source::Set { socket, registration, written, .. } => loop {
                let reported = ready!(registration.poll(Direction::Write, *written, cx));
                match send(&*socket, bufs) {
                    // A write that takes less than everything may have other reasons than a full
                    // buffer, and the kernel reports room only in one that it has called full.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *written = reported,
                    taken => return Poll::Ready(taken),
                }
            },
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_ref().shutdown(Shutdown::Write))
    }
}

/// Asks async-io whether it has reported something since the socket was drained. It says so only once,
/// so a socket of which it has is no longer drained. An error is found by the read.
fn poll_reported(socket: &Async<TcpStream>, drained: &mut bool, cx: &mut Context<'_>) -> Poll<()> {
    *drained = *drained && socket.poll_readable(cx).is_pending();
    if *drained { Poll::Pending } else { Poll::Ready(()) }
}

/// Writes to a socket of async-io's.
pub(super) fn poll_send<S: Socket>(
    socket: &Async<S>,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        let written = or_pending(send(socket.get_ref(), bufs));
        if written.is_ready() {
            return written;
        }
        ready!(socket.poll_writable(cx))?;
    }
}

impl From<Async<TcpStream>> for TcpSocket {
    fn from(socket: Async<TcpStream>) -> Self {
        Self { source: Source::AsyncIo { socket, drained: false } }
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if let Source::Set { socket, registration, .. } = &self.source {
            registration.remove(socket);
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
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::time::Duration;

    use smol::Timer;
    use smol::future::FutureExt as _;
    use smol::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn bytes_behind_urgent_data_are_read() {
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

    #[test]
    fn a_read_finds_what_was_reported_as_readable() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it listens");
        for through_async_io in [true, false] {
            let mut peer = TcpStream::connect(address).expect("it listens");
            let (ours, _) = listener.accept().expect("somebody connects");
            let mut ours = match through_async_io {
                true => Async::new(ours).expect("it is a socket").into(),
                false => TcpSocket::new(ours).expect("it is a socket"),
            };
            let late = async {
                Timer::after(Duration::from_secs(10)).await;
                panic!("nothing is reported");
            };
            smol::block_on(poll_fn(|cx| {
                let read = Pin::new(&mut ours).poll_read(cx, &mut [0; 64]);
                assert!(read.is_pending(), "nothing was sent");
                Poll::Ready(())
            }));
            peer.write_all(b"hello").expect("there is room");
            let readable = async {
                poll_fn(|cx| ours.poll_readable(cx)).await;
                poll_fn(|cx| {
                    let read = Pin::new(&mut ours).poll_read(cx, &mut [0; 64]);
                    assert!(matches!(read, Poll::Ready(Ok(5))), "{read:?}, {through_async_io}");
                    Poll::Ready(())
                })
                .await;
            };
            smol::block_on(readable.or(late));
        }
    }
}
