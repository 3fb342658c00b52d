//! Close codes (section 7.4).

use core::fmt;

/// A status code of a Close frame (7.4), from 0 to 65535.
///
/// Any number can be held; [`may_be_sent`](Self::may_be_sent) tells which ones may cross the wire.
///
/// ```
/// use bluewire_core::CloseCode;
///
/// assert_eq!(CloseCode::NORMAL.value(), 1000);
/// assert!(CloseCode::new(4711).may_be_sent());
/// assert!(!CloseCode::NO_STATUS_RECEIVED.may_be_sent());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: an endpoint is going away: a server goes down, a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a type of data that this endpoint cannot accept.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005, never on the wire: the peer's Close frame carried no code.
    pub const NO_STATUS_RECEIVED: Self = Self(1005);
    /// 1006, never on the wire: the connection ended without a Close frame from the peer.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: a message's data does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD_DATA: Self = Self(1007);
    /// 1008: a message breaks a policy of this endpoint, and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: a client misses an extension in the server's answer.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: an unexpected condition keeps this endpoint from going on.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012 (IANA): the service restarts; come back after a while.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013 (IANA): the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014 (IANA): a gateway had an invalid response from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code with this number, whether or not it may be sent.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The code's number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Whether an endpoint may put this code into a Close frame: 1000 to 1003, 1007 to 1014 and
    /// 3000 to 4999 (7.4.1, 7.4.2, and what IANA has registered since).
    ///
    /// The same set is accepted from a peer.
    #[must_use]
    pub const fn may_be_sent(self) -> bool {
        // 7.4.1: "1004: Reserved."; 1005, 1006 and 1015 "MUST NOT be set as a status code in a
        // Close control frame by an endpoint". 7.4.2 leaves 1016-2999 to later versions of the
        // protocol, and nothing below 1000 or above 4999 is defined.
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseCode {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_its_number_become_each_other() {
        assert_eq!(CloseCode::from(1000), CloseCode::NORMAL);
        assert_eq!(u16::from(CloseCode::new(u16::MAX)), u16::MAX);
    }

    #[test]
    fn exactly_the_codes_of_7_4_may_be_sent() {
        for value in 0..=u16::MAX {
            let listed = (1000..=1003).contains(&value)
                || (1007..=1014).contains(&value)
                || (3000..=4999).contains(&value);
            assert_eq!(CloseCode::new(value).may_be_sent(), listed, "{value}");
        }
    }
}
