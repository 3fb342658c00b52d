//! Handles of a connection and its loop, in orders that a model checker chooses.

mod groups;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Config, Message, Role};
use shuttle::thread;

use super::{Runner, Session, Shared, WebSocket, Writable, WriteSlices};
use crate::clock::Clock;
use crate::drive::Want;
use crate::open::request::Opened;
use crate::sync::model::{Timed, check};
use crate::sync::{Condvar, Mutex, lock, now, wait, wait_for};

/// A client's frames, masked with zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0Hello";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

/// The stream of a connection in memory, and what lets its loop wait.
#[derive(Default)]
struct Stream(Mutex<Ends>, Condvar);

#[derive(Default)]
struct Ends {
    /// Whether a handle has woken the loop.
    woken: bool,
    incoming: VecDeque<u8>,
    /// Whether the peer ends the stream behind that.
    ended: bool,
    written: Vec<u8>,
    /// How much more the peer takes.
    room: usize,
    write_fails: bool,
}

/// A handle's way to the loop.
struct Handle(Arc<Stream>);

impl Runner for Handle {
    fn wake(&self) {
        self.0.change(|ends| ends.woken = true);
    }

    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool {
        thread::spawn(task);
        true
    }
}

impl Stream {
    fn change(&self, change: impl FnOnce(&mut Ends)) {
        change(&mut lock(&self.0));
        self.1.notify_all();
    }

    fn make_room(&self, room: usize) {
        self.change(|ends| ends.room = room);
    }

    /// Waits for what the loop wants, for a handle, or for the time to be over.
    fn wait(&self, want: Want, left: Option<Duration>) {
        let mut ends = lock(&self.0);
        let until = left.map(|left| now() + left);
        while !std::mem::take(&mut ends.woken) && !ends.is_ready(want) {
            ends = match until.map(|until| until.saturating_duration_since(now())) {
                None => wait(&self.1, ends),
                Some(Duration::ZERO) => return,
                Some(left) => wait_for(&self.1, ends, left),
            };
        }
    }

    /// Waits until the peer has got this.
    fn expect(&self, is_so: impl Fn(&[u8]) -> bool) {
        let mut ends = lock(&self.0);
        while !is_so(&ends.written) {
            ends = wait(&self.1, ends);
        }
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut ends = lock(&self.0);
        if ends.write_fails {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if ends.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>();
        bytes.truncate(ends.room);
        ends.room -= bytes.len();
        ends.written.extend(&bytes);
        drop(ends);
        self.1.notify_all();
        Ok(bytes.len())
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut ends = lock(&self.0);
        if ends.incoming.is_empty() && !ends.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = buf.len().min(ends.incoming.len());
        ends.incoming.drain(..len).zip(buf).for_each(|(byte, place)| *place = byte);
        Ok(len)
    }
}

impl Ends {
    fn is_ready(&self, want: Want) -> bool {
        (want.read && (!self.incoming.is_empty() || self.ended))
            || (want.write && (self.room > 0 || self.write_fails))
    }
}

impl Writable for Stream {
    fn write_aside(&self, act: &mut dyn FnMut(&mut WriteSlices<'_>) -> bool) -> io::Result<bool> {
        Ok(act(&mut |slices| self.try_write(slices)))
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
    let (socket, looping, stream) = start_with(sent);
    stream.make_room(usize::MAX);
    (socket, looping)
}

/// The loop of a connection whose peer has sent this, and takes nothing yet.
fn start_with(sent: &[u8]) -> (WebSocket, Timed<Vec<u8>>, Arc<Stream>) {
    let stream = Arc::new(Stream::default());
    let shared = Arc::new(Shared::new(String::new(), Box::new(Handle(Arc::clone(&stream)))));
    let config = Config::default().keepalive(None);
    let opened = Opened::adopted(Role::Server, sent, config.into(), Clock::start());
    let session = Session::open(&shared, opened, None).expect("nobody has given it up");
    let lent = Arc::clone(&stream);
    let looping = Timed::spawn(move || run(session, &lent));
    (WebSocket::new(shared), looping, stream)
}

/// As the loop of the blocking adapter.
fn run(mut session: Session, stream: &Arc<Stream>) -> Vec<u8> {
    session.lend_stream(stream);
    while let Some(want) = session.next() {
        let written = !want.write || session.write(|slices| stream.try_write(slices));
        if want.shut_down {
            session.was_shut_down();
            // The peer ends the stream then.
            stream.change(|ends| ends.ended = true);
        }
        if want.shut_down || (want.write && written) {
            continue;
        }
        let left = want.deadline().map(|until| until.saturating_sub(session.clock().now()));
        stream.wait(want, left);
        if want.read {
            session.read(|buf| stream.try_read(buf));
        }
    }
    lock(&stream.0).written.clone()
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
