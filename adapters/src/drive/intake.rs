//! Whether a call reads, and where the bytes go.

use std::io;
use std::time::Duration;

#[cfg(feature = "_asynch")]
use bluewire_core::{Inbox, State};

use super::arrivals::{Arrivals, Aside};
use super::deadlines::Budget;
use super::driver::{Driver, Next, Purpose, Want};

/// Where a caller puts what it reads.
pub(crate) enum Intake<'a> {
    /// Where messages are taken from, for this purpose.
    Arrivals(&'a mut Arrivals, Purpose),
    /// Aside, since a message that lies in the inbox is lent.
    Aside(&'a mut Aside),
    /// Nowhere, since somebody else reads.
    Nowhere,
}

impl Intake<'_> {
    /// The inbox that is read into.
    #[cfg(feature = "_asynch")]
    pub(crate) const fn inbox(&mut self) -> Option<&mut Inbox> {
        match self {
            Self::Arrivals(arrivals, _) => Some(&mut arrivals.inbox),
            _ => None,
        }
    }
}

/// One read while a message is lent.
const PIECE_LEN: usize = 4 * 1024;

impl Driver {
    /// Returns the next step of a caller with this intake.
    #[inline]
    pub(crate) fn next_for(
        &mut self,
        intake: &mut Intake<'_>,
        budget: Option<&mut Budget>,
        clock: impl Fn() -> Duration,
    ) -> Next {
        let (may_read, unseen) = match intake {
            Intake::Arrivals(arrivals, purpose) => {
                return self.next(arrivals, *purpose, budget, clock);
            }
            Intake::Aside(aside) => (aside.has_room(self.flow().held_len_max), !aside.is_empty()),
            Intake::Nowhere => (false, false),
        };
        match (self.next_without(may_read, unseen, &clock), budget) {
            (None, _) => Next::End,
            (Some(_), Some(budget)) if budget.until <= clock() => Next::Over,
            (Some(want), Some(budget)) => {
                Next::Wait(Want { until: want.until.min(budget.until.into()), ..want })
            }
            (Some(want), None) => Next::Wait(want),
        }
    }

    /// Whether a task that has waited, with every deadline judged, reads before it asks for the
    /// next step: most often, bytes have arrived. It may do so once after each wait, so that a peer
    /// that always sends postpones no deadline.
    #[cfg(feature = "_asynch")]
    #[inline]
    pub(crate) fn may_read_first(&self, intake: &Intake<'_>) -> bool {
        self.connection.state() == State::Open
            && matches!(intake, Intake::Arrivals(arrivals, Purpose::Receive)
                if !arrivals.has_held() && arrivals.aside.is_empty())
    }

    /// Reads once by `read`, which does not wait. Whether there is something to look at, as
    /// [`report_read`](Self::report_read) says.
    pub(crate) fn read_into(
        &mut self,
        intake: &mut Intake<'_>,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
        clock: impl Fn() -> Duration,
    ) -> bool {
        match intake {
            Intake::Arrivals(arrivals, _) => {
                let read = read(arrivals.space());
                self.report_read(read, arrivals, clock)
            }
            Intake::Aside(aside) => self.read_aside(aside, read, clock),
            Intake::Nowhere => false,
        }
    }

    /// By itself, since the other callers need no such memory on their stack.
    #[inline(never)]
    fn read_aside(
        &mut self,
        aside: &mut Aside,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
        clock: impl Fn() -> Duration,
    ) -> bool {
        let mut piece = [0; PIECE_LEN];
        let read = read(&mut piece);
        self.report_read_aside(read, &piece, aside, clock)
    }

    /// Reports that there is nothing to read. Whether there is something to look at all the same, as
    /// [`report_read`](Self::report_read) says.
    #[cfg(feature = "_asynch")]
    #[inline]
    pub(crate) fn read_nothing(&mut self, intake: &Intake<'_>, now: Duration) -> bool {
        self.drained(now) && matches!(intake, Intake::Arrivals(..))
    }
}
