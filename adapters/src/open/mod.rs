//! Everything before the first frame, without IO.
//!
//! Each module uses only those above it:
//!
//! | module | what it is |
//! | --- | --- |
//! | `error` | why there is no connection |
//! | `url` | URLs and references to them |
//! | `proxy` | which proxy to take, and what is said to it |
//! | `reconnect` | whether and when to try again |
//! | `options` | what a program asks for |
//! | `redirect` | what is asked next after a redirect |
//! | `plan` | the steps to a stream: a race of addresses (RFC 8305), and how long each may take |
//! | `request` | the opening handshake of either side, up to the open connection |

pub(crate) mod error;
pub(crate) mod options;
#[cfg(test)]
mod options_tests;
pub(crate) mod plan;
pub(crate) mod proxy;
pub mod reconnect;
pub(crate) mod redirect;
pub(crate) mod request;
#[cfg(test)]
mod secret_tests;
pub(crate) mod url;
