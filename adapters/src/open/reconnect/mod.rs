//! Connecting again: after how long, and after what.
//!
//! Ask for it by [`ConnectOptions::reconnect`](crate::ConnectOptions::reconnect). The callback
//! facade then goes on by itself ([what changes there](crate::facade#reconnecting)); the direct API
//! has `Reconnecting` in either adapter, which hands out one connection after the other. A program
//! with IO of its own takes [`Retries`], which only decides.
//!
//! # After how long
//!
//! The delay begins at [`first_delay`](Reconnect::first_delay) and is multiplied by
//! [`factor`](Reconnect::factor) from one retry to the next, up to
//! [`delay_max`](Reconnect::delay_max); of that, a part is chosen at random
//! ([`Jitter`]). By default that is anything from nothing to 5, 10, 20, 40, then always 60 seconds,
//! as RFC 6455 (section 7.2.3) recommends. It begins anew after a connection that was open for
//! [`stable_after`](Reconnect::stable_after).
//!
//! Where a server refuses with `Retry-After`, in seconds or as a date, that time comes in addition,
//! up to [`retry_after_max`](Reconnect::retry_after_max): clients that were told the same time do
//! not all come at it.
//!
//! Every attempt begins at the URL of the options, wherever
//! [redirects](crate::ConnectOptions::redirects) led before.
//!
//! # What is worth a retry
//!
//! | the attempt failed: | again? |
//! | --- | --- |
//! | name not found, or the resolver failed | yes |
//! | no address reached: refused, unreachable, no answer | yes |
//! | any phase took too long | yes |
//! | the connection broke off, during TLS or the opening handshake | yes |
//! | TLS: a certificate, an alert, another protocol, a setting | no |
//! | refused with 408, 425, 429, 500, 502, 503, 504 | yes |
//! | refused with any other status (400, 401, 403, 404, 426...) | no |
//! | a redirect that cannot be followed | no |
//! | the proxy was not found, not reached or broke off; it refused with one of these statuses, or by SOCKS could not reach the host | yes |
//! | the proxy has anything else against it, such as the credentials | no |
//! | the server's response breaks a rule | no |
//! | the URL, a header or a subprotocol is not valid; TLS is not built in | no |
//! | given up by a [`Canceller`](crate::Canceller), a `close`, or dropping the last handle | never |
//!
//! | the connection ended: | again? |
//! | --- | --- |
//! | 1001 (going away), 1006 (no Close frame), 1011 (internal error), 1012 (restart), 1013 (try again later), 1014 (bad gateway) | yes |
//! | any other code: 1000, 1002, 1003, 1005, 1007 to 1010, 3000 to 4999 | no |
//! | the peer was silent for too long, or did not finish a message | yes |
//! | this end closed or failed it, or the peer broke the protocol | no |
//!
//! [`Ending::is_worth_retrying`] is this table; [`Reconnect::when`] puts a rule of yours in its
//! place.

mod course;
mod ending;
mod retries;
mod retry_after;
#[cfg(test)]
mod samples;
mod settings;

pub(crate) use course::{Course, Retry};
pub use ending::{Ending, RetryEvent};
pub use retries::Retries;
pub use settings::{Jitter, Reconnect};
