//! The traits of a runtime, and of its streams.

use std::any::Any;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Instant;

use super::platform::Platform;

/// A runtime on which connections live: its clock, timers, tasks and sockets.
///
/// It is public so that the documentation shows the methods of the types that are generic over it,
/// and sealed: `Smol` and `Tokio` implement it.
pub trait Runtime: Platform {
    /// A timer that can be set again and again.
    type Timer: Timer;

    /// The time, which tests may stop.
    fn now() -> Instant;

    /// Pending when the executor wants the task to let others run; it has been woken then.
    fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }
}

/// A timer of a runtime. It may be made where no runtime is, and keeps only the last waker.
pub trait Timer: Unpin + Send + Sync + 'static {
    /// A timer that is not set.
    fn never() -> Self;

    /// Sets it to another time.
    fn set(&mut self, at: Instant);

    /// Ready at that time.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A stream on the runtime `R`: implemented for all streams of its ecosystem.
///
/// Each method keeps the last waker that it was given, one for reading and one for writing.
pub trait AsyncTransport<R>: Unpin {
    /// Reads what is there; 0 at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Whether there is something to read that the runtime has not reported yet, so that a read
    /// gave nothing: a runtime learns of it only when it asks the system. False where that cannot
    /// be found out.
    fn has_unreported_input(&self) -> bool {
        false
    }

    /// Writes some of these bytes: of all slices where the stream [can](Self::is_vectored), and
    /// otherwise of the first one that is not empty.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Whether one write takes the bytes of several slices.
    fn is_vectored(&self) -> bool;

    /// Lets bytes go that the stream holds back.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Shuts the writing side down.
    fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Shuts both sides down here and now, as far as that is possible without waiting: for a
    /// connection that is given up.
    fn shut_down_now(&mut self);
}

/// The stream as one of this type, if it is one. The compiler knows the answer for each type.
pub(crate) fn known<S: 'static, T: 'static>(stream: &S) -> Option<&T> {
    let stream: &dyn Any = stream;
    stream.downcast_ref()
}
