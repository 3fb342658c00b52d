//! Calls in any order, by an application and a peer that know no rules: what holds then holds
//! always.

mod common;

use std::time::Duration;

use bluewire_core::{
    CloseCode, Closure, Config, Delivery, Fault, Keepalive, Role, SendError, State,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use common::{End, Sent, Told, cases, frame, frames_sent_by};

#[derive(Clone, Debug)]
enum Step {
    /// A frame arrives, with any first byte.
    HearFrame(u8, Vec<u8>),
    HearNoise(Vec<u8>),
    HearEof,
    TakeEvent,
    TakeEvents,
    Write(usize),
    Send(Vec<u8>),
    SendFragment(Vec<u8>, bool),
    /// Given up after so many bytes.
    SendVectored(Vec<u8>, usize),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16),
    CloseNow(u16),
    Fail(u16),
    /// This much time passes, and the connection gets the new time.
    Wait(Duration),
    /// The next deadline comes.
    WaitForDeadline,
    Release,
}

/// The facts before a step.
struct Before {
    state: State,
    outbox_len: usize,
    should_shut_down: bool,
    fault: Option<Fault>,
    closure: Option<Closure>,
}

struct Monkey {
    end: End,
    bytes: Vec<u8>,
    told: Vec<Told>,
    eof: bool,
}

impl Monkey {
    fn take(&mut self, step: &Step) {
        let before = self.look();
        let result = self.act(step);
        if let Some(result) = result {
            let refused = result == Err(SendError::NotOpen);
            assert_eq!(refused, before.state != State::Open, "{result:?} when {:?}", before.state);
        }
        self.check(&before);
    }

    fn look(&self) -> Before {
        let connection = &self.end.connection;
        Before {
            state: connection.state(),
            outbox_len: self.end.outbox.len(),
            should_shut_down: connection.should_shut_down(),
            fault: connection.fault(),
            closure: connection.closure().cloned(),
        }
    }

    /// Takes the step; gives what a call of the application's says.
    fn act(&mut self, step: &Step) -> Option<Result<(), SendError>> {
        let End { connection, inbox, outbox, now } = &mut self.end;
        match step {
            Step::HearFrame(first, payload) => {
                inbox.extend(&frame(connection.role(), *first, payload));
            }
            Step::HearNoise(noise) => inbox.extend(noise),
            Step::HearEof => {
                connection.receive_eof();
                self.eof = true;
            }
            Step::TakeEvent => self.told.extend(self.end.event()),
            Step::TakeEvents => {
                self.told.extend(self.end.events());
                assert!(!self.eof || self.end.connection.state() == State::Closed);
            }
            Step::Write(len) => self.bytes.extend(self.end.write(*len)),
            Step::Send(payload) => return Some(connection.send(payload, outbox)),
            Step::SendFragment(payload, fin) => {
                return Some(connection.send_fragment(payload, *fin, outbox));
            }
            Step::SendVectored(payload, len) => {
                let bytes = &mut self.bytes;
                return Some(connection.send_vectored(payload, outbox).map(|mut gather| {
                    let written = gather.slices().concat();
                    let len = written.len().min(*len);
                    bytes.extend(&written[..len]);
                    gather.sent(len);
                }));
            }
            Step::Ping(payload) => return Some(connection.ping(payload, outbox)),
            Step::Pong(payload) => return Some(connection.pong(payload, outbox)),
            Step::Close(code) => {
                return Some(connection.close(*now, CloseCode::new(*code), "", outbox));
            }
            Step::CloseNow(code) => {
                return Some(connection.close_now(*now, CloseCode::new(*code), "", outbox));
            }
            Step::Fail(code) => connection.fail(*now, CloseCode::new(*code), "", outbox),
            Step::Wait(time) => {
                *now += *time;
                connection.handle_timeout(*now, outbox);
            }
            Step::WaitForDeadline => {
                if let Some(deadline) = connection.poll_timeout() {
                    *now = deadline.max(*now);
                    connection.handle_timeout(*now, outbox);
                    let next = connection.poll_timeout();
                    assert!(next.is_none_or(|next| next > *now), "a deadline that stays");
                }
            }
            Step::Release => {
                inbox.release();
                outbox.release();
            }
        }
        None
    }

