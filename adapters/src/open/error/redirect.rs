//! Why a redirect was not followed.

use std::fmt;

use bluewire_core::Refusal;

use super::url::UrlError;
use crate::wording::debug_in_sentences;

/// A redirect that was not followed, though [`ConnectOptions::redirects`] allows some. Neither the
/// text nor `Debug` shows the `Location`, which can hold secrets.
///
/// [`ConnectOptions::redirects`]: crate::ConnectOptions::redirects
pub struct RedirectError {
    reason: RedirectReason,
    refusal: Box<Refusal>,
}

impl RedirectError {
    pub(crate) const fn new(reason: RedirectReason, refusal: Box<Refusal>) -> Self {
        Self { reason, refusal }
    }

    /// Why it was not followed.
    #[must_use]
    pub const fn reason(&self) -> RedirectReason {
        self.reason
    }

    /// The last answer that redirects.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

/// Why a redirect was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectReason {
    /// It has no `Location`, several, or one that is not text.
    NoLocation,
    /// Its `Location` does not lead to the URL of a WebSocket.
    Location(UrlError),
    /// Its `Location` has a user name or a password (RFC 9110, section 4.2.4).
    UserInfo,
    /// It leads from `wss` to `ws`, which is not encrypted.
    Downgrade,
    /// It leads to a URL that was visited before.
    Loop,
    /// The limit of [`ConnectOptions::redirects`] was reached.
    ///
    /// [`ConnectOptions::redirects`]: crate::ConnectOptions::redirects
    TooMany(u32),
    /// It leads to a Unix socket, or from one to another server. A relative redirect is fine.
    UnixSocket,
    /// It leads to another origin, and the connector of async-tls may show a client certificate
    /// there.
    #[cfg(feature = "_tls")]
    Connector,
}

impl From<UrlError> for RedirectReason {
    fn from(error: UrlError) -> Self {
        Self::Location(error)
    }
}

impl fmt::Display for RedirectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLocation => f.write_str("it has no single, valid Location"),
            Self::Location(error) => write!(f, "its Location cannot be used: {error}"),
            Self::UserInfo => f.write_str("its Location has a user name or a password"),
            Self::Downgrade => f.write_str("it leads from wss to ws, which is not encrypted"),
            Self::Loop => f.write_str("it leads in a circle"),
            Self::TooMany(max) => {
                write!(f, "ConnectOptions::redirects allows no more than {max}")
            }
            Self::UnixSocket => f.write_str("it leads to a Unix socket, or away from one"),
            #[cfg(feature = "_tls")]
            Self::Connector => f.write_str(
                "it leads to another origin, to which the connector of async-tls may show a \
                 client certificate",
            ),
        }
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.refusal.head().status();
        write!(f, "the server's redirect ({status}) was not followed: {}", self.reason)
    }
}

/// The sentence has its cause in it.
impl std::error::Error for RedirectError {}

debug_in_sentences!(RedirectError);
