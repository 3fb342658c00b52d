//! Whether the label of an internationalised name is well formed (RFC 3492), where the crate `idna`
//! is not there to say whether it is also lawful.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// Whether what stands behind `xn--` in a label, in lower case, decodes to anything that needs
/// encoding.
pub(super) fn is_encoded(label: &str) -> bool {
    let (basic_len, digits) = match label.rsplit_once('-') {
        Some((basic, digits)) => (basic.len(), digits),
        None => (0, label),
    };
    !digits.is_empty() && decodes(basic_len, digits).is_some()
}

/// Section 6.2. Only whether it succeeds matters, so that the code points are counted, not kept.
fn decodes(basic_len: usize, digits: &str) -> Option<()> {
    let mut len = u32::try_from(basic_len).ok()?;
    let (mut n, mut i, mut bias) = (INITIAL_N, 0_u32, INITIAL_BIAS);
    let mut digits = digits.bytes().peekable();
    while digits.peek().is_some() {
        let (before, mut weight, mut k) = (i, 1_u32, BASE);
        loop {
            let digit = match digits.next()? {
                byte @ b'a'..=b'z' => u32::from(byte - b'a'),
                byte @ b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k = k.checked_add(BASE)?;
        }
        len = len.checked_add(1)?;
        bias = adapt(i - before, len, before == 0);
        n = n.checked_add(i / len)?;
        i %= len;
        char::from_u32(n)?;
        i += 1;
    }
    Some(())
}

/// Section 6.1.
const fn adapt(delta: u32, len: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / len;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_do_not_decode_are_recognised() {
        // Samples of section 7.1, and names in use.
        for label in [
            "bcher-kva",
            "mnchen-3ya",
            "egbpdaj6bu4bxfgehfvwxn",
            "ihqwcrb4cv8a8dqg056pqjye",
            "3b-ww4c5e180e575a65lsy2b",
            "p1ai",
        ] {
            assert!(is_encoded(label), "{label}");
        }
        for label in ["", "-", "a-", "abc-", "99999999", "a_b-kv_", "zzzzzzzzzzzz"] {
            assert!(!is_encoded(label), "{label}");
        }
    }
}
