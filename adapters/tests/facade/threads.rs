//! Handles: cheap, `Send + Sync`, used from everywhere, and never in the way of a lock.

use std::sync::{Arc, Mutex};
use std::thread;

use bluewire::facade::{CloseOptions, ReadyState, SendOptions, WebSocket};

use crate::common::log::{Log, Told, closed};
use crate::common::side::Side;
use crate::common::until;
use crate::on_each_side;

#[test]
fn handles_are_send_and_sync_and_as_small_as_a_pointer() {
    let _bound = crate::watchdog::bound();
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<WebSocket>();
    assert_eq!(size_of::<WebSocket>(), size_of::<usize>());
}

on_each_side! {
    fn every_call_may_be_made_from_inside_a_callback(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        let (inner, calls) = (socket.clone(), log.clone());
        socket.on_message(move |message| {
            inner.send(calls.send(1, message));
            assert!(inner.buffered_amount() > 0);
            assert_eq!(inner.ready_state(), ReadyState::Open);
            let _ = (inner.url(), inner.protocol(), inner.extensions());
            let _ = (inner.response(), inner.request(), format!("{inner:?}"));
            calls.on_open(&inner);
            calls.on_error(&inner);
            calls.on_close(&inner);
            inner.close(calls.close(2, (3000, "from inside")));
            assert_eq!(inner.ready_state(), ReadyState::Closing);
        });
        drop(socket);
        peer.text("echo");
        peer.expect_text("echo");
        assert_eq!(peer.expect_close_and_end(), 3000);
        let outcomes = [Told::Outcome(1, None), Told::Outcome(2, None)];
        let expected = [&[Told::Open], &outcomes[..], &[closed(3000, "", true)]].concat();
        assert_eq!(log.at_end(), expected);
    }

    fn an_outcome_never_runs_on_the_stack_of_its_call(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().expect("nobody panics");
        let here = thread::current().id();
        let locked = |number| {
            let (lock, log) = (Arc::clone(&lock), log.clone());
            move |code| {
                drop(lock.lock().expect("nobody panics"));
                assert_ne!(thread::current().id(), here);
                log.push(Told::Outcome(number, code));
            }
        };
        let (first, second, third) = (locked(1), locked(2), locked(3));
        socket.send(SendOptions::new("x").success(move || first(None)));
        let invalid = CloseOptions::default().code(1);
        socket.close(invalid.fail(move |_, code| second(Some(code.value()))));
        socket.close(CloseOptions::default().success(move || third(None)));
        drop(held);
        peer.expect_text("x");
        assert_eq!(peer.expect_close_and_end(), 1000);
        assert_eq!(log.outcome(1), None);
        assert_eq!(log.outcome(2), Some(202));
        assert_eq!(log.outcome(3), None);
        // After the end as well.
        log.wait(&closed(1000, "", true));
        let held = lock.lock().expect("nobody panics");
        let fourth = locked(4);
        socket.send(SendOptions::new("x").fail(move |_, code| fourth(Some(code.value()))));
        drop(held);
        assert_eq!(log.outcome(4), Some(200));
    }

    fn a_call_never_waits_for_a_callback(side) {
        let (socket, mut peer) = side.open();
        let (begun, waiting) = std::sync::mpsc::channel();
        let (go_on, gate) = std::sync::mpsc::channel::<()>();
        socket.on_message(move |_| {
            begun.send(()).expect("the test waits");
            gate.recv_timeout(crate::common::PATIENCE).expect("the test goes on");
        });
        peer.text("one");
        waiting.recv().expect("the callback runs");
        let log = Log::default();
        socket.send(log.send(1, "meanwhile"));
        log.on_message(&socket);
        log.on_close(&socket);
        assert!(socket.buffered_amount() > 0);
        socket.close(log.close(2, 1000));
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        assert_eq!(log.now(), []);
        go_on.send(()).expect("the callback waits");
        peer.expect_text("meanwhile");
        assert_eq!(peer.expect_close_and_end(), 1000);
        log.wait(&closed(1000, "", true));
    }

    fn outcomes_after_the_end_never_run_at_the_same_time(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        peer.end();
        log.at_end();
        let (tell, second) = std::sync::mpsc::channel();
        let (begun, waiting) = std::sync::mpsc::channel();
        let (first, done) = (log.clone(), log.clone());
        socket.send(SendOptions::new("x").fail(move |_, _| {
            begun.send(()).expect("the test waits");
            // That the second does not come can only be waited for.
            assert!(second.recv_timeout(std::time::Duration::from_millis(200)).is_err());
            first.push(Told::Outcome(1, Some(200)));
        }));
        waiting.recv().expect("the first runs");
        socket.send(SendOptions::new("y").fail(move |_, _| {
            let _ = tell.send(());
            done.push(Told::Outcome(2, Some(200)));
        }));
        log.outcome(2);
        let outcomes = [1, 2].map(|number| Told::Outcome(number, Some(200)));
        assert_eq!(log.now()[3..], outcomes);
    }

    fn sends_from_many_threads_all_arrive_whole(side) {
        const THREADS: usize = 4;
        const SENDS: usize = 250;
        let (socket, mut peer) = side.open();
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let socket = socket.clone();
                thread::spawn(move || {
                    for number in 0..SENDS {
                        socket.send(format!("{thread} {number}"));
                    }
                })
            })
            .collect();
        let mut next = [0; THREADS];
        for _ in 0..THREADS * SENDS {
            let payload = peer.frame().expect("it comes").payload;
            let text = String::from_utf8(payload).expect("it is text");
            let (thread, number) = text.split_once(' ').expect("it has two numbers");
            let thread: usize = thread.parse().expect("it is a number");
            assert_eq!(number, next[thread].to_string(), "in order for each thread");
            next[thread] += 1;
        }
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    }

    fn captures_of_callbacks_are_dropped_at_the_end_even_without_on_close(side) {
        let (socket, peer) = side.open();
        let captured = Arc::new(());
        let (inner, keep) = (socket.clone(), Arc::clone(&captured));
        socket.on_message(move |message| {
            let _ = &keep;
            inner.send(message);
        });
        drop(socket);
        peer.end();
        until("it is let go", || Arc::strong_count(&captured) == 1);
    }

    fn a_callback_set_after_the_end_is_let_go_at_once(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        peer.end();
        log.at_end();
        let captured = Arc::new(());
        let (inner, keep) = (socket.clone(), Arc::clone(&captured));
        socket.on_message(move |_| {
            let _ = (&keep, &inner);
        });
        until("it is let go", || Arc::strong_count(&captured) == 1);
    }
}
