//! `send`: exactly one outcome for each, at the right time, in order.

use std::sync::mpsc;
use std::thread;

use bluewire::facade::{ReadyState, SendOptions};
use bluewire::{Config, Limits, PreparedMessage};

use crate::common::log::{Log, Told, closed};
use crate::common::peer::{BINARY, TEXT};
use crate::common::side::Side;
use crate::common::{PATIENCE, until};
use crate::on_each_side;

/// More than the kernel keeps for one connection.
const LARGE: usize = 12 * 1024 * 1024;

on_each_side! {
    fn success_means_that_all_bytes_were_handed_over(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        assert_eq!(socket.buffered_amount(), 0);
        socket.send(log.send(1, vec![7; LARGE]));
        socket.send(log.send(2, "behind it"));
        until("the kernel takes no more", || {
            let before = socket.buffered_amount();
            thread::sleep(std::time::Duration::from_millis(100));
            let after = socket.buffered_amount();
            after < LARGE && after == before
        });
        assert!(socket.buffered_amount() > 0, "the peer reads nothing yet");
        assert_eq!(log.now(), [Told::Open], "not all was handed over");
        let frame = peer.frame().expect("it comes");
        assert_eq!((frame.opcode, frame.payload.len()), (BINARY, LARGE));
        peer.expect_text("behind it");
        log.wait(&Told::Outcome(2, None));
        assert_eq!(log.now(), [Told::Open, Told::Outcome(1, None), Told::Outcome(2, None)]);
        assert_eq!(socket.buffered_amount(), 0);
    }

    fn each_send_has_exactly_one_outcome_and_they_are_in_order(side) {
        const SENDS: usize = 300;
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        for number in 0..SENDS {
            socket.send(log.send(number, number.to_string()));
        }
        for number in 0..SENDS {
            peer.expect_text(&number.to_string());
        }
        peer.close(1000, "");
        peer.expect_close();
        peer.end();
        let mut outcomes = log.at_end();
        outcomes.retain(|told| matches!(told, Told::Outcome(..)));
        let expected: Vec<_> = (0..SENDS).map(|number| Told::Outcome(number, None)).collect();
        assert_eq!(outcomes, expected);
    }

    fn every_send_from_other_threads_wakes_the_loop(side) {
        const THREADS: usize = 4;
        const SENDS: usize = 1500;
        let (socket, mut peer) = side.open();
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let socket = socket.clone();
                thread::spawn(move || {
                    for number in 0..SENDS {
                        let (tell, told) = mpsc::channel();
                        let told_by = move || tell.send(()).expect("it is waited for");
                        socket.send(SendOptions::new("x").success(told_by));
                        // Were a wake lost, all would wait for each other here.
                        told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{number}"));
                    }
                })
            })
            .collect();
        for _ in 0..THREADS * SENDS {
            peer.expect_text("x");
        }
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    }

    fn unsent_messages_at_the_end_fail_with_300(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.send(log.send(1, vec![7; LARGE]));
        socket.send(log.send(2, "behind it"));
        // With unread bytes, that resets the connection.
        drop(peer);
        let all = log.at_end();
        let outcomes = [Told::Outcome(1, Some(300)), Told::Outcome(2, Some(300))];
        assert_eq!(all[..3], [&[Told::Open], &outcomes[..]].concat());
        assert!(matches!(all[3], Told::Error(_)));
        assert_eq!(all[4..], [closed(1006, "", false)]);
    }

    fn past_the_bound_send_fails_with_205_at_once(side) {
        let limits = Limits::default().outbox_len_max(LARGE + 100);
        let (socket, mut peer) = side.open_with(Config::default().keepalive(None).limits(limits));
        let log = Log::of(&socket);
        socket.send(log.send(1, vec![7; LARGE]));
        socket.send(log.send(2, vec![7; LARGE]));
        assert_eq!(log.outcome(2), Some(205));
        // A message that did not fit left nothing behind, and did no harm to the rest.
        assert!(socket.buffered_amount() <= LARGE + 100);
        assert!(!log.now().contains(&Told::Outcome(1, None)));
        assert_eq!(peer.frame().expect("it comes").payload.len(), LARGE);
        assert_eq!(log.outcome(1), None);
        socket.send("there is room again");
        peer.expect_text("there is room again");
    }

    fn send_fails_with_200_while_closing_and_after(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        socket.close(1000);
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        socket.send(log.send(1, "too late"));
        assert_eq!(log.outcome(1), Some(200));
        assert_eq!(peer.expect_close(), 1000);
        peer.close(1000, "");
        peer.end();
        log.wait(&closed(1000, "", true));
        socket.send(log.send(2, "too late"));
        assert_eq!(log.outcome(2), Some(200));
    }

    fn send_fails_with_200_once_the_peer_closes(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        peer.close(1000, "");
        assert_eq!(peer.expect_close(), 1000);
        socket.send(log.send(1, "too late"));
        assert_eq!(log.outcome(1), Some(200));
        peer.end();
    }

    fn text_bytes_and_prepared_messages_can_be_sent(side) {
        let (socket, mut peer) = side.open();
        socket.send("text");
        socket.send(String::from("text"));
        socket.send(vec![1, 2]);
        socket.send(&[3, 4][..]);
        socket.send(SendOptions::new(bluewire::OwnedMessage::Binary(vec![5])));
        socket.send(bluewire::Message::Text("lent"));
        socket.send(PreparedMessage::new("prepared"));
        let expected: [(u8, &[u8]); 7] = [
            (TEXT, b"text"),
            (TEXT, b"text"),
            (BINARY, &[1, 2]),
            (BINARY, &[3, 4]),
            (BINARY, &[5]),
            (TEXT, b"lent"),
            (TEXT, b"prepared"),
        ];
        for (opcode, payload) in expected {
            let frame = peer.frame().expect("it comes");
            assert_eq!((frame.opcode, &*frame.payload), (opcode, payload));
        }
    }

    fn the_outcome_that_is_not_called_may_hold_the_last_handle(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        let (last, done) = (socket.clone(), log.clone());
        let options = SendOptions::new("x")
            .success(move || done.push(Told::Outcome(1, None)))
            .fail(move |_, _| drop(last));
        socket.send(options);
        drop(socket);
        peer.expect_text("x");
        assert_eq!(log.outcome(1), None);
        assert_eq!(peer.expect_close_and_end(), 1001);
        log.at_end();
    }
}
