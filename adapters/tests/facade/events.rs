//! Events: none is lost to timing, and all come in order.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bluewire::facade::ReadyState;

use crate::common::log::{Log, Told, closed, error, shape, text};
use crate::common::peer::{BINARY, TEXT};
use crate::common::side::Side;
use crate::common::until;
use crate::on_each_side;

on_each_side! {
    fn a_callback_set_after_its_event_still_gets_it(side) {
        let (socket, mut peer) = side.open();
        peer.text("one");
        peer.send(BINARY, b"two");
        peer.close(3000, "bye");
        assert_eq!(peer.expect_close(), 3000);
        peer.end();
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
        let log = Log::default();
        log.on_open(&socket);
        log.wait(&Told::Open);
        log.on_close(&socket);
        log.on_error(&socket);
        // The close waits for the messages, and those for their callback.
        for number in 1..=2 {
            socket.send(log.send(number, "what is due has been told by now"));
            log.outcome(number);
        }
        let outcomes = [1, 2].map(|number| Told::Outcome(number, Some(200)));
        let before = [&[Told::Open], &outcomes[..]].concat();
        assert_eq!(log.now(), before);
        log.on_message(&socket);
        let two = Told::Message(bluewire::OwnedMessage::Binary(b"two".to_vec()));
        let after = [text("one"), two, closed(3000, "bye", true)];
        assert_eq!(log.at_end(), [before, after.to_vec()].concat());
    }

    fn messages_outlast_the_end_but_do_not_put_it_off_for_ever(side) {
        let (socket, mut peer) = side.open();
        let log = Log::default();
        log.on_close(&socket);
        peer.text("one");
        peer.text("two");
        peer.close(1000, "");
        peer.expect_close();
        peer.end();
        assert_eq!(log.wait(&closed(1000, "", true)), [closed(1000, "", true)]);
        log.on_message(&socket);
        let all = log.wait_for_silence();
        assert_eq!(all, [closed(1000, "", true), text("one"), text("two")]);
    }

    fn a_message_is_answered_before_what_follows_ends_the_connection(side) {
        let (socket, mut peer) = side.open();
        // 5.2: reserved bits.
        let together = [peer.frame_of(0x81, b"one"), peer.frame_of(0xf1, b"two")].concat();
        peer.stream.write_all(&together).expect("the frames leave");
        thread::sleep(Duration::from_millis(100));
        let again = socket.clone();
        socket.on_message(move |message| again.send(message.into_owned()));
        peer.expect_text("one");
        assert_eq!(peer.expect_close(), 1002);
    }

    fn messages_hold_up_no_end_that_was_asked_for(side) {
        let (socket, mut peer) = side.open();
        let log = Log::default();
        peer.text("one");
        log.on_close(&socket);
        let start = std::time::Instant::now();
        socket.close(1000);
        assert_eq!(peer.expect_close_and_end(), 1000);
        log.wait(&closed(1000, "", true));
        assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
    }

    fn an_error_is_remembered_as_well(side) {
        let (socket, peer) = side.open();
        peer.end();
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
        let log = Log::default();
        log.on_close(&socket);
        log.wait(&closed(1006, "", false));
        log.on_error(&socket);
        log.wait_until(|all| all.len() == 2);
        log.on_open(&socket);
        let all = log.wait_until(|all| all.len() == 3);
        assert_eq!(shape(&all), [closed(1006, "", false), error(), Told::Open]);
        // Each event comes once, and a second callback does not get it again.
        log.on_close(&socket);
        log.on_error(&socket);
        log.on_open(&socket);
        assert_eq!(log.wait_for_silence().len(), 3);
    }

    fn open_is_told_first_whenever_the_callbacks_are_set(side) {
        for _ in 0..30 {
            let (socket, mut peer) = side.open();
            let sends = thread::spawn(move || {
                peer.text("one");
                peer
            });
            let log = Log::default();
            log.on_open(&socket);
            log.on_message(&socket);
            log.wait(&text("one"));
            assert_eq!(log.now(), [Told::Open, text("one")]);
            sends.join().expect("it sends").end();
        }
    }

    fn a_message_keeps_its_type(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        peer.text("text");
        peer.send(BINARY, b"\xff\x00");
        let binary = Told::Message(bluewire::OwnedMessage::Binary(b"\xff\x00".to_vec()));
        log.wait(&binary);
        assert_eq!(log.now(), [Told::Open, text("text"), binary]);
        socket.send("text");
        socket.send(&b"\xff\x00"[..]);
        peer.expect_text("text");
        let frame = peer.frame().expect("it comes");
        assert_eq!((frame.opcode, &*frame.payload), (BINARY, &b"\xff\x00"[..]));
    }

    fn open_then_messages_in_order_then_one_error_then_one_close_then_nothing(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        for number in 0..200 {
            peer.text(&number.to_string());
        }
        // 5.2: a reserved opcode; and a message that comes too late.
        peer.send(3, b"");
        peer.text("too late");
        assert_eq!(peer.expect_close(), 1002);
        peer.end();
        let mut expected = vec![Told::Open];
        expected.extend((0..200).map(|number| text(&number.to_string())));
        expected.extend([error(), closed(1006, "", false)]);
        assert_eq!(shape(&log.at_end()), expected);
        drop(socket);
    }

    fn a_callback_is_replaced_from_inside_itself(side) {
        let (socket, mut peer) = side.open();
        let log = Log::default();
        let (inner, again) = (log.clone(), socket.clone());
        socket.on_message(move |message| {
            inner.push(Told::Message(message.into_owned()));
            inner.push(Told::Open);
            inner.on_message(&again);
        });
        peer.text("one");
        peer.text("two");
        peer.text("three");
        log.wait(&text("three"));
        assert_eq!(log.now(), [text("one"), Told::Open, text("two"), text("three")]);
    }

    fn events_for_a_cleared_callback_wait_for_the_next(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        let (inner, again) = (log.clone(), socket.clone());
        socket.on_message(move |message| {
            inner.push(Told::Message(message.into_owned()));
            again.clear_on_message();
        });
        socket.clear_on_close();
        socket.clear_on_error();
        peer.text("one");
        peer.text("two");
        peer.end();
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
        assert_eq!(log.now(), [Told::Open, text("one")]);
        log.on_message(&socket);
        log.on_error(&socket);
        log.on_close(&socket);
        let expected = [Told::Open, text("one"), text("two"), error(), closed(1006, "", false)];
        assert_eq!(shape(&log.at_end()), expected);
    }

    fn a_cleared_callback_lets_go_what_it_captured(side) {
        let (socket, peer) = side.open();
        let captured = Arc::new(());
        let capture = || {
            let captured = Arc::clone(&captured);
            move || drop(Arc::clone(&captured))
        };
        let (open, message, close, error) = (capture(), capture(), capture(), capture());
        socket.on_open(open);
        socket.on_message(move |_| message());
        socket.on_close(move |_| close());
        socket.on_error(move |_| error());
        socket.clear_on_open();
        socket.clear_on_message();
        socket.clear_on_close();
        socket.clear_on_error();
        until("all is let go", || Arc::strong_count(&captured) == 1);
        drop(peer);
    }

    fn a_callback_is_replaced_from_other_threads_without_loss(side) {
        const MESSAGES: usize = 500;
        let (socket, mut peer) = side.open();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (socket, seen, stop) = (socket.clone(), Arc::clone(&seen), Arc::clone(&stop));
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let seen = Arc::clone(&seen);
                        socket.on_message(move |message| {
                            let number: usize = message.as_text().expect("it is text").parse()
                                .expect("it is a number");
                            seen.lock().expect("nobody panics").push(number);
                        });
                    }
                })
            })
            .collect();
        for number in 0..MESSAGES {
            peer.text(&number.to_string());
        }
        until("all came", || seen.lock().expect("nobody panics").len() >= MESSAGES);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        assert!(seen.lock().expect("nobody panics").iter().copied().eq(0..MESSAGES));
    }

    fn callbacks_never_run_at_the_same_time(side) {
        const SENDS: usize = 200;
        let (socket, mut peer) = side.open();
        let guard = Arc::new(Guard::default());
        let (open, message, close) = (Arc::clone(&guard), Arc::clone(&guard), Arc::clone(&guard));
        socket.on_open(move || open.enter());
        socket.on_message(move |_| message.enter());
        socket.on_close(move |_| close.enter());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (socket, guard) = (socket.clone(), Arc::clone(&guard));
                thread::spawn(move || {
                    for _ in 0..SENDS {
                        let (success, fail) = (Arc::clone(&guard), Arc::clone(&guard));
                        let options = bluewire::facade::SendOptions::new("x")
                            .success(move || success.enter());
                        socket.send(options);
                        let invalid = bluewire::facade::CloseOptions::default()
                            .code(1)
                            .fail(move |_, _| fail.enter());
                        socket.close(invalid);
                    }
                })
            })
            .collect();
        for _ in 0..SENDS {
            peer.send(TEXT, b"y");
            peer.expect_text("x");
        }
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        for _ in 0..SENDS {
            peer.expect_text("x");
        }
        peer.close(1000, "");
        peer.expect_close();
        peer.end();
        until("all came", || guard.calls.load(Ordering::SeqCst) == 5 * SENDS + 2);
        assert!(!guard.overlap.load(Ordering::SeqCst));
    }

    fn the_url_the_protocol_and_the_headers_are_there_when_it_opens(side) {
        let (socket, peer) = side.open();
        let log = Log::default();
        let (opened, inner) = (log.clone(), socket.clone());
        socket.on_open(move || {
            assert_eq!(inner.ready_state(), ReadyState::Open);
            assert_eq!(inner.extensions(), "");
            let (response, request) = (inner.response(), inner.request());
            let protocol = inner.protocol().expect("one was chosen");
            if side.is_client() {
                let url = inner.url();
                assert!(url.starts_with("ws") && url.contains("://127.0.0.1:"), "{url}");
                assert!(inner.url().ends_with("/chat?room=1"), "{}", inner.url());
                assert_eq!(protocol, "v2");
                let response = response.expect("there was one");
                assert_eq!(response.status(), 101);
                assert_eq!(response.headers().first_str("x-served-by"), Some("peer"));
                assert!(request.is_none());
            } else {
                assert_eq!((inner.url(), &*protocol), ("", "v1"));
                let request = request.expect("there was one");
                assert_eq!(request.target(), "/chat?room=1");
                assert_eq!(request.headers().first_str("x-asked-by"), Some("peer"));
                assert!(response.is_none());
                // It is kept until it is taken.
                let taken = inner.take_request().expect("it is there");
                assert_eq!(taken.target(), request.target());
                assert!(inner.request().is_none() && inner.take_request().is_none());
            }
            opened.push(Told::Open);
        });
        log.wait(&Told::Open);
        let header = if side.is_client() { "X-Asked-By: facade" } else { "X-Served-By: facade" };
        assert!(peer.head.contains(header), "{}", peer.head);
    }
}

/// Notices two that are inside at once.
#[derive(Default)]
struct Guard {
    inside: AtomicBool,
    overlap: AtomicBool,
    calls: AtomicUsize,
}

impl Guard {
    fn enter(&self) {
        if self.inside.swap(true, Ordering::SeqCst) {
            self.overlap.store(true, Ordering::SeqCst);
        }
        thread::yield_now();
        self.inside.store(false, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}
