//! Connections that break while something waits, and what is said about their end.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{CloseCode, Closure, Config, Error, Flow, SendError};
use rustix::net::sockopt::set_socket_linger;

use crate::peer::{CLOSE, Peer, blocking_server, server_on};
use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::{PATIENCE, within};

/// Much more than the kernel's buffers hold.
const HUGE: usize = 15 * 1024 * 1024;
/// Much later than at once, for a busy machine.
const LATE: Duration = Duration::from_secs(5);
const STALL: Duration = Duration::from_millis(300);

fn reset(peer: Peer) {
    set_socket_linger(&peer.stream, Some(Duration::ZERO)).unwrap();
}

fn hasty() -> Config {
    Config::default().close_timeout(STALL)
}

/// No write gives up by itself.
fn patient() -> Flow {
    Flow::default().write_timeout(Duration::from_secs(600))
}

#[test]
fn the_end_of_a_connection_that_broke_is_not_waited_for_without_end() {
    let _bound = crate::watchdog::bound();
    let (socket, peer) = blocking_server(hasty());
    within("blocking", move || {
        let (_reader, writer) = socket.split();
        reset(peer);
        while writer.send("news").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
        // An error or a report: it comes.
        if let Ok(closure) = writer.closed() {
            assert!(!closure.clean, "{closure:?}");
        }
    });

    within_each_runtime!(within, an_end_is_told);
}

fn an_end_is_told<R: OnRuntime>() {
    let (socket, peer) = server_on::<R>(hasty());
    R::block_on(async {
        let (_reader, writer) = socket.split();
        reset(peer);
        while writer.send("news").await.is_ok() {
            R::sleep(Duration::from_millis(1)).await;
        }
        if let Ok(closure) = writer.closed().await {
            assert!(!closure.clean, "{closure:?}");
        }
    });
}

#[test]
fn closing_now_cuts_a_write_that_stands() {
    let _bound = crate::watchdog::bound();
    let (mut socket, _peer) = blocking_server(Config::default());
    within("blocking", move || {
        socket.set_flow(patient());
        let (_reader, writer) = socket.split();
        let sending = {
            let writer = writer.clone();
            thread::spawn(move || writer.send(&vec![7; HUGE][..]))
        };
        thread::sleep(STALL);
        let since = Instant::now();
        // The result on a connection in this state does not matter here.
        let _ = writer.close_now(CloseCode::GOING_AWAY, "");
        assert!(sending.join().unwrap().is_err(), "it cannot have left");
        assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
    });

    within_each_runtime!(within, closing_now_cuts_a_write);
}

fn closing_now_cuts_a_write<R: OnRuntime>() {
    let (mut socket, _peer) = server_on::<R>(Config::default());
    socket.set_flow(patient());
    let (_reader, writer) = socket.split();
    let sending = {
        let writer = writer.clone();
        thread::spawn(move || R::block_on(writer.send(&vec![7; HUGE][..])))
    };
    thread::sleep(STALL);
    let since = Instant::now();
    let _ = writer.close_now(CloseCode::GOING_AWAY, "");
    assert!(sending.join().unwrap().is_err(), "it cannot have left");
    assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
}

/// Closes without having read anything, and sends no more.
fn closes_and_reads_nothing(peer: &mut Peer) {
    peer.send(CLOSE, &1000_u16.to_be_bytes());
    peer.stream.flush().unwrap();
    peer.stream.shutdown(Shutdown::Write).unwrap();
}

fn is_full(fed: &Result<(), Error>) -> bool {
    match fed {
        Ok(()) => false,
        Err(Error::Send(SendError::OutboxFull)) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_connection_whose_close_frame_did_not_leave_was_not_closed_cleanly() {
    let _bound = crate::watchdog::bound();
    let (mut socket, mut peer) = blocking_server(hasty());
    let closure = within("blocking", move || {
        socket.set_flow(patient().write_timeout(STALL));
        while !is_full(&socket.try_feed(&[7; 65_536][..])) {}
        closes_and_reads_nothing(&mut peer);
        let since = Instant::now();
        while let Ok(Some(_)) = socket.recv() {}
        while socket.closure().is_none() && since.elapsed() < LATE {
            let _ = socket.recv();
        }
        drop(peer);
        socket.closure().cloned()
    });
    expect_unclean(closure);
    within_each_runtime!(within, a_close_frame_does_not_leave);
}

fn expect_unclean(closure: Option<Closure>) {
    let closure = closure.expect("it has ended");
    assert_eq!((closure.code, closure.clean), (CloseCode::NORMAL, false), "{closure:?}");
}

fn a_close_frame_does_not_leave<R: OnRuntime>() {
    let (mut socket, mut peer) = server_on::<R>(hasty());
    R::block_on(async {
        socket.set_flow(patient().write_timeout(STALL));
        while !is_full(&socket.try_feed(&[7; 65_536][..])) {}
        closes_and_reads_nothing(&mut peer);
        let since = Instant::now();
        while let Ok(Some(_)) = socket.recv().await {}
        while socket.closure().is_none() && since.elapsed() < LATE {
            let _ = socket.recv().await;
        }
    });
    expect_unclean(socket.closure().cloned());
}

#[test]
fn a_peer_that_takes_nothing_is_left_after_the_write_timeout() {
    let _bound = crate::watchdog::bound();
    let (mut socket, _peer) = blocking_server(Config::default());
    let error = within("blocking", move || {
        socket.set_flow(patient().write_timeout(STALL));
        socket.send(&vec![7; HUGE][..]).unwrap_err()
    });
    expect_write_timeout(&error);
    within_each_runtime!(within, a_write_times_out);
    assert!(STALL < PATIENCE);
}

fn expect_write_timeout(error: &Error) {
    assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::TimedOut), "{error:?}");
}

fn a_write_times_out<R: OnRuntime>() {
    let (mut socket, _peer) = server_on::<R>(Config::default());
    socket.set_flow(patient().write_timeout(STALL));
    expect_write_timeout(&R::block_on(socket.send(&vec![7; HUGE][..])).unwrap_err());
}
