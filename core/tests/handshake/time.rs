//! The deadline of the handshake, and the end of the transport within it.

use crate::wire::{Answer, START, client, request, response};
use bluewire_core::{Config, HandshakeError, Inbox, Outbox, ServerHandshake};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);
const BEFORE: Duration = Duration::from_millis(2999);

fn config() -> Config {
    Config::default().handshake_timeout(TIMEOUT)
}

#[test]
fn a_dripping_client_does_not_move_the_deadline() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(config(), START);
    for (i, byte) in (0..30).zip(request(&[])) {
        server.handle_timeout(START + Duration::from_millis(99) * i, &mut outbox);
        inbox.extend(&[byte]);
        assert!(matches!(server.next_request(&mut inbox, &mut outbox), Ok(None)));
        assert_eq!(server.poll_timeout(), Some(START + TIMEOUT));
    }
    server.handle_timeout(START + BEFORE, &mut outbox);
    assert!(outbox.is_empty());
    server.handle_timeout(START + TIMEOUT, &mut outbox);
    assert_eq!(Answer::read(outbox.unsent()).status, 408);
    assert_eq!(server.poll_timeout(), None);
    let failed = server.next_request(&mut inbox, &mut outbox).map(|_| ());
    assert_eq!(failed, Err(HandshakeError::TimedOut));
}

#[test]
fn a_client_that_says_nothing_is_not_answered() {
    let mut outbox = Outbox::new();
    let mut server = ServerHandshake::new(config(), START);
    server.handle_timeout(START + TIMEOUT, &mut outbox);
    assert!(outbox.is_empty());
    let failed = server.next_request(&mut Inbox::default(), &mut outbox).map(|_| ());
    assert_eq!(failed, Err(HandshakeError::TimedOut));
}

#[test]
fn a_dripping_server_does_not_move_the_deadline() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(config(), &mut outbox);
    for (i, byte) in (0..30).zip(response(&[])) {
        client.handle_timeout(START + Duration::from_millis(99) * i);
        inbox.extend(&[byte]);
        assert!(matches!(client.next_response(&mut inbox), Ok(None)));
        assert_eq!(client.poll_timeout(), Some(START + TIMEOUT));
    }
    client.handle_timeout(START + BEFORE);
    assert!(matches!(client.next_response(&mut inbox), Ok(None)));
    client.handle_timeout(START + TIMEOUT);
    assert_eq!(client.poll_timeout(), None);
    inbox.extend(&response(&[])[30..]);
    let failed = client.next_response(&mut inbox).map(|_| ());
    assert_eq!(failed, Err(HandshakeError::TimedOut));
    assert!(client.refusal().is_none());
}

#[test]
fn there_is_no_deadline_after_the_handshake() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut client = client(config(), &mut outbox);
    inbox.extend(&response(&[]));
    assert!(matches!(client.next_response(&mut inbox), Ok(Some(_))));
    assert_eq!(client.poll_timeout(), None);
    client.handle_timeout(Duration::MAX);
    assert!(matches!(client.next_response(&mut inbox), Ok(None)));

    let mut server = ServerHandshake::new(config(), START);
    inbox.extend(&request(&[]));
    assert!(matches!(server.next_request(&mut inbox, &mut outbox), Ok(Some(_))));
    assert_eq!(server.poll_timeout(), None);
    outbox.sent(outbox.len());
    server.handle_timeout(Duration::MAX, &mut outbox);
    assert!(outbox.is_empty());
    assert!(matches!(server.next_request(&mut inbox, &mut outbox), Ok(None)));
}

#[test]
fn a_transport_that_ends_within_a_head_is_a_lost_connection() {
    for len in [0, 1, 50, request(&[]).len() - 1] {
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        let mut server = ServerHandshake::new(config(), START);
        inbox.extend(&request(&[])[..len]);
        server.receive_eof();
        let failed = server.next_request(&mut inbox, &mut outbox).map(|_| ());
        assert_eq!(failed, Err(HandshakeError::ConnectionLost), "{len}");
        assert!(outbox.is_empty(), "nobody reads an answer");
    }
    for len in [0, 1, 50, response(&[]).len() - 1] {
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        let mut client = client(config(), &mut outbox);
        inbox.extend(&response(&[])[..len]);
        client.receive_eof();
        let failed = client.next_response(&mut inbox).map(|_| ());
        assert_eq!(failed, Err(HandshakeError::ConnectionLost), "{len}");
    }
}

#[test]
fn a_head_that_came_before_the_end_of_the_transport_counts() {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(config(), START);
    inbox.extend(&request(&[]));
    server.receive_eof();
    assert!(matches!(server.next_request(&mut inbox, &mut outbox), Ok(Some(_))));
    let mut client = client(config(), &mut outbox);
    inbox.extend(&response(&[]));
    client.receive_eof();
    assert!(matches!(client.next_response(&mut inbox), Ok(Some(_))));
}
