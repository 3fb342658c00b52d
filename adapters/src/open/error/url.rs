//! Why a URL is not a valid WebSocket URL.

use std::fmt;

use crate::wording::debug_in_sentences;

/// Why a URL is not a valid WebSocket URL. The error contains no part of the URL.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is not `ws`, `wss`, `http`, `https` or `ws+unix`.
    Scheme,
    /// It has a fragment; a `#` that is meant must be written `%23`.
    Fragment,
    /// The user name or the password has a `%` that must be written `%25`, or a character that Basic
    /// authentication cannot carry: a control character, or a colon in the user name (RFC 7617,
    /// section 2).
    UserInfo,
    /// The host is missing, or is not a name or an address.
    Host,
    /// The host has letters beyond ASCII, which takes the feature `idna`, or its `xn--` form.
    HostNotAscii,
    /// The host is not a valid internationalised name: its letters are not allowed, or what stands
    /// behind `xn--` cannot be decoded.
    HostNotIdna,
    /// The host is an IPv6 address with a malformed zone, or with one though it is not local to a
    /// link.
    Zone,
    /// A `ws+unix` URL without the absolute path of a socket, such as
    /// `ws+unix:///run/chat.sock:/resource`.
    SocketPath,
    /// A `ws+unix` URL on a platform without Unix sockets.
    NoUnixSockets,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The path or the query has a tab or a line break; or a redirect's `Location` has a backslash.
    Resource,
    /// A `%` in the path or the query without two hexadecimal digits behind it; one that is meant
    /// must be written `%25`.
    Percent,
}

debug_in_sentences!(UrlError);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL must begin with ws:// or wss://, or ws+unix: for a Unix socket",
            Self::Fragment => "a WebSocket URL has no fragment; write a literal # as %23",
            Self::UserInfo => {
                "the URL's user name or password has a control character, a colon in the user name, \
                 or a % that must be written as %25"
            }
            Self::Host => "the URL's host is missing or malformed",
            Self::HostNotAscii => {
                "the URL's host has letters beyond ASCII; enable the feature `idna`, or write it in \
                 its xn-- form"
            }
            Self::HostNotIdna => "the URL's host is not a valid internationalised name (IDNA)",
            Self::Zone => {
                "the zone of the URL's IPv6 address is malformed, or the address is not link-local"
            }
            Self::SocketPath => {
                "a ws+unix URL names the socket's absolute path: ws+unix:///path/to/socket:/resource"
            }
            Self::NoUnixSockets => "a ws+unix URL needs Unix sockets, which this platform does not have",
            Self::Port => "the URL's port must be a number from 1 to 65535",
            Self::Resource => {
                "percent-encode tabs, line breaks and backslashes in the URL's path and query"
            }
            Self::Percent => "write a literal % in the URL's path or query as %25",
        })
    }
}

impl std::error::Error for UrlError {}
