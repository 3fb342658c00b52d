//! Which redirects are followed, and what another origin is shown.

use super::ConnectOptions;

/// Headers of the caller's that another origin may see. Any other may be a credential, whatever it
/// is called.
const HARMLESS: [&str; 3] = ["Accept-Language", "Origin", "User-Agent"];

impl ConnectOptions {
    /// Follows up to so many redirects. None by default: then an answer that redirects is
    /// [`ConnectError::Refused`](crate::ConnectError::Refused), with its head and its body.
    ///
    /// RFC 6455 leaves it to the client (section 4.1: "the server might redirect the client using a
    /// 3xx status code (but clients are not required to follow them)"). These are the statuses 301,
    /// 302, 303, 307 and 308 (RFC 9110, section 15.4), with one `Location`, which may be relative,
    /// and in which `http` stands for `ws` and `https` for `wss`. All requests together have the
    /// [time](Self::timeout) that one has, in which no `Retry-After` is waited for, and each chooses
    /// its [proxy](Self::proxy) anew.
    ///
    /// What is not followed is [`ConnectError::Redirect`](crate::ConnectError::Redirect), which says why: one that leads from `wss`
    /// to `ws`, in a circle, or to or away from a Unix socket; one too many; a `Location` with a user
    /// name, a fragment, or another scheme.
    ///
    /// At another origin, which is another scheme, host or port (`wss` in place of `ws` too), the
    /// server sees no credentials: of the [headers](Self::header) it gets `Accept-Language`, `Origin`
    /// and `User-Agent` alone, nothing of the URL's user name and password, and no client
    /// certificate. The [addresses](Self::addresses), which are the first server's, do not count
    /// there. What was left behind does not come back if the way does. What it does get are the
    /// [subprotocols](Self::protocol): one that holds a token is not for a client that follows
    /// redirects. Whom to trust by TLS stays as it is set. A connector of async-tls cannot be asked
    /// for the certificate that it shows, so that it is not taken to another origin.
    ///
    /// ```
    /// use bluewire::ConnectOptions;
    ///
    /// let options = ConnectOptions::new("wss://server.example/").redirects(5);
    /// ```
    #[must_use]
    pub fn redirects(mut self, max: u32) -> Self {
        self.redirects_max = max;
        self
    }

    /// The same for another origin.
    pub(crate) fn at_another_origin(&mut self) {
        let is_harmless = |name: &str| HARMLESS.iter().any(|it| it.eq_ignore_ascii_case(name));
        self.headers.0.retain(|(name, _)| is_harmless(name));
        self.addresses = None;
    }
}
