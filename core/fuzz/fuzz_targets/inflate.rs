//! Any bytes to an engine that has agreed on compression: however they are cut, the events are the
//! same, and no message takes more memory than its limit.
//!
//! An input is one byte of configuration, one of parameters, one that seeds the cuts, and what
//! comes on the wire.
#![no_main]

use bluewire_core::{Deflate, DeflateParams};
use bluewire_fuzz::{End, assert_same, config, cut};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [flags, params, seed, bytes @ ..] = input else { return };
    let bits = |byte: u8| (byte & 8 != 0).then_some(8 + byte % 8);
    let params = DeflateParams {
        server_no_context_takeover: params & 0x80 != 0,
        client_no_context_takeover: params & 0x80 != 0,
        server_max_window_bits: bits(*params),
        client_max_window_bits: bits(*params),
    };
    let hear = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (role, mut config) = config(*flags);
        // Bombs go further than this, and the target is the slower the further they go.
        config.limits.message_len_max = config.limits.message_len_max.min(100_000);
        config.deflate = Some(Deflate::default());
        let mut end = End::with_deflate(role, config, params);
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
