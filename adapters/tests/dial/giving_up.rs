//! Attempts that are given up while they are under way.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use bluewire::facade::{CloseOptions, ReadyState};
use bluewire::{Canceller, Config, ConnectError, ConnectOptions};

use crate::client::{Client, dead, scripted, url};
use crate::common::{PATIENCE, until};

/// Options that would wait for longer than the tests have patience.
fn patient(address: SocketAddr) -> ConnectOptions {
    let hour = Duration::from_secs(3600);
    let config = Config::default().handshake_timeout(hour);
    ConnectOptions::new(url(address)).config(config).connect_timeout(hour).timeout(hour)
}

#[test]
fn over_a_given_stream_all_may_take_as_long_as_all_may_take() {
    let _bound = crate::watchdog::bound();
    let silent = scripted(|_| Ok(()));
    let time = Duration::from_millis(200);
    let options = || patient(silent).timeout(time);
    let connect = || std::net::TcpStream::connect(silent).expect("it listens");
    let blocking = bluewire::blocking::connect_over(connect(), options()).map(drop);
    let smol = smol::block_on(async {
        let stream = smol::Async::new(connect()).expect("a socket");
        bluewire::smol::connect_over(stream, options()).await.map(drop)
    });
    #[cfg(feature = "tokio")]
    let tokio = crate::common::side::RUNTIME.block_on(async {
        let stream = connect();
        stream.set_nonblocking(true).expect("a socket");
        let stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
        bluewire::tokio::connect_over(stream, options()).await.map(drop)
    });
    let all = [
        blocking,
        smol,
        #[cfg(feature = "tokio")]
        tokio,
    ];
    for failed in all {
        let error = failed.expect_err("the server is silent");
        let is_whole =
            matches!(error, ConnectError::TimedOut { timeout, whole: true, .. } if timeout == time);
        assert!(is_whole, "{error}");
    }
}

#[test]
fn another_thread_can_cancel_while_tcp_and_while_the_server_is_silent() {
    let _bound = crate::watchdog::bound();
    let (dead, (asked, was_asked)) = (dead(), channel());
    let silent = scripted(move |_| {
        let _ = asked.send(());
        Ok(())
    });
    for &client in Client::ALL {
        for address in [dead.address, silent] {
            let canceller = Canceller::new();
            let options = patient(address).canceller(&canceller);
            let attempt = thread::spawn(move || client.fail(options));
            if address == silent {
                was_asked.recv_timeout(PATIENCE).expect("the request comes");
            } else {
                // Usually in the middle of it, and before it now and then: both must end it.
                thread::sleep(Duration::from_millis(20));
            }
            canceller.cancel();
            let error = attempt.join().expect("it ends");
            assert!(matches!(error, ConnectError::Abandoned), "{client:?}: {error:?}");
            assert_eq!(error.phase(), None);
        }
    }
}

#[test]
fn an_attempt_that_is_cancelled_before_does_not_begin() {
    let _bound = crate::watchdog::bound();
    let canceller = Canceller::new();
    canceller.cancel();
    for &client in Client::ALL {
        let (asked, was_asked) = channel();
        let silent = scripted(move |_| {
            let _ = asked.send(());
            Ok(())
        });
        let error = client.fail(patient(silent).canceller(&canceller));
        assert!(matches!(error, ConnectError::Abandoned), "{client:?}: {error:?}");
        assert!(was_asked.try_recv().is_err(), "{client:?} asked");
    }
}

#[test]
fn the_facade_closes_while_tcp_does_not_answer() {
    let _bound = crate::watchdog::bound();
    let dead = dead();
    for &client in Client::ALL {
        let socket = client.create(patient(dead.address));
        let (tell, told) = channel();
        socket.on_error(move |error| drop(tell.send(error.data.clone())));
        thread::sleep(Duration::from_millis(20));
        socket.close(CloseOptions::default());
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
        let error = told.recv_timeout(PATIENCE).expect("it is told");
        assert_eq!(error, ConnectError::Abandoned.to_string());
    }
}

#[test]
fn the_facade_can_be_cancelled_too() {
    let _bound = crate::watchdog::bound();
    let dead = dead();
    for &client in Client::ALL {
        let canceller = Canceller::new();
        let socket = client.create(patient(dead.address).canceller(&canceller));
        canceller.cancel();
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
    }
}
