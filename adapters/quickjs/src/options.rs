//! The permissions that a host gives to scripts.

use bluewire::Url;

/// The permissions of scripts, as far as the host decides them.
///
/// ```
/// use bluewire_quickjs::SocketsOptions;
///
/// let options = SocketsOptions::default().unix_sockets(true);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketsOptions {
    unix_sockets: bool,
}

impl SocketsOptions {
    /// Allows scripts to connect to Unix sockets, by `ws+unix:` URLs. They may not by default:
    /// `create` throws. A connection sends a request with headers of the script's choice to any
    /// socket that the process may open, and servers behind Unix sockets often trust all who reach
    /// them. Allow it to scripts only that you trust with those servers.
    #[must_use]
    pub const fn unix_sockets(mut self, unix_sockets: bool) -> Self {
        self.unix_sockets = unix_sockets;
        self
    }

    /// Whether a script may connect to this URL. Text that is not a URL is refused elsewhere.
    pub(crate) fn allows(self, url: &str) -> bool {
        self.unix_sockets || !url.parse::<Url>().is_ok_and(|url| is_local(&url))
    }
}

#[cfg(unix)]
fn is_local(url: &Url) -> bool {
    url.socket_path().is_some()
}

#[cfg(not(unix))]
fn is_local(_: &Url) -> bool {
    false
}
