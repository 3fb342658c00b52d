//! From the reference that a redirect gives to a URL (RFC 3986, section 5).

use super::{Url, is_secure, resource_name};
use crate::open::error::{RedirectReason, UrlError};

impl Url {
    /// Whether what is meant for the one may be seen by the other: by scheme, host and port
    /// (RFC 6454, section 4), or by the Unix socket.
    pub(crate) fn is_of_same_origin(&self, other: &Self) -> bool {
        (self.secure, self.port) == (other.secure, other.port)
            && self.host == other.host
            && self.zone == other.zone
            && self.socket == other.socket
    }

    /// The URL that a `Location` gives here: RFC 3986, section 5.2.2, with the schemes of HTTP in
    /// place of those of a WebSocket. User name and password stay within an origin.
    ///
    /// A fragment is lawful there (RFC 9110, section 10.2.2), but not in the URL of a WebSocket:
    /// whoever sends one means a page for a browser.
    pub(crate) fn resolve(&self, reference: &str) -> Result<Self, RedirectReason> {
        if reference.contains('#') {
            return Err(UrlError::Fragment.into());
        }
        // Browsers read it as `/`. Here it could only turn a path into another server.
        let (path, _) = reference.split_once('?').unwrap_or((reference, ""));
        if path.contains('\\') {
            return Err(UrlError::Resource.into());
        }
        let (scheme, rest) = match reference.find([':', '/', '?']) {
            Some(end) if reference[end..].starts_with(':') => {
                (Some(secure(&reference[..end])?), &reference[end + 1..])
            }
            _ => (None, reference),
        };
        let mut url = match (scheme, rest.strip_prefix("//")) {
            (None, None) => self.at(rest)?,
            // Whose names those are, a Unix socket does not say.
            _ if self.is_local() => return Err(RedirectReason::UnixSocket),
            (scheme, Some(rest)) => absolute(scheme.unwrap_or(self.secure), rest)?,
            (Some(_), None) => return Err(UrlError::Host.into()),
        };
        if url.is_of_same_origin(self) {
            url.user_info.clone_from(&self.user_info);
        }
        Ok(url)
    }

    /// Another resource of the same server, by its path, which may be relative, its query, or
    /// nothing.
    fn at(&self, reference: &str) -> Result<Self, UrlError> {
        let (path, _) = self.resource_name.split_once('?').unwrap_or((&self.resource_name, ""));
        let resource = match reference.as_bytes() {
            [] => self.resource_name.clone(),
            [b'?', ..] => format!("{path}{reference}"),
            [b'/', ..] => reference.to_owned(),
            _ => {
                let directory = path.rfind('/').map_or("/", |end| &path[..=end]);
                format!("{directory}{reference}")
            }
        };
        Ok(Self { resource_name: resource_name(&resource)?, ..self.clone() })
    }
}

/// Whether a scheme stands for `wss`.
fn secure(scheme: &str) -> Result<bool, RedirectReason> {
    match is_secure(scheme) {
        Some(secure) => Ok(secure),
        None if scheme.eq_ignore_ascii_case("ws+unix") => Err(RedirectReason::UnixSocket),
        None => Err(UrlError::Scheme.into()),
    }
}

/// A URL by what stands behind `//`.
fn absolute(secure: bool, rest: &str) -> Result<Url, RedirectReason> {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    // RFC 9110, section 4.2.4: "Before making use of an "http" or "https" URI reference received
    // from an untrusted source, a recipient SHOULD parse for userinfo and treat its presence as an
    // error; it is likely being used to obscure the authority for the sake of phishing attacks."
    if authority.contains('@') {
        return Err(RedirectReason::UserInfo);
    }
    let scheme = if secure { "wss" } else { "ws" };
    Ok(format!("{scheme}://{rest}").parse()?)
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
