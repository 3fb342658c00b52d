//! Handles of a connection and its loop, in orders that a model checker chooses.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Config, Message, Role};
use shuttle::thread;

use super::{Runner, Session, Shared, WebSocket};
use crate::clock::Clock;
use crate::open::request::Opened;
use crate::sync::model::{Timed, check};
use crate::sync::{Condvar, Mutex, lock, now, wait, wait_for};

/// A client's frames, masked with zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0Hello";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

/// Lets a loop wait, and be woken.
#[derive(Clone, Default)]
struct Woken(Arc<(Mutex<bool>, Condvar)>);

impl Runner for Woken {
    fn wake(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool {
        thread::spawn(task);
        true
    }
}

impl Woken {
    fn wait(&self, left: Option<Duration>) {
        let mut woken = lock(&self.0.0);
        let until = left.map(|left| now() + left);
        while !std::mem::take(&mut *woken) {
            woken = match until.map(|until| until.saturating_duration_since(now())) {
                None => wait(&self.0.1, woken),
                Some(Duration::ZERO) => return,
                Some(left) => wait_for(&self.0.1, woken, left),
            };
        }
    }
}

/// The callbacks that were called, in order.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Vec<&'static str>>, Condvar)>);

impl Log {
    fn note(&self, what: &'static str) {
        lock(&self.0.0).push(what);
        self.0.1.notify_all();
    }

    fn count(&self, what: &str) -> usize {
        lock(&self.0.0).iter().filter(|noted| **noted == what).count()
    }

    /// Waits for the last of these, which come once each, in any order.
    fn expect(&self, all: &[&'static str]) {
        let mut log = lock(&self.0.0);
        while !all.iter().all(|what| log.contains(what)) {
            log = wait(&self.0.1, log);
        }
    }
}

/// The loop of a connection whose peer has sent this, takes everything and says no more.
fn start(sent: &[u8]) -> (WebSocket, Timed<Vec<u8>>) {
    let woken = Woken::default();
    let shared = Arc::new(Shared::new(String::new(), Box::new(woken.clone())));
    let config = Config::default().keepalive(None);
    let opened = Opened::adopted(Role::Server, sent, config.into(), Clock::start());
    let session = Session::open(&shared, opened, None).expect("nobody has given it up");
    let looping = Timed::spawn(move || run(session, &woken));
    (WebSocket::new(shared), looping)
}

fn run(mut session: Session, woken: &Woken) -> Vec<u8> {
    let (mut written, mut is_shut_down) = (Vec::new(), false);
    while let Some(want) = session.next() {
        let write = want.write;
        if write {
            session.write(|slices| {
                let bytes: Vec<u8> =
                    slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                written.extend(&bytes);
                Ok(bytes.len())
            });
        }
        if want.shut_down {
            session.was_shut_down();
            is_shut_down = true;
        }
        if write || want.shut_down {
            continue;
        }
        // The peer ends the stream once it was shut down here.
        let nothing = if is_shut_down { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        if want.read && session.read(|_| nothing) {
            continue;
        }
        let left = want.until.map(|until| until.saturating_sub(session.clock().now()));
        woken.wait(left);
    }
    written
}

#[test]
fn callbacks_that_are_set_at_any_time_hear_all_in_order() {
    check(10_000, || {
        let (socket, looping) = start(&[HELLO, HELLO, CLOSE].concat());
        let log = Log::default();
        let setting = [
            {
                let (socket, log) = (socket.clone(), log.clone());
                thread::spawn(move || socket.on_open(move || log.note("open")))
            },
            {
                let (socket, log) = (socket.clone(), log.clone());
                thread::spawn(move || socket.on_close(move |_| log.note("close")))
            },
        ];
        let messages = log.clone();
        let mut first = true;
        socket.on_message(move |message: Message<'_>| {
            assert_eq!(message, Message::Text("Hello"));
            messages.note(if std::mem::take(&mut first) { "first" } else { "second" });
        });
        log.expect(&["open", "first", "second", "close"]);
        for setting in setting {
            setting.join().expect("no panic");
        }
        looping.join();
        let log = lock(&log.0.0);
        assert_eq!(log.len(), 4, "{log:?}");
        let at = |what| log.iter().position(|noted| *noted == what);
        assert!(at("first") < at("second") && at("second") < at("close"), "{log:?}");
    });
}

#[test]
fn a_send_is_written_and_its_callback_called() {
    check(8_000, || {
        let (socket, looping) = start(&[]);
        let log = Log::default();
        let sending = {
            let (socket, log) = (socket.clone(), log.clone());
            thread::spawn(move || {
                let success = move || log.note("sent");
                socket.send(super::SendOptions::new("Hello").success(success));
            })
        };
        log.expect(&["sent"]);
        sending.join().expect("no panic");
        // The last handle is gone, which closes it; the peer does not answer.
        drop(socket);
        let written = looping.join();
        assert_eq!(written, b"\x81\x05Hello\x88\x02\x03\xe9");
    });
}

#[test]
fn callbacks_are_let_go_after_the_end() {
    check(8_000, || {
        let (socket, looping) = start(CLOSE);
        let held = Arc::new(());
        let log = Log::default();
        let setting = {
            let (socket, held) = (socket.clone(), Arc::clone(&held));
            thread::spawn(move || socket.on_message(move |_| drop(Arc::clone(&held))))
        };
        let (noting, captured) = (log.clone(), Arc::clone(&held));
        socket.on_close(move |_| {
            let _ = &captured;
            noting.note("close");
        });
        log.expect(&["close"]);
        setting.join().expect("no panic");
        looping.join();
        // A task that lets them go may be at it.
        for _ in 0..1000 {
            if Arc::strong_count(&held) == 1 {
                break;
            }
            thread::yield_now();
        }
        assert_eq!(Arc::strong_count(&held), 1, "callbacks are kept after the end");
        assert_eq!(log.count("close"), 1);
    });
}
