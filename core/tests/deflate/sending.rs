//! Compressed messages that are sent (RFC 7692, section 7.2.1).

use std::num::NonZeroUsize;
use std::time::Duration;

use bluewire_core::{Deflate, DeflateParams, Limits, Message, PreparedMessage, Role, SendError};

use crate::common::{BOTH, End, Sent, Told, frames_sent_by};
use crate::oracle::inflate;
use crate::{config, end_with};

/// Settings that compress even the shortest message.
fn deflate() -> Deflate {
    Deflate::default().len_min(0)
}

fn sender(role: Role, deflate: Deflate) -> End {
    end_with(role, &config(deflate), DeflateParams::default())
}

/// The frame that an end sends for a message.
fn send<'m>(end: &mut End, message: impl Into<Message<'m>>) -> Sent {
    end.connection.send(message, &mut end.outbox).expect("open, with room");
    let [frame] = &end.sent()[..] else { panic!("one frame") };
    frame.clone()
}

/// Bytes that no compressor makes shorter.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn the_first_examples_of_the_rfc_are_written() {
    // Covers: 7692-7.2.1-1, 7692-7.2.2-2
    for role in BOTH {
        let mut end = sender(role, deflate());
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(send(&mut end, "Hello"), Sent::new(0xc1, hello));
        // 7.2.3.2 has `f2 00 11 00 00`, and "Hello" once more is as good.
        let Sent(0xc1, again) = send(&mut end, "Hello") else { panic!("compressed text") };
        let mut texts = b"Hello".to_vec();
        assert!(inflate(&again, &mut texts).is_some());
        assert_eq!(texts, b"HelloHello");
        assert_eq!(send(&mut end, b"Hello").0, 0xc2);
    }
}

#[test]
fn an_empty_message_has_a_byte() {
    // Covers: 7692-7.2.1-2
    for role in BOTH {
        let mut end = sender(role, deflate());
        for _ in 0..3 {
            assert_eq!(send(&mut end, ""), Sent::new(0xc1, [0x00]));
        }
        send(&mut end, "Hello");
        assert_eq!(send(&mut end, b""), Sent::new(0xc2, [0x00]));
    }
}

#[test]
fn a_context_is_kept_unless_it_was_agreed_to_forget_it() {
    // Covers: 7692-7.2.2-2, 7692-7.1.1.1-1, 7692-7.1.1.2-1
    let text = "it makes sense to say this more than once, and to say it again";
    for role in BOTH {
        let mut keeping = sender(role, deflate());
        let first = send(&mut keeping, text);
        let second = send(&mut keeping, text);
        assert!(second.1.len() < first.1.len() / 4, "{first:?} {second:?}");

        let (own, peer) = (
            DeflateParams {
                server_no_context_takeover: role == Role::Server,
                client_no_context_takeover: role == Role::Client,
                ..DeflateParams::default()
            },
            DeflateParams {
                server_no_context_takeover: role == Role::Client,
                client_no_context_takeover: role == Role::Server,
                ..DeflateParams::default()
            },
        );
        let mut forgetting = end_with(role, &config(deflate()), own);
        assert_eq!(send(&mut forgetting, text), first);
        assert_eq!(send(&mut forgetting, text), first);
        // The peer's settings do not matter here.
        let mut keeping = end_with(role, &config(deflate()), peer);
        assert_eq!(send(&mut keeping, text), first);
        assert_eq!(send(&mut keeping, text), second);
        // And one may forget without a word.
        let mut forgetting = sender(role, deflate().no_context_takeover(true));
        assert_eq!(send(&mut forgetting, text), first);
        assert_eq!(send(&mut forgetting, text), first);
    }
}

#[test]
fn a_short_message_is_sent_as_it_is() {
    for role in BOTH {
        let mut end = sender(role, deflate().len_min(10));
        assert_eq!(send(&mut end, "123456789"), Sent::new(0x81, "123456789"));
        assert_eq!(send(&mut end, "1234567890").0, 0xc1);
        assert_eq!(send(&mut end, ""), Sent::new(0x81, ""));
    }
}

