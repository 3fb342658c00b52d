//! How a server makes room for one more client: by its own limits, and when the system has no file
//! descriptors left.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::admission::{Admission, Stage};
use super::options::ServerOptions;
use super::origin::Origin;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
use super::reserve;
use super::slot::Slot;
use super::slots::Occupied;
use crate::open::error::AcceptError;
use crate::orders::{Order, Orders};
#[cfg(any(feature = "blocking", feature = "_asynch"))]
use crate::socket::Socket;
use crate::trace;

/// The step a server takes for a client that waits while the system has no file descriptors left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// The opening handshake of this id was given up. With `at_once`, accept the client at once;
    /// otherwise when that handshake has ended.
    Made { id: u64, at_once: bool },
    /// No handshake can be given up, but the client can be accepted and turned away.
    ToRefuse,
    /// It has to wait.
    None,
}

/// How many clients are accepted before those that are there have their turn.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) const ACCEPTED_MAX: usize = 64;

/// A turn in which new clients are accepted.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) struct AcceptTurn {
    accepted: usize,
    given_up: usize,
    given_up_max: usize,
}

#[cfg(any(feature = "blocking", feature = "_asynch"))]
impl AcceptTurn {
    /// Counts a client that was accepted, and whether a handshake was given up for it. Whether this
    /// turn accepts one more.
    pub(crate) const fn goes_on(&mut self, gave_up: bool) -> bool {
        self.accepted += 1;
        self.given_up += gave_up as usize;
        self.accepted < ACCEPTED_MAX && self.given_up < self.given_up_max
    }
}

impl Admission {
    /// Begins a turn in which clients are accepted: many, so that a flood does not keep others in
    /// the system's queue. If other handshakes must end for them, the turn is over after an eighth of
    /// all: other requests may have arrived meanwhile.
    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(crate) fn accept_turn(&self) -> AcceptTurn {
        let handshakes = self.limits.handshakes.min(self.limits.handshakes_per_address);
        AcceptTurn { accepted: 0, given_up: 0, given_up_max: handshakes.div_ceil(8) }
    }

    /// A slot for an opening handshake of a client at this address; `None` if the server shuts
    /// down. If too many handshakes are under way, another one must end: it gets the order to, and
    /// its id is returned.
    pub(crate) fn begin_handshake(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        options: &ServerOptions,
    ) -> Option<(HandshakeSlot, Option<u64>)> {
        let mut state = self.lock();
        if state.stage != Stage::Open {
            return None;
        }
        let origin = Origin::of(address);
        let handshakes = &mut state.handshakes;
        let mut evicted = None;
        if handshakes.of_origin(origin) >= self.limits.handshakes_per_address {
            evicted = handshakes.evict_from(origin);
        } else if handshakes.len() >= self.limits.handshakes {
            evicted = handshakes.evict();
        }
        let orders = Orders::new();
        let id = handshakes.insert(origin, Arc::clone(&orders));
        drop(state);
        let evicted = evicted.map(|evicted| self.give_up(evicted, options));
        let slot = HandshakeSlot { admission: Arc::clone(self), id, orders };
        Some((slot, evicted))
    }

    /// Makes room for a client that waits while the system has no file descriptors left. Once it
    /// was accepted, [`was_accepted`](Self::was_accepted) has to be called.
    pub(crate) fn make_room(&self, options: &ServerOptions) -> Room {
        let evicted = self.lock().handshakes.evict();
        let id = evicted.map(|evicted| self.give_up(evicted, options));
        match (id, self.reserve.release()) {
            (Some(id), at_once) => Room::Made { id, at_once },
            (None, true) => Room::ToRefuse,
            (None, false) => Room::None,
        }
    }

    /// Keeps a file descriptor in reserve again, if the last one was needed.
    pub(crate) fn was_accepted(&self) {
        self.reserve.renew();
    }

    /// Turns a client away if only the descriptor in reserve is left for it; the caller must then
    /// drop it. The error is reported once a second at most.
    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(crate) fn turn_away(
        &self,
        client: Option<impl Socket>,
        error: &std::io::Error,
        options: &ServerOptions,
    ) {
        if let Some(client) = client {
            reserve::turn_away(&client, options.accept.reach.tls);
        }
        let count = self.lock().turned_away.add(Instant::now());
        if let Some(count) = count {
            trace::turned_away(count, error);
            options.tell_listener_error(error);
        }
    }

