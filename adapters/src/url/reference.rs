//! From the reference that a redirect gives to a URL (RFC 3986, section 5).

use super::{Url, encode_resource};
use crate::redirect::RedirectReason;
use crate::url::UrlError;

impl Url {
    /// Whether what is meant for the one may be seen by the other: by scheme, host and port
    /// (RFC 6454, section 4), or by the Unix socket.
    pub(crate) fn is_of_same_origin(&self, other: &Self) -> bool {
        let origin = |url: &Self| (url.secure, url.port, url.socket.clone());
        origin(self) == origin(other) && self.host == other.host
    }

    /// What a `Location` means here: RFC 3986, section 5.2.2, with the schemes of HTTP standing for
    /// those of a WebSocket. User name and password stay within an origin.
    ///
    /// A fragment is lawful there (RFC 9110, section 10.2.2), but not in the URL of a WebSocket:
    /// whoever sends one means a page for a browser.
    pub(crate) fn resolve(&self, reference: &str) -> Result<Self, RedirectReason> {
        if reference.contains('#') {
            return Err(UrlError::Fragment.into());
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
            url.authorization.clone_from(&self.authorization);
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
            [b'/', ..] => without_dots(reference),
            _ => {
                let directory = path.rfind('/').map_or("/", |end| &path[..=end]);
                without_dots(&format!("{directory}{reference}"))
            }
        };
        Ok(Self { resource_name: encode_resource(&resource)?, ..self.clone() })
    }
}

/// Whether a scheme stands for `wss`.
fn secure(scheme: &str) -> Result<bool, RedirectReason> {
    let is = |names: [&str; 2]| names.iter().any(|name| scheme.eq_ignore_ascii_case(name));
    match scheme {
        _ if is(["ws", "http"]) => Ok(false),
        _ if is(["wss", "https"]) => Ok(true),
        _ if scheme.eq_ignore_ascii_case("ws+unix") => Err(RedirectReason::UnixSocket),
        _ => Err(UrlError::Scheme.into()),
    }
}

/// A URL by what stands behind `//`.
fn absolute(secure: bool, rest: &str) -> Result<Url, RedirectReason> {
    let (authority, resource) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
    // RFC 9110, section 4.2.4: "Before making use of an "http" or "https" URI reference received
    // from an untrusted source, a recipient SHOULD parse for userinfo and treat its presence as an
    // error; it is likely being used to obscure the authority for the sake of phishing attacks."
    if authority.contains('@') {
        return Err(RedirectReason::UserInfo);
    }
    let resource = match resource.starts_with('/') {
        true => without_dots(resource),
        false => resource.to_owned(),
    };
    let scheme = if secure { "wss" } else { "ws" };
    Ok(format!("{scheme}://{authority}{resource}").parse()?)
}

/// An absolute path, and perhaps a query, without the segments `.` and `..` (5.2.4).
fn without_dots(resource: &str) -> String {
    let (path, query) = resource.split_at(resource.find('?').unwrap_or(resource.len()));
    let mut kept = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
