//! A client and a server of ours, from the first byte to a message each way.

use crate::wire::START;
use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Connection, Event, Inbox, MaskingKeys, Message, Outbox,
    OwnedMessage, Request, Role, ServerHandshake,
};
use std::sync::Arc;

/// Moves at most `len` bytes.
fn carry(from: &mut Outbox, to: &mut Inbox, len: usize) {
    let unsent = from.unsent();
    let len = len.min(unsent.len());
    to.extend(&unsent[..len]);
    from.sent(len);
}

fn receive(
    connection: &mut Connection,
    inbox: &mut Inbox,
    outbox: &mut Outbox,
) -> Option<OwnedMessage> {
    match connection.next_event(START, inbox, outbox)? {
        Event::Message(message) => Some(message.into_owned()),
        other => panic!("not a message: {other:?}"),
    }
}

/// One handshake with `len` bytes a read, a message from the client that leaves at once, and its
/// echo.
fn converse(len: usize) {
    let config = Arc::new(Config::default());
    let mut keys = MaskingKeys::from_seed([7; 32]);
    let request = ClientRequest::new("localhost", "/echo")
        .and_then(|request| request.port(9001).origin("http://localhost:9001")?.subprotocol("echo"))
        .expect("a valid request");
    let (mut c_in, mut c_out) = (Inbox::with_read_len(64), Outbox::new());
    let (mut s_in, mut s_out) = (Inbox::with_read_len(64), Outbox::new());
    let nonce = keys.nonce();
    let mut client =
        ClientHandshake::start(&request, nonce, Arc::clone(&config), START, &mut c_out);
    let mut server = ServerHandshake::new(config, START);

    let mut offer = loop {
        carry(&mut c_out, &mut s_in, len);
        match server.next_request(&mut s_in, &mut s_out).expect("a valid request") {
            Some(Request::Upgrade(offer)) => break offer,
            Some(other) => panic!("not an upgrade: {other:?}"),
            None => assert!(!c_out.is_empty(), "the request was sent and not understood"),
        }
    };
    assert_eq!((offer.path(), offer.host()), ("/echo", "localhost:9001"));
    assert!(!offer.is_cross_origin());
    offer.select_subprotocol("echo").expect("it was offered");
    let mut server = offer.accept(START, &mut s_out);
    // A server may speak first: these frames come in the read that ends the response.
    server.send(Message::Text("welcome"), &mut s_out).expect("it is open");

    let response = loop {
        carry(&mut s_out, &mut c_in, len);
        match client.next_response(&mut c_in).expect("a valid response") {
            Some(response) => break response,
            None => assert!(!s_out.is_empty(), "the response was sent and not understood"),
        }
    };
    assert_eq!(response.subprotocol(), Some("echo"));
    let mut client = response.into_connection(keys, START);
    assert_eq!((client.role(), server.role()), (Role::Client, Role::Server));

    client.send(Message::Binary(b"Hello"), &mut c_out).expect("it is open");
    let mut received = Vec::new();
    while received.len() < 2 {
        carry(&mut c_out, &mut s_in, len);
        if let Some(message) = receive(&mut server, &mut s_in, &mut s_out) {
            server.send(message.borrow(), &mut s_out).expect("it is open");
        }
        carry(&mut s_out, &mut c_in, len);
        received.extend(receive(&mut client, &mut c_in, &mut c_out));
    }
    assert_eq!(
        received,
        [OwnedMessage::Text("welcome".into()), OwnedMessage::Binary(b"Hello".to_vec())]
    );
}

#[test]
fn client_and_server_open_a_connection_in_any_segmentation() {
    for len in 1..=64 {
        converse(len);
    }
    converse(usize::MAX);
}

#[test]
fn each_handshake_has_the_key_of_its_nonce() {
    let mut keys = MaskingKeys::from_seed([7; 32]);
    let request = ClientRequest::new("localhost", "/").expect("a valid request");
    let mut heads: Vec<_> = (0..100)
        .map(|_| {
            let mut outbox = Outbox::new();
            let nonce = keys.nonce();
            let _ = ClientHandshake::start(&request, nonce, Config::default(), START, &mut outbox);
            outbox.unsent().to_vec()
        })
        .collect();
    heads.sort();
    heads.dedup();
    assert_eq!(heads.len(), 100);
}
