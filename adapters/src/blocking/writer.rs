//! The writing ends of a blocking connection that was split.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage};

use super::exchange::{Caller, Split};
use super::net_stream::NetStream;
use super::shared::Shared;
use super::transport::SplitTransport;
use crate::drive::{Goal, Lay};
use crate::error::Error;

/// An end of a split connection that sends; a clone is another one for the same connection.
///
/// Each method may be called while other threads read and write. Messages of one writer leave in
/// the order of its calls, and never mix with those of another. A message that is sent in chunks is
/// the exception: until it is finished, other messages are
/// [refused](crate::SendError::MessageUnfinished), whoever sends them.
///
/// When a method returns, its message is written, or has failed. A write waits for the peer for as
/// long as [`Flow::write_timeout`](crate::Flow::write_timeout) allows; a reader that receives
/// meanwhile is not held up. When all writers are dropped the connection goes on.
pub struct Writer<S = NetStream> {
    pub(super) shared: Arc<Shared<S>>,
}

impl<S: SplitTransport> Writer<S> {
    pub(super) const fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared }
    }

    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes too little for [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.split().send(Lay::Message(message.into()))
    }

    /// Sends a part of a message, the last one if `fin`: for messages larger than memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        self.split().send(Lay::Chunk(part.into(), fin))
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.split().send(Lay::Prepared(message))
    }

    /// Sends a whole message without waiting: queues it, and writes what the peer takes at once.
    /// The rest leaves with the next call that writes, such as [`flush`](Self::flush). It refuses
    /// the message where [`feed`](Self::feed) would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    /// A write that fails is an error of the next call.
    pub fn try_send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.split().try_send(Lay::Message(message.into()))
    }

    /// [`try_send`](Self::try_send) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.split().try_send(Lay::Prepared(message))
    }

    /// Queues a message: it leaves with the next that is written. From 64 KiB on, it writes what
    /// the peer takes at once; once [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits, it
    /// first waits until the peer has taken all but half of that.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.split().feed(message.into())
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.split().try_feed(Lay::Message(message.into()))
    }

    /// [`try_feed`](Self::try_feed) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub fn try_feed_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.split().try_feed(Lay::Prepared(message))
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.shared.lock().parts().0.queue_len()
    }

    /// Writes until at most this many bytes wait: the sign that there is room again.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn drain(&self, queue_len: usize) -> Result<(), Error> {
        self.split().write_until(Goal::Queue(queue_len))
    }

    /// Writes all bytes that wait now.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes too little for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn flush(&self) -> Result<(), Error> {
        self.split().write(|driver| Ok(driver.ticket()))
    }

    /// Sends a Ping with at most 125 bytes, ahead of messages that wait.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.split().ping(payload)
    }

    /// Starts the closing handshake: sends what waits, then a Close frame. The reader still
    /// receives until the peer has answered; [`closed`](Self::closed) waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid, or if the connection is closing
    /// already, and [`Error::Io`] as [`send`](Self::send).
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.split().send(Lay::Close(code, reason))
    }

    /// Ends the connection without waiting for the peer: drops the messages that have not begun to
    /// leave, writes a Close frame as far as that is possible at once, and shuts the stream down.
    /// A message of which a part was written is cut if the peer does not take the rest at once, and
    /// the writer that waits for it gets an error.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid, which changes nothing.
    pub fn close_now(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.split().with(|driver, _| {
            driver.begin_close_now(code, reason, self.shared.now())?;
            self.shared.write(driver);
            self.shared.cut(driver);
            Ok(())
        })
    }

    /// Waits until the connection has ended, and tells how: the reader's thread brings that
    /// about. If the reader is dropped, this reads in its place and drops what arrives.
    ///
    /// It ends at [`Config::close_timeout`](bluewire_core::Config::close_timeout) after a Close
    /// frame or a failed write at the latest, even if the reader does not receive.
    ///
    /// # Errors
    ///
    /// None: the closure says how it ended.
    pub fn closed(&self) -> Result<Closure, Error> {
        Ok(self.split().end(None))
    }

    /// [`close`](Self::close) and [`closed`](Self::closed) within a budget: a peer that has not
    /// answered by then is left, which shows in the closure. On a connection that is closing
    /// already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid, which changes nothing.
    pub fn close_within(
        &self,
        budget: Duration,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closure, Error> {
        self.split().close(code, reason, Some(budget))
    }

    /// How the connection ended; `None` until that was reported to the reader or to a writer.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.lock().parts().0.closure().cloned()
    }

    fn split(&self) -> Split<'_, '_, S> {
        Split::writer(&self.shared)
    }
}

impl<S> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
