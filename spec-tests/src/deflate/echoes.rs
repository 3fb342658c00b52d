//! The messages of a compressed echo loop, and their echoes.
//!
//! A loop sends up to 131 MB, and every target has it from its start. So a stream is compressed
//! once for all runs that are under way, and an echo is inflated only the first time that it comes
//! in just these bytes after just those before it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::{Agreed, Compressor, Inflater};
use crate::case::Role;
use crate::data::DataSet;

/// The messages: consecutive slices of a data set, going round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slices {
    /// The data from which they are cut.
    pub data: DataSet,
    /// Units in each: characters of text, otherwise bytes.
    pub len: usize,
}

impl Slices {
    /// A message, counted from 0.
    #[must_use]
    pub fn message(&self, k: usize) -> Vec<u8> {
        self.data.slice(k * self.len, self.len)
    }
}

/// One run of the loop: what is sent, and what comes back.
#[derive(Debug)]
pub struct Echoes {
    slices: Slices,
    stream: Arc<Mutex<Stream>>,
    inflater: Inflater,
    takeover: bool,
    /// A digest of all compressed echoes so far.
    history: u64,
}

impl Echoes {
    /// The loop of a fuzzer in this role.
    #[must_use]
    pub fn new(slices: Slices, agreed: Agreed, role: Role) -> Self {
        let out = agreed.compression_of(role);
        let back = agreed.compression_of(role.peer());
        Self {
            slices,
            stream: Stream::shared(slices, out.window_bits, out.takeover),
            inflater: Inflater::new(back.window_bits, back.takeover),
            takeover: back.takeover,
            history: hash((slices, back.window_bits, back.takeover)),
        }
    }

    /// A message as it is sent: compressed.
    #[must_use]
    pub fn compressed(&self, k: usize) -> Arc<[u8]> {
        lock(&self.stream).message(k)
    }

    /// Takes an echo.
    ///
    /// # Errors
    ///
    /// The fault of the echo.
    pub fn receive(&mut self, k: usize, payload: &[u8], compressed: bool) -> Result<(), String> {
        let message = self.slices.message(k);
        if !compressed {
            // RFC 7692, 6: a message need not be compressed.
            return if payload == message { Ok(()) } else { Err("it is another message".into()) };
        }
        let history = hash((self.history, k, payload));
        if lock(&KNOWN).contains(&history) {
            self.inflater.skip(&message);
        } else {
            let inflated = self.inflater.message(payload, message.len());
            if inflated.map_err(|fault| fault.to_string())? != message {
                return Err("it inflates to another message".into());
            }
            lock(&KNOWN).insert(history);
        }
        if self.takeover {
            self.history = history;
        }
        Ok(())
    }
}

/// Echoes that were inflated and found right, by what stands for them and all before them.
static KNOWN: LazyLock<Mutex<HashSet<u64>>> = LazyLock::new(Mutex::default);

type Key = (Slices, u8, bool);

/// The streams that some run needs just now.
static STREAMS: LazyLock<Mutex<HashMap<Key, Weak<Mutex<Stream>>>>> = LazyLock::new(Mutex::default);

/// The messages of a loop as one sender compresses them, as far as somebody has asked.
#[derive(Debug)]
struct Stream {
    slices: Slices,
    compressor: Compressor,
    messages: Vec<Arc<[u8]>>,
}

impl Stream {
    fn shared(slices: Slices, window_bits: u8, takeover: bool) -> Arc<Mutex<Self>> {
        let mut streams = lock(&STREAMS);
        let stream = streams.entry((slices, window_bits, takeover)).or_default();
        stream.upgrade().unwrap_or_else(|| {
            let compressor = Compressor::new(window_bits, takeover);
            let new = Arc::new(Mutex::new(Self { slices, compressor, messages: Vec::new() }));
            *stream = Arc::downgrade(&new);
            new
        })
    }

    fn message(&mut self, k: usize) -> Arc<[u8]> {
        while self.messages.len() <= k {
            let message = self.slices.message(self.messages.len());
            self.messages.push(self.compressor.message(&message).into());
        }
        Arc::clone(&self.messages[k])
    }
}

/// A thread that panicked meanwhile leaves a run that failed, and nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICES: Slices = Slices { data: DataSet::Json, len: 100 };
    const AGREED: Agreed = Agreed {
        server_no_context_takeover: false,
        client_no_context_takeover: true,
        server_max_window_bits: 9,
        client_max_window_bits: 15,
    };

    /// The echoes that a server sends by itself.
    fn sent() -> Vec<Vec<u8>> {
        let mut compressor = Compressor::new(9, true);
        (0..50).map(|k| compressor.message(&SLICES.message(k))).collect()
    }

    #[test]
    fn echoes_are_right_the_first_time_and_the_second() {
        for _ in 0..2 {
            let mut echoes = Echoes::new(SLICES, AGREED, Role::Client);
            for (k, payload) in sent().iter().enumerate() {
                assert_eq!(echoes.receive(k, payload, true), Ok(()), "{k}");
            }
            assert_eq!(echoes.receive(50, &SLICES.message(50), false), Ok(()));
        }
    }

    #[test]
    fn an_echo_of_another_connection_is_wrong() {
        let sent = sent();
        let mut echoes = Echoes::new(SLICES, AGREED, Role::Client);
        for (k, payload) in sent.iter().enumerate().take(20) {
            assert_eq!(echoes.receive(k, payload, true), Ok(()), "{k}");
        }
        let (mut swapped, mut late) = (echoes, Echoes::new(SLICES, AGREED, Role::Client));
        assert!(swapped.receive(20, &sent[21], true).is_err());
        assert!(late.receive(20, &sent[20], true).is_err(), "it refers to what was not sent");
        assert!(late.receive(20, &SLICES.message(21), false).is_err());
    }
}
