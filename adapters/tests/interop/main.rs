//! Talks to other people's WebSockets, both ways: Python's `websockets`, Node's `ws`, Chromium; and
//! through other people's proxies.
//!
//! `tools/install-peers` installs them. Where one is missing, its tests say so and pass, unless
//! `BLUEWIRE_PEERS_REQUIRED` is set. All of it runs on the loopback interface, on ports that the
//! system chooses.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/watchdog.rs"]
mod watchdog;

/// Makes tests of a function: one for each way that this crate can be used.
macro_rules! with_each {
    ($test:ident) => {
        mod $test {
            use crate::ours::Ours;

            #[test]
            fn blocking() {
                let _bound = crate::watchdog::bound();
                super::$test(Ours::Blocking);
            }

            #[test]
            fn smol() {
                let _bound = crate::watchdog::bound();
                super::$test(Ours::Smol);
            }

            #[test]
            fn blocking_facade() {
                let _bound = crate::watchdog::bound();
                super::$test(Ours::BlockingFacade);
            }

            #[test]
            fn smol_facade() {
                let _bound = crate::watchdog::bound();
                super::$test(Ours::SmolFacade);
            }

            #[cfg(feature = "tokio")]
            #[test]
            fn tokio() {
                let _bound = crate::watchdog::bound();
                super::$test(Ours::Tokio);
            }

            #[cfg(feature = "tokio")]
            #[test]
            fn tokio_facade() {
                let _bound = crate::watchdog::bound();
                super::$test(Ours::TokioFacade);
            }
        }
    };
}

mod browser;
mod chat;
mod chromium;
#[cfg(unix)]
mod cluster;
#[cfg(all(unix, feature = "_tls"))]
mod deployed;
mod node;
mod ours;
mod peer;
mod proxies;
mod python;
#[path = "../common/runtimes.rs"]
mod runtimes;
#[cfg(feature = "_tls")]
#[path = "../common/tls.rs"]
mod tls;
