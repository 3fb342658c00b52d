//! How a [`WebSocket`] sends and closes.

use std::net::Shutdown;
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage};

use super::WebSocket;
use crate::blocking::exchange::{Caller, owned};
use crate::blocking::sender::Sender;
use crate::blocking::transport::Transport;
use crate::drive::{Goal, Purpose};
use crate::error::Error;

impl<S: Transport> WebSocket<S> {
    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses the message. [`Error::Io`] if the stream fails, or
    /// the peer reads too slowly for [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().send(message)
    }

    /// Sends a part of a message; `fin` marks the last part. Use it for messages that are larger than
    /// memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&mut self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        self.sender().send_chunk(part, fin)
    }

    /// Sends a message that was encoded in advance.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().send_prepared(message)
    }

    /// Sends a whole message without waiting: queues it, and writes what the peer takes at once. The
    /// rest leaves with the next call that writes or waits. It refuses the message where
    /// [`feed`](Self::feed) would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    /// A write that fails is an error of the next call.
    pub fn try_send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().try_send(message)
    }

    /// [`try_send`](Self::try_send) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().try_send_prepared(message)
    }

    /// Queues a message: it leaves with the next that is written. From 64 KiB on, it writes what
    /// the peer takes at once; once [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits, it
    /// first waits until the peer has taken all but half of that.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().feed(message)
    }

    /// Queues a message as `feed` does, but refuses it if `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if `feed` would wait. Otherwise as
    /// [`send`](Self::send).
    pub fn try_feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().try_feed(message)
    }

    /// [`try_feed`](Self::try_feed) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub fn try_feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().try_feed_prepared(message)
    }

    /// The number of queued bytes.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.driver().queue_len()
    }

    /// Writes until at most this many bytes are queued.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn drain(&mut self, queue_len: usize) -> Result<(), Error> {
        self.whole(Purpose::Attend).write_until(Goal::Queue(queue_len))
    }

    /// Writes all queued bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or the peer reads too slowly for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.drain(0)
    }

    /// Sends a Ping with at most 125 bytes, ahead of queued messages.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.sender().ping(payload)
    }

    /// Closes the connection: writes all queued bytes, sends a Close frame, and waits for the
    /// peer's Close frame, for at most
    /// [`Config::close_timeout`](bluewire_core::Config::close_timeout). It drops messages that
    /// arrive in the meantime. If the connection is already closing, it waits for the end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid; then nothing has changed. A peer that
    /// does not answer is not an error: the closure is then not [`clean`](Closure::clean).
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        self.whole(Purpose::Discard).close(code, reason, None)
    }

    /// Closes the connection as `close` does, but waits no longer than this budget. If the peer has
    /// not answered by then, the closure is not [`clean`](Closure::clean).
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
        self.whole(Purpose::Discard).close(code, reason, Some(budget))
    }

    /// Ends the connection without waiting. It drops queued messages, writes a Close frame if that is
    /// possible without waiting, and shuts the stream down.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid; then nothing has changed.
    pub fn close_now(mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let driver = owned(&mut self.driver);
        driver.begin_close_now(code, reason, self.shared.now())?;
        self.shared.write(driver);
        let _ = self.shared.stream.shut_down(Shutdown::Write);
        Ok(())
    }

    /// A sender of the socket itself: no message is lent, so it reads into the inbox.
    #[inline]
    fn sender(&mut self) -> Sender<'_, S> {
        Sender { whole: self.whole(Purpose::Attend) }
    }
}
