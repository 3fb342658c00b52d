//! Tasks that share a connection or a server, in orders that a model checker chooses.

mod groups;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bluewire_core::{CloseCode, Config, Role};
use shuttle::future::{block_on, spawn};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::runtime::{Manual, advance, now};
use super::wire::{Peer, wire};
use super::{CLOSE, CLOSED, HELLO, SEC, WebSocket, keepalive, quiet, socket};
use crate::asynch::incoming::{Incoming, Parts, Upgrade};
use crate::asynch::listening::Requests;
use crate::asynch::{NetStream, Reader, Writer};
use crate::clock::Clock;
use crate::drive::CORK_LEN_MAX;
use crate::open::request::{Accepting, Opened};
use crate::server::{Admission, Progress, ServerOptions, hear};
use crate::sync::model::{check, pass_time_until};

const FRAME: &[u8] = b"\x81\x05Hello";
/// A server that goes away, and a client's answer.
const GOING_AWAY: &[u8] = b"\x88\x02\x03\xe9";
const GONE_AWAY: &[u8] = b"\x88\x82\0\0\0\0\x03\xe9";

type Halves = (Reader<Manual, super::Wire>, Writer<Manual, super::Wire>, Peer);

fn split(config: Config) -> Halves {
    let (socket, peer) = socket(config);
    let (reader, writer) = socket.split();
    (reader, writer, peer)
}

/// Polls once, drops the future, and returns the result.
fn begin<T>(future: impl Future<Output = T>) -> Poll<T> {
    block_on(async {
        let mut future = pin!(future);
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    })
}

/// Receives until the end, and counts messages.
async fn receive_all(mut reader: Reader<Manual, super::Wire>) -> (usize, bool) {
    let mut received = 0;
    loop {
        match reader.recv().await {
            Ok(Some(_)) => received += 1,
            Ok(None) => return (received, true),
            Err(_) => return (received, false),
        }
    }
}

#[test]
fn a_reader_and_writers_do_not_wait_for_each_other() {
    check(12_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(0);
        let reading = spawn(receive_all(reader));
        let sending = [writer.clone(), writer]
            .map(|writer| spawn(async move { writer.send("Hello").await.is_ok() }));
        peer.send(HELLO);
        peer.make_room(3);
        peer.make_room(usize::MAX);
        peer.send(HELLO);
        for sending in sending {
            assert!(block_on(sending).unwrap());
        }
        assert_eq!(peer.written(), FRAME.repeat(2));
        peer.end(CLOSE);
        assert_eq!(block_on(reading).unwrap(), (2, true));
    });
}

#[test]
fn room_reaches_a_writer_beside_a_reader_that_is_not_polled() {
    check(8_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(0);
        let sending = spawn(async move { writer.send("Hello").await.is_ok() });
        peer.make_room(3);
        peer.make_room(usize::MAX);
        assert!(block_on(sending).unwrap());
        assert_eq!(peer.written(), FRAME);
        drop(reader);
    });
}

#[test]
fn close_now_ends_whoever_waits() {
    check(12_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(3);
        let reading = spawn(receive_all(reader));
        let (sender, waiter) = (writer.clone(), writer.clone());
        let sending = spawn(async move { sender.send("Hello").await.is_ok() });
        let waiting = spawn(async move { waiter.closed().await.map(|closure| closure.clean) });
        writer.close_now(CloseCode::GOING_AWAY, "").unwrap();
        assert!(!block_on(sending).unwrap(), "it cannot have been written");
        assert_eq!(block_on(reading).unwrap(), (0, false));
        assert!(!block_on(waiting).unwrap().unwrap());
        assert!(peer.ends().shut_down_now);
    });
}

#[test]
fn a_send_that_is_dropped_takes_no_wake_up_with_it() {
    check(8_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(0);
        let reading = spawn(receive_all(reader));
        let dropped = writer.clone();
        let dropping = thread::spawn(move || drop(begin(dropped.send("Hello"))));
        let sending = spawn(async move { writer.send("Hello").await.is_ok() });
        peer.make_room(usize::MAX);
        assert!(block_on(sending).unwrap());
        dropping.join().unwrap();
        // The reader writes the bytes that no writer waits for any more.
        block_on(peer.until(|ends| ends.writes.concat().len() == 2 * FRAME.len()));
        peer.end(CLOSE);
        assert_eq!(block_on(reading).unwrap(), (0, true));
    });
}

