//! Two sessions that talk through memory.

use super::super::samples::{TLS, fresh};
use super::*;

const BAD_RECORD_MAC: u8 = 20;

fn sessions((server, client): &(ServerTls, Tls)) -> (Session, Session) {
    let client = Session::client("localhost", client).expect("the settings are good");
    (client, Session::server(server).expect("the settings are good"))
}

/// Two sessions whose handshake is complete.
fn opened() -> (Session, Session) {
    opened_by(&TLS)
}

fn opened_by(tls: &(ServerTls, Tls)) -> (Session, Session) {
    let (mut client, mut server) = sessions(tls);
    shake_hands(&mut client, &mut server, &mut Session::received);
    (client, server)
}

/// Gives each what the other sends until both are content.
fn shake_hands(
    client: &mut Session,
    server: &mut Session,
    deliver: &mut dyn FnMut(&mut Session, &[u8]),
) {
    for _ in 0..10 {
        each_way(client, server, |from, to| match unsent(from) {
            // To deliver no bytes would be an end.
            none if none.is_empty() => {}
            ciphertext => deliver(to, &ciphertext),
        });
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert!(!client.has_unsent() && !server.has_unsent());
}

/// A stream that takes everything.
fn into(all: &mut Vec<u8>) -> impl FnMut(&[IoSlice<'_>]) -> io::Result<usize> {
    |slices| {
        slices.iter().for_each(|slice| all.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
}

fn unsent(session: &mut Session) -> Vec<u8> {
    let mut all = Vec::new();
    session.flush(into(&mut all)).expect("memory takes it");
    all
}

/// The ciphertext of this.
fn enciphered(session: &mut Session, plaintext: &[u8]) -> Vec<u8> {
    let (mut all, mut written) = (Vec::new(), 0);
    while written < plaintext.len() {
        let slices = [IoSlice::new(&plaintext[written..])];
        written += session.write(&slices, into(&mut all)).expect("memory takes it");
    }
    all
}

/// All that can be read, by reads of this length, and how it ends: `None` if more can come.
fn read_all(session: &mut Session, len: usize) -> (Vec<u8>, Option<io::Result<()>>) {
    let (mut all, mut buf) = (Vec::new(), vec![0; len]);
    loop {
        let incoming = session.has_incoming();
        let read = session.read(&mut buf);
        assert_eq!(incoming, read.is_some());
        match read {
            None => return (all, None),
            Some(Ok(0)) => return (all, Some(Ok(()))),
            Some(Ok(len)) => all.extend_from_slice(&buf[..len]),
            Some(Err(error)) => return (all, Some(Err(error))),
        }
    }
}

/// The bytes that can be read, and the reason of the failure that follows.
fn failed(session: &mut Session) -> (Vec<u8>, TlsError) {
    match read_all(session, 100) {
        (all, Some(Err(error))) => (all, error.into()),
        (all, end) => panic!("no failure, but {end:?} after {all:?}"),
    }
}

fn each_way(
    client: &mut Session,
    server: &mut Session,
    mut play: impl FnMut(&mut Session, &mut Session),
) {
    play(client, server);
    play(server, client);
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index % 251).expect("it is small")).collect()
}

#[test]
fn an_exchange_passes_in_pieces_of_any_length() {
    for piece in [1, 2, 3, 5, 17, 100, 1000, ROOM_MIN, 70_000] {
        let (mut client, mut server) = sessions(&TLS);
        shake_hands(&mut client, &mut server, &mut |session, ciphertext| {
            ciphertext.chunks(piece).for_each(|piece| session.received(piece));
        });
        let message = bytes(40_000);
        each_way(&mut client, &mut server, |from, to| {
            let mut read = Vec::new();
            for piece in enciphered(from, &message).chunks(piece) {
                to.received(piece);
                let (some, end) = read_all(to, 777);
                assert!(end.is_none());
                read.extend(some);
            }
            assert!(read == message, "in pieces of {piece}");
            from.close_notify();
            from.close_notify();
            unsent(from).chunks(piece).for_each(|piece| to.received(piece));
            assert!(matches!(read_all(to, 1), (rest, Some(Ok(()))) if rest.is_empty()));
            // An end of the stream changes nothing, and neither does what follows.
            to.received(b"");
            to.received(b"junk");
            assert!(matches!(read_all(to, 1), (rest, Some(Ok(()))) if rest.is_empty()));
        });
    }
}

#[test]
fn a_record_can_be_cut_at_every_byte() {
    let (mut client, mut server) = opened();
    for at in 1..100 {
        each_way(&mut client, &mut server, |from, to| {
            let ciphertext = enciphered(from, &bytes(78));
            assert_eq!(ciphertext.len(), 100);
            let (first, second) = ciphertext.split_at(at);
            let mut buf = bytes(200);
            buf[..at].copy_from_slice(first);
            assert!(to.received_in(&mut buf, first.len()).is_none());
            assert!(!to.has_incoming());
            buf[..100 - at].copy_from_slice(second);
            let read = to.received_in(&mut buf, second.len());
            assert!(matches!(read, Some(Ok(78))), "{at}: {read:?}");
            assert_eq!(buf[..78], bytes(78));
            assert!(!to.has_incoming());
        });
    }
}

#[test]
fn ciphertext_is_deciphered_where_it_lies() {
    let message = bytes(300_000);
    for room in [60, ROOM_MIN, 16_384, 65_536, 400_000] {
        let (mut client, mut server) = opened();
        let mut ciphertext = Vec::new();
        // Large records, and small ones that follow a large one.
        let mut rest = &message[..];
        for len in [50_000, 1, 2, 3, 16_384, 5, 5, 5, 100_000, 16_383, 9].iter().cycle() {
            let (some, others) = rest.split_at(rest.len().min(*len));
            ciphertext.extend(enciphered(&mut client, some));
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        let (mut read, mut buf) = (Vec::new(), vec![0; room]);
        for piece in ciphertext.chunks(room) {
            buf[..piece.len()].copy_from_slice(piece);
            let mut result = server.received_in(&mut buf, piece.len());
            while let Some(len) = result {
                read.extend_from_slice(&buf[..len.expect("it is whole")]);
                result = server.read(&mut buf);
            }
        }
        assert!(read == message, "with room for {room}");
    }
}

#[test]
fn ciphertext_beyond_what_rustls_takes_waits_its_turn() {
    for len in [1, 1000, 20_000, 300_000] {
        let (mut client, mut server) = opened();
        let message = bytes(200_000);
        let ciphertext = enciphered(&mut client, &message);
        let (mut read, mut buf) = (Vec::new(), [0; 10_000]);
        for piece in ciphertext.chunks(50_000) {
            server.received(piece);
            // Too little is read meanwhile.
            let some = server.read(&mut buf).expect("something came").expect("it is whole");
            read.extend_from_slice(&buf[..some]);
        }
        client.close_notify();
        server.received(&unsent(&mut client));
        let (rest, end) = read_all(&mut server, len);
        read.extend(rest);
        assert!(read == message && matches!(end, Some(Ok(()))), "by reads of {len}");
        assert_eq!(server.deferred.capacity(), 0);
    }
}

#[test]
fn a_stream_that_ends_without_a_close_notify_was_cut() {
    for len in 0..=51 {
        let (mut client, mut server) = opened();
        let mut ciphertext = enciphered(&mut client, b"whole");
        let message = ciphertext.len();
        client.close_notify();
        ciphertext.extend(unsent(&mut client));
        assert_eq!(ciphertext.len(), 51);
        if len > 0 {
            server.received(&ciphertext[..len]);
        }
        server.received(b"");
        let (read, end) = read_all(&mut server, 3);
        assert_eq!(read, if len < message { &b""[..] } else { b"whole" });
        let end = end.expect("nothing more can come");
        assert_eq!(end.is_ok(), len == ciphertext.len());
        if let Err(error) = end {
            assert!(matches!(TlsError::from(error), TlsError::Truncated));
            // A second read does not find an end either.
            let again = server.read(&mut [0]).expect("nothing more can come");
            assert_eq!(again.expect_err("it was cut").kind(), io::ErrorKind::ConnectionAborted);
        }
    }
}

#[test]
fn an_end_in_the_handshake_is_reported_as_such() {
    for part in 0..20 {
        let (mut client, mut server) = sessions(&TLS);
        let hello = unsent(&mut client);
        let len = hello.len() * part / 20;
        if len > 0 {
            server.received(&hello[..len]);
        }
        server.received(b"");
        assert!(matches!(failed(&mut server), (_, TlsError::EndedInHandshake)), "{len}");
        client.received(b"");
        assert!(matches!(client.take_failure(), Some(TlsError::EndedInHandshake)));
        assert!(client.take_failure().is_none());
    }
}

#[test]
fn a_peer_that_does_not_speak_tls_is_recognized() {
    for (spoken, is_http) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], true),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        (b"SSH-2.0-OpenSSH_9.6\r\n", false),
    ] {
        let (client, server) = sessions(&TLS);
        for mut session in [client, server] {
            unsent(&mut session);
            spoken.chunks(5).for_each(|piece| session.received(piece));
            let (read, failure) = failed(&mut session);
            assert_eq!(read, b"");
            match is_http {
                true => assert!(matches!(failure, TlsError::PlainHttp), "{failure:?}"),
                false => assert!(matches!(failure, TlsError::NotTls), "{failure:?}"),
            }
            assert!(session.has_unsent(), "an alert says why");
        }
    }
}

