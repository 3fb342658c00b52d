//! A stream in memory, and the peer's end of it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::runtime::Manual;
use crate::asynch::transport::AsyncTransport;
use crate::sync::{Mutex, MutexGuard, lock};

/// A stream that does as the test says.
pub(super) struct Wire(Arc<Mutex<Ends>>);

/// The test's end.
#[derive(Clone)]
pub(super) struct Peer(Arc<Mutex<Ends>>);

#[derive(Default)]
pub(super) struct Ends {
    /// The bytes that the stream still reads.
    pub(super) incoming: VecDeque<u8>,
    /// The bytes that the stream reads after that, without an end.
    pub(super) flood: Option<&'static [u8]>,
    pub(super) eof: bool,
    /// The error that the stream reads once, after all bytes and before the end.
    pub(super) read_error: Option<io::ErrorKind>,
    /// The written bytes, one item for each write.
    pub(super) writes: Vec<Vec<u8>>,
    /// How much more the stream takes.
    pub(super) room: usize,
    pub(super) write_fails: bool,
    pub(super) flush_blocks: bool,
    pub(super) vectored: bool,
    pub(super) shut_down: bool,
    pub(super) shut_down_now: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The waker of a model's peer, which waits for something to happen here.
    watcher: Option<Waker>,
}

pub(super) fn wire() -> (Wire, Peer) {
    let ends = Ends { room: usize::MAX, vectored: true, ..Ends::default() };
    let ends = Arc::new(Mutex::new(ends));
    (Wire(Arc::clone(&ends)), Peer(ends))
}

impl Peer {
    pub(super) fn ends(&self) -> MutexGuard<'_, Ends> {
        lock(&self.0)
    }

    /// Sends bytes.
    pub(super) fn send(&self, bytes: &[u8]) {
        let reader = {
            let mut ends = self.ends();
            ends.incoming.extend(bytes);
            ends.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }

    /// Sends bytes, and nothing after them.
    #[cfg(shuttle)]
    pub(super) fn end(&self, bytes: &[u8]) {
        let reader = {
            let mut ends = self.ends();
            ends.incoming.extend(bytes);
            ends.eof = true;
            ends.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }

    /// Sends bytes, and lets the next read fail.
    pub(super) fn fail(&self, bytes: &[u8], error: io::ErrorKind) {
        self.ends().read_error = Some(error);
        self.send(bytes);
    }

    /// Lets the stream take so much more.
    pub(super) fn make_room(&self, room: usize) {
        let writer = {
            let mut ends = self.ends();
            ends.room = room;
            ends.writer.take()
        };
        writer.into_iter().for_each(Waker::wake);
    }

    /// Waits until the stream's end is so.
    #[cfg(shuttle)]
    pub(super) async fn until(&self, is_so: impl Fn(&Ends) -> bool) {
        std::future::poll_fn(|cx| {
            let mut ends = self.ends();
            if is_so(&ends) {
                return Poll::Ready(());
            }
            ends.watcher = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// All that was written.
    pub(super) fn written(&self) -> Vec<u8> {
        self.ends().writes.concat()
    }
}

impl AsyncTransport<Manual> for Wire {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut ends = lock(&self.0);
        if ends.incoming.is_empty()
            && let Some(flood) = ends.flood
        {
            ends.incoming.extend(flood);
        }
        let len = buf.len().min(ends.incoming.len());
        if len == 0
            && let Some(error) = ends.read_error.take()
        {
            ends.eof = true;
            return Poll::Ready(Err(error.into()));
        }
        if len == 0 && !ends.eof {
            ends.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        ends.incoming.drain(..len).zip(buf).for_each(|(byte, place)| *place = byte);
        Poll::Ready(Ok(len))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut ends = lock(&self.0);
        if ends.write_fails {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if ends.room == 0 {
            ends.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut bytes = Vec::new();
        let filled = slices.iter().filter(|slice| !slice.is_empty());
        for slice in filled.take(if ends.vectored { usize::MAX } else { 1 }) {
            bytes.extend_from_slice(slice);
        }
        bytes.truncate(ends.room);
        ends.room -= bytes.len();
        let len = bytes.len();
        ends.writes.push(bytes);
        let watcher = ends.watcher.take();
        drop(ends);
        watcher.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(len))
    }

    fn is_vectored(&self) -> bool {
        lock(&self.0).vectored
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = lock(&self.0);
        if ends.flush_blocks {
            ends.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shut_down(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).shut_down = true;
        Poll::Ready(Ok(()))
    }

    fn shut_down_now(&mut self) {
        lock(&self.0).shut_down_now = true;
    }
}
