//! Section 10.4: every limit at its number and one past it, memory under hostile peers, and work
//! that is linear in the bytes received.

mod common;

use std::time::{Duration, Instant};

use bluewire_core::{
    CloseCode, Config, Delivery, Limits, PreparedMessage, ProtocolError, Role, SendError,
};

use common::{BOTH, End, KEY, Sent, Told, close_body, frame, header, hear_in_every_cut};

const DELIVERIES: [Delivery; 2] = [Delivery::Whole, Delivery::Chunks];

fn with(limits: Limits, delivery: Delivery) -> Config {
    Config::default().limits(limits).delivery(delivery).keepalive(None)
}

/// A whole frame of this length, as an endpoint sees it: its header alone.
fn header_of(to: Role, first: u8, len: u64) -> Vec<u8> {
    let mut bytes = match len {
        0..=125 => header(to, first, len.to_le_bytes()[0]).to_vec(),
        126..=65_535 => [&header(to, first, 126)[..], &len.to_be_bytes()[6..]].concat(),
        _ => [&header(to, first, 127)[..], &len.to_be_bytes()].concat(),
    };
    if to == Role::Server {
        bytes.extend(KEY);
    }
    bytes
}

/// All bytes are reported, in whichever delivery, and nothing else.
fn assert_told(told: &[Told], is_text: bool, payload: &[u8]) {
    let mut bytes: Vec<u8> = Vec::new();
    for event in told {
        match event {
            Told::Text(text) | Told::TextPart(text, _) if is_text => bytes.extend(text.as_bytes()),
            Told::Binary(part) | Told::BinaryPart(part, _) if !is_text => bytes.extend(part),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bytes, payload);
}

/// A limit is checked at the header that breaks it, not at the payload.
fn assert_fails_on_header(role: Role, config: &Config, bytes: &[u8], error: ProtocolError) {
    let heard = hear_in_every_cut(role, config, bytes);
    assert_eq!(heard.told.last(), Some(&Told::Failed(error)), "{role:?}: {bytes:02x?}");
    let Some(Sent(0x88, body)) = heard.sent.last() else { panic!("no Close frame") };
    assert_eq!(body[..2], error.close_code().value().to_be_bytes());
    let early = End::with(role, config).hear(&bytes[..bytes.len() - 1]);
    assert!(!early.contains(&Told::Failed(error)));
}

#[test]
fn a_frame_is_as_long_as_its_limit_and_not_longer() {
    for role in BOTH {
        for delivery in DELIVERIES {
            for frame_len_max in [0, 1, 125, 126, 65_535, 65_536] {
                let config = with(Limits::default().frame_len_max(frame_len_max), delivery);
                let payload = vec![b'x'; usize::try_from(frame_len_max).expect("small")];
                for first in [0x81, 0x82] {
                    let mut end = End::with(role, &config);
                    assert_told(&end.hear_frame(first, &payload), first == 0x81, &payload);
                    // A message of several such frames is longer than the limit, and may be.
                    end.hear_frame(first & 0x0f, &payload);
                    let told = end.hear_frame(0x80, &payload);
                    assert!(!matches!(told.last(), None | Some(Told::Failed(_))));

                    let error = ProtocolError::FrameTooLong { limit: frame_len_max };
                    let too_long = header_of(role, first, frame_len_max + 1);
                    assert_fails_on_header(role, &config, &too_long, error);
                    let begun = frame(role, first & 0x0f, b"");
                    let too_long = [begun, header_of(role, 0x80, frame_len_max + 1)].concat();
                    assert_fails_on_header(role, &config, &too_long, error);
                }
            }
        }
    }
}

#[test]
fn a_message_is_as_long_as_its_limit_and_not_longer() {
    for role in BOTH {
        for delivery in DELIVERIES {
            for message_len_max in [0, 1, 7, 1000] {
                let config = with(Limits::default().message_len_max(message_len_max), delivery);
                let payload = vec![b'x'; usize::try_from(message_len_max).expect("small")];
                let mut end = End::with(role, &config);
                // Each message has a limit of its own; control frames have none in it.
                for _ in 0..3 {
                    assert_told(&end.hear_frame(0x82, &payload), false, &payload);
                    let (before, after) = payload.split_at(payload.len() / 3);
                    let mut told = end.hear_frame(0x01, before);
                    assert_eq!(end.hear_frame(0x89, &[0; 125]), [Told::ping([0; 125])]);
                    told.extend(end.hear_frame(0x00, after));
                    told.extend(end.hear_frame(0x80, b""));
                    assert_told(&told, true, &payload);
                }

                let error = ProtocolError::MessageTooLong { limit: message_len_max };
                let whole = header_of(role, 0x82, message_len_max + 1);
                assert_fails_on_header(role, &config, &whole, error);
                let first = frame(role, 0x02, &payload[payload.len().min(3)..]);
                let rest = header_of(role, 0x80, message_len_max.min(3) + 1);
                assert_fails_on_header(role, &config, &[first, rest].concat(), error);
                let full = [frame(role, 0x02, &payload), header_of(role, 0x00, 1)].concat();
                assert_fails_on_header(role, &config, &full, error);
            }
        }
    }
}

/// Frames are counted, not bytes: empty ones are fragments too, and control frames are not.
#[test]
fn a_message_has_as_many_fragments_as_its_limit_and_not_more() {
    for role in BOTH {
        for delivery in DELIVERIES {
            for fragments_max in [1, 2, 5] {
                let config = with(Limits::default().fragments_max(fragments_max), delivery);
                let mut end = End::with(role, &config);
                for payload in [&b""[..], b"x"] {
                    for i in 1..=fragments_max {
                        let fin = if i == fragments_max { 0x80 } else { 0x00 };
                        let opcode = if i == 1 { 0x02 } else { 0x00 };
                        end.hear_frame(0x89, b"?");
                        let told = end.hear_frame(fin | opcode, payload);
                        assert!(!matches!(told.last(), Some(Told::Failed(_))));
                        assert!(fin == 0 || !told.is_empty(), "the message is told");
                    }
                    let mut bytes = frame(role, 0x02, payload);
                    for _ in 1..fragments_max {
                        bytes.extend(frame(role, 0x00, payload));
                        bytes.extend(frame(role, 0x89, b"?"));
                    }
                    bytes.extend(header_of(role, 0x80, payload.len() as u64));
                    let error = ProtocolError::TooManyFragments { limit: fragments_max };
                    assert_fails_on_header(role, &config, &bytes, error);
                }
            }
            let config = with(Limits::default().fragments_max(0), delivery);
            let error = ProtocolError::TooManyFragments { limit: 0 };
            assert_fails_on_header(role, &config, &header_of(role, 0x82, 0), error);
        }
    }
}

#[test]
fn the_defaults_are_limits() {
    let limits = Limits::default();
    for role in BOTH {
        let config = Config::default();
        let too_long = header_of(role, 0x82, limits.frame_len_max + 1);
        let error = ProtocolError::FrameTooLong { limit: limits.frame_len_max };
        assert_fails_on_header(role, &config, &too_long, error);
        let mut end = End::new(role);
        end.hear_frame(0x02, b"x");
        for _ in 1..limits.fragments_max {
            end.hear_frame(0x00, b"");
        }
        let error = ProtocolError::TooManyFragments { limit: limits.fragments_max };
        let failed = Told::Failed(error);
        assert_eq!(end.hear_frame(0x00, b""), [failed]);
    }
}

type Call = fn(&mut End, &[u8]) -> Result<(), SendError>;

/// A header counts in the outbox as its longest, 14 bytes, for each frame.
#[test]
fn an_outbox_takes_as_much_as_its_limit_and_not_more() {
    const HEADER_LEN_MAX: usize = 14;
    for role in BOTH {
        for (fragment_len, frames) in [(None, 1), (Some(100), 3), (Some(250), 1), (Some(249), 2)] {
            let config = Config::default()
                .fragment_len(fragment_len.and_then(|len: usize| len.try_into().ok()))
                .limits(Limits::default().outbox_len_max(250 + frames * HEADER_LEN_MAX));
            let (fits, too_long) = ([7; 250], [7; 251]);
            let calls: [Call; 3] = [
                |end, payload| end.connection.send(payload, &mut end.outbox),
                |end, payload| end.connection.send_fragment(payload, true, &mut end.outbox),
                |end, payload| end.connection.send_vectored(payload, &mut end.outbox).map(drop),
            ];
            for call in calls {
                let mut end = End::with(role, &config);
                // A message that never fits gets another error than one that fits later, however
                // full the outbox is.
                let limit = config.limits.outbox_len_max;
                let never = Err(SendError::MessageTooLong { limit });
                let full = Err(SendError::OutboxFull);
                assert_eq!(call(&mut end, &too_long), never);
                assert!(end.outbox.is_empty());
                assert_eq!(call(&mut end, &fits), Ok(()));
                assert_eq!(call(&mut end, &too_long), never);
                assert!(end.outbox.len() <= config.limits.outbox_len_max);
                assert_eq!(call(&mut end, &fits), full);
                assert_eq!(end.sent().len(), frames);
                assert_eq!(call(&mut end, &fits), Ok(()), "room again");
            }
        }
        let limits = Limits::default().outbox_len_max(250 + HEADER_LEN_MAX);
        let mut end = End::with(role, &Config::default().limits(limits));
        let (fits, too_long) = (PreparedMessage::new(&[7; 250]), PreparedMessage::new(&[7; 251]));
        let refused = end.connection.send_prepared(&too_long, &mut end.outbox);
        assert_eq!(refused, Err(SendError::MessageTooLong { limit: limits.outbox_len_max }));
        assert_eq!(end.connection.send_prepared(&fits, &mut end.outbox), Ok(()));
    }
}

/// The answers that the protocol demands are queued however full the outbox is.
#[test]
fn a_full_outbox_still_takes_answers_and_a_close_frame() {
    let config = with(Limits::default().outbox_len_max(100), Delivery::Whole);
    for role in BOTH {
        let full = |role| {
            let mut end = End::with(role, &config);
            while end.connection.send([7; 10].as_slice(), &mut end.outbox).is_ok() {}
            end.hear_frame(0x89, &[1; 125]);
            end
        };
        let mut end = full(role);
        end.hear_frame(0x88, &close_body(1000, ""));
        let sent = end.sent();
        assert_eq!((&sent[0], sent.last()), (&Sent::new(0x8a, [1; 125]), Some(&Sent::close(1000))));

        let mut end = full(role);
        end.connection.close(end.now, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        assert_eq!(end.sent().last(), Some(&Sent::close(1000)));

        let mut end = full(role);
        end.hear(&[0x83, 0x00]);
        assert!(matches!(end.sent().last(), Some(Sent(0x88, _))));
    }
}

#[test]
fn the_bound_on_memory_counts_the_head_that_is_kept() {
    let bytes_max = |head_len_max| {
        let limits = Limits::default().head_len_max(head_len_max);
        Config::default().limits(limits).max_bytes_per_connection()
    };
    assert_eq!(bytes_max(17_000) - bytes_max(16_000), 1_000);
}

/// An end whose memory is watched. Bytes arrive as a kernel brings them, and events are taken
/// after each read.
struct Watched {
    end: End,
    bytes_max: u64,
    peak: usize,
}

impl Watched {
    fn new(role: Role, config: &Config) -> Self {
        let bytes_max = config.max_bytes_per_connection();
        Self { end: End::with(role, config), bytes_max, peak: 0 }
    }

    fn look(&mut self) {
        let held = self.end.inbox.capacity() + self.end.outbox.capacity();
        self.peak = self.peak.max(held);
        assert!(held as u64 <= self.bytes_max, "{held} bytes held, {} allowed", self.bytes_max);
    }

    /// Reads of at most so many bytes.
    fn hear(&mut self, mut bytes: &[u8], read_len: usize) {
        while !bytes.is_empty() {
            let space = self.end.inbox.space();
            let len = bytes.len().min(space.len()).min(read_len);
            let (piece, rest) = bytes.split_at(len);
            space[..len].copy_from_slice(piece);
            self.end.inbox.filled(len);
            bytes = rest;
            self.look();
            while self.end.event().is_some() {
                self.look();
            }
        }
        // As for the next read, which brings nothing.
        self.end.inbox.space();
        self.look();
    }

    fn hear_frame(&mut self, first: u8, payload: &[u8], read_len: usize) {
        let bytes = frame(self.end.role(), first, payload);
        self.hear(&bytes, read_len);
    }

    /// The application sends until it is refused, and the peer reads nothing.
    fn fill_outbox(&mut self, message: &[u8]) {
        while self.end.connection.send(message, &mut self.end.outbox).is_ok() {
            self.look();
        }
        while self.end.connection.ping(&[0; 125], &mut self.end.outbox).is_ok() {
            self.look();
        }
    }
}

const READ_LENS: [usize; 4] = [1, 7, 100, usize::MAX];

/// Small numbers, so that nothing hides in them; no handshake was done here.
fn small_configs() -> impl Iterator<Item = Config> {
    [(0, 64), (1, 64), (1000, 0), (1000, 300), (5000, 1000)].into_iter().flat_map(
        |(message_len_max, read_len)| {
            let limits = Limits::default()
                .message_len_max(message_len_max)
                .read_len(read_len)
                .outbox_len_max(20_000)
                .head_len_max(0)
                .body_len_max(0)
                .fragments_max(u32::MAX);
            DELIVERIES.map(|delivery| with(limits, delivery))
        },
    )
}

/// Memory follows what has arrived, never what was announced.
#[test]
fn an_announced_length_takes_no_memory() {
    const HUGE: u64 = 1 << 40;
    let limits = Limits::default().frame_len_max(HUGE).message_len_max(HUGE);
    for role in BOTH {
        for delivery in DELIVERIES {
            let mut watched = Watched::new(role, &with(limits, delivery));
            watched.hear(&header_of(role, 0x02, HUGE), 3);
            assert!(watched.peak <= 2 * limits.read_len);
            let mut arrived = 0;
            for _ in 0..100 {
                watched.hear(&[0; 1000], usize::MAX);
                arrived += 1000;
                assert!(watched.peak <= 2 * arrived + 2 * limits.read_len);
            }
        }
    }
}

#[test]
fn fragments_without_payload_take_no_memory() {
    for role in BOTH {
        for config in small_configs() {
            for read_len in READ_LENS {
                let mut watched = Watched::new(role, &config);
                watched.hear_frame(0x02, b"", read_len);
                for _ in 0..300 {
                    watched.hear_frame(0x00, b"", read_len);
                }
                assert!(watched.peak <= 4 * config.limits.read_len.max(64));
            }
        }
    }
}

#[test]
fn fragments_of_one_byte_with_pings_between_take_the_memory_of_their_message() {
    for role in BOTH {
        for config in small_configs() {
            for read_len in READ_LENS {
                let mut watched = Watched::new(role, &config);
                for i in 0..config.limits.message_len_max {
                    watched.hear_frame(if i == 0 { 0x01 } else { 0x00 }, b"x", read_len);
                    watched.hear_frame(0x89, &[b'?'; 125], read_len);
                }
                watched.look();
            }
        }
    }
}

/// A message that stands just below its limit, a control frame that stands just before its end,
/// and an outbox that is not read.
#[test]
fn parked_messages_stay_within_the_bound() {
    for role in BOTH {
        for config in small_configs() {
            for read_len in READ_LENS {
                for message in [1, 10, 1000, 9000] {
                    let mut watched = Watched::new(role, &config);
                    let len = usize::try_from(config.limits.message_len_max).expect("small");
                    watched.hear_frame(0x02, &vec![7; len.saturating_sub(1)], read_len);
                    watched.fill_outbox(&vec![7; message]);
                    watched.hear_frame(0x89, &[0; 125], read_len);
                    watched.hear_frame(0x89, &[0; 125], read_len);
                    let ping = frame(role, 0x89, &[0; 125]);
                    watched.hear(&ping[..ping.len() - 1], read_len);
                    watched.hear(&ping[ping.len() - 1..], read_len);
                    watched.hear_frame(0x88, &close_body(1000, &"x".repeat(123)), read_len);
                }
            }
        }
    }
}

/// A peer that sends, and reads as slowly as it can.
#[test]
fn a_peer_that_does_not_read_is_within_the_bound() {
    for role in BOTH {
        for config in small_configs() {
            for (read_len, write_len) in [(1, 0), (7, 1), (100, 100), (usize::MAX, 3)] {
                let mut watched = Watched::new(role, &config);
                for i in 0..300 {
                    watched.hear_frame(0x89, &[0; 125], read_len);
                    let echo = vec![7; i];
                    // Refused at last; the application drops it.
                    let _ = watched.end.connection.send(&echo, &mut watched.end.outbox);
                    let _ = watched.end.connection.ping(&[0; 125], &mut watched.end.outbox);
                    watched.look();
                    watched.end.write(write_len);
                    watched.look();
                }
            }
        }
    }
}

/// A parked message, in bytes as they come, with every kind of frame behind it.
#[test]
fn any_traffic_is_within_the_bound() {
    for role in BOTH {
        for config in small_configs() {
            for read_len in READ_LENS {
                let mut watched = Watched::new(role, &config);
                let len_max = usize::try_from(config.limits.message_len_max).expect("small");
                for i in 0..60 {
                    let len = (i * 97) % (len_max + 1);
                    watched.hear_frame(0x01, &vec![b'x'; len / 2], read_len);
                    watched.hear_frame(0x89, &vec![b'x'; i], read_len);
                    watched.hear_frame(0x80, &vec![b'x'; len - len / 2], read_len);
                    watched.hear_frame(0x82, &vec![b'x'; len], read_len);
                    watched.end.write(i * 7);
                }
                assert_eq!(watched.end.connection.fault(), None);
            }
        }
    }
}

/// How long the work takes for this size, at best of three.
fn time(size: usize, work: impl Fn(usize)) -> Duration {
    let runs = (0..3).map(|_| {
        let start = Instant::now();
        work(size);
        start.elapsed()
    });
    runs.min().expect("three runs")
}

/// Work of four times the size takes about four times as long; if it were quadratic, sixteen
/// times. The sizes are such that a quadratic part would be most of it.
///
/// A machine that is busy with other things can say so by chance; it says it again and again only
/// if it is so.
fn assert_linear(name: &str, size: usize, work: impl Fn(usize)) {
    let tries: Vec<_> = (0..10)
        .map(|_| (time(size, &work), time(4 * size, &work)))
        .take_while(|(one, four)| *four > 8 * *one)
        .collect();
    assert!(tries.len() < 10, "{name}, {size} and four times as much: {tries:?}");
}

#[test]
fn work_is_linear_in_the_bytes_received() {
    let mut config = Config::default().keepalive(None);
    config.limits.fragments_max = u32::MAX;
    let config = &config;

    assert_linear("fragments of one byte with pings between", 30_000, |size| {
        let mut end = End::with(Role::Server, config);
        let frames = [frame(Role::Server, 0x00, b"x"), frame(Role::Server, 0x89, b"?")].concat();
        end.hear_frame(0x02, b"x");
        for _ in 0..size {
            end.hear(&frames);
        }
    });
    assert_linear("text in reads of one byte", 50_000, |size| {
        let mut end = End::with(Role::Client, config);
        end.hear(&header_of(Role::Client, 0x01, 1 << 20));
        for byte in "κόσμε".bytes().cycle().take(size) {
            end.hear(&[byte]);
        }
        assert_eq!(end.connection.fault(), None);
    });
    assert_linear("empty fragments behind a long message", 10_000, |size| {
        let mut end = End::with(Role::Client, config);
        end.hear_frame(0x01, &vec![b'x'; 10 * size]);
        for _ in 0..size {
            end.hear_frame(0x00, b"");
        }
    });
    assert_linear("many messages in one read", 20_000, |size| {
        let mut end = End::with(Role::Client, config);
        end.hear(&frame(Role::Client, 0x82, b"message").repeat(size));
    });
    assert_linear("pings that are not read", 20_000, |size| {
        let mut end = End::with(Role::Server, config);
        for _ in 0..size {
            end.connection.send(b"x", &mut end.outbox).expect("room");
        }
        for _ in 0..size {
            end.hear_frame(0x89, b"?");
        }
    });
    assert_linear("pings between messages that are read slowly", 10_000, |size| {
        let mut end = End::with(Role::Server, config);
        for _ in 0..size {
            end.connection.send(b"a message", &mut end.outbox).expect("room");
            end.connection.send(b"another", &mut end.outbox).expect("room");
            end.hear_frame(0x89, b"?");
            let written = end.outbox.unsent().len().min(9);
            end.outbox.sent(written);
        }
    });
}
