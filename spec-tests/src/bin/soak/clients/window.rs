//! How much may be under way between sending and receiving.

use std::collections::VecDeque;

/// One long message, or many short ones.
const BYTES_MAX: usize = 1024 * 1024;
const MESSAGES_MAX: usize = 64;

/// The messages whose echo has not come.
#[derive(Default)]
pub(super) struct Window {
    lens: VecDeque<usize>,
    bytes: usize,
}

impl Window {
    pub(super) fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }

    /// Whether an echo has to come before more is sent.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES_MAX || self.lens.len() >= MESSAGES_MAX
    }

    pub(super) fn sent(&mut self, len: usize) {
        self.lens.push_back(len);
        self.bytes += len;
    }

    pub(super) fn echoed(&mut self) {
        self.bytes -= self.lens.pop_front().unwrap_or(0);
    }
}
