//! The traits of the futures family for the adapter's streams.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::{ByteStream, NetStream, Smol};
use crate::asynch::AsyncTransport;

/// The traits of a stream that has their methods under other names.
macro_rules! stream_traits {
    ([$($generics:tt)*] $stream:ty, $read:ident, $write:ident, $flush:ident, $close:ident) => {
        impl<$($generics)*> AsyncRead for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().$read(cx, buf)
            }
        }

        impl<$($generics)*> AsyncWrite for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().$write(cx, &[IoSlice::new(buf)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().$write(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().$flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().$close(cx)
            }
        }
    };
}

stream_traits!([] NetStream, poll_read_some, poll_write_slices, poll_flush_all, poll_end);
#[cfg(feature = "_tls")]
stream_traits!(
    [S: AsyncTransport<Smol>] super::TlsStream<S>,
    poll_read, poll_write, poll_flush, poll_shut_down
);
stream_traits!(
    [S: AsyncTransport<Smol>] ByteStream<S>,
    poll_read_bytes, poll_write_bytes, poll_flush_bytes, poll_close_bytes
);
