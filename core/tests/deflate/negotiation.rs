//! Offers that are made, accepted, confirmed and refused (RFC 7692, sections 5 and 7).

use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Connection, Deflate, DeflateParams, HandshakeError,
    Inbox, MaskingKeys, Message, Outbox, Request, ServerHandshake,
};

use crate::config;

const NOW: Duration = Duration::ZERO;

fn params(
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<u8>,
) -> DeflateParams {
    DeflateParams {
        server_no_context_takeover,
        client_no_context_takeover,
        server_max_window_bits,
        client_max_window_bits,
    }
}

/// The `Sec-WebSocket-Extensions` lines of a head.
fn extensions(head: &[u8]) -> Vec<String> {
    let head = std::str::from_utf8(head).expect("ASCII");
    let values = head.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    values.map(String::from).collect()
}

/// A server's answer to these lines.
fn answer(config: Config, lines: &[&str]) -> (Vec<String>, Option<DeflateParams>) {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut head = String::from(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
    );
    for line in lines {
        head.push_str(&format!("Sec-WebSocket-Extensions: {line}\r\n"));
    }
    head.push_str("\r\n");
    inbox.extend(head.as_bytes());
    let mut handshake = ServerHandshake::new(config, NOW);
    let Ok(Some(Request::Upgrade(offer))) = handshake.next_request(&mut inbox, &mut outbox) else {
        panic!("the request is an offer");
    };
    let agreed = offer.deflate();
    let connection = offer.accept(NOW, &mut outbox);
    assert_eq!(connection.deflate(), agreed);
    (extensions(outbox.unsent()), agreed)
}

fn client(config: Config) -> (ClientHandshake, Vec<String>) {
    let mut outbox = Outbox::new();
    let request = ClientRequest::new("a", "/").expect("valid");
    let handshake =
        ClientHandshake::start(&request, *b"the sample nonce", config, NOW, &mut outbox);
    let offered = extensions(outbox.unsent());
    (handshake, offered)
}

/// A client's verdict on an answer with these lines.
fn confirm(config: Config, lines: &[&str]) -> Result<Option<DeflateParams>, HandshakeError> {
    let (mut handshake, _) = client(config);
    let mut inbox = Inbox::default();
    let mut head = String::from(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    );
    for line in lines {
        head.push_str(&format!("Sec-WebSocket-Extensions: {line}\r\n"));
    }
    head.push_str("\r\n");
    inbox.extend(head.as_bytes());
    let response = handshake.next_response(&mut inbox)?.expect("the head is complete");
    let keys = MaskingKeys::from_seed([1; 32]);
    Ok(response.into_connection(keys, NOW).deflate())
}

#[test]
fn without_the_setting_nothing_is_offered_nor_accepted() {
    // Covers: 7692-8-1
    assert_eq!(client(Config::default()).1, [""; 0]);
    assert_eq!(answer(Config::default(), &["permessage-deflate"]), (vec![], None));
    let unoffered = Err(HandshakeError::UnofferedExtension);
    assert_eq!(confirm(Config::default(), &["permessage-deflate"]), unoffered);
}

#[test]
fn a_client_offers_what_it_wants_and_then_to_go_without() {
    // Covers: 7692-5-1
    let deflate = Deflate::default;
    for (deflate, offered) in [
        (deflate(), "permessage-deflate; client_max_window_bits"),
        (
            deflate().no_context_takeover(true).window_bits(10),
            "permessage-deflate; client_no_context_takeover; client_max_window_bits=10",
        ),
        (
            deflate().peer_no_context_takeover(true).peer_window_bits(9),
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits, permessage-deflate; client_max_window_bits",
        ),
        (
            deflate().peer_window_bits(9).fall_back(false),
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits",
        ),
        // The nearest valid value replaces values outside the range.
        (
            deflate().window_bits(0).peer_window_bits(99).level(0).memory_level(200),
            "permessage-deflate; client_max_window_bits=8",
        ),
    ] {
        assert_eq!(deflate.offer(), offered);
        assert_eq!(client(config(deflate)).1, [offered]);
    }
}

