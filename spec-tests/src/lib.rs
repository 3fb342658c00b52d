//! Bluewire held against RFC 6455, RFC 7692 and the Autobahn cases.
//!
//! ```sh
//! cargo run --release -p bluewire-spec-tests                      # everything; report.html
//! cargo run --release -p bluewire-spec-tests -- --only 6.4.1      # one case, every octet
//! cargo run --release -p bluewire-spec-tests -- --section 7 --target blocking
//! cargo run -p bluewire-spec-tests -- --matrix                    # MATRIX.md
//! cargo test -p bluewire-spec-tests
//! ```
//!
//! Two kinds of tests, which share one tester:
//!
//! - **Cases.** [`cases`] are the 517 of Autobahn|Testsuite, as data ([`case`]). The [`fuzzer`]
//!   is the end that runs one against an echo peer and judges it; it does no IO and has no clock.
//!   A [`target`] is such a peer: the engine in memory on virtual time ([`pair`]), its input cut
//!   in eight ways ([`cutting`]), or an adapter over TCP. [`run`] runs them all, [`report`] tells
//!   what came of it.
//! - **Requirements.** [`requirements`] are what the RFCs demand, one by one. The tests in
//!   `tests/` prove them on an [`endpoint`] with literal bytes, for both roles; each says which by
//!   [`covers!`], and [`matrix`] keeps the account.
//!
//! The tester's own frames ([`wire`]), receiver ([`receiver`]), opening handshake ([`opening`]) and
//! echo peer ([`mod@reference`]) are slow, plain, and share nothing with the engine: what they
//! agree on was understood twice. `tests/fuzzer.rs` tests the tester.
#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "unpublished: whoever matches on these is built with them"
)]

pub mod case;
pub mod cases;
pub mod cutting;
pub mod data;
pub mod deflate;
pub mod digest;
pub mod endpoint;
pub mod fuzzer;
pub mod matrix;
pub mod opening;
pub mod pair;
pub mod payload;
pub mod random;
pub mod receiver;
pub mod reference;
pub mod report;
pub mod requirements;
pub mod run;
pub mod target;
pub mod wire;
