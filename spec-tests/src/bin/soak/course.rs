//! The state that all parties share: how long, with whom, and where it is counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluewire::{ConnectOptions, Deflate};

use crate::tally::Tally;
use crate::traffic::Pool;

/// A server that runs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
}

impl Place {
    /// The options that connect to it, with an offer to compress even the smallest messages or with
    /// none.
    pub(crate) fn options(&self, deflate: bool) -> ConnectOptions {
        let options = ConnectOptions::new(format!("ws://{}/", self.addr));
        if deflate { options.deflate(Deflate::default().len_min(0)) } else { options }
    }
}

pub(crate) struct Course {
    pub(crate) began: Instant,
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) places: Vec<Place>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) tally: Arc<Tally>,
}

impl Course {
    pub(crate) fn new(time: Duration, seed: u64, places: Vec<Place>, tally: Arc<Tally>) -> Self {
        let pool = Arc::new(Pool::new(seed));
        Self { began: Instant::now(), time, seed, places, pool, tally }
    }

    /// Whether there is time left, and nothing has gone wrong.
    pub(crate) fn goes_on(&self) -> bool {
        self.began.elapsed() < self.time && !self.tally.has_violations()
    }

    /// The server for somebody's next connection: each after the other, beginning anywhere.
    pub(crate) fn place(&self, turn: usize) -> &Place {
        &self.places[turn % self.places.len()]
    }
}