/// Compression may make a message longer, and its length is known only once it lies in the outbox.
#[test]
fn a_message_is_compressed_only_if_the_outbox_has_room_for_its_worst_case() {
    let bytes = noise(1000);
    for role in BOTH {
        let limits = Limits::default().outbox_len_max(1000 + 14);
        let limit = limits.outbox_len_max;
        let mut plain = End::with(role, &config(deflate()).limits(limits));
        assert_eq!(plain.connection.send(&bytes, &mut plain.outbox), Ok(()));
        let mut end = end_with(role, &config(deflate()).limits(limits), DeflateParams::default());
        let too_long = Err(SendError::MessageTooLong { limit });
        assert_eq!(end.connection.send(&bytes, &mut end.outbox), too_long);
        let parts = &mut end.connection;
        assert_eq!(parts.send_fragment(&bytes, true, &mut end.outbox), too_long);
        assert_eq!(parts.send_fragment(&bytes, false, &mut end.outbox), too_long);
        assert!(end.outbox.is_empty());
    }
}

/// It leaves nothing in the window of what was there before.
#[test]
fn an_incompressible_message_that_fills_the_window_is_sent_as_it_is() {
    for role in BOTH {
        let mut end = sender(role, deflate().window_bits(9));
        assert_eq!(send(&mut end, &noise(511)).0, 0xc2);
        assert_eq!(send(&mut end, &noise(512)), Sent::new(0x82, noise(512)));
    }
}

#[test]
fn parts_that_do_not_become_shorter_stay_compressed() {
    for role in BOTH {
        let mut end = sender(role, deflate().no_context_takeover(true));
        let (first, last) = (noise(1000), noise(500));
        for (part, fin) in [(&first, false), (&last, true)] {
            end.connection.send_fragment(part, fin, &mut end.outbox).expect("open, with room");
        }
        let sent = end.sent();
        let [Sent(0x42, begun), Sent(0x80, ended)] = &sent[..] else { panic!("{sent:?}") };
        let mut bytes = Vec::new();
        assert!(inflate(&[&begun[..], ended].concat(), &mut bytes).is_some());
        assert_eq!(bytes, [first, last].concat());
    }
}

#[test]
fn incompressible_data_is_sent_as_it_is_where_possible() {
    for role in BOTH {
        for len in [1, 100, 1000, 100_000] {
            let bytes = noise(len);
            let text = vec![b'x'; len + 20];
            // Without a context it costs nothing.
            let mut end = sender(role, deflate().no_context_takeover(true));
            assert_eq!(send(&mut end, &bytes), Sent::new(0x82, &bytes));
            let first = send(&mut end, &text);
            assert_eq!(first.0, 0xc2);
            assert_eq!(send(&mut end, &bytes), Sent::new(0x82, &bytes));
            assert_eq!(send(&mut end, &text), first);
            // With one the peer needs to have it in its window, unless it fills that.
            let mut end = sender(role, deflate().level(2));
            if len > 1 << 15 {
                let first = send(&mut end, &text[..100]);
                assert_ne!(send(&mut end, &text[..100]), first);
                assert_eq!(send(&mut end, &bytes), Sent::new(0x82, &bytes));
                assert_eq!(send(&mut end, &text[..100]), first);
                continue;
            }
            let Sent(0xc2, payload) = send(&mut end, &bytes) else { panic!("compressed") };
            assert!(payload.len() < len + len / 1000 + 20);
            let mut output = Vec::new();
            assert!(inflate(&payload, &mut output).is_some());
            let Sent(0xc2, again) = send(&mut end, &bytes) else { panic!("compressed") };
            assert!(inflate(&again, &mut output).is_some());
            assert_eq!(output, bytes.repeat(2));
            if len == 1000 {
                assert!(again.len() < 50, "{}", again.len());
            }
        }
    }
}

