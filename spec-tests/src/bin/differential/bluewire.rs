//! Bluewire's engine.

use std::time::Duration;

use bluewire_core::{
    Config, Connection, Event as Heard, Inbox, Limits, MaskingKeys, Message, Outbox,
};
use bluewire_spec_tests::case::Role;

use crate::outcome::{Ending, Event, LEN_MAX, Outcome};
use crate::stream::Stream;

pub(crate) fn read(stream: &Stream) -> Outcome {
    let limits = Limits::default().frame_len_max(LEN_MAX as u64).message_len_max(LEN_MAX as u64);
    let config = Config::default().limits(limits);
    let now = Duration::ZERO;
    let mut connection = match stream.to {
        Role::Client => Connection::client(config, MaskingKeys::from_seed([1; 32]), now),
        Role::Server => Connection::server(config, now),
    };
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut outcome = Outcome::default();
    let mut at = 0;
    for piece in stream.arrivals() {
        inbox.extend(piece);
        at += piece.len();
        // The peers validate each read by itself: a text that is not complete is judged at once.
        let mut drained = false;
        loop {
            let Some(event) = connection.next_event(now, &mut inbox, &mut outbox) else {
                if drained || !connection.has_unchecked_text() {
                    break;
                }
                connection.drained();
                drained = true;
                continue;
            };
            match event {
                Heard::Message(Message::Text(text)) => {
                    outcome.events.push(Event::Text(text.as_bytes().to_vec()));
                }
                Heard::Message(Message::Binary(bytes)) => {
                    outcome.events.push(Event::Binary(bytes.to_vec()));
                }
                Heard::Ping(payload) => outcome.events.push(Event::Ping(payload.to_vec())),
                Heard::Pong(payload) => outcome.events.push(Event::Pong(payload.to_vec())),
                Heard::Close(close) => outcome.end(Ending::Closed(close.code.map(u16::from)), at),
                Heard::Failed(error) => {
                    let code = error.close_code().value();
                    outcome.end(Ending::Failed { why: format!("{error:?}"), code }, at);
                }
                other => unreachable!("{other:?}"),
            }
            outcome.note_sent(stream.to, outbox.unsent());
            outbox.sent(outbox.unsent().len());
        }
    }
    outcome
}
