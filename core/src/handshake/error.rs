//! What can go wrong in the opening handshake: [`HandshakeError`] is the peer's doing or the
//! transport's, [`HeadError`] the caller's.

use core::fmt;

/// Why an opening handshake failed (section 4): the peer's fault, but for the last two.
///
/// A server has then laid the HTTP answer of [`status`](Self::status) in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A head longer than [`Limits::head_len_max`](crate::Limits::head_len_max).
    HeadTooLong,
    /// A first line that alone is longer than that.
    FirstLineTooLong,
    /// More header lines than [`Limits::head_lines_max`](crate::Limits::head_lines_max).
    TooManyHeaderLines,
    /// A control character in the head, such as NUL.
    ControlCharacter,
    /// A CR or an LF that stands alone.
    BareLineEnd,
    /// A header line that goes on in the next one, or white space before the first.
    FoldedHeaderLine,
    /// A header line without a colon, or a name that is not a token: white space before the
    /// colon is such a case.
    InvalidHeaderLine,
    /// A first line that is not a request line.
    InvalidRequestLine,
    /// A first line that is not a status line.
    InvalidStatusLine,
    /// An HTTP version that has no upgrade in the sense of HTTP/1.1.
    UnsupportedHttpVersion,

    /// A request to upgrade by another method than GET.
    MethodNotGet,
    /// A request target that is neither a path nor an absolute URI.
    InvalidTarget,
    /// A request without `Host`.
    MissingHost,
    /// A request with several `Host` lines.
    RepeatedHost,
    /// A `Host` that is not a host and perhaps a port.
    InvalidHost,
    /// A request that has WebSocket's own headers but whose `Upgrade` lacks `websocket`.
    MissingUpgrade,
    /// A request whose `Connection` lacks `Upgrade`.
    MissingConnection,
    /// A request without `Sec-WebSocket-Version`.
    MissingVersion,
    /// A request with several `Sec-WebSocket-Version` lines.
    RepeatedVersion,
    /// A request for another version of the protocol than 13.
    UnsupportedVersion,
    /// A request without `Sec-WebSocket-Key`.
    MissingKey,
    /// A request with several `Sec-WebSocket-Key` lines.
    RepeatedKey,
    /// A `Sec-WebSocket-Key` that is not the base64 of 16 bytes.
    InvalidKey,
    /// A request to upgrade that has a body.
    RequestWithBody,
    /// Several `Origin` lines, or one that is not printable ASCII.
    InvalidOrigin,
    /// A request whose `Sec-WebSocket-Protocol` is not a list of tokens.
    InvalidSubprotocols,
    /// A `Sec-WebSocket-Extensions` that breaks the grammar, in either direction.
    InvalidExtensions,

    /// The server answered by another status than 101. The whole answer is
    /// [`ClientHandshake::refusal`](crate::ClientHandshake::refusal).
    Refused {
        /// The status, such as 401.
        status: u16,
    },
    /// A response whose `Upgrade` is not `websocket`.
    WrongUpgrade,
    /// A response whose `Connection` lacks `Upgrade`.
    WrongConnection,
    /// A response without `Sec-WebSocket-Accept`.
    MissingAccept,
    /// A response with several `Sec-WebSocket-Accept` lines.
    RepeatedAccept,
    /// A `Sec-WebSocket-Accept` that does not follow from the request's key.
    WrongAccept,
    /// A response with several `Sec-WebSocket-Extensions` lines.
    RepeatedExtensions,
    /// A response with an extension that was not offered.
    UnofferedExtension,
    /// A response that agrees to an extension by parameters that are none of its, or invalid, or
    /// do not answer what was offered.
    InvalidExtensionParams,
    /// A response with several `Sec-WebSocket-Protocol` lines.
    RepeatedSubprotocol,
    /// A response with a subprotocol that was not offered.
    UnofferedSubprotocol,

    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout) passed.
    TimedOut,
    /// The transport ended before the peer's head did.
    ConnectionLost,
}

