//! tungstenite: blocking, owned messages.

use std::hint::black_box;

use bytes::Bytes;
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Message, Utf8Bytes};

use super::{MemoryStream, deliver};
use crate::case::{Action, Case, Kind, Shape};
use crate::wire::Wire;
use crate::{Run, payload};

pub(super) fn run(case: &Case) -> Option<Run> {
    if case.shape == Shape::Compressed {
        // It does not compress, or not as measured here.
        return None;
    }
    let role = match case.role {
        bluewire_core::Role::Server => Role::Server,
        bluewire_core::Role::Client => Role::Client,
    };
    if case.action == Action::Accept {
        let stream = MemoryStream::new(case);
        return Some(Box::new(move |times| {
            for _ in 0..times {
                black_box(tungstenite::accept(stream.clone()).expect("lawful"));
            }
        }));
    }
    let mut socket = WebSocket::from_raw_socket(MemoryStream::new(case), role, None);
    let messages = case.messages();
    Some(match case.action {
        Action::Receive => Box::new(move |times| {
            for _ in 0..times {
                for _ in 0..messages {
                    match socket.read().expect("lawful") {
                        Message::Text(text) => deliver(text.as_str()),
                        Message::Binary(bytes) => deliver(&bytes[..]),
                        other => unreachable!("{other:?}"),
                    }
                }
            }
        }),
        Action::Send => {
            let bytes = Bytes::from_owner(Wire::new(&payload(case.kind, case.len)));
            let message = match case.kind {
                Kind::Binary => Message::Binary(bytes),
                _ => Message::Text(Utf8Bytes::try_from(bytes).expect("text")),
            };
            Box::new(move |times| {
                for _ in 0..times {
                    for _ in 0..messages {
                        socket.write(black_box(&message).clone()).expect("open");
                    }
                    socket.flush().expect("open");
                }
            })
        }
        Action::Accept => unreachable!("told apart before"),
        Action::Echo => Box::new(move |times| {
            for _ in 0..times {
                let message = socket.read().expect("lawful");
                socket.send(message).expect("open");
            }
        }),
    })
}
