//! The contents of a head: the request's, the response's, and the headers of both.

use crate::Arc;
use alloc::format;
use core::fmt;

use crate::cut::Cut;
use crate::grammar::ascii;
use crate::grammar::{elements, is_token};
use crate::handshake::authority::Authority;
use crate::handshake::error::HandshakeError;
use crate::handshake::head::Head;

/// The headers of a request or response, as they came: in their order and spelling, with nothing
/// joined or dropped. Names are compared without regard to case.
#[derive(Clone, Copy)]
pub struct Headers<'a>(&'a Head);

impl<'a> Headers<'a> {
    /// The value of the first header of this name, without the white space around it.
    #[must_use]
    pub fn first(self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The same as text; `None` also if the value is not UTF-8, which HTTP allows it to be.
    #[must_use]
    pub fn first_str(self, name: &str) -> Option<&'a str> {
        core::str::from_utf8(self.first(name)?).ok()
    }

    /// The values of all headers of this name, in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.values(name)
    }

    /// Names and values of all headers, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.0.lines().map(|(name, value)| (ascii(name), value))
    }

    /// The number of header lines.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements of the list that all headers of this name make together.
    ///
    /// RFC 9110, section 5.3: lines of one name combine "by appending each subsequent field line
    /// value to the initial field line value in order, separated by a comma".
    pub(crate) fn elements(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(elements)
    }

    /// Whether that list has this element, without regard to case.
    pub(crate) fn contains(self, name: &str, element: &str) -> bool {
        self.elements(name).any(|other| other.eq_ignore_ascii_case(element.as_bytes()))
    }

    /// The value of a header that stands at most once; `repeated` if there are more.
    pub(crate) fn only(
        self,
        name: &str,
        repeated: HandshakeError,
    ) -> Result<Option<&'a [u8]>, HandshakeError> {
        let mut all = self.all(name);
        let value = all.next();
        if all.next().is_some() { Err(repeated) } else { Ok(value) }
    }
}

/// Names only: values can be secrets.
impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// The head of an HTTP request. A clone shares its memory.
#[derive(Clone)]
pub struct RequestHead(Arc<RequestParts>);

struct RequestParts {
    head: Head,
    method_len: u32,
    target_len: u32,
    version: (u8, u8),
    extended: Extended,
}

/// The value of `:protocol` in a request over HTTP/2 (RFC 8441, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extended {
    Nothing,
    WebSocket,
    Other,
}

impl RequestHead {
    /// RFC 9112, section 3: `request-line = method SP request-target SP HTTP-version`.
    pub(crate) fn parse(head: Head) -> Result<Self, HandshakeError> {
        let head = Self::divide(head, Extended::Nothing)?;
        match head.version() {
            (1, _) => Ok(head),
            _ => Err(HandshakeError::UnsupportedHttpVersion),
        }
    }

    fn divide(head: Head, extended: Extended) -> Result<Self, HandshakeError> {
        let mut words = head.first_line().splitn(3, |byte| *byte == b' ');
        let mut word = || words.next().unwrap_or_default();
        let (method, target, version) = (word(), word(), word());
        // Section 3.2: no form of the target has white space, a fragment or other letters than
        // those of ASCII. "Recipients of an invalid request-line SHOULD respond with either a 400
        // (Bad Request) error or a 301"; none is repaired.
        let in_target = |byte: &u8| matches!(byte, b'!'..=b'~') && *byte != b'#';
        if !is_token(method) || target.is_empty() || !target.iter().all(in_target) {
            return Err(HandshakeError::InvalidRequestLine);
        }
        let version = parse_version(version).ok_or(HandshakeError::InvalidRequestLine)?;
        let too_long = HandshakeError::FirstLineTooLong { limit: u32::MAX as usize };
        let len = |word: &[u8]| u32::try_from(word.len()).map_err(|_| too_long);
        let (method_len, target_len) = (len(method)?, len(target)?);
        Ok(Self(Arc::new(RequestParts { head, method_len, target_len, version, extended })))
    }

