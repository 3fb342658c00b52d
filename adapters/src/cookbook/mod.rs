//! Short, complete recipes. The tests run each of them.
//!
//! Most recipes use the blocking adapter, because it gives the shortest examples. The adapters for
//! smol and tokio have the same names: add `.await` to the calls. Longer guides are in the book,
//! `docs/book`.

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
