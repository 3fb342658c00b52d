//! What the reader and the writers of one asynchronous connection share, and who writes when.
//!
//! Whoever is polled and has bytes to write writes, also what others have laid. Two locks, held
//! inside of polls only: one to compute (the link), one around the stream's own polls, which do
//! not wait (the pipe). Where both are held, the pipe's comes first.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bluewire_core::{Closure, Inbox, State};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};

use super::deadline::Deadline;
use super::fan::Fan;
use super::reader::Reader;
use super::shut_down::{poll_shut_down, shut_down};
use super::turn::Turn;
use super::writer::Writer;
use crate::clock::Clock;
use crate::connect::Established;
use crate::direct::{Engine, Held, Link, Ticket};
use crate::error::Error;

pub(super) struct Shared<S> {
    pipe: Mutex<Pipe<S>>,
    link: Mutex<Link>,
    /// What the reader left, for whoever waits for the end.
    pub(super) parked: Mutex<Option<ReadSide>>,
    /// Tasks that wait for bytes to arrive, or for the end.
    reading: Arc<Fan>,
    /// Tasks that wait for bytes to leave.
    writing: Arc<Fan>,
    /// The writers'.
    pub(super) turn: Turn,
    pub(super) established: Established,
}

/// What whoever reads has to itself.
#[derive(Debug)]
pub(super) struct ReadSide {
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    /// When bytes last came, which is the time of all that is in the inbox.
    pub(super) arrived: Duration,
    pub(super) held: Held,
    pub(super) deadline: Deadline,
    pub(super) end_told: bool,
    /// When a writer last looked at arrivals in the reader's place.
    pub(super) looked: Instant,
    pub(super) turn: Turn,
}

struct Pipe<S> {
    stream: S,
    /// Bytes taken out of the link and not written yet, from `start` on.
    piece: Vec<u8>,
    start: usize,
    shut_down: bool,
    reading: Waker,
    writing: Waker,
}

/// How long a task has waited for its bytes to leave.
#[derive(Debug, Default)]
pub(super) struct Stall {
    timer: Option<Timer>,
    /// How much had been written when the timer was set.
    written: u64,
}

pub(super) fn split<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    engine: Engine,
) -> (Reader<S>, Writer<S>) {
    let shut_down = engine.shut_down;
    let Engine {
        clock,
        connection,
        inbox,
        arrived,
        outbox,
        held,
        flow,
        established,
        ties,
        end_told,
        ..
    } = engine;
    let (reading, writing) = (Arc::new(Fan::default()), Arc::new(Fan::default()));
    let pipe = Pipe {
        stream,
        piece: Vec::new(),
        start: 0,
        shut_down,
        reading: Arc::clone(&reading).into(),
        writing: Arc::clone(&writing).into(),
    };
    let shared = Arc::new(Shared {
        pipe: Mutex::new(pipe),
        link: Mutex::new(Link::new(clock, connection, outbox, flow, ties)),
        parked: Mutex::new(None),
        reading,
        writing,
        turn: Turn::default(),
        established,
    });
    let side = ReadSide {
        clock,
        inbox,
        arrived,
        held,
        deadline: Deadline::default(),
        end_told,
        looked: Instant::now(),
        turn: Turn::default(),
    };
    (Reader::new(Arc::clone(&shared), side), Writer::new(shared))
}

impl<S> Shared<S> {
    pub(super) fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn closure(&self) -> Option<Closure> {
        self.link().closure()
    }

    /// Lets all look again: the connection has begun to close, or has ended, or the reader left.
    pub(super) fn changed(&self) {
        self.reading.wake_all();
        self.writing.wake_all();
    }

