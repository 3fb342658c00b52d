//! In its steady state the engine allocates nothing, and on the way there no more than it must:
//! counted by the allocator itself, for each thread, so that every test counts only its own.

#![forbid(unsafe_code)]

use std::time::Duration;

use allocation_counter::measure;
use bluewire_core::{
    Config, Connection, Delivery, Event, Inbox, Keepalive, MaskingKeys, Message, Outbox,
    PreparedMessage, Role,
};

/// The allocations of `work`, and their bytes.
fn allocations(work: impl FnOnce()) -> (usize, usize) {
    let counted = measure(work);
    let exactly = |number| usize::try_from(number).expect("it was in memory");
    (exactly(counted.count_total), exactly(counted.bytes_total))
}

const NOW: Duration = Duration::ZERO;
const BOTH: [Role; 2] = [Role::Client, Role::Server];

fn connection(role: Role, config: &Config) -> Connection {
    match role {
        Role::Client => Connection::client(config.clone(), MaskingKeys::from_seed([1; 32]), NOW),
        Role::Server => Connection::server(config.clone(), NOW),
    }
}

/// The frames that the peer of this endpoint sends, by first byte and payload.
fn stream(to: Role, frames: &[(u8, &[u8])]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = Vec::new();
    for (first, payload) in frames {
        let mask_bit = if to == Role::Server { 0x80 } else { 0 };
        bytes.push(*first);
        if let Ok(len_7 @ 0..=125) = u8::try_from(payload.len()) {
            bytes.push(mask_bit | len_7);
        } else if let Ok(len_16) = u16::try_from(payload.len()) {
            bytes.push(mask_bit | 126);
            bytes.extend(len_16.to_be_bytes());
        } else {
            bytes.push(mask_bit | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
        if to == Role::Server {
            bytes.extend(KEY);
            bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            bytes.extend(*payload);
        }
    }
    bytes
}

/// The traffic of one round: messages whole and fragmented, small and large, control frames
/// between; 11 events.
fn round(to: Role) -> Vec<u8> {
    let large = vec![b'x'; 100_000];
    stream(
        to,
        &[
            (0x81, b"a small text"),
            (0x82, b""),
            (0x89, b"ping"),
            (0x01, b"in "),
            (0x89, b"one"),
            (0x00, b"frag"),
            (0x8a, b"two"),
            (0x89, &[b'?'; 125]),
            (0x80, "ments…".as_bytes()),
            (0x82, &large[..300]),
            (0x81, &large),
            (0x02, &large[..50_000]),
            (0x89, b""),
            (0x80, &large[..50_000]),
        ],
    )
}

const EVENTS: usize = 11;

/// An end with its memory.
struct End {
    connection: Connection,
    inbox: Inbox,
    outbox: Outbox,
}

impl End {
    fn new(role: Role, config: &Config) -> Self {
        let connection = connection(role, config);
        Self { connection, inbox: Inbox::default(), outbox: Outbox::new() }
    }

    /// Lets the bytes arrive in reads of at most so many, and gives each event to `on_event`.
    /// Returns how many there were.
    fn hear(
        &mut self,
        mut bytes: &[u8],
        read_len: usize,
        mut on_event: impl FnMut(Event<'_>, &mut Connection, &mut Outbox),
    ) -> usize {
        let Self { connection, inbox, outbox } = self;
        let mut events = 0;
        while !bytes.is_empty() {
            let space = inbox.space();
            let len = bytes.len().min(read_len).min(space.len());
            let (piece, rest) = bytes.split_at(len);
            space[..len].copy_from_slice(piece);
            inbox.filled(len);
            bytes = rest;
            while let Some(event) = connection.next_event(NOW, inbox, outbox) {
                assert!(!matches!(event, Event::Failed(_)), "{event:?}");
                on_event(event, connection, outbox);
                events += 1;
            }
        }
        events
    }
}

/// Writes by at most so many bytes at a time, all but the last `left`.
fn write(outbox: &mut Outbox, write_len: usize, left: usize) {
    while outbox.len() > left {
        let len = outbox.unsent().len().min(write_len).min(outbox.len() - left);
        outbox.sent(len);
    }
}

const READ_LENS: [usize; 4] = [1, 7, 1000, usize::MAX];

/// Warms up, and then counts. An inbox has its memory for good only once a read has found it short.
fn assert_allocates_nothing(name: &str, mut work: impl FnMut()) {
    (0..4).for_each(|_| work());
    let (count, bytes) = allocations(|| (0..3).for_each(|_| work()));
    assert_eq!((count, bytes), (0, 0), "{name}");
}

#[test]
fn the_allocator_counts() {
    let (count, bytes) = allocations(|| drop(std::hint::black_box(vec![0_u8; 1234])));
    assert_eq!((count, bytes), (1, 1234));
}

#[test]
fn receiving_allocates_nothing() {
    for role in BOTH {
        for read_len in READ_LENS {
            let bytes = round(role);
            let mut end = End::new(role, &Config::default());
            assert_allocates_nothing(&format!("{role:?}, reads of {read_len}"), || {
                assert_eq!(end.hear(&bytes, read_len, |_, _, outbox| write(outbox, 9, 0)), EVENTS);
            });
        }
    }
}

#[test]
fn receiving_in_chunks_allocates_nothing() {
    let config = Config::default().delivery(Delivery::Chunks);
    for role in BOTH {
        for read_len in READ_LENS {
            let bytes = round(role);
            let mut end = End::new(role, &config);
            assert_allocates_nothing(&format!("{role:?}, reads of {read_len}"), || {
                assert!(end.hear(&bytes, read_len, |_, _, outbox| write(outbox, 9, 0)) > EVENTS);
            });
            // A message that never ends in memory takes the memory of one read.
            assert!(end.inbox.capacity() < 20_000);
        }
    }
}

/// Answers to Pings alone, written at once, late, and in part.
#[test]
fn answering_pings_allocates_nothing() {
    for role in BOTH {
        for left in [0, 1, 100, usize::MAX] {
            let bytes = stream(role, &[(0x89, &[b'?'; 125]), (0x89, b""), (0x89, b"three")]);
            let mut end = End::new(role, &Config::default());
            // As many as ever wait.
            for _ in 0..20 {
                end.hear(&bytes, 50, |_, _, outbox| write(outbox, 33, left));
            }
            assert_allocates_nothing(&format!("{role:?}, {left} left"), || {
                end.hear(&bytes, 50, |_, _, outbox| write(outbox, 33, left));
            });
        }
    }
}

/// Every message goes back, while it is in hand.
#[test]
fn an_echo_allocates_nothing() {
    for role in BOTH {
        for read_len in READ_LENS {
            for left in [0, 10, 5000] {
                let bytes = round(role);
                let mut end = End::new(role, &Config::default());
                assert_allocates_nothing(&format!("{role:?}, {read_len}, {left} left"), || {
                    end.hear(&bytes, read_len, |event, connection, outbox| {
                        if let Event::Message(message) = event {
                            connection.send(message, outbox).expect("open");
                        }
                        write(outbox, 4321, left);
                    });
                });
            }
        }
    }
}

#[test]
fn every_way_of_sending_allocates_nothing() {
    let large = vec![0xab; 70_000];
    let prepared = PreparedMessage::new(&large);
    for role in BOTH {
        for fragment_len in [None, 1000.try_into().ok()] {
            let config = Config::default().fragment_len(fragment_len);
            let End { mut connection, mut outbox, .. } = End::new(role, &config);
            assert_allocates_nothing(&format!("{role:?}, fragments of {fragment_len:?}"), || {
                connection.send("text", &mut outbox).expect("open");
                connection.send(&large, &mut outbox).expect("open");
                connection.send_prepared(&prepared, &mut outbox).expect("open");
                connection.send_fragment(&large[..1234], false, &mut outbox).expect("open");
                write(&mut outbox, 777, 5000);
                connection.ping(b"?", &mut outbox).expect("open");
                connection.send_fragment(&large[..1234], true, &mut outbox).expect("open");
                connection.pong(b"!", &mut outbox).expect("open");
                drop(connection.send_vectored(&large, &mut outbox).expect("open"));
                write(&mut outbox, 777, 0);
                let mut gather = connection.send_vectored(&large, &mut outbox).expect("open");
                while !gather.is_empty() {
                    let len = gather.slices().iter().map(|slice| slice.len()).sum::<usize>();
                    gather.sent(len.min(3333));
                }
            });
        }
    }
}

#[test]
fn keepalive_allocates_nothing() {
    let keepalive = Some(Keepalive::default());
    let config = Config::default().keepalive(keepalive);
    for role in BOTH {
        let End { mut connection, mut inbox, mut outbox } = End::new(role, &config);
        // The payload of the second ping, and of the third, is not looked for here: any byte is
        // an answer.
        let answer = stream(role, &[(0x8a, b"answer")]);
        let mut now = NOW;
        let mut pings = 0;
        assert_allocates_nothing(&format!("{role:?}"), || {
            now = connection.poll_timeout().expect("keepalive");
            connection.handle_timeout(now, &mut outbox);
            pings += usize::from(!outbox.is_empty());
            write(&mut outbox, 3, 0);
            inbox.space()[..answer.len()].copy_from_slice(&answer);
            inbox.filled(answer.len());
            while connection.next_event(now, &mut inbox, &mut outbox).is_some() {}
        });
        assert_eq!(pings, 7);
    }
}

/// The two ends of one connection, back and forth.
#[test]
fn two_ends_that_talk_allocate_nothing() {
    let mut client = End::new(Role::Client, &Config::default());
    let mut server = End::new(Role::Server, &Config::default());
    assert_allocates_nothing("ping-pong", || {
        client.connection.send("question", &mut client.outbox).expect("open");
        client.connection.ping(b"?", &mut client.outbox).expect("open");
        for _ in 0..2 {
            let question = client.outbox.unsent();
            let len = question.len();
            server.hear(question, 5, |event, connection, outbox| {
                if let Event::Message(Message::Text(text)) = event {
                    connection.send(text, outbox).expect("open");
                }
            });
            client.outbox.sent(len);
            let answer = server.outbox.unsent();
            let len = answer.len();
            client.hear(answer, 5, |_, _, _| {});
            server.outbox.sent(len);
        }
        assert!(client.outbox.is_empty() && server.outbox.is_empty());
    });
}

/// An end that is made, and not used, holds its state and no buffer; a client also its keys.
#[test]
fn a_connection_that_is_idle_holds_no_buffer() {
    for role in BOTH {
        let config = std::sync::Arc::new(Config::default());
        let mut end = None;
        let (count, _) = allocations(|| {
            let connection = match role {
                Role::Client => {
                    Connection::client(config.clone(), MaskingKeys::from_seed([1; 32]), NOW)
                }
                Role::Server => Connection::server(config.clone(), NOW),
            };
            end = Some(End { connection, inbox: Inbox::default(), outbox: Outbox::new() });
        });
        assert_eq!(count, usize::from(role == Role::Client), "{role:?}");

        let mut end = end.expect("made above");
        let bytes = round(role);
        end.hear(&bytes, 1000, |_, _, _| {});
        write(&mut end.outbox, 1000, 0);
        end.inbox.release();
        end.outbox.release();
        assert_eq!((end.inbox.capacity(), end.outbox.capacity()), (0, 0));
        assert_eq!(end.hear(&bytes, 1000, |_, _, _| {}), EVENTS, "and goes on from there");
    }
}

/// Growing to a large message takes allocations whose bytes are a small multiple of it, however
/// it arrives: memory doubles on the way, so all blocks together are less than four times the
/// last.
#[test]
fn growing_is_linear() {
    const LEN: usize = 1024 * 1024;
    let payload = vec![0xab; LEN];
    for role in BOTH {
        let whole = stream(role, &[(0x82, &payload)]);
        let pieces: Vec<_> = payload
            .chunks(1000)
            .enumerate()
            .map(|(i, piece)| (if i == 0 { 0x02 } else { 0x00 }, piece))
            .chain([(0x80, &b""[..])])
            .collect();
        let fragmented = stream(role, &pieces);
        for bytes in [whole, fragmented] {
            for read_len in [100, 64 * 1024, usize::MAX] {
                let mut end = End::new(role, &Config::default());
                let (count, sum) = allocations(|| {
                    assert_eq!(end.hear(&bytes, read_len, |_, _, _| {}), 1);
                });
                assert!(count < 20 && sum < 4 * LEN, "{count} allocations of {sum} bytes");
            }
            let mut end = End::new(role, &Config::default());
            let (count, sum) = allocations(|| {
                end.inbox.extend(&bytes);
                assert_eq!(end.hear(&[0x89], 1, |_, _, _| {}), 1);
            });
            assert!(count < 20 && sum < 4 * LEN, "{count} allocations of {sum} bytes, extended");

            // No event is taken until all of it is there.
            let mut end = End::new(role, &Config::default());
            let (count, sum) = allocations(|| {
                bytes.chunks(1000).for_each(|piece| end.inbox.extend(piece));
                assert_eq!(end.hear(&[0x89], 1, |_, _, _| {}), 1);
            });
            assert!(count < 30 && sum < 6 * LEN, "{count} allocations of {sum} bytes, by pieces");
        }

        let mut end = End::new(role, &Config::default());
        let (count, sum) = allocations(|| {
            for piece in payload.chunks(1000) {
                end.connection.send(piece, &mut end.outbox).expect("open");
            }
        });
        assert!(count < 20 && sum < 4 * LEN, "{count} allocations of {sum} bytes, sent");
    }
}

/// With permessage-deflate (RFC 7692).
#[cfg(feature = "deflate")]
mod deflate {
    use super::*;
    use bluewire_core::Deflate;

    fn end(role: Role, deflate: &Deflate, delivery: Delivery) -> End {
        let offer = "permessage-deflate; client_max_window_bits";
        let agreed = deflate.accept(offer).expect("a plain offer");
        let config = Config::default().deflate(deflate.clone()).delivery(delivery);
        let connection = connection(role, &config).with_deflate(agreed);
        End { connection, inbox: Inbox::default(), outbox: Outbox::new() }
    }

    /// Messages of all sizes up to what an inbox keeps memory for, of which the last one does not
    /// compress.
    fn messages() -> Vec<Vec<u8>> {
        let noise =
            (0..5000_u32).map(|n| n.wrapping_mul(n).wrapping_mul(2_654_435_761).to_be_bytes()[0]);
        let text = b"{\"id\": 12345, \"name\": \"a name\", \"tags\": [\"one\", \"two\"]}";
        vec![b"".to_vec(), text.to_vec(), text.repeat(20), text.repeat(1100), noise.collect()]
    }

    #[test]
    fn two_ends_that_compress_allocate_nothing() {
        let messages = messages();
        let fragments = ["a part, ", "and the rest"];
        let fragments_len = fragments.concat().len() * messages.len();
        let sent_len = messages.concat().len() + fragments_len;
        for takeover in [true, false] {
            for delivery in [Delivery::Whole, Delivery::Chunks] {
                for read_len in [100, usize::MAX] {
                    let deflate = Deflate::default()
                        .no_context_takeover(!takeover)
                        .peer_no_context_takeover(!takeover)
                        .len_min(0);
                    let mut client = end(Role::Client, &deflate, delivery);
                    let mut server = end(Role::Server, &deflate, delivery);
                    let name = format!("takeover {takeover}, {delivery:?}, reads of {read_len}");
                    assert_allocates_nothing(&name, || {
                        for message in &messages {
                            client.connection.send(message, &mut client.outbox).expect("open");
                            let (connection, outbox) = (&mut client.connection, &mut client.outbox);
                            connection.send_fragment(fragments[0], false, outbox).expect("open");
                            connection.send_fragment(fragments[1], true, outbox).expect("open");
                        }
                        let mut len = 0;
                        let bytes = client.outbox.unsent();
                        server.hear(bytes, read_len, |event, connection, outbox| {
                            let (Event::Message(message) | Event::Chunk { part: message, .. }) =
                                event
                            else {
                                panic!("{event:?}");
                            };
                            len += message.len();
                            connection.send(message, outbox).expect("open");
                            write(outbox, usize::MAX, 0);
                        });
                        assert_eq!(len, sent_len);
                        client.outbox.sent(client.outbox.len());
                    });
                }
            }
        }
    }

    /// The numbers on the page of [`Deflate`].
    #[test]
    fn a_context_costs_what_its_page_says() {
        let small = Deflate::default().memory_level(1).window_bits(9);
        let text = [b'x'; 1000];
        for (deflate, compressor_kib) in [(Deflate::default(), 371), (small, 134)] {
            let mut sender = end(Role::Server, &deflate, Delivery::Whole);
            // So that the outbox does not count.
            End::new(Role::Server, &Config::default())
                .connection
                .send(&[0; 2000], &mut sender.outbox)
                .expect("open");
            write(&mut sender.outbox, usize::MAX, 0);
            let (count, bytes) =
                allocations(|| sender.connection.send(&text, &mut sender.outbox).expect("open"));
            assert_eq!(count, 1);
            assert_kib(bytes, compressor_kib);
            let states = Config::default().deflate(deflate.clone()).max_bytes_per_connection()
                - Config::default().max_bytes_per_connection()
                - Config::default().limits.message_len_max;
            assert!(states >= bytes as u64 + 47 * 1024 && states < bytes as u64 + 80 * 1024);

            let mut receiver = end(Role::Client, &deflate, Delivery::Whole);
            receiver.inbox.extend(sender.outbox.unsent());
            let (_, bytes) = allocations(|| {
                let End { connection, inbox, outbox } = &mut receiver;
                assert!(connection.next_event(NOW, inbox, outbox).is_some());
            });
            // With memory for the message.
            assert_kib(bytes, 47);
        }
    }

    #[test]
    fn the_small_preset_keeps_both_contexts_in_64_kib() {
        let deflate = Deflate::small();
        let text = [b'x'; 1000];
        let states = |role| end(role, &deflate, Delivery::Whole);
        let (mut sender, mut receiver) = (states(Role::Server), states(Role::Client));
        // So that the outbox does not count.
        sender.connection.send(&[0; 2000], &mut sender.outbox).expect("open");
        write(&mut sender.outbox, usize::MAX, 0);
        let mut fresh = states(Role::Server);
        core::mem::swap(&mut fresh.outbox, &mut sender.outbox);
        let (count, sent) = allocations(|| {
            fresh.connection.send(&text, &mut fresh.outbox).expect("open");
        });
        assert_eq!((count, sent), (2, 16 * 1024));
        receiver.inbox.extend(fresh.outbox.unsent());
        let (_, received) = allocations(|| {
            let End { connection, inbox, outbox } = &mut receiver;
            assert!(connection.next_event(NOW, inbox, outbox).is_some());
        });
        // With memory for the message.
        assert!(sent + received <= 64 * 1024 + text.len(), "{sent} + {received}");
        let config = Config::default().deflate(deflate);
        let bound = config.max_bytes_per_connection();
        let states = bound - Config::default().max_bytes_per_connection();
        assert!(states >= 63 * 1024 + config.limits.message_len_max);
    }

    /// The page has the numbers of 64 bits. Shorter pointers take a little less.
    #[track_caller]
    fn assert_kib(bytes: usize, kib: usize) {
        let measured = bytes / 1024;
        assert!(measured == kib || cfg!(target_pointer_width = "32") && measured + 1 == kib);
    }
}