#[test]
fn no_match_reaches_back_further_than_was_agreed() {
    // Covers: 7692-7.1.2.1-1, 7692-7.1.2-2, 7692-7.1.2.2-2
    // Noise that comes again after every distance around the windows, so that matches of any
    // distance can be had.
    let noise = noise(40_000);
    let mut bytes = noise.clone();
    for distance in [200, 240, 250, 251, 255, 256, 257, 260, 300, 400, 511, 512, 513, 600] {
        let end = bytes.len();
        bytes.extend_from_slice(&noise[distance..distance + 60]);
        for _ in 0..20 {
            let from = bytes.len() - distance;
            bytes.extend_from_within(from..from + 20);
        }
        assert!(bytes.len() > end);
    }
    for exponent in 9..=15 {
        let window = 1_usize << exponent;
        for distance in [window - 300, window - 262, window - 1, window, window + 1] {
            let from = bytes.len() - distance.min(bytes.len());
            bytes.extend_from_within(from..from + 100);
            bytes.extend_from_slice(&noise[distance % 1000..][..distance.min(5000)]);
        }
    }
    for role in BOTH {
        // One level for each way to search.
        for level in [1, 2, 5, 9] {
            for bits in [8, 9, 11, 15] {
                let params = DeflateParams {
                    server_max_window_bits: (role == Role::Server).then_some(bits),
                    client_max_window_bits: (role == Role::Client).then_some(bits),
                    ..DeflateParams::default()
                };
                let mut end = end_with(role, &config(deflate().level(level)), params);
                let (mut window, mut received) = (Vec::new(), Vec::new());
                let mut distance_max = 0;
                for part in bytes.chunks(7_777) {
                    let Sent(first, payload) = send(&mut end, part);
                    if first == 0x82 {
                        // Noise that fills the window.
                        received.extend(payload);
                        continue;
                    }
                    let before = window.len();
                    let distance = inflate(&payload, &mut window).expect("as 7.2.1 makes it");
                    distance_max = distance_max.max(distance);
                    received.extend_from_slice(&window[before..]);
                }
                assert!(received == bytes);
                assert!(distance_max <= 1 << bits, "{bits} bits, level {level}: {distance_max}");
                assert!(
                    distance_max > 1 << (bits - 2),
                    "{bits} bits, level {level}: {distance_max}"
                );
                if role == Role::Client {
                    break;
                }
            }
        }
    }
}

#[test]
fn the_smaller_of_what_was_agreed_and_what_is_set_is_used() {
    let params = DeflateParams { server_max_window_bits: Some(12), ..DeflateParams::default() };
    let bytes = noise(3000);
    for (set, shorter) in [(15, true), (12, true), (9, false)] {
        let mut end = end_with(Role::Server, &config(deflate().window_bits(set)), params);
        send(&mut end, &bytes);
        assert_eq!(send(&mut end, &bytes).1.len() < 1000, shorter, "{set}");
    }
}

#[test]
fn fragments_are_cut_from_what_was_compressed() {
    // Covers: 7692-6.1-1, 7692-6.1-3
    let text = "fragments of a message, ".repeat(20);
    for role in BOTH {
        for len in [1, 2, 3, 7, 30, 125, 126, 1000] {
            let config = config(deflate()).fragment_len(NonZeroUsize::new(len));
            let mut end = end_with(role, &config, DeflateParams::default());
            let whole = send(&mut sender(role, deflate()), &text);
            end.connection.send(&text, &mut end.outbox).expect("open");
            let frames = end.sent();
            let count = whole.1.len().div_ceil(len);
            assert_eq!(frames.len(), count);
            for (index, Sent(first, payload)) in frames.iter().enumerate() {
                let fin = if index == count - 1 { 0x80 } else { 0 };
                let expected = if index == 0 { 0x41 } else { 0x00 } | fin;
                assert_eq!(*first, expected);
                assert!(payload.len() == len || fin != 0);
            }
            let joined: Vec<u8> = frames.into_iter().flat_map(|Sent(_, payload)| payload).collect();
            assert_eq!(joined, whole.1);
            // And one that is sent as it is.
            let mut end = end_with(role, &config, DeflateParams::default());
            end.connection.send(&noise(3), &mut end.outbox).expect("open");
            assert!(!end.sent().is_empty());
        }
    }
}

