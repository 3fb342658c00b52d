//! How a connection ends, and how that is reported.

use std::io;
use std::time::Duration;

use bluewire_core::{Closure, Fault, Outbox};

use super::deadlines::Due;
use super::driver::{Driver, Want};
use crate::error::Error;

/// The error of a stream.
#[derive(Debug)]
pub(super) struct Loss {
    kind: io::ErrorKind,
    /// The error itself, for the first who asks.
    error: Option<io::Error>,
    /// Since when nothing can be written, if it was a write that failed.
    pub(super) write: Option<Duration>,
    /// Whether the socket was seen drained since.
    pub(super) drained: bool,
}

impl Loss {
    fn new(error: io::Error) -> Self {
        let kind = error.kind();
        Self { kind, error: Some(error), write: None, drained: false }
    }

    pub(super) fn of_read(loss: &mut Option<Self>, error: io::Error) {
        loss.get_or_insert_with(|| Self::new(error));
    }

    pub(super) fn of_write(loss: &mut Option<Self>, error: io::Error, now: Duration) {
        let loss = loss.get_or_insert_with(|| Self::new(error));
        loss.write.get_or_insert(now);
    }

    /// The error itself, and one of its kind from then on.
    pub(super) fn take_error(&mut self) -> Error {
        self.error.take().unwrap_or_else(|| self.kind.into()).into()
    }
}

impl Driver {
    /// Judges a failed write, since `since`: bytes that have arrived are read first, then the
    /// connection is over. `None` once that is so.
    pub(super) fn judge_loss(
        &mut self,
        since: Duration,
        may_read: bool,
        now: Duration,
    ) -> Option<Want> {
        let until = since.saturating_add(self.connection.config().close_timeout);
        if self.due(until, may_read, now) == Due::Yes {
            self.connection.abort();
            return None;
        }
        if may_read && self.rare.loss().is_some_and(|loss| loss.drained) {
            // The next event is the end.
            self.connection.receive_eof();
            return None;
        }
        let until = if may_read { now } else { until }.into();
        Some(Want { read: may_read, write: false, shut_down: false, until })
    }

    /// Fails a call that needs the stream, if that is lost for writing.
    pub(super) fn check_stream(&mut self) -> Result<(), Error> {
        match self.rare.loss_mut() {
            Some(loss) if loss.write.is_some() => Err(loss.take_error()),
            _ => Ok(()),
        }
    }

    /// The changes that all who use a connection must learn of at once.
    pub(crate) fn stage(&self) -> (bluewire_core::State, bool, bool) {
        (self.connection.state(), self.rare.loss().is_some(), self.closure().is_some())
    }

    /// Whether nothing can be written any more, since writing has failed.
    pub(crate) fn is_write_lost(&self) -> bool {
        self.rare.loss().is_some_and(|loss| loss.write.is_some())
    }

    /// Fails the first call after the end of a connection by a fault that was not reported yet: a
    /// program that only sends has no other way to learn of it.
    pub(super) fn check_told(&mut self) -> Result<(), Error> {
        match self.connection.fault() {
            Some(fault)
                if self.rare.closure().is_some()
                    && !std::mem::replace(&mut self.fault_told, true) =>
            {
                Err(Error::Fault(fault))
            }
            _ => Ok(()),
        }
    }

    /// Leaves the stream here and now, whatever waits: the connection has ended after this.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
        self.connection.abort();
        self.settle_closure();
    }

    /// Ends a connection that has failed, once its Close frame had a chance to leave: for a caller
    /// that reports the fault and cannot wait for the peer.
    pub(crate) fn conclude(&mut self) {
        self.connection.abort();
        self.settle_closure();
    }

    /// Whether the stream is to be left at once, in both directions.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Frees what cannot be written any more.
    pub(super) fn drop_outbox(&mut self) {
        self.data_lost |= self.outbox.data_len() > 0 || self.unflushed;
        self.flush_lost |= std::mem::take(&mut self.unflushed);
        self.outbox = Outbox::new();
        self.rare.end_stall();
    }

    /// Notes how the connection ended. If the Close frame has not left, it is not clean, and was
    /// lost: the engine cannot know that.
    pub(super) fn settle_closure(&mut self) {
        if self.closure().is_some() {
            return;
        }
        let Some(closure) = self.connection.closure() else { return };
        let mut closure = closure.clone();
        self.drop_outbox();
        if closure.clean && self.data_lost {
            closure.clean = false;
            closure.fault = Some(Fault::ConnectionLost);
        }
        self.trace.ended(&closure);
        if let Some(slot) = &mut self.slot {
            slot.settle(closure.clean);
        }
        self.rare.make().closure = Some(closure);
        // It leaves its groups.
        self.rare.drop_inflow();
    }

    /// How the connection ended; `None` until that was reported to a caller.
    pub(crate) fn closure(&self) -> Option<&Closure> {
        self.rare.closure()
    }

    /// Reports the end to the reader: once as an error, if it was not clean.
    ///
    /// # Errors
    ///
    /// The stream's error if that ended the connection, and otherwise the fault.
    pub(crate) fn tell_end(&mut self) -> Result<(), Error> {
        self.fault_told = true;
        if std::mem::replace(&mut self.end_told, true) {
            return Ok(());
        }
        self.end_error().map_or(Ok(()), Err)
    }

    /// The error with which the connection ended: the stream's own if that was it, and otherwise the
    /// fault. None if only the answer to the peer's Close frame was lost: the peer had said its last
    /// word, and the closure says the rest.
    pub(crate) fn end_error(&mut self) -> Option<Error> {
        match (self.rare.loss_mut(), self.connection.fault()?) {
            (Some(loss), Fault::ConnectionLost) => Some(loss.take_error()),
            (_, fault) => Some(Error::Fault(fault)),
        }
    }
}
