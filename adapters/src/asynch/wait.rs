//! Bounded waits for streams, before a connection is open and after it has ended.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bluewire_core::Outbox;
use pin_project_lite::pin_project;

use super::runtime::{Runtime, Timer};
use super::transport::AsyncTransport;
use crate::server::LINGER;

pin_project! {
    /// Two futures of which one is awaited. By hand: that of an `async fn` would have room for each
    /// of its arguments twice.
    pub(crate) struct Either<A, B> {
        #[pin]
        first: A,
        #[pin]
        second: B,
    }
}

/// The output of the future that is ready first. The first one is polled first.
pub(crate) const fn either<T, A, B>(first: A, second: B) -> Either<A, B>
where
    A: Future<Output = T>,
    B: Future<Output = T>,
{
    Either { first, second }
}

impl<T, A: Future<Output = T>, B: Future<Output = T>> Future for Either<A, B> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let both = self.project();
        match both.first.poll(cx) {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => both.second.poll(cx),
        }
    }
}

/// The future's output, or `None` if the time ends first. A time of `None` has no end.
pub(crate) async fn within<R: Runtime, T>(
    time: Option<Duration>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let timer = async {
        sleep::<R>(time).await;
        None
    };
    either(async { Some(future.await) }, timer).await
}

/// Waits for this long; `None` never ends.
pub(super) async fn sleep<R: Runtime>(time: Option<Duration>) {
    let mut timer = timer::<R>(time.and_then(|time| R::now().checked_add(time)));
    poll_fn(|cx| timer.poll(cx)).await;
}

/// A timer that is set to this time; `None` is never.
pub(crate) fn timer<R: Runtime>(at: Option<Instant>) -> R::Timer {
    let mut timer = R::Timer::never();
    if let Some(at) = at {
        timer.set(at);
    }
    timer
}

/// Lets other tasks run.
async fn yield_now<R: Runtime>() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        R::wake_later(cx.waker());
        Poll::Pending
    })
    .await;
}

/// Writes all that waits.
pub(super) async fn write_out<R, S: AsyncTransport<R>>(
    stream: &mut S,
    outbox: &mut Outbox,
) -> io::Result<()> {
    poll_fn(|cx| poll_write_out(stream, outbox, cx)).await
}

pub(super) fn poll_write_out<R, S: AsyncTransport<R>>(
    stream: &mut S,
    outbox: &mut Outbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !outbox.is_empty() {
        match ready!(stream.poll_write(cx, &outbox.slices().map(IoSlice::new))) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(len) => outbox.sent(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    stream.poll_flush(cx)
}

/// Reads once, and fails with `WouldBlock` if nothing arrives within this time.
pub(super) async fn read<R: Runtime, S: AsyncTransport<R>>(
    stream: &mut S,
    buf: &mut [u8],
    time: Option<Duration>,
) -> io::Result<usize> {
    let read = within::<R, _>(time, poll_fn(|cx| poll_read(stream, cx, buf))).await;
    read.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
}

fn poll_read<R, S: AsyncTransport<R>>(
    stream: &mut S,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        match ready!(stream.poll_read(cx, buf)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return Poll::Ready(read),
        }
    }
}

/// Writes the answer that refuses a request, and reads what the client still sends: a stream that
/// is dropped with unread input may take the answer with it. It takes a second at most.
pub(super) async fn refuse<R: Runtime, S: AsyncTransport<R>>(stream: &mut S, outbox: &mut Outbox) {
    let until = R::now() + LINGER;
    let refused = async {
        if write_out(stream, outbox).await.is_err()
            || poll_fn(|cx| stream.poll_shut_down(cx)).await.is_err()
        {
            return;
        }
        // On the heap: in the future, it would be there for every connection that is not refused.
        let mut ignored = vec![0; 4096];
        // The timer does not get its turn while a peer always has more.
        while R::now() < until {
            match poll_fn(|cx| poll_read(stream, cx, &mut ignored)).await {
                Ok(len) if len > 0 => yield_now::<R>().await,
                _ => return,
            }
        }
    };
    within::<R, _>(Some(LINGER), refused).await;
}
