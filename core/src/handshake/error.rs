//! The faults of the peer or the transport in the opening handshake.

use core::fmt;

/// Why an opening handshake failed (section 4): the peer's fault, but for the last two.
///
/// A server has then laid the HTTP answer of [`status`](Self::status) in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A head longer than [`Limits::head_len_max`](crate::Limits::head_len_max).
    HeadTooLong {
        /// That limit, in bytes.
        limit: usize,
    },
    /// A first line that alone is longer than that.
    FirstLineTooLong {
        /// That limit, in bytes.
        limit: usize,
    },
    /// More header lines than [`Limits::head_lines_max`](crate::Limits::head_lines_max).
    TooManyHeaderLines {
        /// That limit.
        limit: usize,
    },
    /// A control character in the head, such as NUL.
    ControlCharacter,
    /// A CR or an LF that stands alone.
    BareLineEnd,
    /// A request's header that goes on in a further line, or white space before the first header.
    /// A response's header may go on.
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
    /// A request over HTTP/2 without `:protocol`: WebSocket over HTTP/2 is an extended CONNECT
    /// (RFC 8441, section 4).
    MissingProtocol,
    /// An extended CONNECT whose `:protocol` is not `websocket`.
    UnknownProtocol,
    /// A request over HTTP/2 with a `:protocol` by another method than CONNECT.
    MethodNotConnect,
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
    ///
    /// The status counts even if the answer's head is malformed or too long behind its first line:
    /// then [`Refusal::head_error`](crate::Refusal::head_error) says what is wrong with it.
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
    /// A response that agrees to an extension with parameters that are unknown or invalid, or that
    /// do not match the offer.
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
            Self::HeadTooLong { .. }
            | Self::FirstLineTooLong { .. }
            | Self::TooManyHeaderLines { .. } => "10.4",
            Self::ControlCharacter
            | Self::BareLineEnd
            | Self::FoldedHeaderLine
            | Self::InvalidHeaderLine
            | Self::InvalidRequestLine
            | Self::InvalidStatusLine
            | Self::UnsupportedHttpVersion
            | Self::RequestWithBody
            | Self::InvalidOrigin
            | Self::MissingProtocol
            | Self::UnknownProtocol
            | Self::MethodNotConnect
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
            Self::MethodNotGet | Self::MethodNotConnect => Some(405),
            Self::TimedOut => Some(408),
            Self::FirstLineTooLong { .. } => Some(414),
            // 4.2.2: "the server MUST abort the WebSocket handshake described in this section and
            // instead send an appropriate HTTP error code (such as 426 Upgrade Required)".
            Self::MissingUpgrade | Self::MissingVersion | Self::UnsupportedVersion => Some(426),
            Self::HeadTooLong { .. } | Self::TooManyHeaderLines { .. } => Some(431),
            // RFC 9220, section 3: "SHOULD be responded to with a 501 (Not Implemented) status code".
            Self::UnknownProtocol => Some(501),
            Self::UnsupportedHttpVersion => Some(505),
            Self::ControlCharacter
            | Self::BareLineEnd
            | Self::FoldedHeaderLine
            | Self::InvalidHeaderLine
            | Self::InvalidRequestLine
            | Self::MissingProtocol
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

    const fn sentence(self) -> &'static str {
        match self {
            Self::HeadTooLong { .. } => "the peer sent an HTTP head longer than",
            Self::FirstLineTooLong { .. } => "the peer sent an HTTP first line longer than",
            Self::TooManyHeaderLines { .. } => "the peer sent an HTTP head of more than",
            Self::ControlCharacter => "the peer sent a control character in its HTTP head",
            Self::BareLineEnd => "the peer sent an HTTP line that does not end in CR LF",
            Self::FoldedHeaderLine => "the peer sent an HTTP line that begins with white space",
            Self::InvalidHeaderLine => {
                "the peer sent an HTTP header line without a valid name and a colon"
            }
            Self::InvalidRequestLine => {
                "the client did not send an HTTP request line; if it speaks TLS, this port does not"
            }
            Self::InvalidStatusLine => {
                "the server did not answer with an HTTP status line; check that its port speaks HTTP"
            }
            Self::UnsupportedHttpVersion => {
                "the peer does not speak HTTP/1.1, which the opening handshake needs"
            }
            Self::MethodNotGet => "the client asked for an upgrade by another method than GET",
            Self::MissingProtocol => {
                "the client asked for a WebSocket over HTTP/2 without ':protocol'; it is an extended CONNECT there (RFC 8441)"
            }
            Self::UnknownProtocol => "the client asked for another ':protocol' than websocket",
            Self::MethodNotConnect => {
                "the client asked for a WebSocket over HTTP/2 by another method than CONNECT"
            }
            Self::InvalidTarget => {
                "the client sent a request target that is neither a path nor an absolute URI"
            }
            Self::MissingHost => "the client sent no Host header",
            Self::RepeatedHost => "the client sent more than one Host header",
            Self::InvalidHost => "the client sent an invalid Host header",
            Self::MissingUpgrade => {
                "the client sent no Upgrade header with websocket; check if a proxy removes it"
            }
            Self::MissingConnection => {
                "the client sent no Connection header with Upgrade; check if a proxy removes it"
            }
            Self::MissingVersion => "the client sent no Sec-WebSocket-Version header",
            Self::RepeatedVersion => "the client sent more than one Sec-WebSocket-Version header",
            Self::UnsupportedVersion => "the client asked for another WebSocket version than 13",
            Self::MissingKey => "the client sent no Sec-WebSocket-Key header",
            Self::RepeatedKey => "the client sent more than one Sec-WebSocket-Key header",
            Self::InvalidKey => {
                "the client sent a Sec-WebSocket-Key that is not 16 bytes in base64"
            }
            Self::RequestWithBody => "the client sent a body with its request to upgrade",
            Self::InvalidOrigin => {
                "the client sent an invalid Origin header, or several (RFC 6454, section 7)"
            }
            Self::InvalidSubprotocols => "the client sent an invalid Sec-WebSocket-Protocol header",
            Self::InvalidExtensions => "the peer sent an invalid Sec-WebSocket-Extensions header",
            Self::Refused { .. } => "the server refused the handshake with status",
            Self::WrongUpgrade => "the server sent no Upgrade header with websocket alone",
            Self::WrongConnection => "the server sent no Connection header with Upgrade",
            Self::MissingAccept => "the server sent no Sec-WebSocket-Accept header",
            Self::RepeatedAccept => "the server sent more than one Sec-WebSocket-Accept header",
            Self::WrongAccept => {
                "the server sent a Sec-WebSocket-Accept that does not fit the key; \
                 a cache may have answered"
            }
            Self::RepeatedExtensions => {
                "the server sent more than one Sec-WebSocket-Extensions header"
            }
            Self::UnofferedExtension => "the server chose an extension that was not offered",
            Self::InvalidExtensionParams => {
                "the server chose extension parameters that do not answer the offer"
            }
            Self::RepeatedSubprotocol => {
                "the server sent more than one Sec-WebSocket-Protocol header"
            }
            Self::UnofferedSubprotocol => {
                "the server chose a subprotocol that was not offered; offer it if you support it"
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
        f.write_str(self.sentence())?;
        match self {
            Self::HeadTooLong { limit } | Self::FirstLineTooLong { limit } => {
                write!(f, " {limit} bytes (Limits::head_len_max); raise that limit to accept it")?
            }
            Self::TooManyHeaderLines { limit } => {
                write!(f, " {limit} lines (Limits::head_lines_max); raise that limit to accept it")?
            }
            Self::Refused { status } => {
                write!(f, " {status}")?;
                if let Some(advice) = advice(*status) {
                    write!(f, "; {advice}")?;
                }
            }
            _ => {}
        }
        match self.section() {
            "4" => Ok(()),
            section => write!(f, " (RFC 6455, section {section})"),
        }
    }
}

/// The action that a status asks of the client.
const fn advice(status: u16) -> Option<&'static str> {
    Some(match status {
        200..=299 => "it answered as an ordinary HTTP server: check the path",
        300..=399 => "it redirects: see Location in the refusal",
        401 | 407 => "it asks for credentials",
        403 => "it forbids access: check the origin and the credentials",
        404 => "it has nothing at this path",
        426 => "it requires another version or protocol: see the headers of the refusal",
        429 | 503 => "it is busy: try again later",
        _ => return None,
    })
}

impl core::error::Error for HandshakeError {}

/// It is returned from every call: it stays within two registers.
const _: () = assert!(size_of::<HandshakeError>() <= 16);
