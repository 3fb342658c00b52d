//! The TLS handshakes of a listener's clients, which take turns to compute.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::task::{Context, Poll, Waker};

use crate::server::Turns;
use crate::sync::{Mutex, lock};

/// The tasks that wait for their turn.
pub(super) struct Computing(Mutex<State>);

struct State {
    turns: Turns,
    last_id: u64,
    /// Those whose turn has not come.
    tasks: HashMap<u64, Waker>,
}

/// A task's turn, which ends when this is dropped.
pub(super) struct Turn<'a> {
    computing: &'a Computing,
    /// 0 before it waits.
    id: u64,
}

impl Computing {
    /// For so many tasks at a time.
    pub(super) fn new(at_a_time: usize) -> Self {
        let turns = Turns::new(at_a_time);
        Self(Mutex::new(State { turns, last_id: 0, tasks: HashMap::new() }))
    }

    /// Waits for a turn, for a client at this address.
    ///
    /// The turn never comes at once: all tasks that can run come to wait first, so that the turns
    /// are not taken in the order in which an executor runs its tasks.
    pub(super) async fn turn(&self, address: Option<IpAddr>) -> Turn<'_> {
        let mut turn = Turn { computing: self, id: 0 };
        poll_fn(|cx| turn.poll(address, cx)).await;
        turn
    }
}

impl State {
    /// Begins what can begin. The tasks to wake, where no lock is held.
    fn begin(&mut self) -> Vec<Waker> {
        let mut begun = Vec::new();
        while let Some(id) = self.turns.begin() {
            begun.extend(self.tasks.remove(&id));
        }
        begun
    }
}

impl Turn<'_> {
    fn poll(&mut self, address: Option<IpAddr>, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.computing.0);
        if self.id != 0 {
            return match state.tasks.get_mut(&self.id) {
                Some(waker) => {
                    waker.clone_from(cx.waker());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            };
        }
        state.last_id += 1;
        self.id = state.last_id;
        state.tasks.insert(self.id, cx.waker().clone());
        state.turns.wait(self.id, address);
        let begun = state.begin();
        drop(state);
        begun.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.id == 0 {
            return;
        }
        let mut state = lock(&self.computing.0);
        let waited = state.tasks.remove(&self.id);
        match &waited {
            Some(_) => state.turns.give_up(self.id),
            None => state.turns.end(),
        }
        let begun = state.begin();
        drop(state);
        drop(waited);
        begun.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_turn_comes_when_another_ends_and_never_at_once() {
        let computing = Computing::new(1);
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        let mut first = pin!(computing.turn(address(1)));
        let mut second = pin!(computing.turn(address(1)));
        let mut other = pin!(computing.turn(address(2)));
        assert!(poll(first.as_mut()).is_none(), "others may come first");
        assert!(poll(second.as_mut()).is_none() && poll(other.as_mut()).is_none());
        let turn = poll(first.as_mut()).expect("it is the first one's turn");
        assert!(poll(second.as_mut()).is_none() && poll(other.as_mut()).is_none());
        drop(turn);
        let turn = poll(second.as_mut()).expect("it is the second one's turn");
        assert!(poll(other.as_mut()).is_none());
        drop(turn);
        assert!(poll(other.as_mut()).is_some());
    }

    #[test]
    fn a_task_that_is_dropped_keeps_no_turn() {
        let computing = Computing::new(1);
        {
            let mut begun = pin!(computing.turn(None));
            let mut waits = pin!(computing.turn(None));
            assert!(poll(begun.as_mut()).is_none() && poll(waits.as_mut()).is_none());
        }
        let mut next = pin!(computing.turn(None));
        assert!(poll(next.as_mut()).is_none());
        assert!(poll(next.as_mut()).is_some());
        assert!(lock(&computing.0).tasks.is_empty());
    }
}
