//! The compressor of [`Deflate::small`]: what it writes is DEFLATE, within the window that was
//! agreed on, and nearly as short as what the default one writes.

use std::fmt::Write;

use bluewire_core::{Deflate, DeflateParams, Role};

use crate::common::{BOTH, End, Sent};
use crate::oracle::inflate;
use crate::{config, end_with};

fn send(end: &mut End, message: &[u8]) -> Sent {
    end.connection.send(message, &mut end.outbox).expect("open, with room");
    let [frame] = &end.sent()[..] else { panic!("one frame") };
    frame.clone()
}

/// The end of a part (RFC 7692, section 7.2.1).
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];

/// Numbers that repeat in no pattern.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Bytes in which matches of every length and distance can be found, and stretches without any.
fn mixed(len: usize) -> Vec<u8> {
    let mut numbers = Numbers(7);
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let count = usize::try_from(numbers.below(400)).expect("small");
        let distance = usize::try_from(numbers.below(9000)).expect("small") + 1;
        if distance <= bytes.len() && numbers.below(3) > 0 {
            for _ in 0..count {
                bytes.push(bytes[bytes.len() - distance]);
            }
        } else {
            bytes.extend((0..count / 8).map(|_| numbers.below(256).to_be_bytes()[7]));
        }
    }
    bytes
}

#[test]
fn a_slow_decoder_reads_its_output_which_stays_in_the_window() {
    let bytes = mixed(120_000);
    for bits in 8..=15_u8 {
        for part_len in [1, 3, 100, 4095, 4096, 4097, 8191, 8192, 30_000] {
            let params = DeflateParams {
                server_max_window_bits: (bits < 15).then_some(bits),
                ..DeflateParams::default()
            };
            let settings = config(Deflate::small().len_min(0));
            let mut end = end_with(Role::Server, &settings, params);
            let (mut window, mut received) = (Vec::new(), Vec::new());
            let mut distance_max = 0;
            for part in bytes[..bytes.len().min(part_len * 300)].chunks(part_len) {
                let Sent(first, payload) = send(&mut end, part);
                if first == 0x82 {
                    received.extend(payload);
                    continue;
                }
                let before = window.len();
                let distance = inflate(&payload, &mut window).expect("as 7.2.1 makes it");
                distance_max = distance_max.max(distance);
                received.extend_from_slice(&window[before..]);
            }
            assert!(bytes.starts_with(&received));
            assert!(distance_max <= 1 << bits.min(12), "{bits} bits: {distance_max}");
            if part_len >= 4095 {
                assert!(distance_max > 1 << (bits.min(12) - 2), "{bits} bits: {distance_max}");
            }
        }
    }
}

#[test]
fn every_byte_and_every_length_of_a_match_has_its_code() {
    let all: Vec<u8> = (0..=255).collect();
    for count in 0..=600 {
        let bytes = [&all[..], &vec![b'x'; count], &all].concat();
        let mut end =
            end_with(Role::Server, &config(Deflate::small().len_min(0)), DeflateParams::default());
        // Twice, so that the second one refers to the first.
        for _ in 0..2 {
            let Sent(first, payload) = send(&mut end, &bytes);
            let mut window = Vec::new();
            if first == 0xc2 && inflate(&payload, &mut window).is_some() {
                assert_eq!(window, bytes, "{count}");
            }
        }
    }
}

