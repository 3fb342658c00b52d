//! The parts of a runtime that the asynchronous adapter needs besides its clock: tasks and sockets.

use std::borrow::Borrow;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

use rustix::fd::BorrowedFd;

use super::net_stream::NetStream;
use super::transport::AsyncTransport;
use crate::server::ServerOptions;
#[cfg(feature = "_tls")]
use crate::tls::{Tls, TlsError};

/// The tasks and sockets of a runtime. It seals [`Runtime`](super::Runtime), since code outside
/// this crate cannot name it.
#[expect(unnameable_types, reason = "it seals a public trait")]
pub trait Platform: Sized + Send + Sync + 'static {
    /// A connected TCP socket.
    type Tcp: AsyncTransport<Self> + Send + Sync + 'static;
    /// A connected Unix socket.
    #[cfg(unix)]
    type Unix: AsyncTransport<Self> + Send + Sync + 'static;
    /// [`NetStream<Self>`](NetStream): a name for it under which it is known to be a transport.
    type NetStream: AsyncTransport<Self>
        + From<NetStream<Self>>
        + Borrow<NetStream<Self>>
        + Send
        + Sync
        + 'static;
    /// A socket that listens.
    type Listener: Send + Sync + 'static;
    /// Where tasks are spawned.
    type Spawner: Clone + Send + Sync + 'static;
    /// The threads of a server that has some of its own. They end after this was dropped.
    type Workers: Send + Sync + 'static;

    /// Where tasks of the current thread are spawned.
    ///
    /// # Errors
    ///
    /// If the thread is outside of the runtime.
    fn spawner() -> io::Result<Self::Spawner>;

    /// Spawns a detached task. `false` if its executor is gone.
    fn spawn(spawner: &Self::Spawner, task: impl Future<Output = ()> + Send + 'static) -> bool;

    /// Connects to an address, and turns Nagle's algorithm off.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Tcp>> + Send;

    /// Takes a connected Unix socket that does not block.
    ///
    /// # Errors
    ///
    /// If the runtime cannot wait for it.
    #[cfg(unix)]
    fn unix(socket: UnixStream) -> io::Result<Self::Unix>;

    /// Reads what is there and leaves it there; 0 at the end.
    fn poll_peek(
        socket: &mut Self::Tcp,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>>;

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    fn peer_addr(socket: &Self::Tcp) -> io::Result<SocketAddr>;

    /// The socket as the system knows it, if it does.
    fn fd(socket: &Self::Tcp) -> Option<BorrowedFd<'_>>;

    /// Takes a socket that listens.
    ///
    /// # Errors
    ///
    /// If the runtime cannot wait for it.
    fn listen(listener: TcpListener) -> io::Result<Self::Listener>;

    /// Calls this where the listener's runtime is, whoever polls its server.
    fn within<T>(_: &Self::Listener, call: impl FnOnce() -> T) -> T {
        call()
    }

    /// Calls this without regard to what the current task may do at a time.
    fn unconstrained<T>(call: impl FnMut() -> T) -> T {
        let mut call = call;
        call()
    }

    /// The next client, with Nagle's algorithm turned off. The last waker counts.
    fn poll_accept(
        listener: &Self::Listener,
        options: &ServerOptions,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Self::Tcp>>;

    /// Whether an error of [`poll_accept`](Self::poll_accept) is only about a client that has not
    /// come.
    fn concerns_nobody(_: &io::Error, _: &Self::Listener) -> bool {
        false
    }

    /// Where the tasks of a client are spawned that this thread has accepted.
    fn spawner_for(listener: &Self::Listener) -> Self::Spawner;

    /// How many threads of its own a server has by these options.
    fn threads(options: &ServerOptions) -> usize;

    /// Starts the threads that the options ask for; `None` if they ask for none.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    fn start_workers(options: &ServerOptions) -> io::Result<Option<Self::Workers>>;

    /// Where tasks on each of these threads are spawned.
    fn spawners(workers: &Self::Workers) -> Vec<Self::Spawner>;

    /// Performs the client's part of the TLS handshake.
    #[cfg(feature = "_tls")]
    fn connect_tls(
        socket: Self::Tcp,
        host: &str,
        tls: &Tls,
    ) -> impl Future<Output = Result<Self::NetStream, TlsError>> + Send;
}
