//! The rarer calls of the kit for the users' tests.

use std::time::Duration;

use bluewire_core::testkit::{
    Capture, Direction, End, Frame, OwnedEvent, Pair, Record, ScriptedPeer,
};
use bluewire_core::{
    ClientRequest, CloseCode, Config, Delivery, HandshakeError, OwnedMessage, Role, SendError,
};

const BOTH: [Role; 2] = [Role::Client, Role::Server];

fn config() -> Config {
    Config::default()
}

fn request() -> ClientRequest {
    ClientRequest::new("example.com", "/chat").expect("it is valid")
}

#[test]
fn an_end_sends_pings_and_fragments_once_it_is_open() {
    let mut pair = Pair::connecting(&request(), config(), config());
    assert_eq!(pair.client.ping(b"?"), Err(SendError::NotOpen));
    assert_eq!(pair.client.send_fragment("a", true), Err(SendError::NotOpen));
    pair.exchange();
    pair.server.take_events();
    pair.client.ping(b"?").expect("it is open");
    pair.client.send_fragment("a", false).expect("it is open");
    pair.client.send_fragment("b", true).expect("it is open");
    pair.exchange();
    assert_eq!(pair.server.take_events(), [OwnedEvent::ping("?"), OwnedEvent::text("ab")]);
    assert_eq!(pair.client.take_events(), [OwnedEvent::Open, OwnedEvent::pong("?")]);
}

#[test]
fn an_end_says_its_role_and_what_it_has_not_taken() {
    for role in BOTH {
        let mut end = End::open(role, config());
        assert_eq!(end.role(), role);
        end.receive(&[0x81]);
        assert_eq!(end.inbox().unparsed(), [0x81]);
        assert!(end.outbox().is_empty() && !end.has_ended());
        let shown = format!("{end:?}");
        assert!(shown.starts_with("End { stage: Connection"), "{shown}");
        assert!(shown.contains("events: []"), "{shown}");
    }
    let shown = format!("{:?}", End::connecting(&request(), config()));
    assert!(shown.contains("ClientHandshake"), "{shown}");
    let shown = format!("{:?}", End::accepting(config()));
    assert!(shown.contains("ServerHandshake"), "{shown}");
}

#[test]
fn a_stream_that_ends_in_a_handshake_ends_the_handshake() {
    for mut end in [End::connecting(&request(), config()), End::accepting(config())] {
        end.receive_eof();
        assert_eq!(end.handshake_error(), Some(HandshakeError::ConnectionLost));
        assert!(format!("{end:?}").contains("ConnectionLost"));
        // Nothing changes any more.
        end.receive_eof();
        end.receive(b"late");
        end.set_time(Duration::from_secs(3600));
        assert_eq!(end.handshake_error(), Some(HandshakeError::ConnectionLost));
        assert_eq!(end.deadline(), None);
        assert_eq!(end.take_events(), []);
        end.take_output();
        assert!(end.has_ended());
    }
}