impl HandshakeError {
    /// The section of RFC 6455 that holds the broken rule, such as `"4.2.1"`; `"4"`, the opening
    /// handshake as a whole, for a rule of HTTP and for what is no rule.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::HeadTooLong | Self::FirstLineTooLong | Self::TooManyHeaderLines => "10.4",
            Self::ControlCharacter
            | Self::BareLineEnd
            | Self::FoldedHeaderLine
            | Self::InvalidHeaderLine
            | Self::InvalidRequestLine
            | Self::InvalidStatusLine
            | Self::UnsupportedHttpVersion
            | Self::RequestWithBody
            | Self::InvalidOrigin
            | Self::TimedOut
            | Self::ConnectionLost => "4",
            Self::MethodNotGet
            | Self::InvalidTarget
            | Self::MissingHost
            | Self::RepeatedHost
            | Self::InvalidHost
            | Self::MissingUpgrade
            | Self::MissingConnection
            | Self::MissingVersion
            | Self::MissingKey
            | Self::InvalidKey
            | Self::InvalidSubprotocols => "4.2.1",
            Self::UnsupportedVersion => "4.2.2",
            Self::InvalidExtensions | Self::InvalidExtensionParams => "9.1",
            Self::Refused { .. }
            | Self::WrongUpgrade
            | Self::WrongConnection
            | Self::MissingAccept
            | Self::WrongAccept
            | Self::UnofferedExtension
            | Self::UnofferedSubprotocol => "4.1",
            Self::RepeatedKey => "11.3.1",
            Self::RepeatedExtensions => "11.3.2",
            Self::RepeatedAccept => "11.3.3",
            Self::RepeatedSubprotocol => "11.3.4",
            Self::RepeatedVersion => "11.3.5",
        }
    }

    /// The status of the answer that a server gives; `None` where there is nothing to answer,
    /// since a response or the transport is at fault.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::MethodNotGet => Some(405),
            Self::TimedOut => Some(408),
            Self::FirstLineTooLong => Some(414),
            // 4.2.2: "the server MUST abort the WebSocket handshake described in this section and
            // instead send an appropriate HTTP error code (such as 426 Upgrade Required)".
            Self::MissingUpgrade | Self::MissingVersion | Self::UnsupportedVersion => Some(426),
            Self::HeadTooLong | Self::TooManyHeaderLines => Some(431),
            Self::UnsupportedHttpVersion => Some(505),
            Self::ControlCharacter
            | Self::BareLineEnd
            | Self::FoldedHeaderLine
            | Self::InvalidHeaderLine
            | Self::InvalidRequestLine
            | Self::InvalidTarget
            | Self::MissingHost
            | Self::RepeatedHost
            | Self::InvalidHost
            | Self::MissingConnection
            | Self::RepeatedVersion
            | Self::MissingKey
            | Self::RepeatedKey
            | Self::InvalidKey
            | Self::RequestWithBody
            | Self::InvalidOrigin
            | Self::InvalidSubprotocols
            | Self::InvalidExtensions => Some(400),
            _ => None,
        }
    }

    const fn rule(self) -> &'static str {
        match self {
            Self::HeadTooLong => "the peer's HTTP head is longer than Limits::head_len_max",
            Self::FirstLineTooLong => "the peer's first line is longer than Limits::head_len_max",
            Self::TooManyHeaderLines => {
                "the peer's HTTP head has more lines than Limits::head_lines_max"
            }
            Self::ControlCharacter => "the peer's HTTP head has a control character",
            Self::BareLineEnd => "the peer's HTTP head has a CR or LF that stands alone",
            Self::FoldedHeaderLine => {
                "the peer's HTTP head has a line that begins with white space"
            }
            Self::InvalidHeaderLine => {
                "the peer's HTTP head has a line without a valid name and a colon"
            }
            Self::InvalidRequestLine => {
                "the client does not ask in HTTP, or over TLS: its first line is not a request line"
            }
            Self::InvalidStatusLine => {
                "the server does not answer in HTTP: its first line is not a status line"
            }
            Self::UnsupportedHttpVersion => {
                "the peer does not speak HTTP/1.1, which the opening handshake needs"
            }
            Self::MethodNotGet => "the client's method is not GET",
            Self::InvalidTarget => "the client's request target is not a path or absolute URI",
            Self::MissingHost => "the client sent no Host",
            Self::RepeatedHost => "the client sent Host more than once",
            Self::InvalidHost => "the client's Host is invalid",
            Self::MissingUpgrade => {
                "the client's Upgrade does not name websocket: did a proxy between drop it?"
            }
            Self::MissingConnection => {
                "the client's Connection does not name Upgrade: did a proxy between drop it?"
            }
            Self::MissingVersion => "the client sent no Sec-WebSocket-Version",
            Self::RepeatedVersion => "the client sent Sec-WebSocket-Version more than once",
            Self::UnsupportedVersion => "the client's Sec-WebSocket-Version is not 13",
            Self::MissingKey => "the client sent no Sec-WebSocket-Key",
            Self::RepeatedKey => "the client sent Sec-WebSocket-Key more than once",
            Self::InvalidKey => "the client's Sec-WebSocket-Key is not 16 bytes in base64",
            Self::RequestWithBody => "the client's request to upgrade has a body",
            Self::InvalidOrigin => "the client's Origin is invalid (RFC 6454, section 7)",
            Self::InvalidSubprotocols => "the client's Sec-WebSocket-Protocol is invalid",
            Self::InvalidExtensions => "the peer's Sec-WebSocket-Extensions is invalid",
            Self::Refused { .. } => "the server refused the handshake with status",
            Self::WrongUpgrade => "the server's Upgrade is not websocket",
            Self::WrongConnection => "the server's Connection does not name Upgrade",
            Self::MissingAccept => "the server sent no Sec-WebSocket-Accept",
            Self::RepeatedAccept => "the server sent Sec-WebSocket-Accept more than once",
            Self::WrongAccept => {
                "the server's Sec-WebSocket-Accept does not fit the key: did another one answer?"
            }
            Self::RepeatedExtensions => "the server sent Sec-WebSocket-Extensions more than once",
            Self::UnofferedExtension => "the server chose an extension that was not offered",
            Self::InvalidExtensionParams => {
                "the server's parameters of an extension do not answer the offer"
            }
            Self::RepeatedSubprotocol => "the server sent Sec-WebSocket-Protocol more than once",
            Self::UnofferedSubprotocol => {
                "the server chose a subprotocol that was not offered: offer it if you know it"
            }
            Self::TimedOut => {
                "the peer did not finish the opening handshake within Config::handshake_timeout"
            }
            Self::ConnectionLost => {
                "the peer or the network ended the connection during the opening handshake"
            }
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule())?;
        if let Self::Refused { status } = self {
            write!(f, " {status}")?;
            if let Some(advice) = advice(*status) {
                write!(f, ": {advice}")?;
            }
        }
        match self.section() {
            "4" => Ok(()),
            section => write!(f, " (RFC 6455, section {section})"),
        }
    }
}

