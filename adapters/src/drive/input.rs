//! The bytes that were read, and how they are lent to the program.

use std::io;
use std::time::Duration;

use bluewire_core::{Event, Fault, Message, Ready};

use super::arrivals::{Arrivals, Aside};
use super::driver::Driver;
use super::ending::Loss;
use crate::error::Error;

/// A message in the program's hands.
#[derive(Debug)]
pub(crate) struct Lent<'a> {
    pub(crate) message: Message<'a>,
    /// Where to read meanwhile.
    pub(crate) aside: &'a mut Aside,
}

impl Driver {
    /// Lends the next message, with the memory for bytes read meanwhile.
    /// [`lent_fin`](Self::lent_fin) and [`lent_corked`](Self::lent_corked) say more about it.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] if it turned out to be text that is not valid UTF-8: write what waits, then
    /// [`conclude`](Self::conclude) and shut the stream down. The error reports the end.
    #[inline]
    pub(crate) fn lend<'a>(
        &mut self,
        ready: Option<Ready>,
        arrivals: &'a mut Arrivals,
    ) -> Result<Lent<'a>, Error> {
        arrivals.has_lent = true;
        self.lent_corked = self.flow().cork && self.connection.has_frame(&arrivals.inbox);
        let Arrivals { inbox, held, aside, arrived, .. } = arrivals;
        let Some(ready) = ready else {
            let lent = held.lend();
            let (message, fin) = lent.ok_or(Error::Fault(Fault::ConnectionLost))?;
            self.lent_fin = fin;
            return Ok(Lent { message, aside });
        };
        match self.connection.take_event(ready, (*arrived).into(), inbox, &mut self.outbox) {
            Event::Message(message) => {
                self.lent_fin = true;
                Ok(Lent { message, aside })
            }
            Event::Chunk { part, fin } => {
                self.lent_fin = fin;
                Ok(Lent { message: part, aside })
            }
            _ => {
                self.end_told = true;
                self.fault_told = true;
                Err(Error::Fault(self.connection.fault().unwrap_or(Fault::ConnectionLost)))
            }
        }
    }

    /// Reports what a read into the space gave, which did not wait, or waited in vain if it gave
    /// `WouldBlock`. Whether there is something to look at: bytes, the end, or text that was left
    /// unchecked while more was about to come.
    pub(crate) fn report_read(
        &mut self,
        read: io::Result<usize>,
        arrivals: &mut Arrivals,
        clock: impl Fn() -> Duration,
    ) -> bool {
        match read {
            Ok(0) => self.received_end(None),
            Ok(len) => self.received(len, arrivals, clock()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return self.drained(clock());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.received_end(Some(error)),
        }
        true
    }

    /// The same for a read aside, while a message is lent: `piece` holds the bytes.
    pub(super) fn report_read_aside(
        &mut self,
        read: io::Result<usize>,
        piece: &[u8],
        aside: &mut Aside,
        clock: impl Fn() -> Duration,
    ) -> bool {
        match read {
            Ok(0) => aside.received_end(None),
            Ok(len) => {
                let piece = piece.get(..len);
                debug_assert!(piece.is_some(), "more was read than there was room for");
                aside.received(piece.unwrap_or_default(), clock());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.drained(clock());
                return false;
            }
            // Nothing was found out, so this is not the read that a deadline grants.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            // The next read finds it.
            Err(error) => aside.received_end(Some(error)),
        }
        self.reads = self.reads.wrapping_add(1);
        true
    }

    /// Reports that bytes were read into the space.
    #[inline]
    pub(crate) fn received(&mut self, len: usize, arrivals: &mut Arrivals, now: Duration) {
        // A caller reads when nothing is left to take.
        arrivals.look(now);
        arrivals.inbox.filled(len);
        arrivals.arrived = now.into();
        self.reads = self.reads.wrapping_add(1);
    }

    /// Reports that reading is over, by the end of the stream or by an error.
    pub(crate) fn received_end(&mut self, error: Option<io::Error>) {
        self.reads = self.reads.wrapping_add(1);
        if let Some(error) = error {
            Loss::of_read(&mut self.rare.make().loss, error);
        }
        self.connection.receive_eof();
    }

    /// Reports that there was nothing to read. Whether there is text now that was left unchecked
    /// while more was about to come.
    #[inline]
    pub(crate) fn drained(&mut self, now: Duration) -> bool {
        let unchecked = self.connection.has_unchecked_text();
        self.reads = self.reads.wrapping_add(1);
        self.drained = now.into();
        self.connection.drained();
        if let Some(loss) = self.rare.loss_mut() {
            loss.drained = true;
        }
        unchecked
    }

    /// Takes into the inbox what was read while a message was lent.
    pub(super) fn merge_aside(&mut self, arrivals: &mut Arrivals) {
        let Some(aside) = arrivals.aside.take() else { return };
        if !aside.bytes.is_empty() {
            arrivals.inbox.extend(&aside.bytes);
            arrivals.arrived = aside.arrived;
        }
        if let Some(error) = aside.end {
            self.received_end(error);
        }
    }
}
