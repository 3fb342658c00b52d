//! The traits of a runtime.

use std::task::{Context, Poll, Waker};
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

    /// Wakes a task that lets others run, once they have had their turn.
    fn wake_later(waker: &Waker) {
        waker.wake_by_ref();
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
