//! Short recipes, each complete, and each run by the tests.
//!
//! Most use the blocking adapter, which makes for the shortest examples. The adapters for smol and
//! tokio have the same names: put `.await` behind the calls.

pub mod another_runtime;
pub mod backpressure;
pub mod broadcast;
pub mod headers;
pub mod hyper;
pub mod keepalive;
pub mod large_messages;
pub mod proxies;
pub mod reconnecting;
pub mod shutdown;
pub mod subprotocols;
#[cfg(feature = "testkit")]
pub mod testing;
pub mod tls_roots;
