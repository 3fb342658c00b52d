//! Every kind of member gets what is published, in order, until it leaves.

use std::thread;

use bluewire::group::{Group, GroupOptions, SlowMember, Topics};
use bluewire::{CloseCode, Message, PreparedMessage, SendError, blocking};

use super::fixture::{KINDS, PATIENCE, clients, number, payload, serve, until};
use super::watchdog;

#[test]
fn all_members_get_all_messages_in_order() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let group = Group::new();
        let address = serve(*kind, &group);
        let mut clients = clients(address, &group, 3);
        thread::scope(|scope| {
            let receives = |client: &mut blocking::WebSocket<_>| {
                for expected in 0..500 {
                    let message = client.recv_timeout(PATIENCE).unwrap().unwrap();
                    assert_eq!(number(message.as_bytes()), expected, "{kind:?}");
                }
            };
            for client in &mut clients {
                scope.spawn(move || receives(client));
            }
            for number in 0..500 {
                let len = if number % 100 == 99 { 70_000 } else { 20 + number as usize };
                group.publish(&payload(number, len));
            }
        });
        // A word of one client reaches the others, in each kind of message.
        clients[0].send("said").unwrap();
        for client in &mut clients[1..] {
            assert_eq!(client.recv_timeout(PATIENCE).unwrap(), Some("said".into()), "{kind:?}");
        }
        let keys = group.keys();
        assert_eq!(keys.len(), 3);
        assert_eq!(group.publish_except(keys[0], PreparedMessage::new("two")).queued, 2);
        group.publish(Message::Text("end"));
        assert_eq!(clients[0].recv_timeout(PATIENCE).unwrap(), Some("end".into()), "{kind:?}");
        assert_eq!(clients[1].recv_timeout(PATIENCE).unwrap(), Some("two".into()), "{kind:?}");
        assert_eq!(group.skipped(), 0);
    }
}

#[test]
fn members_leave_with_their_connections() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let group = Group::new();
        let address = serve(*kind, &group);
        let mut clients = clients(address, &group, 3);
        // With a Close frame, and without.
        drop(clients.pop());
        until("one has left", || group.len() == 2);
        clients.pop().unwrap().close(CloseCode::NORMAL, "").unwrap();
        until("two have left", || group.len() == 1);
        // A connection that stays open can be removed by its key.
        let key = group.keys()[0];
        assert!(group.contains(key) && group.leave(key) && !group.contains(key));
        assert_eq!(group.publish("nobody hears this").queued, 0);
        clients[0].close(CloseCode::NORMAL, "").unwrap();
    }
}

#[test]
fn a_burst_leaves_by_one_write() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let group = Group::new();
        let address = serve(*kind, &group);
        let mut clients = clients(address, &group, 2);
        for _ in 0..3 {
            let cork = group.cork();
            for number in 0..100 {
                group.publish(&payload(number, 100));
            }
            // Even a connection that has just joined, and is not idle yet, does not take them early.
            for key in group.keys() {
                assert_eq!(group.stats(key).map(|stats| stats.waiting), Some(100), "{kind:?}");
            }
            drop(cork);
            for client in &mut clients {
                for expected in 0..100 {
                    let message = client.recv_timeout(PATIENCE).unwrap().unwrap();
                    assert_eq!(number(message.as_bytes()), expected, "{kind:?}");
                }
            }
        }
    }
}

#[test]
fn a_corked_member_gets_its_messages_before_its_bounds_are_reached() {
    let _watch = watchdog::bound();
    for kind in KINDS.iter().filter(|(_, style)| *style == super::fixture::Style::Split) {
        let options = GroupOptions::default().slow(SlowMember::Skip).messages_max(10);
        let group = Group::with(options);
        let address = serve(*kind, &group);
        let mut clients = clients(address, &group, 1);
        let cork = group.cork();
        for number in 0..100 {
            group.publish(&payload(number, 100));
        }
        drop(cork);
        for expected in 0..100 {
            let message = clients[0].recv_timeout(PATIENCE).unwrap().unwrap();
            assert_eq!(number(message.as_bytes()), expected);
        }
    }
}

#[test]
fn topics_reach_their_subscribers_only() {
    let _watch = watchdog::bound();
    let topics = Topics::new();
    let server = blocking::Server::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", server.local_addr());
    let subscribers = topics.clone();
    thread::spawn(move || {
        server.serve(move |mut socket| {
            let mut key = None;
            while let Ok(Some(message)) = socket.recv_owned() {
                let topic = message.as_text().unwrap();
                match topic.strip_prefix('-') {
                    Some(topic) => assert!(subscribers.unsubscribe(topic, key.unwrap())),
                    None => key = Some(subscribers.subscribe(topic, &mut socket).unwrap()),
                }
                socket.send("done").unwrap();
            }
        });
    });
    let mut clients = [(); 2].map(|()| blocking::connect(&*url).unwrap());
    for (client, topic) in [(0, "a"), (0, "b"), (1, "b"), (0, "-a")] {
        clients[client].send(topic).unwrap();
        assert_eq!(clients[client].recv().unwrap(), Some("done".into()));
    }
    assert_eq!(topics.len(), 1);
    topics.publish("a", "lost");
    topics.publish("b", "found");
    for client in &mut clients {
        assert_eq!(client.recv_timeout(PATIENCE).unwrap(), Some("found".into()));
    }
    drop(clients);
    until("all topics are gone", || topics.is_empty());
}

#[test]
fn clients_can_be_members_and_closed_connections_cannot() {
    let _watch = watchdog::bound();
    let group = Group::new();
    let server = blocking::Server::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", server.local_addr());
    thread::spawn(move || {
        server.serve(|mut socket| {
            while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
    });
    let mut socket = blocking::connect(&*url).unwrap();
    let key = group.join(&mut socket).unwrap();
    group.publish("echo");
    assert_eq!(socket.recv_timeout(PATIENCE).unwrap(), Some("echo".into()));
    // A member that is split stays one.
    let (mut reader, writer) = socket.split();
    assert_eq!(group.join(&writer), Ok(key));
    group.publish("again");
    assert_eq!(reader.recv_timeout(PATIENCE).unwrap(), Some("again".into()));
    writer.close(CloseCode::NORMAL, "").unwrap();
    assert!(reader.recv_timeout(PATIENCE).unwrap().is_none());
    assert_eq!(group.join(&writer), Err(SendError::NotOpen));
    assert!(group.is_empty());
}

#[cfg(feature = "deflate")]
#[test]
fn published_messages_are_compressed_for_members_that_agreed() {
    use bluewire::{AcceptOptions, ConnectOptions, Deflate, ServerOptions};

    let _watch = watchdog::bound();
    for kind in KINDS {
        let group = Group::with(GroupOptions::default().deflate(Deflate::default()));
        let accept = AcceptOptions::default().deflate(Deflate::default());
        let options = ServerOptions::default().accept(accept);
        let address = super::fixture::serve_with(*kind, &group, options);
        let mut plain = clients(address, &group, 1).pop().unwrap();
        let url = format!("ws://{address}/");
        let options = ConnectOptions::new(url).deflate(Deflate::default());
        let mut compressed = blocking::connect(options).unwrap();
        until("both have joined", || group.len() == 2);
        assert!(compressed.deflate().is_some() && plain.deflate().is_none());
        let text = "all work and no play ".repeat(1000);
        for _ in 0..3 {
            group.publish(&text);
            assert_eq!(plain.recv_timeout(PATIENCE).unwrap(), Some((&*text).into()));
            assert_eq!(compressed.recv_timeout(PATIENCE).unwrap(), Some((&*text).into()));
        }
    }
}
