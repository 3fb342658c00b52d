//! The lookup of one attempt, and the waker for its result.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::task::Waker;

use super::lookup::Lookup;
use crate::open::error::ConnectError;
use crate::sync::{Mutex, lock};

/// The lookup that an attempt waits for, if it waits for one.
#[derive(Debug, Default)]
pub(crate) struct Resolving(Option<(Lookup, Arc<Mutex<Found>>)>);

/// The result, or the waker of whoever waits for it.
#[derive(Debug, Default)]
struct Found {
    result: Option<io::Result<Vec<SocketAddr>>>,
    waker: Option<Waker>,
}

impl Resolving {
    /// Begins to look up the addresses of a host by the system's resolver.
    pub(crate) fn begin(&mut self, host: String, port: u16) {
        let found = Arc::<Mutex<Found>>::default();
        let told = Arc::clone(&found);
        let lookup = Lookup::begin(host, port, resolve, move |result| {
            let waker = {
                let mut found = lock(&told);
                found.result = Some(result);
                found.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        });
        self.0 = Some((lookup, found));
    }

    /// Takes the result. Without one, the result will wake this waker.
    pub(crate) fn take(&mut self, waker: &Waker) -> Option<io::Result<Vec<SocketAddr>>> {
        let (_, found) = self.0.as_ref()?;
        let result = {
            let mut found = lock(found);
            found.waker = Some(waker.clone());
            found.result.take()
        }?;
        self.0 = None;
        Some(result)
    }

    /// The error with which the attempt ended, which says so if its lookup could not even begin.
    pub(crate) fn explain(&self, error: ConnectError) -> ConnectError {
        match &self.0 {
            Some((lookup, _)) => lookup.explain(error),
            None => error,
        }
    }
}

fn resolve(host: &str) -> io::Result<Vec<SocketAddr>> {
    (host, 0).to_socket_addrs().map(Iterator::collect)
}
