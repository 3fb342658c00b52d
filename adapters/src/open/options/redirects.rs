//! Which redirects are followed, and what another origin is shown.

use super::ConnectOptions;

/// Headers of the caller's that another origin may see. Any other may be a credential, whatever it
/// is called.
const HARMLESS: [&str; 3] = ["Accept-Language", "Origin", "User-Agent"];

impl ConnectOptions {
    /// Follows at most this many redirects. 0 by default: a redirect is then
    /// [`ConnectError::Refused`](crate::ConnectError::Refused), with its head and its body.
    ///
    /// RFC 6455 leaves redirects to the client (section 4.1: "the server might redirect the client
    /// using a 3xx status code (but clients are not required to follow them)"). A redirect has status
    /// 301, 302, 303, 307 or 308 (RFC 9110, section 15.4) and one `Location`. The location may be
    /// relative, and `http` and `https` in it mean `ws` and `wss`. All requests share one
    /// [timeout](Self::timeout). Each request chooses its [proxy](Self::proxy) anew. `Retry-After` is
    /// ignored.
    ///
    /// Some redirects are not followed and give
    /// [`ConnectError::Redirect`](crate::ConnectError::Redirect) with the reason: from `wss` to
    /// `ws`, in a circle, to or from a Unix socket, above the limit, or with a user name, a
    /// fragment or another scheme in the `Location`.
    ///
    /// A server at another origin gets no credentials. Another origin means another scheme, host or
    /// port, and `wss` instead of `ws` counts. Such a server gets only the [headers](Self::header)
    /// `Accept-Language`, `Origin` and `User-Agent`. It gets no user name, password or client
    /// certificate, and [addresses](Self::addresses) no longer apply. This stays so if a later
    /// redirect leads back.
    ///
    /// It does get the [subprotocols](Self::protocol), so do not put a token into one if you follow
    /// redirects. The trusted certificates stay the same. A connector of async-tls is not used at
    /// another origin, because it may show a client certificate.
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