#[test]
fn a_part_can_be_read_as_soon_as_it_was_sent() {
    for role in BOTH {
        let mut end = sender(role, Deflate::default());
        let mut output = Vec::new();
        let mut message = Vec::new();
        let parts = ["first ", "second ", "", "third"];
        for (index, part) in parts.iter().enumerate() {
            end.connection.send_fragment(*part, false, &mut end.outbox).expect("open");
            // A control frame between.
            end.connection.ping(b"?", &mut end.outbox).expect("open");
            let mut frames = end.sent();
            let ping = frames.iter().position(|frame| *frame == Sent::new(0x89, "?"));
            frames.remove(ping.expect("a ping"));
            let [Sent(first, payload)] = &frames[..] else { panic!("{frames:?}") };
            assert_eq!(*first, if index == 0 { 0x41 } else { 0x00 });
            message.extend_from_slice(payload);
            output.clear();
            // A part keeps the bytes that are left out at the end of a message.
            let whole = message.strip_suffix(&[0, 0, 0xff, 0xff]).expect("a flush");
            assert!(inflate(whole, &mut output).is_some());
            assert_eq!(output, parts[..=index].concat().as_bytes());
        }
        end.connection.send_fragment("", true, &mut end.outbox).expect("open");
        assert_eq!(end.sent(), [Sent::new(0x80, [0x00])]);
        // A message in one part is as one that was sent whole.
        end.connection.send_fragment("short", true, &mut end.outbox).expect("open");
        assert_eq!(end.sent(), [Sent::new(0x81, "short")]);
    }
}

#[test]
fn prepared_and_gathered_messages_find_their_way() {
    let text = "a text that can be compressed, a text that can be compressed".repeat(3);
    for role in BOTH {
        let mut end = sender(role, Deflate::default());
        let mut peer = end_with(
            if role == Role::Client { Role::Server } else { Role::Client },
            &config(deflate()),
            DeflateParams::default(),
        );
        for _ in 0..2 {
            end.connection
                .send_prepared(&PreparedMessage::new(&text), &mut end.outbox)
                .expect("open");
            let gather = end.connection.send_vectored(&text, &mut end.outbox).expect("open");
            drop(gather);
            let gather = end.connection.send_vectored("short", &mut end.outbox).expect("open");
            drop(gather);
            let bytes = end.write_all();
            let told = peer.hear(&bytes);
            assert_eq!(told, [Told::text(&text), Told::text(&text), Told::text("short")]);
            assert!(bytes.len() < text.len() + 120);
        }
    }
}

#[test]
fn a_message_is_compressed_once_for_many_connections() {
    let text = "news for all of you, and more news for all of you";
    let news = PreparedMessage::compressed(text, &deflate());
    assert_eq!(news.payload(), text.as_bytes());
    let incompressible = PreparedMessage::compressed(&noise(100), &deflate());
    for role in BOTH {
        let other = if role == Role::Client { Role::Server } else { Role::Client };
        for forgets in [false, true] {
            let mut end = sender(role, deflate().no_context_takeover(forgets));
            let mut peer = end_with(other, &config(deflate()), DeflateParams::default());
            for _ in 0..3 {
                end.connection
                    .send("one of its own, one of its own", &mut end.outbox)
                    .expect("open");
                end.connection.send_prepared(&news, &mut end.outbox).expect("open");
                end.connection.send_prepared(&incompressible, &mut end.outbox).expect("open");
                end.connection
                    .send("one of its own, one of its own", &mut end.outbox)
                    .expect("open");
                let bytes = end.write_all();
                let own = Told::text("one of its own, one of its own");
                let expected = [own.clone(), Told::text(text), Told::binary(noise(100)), own];
                assert_eq!(peer.hear(&bytes), expected);
                let frames = frames_sent_by(role, &bytes);
                let firsts: Vec<_> = frames.iter().map(|frame| frame.0).collect();
                assert_eq!(firsts, [0xc1, 0xc1, 0x82, 0xc1]);
            }
        }
        // With a smaller window than it was compressed with, and without compression.
        let small = DeflateParams {
            server_max_window_bits: Some(9),
            client_max_window_bits: Some(9),
            ..DeflateParams::default()
        };
        for mut end in [end_with(role, &config(deflate()), small), End::new(role)] {
            end.connection.send_prepared(&news, &mut end.outbox).expect("open");
            assert_eq!(end.sent(), [Sent::new(0x81, text)]);
        }
        let news = PreparedMessage::compressed(text, &deflate().window_bits(9));
        let mut end = end_with(role, &config(deflate()), small);
        end.connection.send_prepared(&news, &mut end.outbox).expect("open");
        assert_eq!(end.sent()[0].0, 0xc1);
    }
}

