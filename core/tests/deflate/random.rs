//! For any messages, settings, fragments and cuts: what goes in comes out. For any damage: no
//! panic, and no more memory than the limits give.

use std::num::NonZeroUsize;

use bluewire_core::{Config, Deflate, Delivery, Limits, Role};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{BOTH, Told, cases, frame_with_key, joined};
use crate::end_with;

/// A message, and where the sender cuts it; whole if nowhere.
#[derive(Clone, Debug)]
struct Outgoing {
    message: Told,
    cuts: Vec<usize>,
}

fn message() -> impl Strategy<Value = Told> {
    let word = prop_oneof!["[a-c]{1,3}", "the|quick|brown|fox|über|κόσμε", ".{0,5}"];
    let text = vec(word, 0..200).prop_map(|words| Told::Text(words.concat()));
    let noise = vec(any::<u8>(), 0..2000).prop_map(Told::Binary);
    let runs = vec((any::<u8>(), 1..3000_usize), 0..8)
        .prop_map(|runs| runs.into_iter().flat_map(|(byte, len)| vec![byte; len]).collect())
        .prop_map(Told::Binary);
    prop_oneof![3 => text, 2 => noise, 2 => runs]
}

fn outgoing() -> impl Strategy<Value = Outgoing> {
    (message(), vec(0..2000_usize, 0..4)).prop_map(|(message, cuts)| Outgoing { message, cuts })
}

fn settings() -> impl Strategy<Value = Deflate> {
    let own = (1..=9_u8, 1..=9_u8, 8..=15_u8, any::<bool>(), any::<bool>());
    let others = (8..=15_u8, any::<bool>(), prop_oneof![Just(0), Just(64), Just(500)]);
    (own, others).prop_map(
        |((level, memory, bits, forgets, small), (peer_bits, peer_forgets, len_min))| {
            let deflate = if small { Deflate::small() } else { Deflate::default() };
            deflate
                .level(level)
                .memory_level(memory)
                .window_bits(bits)
                .no_context_takeover(forgets)
                .peer_window_bits(peer_bits)
                .peer_no_context_takeover(peer_forgets)
                .len_min(len_min)
        },
    )
}

/// Where text may be cut.
fn char_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn sent_messages_arrive(
        client in settings(),
        server in settings(),
        messages in vec(outgoing(), 1..8),
        fragment_len in prop_oneof![Just(None), (1..300_usize).prop_map(Some)],
        read_len in 1..3000_usize,
        chunks in any::<bool>(),
        from_client in any::<bool>(),
    ) {
        // Covers: 7692-6.1-3, 7692-7.2.2-2
        let agreed = server.accept(&client.offer()).expect("there is no reason to decline");
        prop_assert_eq!(client.confirm(&agreed.to_string()), Some(agreed));
        let delivery = if chunks { Delivery::Chunks } else { Delivery::Whole };
        let config = |deflate: &Deflate| Config::default().deflate(deflate.clone()).fragment_len(fragment_len.and_then(NonZeroUsize::new)).delivery(delivery);
        let client = end_with(Role::Client, &config(&client), agreed);
        let server = end_with(Role::Server, &config(&server), agreed);
        let (mut from, mut to) = if from_client { (client, server) } else { (server, client) };
        let mut told = Vec::new();
        for Outgoing { message, cuts } in &messages {
            let mut cuts = cuts.clone();
            cuts.sort_unstable();
            match message {
                Told::Text(text) if cuts.is_empty() => {
                    from.connection.send(text, &mut from.outbox).expect("open");
                }
                Told::Binary(bytes) if cuts.is_empty() => {
                    from.connection.send(bytes, &mut from.outbox).expect("open");
                }
                Told::Text(text) => {
                    let mut rest = &text[..];
                    for cut in cuts {
                        let (part, after) = rest.split_at(char_boundary(rest, cut));
                        from.connection.send_fragment(part, false, &mut from.outbox).expect("open");
                        rest = after;
                    }
                    from.connection.send_fragment(rest, true, &mut from.outbox).expect("open");
                }
                Told::Binary(bytes) => {
                    let mut rest = &bytes[..];
                    for cut in cuts {
                        let (part, after) = rest.split_at(cut.min(rest.len()));
                        from.connection.send_fragment(part, false, &mut from.outbox).expect("open");
                        rest = after;
                    }
                    from.connection.send_fragment(rest, true, &mut from.outbox).expect("open");
                }
                _ => unreachable!("messages are text or binary"),
            }
            for piece in from.write_all().chunks(read_len) {
                told.extend(to.hear(piece));
            }
        }
        let told: Vec<_> = joined(told)
            .into_iter()
            .map(|told| match told {
                Told::TextPart(text, true) => Told::Text(text),
                Told::BinaryPart(bytes, true) => Told::Binary(bytes),
                told => told,
            })
            .collect();
        let sent: Vec<_> = messages.into_iter().map(|outgoing| outgoing.message).collect();
        prop_assert_eq!(told, sent);
        prop_assert!(to.inbox.is_empty());
    }

    #[test]
    fn damage_never_panics_and_never_exceeds_the_bound(
        messages in vec(message(), 1..6),
        damage in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        noise in vec(any::<u8>(), 0..300),
        read_len in 1..500_usize,
        chunks in any::<bool>(),
    ) {
        // Covers: 7692-7.2.2-1, 7692-8-2
        const LIMIT: usize = 4096;
        for role in BOTH {
            let other = if role == Role::Client { Role::Server } else { Role::Client };
            let deflate = Deflate::default().len_min(0);
            let limits =
                Limits::default().message_len_max(LIMIT as u64).read_len(1024);
            let delivery = if chunks { Delivery::Chunks } else { Delivery::Whole };
            let config =
                Config::default().deflate(deflate).limits(limits).delivery(delivery);
            let mut from = end_with(other, &config, Default::default());
            let mut payloads = Vec::new();
            for message in &messages {
                match message {
                    Told::Text(text) => from.connection.send(text, &mut from.outbox),
                    Told::Binary(bytes) => from.connection.send(bytes, &mut from.outbox),
                    _ => unreachable!("messages are text or binary"),
                }
                .expect("open");
                payloads.extend(from.sent());
            }
            let mut bytes = Vec::new();
            let all: usize = payloads.iter().map(|sent| sent.1.len()).sum();
            for (index, value) in &damage {
                // In the payload only: headers have tests of their own.
                let mut at = if all == 0 { continue } else { index.index(all) };
                for sent in &mut payloads {
                    if at < sent.1.len() {
                        sent.1[at] ^= value;
                        break;
                    }
                    at -= sent.1.len();
                }
            }
            for sent in &payloads {
                bytes.extend(frame_with_key(role, sent.0, &sent.1, [1, 2, 3, 4]));
            }
            bytes.extend(frame_with_key(role, 0xc2, &noise, [1, 2, 3, 4]));
            let mut to = end_with(role, &config, Default::default());
            for piece in bytes.chunks(read_len) {
                to.inbox.extend(piece);
                while let Some(told) = to.event() {
                    if let Told::Text(text) | Told::TextPart(text, _) = &told {
                        prop_assert!(text.len() <= LIMIT);
                    }
                    if let Told::Binary(bytes) | Told::BinaryPart(bytes, _) = &told {
                        prop_assert!(bytes.len() <= LIMIT);
                    }
                    let bound = LIMIT + 1 + 4 * (1024 + read_len);
                    prop_assert!(to.inbox.capacity() <= bound, "{}", to.inbox.capacity());
                }
            }
        }
    }
}
