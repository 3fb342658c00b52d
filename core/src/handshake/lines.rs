//! Header lines of the caller's own, checked before they can reach a peer.

use alloc::string::String;
use core::fmt;

use crate::grammar::{is_field_value, is_token};
use crate::handshake::head_error::HeadError;

/// The headers that the handshake writes itself, and those that would announce a body.
const RESERVED: [&str; 8] = [
    "Host",
    "Upgrade",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Trailer",
    "TE",
    "Expect",
];

/// Header lines as they will be laid, each with its line end.
#[derive(Clone)]
pub(crate) struct HeaderLines(String);

impl HeaderLines {
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    /// Adds a line of the handshake's own.
    pub(crate) fn push_own(&mut self, name: &str, value: &str) {
        push_line(&mut self.0, name, value);
    }

    /// Adds a line whose name and value can come from anywhere: it is one line, and none of the
    /// handshake's.
    pub(crate) fn push(&mut self, name: &str, value: &str) -> Result<(), HeadError> {
        if !is_token(name.as_bytes()) {
            return Err(HeadError::InvalidHeaderName);
        }
        let own = "Sec-WebSocket-";
        let is_own = name.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own));
        if is_own || RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(HeadError::ReservedHeader);
        }
        // RFC 9110, section 5.5: CR, LF and NUL are "dangerous, due to the varying ways that
        // implementations might parse and interpret those characters".
        if !is_field_value(value.as_bytes()) {
            return Err(HeadError::InvalidHeaderValue);
        }
        push_line(&mut self.0, name, value);
        Ok(())
    }

    /// Calls this with each name and value.
    pub(crate) fn each(&self, mut each: impl FnMut(&str, &str)) {
        let lines = self.0.split_terminator("\r\n");
        lines.filter_map(|line| line.split_once(": ")).for_each(|(name, value)| each(name, value));
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the lines: values can be secrets.
impl fmt::Debug for HeaderLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderLines({} bytes)", self.0.len())
    }
}

pub(crate) fn push_line(head: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        head.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_printed_without_what_they_say() {
        let mut lines = HeaderLines::new();
        lines.push("Authorization", "secret").expect("valid");
        assert_eq!(alloc::format!("{lines:?}"), "HeaderLines(23 bytes)");
    }
}
