//! Connections that break while something waits, and what is said about their end.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{CloseCode, Config, Error, Flow, SendError};
use rustix::net::sockopt::set_socket_linger;

use crate::peer::{CLOSE, Peer, blocking_server, smol_server};
use crate::{PATIENCE, within};

/// Much more than the kernel's buffers hold.
const HUGE: usize = 15 * 1024 * 1024;
/// Much later than at once, for a busy machine.
const LATE: Duration = Duration::from_secs(5);
const STALL: Duration = Duration::from_millis(300);

fn reset(peer: Peer) {
    set_socket_linger(&peer.stream, Some(Duration::ZERO)).unwrap();
}

/// No write gives up by itself.
fn patient() -> Flow {
    Flow::default().write_timeout(Duration::from_secs(600))
}

#[test]
fn the_end_of_a_connection_that_broke_is_not_waited_for_without_end() {
    let _bound = crate::watchdog::bound();
    let config = || Config::default().close_timeout(STALL);
    let (socket, peer) = blocking_server(config());
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

    let (socket, peer) = smol_server(config());
    within("smol", move || {
        smol::block_on(async {
            let (_reader, writer) = socket.split();
            reset(peer);
            while writer.send("news").await.is_ok() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            if let Ok(closure) = writer.closed().await {
                assert!(!closure.clean, "{closure:?}");
            }
        });
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

    let (mut socket, _peer) = smol_server(Config::default());
    within("smol", move || {
        socket.set_flow(patient());
        let (_reader, writer) = socket.split();
        let sending = {
            let writer = writer.clone();
            thread::spawn(move || smol::block_on(writer.send(&vec![7; HUGE][..])))
        };
        thread::sleep(STALL);
        let since = Instant::now();
        let _ = writer.close_now(CloseCode::GOING_AWAY, "");
        assert!(sending.join().unwrap().is_err(), "it cannot have left");
        assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
    });
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
    let config = || Config::default().close_timeout(STALL);
    let flow = patient().write_timeout(STALL);
    let (mut socket, mut peer) = blocking_server(config());
    let closure = within("blocking", move || {
        socket.set_flow(flow);
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
    let closure = closure.expect("it has ended");
    assert_eq!((closure.code, closure.clean), (CloseCode::NORMAL, false), "{closure:?}");

    let (mut socket, mut peer) = smol_server(config());
    let closure = within("smol", move || {
        smol::block_on(async {
            socket.set_flow(flow);
            while !is_full(&socket.try_feed(&[7; 65_536][..])) {}
            closes_and_reads_nothing(&mut peer);
            let since = Instant::now();
            while let Ok(Some(_)) = socket.recv().await {}
            while socket.closure().is_none() && since.elapsed() < LATE {
                let _ = socket.recv().await;
            }
            drop(peer);
            socket.closure().cloned()
        })
    });
    let closure = closure.expect("it has ended");
    assert_eq!((closure.code, closure.clean), (CloseCode::NORMAL, false), "{closure:?}");
}

#[test]
fn a_peer_that_takes_nothing_is_left_after_the_write_timeout() {
    let _bound = crate::watchdog::bound();
    let flow = patient().write_timeout(STALL);
    let (mut socket, _peer) = blocking_server(Config::default());
    let error = within("blocking", move || {
        socket.set_flow(flow);
        socket.send(&vec![7; HUGE][..]).unwrap_err()
    });
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut), "{error:?}");

    let (mut socket, _peer) = smol_server(Config::default());
    let error = within("smol", move || {
        socket.set_flow(flow);
        smol::block_on(socket.send(&vec![7; HUGE][..])).unwrap_err()
    });
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut), "{error:?}");
    assert!(STALL < PATIENCE);
}