    /// Wakes this task too when something was read, or the connection has changed.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.reading.register(cx);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Shared<S> {
    fn pipe(&self) -> MutexGuard<'_, Pipe<S>> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when all up to the ticket is written.
    pub(super) fn poll_written(
        &self,
        ticket: Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.turn.poll(cx));
        let all = self.poll_write_out(cx);
        let link = self.link();
        match link.is_written(ticket) {
            // What is left, and somebody waits for, that one writes.
            Ok(true) if all.is_ready() || !link.is_empty() => Poll::Ready(Ok(())),
            Ok(_) => {
                self.turn.renew();
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The same, for at most as long as the peer may take nothing.
    pub(super) fn poll_written_in_time(
        &self,
        ticket: Ticket,
        stall: &mut Stall,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if let Poll::Ready(written) = self.poll_written(ticket, cx) {
            return Poll::Ready(written);
        }
        let (written, timeout) = {
            let link = self.link();
            (link.progress(), link.flow.write_timeout)
        };
        if stall.written != written {
            *stall = Stall { timer: None, written };
        }
        let timer = stall.timer.get_or_insert_with(|| Timer::after(timeout));
        ready!(Pin::new(timer).poll(cx));
        self.link().fail_writing(io::ErrorKind::TimedOut);
        self.changed();
        Poll::Ready(Err(Error::Io(io::ErrorKind::TimedOut.into())))
    }

    /// Writes what waits. Ready when nothing is left; otherwise the task is woken when there is
    /// more to do.
    pub(super) fn poll_write_out(&self, cx: &Context<'_>) -> Poll<()> {
        let mut pipe = self.pipe();
        let mut polled = pipe.poll_write_out(self);
        if polled.is_pending() {
            // Only now, so that one who need not wait is not woken. It may have missed a wake.
            self.writing.register(cx);
            polled = pipe.poll_write_out(self);
        }
        polled
    }

    /// Reads once.
    pub(super) fn poll_read(&self, inbox: &mut Inbox) -> Poll<io::Result<usize>> {
        let mut pipe = self.pipe();
        let waker = pipe.reading.clone();
        let mut cx = Context::from_waker(&waker);
        Pin::new(&mut pipe.stream).poll_read(&mut cx, inbox.space())
    }

    /// Ends the connection here and now.
    pub(super) fn abandon(&self) {
        let mut pipe = self.pipe();
        {
            let mut link = self.link();
            link.fail_writing(io::ErrorKind::NotConnected);
            link.conclude();
        }
        pipe.forget_piece();
        shut_down(&mut pipe.stream);
        drop(pipe);
        self.changed();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Pipe<S> {
    fn poll_write_out(&mut self, shared: &Shared<S>) -> Poll<()> {
        let waker = self.writing.clone();
        let mut cx = Context::from_waker(&waker);
        loop {
            if self.piece.is_empty() && !shared.link().take_piece(&mut self.piece) {
                break;
            }
            let len = self.piece.len();
            match self.poll_write_piece(&mut cx) {
                Poll::Pending => {
                    shared.link().piece_left();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) => {
                    shared.turn.pay(len);
                    shared.link().piece_written();
                }
                Poll::Ready(Err(error)) => {
                    shared.link().fail_writing(error.kind());
                    self.forget_piece();
                }
            }
            // Those whose bytes these were.
            shared.writing.wake_all();
        }
        // A stream that keeps bytes back, as TLS may, is to let them go.
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_flush(&mut cx)) {
            shared.link().fail_writing(error.kind());
            return Poll::Ready(());
        }
        if !self.shut_down {
            let link = shared.link();
            let turn =
                link.connection.should_shut_down() || link.connection.state() == State::Closed;
            drop(link);
            // If that fails, the end of the stream comes all the sooner.
            self.shut_down = turn && poll_shut_down(&mut self.stream, &mut cx).is_ready();
        }
        Poll::Ready(())
    }

    fn poll_write_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.start < self.piece.len() {
            let rest = &self.piece[self.start..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(len) => self.start += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.forget_piece();
        Poll::Ready(Ok(()))
    }

    fn forget_piece(&mut self) {
        self.piece.clear();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use bluewire_core::{Config, Role};

    use super::super::websocket::WebSocket;
    use super::*;
    use crate::connect::Opened;

    /// A peer that pings so many times and does not read.
    struct Pinging(u32);

    impl AsyncRead for Pinging {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            if self.0 == 0 {
                return Poll::Pending;
            }
            self.0 -= 1;
            buf[..7].copy_from_slice(b"\x89\x81\0\0\0\0?");
            Poll::Ready(Ok(7))
        }
    }

    impl AsyncWrite for Pinging {
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
    fn one_pong_waits_behind_what_a_peer_that_pings_does_not_read() {
        let opened = Opened::adopted(Role::Server, b"", Config::default().into());
        let (mut reader, writer) = WebSocket::new(Pinging(100), opened).split();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(pin!(writer.send("Hello")).poll(cx).is_pending());
        assert!(pin!(reader.recv()).poll(cx).is_pending());
        assert_eq!(writer.queue_len(), b"\x8a\x01?".len());
    }
}
