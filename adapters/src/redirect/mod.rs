//! From an answer that redirects to the request that follows it (RFC 9110, section 15.4).

mod error;

use bluewire_core::Refusal;

use crate::connect::{ConnectOptions, Request};
use crate::connect_error::ConnectError;
use crate::url::Url;

pub use error::{RedirectError, RedirectReason};

/// Headers of the caller's that another origin may see. Any other may be a credential, whatever it
/// is called.
const HARMLESS: [&str; 3] = ["Accept-Language", "Origin", "User-Agent"];

impl ConnectOptions {
    /// Follows up to so many redirects. None by default: then an answer that redirects is
    /// [`ConnectError::Refused`], with its head and its body.
    ///
    /// RFC 6455 leaves it to the client (section 4.1: "the server might redirect the client using a
    /// 3xx status code (but clients are not required to follow them)"). These are the statuses 301,
    /// 302, 303, 307 and 308 (RFC 9110, section 15.4), with one `Location`, which may be relative,
    /// and in which `http` stands for `ws` and `https` for `wss`. All requests together have the
    /// [time](Self::timeout) that one has, in which no `Retry-After` is waited for, and each chooses
    /// its [proxy](Self::proxy) anew.
    ///
    /// What is not followed is [`ConnectError::Redirect`], which says why: one that leads from `wss`
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
    fn at_another_origin(&mut self) {
        let is_harmless = |name: &str| HARMLESS.iter().any(|it| it.eq_ignore_ascii_case(name));
        self.headers.0.retain(|(name, _)| is_harmless(name));
        self.addresses = None;
    }
}

/// How an attempt came to its URL, and what the next request is made of.
#[derive(Debug)]
pub(crate) struct Trail {
    options: ConnectOptions,
    /// Before this URL, the first one first.
    visited: Vec<Url>,
}

impl Trail {
    /// Nothing if redirects are not followed.
    pub(crate) fn start(options: &ConnectOptions, visited: Vec<Url>) -> Option<Box<Self>> {
        let wanted = options.redirects_max > 0;
        wanted.then(|| Box::new(Self { options: options.clone(), visited }))
    }

    /// Where to go from this URL.
    fn next(&self, url: &Url, refusal: &Refusal) -> Result<Url, RedirectReason> {
        let mut locations = refusal.head().headers().all("Location");
        let (Some(location), None) = (locations.next(), locations.next()) else {
            return Err(RedirectReason::NoLocation);
        };
        let location = str::from_utf8(location).map_err(|_| RedirectReason::NoLocation)?;
        let next = url.resolve(location)?;
        if url.is_secure() && !next.is_secure() {
            return Err(RedirectReason::Downgrade);
        }
        if next == *url || self.visited.contains(&next) {
            return Err(RedirectReason::Loop);
        }
        // Each URL that was visited redirected once.
        let max = self.options.redirects_max;
        match u32::try_from(self.visited.len()) {
            Ok(count) if count < max => Ok(next),
            _ => Err(RedirectReason::TooMany(max)),
        }
    }

    /// The options for the request to the next URL.
    fn options(&self, url: &Url, next: &Url) -> Result<ConnectOptions, RedirectReason> {
        let mut options = self.options.clone();
        if !next.is_of_same_origin(url) {
            options.at_another_origin();
            #[cfg(feature = "tls")]
            if next.is_secure() {
                let tls = options.tls.without_identity();
                options.tls = tls.ok_or(RedirectReason::Connector)?;
            }
        }
        Ok(options)
    }
}

impl Request {
    /// What to ask next, if this attempt failed by a redirect that is to be followed. If not, the
    /// error stays.
    pub(crate) fn follow(&self, error: ConnectError) -> Result<Self, ConnectError> {
        let (trail, refusal) = match (&self.trail, error) {
            (Some(trail), ConnectError::Refused(refusal)) if redirects(&refusal) => {
                (trail, refusal)
            }
            (_, error) => return Err(error),
        };
        let next = trail.next(&self.url, &refusal);
        let next = next.and_then(|next| Ok((trail.options(&self.url, &next)?, next)));
        match next {
            Ok((options, next)) => {
                self.id.is_redirected(&refusal);
                let visited = trail.visited.iter().chain([&self.url]).cloned().collect();
                Self::to(next, options, visited, self.id)
            }
            Err(reason) => Err(ConnectError::Redirect(RedirectError::new(reason, refusal))),
        }
    }
}

/// Not by 300, which leaves a choice, nor 304 and 305, which are none.
fn redirects(refusal: &Refusal) -> bool {
    matches!(refusal.head().status(), 301 | 302 | 303 | 307 | 308)
}