#[test]
fn a_changed_record_fails_both_sides_after_what_came_before() {
    let (mut client, mut server) = opened();
    let mut ciphertext = enciphered(&mut client, b"whole");
    let mut changed = enciphered(&mut client, b"changed");
    changed[8] ^= 1;
    ciphertext.extend(changed);
    let (mut buf, len) = (ciphertext.clone(), ciphertext.len());
    assert!(matches!(server.received_in(&mut buf, len), Some(Ok(5))));
    assert_eq!(buf[..5], *b"whole");
    // Bytes on their way in the other direction arrive before the alert.
    let mut answer = unsent(&mut server);
    assert!(!answer.is_empty(), "an alert says why");
    assert!(matches!(failed(&mut server), (_, TlsError::Protocol(_))));
    let refused = server.write(&[IoSlice::new(b"more")], into(&mut answer));
    let refused = refused.expect_err("the session has failed");
    assert!(matches!(TlsError::from(refused), TlsError::Protocol(_)));

    client.received(&answer);
    let (_, failure) = failed(&mut client);
    assert!(
        matches!(failure, TlsError::Alert(alert) if alert.number() == BAD_RECORD_MAC),
        "{failure:?}"
    );
}

#[test]
fn a_key_update_is_answered_with_the_next_bytes() {
    let (mut client, mut server) = opened();
    for _ in 0..5 {
        server.connection.refresh_traffic_keys().expect("it is TLS 1.3");
        let fresh = enciphered(&mut server, b"fresh");
        fresh.iter().for_each(|byte| client.received(&[*byte]));
        assert!(matches!(read_all(&mut client, 10), (read, None) if read == b"fresh"));
        server.received(&enciphered(&mut client, b"again"));
        assert!(matches!(read_all(&mut server, 10), (read, None) if read == b"again"));
    }
}