    /// The head of a request over HTTP/1 that another library has parsed.
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] if a part is not as HTTP wants it.
    pub fn of_http1<'h>(
        method: &str,
        target: &str,
        minor_version: u8,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) -> Result<Self, HandshakeError> {
        let first_line = format!("{method} {target} HTTP/1.{minor_version}");
        Self::parse(Head::of_lines(&first_line, headers)?)
    }

    /// The head of a request over HTTP/2, from its pseudo-header fields (RFC 8441, section 4) and
    /// its header fields. `protocol` is `:protocol`, which only an extended CONNECT has, and
    /// `authority` becomes the header `Host`, in place of one that is there.
    ///
    /// ```
    /// use bluewire_core::{Config, Request, RequestHead};
    ///
    /// let version = ("sec-websocket-version", &b"13"[..]);
    /// let head = RequestHead::of_http2(
    ///     "CONNECT", "server.example.com", "/chat", Some("websocket"), [version],
    /// )?;
    /// let Request::Upgrade(offer) = Request::judge(Config::default(), head)? else { panic!() };
    /// assert_eq!((offer.status(), offer.path()), (200, "/chat"));
    /// # Ok::<(), bluewire_core::HandshakeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] if a part is not as HTTP wants it.
    pub fn of_http2<'h>(
        method: &str,
        authority: &'h str,
        path: &str,
        protocol: Option<&str>,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) -> Result<Self, HandshakeError> {
        let first_line = format!("{method} {path} HTTP/2.0");
        // RFC 9113, section 8.3.1: `:authority` replaces `Host`.
        let is_host = |name: &str| !authority.is_empty() && name.eq_ignore_ascii_case("Host");
        let host = (!authority.is_empty()).then_some(("host", authority.as_bytes()));
        let headers = headers.into_iter().filter(|(name, _)| !is_host(name));
        let head = Head::of_lines(&first_line, host.into_iter().chain(headers))?;
        Self::divide(
            head,
            match protocol {
                None => Extended::Nothing,
                Some(protocol) if protocol.eq_ignore_ascii_case("websocket") => Extended::WebSocket,
                Some(_) => Extended::Other,
            },
        )
    }

    /// The method, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &str {
        ascii(self.0.head.first_line().part(0..self.0.method_len as usize))
    }

    /// The request target, as it came: nothing is decoded or resolved. [`path`](Self::path) and
    /// [`query`](Self::query) are its parts.
    #[must_use]
    pub fn target(&self) -> &str {
        let start = (self.0.method_len as usize).saturating_add(1);
        let end = start.saturating_add(self.0.target_len as usize);
        ascii(self.0.head.first_line().part(start..end))
    }

    /// The minor version of HTTP/1: 1 from most clients, 0 from old ones, which cannot upgrade.
    #[must_use]
    pub fn minor_version(&self) -> u8 {
        match self.0.version {
            (1, minor) => minor,
            _ => 0,
        }
    }

    /// The version of HTTP: `(1, 1)`, or `(2, 0)` for a request that came
    /// [over HTTP/2](Self::of_http2).
    #[must_use]
    pub fn version(&self) -> (u8, u8) {
        self.0.version
    }

    /// The value of `:protocol`.
    pub(crate) fn extended(&self) -> Extended {
        self.0.extended
    }

    /// Whether it came over HTTP/2, where there is no upgrade but an extended CONNECT (RFC 8441).
    #[must_use]
    pub fn is_http2(&self) -> bool {
        self.0.version.0 == 2
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        Headers(&self.0.head)
    }

    /// The path of the target, `/` where it is empty; percent-encoding is left as it is.
    ///
    /// `None` for a target that has none, as of `CONNECT` and `OPTIONS *`. A request to upgrade
    /// always has one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        let (path, _) = self.path_and_query()?;
        Some(if path.is_empty() { "/" } else { path })
    }

    /// The text behind the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.path_and_query()?.1
    }

    /// The whole head, byte for byte, with the empty line at its end. For a handler that parses
    /// HTTP itself: what follows the head is in the inbox. A head that another library has parsed
    /// is written down again here, in the form of HTTP/1.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.head.as_bytes()
    }

    fn path_and_query(&self) -> Option<(&str, Option<&str>)> {
        let target = self.target();
        let resource = if target.starts_with('/') { target } else { absolute_form(target)?.1 };
        Some(match resource.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (resource, None),
        })
    }

    /// The authority that the target names, if it is an absolute URI.
    pub(crate) fn target_authority(&self) -> Option<&str> {
        Some(absolute_form(self.target())?.0)
    }
}