    /// How many opening handshakes were given up for other clients.
    pub(crate) fn given_up(&self) -> u64 {
        self.lock().given_up.total()
    }

    fn give_up(&self, (id, evicted): (u64, Occupied), options: &ServerOptions) -> u64 {
        evicted.orders.give(Order::Cut);
        let count = self.lock().given_up.add(Instant::now());
        if let Some(count) = count {
            trace::gave_up(count);
            options.tell_refused(&AcceptError::GivenUp);
        }
        id
    }
}

/// A slot of an opening handshake, which is free again when this is dropped.
pub(crate) struct HandshakeSlot {
    admission: Arc<Admission>,
    id: u64,
    orders: Arc<Orders>,
}

impl HandshakeSlot {
    /// The number with which [`Admission::begin_handshake`] names the handshake that was given up.
    #[cfg(feature = "blocking")]
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Whether it was given up, for another client or since the server shuts down.
    #[cfg(feature = "blocking")]
    pub(crate) fn is_given_up(&self) -> bool {
        self.orders.order() == Order::Cut
    }

    /// A watch that reports when it is given up.
    #[cfg(feature = "_asynch")]
    pub(crate) fn watch(&self) -> super::slot::Watch {
        super::slot::Watch::new(Arc::clone(&self.orders))
    }

    /// A slot for the client's connection, if there is one free. The handshake is over then.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Option<Slot> {
        self.admission.enter_after(Some(self.id), address)
    }

    /// Records that the request has arrived, or will not.
    pub(crate) fn heard(&self) {
        self.admission.lock().handshakes.settle(self.id);
    }
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        let removed = self.admission.lock().handshakes.remove(self.id);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> (Arc<Admission>, ServerOptions) {
        let options = ServerOptions::default().handshakes_max(64);
        (Admission::new(&options), options)
    }

    #[test]
    fn a_client_counts_once_whenever_the_server_shuts_down() {
        // Before its request arrives, right after it was admitted, and after its end.
        for step in 0..=3 {
            let (admission, options) = server();
            let (handshake, _) = admission.begin_handshake(None, &options).expect("it is open");
            let slot = if step > 0 { handshake.admit(None) } else { None };
            assert_eq!(slot.is_some(), step > 0);
            let handshake = (step < 2).then_some(handshake);
            if step == 3 {
                drop(slot);
            } else {
                assert!(admission.begin_shutdown());
                assert!(handshake.is_none_or(|it| it.admit(None).is_none()), "it shuts down");
            }
            admission.begin_shutdown();
            let report = admission.end_shutdown();
            let expected = [(1, 0), (0, 1), (0, 1), (0, 0)][step];
            assert_eq!((report.handshakes, report.closed + report.cut), expected, "step {step}");
        }
    }

    #[cfg(feature = "blocking")]
    #[test]
    fn a_handshake_learns_that_it_was_given_up() {
        let options = ServerOptions::default().handshakes_max(1);
        let admission = Admission::new(&options);
        let (first, none) = admission.begin_handshake(None, &options).expect("it is open");
        assert!(none.is_none() && !first.is_given_up());
        let (second, evicted) = admission.begin_handshake(None, &options).expect("it is open");
        assert_eq!(evicted, Some(first.id()));
        assert!(first.is_given_up() && !second.is_given_up());
        admission.begin_shutdown();
        assert!(second.is_given_up());
    }

    #[test]
    fn a_turn_accepts_many_and_gives_up_an_eighth_at_most() {
        let (admission, _) = server();
        let count = |gave_up| {
            let mut turn = admission.accept_turn();
            1 + (0..).take_while(|_| turn.goes_on(gave_up)).count()
        };
        assert_eq!((count(false), count(true)), (ACCEPTED_MAX, 64 / 8));
        let one = Admission::new(&ServerOptions::default().handshakes_max(1));
        assert!(!one.accept_turn().goes_on(true));
    }
}
