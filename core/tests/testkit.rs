//! The kit for the users' tests, as a user has it.

use std::time::Duration;

use bluewire_core::testkit::{
    Capture, CaptureErrorKind, Direction, End, Frame, OwnedEvent, Pair, Record, ScriptedPeer,
    every_cut, heard_at_every_cut,
};
use bluewire_core::{
    ClientRequest, CloseCode, Config, Delivery, Fault, HandshakeError, HttpAnswer, OwnedMessage,
    ProtocolError, Role, SendError, Timeout,
};

fn config() -> Config {
    Config::default()
}

fn request() -> ClientRequest {
    ClientRequest::new("example.com", "/chat").and_then(|it| it.subprotocol("chat")).expect("valid")
}

#[test]
fn two_ends_meet_whatever_the_pieces() {
    for len in [1, 2, 7, 1000] {
        let mut pair = Pair::connecting(&request(), config(), config());
        assert_eq!(pair.client.send("too early"), Err(SendError::NotOpen));
        while pair.client.connection().is_none() {
            pair.deliver(Role::Server, len);
            pair.deliver(Role::Client, len);
        }
        pair.client.send("Hello").expect("it is open");
        assert_eq!(pair.in_flight(Role::Server), 11);
        while pair.in_flight(Role::Server) > 0 {
            assert!(pair.deliver(Role::Server, len) <= len);
        }
        let events = pair.server.take_events();
        assert_eq!(events, [OwnedEvent::Open, OwnedEvent::text("Hello")]);
    }
}

#[test]
fn a_server_judges_the_offer() {
    let judge = |end: End| {
        let mut pair = Pair::of(End::connecting(&request(), config()), end);
        pair.exchange();
        pair
    };
    let mut pair = judge(End::judging(config(), |offer| {
        offer.select_subprotocol("chat").expect("it is offered");
        Ok(())
    }));
    assert_eq!(pair.client.take_events(), [OwnedEvent::Open]);
    let pair = judge(End::judging(config(), |offer| {
        assert_eq!(offer.path(), "/chat");
        Err(HttpAnswer::new(404).expect("a status"))
    }));
    let refused = HandshakeError::Refused { status: 404 };
    assert_eq!(pair.client.handshake_error(), Some(refused));
    assert_eq!(pair.server.handshake_error(), None);
}

#[test]
fn both_ends_close_cleanly_and_the_stream_ends() {
    for role in [Role::Client, Role::Server] {
        let mut pair = Pair::open(config(), config());
        let end = if role == Role::Client { &mut pair.client } else { &mut pair.server };
        end.close(CloseCode::NORMAL, "done").expect("it is open");
        pair.exchange();
        for end in [&pair.client, &pair.server] {
            assert!(end.closure().is_some_and(|closure| closure.clean), "{end:?}");
        }
        assert!(!pair.pass_to_next_deadline(), "nothing is due any more");
    }
}

#[test]
fn the_end_of_the_stream_arrives_behind_the_last_byte() {
    let mut pair = Pair::open(config(), config());
    let now = pair.now();
    let (server, outbox) = pair.server.parts().expect("it is open");
    server.fail(now, CloseCode::INTERNAL_ERROR, "", outbox);
    for left in (0..4).rev() {
        assert_eq!(pair.deliver(Role::Client, 1), 1);
        assert_eq!(
            (pair.in_flight(Role::Client), pair.client.closure().is_some()),
            (left, left == 0)
        );
    }
}

#[test]
fn cut_bytes_are_lost_and_blocked_bytes_wait() {
    let mut pair = Pair::open(config(), config());
    pair.block(Role::Server);
    pair.client.send("one").expect("it is open");
    pair.exchange();
    assert_eq!(pair.server.take_events(), []);
    pair.unblock(Role::Server);
    pair.exchange();
    assert_eq!(pair.server.take_events(), [OwnedEvent::text("one")]);
    pair.client.send("two").expect("it is open");
    pair.cut(Role::Server);
    pair.exchange();
    assert_eq!(pair.server.take_events(), []);
    let fault = pair.server.closure().and_then(|closure| closure.fault);
    assert_eq!(fault, Some(Fault::ConnectionLost));
}

