//! Whose turn it is to compute: each step of a TLS handshake costs a server far more than it costs
//! its client.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::origin::Origin;

/// The steps of TLS handshakes that wait for the processor. A bounded number of them is computed
/// at a time, and the addresses of the clients take turns: so a flood from one address delays each
/// step of other addresses by about one computation.
///
/// Every step counts, not only the answer to the first ClientHello: a client can ask for a second
/// one, and can send a certificate whose check is as expensive.
///
/// Within one address, the newest step is computed first. If there are more than can be computed, the
/// oldest first would mean that each is computed when its client has nearly given up; the newest
/// first serves as many clients as possible in time. It also ends handshakes that have begun before
/// it begins others. The others wait until the handshake's deadline, or until they are given up
/// like any handshake: so as many can wait as there may be handshakes.
pub(crate) struct Turns {
    /// The waiting handshakes, by the origin of their clients. The newest is the last.
    waiting: HashMap<Origin, Vec<u64>>,
    /// Each of these origins once, in the order of their turns.
    order: VecDeque<Origin>,
    origins: HashMap<u64, Origin>,
    computed: usize,
    computed_max: usize,
}

impl Turns {
    /// Lets at most so many steps be computed at a time.
    pub(crate) fn new(computed_max: usize) -> Self {
        Self {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            origins: HashMap::new(),
            computed: 0,
            computed_max: computed_max.max(1),
        }
    }

    /// How many steps can be computed now, those that are included.
    #[cfg(feature = "blocking")]
    pub(crate) fn computable(&self) -> usize {
        self.computed_max.min(self.computed.saturating_add(self.origins.len()))
    }

    /// Lets a step wait for its turn. No two that wait have the same number.
    pub(crate) fn wait(&mut self, id: u64, address: Option<IpAddr>) {
        let origin = Origin::of(address);
        let of_origin = self.waiting.entry(origin).or_default();
        if of_origin.is_empty() {
            self.order.push_back(origin);
        }
        of_origin.push(id);
        self.origins.insert(id, origin);
    }

    /// The step to compute now, if there is one and not too many are computed already. Once it is
    /// done, [`end`](Self::end) has to be called.
    pub(crate) fn begin(&mut self) -> Option<u64> {
        if self.computed >= self.computed_max {
            return None;
        }
        let origin = self.order.pop_front()?;
        let of_origin = self.waiting.get_mut(&origin)?;
        let id = of_origin.pop()?;
        if of_origin.is_empty() {
            self.waiting.remove(&origin);
        } else {
            self.order.push_back(origin);
        }
        self.origins.remove(&id);
        self.computed += 1;
        Some(id)
    }

    /// Records that a step that was begun is done, or will not be.
    pub(crate) const fn end(&mut self) {
        self.computed -= 1;
    }

    /// Gives up a step that waits, if there is one of this number.
    pub(crate) fn give_up(&mut self, id: u64) {
        let Some(origin) = self.origins.remove(&id) else { return };
        if let Some(of_origin) = self.waiting.get_mut(&origin) {
            of_origin.retain(|other| *other != id);
            if of_origin.is_empty() {
                self.waiting.remove(&origin);
                self.order.retain(|other| *other != origin);
            }
        }
    }
}

/// How many steps are computed at a time where threads share the work: as many as there are
/// processors.
pub(crate) fn computed_at_a_time() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
