//! The runtimes of the asynchronous adapters behind one trait, so that a test is written once and
//! runs on each.
#![allow(dead_code, unused_imports, unused_macros, reason = "not every suite uses all")]

use std::future::Future;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bluewire::asynch::{AsyncTransport, ByteStream, Runtime, Server, WebSocket};
#[cfg(feature = "smol")]
pub(crate) use bluewire::smol::Smol;
#[cfg(feature = "tokio")]
pub(crate) use bluewire::tokio::Tokio;
use bluewire::{AcceptError, AcceptOptions, ConnectError, ConnectOptions, ServerOptions, facade};

/// A task that runs, whoever waits for it.
pub(crate) type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A runtime on which tests run.
pub(crate) trait OnRuntime: Runtime {
    /// A TCP socket that waits in this runtime.
    type Stream: AsyncTransport<Self> + Send + Sync + 'static;

    fn stream(socket: TcpStream) -> Self::Stream;

    /// Waits for a future on this thread, within the runtime.
    fn block_on<T>(future: impl Future<Output = T>) -> T;

    /// Runs a task. Dropping what this returns may or may not cancel it.
    fn start<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Task<T>;

    /// Runs a detached task.
    fn detach(task: impl Future<Output = ()> + Send + 'static);

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send;

    fn connect_to(
        options: impl Into<ConnectOptions> + Send,
    ) -> impl Future<Output = Result<WebSocket<Self, Self::NetStream>, ConnectError>> + Send;

    /// A client with callbacks.
    fn create(options: ConnectOptions) -> Result<facade::WebSocket, ConnectError>;

    fn connect_over(
        stream: Self::Stream,
        options: ConnectOptions,
    ) -> impl Future<Output = Result<WebSocket<Self, Self::Stream>, ConnectError>> + Send;

    fn accept_over(
        stream: Self::Stream,
        options: AcceptOptions,
    ) -> impl Future<Output = Result<WebSocket<Self, Self::Stream>, AcceptError>> + Send;

    fn bind(address: &'static str) -> impl Future<Output = io::Result<Server<Self>>> + Send;

    /// The same by a name.
    fn bind_with(
        address: (&'static str, u16),
        options: ServerOptions,
    ) -> impl Future<Output = io::Result<Server<Self>>> + Send;

    fn write_all<S: AsyncTransport<Self>>(
        stream: &mut ByteStream<Self, S>,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>>;
}

#[cfg(feature = "smol")]
impl OnRuntime for Smol {
    type Stream = smol::Async<TcpStream>;

    fn stream(socket: TcpStream) -> Self::Stream {
        smol::Async::new(socket).expect("it is a socket")
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    fn start<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Task<T> {
        Box::pin(smol::spawn(task))
    }

    fn detach(task: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(task).detach();
    }

    async fn sleep(time: Duration) {
        smol::Timer::after(time).await;
    }

    async fn connect_to(
        options: impl Into<ConnectOptions> + Send,
    ) -> Result<WebSocket<Self, Self::NetStream>, ConnectError> {
        bluewire::smol::connect(options).await
    }

    fn create(options: ConnectOptions) -> Result<facade::WebSocket, ConnectError> {
        bluewire::smol::websocketfactory::create(options)
    }

    async fn connect_over(
        stream: Self::Stream,
        options: ConnectOptions,
    ) -> Result<WebSocket<Self, Self::Stream>, ConnectError> {
        bluewire::smol::connect_over(stream, options).await
    }

    async fn accept_over(
        stream: Self::Stream,
        options: AcceptOptions,
    ) -> Result<WebSocket<Self, Self::Stream>, AcceptError> {
        bluewire::smol::accept_with(stream, options).await
    }

    async fn bind(address: &'static str) -> io::Result<Server<Self>> {
        Server::<Self>::bind(address).await
    }

    async fn bind_with(
        address: (&'static str, u16),
        options: ServerOptions,
    ) -> io::Result<Server<Self>> {
        Server::<Self>::bind_with(address, options).await
    }

    async fn write_all<S: AsyncTransport<Self>>(
        stream: &mut ByteStream<Self, S>,
        bytes: &[u8],
    ) -> io::Result<()> {
        smol::io::AsyncWriteExt::write_all(stream, bytes).await
    }
}

/// The runtime of all tests on tokio.
#[cfg(feature = "tokio")]
pub(crate) static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().expect("there are threads"));

#[cfg(feature = "tokio")]
impl OnRuntime for Tokio {
    type Stream = tokio::net::TcpStream;

    fn stream(socket: TcpStream) -> Self::Stream {
        let _entered = RUNTIME.enter();
        socket.set_nonblocking(true).expect("it is a socket");
        tokio::net::TcpStream::from_std(socket).expect("it is a socket")
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        RUNTIME.block_on(future)
    }

    fn start<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let task = RUNTIME.spawn(task);
        Box::pin(async { task.await.expect("the task does not panic") })
    }

    fn detach(task: impl Future<Output = ()> + Send + 'static) {
        RUNTIME.spawn(task);
    }

    async fn sleep(time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn connect_to(
        options: impl Into<ConnectOptions> + Send,
    ) -> Result<WebSocket<Self, Self::NetStream>, ConnectError> {
        bluewire::tokio::connect(options).await
    }

    fn create(options: ConnectOptions) -> Result<facade::WebSocket, ConnectError> {
        let _entered = RUNTIME.enter();
        bluewire::tokio::websocketfactory::create(options)
    }

    async fn connect_over(
        stream: Self::Stream,
        options: ConnectOptions,
    ) -> Result<WebSocket<Self, Self::Stream>, ConnectError> {
        bluewire::tokio::connect_over(stream, options).await
    }

    async fn accept_over(
        stream: Self::Stream,
        options: AcceptOptions,
    ) -> Result<WebSocket<Self, Self::Stream>, AcceptError> {
        bluewire::tokio::accept_with(stream, options).await
    }

    async fn bind(address: &'static str) -> io::Result<Server<Self>> {
        Server::<Self>::bind(address).await
    }

    async fn bind_with(
        address: (&'static str, u16),
        options: ServerOptions,
    ) -> io::Result<Server<Self>> {
        Server::<Self>::bind_with(address, options).await
    }

    async fn write_all<S: AsyncTransport<Self>>(
        stream: &mut ByteStream<Self, S>,
        bytes: &[u8],
    ) -> io::Result<()> {
        tokio::io::AsyncWriteExt::write_all(stream, bytes).await
    }
}

/// A stream of a test's own, polled: it becomes a stream on each runtime by [`streams!`].
pub(crate) trait Polled {
    fn poll_get(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
    fn poll_put(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The traits of each runtime for a [`Polled`] stream.
macro_rules! streams {
    ($stream:ty) => {
        #[cfg(feature = "smol")]
        impl smol::io::AsyncRead for $stream {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::runtimes::Polled::poll_get(self.get_mut(), cx, buf)
            }
        }

        #[cfg(feature = "smol")]
        impl smol::io::AsyncWrite for $stream {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::runtimes::Polled::poll_put(self.get_mut(), cx, buf)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::runtimes::Polled::poll_flush(self.get_mut(), cx)
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::runtimes::Polled::poll_end(self.get_mut(), cx)
            }
        }

        #[cfg(feature = "tokio")]
        impl tokio::io::AsyncRead for $stream {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let space = buf.initialize_unfilled();
                let len = std::task::ready!($crate::runtimes::Polled::poll_get(
                    self.get_mut(),
                    cx,
                    space
                ))?;
                buf.advance(len);
                std::task::Poll::Ready(Ok(()))
            }
        }

        #[cfg(feature = "tokio")]
        impl tokio::io::AsyncWrite for $stream {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                $crate::runtimes::Polled::poll_put(self.get_mut(), cx, buf)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::runtimes::Polled::poll_flush(self.get_mut(), cx)
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                $crate::runtimes::Polled::poll_end(self.get_mut(), cx)
            }
        }
    };
}
pub(crate) use streams;

/// A generic function of no arguments on each runtime, one after the other, within the test of this
/// thread: by `$within`, which gets the runtime's name.
macro_rules! within_each_runtime {
    ($within:path, $function:ident $(, $argument:expr)* $(,)?) => {
        #[cfg(feature = "smol")]
        $within("smol", move || $function::<$crate::runtimes::Smol>($($argument),*));
        #[cfg(feature = "tokio")]
        $within("tokio", move || {
            let _entered = $crate::runtimes::RUNTIME.enter();
            $function::<$crate::runtimes::Tokio>($($argument),*);
        });
    };
}
pub(crate) use within_each_runtime;

/// Each of these tests on each runtime: functions that are generic over [`OnRuntime`].
macro_rules! on_each_runtime {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "smol")]
        mod on_smol {
            $(#[test] fn $test() {
                let _bound = $crate::watchdog::bound();
                super::$test::<$crate::runtimes::Smol>();
            })*
        }
        #[cfg(feature = "tokio")]
        mod on_tokio {
            $(#[test] fn $test() {
                let _bound = $crate::watchdog::bound();
                // A test that polls by hand needs it for its timers.
                let _entered = $crate::runtimes::RUNTIME.enter();
                super::$test::<$crate::runtimes::Tokio>();
            })*
        }
    };
}
pub(crate) use on_each_runtime;
