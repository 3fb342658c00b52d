//! The byte examples of section 5.7, in both directions.

use std::time::Duration;

use bluewire_core::{Config, Connection, Event, Inbox, MaskingKeys, Message, Outbox};

const NOW: Duration = Duration::ZERO;

fn client() -> Connection {
    Connection::client(Config::default(), MaskingKeys::from_seed([1; 32]), NOW)
}

fn server() -> Connection {
    Connection::server(Config::default(), NOW)
}

/// Every event of `bytes`, as text, fed whole and then cut at every byte.
fn events(connection: fn() -> Connection, bytes: &[u8]) -> Vec<String> {
    let whole = run(connection(), [bytes]);
    for cut in 0..=bytes.len() {
        assert_eq!(run(connection(), [&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
    whole
}

fn run<const N: usize>(mut connection: Connection, pieces: [&[u8]; N]) -> Vec<String> {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut events = Vec::new();
    for piece in pieces {
        inbox.extend(piece);
        while let Some(event) = connection.next_event(NOW, &mut inbox, &mut outbox) {
            events.push(match event {
                Event::Message(Message::Text(text)) => format!("text {text}"),
                Event::Message(Message::Binary(bytes)) => format!("binary {}", bytes.len()),
                other => format!("{other:?}"),
            });
        }
    }
    events
}

#[test]
fn a_single_frame_unmasked_text_message() {
    let bytes = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(events(client, &bytes), ["text Hello"]);
    let mut outbox = Outbox::new();
    server().send("Hello", &mut outbox).expect("open");
    assert_eq!(outbox.unsent(), bytes);
}

#[test]
fn a_single_frame_masked_text_message() {
    let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(events(server, &bytes), ["text Hello"]);
}

#[test]
fn a_fragmented_unmasked_text_message() {
    let bytes = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(events(client, &bytes), ["text Hello"]);
    let (mut server, mut outbox) = (server(), Outbox::new());
    server.send_fragment("Hel", false, &mut outbox).expect("open");
    server.send_fragment("lo", true, &mut outbox).expect("open");
    assert_eq!(outbox.unsent(), bytes);
}

#[test]
fn an_unmasked_ping_and_its_masked_answer() {
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(events(client, &ping), ["Ping([72, 101, 108, 108, 111])"]);
    let (mut client, mut inbox, mut outbox) = (client(), Inbox::default(), Outbox::new());
    inbox.extend(&ping);
    client.next_event(NOW, &mut inbox, &mut outbox).expect("a ping");
    let answer = outbox.unsent().to_vec();
    assert_eq!(answer[..2], [0x8a, 0x85]);
    assert_eq!(events(server, &answer), ["Pong([72, 101, 108, 108, 111])"]);
    let masked = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(events(server, &masked), ["Pong([72, 101, 108, 108, 111])"]);
}

#[test]
fn binary_messages_of_256_bytes_and_64_kib() {
    for (len, header) in
        [(256, &[0x82, 0x7e, 0x01, 0x00][..]), (65_536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0])]
    {
        let payload = vec![0xab; len];
        let mut outbox = Outbox::new();
        server().send(&payload, &mut outbox).expect("open");
        assert_eq!(outbox.unsent(), [header, &payload].concat());
        let bytes = outbox.unsent();
        assert_eq!(run(client(), [bytes]), [format!("binary {len}")]);
        for cut in 0..20 {
            assert_eq!(run(client(), [&bytes[..cut], &bytes[cut..]]), [format!("binary {len}")]);
        }
    }
}
