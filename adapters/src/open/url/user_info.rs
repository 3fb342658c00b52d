//! The user name and the password in a URL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encoding::{IN_USER_INFO, encode, percent_decoded};
use crate::open::error::UrlError;

/// A user name and perhaps a password, percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct UserInfo(Box<str>);

impl UserInfo {
    /// The part before the `@` of a URL; `None` if it is empty.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, UrlError> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        if user.is_empty() && password.is_empty() {
            return Ok(None);
        }
        let encoded = |part| encode(part, IN_USER_INFO).map_err(|_| UrlError::UserInfo);
        let (user, password) = (encoded(user)?, encoded(password)?);
        let text = match password.as_str() {
            "" => user,
            _ => format!("{user}:{password}"),
        };
        let this = Self(text.into());
        let (user, password) = this.decoded();
        // RFC 7617, section 2: "a user-id containing a colon character is invalid", and "The
        // user-id and password MUST NOT contain any control characters".
        if user.contains(&b':') || user.iter().chain(&password).any(u8::is_ascii_control) {
            return Err(UrlError::UserInfo);
        }
        Ok(Some(this))
    }

    /// As it stands in a URL.
    pub(super) const fn text(&self) -> &str {
        &self.0
    }

    /// The value of `Authorization` (RFC 7617, section 2).
    pub(super) fn basic(&self) -> String {
        let (user, password) = self.decoded();
        let pair = [&user[..], b":", &password].concat();
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn decoded(&self) -> (Vec<u8>, Vec<u8>) {
        let (user, password) = self.0.split_once(':').unwrap_or((&self.0, ""));
        let decoded = |part| percent_decoded(part).unwrap_or_default();
        (decoded(user), decoded(password))
    }
}
