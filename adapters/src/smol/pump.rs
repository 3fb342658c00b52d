//! Writing to an asynchronous stream.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bluewire_core::{Connection, Gather, Message, Outbox};
use smol::io::AsyncWrite;

use crate::error::Error;

/// Writes all that waits.
pub(super) async fn write_out(
    stream: &mut (impl AsyncWrite + Unpin),
    outbox: &mut Outbox,
) -> io::Result<()> {
    poll_fn(|cx| poll_write_out(stream, outbox, cx)).await
}

pub(super) fn poll_write_out(
    stream: &mut (impl AsyncWrite + Unpin),
    outbox: &mut Outbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !outbox.is_empty() {
        match poll_write_some(stream, &outbox.slices().map(IoSlice::new), cx)? {
            Poll::Ready(len) => outbox.sent(len),
            Poll::Pending => {
                // Which the outbox wants to know: an answer that is left gives way to the next.
                outbox.sent(0);
                return Poll::Pending;
            }
        }
    }
    // A stream that keeps bytes back, as TLS may, is to let them go.
    Pin::new(stream).poll_flush(cx)
}

pub(super) fn poll_write_some(
    stream: &mut (impl AsyncWrite + Unpin),
    slices: &[IoSlice<'_>],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    loop {
        match ready!(Pin::new(&mut *stream).poll_write_vectored(cx, slices)) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return Poll::Ready(written),
        }
    }
}

/// Sends a message from where it lies, as far as the peer takes it at once. What is left, if
/// anything is: dropped, that is copied into the outbox.
pub(super) fn send_at_once<'o>(
    stream: &mut (impl AsyncWrite + Unpin),
    connection: &mut Connection,
    message: Message<'o>,
    outbox: &'o mut Outbox,
) -> Result<Option<Gather<'o>>, Error> {
    let mut gather = connection.send_vectored(message, outbox)?;
    let cx = &mut Context::from_waker(Waker::noop());
    while !gather.is_empty() {
        match poll_write_some(stream, &gather.slices().map(IoSlice::new), cx)? {
            Poll::Ready(len) => gather.sent(len),
            Poll::Pending => return Ok(Some(gather)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluewire_core::{Config, Inbox};
    use std::time::Duration;

    /// A socket whose peer does not read.
    struct Full;

    impl AsyncWrite for Full {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn one_pong_waits_for_a_peer_that_pings_and_does_not_read() {
        let mut connection = Connection::server(Config::default(), Duration::ZERO);
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            inbox.extend(b"\x89\x81\0\0\0\0?");
            assert!(connection.next_event(Duration::ZERO, &mut inbox, &mut outbox).is_some());
            assert!(poll_write_out(&mut Full, &mut outbox, &mut cx).is_pending());
        }
        assert_eq!(outbox.unsent(), b"\x8a\x01?");
    }
}
