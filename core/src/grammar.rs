//! The words of HTTP's grammar that the handshake is made of: tokens, lists, values.
//! Every function is one pass over its input.

/// `token = 1*tchar` (RFC 9110, section 5.6.2): printable ASCII without separators. RFC 6455
/// takes the same set from RFC 2616 for subprotocols, extensions and header names.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) const fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        | b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// The bytes that a header value may hold (RFC 9110, section 5.5): no control character but the
/// tab.
pub(crate) fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| is_field_byte(*byte))
}

pub(crate) const fn is_field_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// The elements of a list without quoted strings, between commas and trimmed.
///
/// RFC 9110, section 5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty
/// list elements". The limits on a head make any number reasonable.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// Without the white space at both ends (`OWS`).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Bytes that were checked, or made, to be ASCII.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii(), "the caller knows these bytes");
    core::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_token_is_printable_ascii_without_separators() {
        // RFC 2616, section 2.2, which 4.1 names for subprotocols.
        let separators = b"()<>@,;:\\\"/[]?={} \t";
        for byte in 0..=u8::MAX {
            let expected = (0x21..=0x7e).contains(&byte) && !separators.contains(&byte);
            assert_eq!(is_token(&[byte]), expected, "{byte:#x}");
        }
        assert!(!is_token(b""));
    }

    #[test]
    fn empty_elements_of_a_list_are_ignored() {
        let split = |list: &'static [u8]| elements(list).collect::<Vec<_>>();
        assert_eq!(split(b", a ,,\t, b c,"), [&b"a"[..], b"b c"]);
        assert!(split(b" ,, ").is_empty());
        assert!(split(b"").is_empty());
    }
}
