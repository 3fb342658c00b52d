//! How a [`WebSocket`] sends and closes.

use std::io::IoSlice;
use std::time::{Duration, Instant};

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage};

use super::exchange::Waited;
use super::pump::{try_write_out, try_write_some};
use super::stream::Transport;
use super::websocket::WebSocket;
use crate::direct::{CORK_LEN_MAX, GATHER_LEN_MIN};
use crate::error::Error;

impl<S: Transport> WebSocket<S> {
    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes nothing for [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        let engine = &mut self.engine;
        if message.len() < GATHER_LEN_MIN {
            engine.connection.send(message, &mut engine.outbox)?;
            return self.uncork();
        }
        // From where it lies, as long as the peer takes it at once.
        let mut gather = engine.connection.send_vectored(message, &mut engine.outbox)?;
        while !gather.is_empty() {
            match try_write_some(&mut self.stream, &gather.slices().map(IoSlice::new))? {
                Some(len) => gather.sent(len),
                None => break,
            }
        }
        drop(gather);
        self.flush()
    }

    /// Sends a part of a message, the last one if `fin`: for what is larger than memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&mut self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        let engine = &mut self.engine;
        engine.connection.send_fragment(part, fin, &mut engine.outbox)?;
        self.uncork()
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        let engine = &mut self.engine;
        engine.connection.send_prepared(message, &mut engine.outbox)?;
        self.uncork()
    }

    /// Queues a message: it leaves with the next that is written. From 64 KiB on, it writes what
    /// the peer takes at once; once [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits, it
    /// first waits until the peer has taken all but half of that.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        if self.engine.check_queue().is_err() {
            self.drain(self.engine.flow.queue_len_max / 2)?;
        }
        self.try_feed(message)
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let engine = &mut self.engine;
        if engine.outbox.len() >= CORK_LEN_MAX {
            try_write_out(&mut self.stream, &mut engine.outbox)?;
        }
        engine.check_queue()?;
        engine.connection.send(message, &mut engine.outbox)?;
        Ok(())
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub const fn queue_len(&self) -> usize {
        self.engine.outbox.len()
    }

    /// Writes until at most this many bytes wait: the sign that there is room again.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn drain(&mut self, queue_len: usize) -> Result<(), Error> {
        self.write_attending(queue_len)
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes nothing for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.write_attending(0)
    }

    /// Sends a Ping with at most 125 bytes, ahead of messages that wait.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        let engine = &mut self.engine;
        engine.connection.ping(payload, &mut engine.outbox)?;
        self.flush()
    }

    /// Closes the connection in order: sends what waits, then a Close frame, and reads until the
    /// peer has done the same, for at most
    /// [`Config::close_timeout`](bluewire_core::Config::close_timeout). Messages that still come
    /// are dropped. On a connection that is closing already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, which changes nothing, and
    /// [`Error::Io`] if the stream fails. A peer that does not answer is no error: the closure
    /// says so.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        self.engine.begin_close(code, reason)?;
        self.finish(None)
    }

    /// The same within a budget, if that is shorter: a peer that has not answered by then is left.
    /// A closing handshake that is not complete shows in the closure, which is not
    /// [`clean`](Closure::clean).
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn close_within(
        &mut self,
        budget: Duration,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closure, Error> {
        self.engine.begin_close(code, reason)?;
        self.finish(Instant::now().checked_add(budget))
    }

    /// Ends the connection without waiting: drops the messages that have not begun to leave,
    /// writes a Close frame as far as that is possible at once, and shuts the stream down.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, which changes nothing.
    pub fn close_now(mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.engine.begin_close_now(code, reason)?;
        let _ = try_write_out(&mut self.stream, &mut self.engine.outbox);
        let _ = self.stream.shut_down_writing();
        Ok(())
    }

    fn finish(&mut self, until: Option<Instant>) -> Result<Closure, Error> {
        loop {
            if let Some(closure) = self.engine.discard() {
                self.end_stream();
                return Ok(closure);
            }
            if self.exchange(until)? == Waited::TimedOut {
                self.engine.give_up();
                let _ = self.stream.shut_down();
            }
        }
    }

    /// Writes, unless what has arrived already will cause more.
    fn uncork(&mut self) -> Result<(), Error> {
        if !self.engine.should_write() {
            return Ok(());
        }
        self.flush()?;
        if self.engine.should_look() && self.engine.hold() && self.look()? {
            self.engine.hold();
            // Answers leave as far as that is possible at once.
            try_write_out(&mut self.stream, &mut self.engine.outbox)?;
        }
        Ok(())
    }
}
