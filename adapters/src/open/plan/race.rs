//! Several addresses at once (RFC 8305).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::wording::Period;

/// RFC 8305, section 5: "One recommended value for a default delay is 250 milliseconds."
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The attempts on the addresses of one host. The first that succeeds is taken.
#[derive(Debug)]
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    /// Under way.
    open: Vec<SocketAddr>,
    failures: Vec<(SocketAddr, io::Error)>,
    /// When the next address has its turn, unless all before it have failed earlier.
    next_turn: Duration,
}

impl Race {
    pub(super) fn new(addresses: Vec<SocketAddr>, now: Duration) -> Self {
        Self {
            waiting: interleaved(addresses),
            open: Vec::new(),
            failures: Vec::new(),
            next_turn: now,
        }
    }

    /// The address that is due. It is under way from now on.
    pub(super) fn next(&mut self, now: Duration) -> Option<SocketAddr> {
        if now < self.next_turn {
            return None;
        }
        let address = self.waiting.pop_front()?;
        self.open.push(address);
        self.next_turn = now.saturating_add(ATTEMPT_DELAY);
        Some(address)
    }

    /// When there will be a next one.
    pub(super) fn next_turn(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.next_turn)
    }

    /// An attempt failed: the next address need not wait. An address that is unknown or over is
    /// ignored.
    pub(super) fn fail(&mut self, address: SocketAddr, error: io::Error, now: Duration) {
        if let Some(index) = self.open.iter().position(|open| *open == address) {
            self.open.remove(index);
            self.failures.push((address, error));
            self.next_turn = now;
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    pub(super) fn is_open(&self, address: SocketAddr) -> bool {
        self.open.contains(&address)
    }

    /// The attempts that are under way.
    pub(super) fn into_open(self) -> Vec<SocketAddr> {
        self.open
    }

    /// Why each address was not reached, where the time is over for those that are left.
    pub(super) fn failures(&mut self, timeout: Duration) -> Vec<(SocketAddr, io::Error)> {
        let mut failures = std::mem::take(&mut self.failures);
        let mut late = |address: SocketAddr, what: &str| {
            let error = format!("{what} within {}", Period(timeout));
            failures.push((address, io::Error::new(io::ErrorKind::TimedOut, error)));
        };
        self.open.iter().for_each(|address| late(*address, "no answer"));
        self.waiting.iter().for_each(|address| late(*address, "not tried"));
        failures
    }
}

/// Each address once, the families in turn.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    // RFC 8305, section 4, has the list sorted by the rules of destination address selection and
    // then the families interleaved: the resolver's order stays within a family.
    let mut unique = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let first_is_ipv6 = unique.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        unique.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = VecDeque::new();
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return turns;
        }
        turns.extend(one.into_iter().chain(other));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_none_comes_twice() {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|address| address.parse().expect("it is an address")).collect()
        };
        let (six1, six2, six3) = ("[::1]:1", "[::2]:1", "[::3]:1");
        let (four1, four2) = ("127.0.0.1:1", "127.0.0.2:1");
        for (given, turns) in [
            (vec![], vec![]),
            (vec![four1, four1], vec![four1]),
            (vec![six1, six2, six3, four1], vec![six1, four1, six2, six3]),
            (vec![four1, four2, six1], vec![four1, six1, four2]),
            (vec![six1, four1, six1, four2, six2], vec![six1, four1, six2, four2]),
        ] {
            assert_eq!(interleaved(parse(&given)), parse(&turns), "{given:?}");
        }
    }
}