#[test]
fn all_bytes_are_counted_only_when_all_have_left() {
    let (mut client, mut server) = opened();
    for (message, step) in [(&b"a"[..], 1), (b"ab", 1), (b"abcdefgh", 3), (&bytes(40_000), 5000)] {
        let (mut wire, mut written, mut rounds) = (Vec::new(), 0, 0);
        while written < message.len() {
            // So much fits into the stream each time.
            let mut room = step;
            let (head, tail) = message[written..].split_at((message.len() - written) / 2);
            let result = client.write(&[IoSlice::new(head), IoSlice::new(tail)], |slices| {
                let slice = slices.iter().find(|slice| !slice.is_empty()).expect("bytes");
                let len = slice.len().min(room);
                room -= len;
                wire.extend_from_slice(&slice[..len]);
                if len == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
            });
            match result {
                Ok(len) => {
                    written += len;
                    assert_eq!(written == message.len(), !client.has_unsent());
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            rounds += 1;
            assert!(rounds < 100, "{written} of {} bytes", message.len());
        }
        server.received(&wire);
        assert!(read_all(&mut server, 50_000).0 == message);
    }
}

#[test]
fn no_byte_is_withheld_from_a_write_that_took_less_than_all() {
    let (mut client, mut server) = opened();
    let message = bytes(100_000);
    let full = |_: &[IoSlice<'_>]| Err(io::ErrorKind::WouldBlock.into());
    let taken = client.write(&[IoSlice::new(&message)], full).expect("rustls takes something");
    assert!(taken < message.len() && !client.withheld);
    let blocked = client.write(&[IoSlice::new(&message)], full).expect_err("nothing has left");
    assert_eq!(blocked.kind(), io::ErrorKind::WouldBlock);
    // Something else can follow now.
    let mut wire = unsent(&mut client);
    wire.extend(enciphered(&mut client, b"other"));
    server.received(&wire);
    let (read, _) = read_all(&mut server, 1000);
    assert!(read == [&message[..taken], b"other"].concat());
}

#[test]
fn slices_share_a_record_and_a_write() {
    let (mut client, mut server) = opened();
    let (header, payload) = (bytes(10), bytes(16_000));
    let mut writes = Vec::new();
    let written = client.write(&[IoSlice::new(&header), IoSlice::new(&payload)], |slices| {
        writes.push(slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>());
        Ok(slices.iter().map(|slice| slice.len()).sum())
    });
    assert_eq!(written.expect("memory takes it"), 16_010);
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].len(), 16_010 + 22);
    server.received(&writes[0]);
    assert!(read_all(&mut server, 20_000).0 == [header, payload].concat());
}

#[test]
fn nothing_is_written_before_the_handshake_is_complete() {
    let (mut client, _) = sessions(&TLS);
    let early = client.write(&[IoSlice::new(b"early")], into(&mut Vec::new()));
    assert_eq!(early.expect_err("it is early").kind(), io::ErrorKind::NotConnected);
}

#[test]
fn errors_of_the_stream_come_through_and_nothing_is_lost() {
    let (mut client, mut server) = opened();
    let zero = client.write(&[IoSlice::new(b"first")], |_| Ok(0));
    assert_eq!(zero.expect_err("nothing leaves").kind(), io::ErrorKind::WriteZero);
    let (mut wire, mut calls) = (Vec::new(), 0);
    let flushed = client.flush(|slices| {
        calls += 1;
        if calls == 1 { Err(io::ErrorKind::Interrupted.into()) } else { into(&mut wire)(slices) }
    });
    flushed.expect("it tries again");
    server.received(&wire);
    assert_eq!(read_all(&mut server, 10).0, b"first");
}

#[test]
fn a_second_handshake_is_resumed() {
    let tls = fresh();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (client, server) = opened_by(&tls);
        assert_eq!(client.handshake_kind(), Some(kind));
        assert_eq!(server.handshake_kind(), Some(kind));
    }
}
