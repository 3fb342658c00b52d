//! Any calls in any order, with any frames arriving between them, in either role; what was sent
//! is what a peer receives.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use bluewire_core::{CloseCode, Message, OwnedMessage, PreparedMessage, Role, SendError, State};
use bluewire_fuzz::{End, Told, config};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    /// A lawful frame but for its first byte.
    HearFrame(u8, &'a [u8]),
    HearBytes(&'a [u8]),
    HearEof,
    Write(u8),
    WriteAll,
    SendText(&'a str),
    SendBinary(&'a [u8]),
    SendFragment(&'a [u8], bool),
    SendPrepared(&'a [u8]),
    /// Written up to so many bytes.
    SendVectored(&'a [u8], u8),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(u16, &'a str),
    CloseNow(u16, &'a str),
    Fail(u16, &'a str),
    Wait(u16),
    WaitForDeadline,
    Release,
}

struct Program {
    end: End,
    /// The messages that were accepted for sending.
    sent: Vec<OwnedMessage>,
    /// The message sent in fragments that has no end yet.
    begun: Option<Vec<u8>>,
    /// Whether messages may have been cut off by a hurried close.
    cut: bool,
    eof: bool,
}

impl Program {
    fn call(&mut self, call: &Call<'_>) {
        let open = self.end.connection.state() == State::Open;
        let End { connection, inbox, outbox, now, wire, .. } = &mut self.end;
        let mut accepted = |result: Result<(), SendError>, message: OwnedMessage| {
            assert_eq!(result == Err(SendError::NotOpen), !open);
            if result.is_ok() {
                self.sent.push(message);
            }
        };
        match *call {
            Call::HearFrame(first, payload) if !self.eof => {
                let frame = frame(connection.role(), first, payload);
                self.end.hear(&frame);
            }
            Call::HearBytes(bytes) if !self.eof => self.end.hear(bytes),
            Call::HearFrame(..) | Call::HearBytes(_) => {}
            Call::HearEof => {
                self.end.hear_eof();
                self.eof = true;
            }
            Call::Write(len) => self.end.write(len.into()),
            Call::WriteAll => {
                self.end.write(usize::MAX);
                self.end.outbox.sent(0);
            }
            Call::SendText(text) => {
                accepted(connection.send(text, outbox), Message::Text(text).into_owned());
            }
            Call::SendBinary(bytes) => {
                accepted(connection.send(bytes, outbox), Message::Binary(bytes).into_owned());
            }
            Call::SendPrepared(bytes) => {
                let message = PreparedMessage::new(bytes);
                let result = connection.send_prepared(&message, outbox);
                accepted(result, Message::Binary(bytes).into_owned());
            }
            Call::SendVectored(bytes, len) => match connection.send_vectored(bytes, outbox) {
                Ok(mut gather) => {
                    let all = gather.slices().concat();
                    let len = all.len().min(len.into());
                    wire.extend(&all[..len]);
                    gather.sent(len);
                    drop(gather);
                    self.sent.push(Message::Binary(bytes).into_owned());
                }
                Err(error) => assert_eq!(error == SendError::NotOpen, !open),
            },
            Call::SendFragment(bytes, fin) => {
                if connection.send_fragment(bytes, fin, outbox).is_ok() {
                    let begun = self.begun.get_or_insert_default();
                    begun.extend(bytes);
                    if fin {
                        self.sent.extend(self.begun.take().map(OwnedMessage::Binary));
                    }
                }
            }
            Call::Ping(payload) => {
                let _ = connection.ping(payload, outbox);
            }
            Call::Pong(payload) => {
                let _ = connection.pong(payload, outbox);
            }
            Call::Close(code, reason) => {
                let _ = connection.close(*now, CloseCode::new(code), reason, outbox);
            }
            Call::CloseNow(code, reason) => {
                self.cut |=
                    connection.close_now(*now, CloseCode::new(code), reason, outbox).is_ok();
            }
            Call::Fail(code, reason) => connection.fail(*now, CloseCode::new(code), reason, outbox),
            Call::Wait(time) => {
                *now += Duration::from_millis(time.into());
                connection.handle_timeout(*now, outbox);
            }
            Call::WaitForDeadline => {
                if let Some(deadline) = connection.poll_timeout() {
                    *now = deadline.max(*now);
                    connection.handle_timeout(*now, outbox);
                    let next = connection.poll_timeout();
                    assert!(next.is_none_or(|next| next > *now), "a deadline that stays");
                }
            }
            Call::Release => {
                inbox.release();
                outbox.release();
            }
        }
        self.end.check();
    }

    fn finish(mut self) {
        self.end.hear_eof();
        self.end.write(usize::MAX);
        let told = self.end.told_to_a_peer();
        let received = told.into_iter().filter_map(|told| match told {
            Told::Message(message) => Some(message),
            _ => None,
        });
        let received: Vec<_> = received.collect();
        if self.cut {
            assert!(self.sent.starts_with(&received));
        } else {
            assert_eq!(received, self.sent);
        }
    }
}

fn frame(to: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(0xffff)];
    let mask = if to == Role::Server { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len @ ..126) => bytes.push(mask | len),
        _ => {
            bytes.push(mask | 126);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
    }
    if to == Role::Server {
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

fuzz_target!(|input: (u8, Vec<Call<'_>>)| {
    let (flags, calls) = input;
    let (role, config) = config(flags);
    let (sent, end) = (Vec::new(), End::new(role, config));
    let mut program = Program { end, sent, begun: None, cut: false, eof: false };
    for call in &calls {
        program.call(call);
    }
    program.finish();
});