#[test]
fn an_hour_of_quiet_passes_with_all_its_pings() {
    let mut pair = Pair::open(config(), config());
    pair.pass(Duration::from_secs(3600));
    assert_eq!(pair.now(), Duration::from_secs(3600));
    let pings = |events: Vec<OwnedEvent>| {
        events.iter().filter(|event| matches!(event, OwnedEvent::Ping(_))).count()
    };
    assert!(pings(pair.client.take_events()) + pings(pair.server.take_events()) >= 180);
    assert!(pair.client.closure().is_none() && pair.server.closure().is_none());
}

#[test]
fn a_handshake_without_an_answer_times_out() {
    let mut pair = Pair::connecting(&request(), config(), config());
    pair.block(Role::Server);
    while pair.pass_to_next_deadline() {}
    assert_eq!(pair.client.handshake_error(), Some(HandshakeError::TimedOut));
    assert_eq!(pair.now(), Duration::from_secs(10));
}

#[test]
fn a_script_talks_with_an_application() {
    let mut server = End::accepting(config());
    let script = ScriptedPeer::new(Role::Client)
        .handshake()
        .send(Frame::text("Hel").not_final())
        .wait(Duration::from_secs(5))
        .send(Frame::continuation("lo"))
        .expect_message(OwnedMessage::Text("HELLO".into()))
        .send(Frame::close(CloseCode::NORMAL, ""))
        .expect_close(CloseCode::NORMAL)
        .expect_end()
        .end();
    script
        .run(&mut server, |server, event| {
            if let OwnedEvent::Message(OwnedMessage::Text(text)) = event {
                server.send(&text.to_uppercase()).expect("it is open");
            }
        })
        .expect("it goes by the script");
    assert_eq!(server.now(), Duration::from_secs(5));
    assert!(server.closure().is_some_and(|closure| closure.clean));
}

#[test]
fn a_script_is_a_server_too_and_may_break_the_handshake() {
    let mut client = End::connecting(&request(), config());
    let script = ScriptedPeer::new(Role::Server).handshake().send(Frame::ping("?"));
    script.expect(Frame::pong("?")).run(&mut client, |_, _| {}).expect("it goes by the script");

    let mut client = End::connecting(&request(), config());
    ScriptedPeer::new(Role::Server)
        .expect_head("Sec-WebSocket-Protocol: chat\r\n")
        .send_bytes("HTTP/1.1 101 Switching Protocols\r\n\r\n")
        .expect_end()
        .run(&mut client, |_, _| {})
        .expect("it goes by the script");
    assert_eq!(client.handshake_error(), Some(HandshakeError::WrongUpgrade));
}

#[test]
fn a_script_that_is_not_met_says_where() {
    let run = |script: ScriptedPeer| {
        let mut server = End::open(Role::Server, config());
        script.run(&mut server, |_, _| {}).expect_err("it is not met").to_string()
    };
    let peer = || ScriptedPeer::new(Role::Client);
    assert_eq!(
        run(peer().send(Frame::ping("a")).expect(Frame::pong("b"))),
        "step 2 of the script expected pong fin 1 bytes \"b\", but received pong fin 1 bytes \"a\""
    );
    // In vain: the keepalive ping is what comes.
    let error = run(peer().expect_message(OwnedMessage::Text("never".into())));
    assert!(
        error.starts_with("step 1 of the script expected the message \"never\", but received ping")
    );
    let error = run(peer().send(Frame::new(0x3, "")).expect_close(CloseCode::NORMAL));
    assert!(error.contains("expected a Close frame with 1000, but received close"), "{error}");
    assert!(error.contains("1002"), "{error}");
    let error = run(peer().expect_end());
    assert!(error.contains("the end of the stream, but received ping"), "{error}");
    let half = peer().send(Frame::close(CloseCode::NORMAL, "")).expect_close(CloseCode::NORMAL);
    assert!(run(half.expect(Frame::ping(""))).ends_with("but received the end of the stream"));
    let open = peer().expect(Frame::ping(""));
    assert!(open.finish().expect_err("nothing came").to_string().ends_with("nothing more"));
}

