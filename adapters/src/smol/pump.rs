//! Writing to an asynchronous stream.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bluewire_core::Outbox;
use smol::io::AsyncWrite;

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
        let len = ready!(poll_write_some(stream, &outbox.slices().map(IoSlice::new), cx))?;
        outbox.sent(len);
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
