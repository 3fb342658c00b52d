//! Reconnection: when a client connects again, and after which failures.
//!
//! Turn it on with [`ConnectOptions::reconnect`](crate::ConnectOptions::reconnect). The callback API
//! then reconnects by itself; see [its page](crate::facade#reconnecting). The direct API has
//! `Reconnecting` in each adapter, which gives you one connection after the other. If your program
//! does its own IO, use [`Retries`], which only decides.
//!
//! # The delay
//!
//! The delay starts at [`first_delay`](Reconnect::first_delay). Each retry multiplies it by
//! [`factor`](Reconnect::factor), up to [`delay_max`](Reconnect::delay_max). The actual delay is a
//! random part of that ([`Jitter`]). By default, the upper ends are 5, 10, 20, 40 and then always 60
//! seconds, and the lower end is 0, as RFC 6455 (section 7.2.3) recommends. The delay starts again
//! after a connection that was open for [`stable_after`](Reconnect::stable_after).
//!
//! If a server refuses with `Retry-After`, in seconds or as a date, this time is added, up to
//! [`retry_after_max`](Reconnect::retry_after_max). So clients that got the same time do not all
//! return at that time.
//!
//! Every attempt starts at the URL of the options, even if earlier attempts were
//! [redirected](crate::ConnectOptions::redirects).
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
//! | the proxy refused for another reason, such as wrong credentials | no |
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
//! [`Ending::is_worth_retrying`] implements this table. [`Reconnect::when`] replaces it with a rule
//! of yours.

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
