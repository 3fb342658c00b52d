//! One direction of a network.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// A fault of a direction after so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The reader reads an end there; what is written after is lost.
    HalfClose,
    /// Nothing arrives any more, without notice.
    BlackHole,
    /// Both directions end.
    Cut,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    /// The bytes on their way, and when they arrive.
    in_flight: VecDeque<(Duration, Vec<u8>)>,
    in_flight_len: usize,
    /// So much can be on its way at once.
    capacity: usize,
    latency: Duration,
    jitter: Duration,
    /// In this time, nothing arrives.
    stall: Option<(Duration, Duration)>,
    fault: Option<(u64, Fault)>,
    carried: u64,
    last_arrival: Duration,
    /// When the reader reads the end.
    end: Option<Duration>,
    /// Whether bytes written are lost.
    swallows: bool,
}

impl Pipe {
    pub(crate) fn new(
        random: &mut StdRng,
        capacity: usize,
        stall: Option<(Duration, Duration)>,
        fault: Option<(u64, Fault)>,
    ) -> Self {
        Self {
            in_flight: VecDeque::new(),
            in_flight_len: 0,
            capacity,
            latency: Duration::from_millis(random.random_range(0..100)),
            jitter: Duration::from_millis(random.random_range(1..50)),
            stall,
            fault,
            carried: 0,
            last_arrival: Duration::ZERO,
            end: None,
            swallows: false,
        }
    }

    /// How much can be written now.
    pub(crate) fn room(&self) -> usize {
        if self.swallows { usize::MAX } else { self.capacity - self.in_flight_len }
    }

    /// Takes bytes, at most as many as there is room for. Whether the fault that befalls them
    /// cuts the other direction, too.
    pub(crate) fn write(&mut self, now: Duration, bytes: &[u8], random: &mut StdRng) -> bool {
        if self.swallows {
            return false;
        }
        let left = self.fault.map_or(u64::MAX, |(after, _)| after - self.carried);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        if len > 0 {
            let arrival = self.arrival(now, random);
            self.in_flight.push_back((arrival, bytes[..len].to_vec()));
            self.in_flight_len += len;
            self.carried += len as u64;
        }
        match self.fault {
            Some((after, fault)) if self.carried == after => {
                if fault != Fault::BlackHole {
                    self.shut_down(now, random);
                }
                self.swallows = true;
                fault == Fault::Cut
            }
            _ => false,
        }
    }

    /// Ends it, behind what is on its way.
    pub(crate) fn shut_down(&mut self, now: Duration, random: &mut StdRng) {
        if !self.swallows && self.end.is_none() {
            self.end = Some(self.arrival(now, random));
        }
        self.swallows = true;
    }

    /// Ends it, and what is on its way is lost.
    pub(crate) fn cut(&mut self, now: Duration) {
        self.in_flight.clear();
        self.in_flight_len = 0;
        self.end = Some(now);
        self.swallows = true;
    }

    /// Bytes stay in their order, so none arrives before those that were written earlier.
    fn arrival(&mut self, now: Duration, random: &mut StdRng) -> Duration {
        let mut arrival = now + self.latency + self.jitter.mul_f64(random.random());
        if let Some((from, until)) = self.stall
            && (from..until).contains(&arrival)
        {
            arrival = until;
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }

    /// When there is something to read, or the end.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.in_flight.front().map(|(arrival, _)| *arrival).or(self.end)
    }

    /// The bytes that have arrived, at most `max`; empty at the end.
    pub(crate) fn read(&mut self, now: Duration, max: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < max
            && let Some((arrival, first)) = self.in_flight.front_mut()
            && *arrival <= now
        {
            let len = first.len().min(max - bytes.len());
            bytes.extend(first.drain(..len));
            if first.is_empty() {
                self.in_flight.pop_front();
            }
        }
        self.in_flight_len -= bytes.len();
        bytes
    }
}
