//! Threads that share a connection or a server, in orders that a model checker chooses.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bluewire_core::{CloseCode, Config, Fault, Role, Timeout};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::super::{Reader, Readiness, SplitTransport, Transport, WebSocket, Writer};
use crate::Error;
use crate::clock::Clock;
use crate::open::request::Opened;
use crate::server::{Admission, ServerOptions};
use crate::sync::model::{Timed, advance, check};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, now, wait, wait_for};
use crate::timekeeper::{self, Expire};

/// A client's frames, masked with zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0Hello";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";
/// A server's frames.
const FRAME: &[u8] = b"\x81\x05Hello";
const CLOSED: &[u8] = b"\x88\x02\x03\xe8";
const GOING_AWAY: &[u8] = b"\x88\x02\x03\xe9";
const GONE_AWAY: &[u8] = b"\x88\x82\0\0\0\0\x03\xe9";

const SEC: Duration = Duration::from_secs(1);

/// A socket in memory, and, as a clone, its peer.
#[derive(Clone)]
struct Wire(Arc<(Mutex<Ends>, Condvar)>);

#[derive(Default)]
struct Ends {
    incoming: VecDeque<u8>,
    written: Vec<u8>,
    /// How much more it takes.
    room: usize,
    read_timeout: Option<Duration>,
    no_reads: bool,
    no_writes: bool,
}

impl Wire {
    fn new(room: usize) -> Self {
        let ends = Mutex::new(Ends { room, ..Ends::default() });
        Self(Arc::new((ends, Condvar::new())))
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        lock(&self.0.0)
    }

    fn change(&self, change: impl FnOnce(&mut Ends)) {
        change(&mut self.ends());
        self.0.1.notify_all();
    }

    /// The peer sends bytes.
    fn send(&self, bytes: &[u8]) {
        self.change(|ends| ends.incoming.extend(bytes));
    }

    /// The peer sends bytes, and nothing after them.
    fn end(&self, bytes: &[u8]) {
        self.change(|ends| {
            ends.incoming.extend(bytes);
            ends.no_reads = true;
        });
    }

    fn make_room(&self, room: usize) {
        self.change(|ends| ends.room = room);
    }

    /// Waits until the peer has got this.
    fn expect(&self, written: &[u8]) {
        let mut ends = self.ends();
        while ends.written != written {
            ends = wait(&self.0.1, ends);
        }
    }

    /// Waits until this is so, for at most this long. Whether it is so.
    fn wait_until(&self, timeout: Option<Duration>, is_so: impl Fn(&Ends) -> bool) -> bool {
        let until = timeout.map(|timeout| now() + timeout);
        let mut ends = self.ends();
        while !is_so(&ends) {
            ends = match until.map(|until| until.saturating_duration_since(now())) {
                None => wait(&self.0.1, ends),
                Some(Duration::ZERO) => return false,
                Some(left) => wait_for(&self.0.1, ends, left),
            };
        }
        true
    }
}

impl Ends {
    fn is_readable(&self) -> bool {
        !self.incoming.is_empty() || self.no_reads
    }

    fn is_writable(&self) -> bool {
        self.room > 0 || self.no_writes
    }
}

