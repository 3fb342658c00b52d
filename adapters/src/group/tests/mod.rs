//! The decisions of groups, without IO and with made-up times.

mod members;
mod topics;
mod waiting;
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::waiting::Posted;
use crate::PreparedMessage;

fn posted(payload: &[u8]) -> Arc<Posted> {
    Arc::new(Posted { message: PreparedMessage::new(payload) })
}

/// Counts wake-ups.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn waker() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), count.into())
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
