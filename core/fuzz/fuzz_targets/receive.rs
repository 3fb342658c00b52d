//! Any bytes to an engine in either role: however they are cut, the events are the same.
//!
//! An input is one byte of configuration, one that seeds the cuts, and what comes on the wire.
#![no_main]

use bluewire_fuzz::{End, assert_same, config, cut};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [flags, seed, bytes @ ..] = input else { return };
    let hear = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (role, config) = config(*flags);
        let mut end = End::new(role, config);
        for piece in pieces {
            end.hear(piece);
        }
        end.hear_eof();
        end.write(usize::MAX);
        end
    };
    let whole = hear(&mut std::iter::once(bytes));
    for end in [hear(&mut bytes.chunks(1)), hear(&mut cut(*seed, bytes))] {
        assert_same(&end, &whole);
    }
    whole.told_to_a_peer();
});
