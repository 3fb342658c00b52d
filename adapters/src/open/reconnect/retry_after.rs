//! The header `Retry-After` (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

/// How long the server wants to be left alone, by the time of day; `None` if the value is neither a
/// number of seconds nor a date.
pub(super) fn parse(value: &[u8], now: SystemTime) -> Option<Duration> {
    let value = str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    // RFC 9110, 10.2.3: "The Retry-After field value can be either an HTTP-date or a number of
    // seconds to delay after receiving the response."
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        // A value too large for the number type is too long to wait for in any case.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Duration = Duration::from_secs(784_123_200);

    fn at_noon(value: &str) -> Option<u64> {
        parse(value.as_bytes(), SystemTime::UNIX_EPOCH + NOON).map(|time| time.as_secs())
    }

    #[test]
    fn seconds_and_each_form_of_a_date_are_understood() {
        assert_eq!(at_noon("0"), Some(0));
        assert_eq!(at_noon("120"), Some(120));
        assert_eq!(at_noon(" 7\t"), Some(7));
        assert_eq!(at_noon("99999999999999999999999"), Some(u64::MAX));
        // The three of RFC 9110, section 5.6.7.
        assert_eq!(at_noon("Sun, 06 Nov 1994 12:00:30 GMT"), Some(30));
        assert_eq!(at_noon("Sunday, 06-Nov-94 12:01:00 GMT"), Some(60));
        assert_eq!(at_noon("Sun Nov  6 12:00:01 1994"), Some(1));
    }

    #[test]
    fn a_date_that_is_over_is_no_time_at_all() {
        assert_eq!(at_noon("Sun, 06 Nov 1994 11:59:59 GMT"), Some(0));
    }

    #[test]
    fn other_values_are_ignored() {
        for value in ["", " ", "-1", "+1", "1.5", "1 2", "soon", "Sun, 06 Nov 1994", "\u{661}"] {
            assert_eq!(at_noon(value), None, "{value:?}");
        }
        assert_eq!(parse(b"\xff", SystemTime::UNIX_EPOCH), None);
    }
}
