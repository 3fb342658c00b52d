//! The mistakes that a caller can make in a head of its own.

use core::fmt;

/// A part of a head that the caller may not set; the call changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// The host is neither a name in ASCII nor an IP address. A name in other letters must have
    /// been converted before, as IDNA says.
    InvalidHost,
    /// The resource name does not begin with `/`, or has a fragment, or anything but printable
    /// ASCII (section 3).
    InvalidResourceName,
    /// The header name is not a token.
    InvalidHeaderName,
    /// The header value holds a control character: CR, LF and NUL first of all.
    InvalidHeaderValue,
    /// The header is for the handshake to set: `Host`, `Upgrade`, `Connection`,
    /// `Sec-WebSocket-`..., and those that announce a body.
    ReservedHeader,
    /// A second `Origin`.
    RepeatedOrigin,
    /// The subprotocol is empty or not a token (4.1).
    InvalidSubprotocol,
    /// The subprotocol is offered already (4.1).
    RepeatedSubprotocol,
    /// The subprotocol was not offered by the client (4.2.2).
    UnofferedSubprotocol,
    /// The status is not one that answers a request without upgrading: 200 to 599.
    InvalidStatus,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidHost => {
                "the host is neither an ASCII name nor an IP address; convert other names by IDNA"
            }
            Self::InvalidResourceName => {
                "the resource name is invalid; begin it with '/', and use printable ASCII without '#'"
            }
            Self::InvalidHeaderName => {
                "the header name is invalid; use letters, digits and !#$%&'*+-.^_`|~ only"
            }
            Self::InvalidHeaderValue => {
                "the header value has a control character; remove CR, LF, NUL and the like"
            }
            Self::ReservedHeader => "the handshake sets this header itself; leave it out",
            Self::RepeatedOrigin => "the request already has an Origin; set it once",
            Self::InvalidSubprotocol => "the subprotocol is not a token; use a name like chat.v1",
            Self::RepeatedSubprotocol => "the subprotocol is already offered; offer each once",
            Self::UnofferedSubprotocol => {
                "the client did not offer the subprotocol; choose one that it offered, or none"
            }
            Self::InvalidStatus => "the status is not between 200 and 599; choose one that answers without an upgrade",
        })
    }
}

impl core::error::Error for HeadError {}