impl Transport for Wire {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.ends().read_timeout = timeout;
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let timeout = self.ends().read_timeout;
        self.wait_until(timeout, Ends::is_readable);
        self.try_read(buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.ends();
        if !ends.is_readable() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = buf.len().min(ends.incoming.len());
        ends.incoming.drain(..len).zip(buf).for_each(|(byte, place)| *place = byte);
        Ok(len)
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut ends = self.ends();
        if ends.no_writes {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>();
        bytes.truncate(ends.room);
        if bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        ends.room -= bytes.len();
        ends.written.extend(&bytes);
        drop(ends);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn is_vectored(&self) -> bool {
        true
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let is_ready = |ends: &Ends| {
            (interest.readable && ends.is_readable()) || (interest.writable && ends.is_writable())
        };
        self.wait_until(timeout, is_ready);
        let ends = self.ends();
        let (readable, writable) = (ends.is_readable(), ends.is_writable());
        Ok(Readiness::new(interest.readable && readable, interest.writable && writable))
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.change(|ends| {
            ends.no_reads |= how != Shutdown::Write;
            ends.no_writes |= how != Shutdown::Read;
        });
        Ok(())
    }
}

impl SplitTransport for Wire {}

fn config() -> Config {
    Config::default().keepalive(None).close_timeout(SEC)
}

fn split(room: usize) -> (Reader<Wire>, Writer<Wire>, Wire) {
    let wire = Wire::new(room);
    let (reader, writer) = WebSocket::adopt_server(wire.clone(), &[], config()).split();
    (reader, writer, wire)
}

/// Receives until the end: how many messages, and the error.
fn receive_all(reader: &mut Reader<Wire>) -> (usize, Option<Error>) {
    let mut received = 0;
    loop {
        match reader.recv() {
            Ok(Some(_)) => received += 1,
            Ok(None) => return (received, None),
            Err(error) => return (received, Some(error)),
        }
    }
}

fn closed(writer: &Writer<Wire>) -> bool {
    writer.closed().expect("it is no error").clean
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}

#[test]
fn a_reader_and_writers_do_not_wait_for_each_other() {
    check(10_000, || {
        let (mut reader, writer, peer) = split(0);
        let reading = thread::spawn(move || receive_all(&mut reader));
        let sending = [writer.clone(), writer]
            .map(|writer| thread::spawn(move || writer.send("Hello").expect("it is open")));
        peer.send(HELLO);
        peer.make_room(3);
        peer.make_room(usize::MAX);
        peer.send(HELLO);
        sending.into_iter().for_each(join);
        assert_eq!(peer.ends().written, FRAME.repeat(2));
        peer.end(CLOSE);
        assert!(matches!(join(reading), (2, None)));
    });
}

#[test]
fn close_now_ends_whoever_waits() {
    check(10_000, || {
        let (mut reader, writer, _peer) = split(3);
        let reading = thread::spawn(move || (receive_all(&mut reader), reader));
        let (sender, waiter) = (writer.clone(), writer.clone());
        let sending = thread::spawn(move || sender.send("Hello").is_ok());
        let waiting = thread::spawn(move || closed(&waiter));
        writer.close_now(CloseCode::GOING_AWAY, "").expect("the code is lawful");
        assert!(!join(sending), "it cannot have been written");
        // Nor does the reader that goes wake it.
        assert!(!join(waiting));
        let (received, _reader) = join(reading);
        assert!(matches!(received, (0, Some(_))));
    });
}

#[test]
fn a_writer_reads_once_the_reader_is_gone() {
    check(8_000, || {
        let (reader, writer, peer) = split(usize::MAX);
        let waiting = thread::spawn(move || closed(&writer));
        let leaving = thread::spawn(move || drop(reader));
        peer.end(CLOSE);
        assert!(join(waiting));
        join(leaving);
        assert_eq!(peer.ends().written, CLOSED);
    });
}

#[test]
fn a_failed_write_ends_whoever_waits() {
    check(8_000, || {
        let (mut reader, writer, peer) = split(0);
        let reading = thread::spawn(move || receive_all(&mut reader));
        let (sender, waiter) = (writer.clone(), writer);
        let sending = thread::spawn(move || sender.send("Hello").is_ok());
        let waiting = thread::spawn(move || closed(&waiter));
        peer.change(|ends| ends.no_writes = true);
        assert!(!join(sending));
        assert!(matches!(join(reading), (0, Some(_))));
        assert!(!join(waiting));
    });
}

#[test]
fn the_timekeeper_ends_a_closing_that_no_thread_waits_for() {
    check(6_000, || {
        let (mut reader, writer, _peer) = split(usize::MAX);
        let reading = Timed::spawn(move || receive_all(&mut reader));
        let closing = thread::spawn(move || writer.close(CloseCode::NORMAL, ""));
        let received = reading.join();
        assert!(matches!(received, (0, Some(Error::Fault(Fault::Timeout(Timeout::Close))))));
        join(closing).expect("it was open");
    });
}

/// Notes when its deadline was kept.
#[derive(Default)]
struct Kept(Mutex<bool>, Condvar);

impl Expire for Kept {
    fn expire(self: Arc<Self>) {
        *lock(&self.0) = true;
        self.1.notify_all();
    }
}

impl Kept {
    fn wait(&self) {
        let mut kept = lock(&self.0);
        while !*kept {
            kept = wait(&self.1, kept);
        }
    }
}

#[test]
fn the_timekeeper_keeps_each_deadline_and_rests() {
    check(8_000, || {
        let kept: [Arc<Kept>; 3] = Default::default();
        let [late, early, gone] = &kept;
        let closing = |kept: &Arc<Kept>| {
            let closing: Weak<dyn Expire> = Arc::downgrade(&(Arc::clone(kept) as Arc<dyn Expire>));
            closing
        };
        let begin = now();
        let late_watch = timekeeper::watch(begin + 60 * SEC, closing(late));
        let given_up = timekeeper::watch(begin + SEC, closing(gone));
        let other = thread::spawn(move || drop(given_up));
        let early_watch = timekeeper::watch(begin + 2 * SEC, closing(early));
        join(other);
        advance(2 * SEC);
        early.wait();
        assert!(!*lock(&late.0) && !*lock(&gone.0), "it was too soon, or given up");
        // It ends when nothing is left to wait for: a thread that waits would be a deadlock.
        drop((late_watch, early_watch));
        // And begins again.
        let again = timekeeper::watch(now() + SEC, closing(late));
        advance(SEC);
        late.wait();
        drop(again);
    });
}

/// A connection of a server's.
fn served(admission: &Arc<Admission>) -> (WebSocket<Wire>, Wire) {
    let wire = Wire::new(usize::MAX);
    let slot = admission.enter(None).expect("there is room");
    let opened = Opened::adopted(Role::Server, &[], config().into(), Clock::start());
    (WebSocket::open(wire.clone(), opened, Some(slot)), wire)
}

#[test]
fn a_shutdown_reaches_a_thread_that_waits() {
    check(10_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let (mut socket, peer) = served(&admission);
        let receiving = thread::spawn(move || socket.recv().expect("it ends in order").is_none());
        let leaving = Arc::clone(&admission);
        let leaving = thread::spawn(move || {
            leaving.begin_shutdown();
            leaving.wait_until_left(Duration::MAX);
            leaving.end_shutdown()
        });
        let over = Arc::clone(&admission);
        let over = thread::spawn(move || over.wait_until_over());
        peer.expect(GOING_AWAY);
        peer.end(GONE_AWAY);
        assert!(join(receiving));
        assert_eq!(join(leaving).closed, 1);
        assert_eq!(join(over).closed, 1);
        assert_eq!(admission.connections(), 0);
    });
}

#[test]
fn a_shutdown_reaches_a_connection_while_it_is_split() {
    check(10_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let (socket, peer) = served(&admission);
        let leaving = Arc::clone(&admission);
        let leaving = thread::spawn(move || leaving.begin_shutdown());
        let (mut reader, writer) = socket.split();
        // Whether any half is called or not.
        if thread_rng().gen_bool(0.5) {
            peer.expect(GOING_AWAY);
        }
        let reading = thread::spawn(move || receive_all(&mut reader));
        let waiting = thread::spawn(move || closed(&writer));
        peer.expect(GOING_AWAY);
        peer.end(GONE_AWAY);
        assert!(matches!(join(reading), (0, None)));
        assert!(join(waiting));
        join(leaving);
        assert_eq!(admission.end_shutdown().closed, 1);
    });
}

#[test]
fn a_shutdown_cuts_who_does_not_answer() {
    check(6_000, || {
        let admission = Admission::new(&ServerOptions::default());
        let (mut socket, _peer) = served(&admission);
        let receiving = Timed::spawn(move || socket.recv().map(drop).is_err());
        let report = {
            let admission = Arc::clone(&admission);
            thread::spawn(move || {
                admission.begin_shutdown();
                admission.end_shutdown()
            })
        };
        // The thread sees a cut when it next looks, after its read.
        assert!(receiving.join());
        assert_eq!(join(report).cut, 1);
    });
}