#[test]
fn a_reader_writes_what_a_dropped_send_has_left() {
    check(8_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(0);
        let reading = spawn(receive_all(reader));
        let dropping = thread::spawn(move || drop(begin(writer.send("Hello"))));
        peer.make_room(usize::MAX);
        block_on(peer.until(|ends| ends.writes.concat() == FRAME));
        dropping.join().unwrap();
        peer.end(CLOSE);
        assert_eq!(block_on(reading).unwrap(), (0, true));
    });
}

#[test]
fn a_reader_writes_what_was_fed() {
    check(4_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(0);
        let reading = spawn(receive_all(reader));
        let message = vec![7; CORK_LEN_MAX];
        writer.try_feed(&message).unwrap();
        let feeding = thread::spawn(move || writer.try_feed("Hello"));
        peer.make_room(usize::MAX);
        block_on(peer.until(|ends| ends.writes.concat().len() > CORK_LEN_MAX));
        feeding.join().unwrap().unwrap();
        peer.end(CLOSE);
        assert_eq!(block_on(reading).unwrap(), (0, true));
    });
}

#[test]
fn a_writer_reads_once_the_reader_is_gone() {
    check(8_000, || {
        let (mut reader, writer, peer) = split(quiet());
        let waiter = writer.clone();
        let waiting = spawn(async move { waiter.closed().await.map(|closure| closure.clean) });
        let leaving = thread::spawn(move || {
            let _ = begin(reader.recv());
            drop(reader);
        });
        peer.end(CLOSE);
        assert!(block_on(waiting).unwrap().unwrap());
        leaving.join().unwrap();
        assert_eq!(peer.written(), CLOSED);
        drop(writer);
    });
}

#[test]
fn the_peers_end_reaches_a_writer_that_waits() {
    check(8_000, || {
        let (reader, writer, peer) = split(quiet());
        peer.make_room(0);
        let reading = spawn(receive_all(reader));
        let waiter = writer.clone();
        let waiting = spawn(async move { waiter.closed().await.map(|closure| closure.clean) });
        let sending = spawn(async move { writer.send("Hello").await.is_ok() });
        peer.ends().write_fails = true;
        peer.make_room(1);
        peer.end(b"");
        assert!(!block_on(sending).unwrap());
        assert_eq!(block_on(reading).unwrap(), (0, false));
        assert!(!block_on(waiting).unwrap().unwrap());
    });
}

#[test]
fn deadlines_reach_all_who_wait() {
    check(6_000, || {
        let (mut reader, writer, peer) = split(keepalive());
        if thread_rng().gen_bool(0.5) {
            peer.make_room(3);
        }
        let failing = spawn(async move { reader.recv().await.is_err() });
        let waiter = writer.clone();
        let waiting = spawn(async move { waiter.closed().await.map(|closure| closure.clean) });
        let sending = spawn(async move { drop(writer.send("Hello").await) });
        pass_time_until(advance, || {
            failing.is_finished() && waiting.is_finished() && sending.is_finished()
        });
        assert!(block_on(failing).unwrap());
        assert!(!block_on(waiting).unwrap().unwrap());
    });
}

/// A connection of a server's.
fn served(admission: &Arc<Admission>) -> (WebSocket, Peer) {
    let (wire, peer) = wire();
    let slot = admission.enter(None).expect("there is room");
    let opened = Opened::adopted(Role::Server, &[], quiet().into(), Clock::by(now));
    (WebSocket::open(wire, opened, Some(slot)), peer)
}

#[test]
fn a_shutdown_reaches_a_connection_and_waits_for_its_end() {
    check(8_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let (mut socket, peer) = served(&admission);
        let receiving = spawn(async move { socket.recv().await.map(|message| message.is_none()) });
        let leaving = Arc::clone(&admission);
        let leaving = spawn(async move {
            leaving.begin_shutdown();
            leaving.left().await;
            leaving.end_shutdown()
        });
        let over = Arc::clone(&admission);
        let over = spawn(async move { over.over().await });
        block_on(peer.until(|ends| ends.writes.concat() == GOING_AWAY));
        peer.end(GONE_AWAY);
        assert!(block_on(receiving).unwrap().unwrap());
        assert_eq!(block_on(leaving).unwrap().closed, 1);
        assert_eq!(block_on(over).unwrap().closed, 1);
        assert_eq!(admission.connections(), 0);
    });
}

