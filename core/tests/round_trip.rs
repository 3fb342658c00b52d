//! One end receives the messages that the other sends, in whatever calls and writes.

mod common;
mod oracle;

use bluewire_core::{CloseCode, Config, Limits, Message, PreparedMessage, Role, SendError, State};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use common::{End, Told, cases, frame};
use oracle::{Oracle, Said};

/// A call on the sending end, or what happens to it meanwhile.
#[derive(Clone, Debug)]
enum Call {
    Send(Payload),
    SendPrepared(Payload),
    /// A vectored send that is given up when so much is written, by steps of so much.
    SendVectored(Payload, usize, usize),
    SendFragment(Payload, bool),
    Ping(u8),
    Pong(u8),
    /// A Ping arrives, with its number.
    HearPing,
    /// So much of the outbox is written.
    Write(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

impl Payload {
    fn message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) => bytes.into(),
        }
    }

    fn told(&self) -> Told {
        match self {
            Self::Text(text) => Told::Text(text.clone()),
            Self::Binary(bytes) => Told::Binary(bytes.clone()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    None,
    Close,
    CloseNow,
}

/// The sending end, and what its peer should receive.
struct Sender {
    end: End,
    /// The written bytes.
    bytes: Vec<u8>,
    messages: Vec<Payload>,
    under_way: Option<Payload>,
    /// Pings and Pongs of the application's.
    controls: Vec<Told>,
    pings_heard: Vec<u8>,
    /// Those of them that nothing can have overtaken.
    answers_due: Vec<u8>,
}

impl Sender {
    fn new(role: Role, config: &Config) -> Self {
        Self {
            end: End::with(role, config),
            bytes: Vec::new(),
            messages: Vec::new(),
            under_way: None,
            controls: Vec::new(),
            pings_heard: Vec::new(),
            answers_due: Vec::new(),
        }
    }

    fn call(&mut self, call: &Call) {
        let End { connection, outbox, .. } = &mut self.end;
        match call {
            Call::Send(payload) => {
                let result = connection.send(payload.message(), outbox);
                self.sent(payload, result);
            }
            Call::SendPrepared(payload) => {
                let prepared = PreparedMessage::new(payload.message());
                let result = connection.send_prepared(&prepared, outbox);
                self.sent(payload, result);
            }
            Call::SendVectored(payload, len, step) => {
                let result =
                    connection.send_vectored(payload.message(), outbox).map(|mut gather| {
                        let mut left = *len;
                        while left > 0 && !gather.is_empty() {
                            let slices = gather.slices().concat();
                            let written = slices.len().min(left).min(*step);
                            self.bytes.extend(&slices[..written]);
                            gather.sent(written);
                            left -= written;
                        }
                    });
                self.sent(payload, result);
            }
            Call::SendFragment(payload, fin) => {
                let result = connection.send_fragment(payload.message(), *fin, outbox);
                self.sent_fragment(payload, *fin, result);
            }
            // The application's payload differs from that of automatic answers.
            Call::Ping(n) => match connection.ping(&[*n, 1], outbox) {
                Ok(()) => self.controls.push(Told::ping([*n, 1])),
                Err(error) => assert_eq!(error, SendError::OutboxFull),
            },
            Call::Pong(n) => match connection.pong(&[*n, 1], outbox) {
                Ok(()) => self.controls.push(Told::pong([*n, 1])),
                Err(error) => assert_eq!(error, SendError::OutboxFull),
            },
            Call::HearPing => {
                let number = self.pings_heard.last().map_or(0, |last| last + 1);
                assert_eq!(self.end.hear_frame(0x89, &[number]), [Told::ping([number])]);
                self.pings_heard.push(number);
            }
            Call::Write(len) => self.write(*len),
        }
        if self.end.outbox.is_empty() {
            self.answers_are_due();
        }
    }

    fn write(&mut self, len: usize) {
        self.bytes.extend(self.end.write(len));
    }

    fn sent(&mut self, payload: &Payload, result: Result<(), SendError>) {
        match result {
            Ok(()) => {
                assert_eq!(self.under_way, None, "one message inside another");
                self.messages.push(payload.clone());
            }
            Err(SendError::MessageUnfinished) => assert_ne!(self.under_way, None),
            Err(SendError::OutboxFull | SendError::MessageTooLong { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn sent_fragment(&mut self, part: &Payload, fin: bool, result: Result<(), SendError>) {
        match (result, &mut self.under_way, part) {
            (Ok(()), Some(Payload::Text(begun)), Payload::Text(text)) => begun.push_str(text),
            (Ok(()), Some(Payload::Binary(begun)), Payload::Binary(bytes)) => begun.extend(bytes),
            (Ok(()), begun @ None, part) => *begun = Some(part.clone()),
            (Err(SendError::TypeChanged), Some(Payload::Text(_)), Payload::Binary(_))
            | (Err(SendError::TypeChanged), Some(Payload::Binary(_)), Payload::Text(_))
            | (Err(SendError::OutboxFull | SendError::MessageTooLong { .. }), ..) => return,
            (result, ..) => panic!("{result:?}"),
        }
        if fin {
            self.messages.extend(self.under_way.take());
        }
    }

    fn finish(&mut self, ending: Ending) {
        let End { connection, outbox, now, .. } = &mut self.end;
        let code = CloseCode::NORMAL;
        match ending {
            Ending::None => {}
            Ending::Close => connection.close(*now, code, "bye", outbox).expect("open"),
            Ending::CloseNow => connection.close_now(*now, code, "bye", outbox).expect("open"),
        }
        self.write(usize::MAX);
        self.answers_are_due();
    }

    fn answers_are_due(&mut self) {
        self.answers_due.extend(self.pings_heard.last());
        self.answers_due.dedup();
    }
}

/// The events of the other end, sorted.
struct Received {
    messages: Vec<Told>,
    controls: Vec<Told>,
    answers: Vec<u8>,
    close: Option<Told>,
}

impl Received {
    fn sort(told: Vec<Told>) -> Self {
        let mut received =
            Self { messages: Vec::new(), controls: Vec::new(), answers: Vec::new(), close: None };
        for event in told {
            match event {
                Told::Text(_) | Told::Binary(_) => received.messages.push(event),
                Told::Pong(payload) if payload.len() == 1 => received.answers.push(payload[0]),
                Told::Ping(_) | Told::Pong(_) => received.controls.push(event),
                Told::Close(..) => received.close = Some(event),
                other => panic!("not a thing that was sent: {other:?}"),
            }
        }
        received
    }
}

/// The engine at the other end, with the bytes in pieces of this length.
fn engine_reads(sender: Role, bytes: &[u8], piece_len: usize) -> Vec<Told> {
    let receiver = if sender == Role::Client { Role::Server } else { Role::Client };
    // Long messages in fragments of one byte are more than the default takes.
    let limits = Limits::default().fragments_max(u32::MAX);
    let mut end = End::with(receiver, &Config::default().limits(limits).auto_pong(false));
    let told = bytes.chunks(piece_len).flat_map(|piece| end.hear(piece)).collect();
    assert_eq!(end.connection.fault(), None);
    told
}

fn oracle_reads(sender: Role, bytes: &[u8]) -> Vec<Told> {
    let oracle = Oracle {
        is_server: sender == Role::Client,
        in_parts: false,
        frame_len_max: u64::MAX,
        message_len_max: u64::MAX,
        fragments_max: u32::MAX,
    };
    let said = oracle.read(bytes).into_iter().map(|said| match said {
        Said::Message { is_text: true, payload } => {
            Told::Text(String::from_utf8(payload).expect("valid by RFC 3629"))
        }
        Said::Message { is_text: false, payload } => Told::Binary(payload),
        Said::Ping(payload) => Told::Ping(payload),
        Said::Pong(payload) => Told::Pong(payload),
        Said::Close { code, reason } => Told::Close(code, reason),
        other => panic!("not a thing that was sent: {other:?}"),
    });
    said.collect()
}

/// Whether `part` comes out of `whole` by leaving out some.
fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|wanted| whole.any(|there| there == wanted))
}

fn check(role: Role, config: &Config, calls: &[Call], ending: Ending, piece_len: usize) {
    let mut sender = Sender::new(role, config);
    for call in calls {
        sender.call(call);
    }
    sender.finish(ending);

    let told = oracle_reads(role, &sender.bytes);
    assert_eq!(engine_reads(role, &sender.bytes, piece_len), told);
    let received = Received::sort(told);
    let messages: Vec<_> = sender.messages.iter().map(Payload::told).collect();
    match ending {
        Ending::CloseNow => assert!(messages.starts_with(&received.messages)),
        _ => assert_eq!(received.messages, messages),
    }
    assert_eq!(received.controls, sender.controls);
    assert!(is_subsequence(&received.answers, &sender.pings_heard), "{:?}", received.answers);
    assert!(is_subsequence(&sender.answers_due, &received.answers), "{:?}", received.answers);
    match ending {
        Ending::None => assert_eq!(received.close, None),
        _ => assert_eq!(received.close, Some(Told::close(1000, "bye"))),
    }
}

fn payload() -> impl Strategy<Value = Payload> {
    let len = prop_oneof![8 => 0..40_usize, 4 => 0..300_usize, 1 => 65_530..65_540_usize];
    (any::<bool>(), len, any::<u8>()).prop_map(|(is_text, len, seed)| {
        if is_text {
            Payload::Text("naïve – 𝄞 ".chars().cycle().skip(seed.into()).take(len / 2).collect())
        } else {
            Payload::Binary((0..len).map(|i| seed ^ i.to_le_bytes()[0]).collect())
        }
    })
}

fn call() -> impl Strategy<Value = Call> {
    let write = || prop_oneof![6 => 0..40_usize, 2 => 0..400_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        4 => payload().prop_map(Call::Send),
        1 => payload().prop_map(Call::SendPrepared),
        3 => (payload(), write(), 1..20_usize)
            .prop_map(|(payload, len, step)| Call::SendVectored(payload, len, step.max(len / 50))),
        4 => (payload(), prop::bool::weighted(0.4))
            .prop_map(|(payload, fin)| Call::SendFragment(payload, fin)),
        2 => any::<u8>().prop_map(Call::Ping),
        1 => any::<u8>().prop_map(Call::Pong),
        3 => Just(Call::HearPing),
        6 => write().prop_map(Call::Write),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let fragment_len = option::of(select(vec![1, 2, 7, 125, 126, 1000, 65_535, 65_536]));
    let outbox_len_max = select(vec![200, 2000, 1 << 20, 1 << 25]);
    (fragment_len, outbox_len_max).prop_map(|(fragment_len, outbox_len_max)| {
        Config::default()
            .fragment_len(fragment_len.and_then(|len: usize| len.try_into().ok()))
            .limits(Limits::default().outbox_len_max(outbox_len_max))
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn one_end_receives_the_messages_of_the_other(
        role in select(vec![Role::Client, Role::Server]),
        config in config(),
        calls in vec(call(), 1..40),
        ending in select(vec![Ending::None, Ending::Close, Ending::CloseNow]),
        piece_len in prop_oneof![1..100_usize, Just(usize::MAX)],
    ) {
        check(role, &config, &calls, ending, piece_len);
    }
}

/// Two ends that talk and close, with every byte on its own.
#[test]
fn two_ends_talk_until_both_are_closed() {
    for write_len in [1, 2, 3, 7, usize::MAX] {
        let mut client = End::new(Role::Client);
        let mut server = End::new(Role::Server);
        let mut heard_by_server = Vec::new();
        let mut heard_by_client = Vec::new();
        client.connection.send("question", &mut client.outbox).expect("open");
        client.connection.ping(b"?", &mut client.outbox).expect("open");
        let mut steps = 0;
        while !(client.outbox.is_empty() && server.outbox.is_empty()) {
            steps += 1;
            assert!(steps < 1000, "they talk without end");
            for event in server.hear(&client.write(write_len)) {
                if event == Told::text("question") {
                    server.connection.send(b"answer", &mut server.outbox).expect("open");
                }
                heard_by_server.push(event);
            }
            for event in client.hear(&server.write(write_len)) {
                if event == Told::binary("answer") {
                    let code = CloseCode::NORMAL;
                    client
                        .connection
                        .close(client.now, code, "", &mut client.outbox)
                        .expect("open");
                }
                heard_by_client.push(event);
            }
        }
        let close = Told::close(1000, "");
        assert_eq!(heard_by_server, [Told::ping(b"?"), Told::text("question"), close.clone()]);
        assert_eq!(heard_by_client, [Told::pong(b"?"), Told::binary("answer"), close]);
        assert!(server.connection.should_shut_down());
        for end in [&mut server, &mut client] {
            end.hear_eof();
            assert_eq!(end.connection.state(), State::Closed);
            assert!(end.connection.closure().expect("closed").clean);
        }
    }
}

/// The bytes of an end are lawful for its peer and for no one else.
#[test]
fn an_end_does_not_understand_its_own_kind() {
    for role in common::BOTH {
        let mut end = End::new(role);
        end.connection.send("Hello", &mut end.outbox).expect("open");
        let bytes = end.write_all();
        assert!(matches!(End::new(role).hear(&bytes)[..], [Told::Failed(_)]));
        assert_eq!(engine_reads(role, &bytes, 1), [Told::text("Hello")]);
        let peer = if role == Role::Client { Role::Server } else { Role::Client };
        assert_eq!(bytes.len(), frame(peer, 0x81, b"Hello").len());
    }
}
