//! The trait of the streams of a runtime.

use std::any::Any;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

/// A stream on the runtime `R`: implemented for all streams of its ecosystem.
///
/// Each method keeps the last waker that it was given, one for reading and one for writing.
pub trait AsyncTransport<R>: Unpin {
    /// Reads what is there; 0 at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Pending if it is known, without a read, that there is nothing to read.
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

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

/// The same, to use it.
pub(crate) fn known_mut<S: 'static, T: 'static>(stream: &mut S) -> Option<&mut T> {
    let stream: &mut dyn Any = stream;
    stream.downcast_mut()
}