#[test]
fn a_shutdown_reaches_a_connection_that_is_split() {
    check(8_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let (socket, peer) = served(&admission);
        let (reader, writer) = socket.split();
        let reading = spawn(receive_all(reader));
        let waiting = spawn(async move { writer.closed().await.map(|closure| closure.clean) });
        admission.begin_shutdown();
        block_on(peer.until(|ends| ends.writes.concat() == GOING_AWAY));
        peer.end(GONE_AWAY);
        assert_eq!(block_on(reading).unwrap(), (0, true));
        assert!(block_on(waiting).unwrap().unwrap());
        assert_eq!(admission.end_shutdown().closed, 1);
    });
}

#[test]
fn a_cut_reaches_who_watches_a_slot() {
    check(6_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let slot = admission.enter(None).expect("there is room");
        let watch = slot.watch();
        let watching = spawn(async move { watch.cut().await });
        let cutting = Arc::clone(&admission);
        let cutting = thread::spawn(move || {
            cutting.begin_shutdown();
            cutting.end_shutdown()
        });
        let leaving = Arc::clone(&admission);
        let leaving = spawn(async move { leaving.leaving().await });
        block_on(watching).unwrap();
        block_on(leaving).unwrap();
        assert_eq!(cutting.join().unwrap().cut, 1);
        drop(slot);
        assert_eq!(admission.connections(), 0);
    });
}

/// A client's request, as a server's task hears it.
fn shake_hands(admission: &Arc<Admission>, requests: &Requests<Manual>) {
    let options = Arc::new(ServerOptions::default());
    let Some((slot, _)) = admission.begin_handshake(None, &options) else { return };
    let mut accepting = Accepting::start(&options.accept, Clock::by(now));
    accepting.inbox.extend(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let heard = hear(accepting, &options, &slot, None);
    slot.heard();
    // The server may have begun to shut down.
    if let Ok(Progress::Upgrade(pending)) = heard {
        let stream = NetStream::Tcp(wire().0);
        requests.push(Incoming::Upgrade(Upgrade::new(Parts { stream, pending, spawner: () })));
    }
}

#[test]
fn a_shutdown_ends_who_accepts_and_loses_no_request() {
    check(8_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let requests = Arc::new(Requests::<Manual>::default());
        let accepting = [(), ()].map(|()| {
            let requests = Arc::clone(&requests);
            spawn(async move {
                let mut taken = 0;
                while let Some(incoming) = requests.next().await {
                    taken += 1;
                    drop(incoming);
                }
                taken
            })
        });
        let client = {
            let (admission, requests) = (Arc::clone(&admission), Arc::clone(&requests));
            thread::spawn(move || shake_hands(&admission, &requests))
        };
        let report = {
            let (admission, requests) = (Arc::clone(&admission), Arc::clone(&requests));
            spawn(async move {
                admission.begin_shutdown();
                requests.close();
                admission.left().await;
                admission.end_shutdown()
            })
        };
        let taken: usize = accepting.map(|accepting| block_on(accepting).unwrap()).iter().sum();
        client.join().unwrap();
        let report = block_on(report).unwrap();
        assert!(taken <= 1 && report.closed == 0 && report.cut <= 1, "{report:?}");
        assert_eq!(admission.connections(), 0);
    });
}

#[test]
fn a_request_wakes_who_accepts() {
    check(6_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let requests = Arc::new(Requests::<Manual>::default());
        let client = {
            let (admission, requests) = (Arc::clone(&admission), Arc::clone(&requests));
            thread::spawn(move || shake_hands(&admission, &requests))
        };
        // One goes, and must not take the wake-up with it.
        if begin(requests.next()).is_pending() {
            assert!(block_on(requests.next()).is_some(), "the server is open");
        }
        client.join().unwrap();
    });
}

#[test]
fn a_stall_ends_all_who_wait() {
    check(6_000, || {
        let (reader, writer, peer) = split(quiet().close_timeout(SEC));
        peer.make_room(0);
        let reading = spawn(receive_all(reader));
        let sending = [writer.clone(), writer]
            .map(|writer| spawn(async move { writer.send("Hello").await.is_ok() }));
        pass_time_until(advance, || {
            reading.is_finished() && sending.iter().all(|s| s.is_finished())
        });
        for sending in sending {
            assert!(!block_on(sending).unwrap());
        }
        assert_eq!(block_on(reading).unwrap(), (0, false));
    });
}