/// What a status asks of the client.
const fn advice(status: u16) -> Option<&'static str> {
    Some(match status {
        200..=299 => "it took the request for an ordinary one; is a WebSocket at this path?",
        300..=399 => "it points elsewhere; see Location in the refusal",
        401 | 407 => "it wants credentials",
        403 => "it forbids that; are Origin and credentials what it expects?",
        404 => "there is nothing at this path",
        426 => "it wants another version or protocol; see its headers in the refusal",
        429 | 503 => "it is busy; try again later",
        _ => return None,
    })
}

impl core::error::Error for HandshakeError {}

/// What the caller would have put into a head of its own and may not; the call changes nothing.
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
            Self::InvalidHost => "the host is neither an ASCII name nor an IP address; convert other names by IDNA",
            Self::InvalidResourceName => {
                "the resource name is invalid; it begins with '/', in printable ASCII, without a fragment"
            }
            Self::InvalidHeaderName => "the header name is invalid; it is a token, of letters, digits and !#$%&'*+-.^_`|~",
            Self::InvalidHeaderValue => "the header value has a control character; leave out CR, LF and NUL first of all",
            Self::ReservedHeader => "the header is one that the handshake sets itself; leave it out",
            Self::RepeatedOrigin => "the request has an Origin already; give one only",
            Self::InvalidSubprotocol => "the subprotocol is invalid; it is a token, such as chat.v1",
            Self::RepeatedSubprotocol => "the subprotocol is offered already; offer each once",
            Self::UnofferedSubprotocol => "the subprotocol was not offered by the client; choose among those that were, or none",
            Self::InvalidStatus => "the status is not one of an answer without an upgrade; those are 200 to 599",
        })
    }
}

impl core::error::Error for HeadError {}
