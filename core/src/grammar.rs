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

/// How many bytes at the start a header value may hold, as far as that is quickly known: it ends
/// before a tab too, which the caller looks at by itself.
pub(crate) fn field_run_len(bytes: &[u8]) -> usize {
    /// This byte in each place of a word.
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    /// The highest bit of each byte of the word that is below `end`, as far as no lower byte is.
    const fn below(word: u64, end: u8) -> u64 {
        word.wrapping_sub(each(end)) & !word & each(0x80)
    }
    let (words, rest) = bytes.as_chunks();
    let mut len = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let stops = below(word, b' ') | below(word ^ each(0x7f), 1);
        if stops != 0 {
            return len.saturating_add((stops.trailing_zeros() / 8) as usize);
        }
        len = len.saturating_add(size_of::<u64>());
    }
    let in_rest = rest.iter().take_while(|byte| is_field_byte(**byte) && **byte != b'\t');
    len.saturating_add(in_rest.count())
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
    fn a_run_ends_before_the_first_byte_that_no_value_holds_or_a_tab() {
        for byte in 0..=u8::MAX {
            for position in 0..43 {
                for behind in [b'x', 0x00, 0x1f, 0x7f, 0x80, 0xff] {
                    let mut bytes = [b'~'; 43];
                    bytes[position] = byte;
                    bytes[position + 1..].fill(behind);
                    let stops = |byte: &u8| !is_field_byte(*byte) || *byte == b'\t';
                    let expected = bytes.iter().position(stops).unwrap_or(bytes.len());
                    assert_eq!(field_run_len(&bytes), expected, "{byte:x} at {position}");
                }
            }
        }
    }

    #[test]
    fn empty_elements_of_a_list_are_ignored() {
        let split = |list: &'static [u8]| elements(list).collect::<Vec<_>>();
        assert_eq!(split(b", a ,,\t, b c,"), [&b"a"[..], b"b c"]);
        assert!(split(b" ,, ").is_empty());
        assert!(split(b"").is_empty());
    }
}