#[test]
fn every_cut_of_a_message_is_heard_alike() {
    let bytes = [
        Frame::text("Hé").not_final().bytes_from(Role::Client),
        Frame::ping("?").bytes_from(Role::Client),
        Frame::continuation("llo").bytes_from(Role::Client),
        Frame::close(CloseCode::NORMAL, "bye").bytes_from(Role::Client),
    ]
    .concat();
    for delivery in [Delivery::Whole, Delivery::Chunks] {
        let config = config().delivery(delivery);
        let heard = heard_at_every_cut(&bytes, || End::open(Role::Server, config.clone()));
        assert_eq!(heard.events.last(), Some(&OwnedEvent::close(CloseCode::NORMAL, "bye")));
        let (pong, len) = Frame::parse(&heard.output).expect("a frame");
        assert!(pong.says_same(&Frame::pong("?")));
        let (close, _) = Frame::parse(&heard.output[len..]).expect("a frame");
        assert!(close.says_same(&Frame::close(CloseCode::NORMAL, "bye")), "{close}");
    }
}

#[test]
#[should_panic(expected = "cut at byte 2, 4 bytes lead to another outcome")]
fn a_cut_that_matters_is_found() {
    every_cut(b"abcd", |pieces| pieces.len() == 2 && pieces[0] == b"ab");
}

fn captured() -> Capture {
    let mut pair = Pair::connecting(&request(), config(), config());
    let mut capture = Capture::new(Role::Client);
    let mut exchange = |pair: &mut Pair, seconds| {
        let time = Duration::from_secs(seconds);
        let sent = pair.client.take_output();
        pair.server.receive(&sent);
        let received = pair.server.take_output();
        pair.client.receive(&received);
        for (direction, bytes) in [(Direction::Sent, sent), (Direction::Received, received)] {
            // In two reads or writes.
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            for part in [first, rest] {
                if !part.is_empty() {
                    capture.push(Record::new(time, direction, part.to_vec()));
                }
            }
        }
    };
    exchange(&mut pair, 0);
    pair.client.send("Hello").expect("it is open");
    pair.server.send(&[0, 1, 2]).expect("it is open");
    exchange(&mut pair, 1);
    pair.client.close(CloseCode::NORMAL, "done").expect("it is open");
    exchange(&mut pair, 2);
    capture.push(Record::new(Duration::from_secs(2), Direction::Received, Vec::new()));
    capture
}

#[test]
fn a_capture_is_written_read_printed_and_replayed() {
    let capture = captured();
    let read: Capture = capture.to_string().parse().expect("what was written can be read");
    assert_eq!(read, capture);
    let lines = capture.to_frames(None);
    let lines: Vec<_> = lines.lines().map(|line| line.replace("000000000 ", "")).collect();
    assert_eq!(lines[0], "0.> GET /chat HTTP/1.1");
    assert_eq!(lines[1], "0.< HTTP/1.1 101 Switching Protocols");
    assert!(lines[2].starts_with("1.> text fin mask ") && lines[2].ends_with(" 5 bytes"));
    assert_eq!(lines[3], "1.< binary fin 3 bytes");
    assert!(lines[4].starts_with("2.> close fin mask ") && lines[4].ends_with(" 6 bytes"));
    assert_eq!(lines[5..], ["2.< close fin 6 bytes", "2.< end"]);
    let full = capture.to_frames(Some(80));
    assert!(full.contains("\n    Host: example.com\n"), "{full}");
    assert!(full.contains("5 bytes \"Hello\"\n") && full.contains("3 bytes 000102\n"), "{full}");
    assert!(full.contains("6 bytes 1000 \"done\"\n"), "{full}");

    let replayed = capture.replay(config());
    let close = OwnedEvent::close(CloseCode::NORMAL, "done");
    assert_eq!(replayed.events, [OwnedEvent::binary([0, 1, 2]), close]);
    assert!(replayed.end.closure().is_some());
    let close = OwnedEvent::close(CloseCode::NORMAL, "done");
    assert_eq!(capture.replay_sent(config()).events, [OwnedEvent::text("Hello"), close]);
    // A replay is under settings of its own: here is the limit that was not there then.
    let mut strict = config();
    strict.limits.message_len_max = 2;
    let failed = [OwnedEvent::Failed(ProtocolError::MessageTooLong { limit: 2 })];
    assert_eq!(capture.replay(strict).events, failed);
}