#[test]
fn a_server_refuses_a_request_for_a_page() {
    let mut server = End::accepting(config());
    server.receive(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    assert!(!server.has_ended(), "the answer is not written yet");
    assert!(server.take_output().starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
    assert!(server.has_ended() && server.handshake_error().is_none());
}

#[test]
fn chunks_of_a_binary_message_are_joined() {
    let config = config().delivery(Delivery::Chunks);
    let mut end = End::open(Role::Client, config);
    end.receive(b"\x02\x02\0\x01");
    end.receive(b"\x80\x01\x02");
    let part = OwnedMessage::Binary(vec![0, 1, 2]);
    assert_eq!(end.take_events(), [OwnedEvent::Chunk { part, fin: true }]);
}

#[test]
fn each_direction_of_a_pair_is_blocked_and_cut_alone() {
    let mut pair = Pair::open(config(), config());
    pair.block(Role::Client);
    pair.server.send("one").expect("it is open");
    assert_eq!(pair.in_flight(Role::Client), 5);
    pair.exchange();
    assert_eq!(pair.client.take_events(), []);
    assert_eq!(pair.in_flight(Role::Client), 5);
    pair.unblock(Role::Client);
    pair.exchange();
    assert_eq!(pair.in_flight(Role::Client), 0);
    assert_eq!(pair.client.take_events(), [OwnedEvent::text("one")]);
    pair.server.send("two").expect("it is open");
    pair.cut(Role::Client);
    pair.exchange();
    assert_eq!(pair.client.take_events(), []);
    assert!(pair.client.closure().is_some_and(|closure| !closure.clean));
}

#[test]
fn a_frame_is_printed_with_all_that_it_says() {
    let frame = Frame::continuation("");
    assert_eq!((frame.to_string(), frame.reserved_bits()), ("continuation fin 0 bytes".into(), 0));
    let frame = Frame::text("héllo");
    assert_eq!(frame.display(None).to_string(), "text fin 6 bytes");
    assert_eq!(frame.display(Some(0)).to_string(), "text fin 6 bytes");
    let announcing = Frame::text("one").announcing(5);
    assert_eq!(announcing.to_string(), "text fin 3 bytes (5 announced) \"one\"");
    // It is cut between characters.
    assert_eq!(frame.display(Some(2)).to_string(), "text fin 6 bytes \"h\"...");
    let (one, other) = (Frame::text("a"), Frame::ping("a"));
    assert!(!one.says_same(&other) && !one.says_same(&Frame::text("b")));
    assert!(one.says_same(&Frame::text("a")));
    // The last three bits count.
    assert_eq!(one.rsv(0b1101).reserved_bits(), 0b101);
}

#[test]
fn a_capture_says_whose_it_is_and_what_is_in_it() {
    for (role, title) in [
        (Role::Client, "bluewire-capture 1 client\n"),
        (Role::Server, "bluewire-capture 1 server\n"),
    ] {
        assert_eq!(Capture::title(role), title);
        let mut capture = Capture::new(role);
        assert_eq!(capture.role(), role);
        let frame = Frame::ping("?").bytes_from(role);
        let record = Record::new(Duration::ZERO, Direction::Sent, frame);
        capture.push(record.clone());
        assert_eq!(capture.records(), [record]);
        // The peer hears what this end has sent.
        assert_eq!(capture.replay_sent(config()).events, [OwnedEvent::ping("?")]);
    }
}

#[test]
fn seconds_of_a_capture_have_decimals_of_digits_alone() {
    for time in ["1.x", "1.", "1.-1", "+1.0"] {
        let text = format!("bluewire-capture 1 client\n{time} < 00");
        assert!(text.parse::<Capture>().is_err(), "{time}");
    }
    let capture: Capture = "bluewire-capture 1 client\n1.000000001 < 00".parse().expect("valid");
    assert_eq!(capture.records()[0].time, Duration::new(1, 1));
    let capture: Capture = "bluewire-capture 1 client\n1.5 < 00".parse().expect("valid");
    assert_eq!(capture.records()[0].time, Duration::from_millis(1500));
}

#[cfg(feature = "deflate")]
#[test]
fn a_replay_agrees_to_the_compression_of_the_capture() {
    let config = config().deflate(bluewire_core::Deflate::default());
    let mut pair = Pair::connecting(&request(), config.clone(), config.clone());
    let mut captures = BOTH.map(Capture::new);
    let mut exchange = |pair: &mut Pair| {
        let sent = pair.client.take_output();
        pair.server.receive(&sent);
        let received = pair.server.take_output();
        pair.client.receive(&received);
        for capture in &mut captures {
            let mut ways = [Direction::Sent, Direction::Received];
            if capture.role() == Role::Server {
                ways.reverse();
            }
            for (way, bytes) in ways.into_iter().zip([&sent, &received]) {
                if !bytes.is_empty() {
                    capture.push(Record::new(Duration::ZERO, way, bytes.clone()));
                }
            }
        }
    };
    exchange(&mut pair);
    let text = "compressed ".repeat(100);
    pair.client.send(&*text).expect("it is open");
    pair.server.send(&*text).expect("it is open");
    exchange(&mut pair);
    for capture in captures {
        let bytes = capture.bytes(Direction::Sent).len() + capture.bytes(Direction::Received).len();
        assert!(bytes < text.len(), "it was not compressed");
        assert_eq!(capture.replay(config.clone()).events, [OwnedEvent::text(&text)]);
        assert_eq!(capture.replay_sent(config.clone()).events, [OwnedEvent::text(&text)]);
    }
}

#[cfg(feature = "deflate")]
#[test]
fn a_replay_agrees_to_no_compression_that_is_not_in_the_capture() {
    let config = config().deflate(bluewire_core::Deflate::default());
    let compressed = "bluewire-capture 1 client\n0 < c107 f248cdc9c90700";
    let capture: Capture = compressed.parse().expect("valid");
    let failed = OwnedEvent::Failed(bluewire_core::ProtocolError::ReservedBits);
    assert_eq!(capture.replay(config).events, [failed]);
}

/// The error of a script against a server that is open.
fn error_of(script: ScriptedPeer) -> String {
    let mut server = End::open(Role::Server, config());
    script.run(&mut server, |_, _| {}).expect_err("it is not met").to_string()
}

#[test]
fn a_script_names_the_step_that_was_not_met() {
    let peer = || ScriptedPeer::new(Role::Client);
    let ping = || peer().send(Frame::ping("a"));
    let binary = OwnedMessage::Binary(vec![1, 2]);
    let error = error_of(ping().expect_message(binary));
    assert!(error.contains("expected a binary message of 2 bytes, but received pong"), "{error}");
    let error = error_of(ping().expect_close(CloseCode::NORMAL));
    assert!(error.contains("a Close frame with 1000, but received pong"), "{error}");
    let error = error_of(peer().send(Frame::close(CloseCode::NORMAL, "")).expect_head("x"));
    assert!(error.contains("a head with \"x\", but received the end of the stream"), "{error}");
    let error = error_of(peer().send(Frame::close(CloseCode::NORMAL, "")).handshake());
    assert!(error.contains("an opening handshake, but received"), "{error}");

    for (script, expected) in [
        (peer().wait(Duration::from_secs(1)), "to wait for 1s, but received nothing more"),
        (peer().wait(Duration::from_secs(1)).send(Frame::ping("")), "to wait for 1s, but"),
    ] {
        let error = script.finish().expect_err("it waits").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_script_finds_a_message_that_is_too_short_or_split() {
    let run = |sent: &[(&'static str, bool)], expected: &str| {
        let mut server = End::open(Role::Server, config());
        for (part, fin) in sent {
            server.send_fragment(*part, *fin).expect("it is open");
        }
        let script = ScriptedPeer::new(Role::Client)
            .expect_message(OwnedMessage::Text(expected.into()))
            .send(Frame::close(CloseCode::NORMAL, ""));
        script.run(&mut server, |_, _| {})
    };
    assert!(run(&[("Hel", false), ("lo", true)], "Hello").is_ok());
    assert!(run(&[("", true)], "").is_ok());
    let error = run(&[("Hel", true)], "Hello").expect_err("it is too short");
    assert_eq!(error.found, "text fin 3 bytes \"Hel\"");
    let error = run(&[("Help!", true)], "Hello").expect_err("it is another");
    assert_eq!(error.found, "text fin 5 bytes \"Help!\"");
    let error = run(&[("Hel", false), ("p", true)], "Hello").expect_err("it is another");
    assert_eq!(error.found, "continuation fin 1 bytes \"p\"");
}

#[test]
fn a_script_refuses_a_head_and_a_handshake_that_are_not_as_expected() {
    let mut client = End::connecting(&request(), config());
    let script = ScriptedPeer::new(Role::Server).expect_head("Origin: ");
    let error = script.run(&mut client, |_, _| {}).expect_err("it has no origin");
    assert!(error.found.starts_with("\"GET /chat HTTP/1.1"), "{error}");

    let mut peer = ScriptedPeer::new(Role::Client).handshake();
    assert!(peer.take_output().starts_with(b"GET / HTTP/1.1\r\n"));
    peer.receive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert!(peer.take_output().is_empty() && peer.is_over() && !peer.has_ended());
    let error = peer.finish().expect_err("it is refused");
    assert!(error.found.starts_with("a handshake that fails: "), "{error}");
}

#[test]
fn a_script_finds_an_unfinished_frame_at_the_end() {
    let mut peer = ScriptedPeer::new(Role::Client).expect_end().end();
    peer.receive(&[0x81]);
    peer.receive_eof();
    assert!(!peer.has_ended());
    let error = peer.finish().expect_err("a byte is left");
    assert_eq!(error.found, "1 bytes of an unfinished frame");
    let mut peer = ScriptedPeer::new(Role::Client).end();
    peer.take_output();
    assert!(peer.has_ended() && peer.is_over());
}
