//! Masking (5.3): the key, and where keys come from.

use alloc::boxed::Box;
use core::fmt;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::xor;

/// A 32-bit masking key, turned so that its first byte is for the next byte of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaskingKey(u32);

impl MaskingKey {
    /// The key that changes nothing: payload that is not masked.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn new(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }

    pub(crate) const fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// Unmasks what follows the first `gap` bytes of `bytes`, moves it down over them, and turns
    /// the key for what follows it.
    ///
    /// 5.3: "transformed-octet-i = original-octet-i XOR masking-key-octet-j", j = i MOD 4.
    #[inline]
    pub(crate) fn apply_down(&mut self, bytes: &mut [u8], gap: usize) {
        let len = bytes.len().saturating_sub(gap);
        if gap == 0 {
            self.apply_once(bytes);
        } else if *self == Self::NONE {
            bytes.copy_within(gap.., 0);
        } else {
            xor::down(bytes, gap, self.word());
        }
        *self = self.turned(len);
    }

    /// The key for what follows `len` bytes.
    #[inline]
    pub(crate) const fn turned(self, len: usize) -> Self {
        Self(self.0.rotate_right(xor::turned_bits(len)))
    }

    /// Masks or unmasks the whole of `payload` where it lies.
    #[inline]
    pub(crate) fn apply_once(self, payload: &mut [u8]) {
        if self != Self::NONE {
            xor::in_place(payload, self.word());
        }
    }

    /// Writes `payload` masked to `room`, which is as long: the copy that sending makes anyway.
    #[inline]
    pub(crate) fn copy_masked(self, payload: &[u8], room: &mut [u8]) {
        xor::copy(payload, room, self.word());
    }

    /// The key for eight bytes at once.
    const fn word(self) -> u64 {
        (self.0 as u64) << 32 | self.0 as u64
    }
}

/// A client's source of masking keys: ChaCha12, seeded once.
///
/// 5.3: "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a
/// strong source of entropy, and the masking key for a given frame MUST NOT make it simple for a
/// server/proxy to predict the masking key for a subsequent frame." Seed it from the system's
/// entropy, never twice from the same seed outside of tests.
///
/// It is one heap block of some 320 bytes, made here and never again.
pub struct MaskingKeys(Box<StdRng>);

impl MaskingKeys {
    /// Keys that follow from 32 bytes of entropy of the caller's.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Box::new(StdRng::from_seed(seed)))
    }

    /// Keys seeded by the operating system.
    ///
    /// # Panics
    ///
    /// If the operating system has no entropy to give, which no current one does.
    #[cfg(feature = "std")]
    #[must_use]
    #[expect(clippy::expect_used, reason = "no peer has a part in it, and its doc names the panic")]
    pub fn from_system() -> Self {
        let seeded = StdRng::try_from_rng(&mut rand::rngs::SysRng);
        Self(Box::new(seeded.expect("the operating system gives entropy")))
    }

    /// 16 random bytes for a handshake: the nonce behind `Sec-WebSocket-Key` (4.1).
    #[must_use]
    pub fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        self.0.fill_bytes(&mut nonce);
        nonce
    }

    #[inline]
    pub(crate) fn next_key(&mut self) -> MaskingKey {
        MaskingKey(self.0.next_u32())
    }
}

impl fmt::Debug for MaskingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The state tells all keys to come.
        f.debug_struct("MaskingKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn hello_of_5_7_is_unmasked() {
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]).apply_once(&mut payload);
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn the_source_of_keys_shows_nothing_of_its_state() {
        let keys = MaskingKeys::from_seed([7; 32]);
        assert_eq!(alloc::format!("{keys:?}"), "MaskingKeys { .. }");
    }

    #[test]
    fn keys_from_one_seed_do_not_repeat_within_reason() {
        let mut keys = MaskingKeys::from_seed([7; 32]);
        let mut drawn: Vec<u32> = (0..100_000).map(|_| keys.next_key().0).collect();
        drawn.sort_unstable();
        drawn.dedup();
        // By the birthday bound about one pair in 100,000 draws of 32 bits.
        assert!(drawn.len() > 99_990);
    }

    proptest! {
        #[test]
        fn any_cutting_gives_what_the_rule_gives(
            payload in prop::collection::vec(any::<u8>(), 0..300),
            bytes in any::<[u8; 4]>(),
            cuts in prop::collection::vec(0usize..40, 0..20),
        ) {
            let by_rule: Vec<u8> =
                payload.iter().enumerate().map(|(i, byte)| byte ^ bytes[i % 4]).collect();
            let mut masked = payload;
            let mut key = MaskingKey::new(bytes);
            let mut rest = &mut masked[..];
            for cut in cuts {
                let (piece, after) = rest.split_at_mut(cut.min(rest.len()));
                key.apply_down(piece, 0);
                rest = after;
            }
            key.apply_down(rest, 0);
            prop_assert_eq!(masked, by_rule);
        }
    }
}