#[test]
fn a_capture_that_ends_in_a_frame_says_so() {
    let capture: Capture =
        "# by hand\n\nbluewire-capture 1 server\n3 < 8185 0102".parse().expect("a capture");
    assert_eq!(capture.to_frames(None), "3.000000000 < 4 bytes of what is not complete\n");
    assert_eq!(capture.bytes(Direction::Received), [0x81, 0x85, 1, 2]);
    assert_eq!(capture.replay(config()).events, []);
    let capture: Capture =
        "bluewire-capture 1 client\n3 < 8900 8105 6869".parse().expect("a capture");
    let last = "3.000000000 < 4 bytes of what is not complete";
    assert_eq!(capture.to_frames(None).lines().last(), Some(last));
}

#[test]
fn a_malformed_capture_is_refused_with_its_line() {
    use CaptureErrorKind::{Bytes, Direction, Time, TimeGoesBack, Title};
    for (text, line, kind) in [
        ("", 1, Title),
        ("bluewire-capture 2 client", 1, Title),
        ("bluewire-capture 1 nobody", 1, Title),
        ("bluewire-capture 1 client\nx < 00", 2, Time),
        ("bluewire-capture 1 client\n-1 < 00", 2, Time),
        ("bluewire-capture 1 client\n1.0000000001 < 00", 2, Time),
        ("bluewire-capture 1 client\n1. < 00", 2, Time),
        ("bluewire-capture 1 client\n99999999999999999999 < 00", 2, Time),
        ("bluewire-capture 1 client\n#\n1 < 00\n0.9 < 00", 4, TimeGoesBack),
        ("bluewire-capture 1 client\n1 = 00", 2, Direction),
        ("bluewire-capture 1 client\n1", 2, Direction),
        ("bluewire-capture 1 client\n1 <", 2, Direction),
        ("bluewire-capture 1 client\n1 < 0", 2, Bytes),
        ("bluewire-capture 1 client\n1 < 0g", 2, Bytes),
        ("bluewire-capture 1 client\n1 < é", 2, Bytes),
    ] {
        let error = text.parse::<Capture>().expect_err(text);
        assert_eq!((error.line, error.kind), (line, kind), "{text:?}");
        assert!(
            error.to_string().starts_with(&format!("the capture is malformed at line {line}: "))
        );
    }
}

#[test]
fn a_ping_without_an_answer_ends_the_connection() {
    let mut end = End::open(Role::Client, config());
    let script =
        ScriptedPeer::new(Role::Server).wait(Duration::from_secs(39)).send(Frame::pong(""));
    script.run(&mut end, |_, _| {}).expect("it goes by the script");
    assert!(end.closure().is_none());
    while let Some(next) = end.deadline() {
        end.set_time(next);
    }
    let fault = end.closure().and_then(|closure| closure.fault);
    assert_eq!(fault, Some(Fault::Timeout(Timeout::Pong)));
}

#[test]
fn the_end_of_a_direction_comes_after_its_bytes_whichever_was_written_down_first() {
    let capture: Capture =
        "bluewire-capture 1 server\n1 < end\n2 < 8885 536e9025 5086f25c36".parse().expect("one");
    assert_eq!(capture.to_frames(None).lines().last(), Some("2.000000000 < end"));
    let replayed = capture.replay(config());
    assert_eq!(replayed.events, [OwnedEvent::close(CloseCode::NORMAL, "bye")]);
    assert!(replayed.end.closure().is_some());
}

#[test]
fn a_capture_cannot_change_the_terminal_that_shows_it() {
    let mut capture = Capture::new(Role::Client);
    let head = "HTTP/1.1 200 \x1b[2J\u{9b}2J\r\nX: it's \u{202e}right\u{2028}x\r\n\r\n";
    capture.push(Record::new(Duration::ZERO, Direction::Received, head.as_bytes().to_vec()));
    capture.push(Record::new(
        Duration::ZERO,
        Direction::Received,
        Frame::text("\u{1b}]0;\u{202e}").bytes_from(Role::Server),
    ));
    let shown = capture.to_frames(Some(80));
    assert!(
        shown.contains("200 \\u{1b}[2J\\u{9b}2J\n    X: it's \\u{202e}right\\u{2028}x\n"),
        "{shown}"
    );
    assert!(shown.contains("\"\\u{1b}]0;\\u{202e}\""), "{shown}");
}
