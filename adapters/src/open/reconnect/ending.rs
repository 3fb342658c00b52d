//! How an attempt or a connection ended, and whether another one may fare better.

use std::time::Duration;

use bluewire_core::{ClosedBy, Closure, Fault, HandshakeError, ResponseHead, Timeout};

use crate::open::error::ConnectError;
use crate::open::error::{ProxyError, SocksReply};
#[cfg(feature = "_tls")]
use crate::tls::TlsError;

/// How an attempt to connect, or a connection, ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Ending<'a> {
    /// There was no connection.
    Unopened(&'a ConnectError),
    /// The connection was open, and ended so.
    Closed(&'a Closure),
}

/// Another attempt will come: what `Reconnecting::on_retry` reports, in either adapter.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryEvent<'a> {
    /// How many retries in a row this one makes, counted from the beginning or from the last
    /// [stable](super::Reconnect::stable_after) connection.
    pub retry: u32,
    /// The time from now to that attempt.
    pub delay: Duration,
    /// Why it comes: how the attempt failed, or how the connection ended. `None` if the program has
    /// not reported how its connection ended.
    pub ending: Option<Ending<'a>>,
}

impl<'a> Ending<'a> {
    /// Whether the next attempt may fare better, as the [table](super#what-is-worth-a-retry) says.
    #[must_use]
    pub fn is_worth_retrying(self) -> bool {
        match self {
            Self::Unopened(error) => may_pass(error),
            Self::Closed(closure) => is_untimely(closure),
        }
    }

    /// Whether this end wanted it.
    pub(super) fn was_wanted(self) -> bool {
        matches!(self, Self::Unopened(ConnectError::Abandoned))
    }

    /// The response, where the server or a proxy refused.
    pub(super) fn response(self) -> Option<&'a ResponseHead> {
        match self {
            Self::Unopened(
                ConnectError::Refused(refusal) | ConnectError::Proxy(ProxyError::Refused(refusal)),
            ) => Some(refusal.head()),
            Self::Unopened(ConnectError::Redirect(error)) => Some(error.refusal().head()),
            _ => None,
        }
    }
}

fn may_pass(error: &ConnectError) -> bool {
    match error {
        ConnectError::Resolve { .. }
        | ConnectError::Unreachable { .. }
        | ConnectError::UnixSocket { .. }
        | ConnectError::Io(_)
        | ConnectError::TimedOut { .. } => true,
        ConnectError::Refused(refusal) => status_may_pass(refusal.head().status()),
        ConnectError::Proxy(error) => proxy_may_pass(error),
        // It went away in the middle of its answer.
        ConnectError::Handshake(error) => matches!(error, HandshakeError::ConnectionLost),
        #[cfg(feature = "_tls")]
        ConnectError::Tls(error) => matches!(
            error,
            TlsError::EndedInHandshake
                | TlsError::Truncated
                | TlsError::TimedOut(_)
                | TlsError::Io(_)
        ),
        ConnectError::Url(_)
        | ConnectError::Header(_)
        | ConnectError::Redirect(_)
        | ConnectError::TlsUnavailable
        | ConnectError::Abandoned => false,
        #[cfg(feature = "hyper")]
        ConnectError::ExtendedConnectUnavailable => false,
    }
}

fn proxy_may_pass(error: &ProxyError) -> bool {
    match error {
        ProxyError::Resolve { .. }
        | ProxyError::Unreachable { .. }
        | ProxyError::Closed
        | ProxyError::Io(_) => true,
        ProxyError::Refused(refusal) => status_may_pass(refusal.head().status()),
        ProxyError::Socks(reply) => matches!(
            reply,
            SocksReply::GeneralFailure
                | SocksReply::NetworkUnreachable
                | SocksReply::HostUnreachable
                | SocksReply::ConnectionRefused
                | SocksReply::TtlExpired
        ),
        ProxyError::Url(_)
        | ProxyError::Http(_)
        | ProxyError::NoAcceptableMethod
        | ProxyError::AuthenticationRefused
        | ProxyError::NotSocks5
        | ProxyError::NameTooLong => false,
    }
}

/// RFC 9110, section 15, and for 425 and 429 RFC 8470 and RFC 6585.
fn status_may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Whether neither end had in mind that the connection ends for good.
fn is_untimely(closure: &Closure) -> bool {
    match closure.fault {
        Some(Fault::Timeout(Timeout::Idle | Timeout::Pong | Timeout::Message)) => true,
        // It would happen again.
        Some(Fault::Protocol(_) | Fault::Application(_)) => false,
        _ => closure.closed_by != ClosedBy::Local && code_may_pass(closure.code.value()),
    }
}

fn code_may_pass(code: u16) -> bool {
    matches!(code, 1001 | 1006 | 1011 | 1012 | 1013 | 1014)
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
