//! The key of a request and the value that answers it (1.3, 4.1, 4.2.2), and the protocol's version.

use alloc::borrow::ToOwned;
use alloc::string::String;

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::grammar::ascii;

/// The one version of the protocol: 4.1 says "The value of this header field MUST be 13."
pub(crate) const VERSION: &str = "13";

/// Decoding does not ask that the last two bits that no byte has be zero: in the example of 4.1,
/// `AQIDBAUGBwgJCgsMDQ4PEC==`, they are not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// 4.1: "a nonce consisting of a randomly selected 16-byte value that has been base64-encoded".
pub(crate) fn key(nonce: [u8; 16]) -> [u8; 24] {
    let mut key = [0; 24];
    let encoded = BASE64.encode_slice(nonce, &mut key);
    debug_assert_eq!(encoded, Ok(key.len()));
    key
}

/// Whether the value decodes to 16 bytes (4.2.1).
pub(crate) fn is_key(value: &[u8]) -> bool {
    let mut nonce = [0; 18];
    BASE64.decode_slice(value, &mut nonce).is_ok_and(|len| len == 16)
}

/// A server's answer to a key. It shows that the server speaks WebSocket (1.3).
///
/// 4.2.2: "constructed by concatenating /key/ [...] with the string
/// "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the SHA-1 hash of this concatenated value to
/// obtain a 20-byte value and base64-encoding [...] this 20-byte hash."
pub(crate) fn accept(key: &[u8]) -> [u8; 28] {
    let mut digest = sha1_smol::Sha1::new();
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut accept = [0; 28];
    let encoded = BASE64.encode_slice(digest.digest().bytes(), &mut accept);
    debug_assert_eq!(encoded, Ok(accept.len()));
    accept
}

/// The value of `Sec-WebSocket-Accept` that answers this `Sec-WebSocket-Key` (4.2.2), for a server
/// whose opening handshake another library does; `None` if the key is not one, which such a server
/// must refuse. A [`ServerHandshake`](crate::ServerHandshake) does all this itself.
///
/// ```
/// use bluewire_core::accept_value;
///
/// let value = accept_value("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(value.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
/// assert_eq!(accept_value("too short"), None);
/// ```
#[must_use]
pub fn accept_value(key: impl AsRef<[u8]>) -> Option<String> {
    let key = key.as_ref();
    is_key(key).then(|| ascii(&accept(key)).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_1_3_gives_its_accept_value() {
        assert_eq!(&accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(&key(*b"the sample nonce"), b"dGhlIHNhbXBsZSBub25jZQ==");
    }

    #[test]
    fn a_key_is_16_bytes_in_base64() {
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        // The example of 4.1 has bits set that decode to nothing.
        assert!(is_key(b"AQIDBAUGBwgJCgsMDQ4PEC=="));
        for bad in [
            "",
            "AAAA",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=", // 15, 17, 18 bytes:
            "AAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            "dGhlIHNhbXBsZSBub25jZ===",
            "dGhlIHNhbXBsZSBub25j*Q==",
            "dGhlIHNhbXBsZSBub25jZQ== ",
        ] {
            assert!(!is_key(bad.as_bytes()), "{bad}");
        }
    }
}