/// Messages as a server of a chat, a market and a game would send them.
fn json_messages(count: u64) -> Vec<String> {
    let mut numbers = Numbers(1);
    let names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
    let words = ["the", "order", "was", "filled", "at", "noon", "by", "our", "desk", "again"];
    let symbols = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD"];
    let mut pick = |from: &[&str]| {
        let len = from.len() as u64;
        from[usize::try_from(numbers.below(len)).expect("small")].to_owned()
    };
    let mut texts = Vec::new();
    for _ in 0..count {
        let text: Vec<_> = (0..12).map(|_| pick(&words)).collect();
        texts.push((pick(&names), pick(&symbols), text.join(" ")));
    }
    let mut messages = Vec::new();
    for (number, (name, symbol, text)) in texts.into_iter().enumerate() {
        let mut message = String::new();
        let time = 1_750_000_000_000 + numbers.below(1_000) + 700 * number as u64;
        match number % 3 {
            0 => write!(
                message,
                "{{\"type\":\"chat\",\"room\":\"lobby-{}\",\"from\":\"{name}\",\"id\":{number},\
                 \"time\":{time},\"text\":\"{text}\"}}",
                numbers.below(20),
            ),
            1 => write!(
                message,
                "{{\"type\":\"quote\",\"symbol\":\"{symbol}\",\"bid\":1.{:05},\"ask\":1.{:05},\
                 \"size\":{},\"time\":{time}}}",
                numbers.below(100_000),
                numbers.below(100_000),
                1000 * numbers.below(90),
            ),
            _ => write!(
                message,
                "{{\"type\":\"move\",\"player\":\"{name}\",\"position\":{{\"x\":{}.{},\"y\":{}.{}}},\
                 \"items\":[{},{},{}],\"time\":{time}}}",
                numbers.below(900),
                numbers.below(100),
                numbers.below(900),
                numbers.below(100),
                numbers.below(50),
                numbers.below(50),
                numbers.below(50),
            ),
        }
        .expect("a String takes everything");
        messages.push(message);
    }
    messages
}

/// Bytes that these messages become, in per mille.
fn per_mille(deflate: Deflate, messages: &[String]) -> usize {
    let mut end = end_with(Role::Server, &config(deflate), DeflateParams::default());
    let sent: usize = messages.iter().map(|text| send(&mut end, text.as_bytes()).1.len()).sum();
    1000 * sent / messages.iter().map(String::len).sum::<usize>()
}

/// The numbers on the page of [`Deflate::small`].
#[test]
fn json_becomes_nearly_as_short_as_by_the_default() {
    let messages = json_messages(3000);
    let default = per_mille(Deflate::default(), &messages);
    let least = per_mille(Deflate::default().memory_level(1).window_bits(9), &messages);
    let alone = per_mille(Deflate::default().no_context_takeover(true), &messages);
    let small = per_mille(Deflate::small(), &messages);
    assert_eq!((default / 10, least / 10, alone / 10, small / 10), (35, 74, 94, 35));
}

#[test]
fn it_says_its_window_and_keeps_to_a_smaller_one() {
    let server = Deflate::small().accept("permessage-deflate; client_max_window_bits");
    let server = server.expect("a plain offer");
    assert_eq!(server.to_string(), "permessage-deflate; server_max_window_bits=12");
    assert_eq!(Deflate::small().offer(), "permessage-deflate; client_max_window_bits=12");
    let asked = Deflate::small().accept("permessage-deflate; server_max_window_bits=9");
    assert_eq!(asked.and_then(|params| params.server_max_window_bits), Some(9));
    assert_ne!(Deflate::small(), Deflate::default().window_bits(12));
}

#[test]
fn parts_can_be_read_as_they_come() {
    for role in BOTH {
        let mut end =
            end_with(role, &config(Deflate::small().len_min(0)), DeflateParams::default());
        let mut window = Vec::new();
        for (part, fin) in [("one part, ", false), ("", false), ("one part, ", false), ("", true)] {
            end.connection.send_fragment(part, fin, &mut end.outbox).expect("open");
            for Sent(_, payload) in end.sent() {
                let before = window.len();
                // A part keeps the bytes that are left out at the end of a message.
                let whole = if fin { Some(&payload[..]) } else { payload.strip_suffix(TAIL) };
                inflate(whole.expect("a flush"), &mut window).expect("whole blocks");
                assert_eq!(&window[before..], part.as_bytes());
            }
        }
    }
}
