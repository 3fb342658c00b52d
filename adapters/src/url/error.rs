//! Why a URL is not one of a WebSocket.

use std::fmt;

/// Why a URL is not one of a WebSocket. Nothing of the URL is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is none of `ws`, `wss` and `ws+unix`.
    Scheme,
    /// It has a fragment; a `#` that is meant must be written `%23`.
    Fragment,
    /// The user name or the password has a character that must be percent-encoded, or, encoded or
    /// not, one that Basic authentication has no way to tell: a control character, or a colon in
    /// the user name (RFC 7617, section 2).
    UserInfo,
    /// The host is missing, or is not a name or an address.
    Host,
    /// The host has letters beyond ASCII; write it in its `xn--` form.
    HostNotAscii,
    /// The host is an IPv6 address with a zone, which belongs to this machine and not to a URL;
    /// give such an address by [`ConnectOptions::addresses`](crate::ConnectOptions::addresses).
    Zone,
    /// A `ws+unix` URL without the absolute path of a socket, such as
    /// `ws+unix:///run/chat.sock:/resource`.
    SocketPath,
    /// A `ws+unix` URL on a platform without Unix sockets.
    NoUnixSockets,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The path or the query has a space, a control character or a backslash, which must be
    /// percent-encoded.
    Resource,
    /// A `%` in the path or the query without two hexadecimal digits behind it; one that is meant
    /// must be written `%25`.
    Percent,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL's scheme must be ws or wss, or ws+unix for a Unix socket",
            Self::Fragment => "a WebSocket URL has no fragment; write a literal # as %23",
            Self::UserInfo => {
                "percent-encode the user name and the password in the URL; neither may have control \
                 characters, nor the name a colon"
            }
            Self::Host => "the URL's host is missing or malformed",
            Self::HostNotAscii => "write the URL's host in ASCII, in its xn-- form",
            Self::Zone => {
                "an IPv6 address with a zone is not for a URL; give it by ConnectOptions::addresses"
            }
            Self::SocketPath => {
                "a ws+unix URL is ws+unix:///path/to/socket:/resource, with the socket's absolute path"
            }
            Self::NoUnixSockets => "a ws+unix URL takes Unix sockets, which are not supported here",
            Self::Port => "the URL's port must be a number from 1 to 65535",
            Self::Resource => {
                "percent-encode spaces, control characters and backslashes in the URL's path"
            }
            Self::Percent => "write a literal % in the URL's path as %25",
        })
    }
}

impl std::error::Error for UrlError {}