#[test]
fn the_outbox_keeps_its_limit() {
    for role in BOTH {
        let limits = Limits::default().outbox_len_max(2000);
        let config = config(deflate()).limits(limits);
        let mut end = end_with(role, &config, DeflateParams::default());
        let bytes = noise(1500);
        end.connection.send(&bytes, &mut end.outbox).expect("there is room");
        assert_eq!(end.connection.send(&bytes, &mut end.outbox), Err(SendError::OutboxFull));
        let part = end.connection.send_fragment(&bytes, false, &mut end.outbox);
        assert_eq!(part, Err(SendError::OutboxFull));
        assert!(end.outbox.len() <= 2000);
        assert_eq!(end.sent().len(), 1);
        // A refusal changed nothing.
        end.connection.send(&bytes, &mut end.outbox).expect("there is room");
        let Sent(0xc2, again) = &end.sent()[0] else { panic!("compressed") };
        assert!(again.len() < 100);
    }
}

#[test]
fn an_idle_compressor_is_given_back() {
    let text = "it makes sense to say this more than once, and to say it again";
    for role in BOTH {
        let config = config(deflate().idle_timeout(Duration::from_secs(10))).keepalive(None);
        let mut end = end_with(role, &config, DeflateParams::default());
        let at = Duration::from_secs;
        assert_eq!(end.connection.poll_timeout(), None);
        let first = send(&mut end, text);
        let second = send(&mut end, text);
        assert_ne!(first, second);
        // It was used: from the first look on it is watched.
        let deadline = end.connection.poll_timeout().expect("a deadline");
        assert!(deadline <= at(10));
        end.connection.handle_timeout(at(10), &mut end.outbox);
        assert_eq!(end.connection.poll_timeout(), Some(at(20)));
        assert!(send(&mut end, text).1.len() < first.1.len() / 4);
        end.connection.handle_timeout(at(20), &mut end.outbox);
        assert_eq!(end.connection.poll_timeout(), Some(at(30)));
        end.connection.handle_timeout(at(29), &mut end.outbox);
        end.connection.handle_timeout(at(30), &mut end.outbox);
        assert_eq!(end.connection.poll_timeout(), None);
        assert_eq!(send(&mut end, text), first);
        assert_eq!(send(&mut end, text), second);
    }
}

#[test]
fn a_compressor_may_idle_for_no_time_or_without_limit() {
    let text = "it makes sense to say this more than once, and to say it again";
    for role in BOTH {
        let config = |timeout| config(deflate().idle_timeout(timeout)).keepalive(None);
        let now = Duration::from_secs(1);
        let mut end = end_with(role, &config(Duration::ZERO), DeflateParams::default());
        let first = send(&mut end, text);
        // One look to see that it was used, one to see that it was not.
        end.connection.handle_timeout(now, &mut end.outbox);
        end.connection.handle_timeout(now, &mut end.outbox);
        assert_eq!(end.connection.poll_timeout(), None);
        assert_eq!(send(&mut end, text), first);

        let mut end = end_with(role, &config(Duration::MAX), DeflateParams::default());
        let first = send(&mut end, text);
        for now in [now, Duration::MAX] {
            end.connection.handle_timeout(now, &mut end.outbox);
            assert_eq!(end.connection.poll_timeout(), None);
        }
        assert!(send(&mut end, text).1.len() < first.1.len() / 4);
    }
}
