//! Any bytes to an engine in either role: however they are cut, the events are the same.
//!
//! An input is one byte of configuration, one that seeds the cuts, and what comes on the wire.
#![no_main]

use bluewire_fuzz::{End, Told, config, cut};
use libfuzzer_sys::fuzz_target;

/// What was told, without what was told of a message that then failed: how much of it that is
/// has to do with the cuts.
fn told(end: &End) -> Vec<&Told> {
    let mut told: Vec<_> = end.told.iter().collect();
    if let [.., Told::Part(_, false), Told::Failed(_)] = &*end.told {
        told.remove(told.len() - 2);
    }
    told
}

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
        assert_eq!(told(&end), told(&whole));
        assert_eq!(end.wire, whole.wire);
        assert_eq!(end.connection.closure(), whole.connection.closure());
    }
    whole.told_to_a_peer();
});
