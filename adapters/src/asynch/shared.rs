//! The state that the reader and the writers of one connection share.
//!
//! One lock, held inside of polls only, guards the driver and the stream. A task registers before
//! it looks, and is woken after the lock was released.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bluewire_core::Closure;

use super::caller::{Caller, Event, Keys, Wakers};
use super::exchange::Exchange;
use super::io::News;
use super::runtime::Runtime;
use super::spare;
use super::transport::AsyncTransport;
use crate::drive::{Arrivals, Budget, Goal, Intake, Purpose};
use crate::error::Error;
use crate::open::request::Established;
use crate::sync::{Mutex, lock, try_lock};

pub(super) struct Shared<R: Runtime, S> {
    state: Mutex<State<R, S>>,
    wakers: Wakers,
    pub(super) established: Established,
}

/// The state that the lock guards.
pub(super) struct State<R: Runtime, S> {
    pub(super) exchange: Exchange<R, S>,
    /// The arrivals that the reader left when it was dropped.
    parked: Option<Box<Arrivals>>,
}

impl<R: Runtime, S> Shared<R, S> {
    pub(super) fn new(exchange: Exchange<R, S>, established: Established) -> Self {
        let state = Mutex::new(State { exchange, parked: None });
        Self { state, wakers: Wakers::default(), established }
    }

    /// Takes a step for a task that may have to wait.
    pub(super) fn poll<T>(
        &self,
        keys: &mut Keys,
        cx: &Context<'_>,
        step: impl FnOnce(&mut State<R, S>, &mut Caller<'_>) -> T,
    ) -> T {
        let caller = Caller::among(&self.wakers, keys, cx.waker());
        let (result, news, changed) = self.step(caller, step);
        self.spread(news, changed, keys);
        result
    }

    /// The same for a call that does not wait.
    pub(super) fn call<T>(&self, step: impl FnOnce(&mut State<R, S>, &mut Caller<'_>) -> T) -> T {
        let (result, news, changed) = self.step(Caller::passing(&self.wakers), step);
        self.spread(news, changed, &mut Keys::default());
        result
    }

    /// Looks at the state, unless another thread uses it.
    pub(super) fn try_look<T>(&self, look: impl FnOnce(&State<R, S>) -> T) -> Option<T> {
        try_lock(&self.state).map(|state| look(&state))
    }

    fn step<T>(
        &self,
        mut caller: Caller<'_>,
        step: impl FnOnce(&mut State<R, S>, &mut Caller<'_>) -> T,
    ) -> (T, News, bool) {
        let mut state = lock(&self.state);
        let stage = state.exchange.driver.stage();
        let result = step(&mut state, &mut caller);
        let Exchange { io, driver } = &mut state.exchange;
        let mut news = io.take_news();
        news.wrote = news.wrote && caller.take_write_waits();
        (result, news, stage != driver.stage())
    }

    /// Wakes the tasks that have to look again, other than the one with these keys. No lock is
    /// held: a waker can run anything.
    fn spread(&self, news: News, changed: bool, keys: &mut Keys) {
        if changed {
            return self.wakers.wake_all_others(keys);
        }
        if news.wrote {
            self.wakers.wake_others(Event::Write, keys);
        }
        if news.rang {
            self.wakers.wake_others(Event::Time, keys);
        }
    }

    /// Waits for what the step is ready with.
    pub(super) fn wait<F, T>(&self, step: F) -> Wait<'_, R, S, F>
    where
        F: FnMut(&mut State<R, S>, &mut Caller<'_>) -> Poll<T>,
    {
        Wait { shared: self, keys: Keys::default(), waits: true, step }
    }

    /// Forgets a task that polled through a handle.
    pub(super) fn remove(&self, keys: &Keys) {
        self.wakers.leave(keys);
    }

    /// Takes what the reader leaves.
    pub(super) fn park(&self, arrivals: Option<Box<Arrivals>>) {
        lock(&self.state).parked = arrivals;
        // Somebody else has to read now.
        self.wake_all();
    }

    /// Wakes all tasks that wait.
    pub(super) fn wake_all(&self) {
        self.wakers.wake_all_others(&mut Keys::default());
    }

    pub(super) fn closure(&self) -> Option<Closure> {
        lock(&self.state).exchange.driver.closure().cloned()
    }

    /// How many wakers are registered.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.wakers.len()
    }

    pub(super) fn queue_len(&self) -> usize {
        lock(&self.state).exchange.driver.queue_len()
    }
}

/// A step that is taken until it is ready. It is registered for as long as it lives.
///
/// It is written by hand, since tasks keep it for as long as their connections are idle: an async
/// function would be twice as large.
pub(super) struct Wait<'a, R: Runtime, S, F> {
    shared: &'a Shared<R, S>,
    keys: Keys,
    /// Whether the step was not ready yet.
    waits: bool,
    step: F,
}

impl<R, S, F, T> Future for Wait<'_, R, S, F>
where
    R: Runtime,
    F: FnMut(&mut State<R, S>, &mut Caller<'_>) -> Poll<T> + Unpin,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self { shared, keys, waits, step } = &mut *self;
        let polled = shared.poll(keys, cx, step);
        *waits = polled.is_pending();
        polled
    }
}

impl<R: Runtime, S, F> Drop for Wait<'_, R, S, F> {
    fn drop(&mut self) {
        match self.waits {
            true => self.shared.wakers.leave(&self.keys),
            false => self.shared.wakers.remove(&self.keys),
        }
    }
}

impl<R: Runtime, S: AsyncTransport<R>> State<R, S> {
    /// As [`Exchange::poll_reach`], for a writer.
    pub(super) fn poll_reach(
        &mut self,
        goal: Goal,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        let (exchange, mut intake) = self.parts();
        ready!(exchange.poll_reach(goal, &mut intake, caller))?;
        spare::take_back(None, Some(exchange.driver.outbox_mut()));
        Poll::Ready(Ok(()))
    }

    /// As [`Exchange::poll_end`], for a writer.
    pub(super) fn poll_end(
        &mut self,
        budget: Option<&mut Budget>,
        caller: &mut Caller<'_>,
    ) -> Poll<Closure> {
        let (exchange, mut intake) = self.parts();
        exchange.poll_end(&mut intake, budget, caller)
    }

    /// The parts that a writer uses. It handles arrivals itself once the reader is gone.
    pub(super) fn parts(&mut self) -> (&mut Exchange<R, S>, Intake<'_>) {
        let intake = match &mut self.parked {
            Some(arrivals) => Intake::Arrivals(arrivals, Purpose::Discard),
            None => Intake::Nowhere,
        };
        (&mut self.exchange, intake)
    }
}
