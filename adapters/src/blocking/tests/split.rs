//! Sockets that several threads use.

use std::thread;

use bluewire_core::{CloseCode, Fault, Timeout};

use super::*;
use crate::drive::Flow;
use crate::error::Error;
use crate::timekeeper;

#[test]
fn close_now_cuts_a_stalled_write() {
    let (socket, _client) = pair(config());
    let (mut reader, writer) = socket.split();
    let other = writer.clone();
    let stalled = thread::spawn(move || other.send(&vec![0; LARGE]));
    let reading = thread::spawn(move || reader.recv().map(drop));
    thread::sleep(Duration::from_millis(200));
    within(SLACK, || {
        writer.close_now(CloseCode::GOING_AWAY, "").expect("the code is lawful");
        assert!(stalled.join().expect("no panic").is_err());
        assert!(reading.join().expect("no panic").is_err());
        assert!(!writer.closed().expect("it has ended").clean);
    });
}

#[test]
fn a_failed_write_ends_a_reader_that_blocks_but_hides_nothing() {
    let (mut socket, mut client) = pair(config());
    socket.set_flow(Flow::default().write_timeout(Duration::from_millis(200)));
    let (mut reader, writer) = socket.split();
    client.send("before").expect("it is open");
    let stalled = thread::spawn(move || writer.send(&vec![0; LARGE]));
    within(SLACK, || {
        let error = stalled.join().expect("no panic").expect_err("nobody reads");
        assert!(matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut));
        assert_eq!(reader.recv().expect("it came before"), Some("before".into()));
        let error = reader.recv().expect_err("it has failed");
        assert!(matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut));
    });
}

#[test]
fn a_blocked_reader_ends_when_a_write_fails() {
    let (mut socket, _client) = pair(config());
    socket.set_flow(Flow::default().write_timeout(Duration::from_millis(200)));
    let (mut reader, writer) = socket.split();
    let reading = thread::spawn(move || reader.recv().map(drop));
    thread::sleep(Duration::from_millis(50));
    assert!(writer.send(&vec![0; LARGE]).is_err());
    within(SLACK, || assert!(reading.join().expect("no panic").is_err()));
    within(SLACK, || assert!(!writer.closed().expect("it has ended").clean));
}

#[test]
fn the_timekeeper_ends_a_closing_behind_a_reader_that_blocks() {
    let (socket, _client) = pair(config());
    let (mut reader, writer) = socket.split();
    let reading = thread::spawn(move || reader.recv().map(drop));
    thread::sleep(Duration::from_millis(100));
    writer.close(CloseCode::NORMAL, "").expect("it is open");
    let error = within(SLACK, || reading.join().expect("no panic"));
    let Err(Error::Fault(fault)) = error else { panic!("{error:?}") };
    assert_eq!(fault, Fault::Timeout(Timeout::Close));
    let began = Instant::now();
    while timekeeper::is_running() && began.elapsed() < LONG {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!timekeeper::is_running(), "there is nothing left to wait for");
}

#[test]
fn closed_returns_beside_a_reader_that_is_not_called() {
    // After a Close frame.
    let (socket, _client) = pair(config());
    let (_reader, writer) = socket.split();
    within(SLACK, || {
        writer.close(CloseCode::NORMAL, "").expect("it is open");
        assert!(!writer.closed().expect("it ends").clean);
    });
    // After a failed write.
    let (mut socket, _client) = pair(config());
    socket.set_flow(Flow::default().write_timeout(Duration::from_millis(100)));
    let (_reader, writer) = socket.split();
    let waiting = writer.clone();
    let waiting = thread::spawn(move || waiting.closed().map(|closure| closure.clean));
    thread::sleep(Duration::from_millis(50));
    assert!(writer.send(&vec![0; LARGE]).is_err());
    within(SLACK, || {
        assert!(!waiting.join().expect("no panic").expect("it ends"));
    });
}

#[test]
fn a_reader_that_goes_lets_a_stalled_writer_read() {
    let (socket, client) = pair(config());
    let (reader, writer) = socket.split();
    // Both write before either reads.
    let (mut peer_reader, peer_writer) = client.split();
    let peer = thread::spawn(move || {
        peer_writer.send(&vec![1; LARGE]).expect("the other end reads in the end");
        peer_reader.recv().expect("it is open").expect("there is one").len()
    });
    let writing = thread::spawn(move || {
        writer.send(&vec![2; LARGE])?;
        // Until the peer has sent all.
        writer.closed()
    });
    thread::sleep(Duration::from_millis(200));
    drop(reader);
    within(LONG, || {
        writing.join().expect("no panic").expect("the peer reads in the end");
        assert_eq!(peer.join().expect("no panic"), LARGE);
    });
}

#[test]
fn a_split_connection_of_a_server_closes_when_that_shuts_down() {
    let (socket, waits, mut client, admission) = served();
    let (mut reader, writer) = socket.split();
    let reading = thread::spawn(move || reader.recv().map(|message| message.is_none()));
    thread::sleep(Duration::from_millis(1_200));
    // On Windows a wait lasts for 100 ms at most.
    assert!(cfg!(windows) || waits.load(Ordering::SeqCst) == 1);
    within(SLACK, || {
        admission.begin_shutdown();
        assert_eq!(client.recv().expect("it ends in order"), None);
        assert!(reading.join().expect("no panic").expect("it ends in order"));
        assert!(writer.closed().expect("it has ended").clean);
    });
    assert_eq!(admission.end_shutdown().closed, 1);
}

#[test]
fn a_peer_that_floods_does_not_postpone_the_end_of_a_split_connection() {
    let (socket, flooding) = flooded();
    let (mut reader, writer) = socket.split();
    let reading = thread::spawn(move || while let Ok(Some(_)) = reader.recv() {});
    thread::sleep(Duration::from_millis(100));
    within(SLACK, || {
        writer.close(CloseCode::NORMAL, "").expect("it is open");
        assert!(!writer.closed().expect("it ends").clean);
        reading.join().expect("no panic");
    });
    // Now the socket is closed, and not only shut down.
    drop(writer);
    flooding.join().expect("no panic");
}

#[test]
fn nothing_is_left_of_a_split_connection_of_a_server() {
    let (socket, _, _client, admission) = served();
    let (reader, writer) = socket.split();
    drop((reader, writer));
    assert_eq!(admission.connections(), 0);
}
