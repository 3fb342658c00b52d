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
fn another_thread_can_cancel_while_tcp_and_while_the_server_is_silent() {
    let (dead, (asked, was_asked)) = (dead(), channel());
    let silent = scripted(move |_| {
        let _ = asked.send(());
        Ok(())
    });
    for client in Client::ALL {
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
fn who_is_cancelled_before_does_not_begin() {
    let canceller = Canceller::new();
    canceller.cancel();
    for client in Client::ALL {
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
    let dead = dead();
    for client in Client::ALL {
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
    let dead = dead();
    for client in Client::ALL {
        let canceller = Canceller::new();
        let socket = client.create(patient(dead.address).canceller(&canceller));
        canceller.cancel();
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
    }
}