#[test]
fn a_server_accepts_by_what_it_must_say() {
    // Covers: 7692-5-1, 7692-7.1.1.1-1, 7692-7.1.1.2-2, 7692-7.1.2.1-1, 7692-7.1.2.1-2
    // Covers: 7692-7.1.2.2-1, 7692-7.1.2.2-3, 7692-7.1.2-1, 6455-9.1-4
    let deflate = Deflate::default;
    for (deflate, offer, answered) in [
        (deflate(), "permessage-deflate", "permessage-deflate"),
        (deflate(), "permessage-deflate; client_max_window_bits", "permessage-deflate"),
        (deflate(), "permessage-deflate; client_max_window_bits=10", "permessage-deflate"),
        (
            deflate(),
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            deflate(),
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            deflate(),
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=15",
        ),
        (
            deflate(),
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=8",
        ),
        // A quoted value is the same value.
        (
            deflate(),
            "permessage-deflate;server_max_window_bits = \"1\\0\" ; client_max_window_bits=\"9\"",
            "permessage-deflate; server_max_window_bits=10",
        ),
        // Parameters that the server adds on its own.
        (
            deflate().no_context_takeover(true).peer_no_context_takeover(true),
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            deflate().window_bits(11),
            "permessage-deflate",
            "permessage-deflate; server_max_window_bits=11",
        ),
        (
            deflate().window_bits(11),
            "permessage-deflate; server_max_window_bits=12",
            "permessage-deflate; server_max_window_bits=11",
        ),
        (
            deflate().window_bits(12),
            "permessage-deflate; server_max_window_bits=11",
            "permessage-deflate; server_max_window_bits=11",
        ),
        // A limit for the client's window goes only to a client that accepts one.
        (deflate().peer_window_bits(11), "permessage-deflate", "permessage-deflate"),
        (
            deflate().peer_window_bits(11),
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=11",
        ),
        (
            deflate().peer_window_bits(11),
            "permessage-deflate; client_max_window_bits=12",
            "permessage-deflate; client_max_window_bits=11",
        ),
        (
            deflate().peer_window_bits(11),
            "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate",
        ),
        // Beside others; and the first of several.
        (deflate(), "foo, permessage-deflate, bar; baz", "permessage-deflate"),
        (
            deflate(),
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            "permessage-deflate; server_max_window_bits=10",
        ),
        // After those that must be declined.
        (
            deflate(),
            "permessage-deflate; foo, permessage-deflate; server_max_window_bits=16, \
             permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
    ] {
        let (answer, agreed) = answer(config(deflate.clone()), &[offer]);
        assert_eq!(answer, [answered], "{offer}");
        assert_eq!(agreed, deflate.accept(offer), "{offer}");
        assert_eq!(agreed.expect("agreed").to_string(), answered, "{offer}");
    }
    // In several lines as in one.
    let lines = ["foo", "permessage-deflate; server_max_window_bits=9", "permessage-deflate"];
    let (answer, _) = answer(config(deflate()), &lines);
    assert_eq!(answer, ["permessage-deflate; server_max_window_bits=9"]);
}

/// Parameters that neither an offer nor a response may have.
const INVALID: &[&str] = &[
    "foo",
    "foo=1",
    "Server_no_context_takeover",
    "server_no_context_takeover=1",
    "server_no_context_takeover=true",
    "client_no_context_takeover=\"\\1\"",
    "server_no_context_takeover; server_no_context_takeover",
    "client_no_context_takeover; foo; client_no_context_takeover",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=08",
    "server_max_window_bits=010",
    "server_max_window_bits=+8",
    "server_max_window_bits=-8",
    "server_max_window_bits=0",
    "server_max_window_bits=1",
    "server_max_window_bits=8x",
    "server_max_window_bits=0x8",
    "server_max_window_bits=264",
    "server_max_window_bits=4294967304",
    "server_max_window_bits=10; server_max_window_bits=10",
    "client_max_window_bits=7",
    "client_max_window_bits=16",
    "client_max_window_bits=08",
    "client_max_window_bits=10; client_max_window_bits=10",
    "client_max_window_bits; client_max_window_bits",
    "client_max_window_bits; client_max_window_bits=10",
];

#[test]
fn a_server_declines_an_offer_that_breaks_a_rule() {
    // Covers: 7692-7-1, 7692-7.1.2-1, 7692-5-1
    for invalid in INVALID {
        let offer = format!("permessage-deflate; {invalid}");
        assert_eq!(answer(config(Deflate::default()), &[&offer]), (vec![], None), "{invalid}");
        assert_eq!(Deflate::default().accept(&offer), None);
    }
    for other in ["x-webkit-deflate-frame", "permessage-bzip2", "Permessage-Deflate"] {
        assert_eq!(answer(config(Deflate::default()), &[other]), (vec![], None), "{other}");
    }
    assert_eq!(answer(config(Deflate::default()), &[]), (vec![], None));
    assert_eq!(Deflate::default().accept("permessage-deflate; ="), None);
    assert_eq!(Deflate::default().accept(""), None);
}

#[test]
fn a_server_can_decline_for_one_resource() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    inbox.extend(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    );
    let mut handshake = ServerHandshake::new(config(Deflate::default()), NOW);
    let Ok(Some(Request::Upgrade(mut offer))) = handshake.next_request(&mut inbox, &mut outbox)
    else {
        panic!("the request is an offer");
    };
    offer.decline_extensions();
    assert_eq!(offer.accept(NOW, &mut outbox).deflate(), None);
    assert_eq!(extensions(outbox.unsent()), [""; 0]);
}

