//! Flow: messages without a taker hold the peer up, and slow callbacks cost nothing but time. In a
//! binary of its own, and one at a time: callbacks block here, which other tests on the same
//! executor would take for their peers' silence.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "common/watchdog.rs"]
mod watchdog;

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::facade::ReadyState;
use bluewire::{Config, Keepalive};

use common::log::{Log, Told, closed, text};
use common::peer::{BINARY, Peer};
use common::side::Side;
use common::{PATIENCE, until};

const MESSAGE_LEN: usize = 1024 * 1024;
/// More than the kernel keeps for one connection.
const MESSAGES: usize = 48;

on_each_side! {
    fn past_a_bound_the_socket_is_not_read_until_on_message_is_set(side) {
        let _alone = alone();
        let (socket, peer) = side.open();
        let (sent, sender) = send_many(peer);
        let stalled = wait_for_stall(&sent);
        assert!(stalled < MESSAGES, "all was read");
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        socket.on_message(move |message| {
            assert_eq!(message.len(), MESSAGE_LEN);
            count.fetch_add(1, Ordering::SeqCst);
        });
        until("all came", || seen.load(Ordering::SeqCst) == MESSAGES);
        drop(sender.join().expect("it does not panic"));
    }

    fn a_connection_that_is_held_up_lets_others_run(side) {
        let _alone = alone();
        let (socket, peer) = side.open();
        let (sent, sender) = send_many(peer);
        wait_for_stall(&sent);
        let (run, has_run) = mpsc::channel();
        smol::spawn(async move { run.send(()) }).detach();
        has_run.recv_timeout(PATIENCE).expect("the executor has time");
        socket.on_message(|_| {});
        drop(sender.join().expect("it does not panic"));
    }

    fn a_peer_that_is_held_up_is_not_taken_for_dead(side) {
        let _alone = alone();
        let short = Duration::from_millis(150);
        let config = Config::default().keepalive(Keepalive::default().interval(short).timeout(short)).idle_timeout(2 * short);
        let (socket, peer) = side.open_with(config);
        let (sent, sender) = send_many(peer);
        wait_for_stall(&sent);
        assert_eq!(socket.ready_state(), ReadyState::Open);
        let log = Log::default();
        let (done, mut left) = (log.clone(), MESSAGES);
        socket.on_message(move |_| {
            left -= 1;
            if left == 0 {
                done.push(Told::Open);
            }
        });
        log.wait(&Told::Open);
        drop(sender.join().expect("it does not panic"));
    }

    fn messages_that_arrive_during_a_slow_callback_count_before_a_deadline(side) {
        let _alone = alone();
        // Where this machine is so busy that the first message comes too late, the time is too short.
        let times = [300, 1_500, 7_500].map(Duration::from_millis);
        assert!(times.into_iter().any(|time| comes_in_time(side, time)), "no time is enough");
    }
}

/// Sends messages while a callback takes longer than the idle timeout. `false` if the connection
/// ended before the first one.
fn comes_in_time(side: Side, idle_timeout: Duration) -> bool {
    let (socket, mut peer) = side.open_with(Config::default().idle_timeout(idle_timeout));
    let log = Log::of(&socket);
    log.wait(&Told::Open);
    let (slow, (begun, waiting), (sent, sending)) = (log.clone(), mpsc::channel(), mpsc::channel());
    socket.on_message(move |message| {
        if message.as_text() == Some("one") {
            begun.send(()).expect("the test waits");
            sending.recv_timeout(PATIENCE).expect("the rest is sent");
            // Time is what this is about.
            thread::sleep(idle_timeout + Duration::from_millis(200));
        }
        slow.push(Told::Message(message.into_owned()));
    });
    peer.text("one");
    // The end lets the callback go.
    if waiting.recv_timeout(PATIENCE).is_err() {
        return false;
    }
    peer.text("two");
    peer.close(1000, "");
    sent.send(()).expect("the callback waits");
    peer.expect_close();
    peer.end();
    let expected = [Told::Open, text("one"), text("two"), closed(1000, "", true)];
    assert_eq!(log.at_end(), expected);
    true
}

fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends from a thread of its own, and counts what has left.
fn send_many(mut peer: Peer) -> (Arc<AtomicUsize>, thread::JoinHandle<Peer>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let sender = thread::spawn(move || {
        for _ in 0..MESSAGES {
            peer.send(BINARY, &[0; MESSAGE_LEN]);
            count.fetch_add(1, Ordering::SeqCst);
        }
        peer
    });
    (sent, sender)
}

/// Waits until nothing has left for a while: nothing tells that nothing happens.
fn wait_for_stall(sent: &AtomicUsize) -> usize {
    let mut last = (0, Instant::now());
    while last.0 == 0 || last.1.elapsed() < Duration::from_millis(500) {
        let now = sent.load(Ordering::SeqCst);
        if now != last.0 {
            last = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(5));
    }
    last.0
}
