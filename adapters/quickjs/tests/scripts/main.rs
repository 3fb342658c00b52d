//! Scripts, run by `bluewire-js` against servers here: each sentence of the interface, in
//! JavaScript.

#[path = "../../../tests/common/peer.rs"]
#[allow(dead_code, reason = "not every method is needed here")]
mod peer;

mod bounds;
mod closing;
mod events;
mod lifetime;
mod page;
mod run;
mod runner;
mod sending;

/// How long a peer waits.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
