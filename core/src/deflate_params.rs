//! The four parameters of permessage-deflate (RFC 7692, section 7.1), as they stand in an element of
//! `Sec-WebSocket-Extensions`.

use core::fmt;
use core::ops::RangeInclusive;

use crate::extension::ExtensionItem;

/// The extension's name (RFC 7692, section 7).
pub(crate) const NAME: &str = "permessage-deflate";

/// 7.1.2: a window is given by the logarithm to base 2 of its size, from 8 to 15.
pub(crate) const WINDOW_BITS: RangeInclusive<u8> = WINDOW_BITS_MIN..=WINDOW_BITS_MAX;
pub(crate) const WINDOW_BITS_MIN: u8 = 8;
pub(crate) const WINDOW_BITS_MAX: u8 = 15;

/// The bytes of an empty block without compression that begins at a byte, but for its first byte.
///
/// 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The parameters that both ends have agreed on, as the server's response gives them.
///
/// Displayed, it is that response: an element of `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "RFC 7692 defines these four and no way to add any")]
pub struct DeflateParams {
    /// The server compresses each message by itself (7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client compresses each message by itself (7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The server's window is at most 2 to this power (7.1.2.1); 15 where nothing is said.
    pub server_max_window_bits: Option<u8>,
    /// The client's window is at most 2 to this power (7.1.2.2); 15 where nothing is said.
    pub client_max_window_bits: Option<u8>,
}

impl DeflateParams {
    /// Reads a response. `None` if it is for another extension, or breaks a rule.
    pub(crate) fn parse(item: ExtensionItem<'_>) -> Option<Self> {
        let element = Element::parse(item)?;
        Some(Self {
            server_no_context_takeover: element.server_no_context_takeover,
            client_no_context_takeover: element.client_no_context_takeover,
            server_max_window_bits: element.server_max_window_bits,
            client_max_window_bits: match element.client_max_window_bits {
                // 7.1.2.2: only an offer may have it without a value.
                Some(None) => return None,
                Some(bits) => bits,
                None => None,
            },
        })
    }

    /// Whether this is a response to that offer.
    pub(crate) fn answers(&self, offer: &Element) -> bool {
        // 7.1.1.1 and 7.1.2.1: the response must grant what the offer asks of the server. The
        // server may also restrict itself beyond that, and may ask the client to forget its
        // context.
        let forgets = self.server_no_context_takeover || !offer.server_no_context_takeover;
        let server_window = match (self.server_max_window_bits, offer.server_max_window_bits) {
            (Some(bits), Some(max)) => bits <= max,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        // 7.1.2.2: it may be in the response only if it is in the offer.
        let client_window = match (self.client_max_window_bits, offer.client_max_window_bits) {
            (Some(bits), Some(max)) => bits <= max.unwrap_or(WINDOW_BITS_MAX),
            (Some(_), None) => false,
            (None, _) => true,
        };
        forgets && server_window && client_window
    }

    fn as_element(self) -> Element {
        Element {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: self.client_max_window_bits.map(Some),
        }
    }
}

impl fmt::Display for DeflateParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_element().fmt(f)
    }
}

/// An offer or a response that keeps the rules that both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Element {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<u8>,
    /// It may stand without a value.
    pub(crate) client_max_window_bits: Option<Option<u8>>,
}

impl Element {
    /// `None` if it is for another extension, or has a parameter that is not defined, has a value
    /// that is not allowed, or stands twice (7.1).
    pub(crate) fn parse(item: ExtensionItem<'_>) -> Option<Self> {
        if item.name() != NAME {
            return None;
        }
        let mut element = Self::default();
        for (name, value) in item.params() {
            let value = value.as_deref();
            let repeated = match name {
                "server_no_context_takeover" => {
                    flag(value, &mut element.server_no_context_takeover)?
                }
                "client_no_context_takeover" => {
                    flag(value, &mut element.client_no_context_takeover)?
                }
                "server_max_window_bits" => {
                    element.server_max_window_bits.replace(window_bits(value?)?).is_some()
                }
                "client_max_window_bits" => {
                    let bits = match value {
                        Some(value) => Some(window_bits(value)?),
                        None => None,
                    };
                    element.client_max_window_bits.replace(bits).is_some()
                }
                _ => return None,
            };
            if repeated {
                return None;
            }
        }
        Some(element)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
            Some(None) => f.write_str("; client_max_window_bits"),
            None => Ok(()),
        }
    }
}

/// 7.1.1: such a parameter has no value. Tells whether it was set before.
fn flag(value: Option<&str>, flag: &mut bool) -> Option<bool> {
    if value.is_some() {
        return None;
    }
    Some(core::mem::replace(flag, true))
}

/// A leading zero or a sign is not allowed, so there is one way to write each.
fn window_bits(value: &str) -> Option<u8> {
    let digits_only = value.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only || value.starts_with('0') {
        return None;
    }
    value.parse().ok().filter(|bits| WINDOW_BITS.contains(bits))
}