#[test]
fn a_client_confirms_what_answers_its_offer() {
    // Covers: 7692-7.1.1.1-2, 7692-7.1.1.2-2, 7692-7.1.2.1-2, 7692-7.1.2.2-3
    let deflate = Deflate::default;
    for (deflate, response, agreed) in [
        (deflate(), "permessage-deflate", params(false, false, None, None)),
        // Unasked, as each may be.
        (
            deflate(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            params(true, true, None, None),
        ),
        (
            deflate(),
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=\"8\"",
            params(false, false, Some(8), Some(8)),
        ),
        (
            deflate().window_bits(10),
            "permessage-deflate; client_max_window_bits=10",
            params(false, false, None, Some(10)),
        ),
        (deflate().window_bits(10), "permessage-deflate", params(false, false, None, None)),
        (
            deflate().peer_window_bits(10).fall_back(false),
            "permessage-deflate; server_max_window_bits=10",
            params(false, false, Some(10), None),
        ),
        (
            deflate().peer_no_context_takeover(true).fall_back(false),
            "permessage-deflate; server_no_context_takeover",
            params(true, false, None, None),
        ),
        // By what it offered beside.
        (
            deflate().peer_window_bits(10),
            "permessage-deflate; server_max_window_bits=11",
            params(false, false, Some(11), None),
        ),
        (
            deflate().peer_no_context_takeover(true),
            "permessage-deflate",
            params(false, false, None, None),
        ),
    ] {
        assert_eq!(confirm(config(deflate.clone()), &[response]), Ok(Some(agreed)), "{response}");
        assert_eq!(deflate.confirm(response), Some(agreed));
    }
    // Or none of it.
    assert_eq!(confirm(config(deflate()), &[]), Ok(None));
}

#[test]
fn a_client_refuses_what_does_not() {
    // Covers: 7692-5-2, 7692-5-3, 7692-7-2, 7692-7.1.2.2-2, 7692-7.1.2.2-3, 6455-9.1-4
    let deflate = Deflate::default;
    let invalid_params = HandshakeError::InvalidExtensionParams;
    for invalid in INVALID {
        let response = format!("permessage-deflate; {invalid}");
        assert_eq!(confirm(config(deflate()), &[&response]), Err(invalid_params), "{invalid}");
        assert_eq!(deflate().confirm(&response), None);
    }
    for (deflate, response) in [
        // Only an offer may leave the value out.
        (deflate(), "permessage-deflate; client_max_window_bits"),
        (deflate().window_bits(10), "permessage-deflate; client_max_window_bits=11"),
        (
            deflate().peer_window_bits(10).fall_back(false),
            "permessage-deflate; server_max_window_bits=11",
        ),
        (deflate().peer_window_bits(10).fall_back(false), "permessage-deflate"),
        (deflate().peer_no_context_takeover(true).fall_back(false), "permessage-deflate"),
    ] {
        assert_eq!(
            confirm(config(deflate.clone()), &[response]),
            Err(invalid_params),
            "{response}"
        );
        assert_eq!(deflate.confirm(response), None);
    }
    for (lines, error) in [
        (&["foo"][..], HandshakeError::UnofferedExtension),
        (&["permessage-deflate, foo"], HandshakeError::UnofferedExtension),
        (&["foo, permessage-deflate"], HandshakeError::UnofferedExtension),
        // Both would have RSV1.
        (&["permessage-deflate, permessage-deflate"], HandshakeError::UnofferedExtension),
        (&["permessage-deflate", "permessage-deflate"], HandshakeError::RepeatedExtensions),
        (&[""], HandshakeError::InvalidExtensions),
        (&["permessage-deflate;"], HandshakeError::InvalidExtensions),
        (&["permessage-deflate, ="], HandshakeError::InvalidExtensions),
    ] {
        assert_eq!(confirm(config(deflate()), lines), Err(error), "{lines:?}");
    }
    assert_eq!(deflate().confirm("permessage-deflate, permessage-deflate"), None);
}

/// Whatever both sides want, they agree, and understand each other.
#[test]
fn all_settings_come_to_an_agreement() {
    let windows = [8, 9, 12, 15];
    let both = [false, true];
    let settings: Vec<Deflate> = (0..64)
        .map(|n: usize| {
            Deflate::default()
                .window_bits(windows[n % 4])
                .peer_window_bits(windows[n / 4 % 4])
                .no_context_takeover(both[n / 16 % 2])
                .peer_no_context_takeover(both[n / 32])
                .len_min(0)
        })
        .collect();
    for client in &settings {
        for server in settings.iter().step_by(5) {
            let agreed = server.accept(&client.offer()).expect("there is no reason to decline");
            assert_eq!(client.confirm(&agreed.to_string()), Some(agreed));
            let keys = MaskingKeys::from_seed([1; 32]);
            let mut ends = [
                Connection::client(config(client.clone()), keys, NOW).with_deflate(agreed),
                Connection::server(config(server.clone()), NOW).with_deflate(agreed),
            ];
            for _ in 0..2 {
                for text in ["over and over and over", ""] {
                    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
                    ends[0].send(text, &mut outbox).expect("open");
                    inbox.extend(outbox.unsent());
                    let event = ends[1].next_event(NOW, &mut inbox, &mut Outbox::new());
                    let expected = bluewire_core::Event::Message(Message::Text(text));
                    assert_eq!(event, Some(expected), "{agreed}");
                }
                ends.reverse();
            }
        }
    }
}
