//! The way to a server, without the IO: what to do next, and what came of it.

mod cancel;
mod plan;
mod race;

pub use cancel::Canceller;
#[cfg(feature = "blocking")]
pub(crate) use cancel::Watch;
pub(crate) use plan::{Budget, Came, Plan, Step, Target, Timeouts};