    fn check(&self, before: &Before) {
        let End { connection, outbox, .. } = &self.end;
        let (state, was) = (connection.state(), before.state);
        assert!(state as u8 >= was as u8, "from {was:?} back to {state:?}");
        assert_eq!(connection.closure().is_some(), state == State::Closed);
        match state {
            State::Open => {}
            State::Closing => assert!(connection.poll_timeout().is_some(), "it can stay forever"),
            State::Closed => assert_eq!(connection.poll_timeout(), None),
        }
        if was == State::Closed {
            assert_eq!(connection.closure(), before.closure.as_ref());
        }
        if was == State::Closed || before.should_shut_down {
            assert!(outbox.len() <= before.outbox_len, "more is laid than was promised");
        }
        assert!(connection.should_shut_down() || !before.should_shut_down);
        if before.fault.is_some() {
            assert_eq!(connection.fault(), before.fault, "the first fault stays");
        }
        assert_eq!(connection.fault().is_none() && state == State::Closed, self.is_clean());
    }

    fn is_clean(&self) -> bool {
        self.end.connection.closure().is_some_and(|closure| closure.clean)
    }

    /// All events and sent bytes, from beginning to end.
    fn finish(mut self) {
        self.take(&Step::TakeEvents);
        self.take(&Step::HearEof);
        self.take(&Step::TakeEvents);
        let last =
            self.told.iter().position(|told| matches!(told, Told::Close(..) | Told::Failed(_)));
        assert!(last.is_none_or(|last| last + 1 == self.told.len()), "an event after the last");

        self.bytes.extend(self.end.write_all());
        let sent = frames_sent_by(self.end.role(), &self.bytes);
        let (mut is_closed, mut is_under_way) = (false, false);
        for Sent(first, _) in &sent {
            match first & 0x0f {
                0x8 => assert!(!std::mem::replace(&mut is_closed, true), "two Close frames"),
                0x9 | 0xa => assert!(first & 0x80 != 0),
                opcode => {
                    assert!(!is_closed, "a data frame after a Close frame");
                    assert_eq!(opcode == 0x0, is_under_way, "a message inside a message");
                    is_under_way = first & 0x80 == 0;
                }
            }
        }
        let closure = self.end.connection.closure().expect("closed");
        assert!(closure.sent.is_none() || is_closed, "a code that was not sent");
    }
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || vec(any::<u8>(), 0..10);
    let first = prop_oneof![
        8 => select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x89, 0x8a]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let code = || prop_oneof![4 => 1000..1005_u16, 1 => any::<u16>()];
    let len = || prop_oneof![4 => 0..20_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        8 => (first, bytes()).prop_map(|(first, payload)| Step::HearFrame(first, payload)),
        1 => bytes().prop_map(Step::HearNoise),
        1 => Just(Step::HearFrame(0x88, vec![0x03, 0xe8])),
        1 => Just(Step::HearEof),
        4 => Just(Step::TakeEvent),
        4 => Just(Step::TakeEvents),
        8 => len().prop_map(Step::Write),
        4 => bytes().prop_map(Step::Send),
        4 => (bytes(), any::<bool>()).prop_map(|(bytes, fin)| Step::SendFragment(bytes, fin)),
        2 => (bytes(), len()).prop_map(|(bytes, len)| Step::SendVectored(bytes, len)),
        2 => bytes().prop_map(Step::Ping),
        2 => bytes().prop_map(Step::Pong),
        1 => code().prop_map(Step::Close),
        1 => code().prop_map(Step::CloseNow),
        1 => code().prop_map(Step::Fail),
        2 => (0..3000_u64).prop_map(|time| Step::Wait(Duration::from_millis(time))),
        2 => Just(Step::WaitForDeadline),
        1 => Just(Step::Release),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let time = || option::of((1..5000_u64).prop_map(Duration::from_millis));
    let delivery = select(vec![Delivery::Whole, Delivery::Chunks]);
    (delivery, any::<bool>(), option::of(1..5_usize), time(), time(), time()).prop_map(
        |(delivery, auto_pong, fragment_len, keepalive, idle_timeout, message_timeout)| {
            let mut config = Config::default()
                .delivery(delivery)
                .auto_pong(auto_pong)
                .fragment_len(fragment_len.and_then(|len| len.try_into().ok()))
                .keepalive(
                    keepalive.map(|time| Keepalive::default().interval(time).timeout(time / 2)),
                )
                .idle_timeout(idle_timeout)
                .message_timeout(message_timeout)
                .close_timeout(Duration::from_secs(3));
            config.limits.outbox_len_max = 300;
            config.limits.read_len = 64;
            config
        },
    )
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn promises_hold_in_any_order(
        role in select(vec![Role::Client, Role::Server]),
        config in config(),
        steps in vec(step(), 1..60),
    ) {
        let end = End::with(role, &config);
        let mut monkey = Monkey { end, bytes: Vec::new(), told: Vec::new(), eof: false };
        for step in &steps {
            monkey.take(step);
        }
        monkey.finish();
    }
}
