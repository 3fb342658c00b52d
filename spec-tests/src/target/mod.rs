//! The targets: the implementations under test, in each role.

#[cfg(feature = "adapters")]
mod adapter;
mod engine;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "adapters")]
mod socket;

use crate::case::{Case, Role};
use crate::cutting::Cutting;
use crate::fuzzer::Fuzzer;
use crate::pair;
use crate::reference::Reference;

#[cfg(feature = "adapters")]
pub use adapter::Adapter;
pub use engine::{Echo, Engine};
#[cfg(feature = "http")]
pub use http::Axum;

/// An implementation under test in one role: an echo peer that can be started again and again.
pub trait Target: Sync {
    /// Its name in reports, such as `engine server`.
    fn name(&self) -> String;

    /// The role it plays; the fuzzer plays the other.
    fn role(&self) -> Role;

    /// The ways in which its input is to be cut, each a run of its own.
    fn cuttings(&self, case: &Case) -> Vec<Cutting>;

    /// Whether the long loops of compressed messages are run to their end: see
    /// [`Case::shortened`].
    fn runs_in_full(&self) -> bool {
        false
    }

    /// Starts an echo peer and lets the fuzzer run its case against it, to the end.
    fn run(&self, fuzzer: &mut Fuzzer<'_>, cutting: Cutting);
}

/// All targets of a plain run.
#[must_use]
pub fn all() -> Vec<Box<dyn Target>> {
    let mut targets = engine();
    targets.extend(adapters());
    targets
}

/// None of the adapters, which are not built.
#[cfg(not(feature = "adapters"))]
#[must_use]
pub const fn adapters() -> Vec<Box<dyn Target>> {
    Vec::new()
}

/// The adapters over TCP, in both roles.
#[cfg(feature = "adapters")]
#[must_use]
pub fn adapters() -> Vec<Box<dyn Target>> {
    Adapter::ALL.into_iter().map(|adapter| Box::new(adapter) as _).collect()
}

/// The server under axum: over TCP, and through one HTTP/2 connection.
#[cfg(feature = "http")]
#[must_use]
pub fn http() -> Vec<Box<dyn Target>> {
    Axum::ALL.into_iter().map(|target| Box::new(target) as _).collect()
}

/// The engine in memory, in both roles, whole and in chunks.
#[must_use]
pub fn engine() -> Vec<Box<dyn Target>> {
    let mut targets: Vec<Box<dyn Target>> = Vec::new();
    for echo in [Echo::Whole, Echo::Chunks] {
        for role in [Role::Server, Role::Client] {
            targets.push(Box::new(Engine { role, echo }));
        }
    }
    targets
}

/// Targets that are run only when asked for by name: the tester's own echo peer.
#[must_use]
pub fn hidden() -> Vec<Box<dyn Target>> {
    vec![Box::new(SelfTest(Role::Server)), Box::new(SelfTest(Role::Client))]
}

/// The tester against itself.
struct SelfTest(Role);

impl Target for SelfTest {
    fn name(&self) -> String {
        format!("reference {}", self.0)
    }

    fn role(&self) -> Role {
        self.0
    }

    fn cuttings(&self, case: &Case) -> Vec<Cutting> {
        Cutting::all(case)
    }

    fn run(&self, fuzzer: &mut Fuzzer<'_>, cutting: Cutting) {
        pair::run(fuzzer, &mut Reference::new(self.0, 7), cutting);
    }
}
