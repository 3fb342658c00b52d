//! UTF-8 (8.1): whether bytes are text. Invalid text is detected as early as possible.

/// Below this many bytes the standard library's loop wins over setting up vectors.
const SIMD_LEN_MIN: usize = 64;

/// The bytes as text, if they are.
#[inline]
pub(crate) fn to_str(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < SIMD_LEN_MIN {
        core::str::from_utf8(bytes).ok()
    } else {
        simdutf8::basic::from_utf8(bytes).ok()
    }
}

/// Bytes that no continuation can make text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

/// How many bytes at the start of `bytes` are whole characters, where the rest is at most the
/// beginning of one more.
///
/// # Errors
///
/// As soon as a byte is there that cannot stand where it stands, such as the second of `f4 90`.
pub(crate) fn whole_chars_len(bytes: &[u8]) -> Result<usize, Invalid> {
    let len = bytes.len().saturating_sub(begun_len(bytes)?.into());
    bytes.get(..len).and_then(to_str).map(|_| len).ok_or(Invalid)
}

/// How many bytes at the end are the beginning of one more character, up to three, where whoever
/// gets the others validates them: only the end is looked at.
///
/// # Errors
///
/// As [`whole_chars_len`], for those bytes.
pub(crate) fn begun_len(bytes: &[u8]) -> Result<u8, Invalid> {
    let there = begun_len_by_first(bytes);
    let begun = bytes.get(bytes.len().saturating_sub(there.into())..).unwrap_or_default();
    match core::str::from_utf8(begun) {
        // No length means that the input ended within a character.
        Err(error) if error.error_len().is_none() => Ok(there),
        Err(_) => Err(Invalid),
        Ok(_) => Ok(0),
    }
}

/// How many bytes at the end may be the beginning of a character that is longer, to judge by the
/// first of them.
fn begun_len_by_first(bytes: &[u8]) -> u8 {
    let end = (1..=3_u8).zip(bytes.iter().rev());
    let first = end.into_iter().find(|(_, byte)| **byte & 0xc0 != 0x80);
    match first {
        // 1, 2 or 3 bytes are there; 2, 3 or 4 leading ones tell how many there should be.
        Some((there, byte)) if byte.leading_ones() > there.into() => there,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_character_is_not_an_error_until_it_cannot_be_one() {
        assert_eq!(whole_chars_len(b"\xce\xba\xe1\xbd"), Ok(2));
        assert_eq!(whole_chars_len(b"\xf4"), Ok(0));
        assert_eq!(whole_chars_len(b"\xf4\x90"), Err(Invalid));
        assert_eq!(whole_chars_len(b"\xed\xa0"), Err(Invalid));
        assert_eq!(whole_chars_len(b"\xc0"), Err(Invalid));
    }

    #[test]
    fn only_a_character_that_is_longer_than_what_is_there_has_begun() {
        for (bytes, begun) in [
            (&b""[..], 0),
            (b"a", 0),
            (b"\x80", 0),
            (b"\x80\x80\x80\x80", 0),
            (b"a\xce", 1),
            (b"\xce\xba", 0),
            (b"a\xe1", 1),
            (b"a\xe1\xbd", 2),
            (b"\xe1\xbd\xb9", 0),
            (b"a\xf0\x90", 2),
            (b"a\xf0\x90\x8d", 3),
            (b"\xf0\x90\x8d\x88", 0),
        ] {
            assert_eq!(begun_len_by_first(bytes), begun, "{bytes:x?}");
        }
    }

    #[test]
    fn every_three_bytes_that_begin_a_sequence_are_judged_as_by_the_standard_library() {
        let mut bytes = [0; 3];
        for sequence in 0xc0_0000..=0xff_ffff_u32 {
            bytes.copy_from_slice(&sequence.to_be_bytes()[1..]);
            let expected = match core::str::from_utf8(&bytes) {
                Ok(_) => Ok(3),
                Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
                Err(_) => Err(Invalid),
            };
            assert_eq!(whole_chars_len(&bytes), expected, "{bytes:x?}");
        }
    }
}
