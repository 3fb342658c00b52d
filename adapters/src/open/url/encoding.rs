//! Percent-encoding, and the segments of a path, as the WHATWG URL Standard has them.

use crate::open::error::UrlError;

/// Characters that no part of a request target may hold as they are (RFC 3986, section 3.3), beside
/// space, controls and what is not ASCII. Browsers leave a few of them alone, and some servers refuse
/// them: encoded they mean the same to all.
pub(super) const FRAGILE: &[u8] = b"\"<>\\^`{|}";

/// In a query. The apostrophe is in the "special-query percent-encode set".
const IN_QUERY: &[u8] = b"\"<>\\^`{|}'";

/// The "userinfo percent-encode set".
pub(super) const IN_USER_INFO: &[u8] = b"\"<>\\^`{|}/:;=@[]?#";

/// The resource name that a URL's path and query make (section 3): "The path component is optional";
/// "/" stands for none.
pub(super) fn resource_name(resource: &str) -> Result<String, UrlError> {
    let (path, query) = match resource.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (resource, None),
    };
    let mut encoded = encode(&without_dots(path), FRAGILE)?;
    if let Some(query) = query {
        encoded.push('?');
        encoded.push_str(&encode(query, IN_QUERY)?);
    }
    Ok(encoded)
}

/// Encodes these ASCII characters, space, controls, and everything outside ASCII. Escapes stay as
/// they are.
pub(super) fn encode(text: &str, set: &[u8]) -> Result<String, UrlError> {
    let mut encoded = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            // Browsers drop these. They stand in a URL by mistake only, and are what attacks on
            // HTTP are made of.
            b'\t' | b'\r' | b'\n' => return Err(UrlError::Resource),
            b'%' if hex_pair(&text.as_bytes()[index + 1..]).is_none() => {
                return Err(UrlError::Percent);
            }
            b'!'..=b'~' if !set.contains(&byte) => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(encoded)
}

/// An absolute path without the segments `.` and `..` (RFC 3986, section 5.2.4), however they are
/// written.
fn without_dots(path: &str) -> String {
    let path = path.strip_prefix(['/', '\\']).unwrap_or(path);
    let mut kept = Vec::new();
    let mut segments = path.split(['/', '\\']).peekable();
    while let Some(segment) = segments.next() {
        match dots(segment) {
            Some(1) => {}
            Some(_) => drop(kept.pop()),
            None => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// How many dots a segment is, if it is nothing but one or two. WHATWG URL, section 4.1, has `%2e`
/// stand for a dot.
fn dots(segment: &str) -> Option<usize> {
    let (mut rest, mut count) = (segment, 0);
    while !rest.is_empty() {
        let encoded = rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2e"));
        rest = match encoded {
            true => &rest[3..],
            false => rest.strip_prefix('.')?,
        };
        count += 1;
    }
    matches!(count, 1 | 2).then_some(count)
}

/// RFC 3986, section 2.1: `pct-encoded = "%" HEXDIG HEXDIG`.
pub(crate) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let decoded_byte;
        (rest, decoded_byte) = match byte {
            b'%' => (after.get(2..)?, hex_pair(after)?),
            byte => (after, *byte),
        };
        decoded.push(decoded_byte);
    }
    Some(decoded)
}

/// The byte that the first two digits are.
fn hex_pair(digits: &[u8]) -> Option<u8> {
    let digit = |index| char::from(*digits.get(index)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// RFC 3986, section 2.3.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