/// Divides an absolute URI, which 4.2.1 wants to be one of HTTP, into its authority and the rest.
fn absolute_form(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // RFC 9110, section 4.2.4: "a recipient SHOULD parse for userinfo and treat its presence as an
    // error". It is no part of a host, so it is one here.
    Authority::parse(authority)?;
    Some((authority, rest))
}

/// Without the query, which can hold secrets as headers do.
impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("headers", &self.headers())
            .finish_non_exhaustive()
    }
}

/// The head of an HTTP response. A clone shares its memory.
#[derive(Clone)]
pub struct ResponseHead(Arc<ResponseParts>);

struct ResponseParts {
    head: Head,
    status: u16,
    version: (u8, u8),
}

impl ResponseHead {
    /// The head of a response that another library has parsed, over this version of HTTP, such as
    /// `(1, 1)` or `(2, 0)`.
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] if a part is not as HTTP wants it.
    pub fn of_parts<'h>(
        status: u16,
        version: (u8, u8),
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) -> Result<Self, HandshakeError> {
        let first_line = format!("HTTP/{}.{} {status}", version.0, version.1);
        Self::parse(Head::of_lines(&first_line, headers)?)
    }

    /// RFC 9112, section 4: `status-line = HTTP-version SP status-code SP [ reason-phrase ]`.
    ///
    /// The version may be any: whether it can upgrade is another question than what it says.
    pub(crate) fn parse(head: Head) -> Result<Self, HandshakeError> {
        let (version, rest) =
            split_version(head.first_line()).ok_or(HandshakeError::InvalidStatusLine)?;
        // Section 4 lets a recipient "parse on whitespace-delimited word boundaries": a server
        // that leaves the reason out with its space is understood.
        let status = match rest {
            [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']
            | [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] => {
                [a, b, c].iter().fold(0, |status: u16, digit| {
                    status.saturating_mul(10).saturating_add(digit_value(**digit).into())
                })
            }
            _ => return Err(HandshakeError::InvalidStatusLine),
        };
        Ok(Self(Arc::new(ResponseParts { head, status, version })))
    }

    /// The status, 100 to 999.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The reason phrase, such as `Unauthorized`; empty where there is none in UTF-8. Its words
    /// mean nothing.
    #[must_use]
    pub fn reason(&self) -> &str {
        let after_version = split_version(self.0.head.first_line()).map(|(_, rest)| rest);
        let reason = after_version.and_then(|rest| rest.get(" 101 ".len()..)).unwrap_or_default();
        core::str::from_utf8(reason).unwrap_or_default()
    }

    /// The version of HTTP: the major one, which is 1 for all that can upgrade, and the minor one,
    /// which is 0 where it is left out, as in `HTTP/2`.
    #[must_use]
    pub fn version(&self) -> (u8, u8) {
        self.0.version
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        Headers(&self.0.head)
    }

    /// The whole head, byte for byte, with the empty line at its end. Only where a header went on
    /// in a further line, there are spaces instead of that line's beginning (RFC 9112, section 5.2).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.head.as_bytes()
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status())
            .field("headers", &self.headers())
            .finish_non_exhaustive()
    }
}

/// Divides a status line behind its version, whose minor part newer ones leave out.
fn split_version(line: &[u8]) -> Option<((u8, u8), &[u8])> {
    if let Some((version, rest)) = line.split_at_checked("HTTP/1.1".len())
        && let Some(version) = parse_version(version)
    {
        return Some((version, rest));
    }
    match line {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', rest @ ..] => {
            Some(((digit_value(*major), 0), rest))
        }
        _ => None,
    }
}

/// RFC 9112, section 2.3: `HTTP-version = HTTP-name "/" DIGIT "." DIGIT`, in capitals.
fn parse_version(version: &[u8]) -> Option<(u8, u8)> {
    match version {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            Some((digit_value(*major), digit_value(*minor)))
        }
        _ => None,
    }
}

/// The value of a digit: its last four bits.
const fn digit_value(digit: u8) -> u8 {
    digit & 0xf
}
