//! From an answer that redirects to the request that follows it (RFC 9110, section 15.4).

use bluewire_core::Refusal;

use super::error::RedirectReason;
use super::options::ConnectOptions;
use super::url::Url;

/// How an attempt came to its URL, and what the next request is made of.
#[derive(Debug)]
pub(crate) struct Trail {
    options: ConnectOptions,
    /// Before this URL, the first one first.
    pub(crate) visited: Vec<Url>,
}

impl Trail {
    /// Nothing if redirects are not followed.
    pub(crate) fn start(options: &ConnectOptions, visited: Vec<Url>) -> Option<Box<Self>> {
        let wanted = options.redirects_max > 0;
        wanted.then(|| Box::new(Self { options: options.clone(), visited }))
    }

    /// Where to go from this URL.
    pub(crate) fn next(&self, url: &Url, refusal: &Refusal) -> Result<Url, RedirectReason> {
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
    pub(crate) fn options(&self, url: &Url, next: &Url) -> Result<ConnectOptions, RedirectReason> {
        let mut options = self.options.clone();
        if !next.is_of_same_origin(url) {
            options.at_another_origin();
            #[cfg(feature = "_tls")]
            if next.is_secure() {
                let tls = options.tls.without_identity();
                options.tls = tls.ok_or(RedirectReason::Connector)?;
            }
        }
        Ok(options)
    }
}

/// Whether the refusal is a redirect that can be followed. Status 300 leaves a choice to the user,
/// and 304 and 305 do not redirect.
pub(crate) fn redirects(refusal: &Refusal) -> bool {
    matches!(refusal.head().status(), 301 | 302 | 303 | 307 | 308)
}
