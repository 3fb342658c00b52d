//! tokio-websockets: a stream and a sink of owned messages.

use std::hint::black_box;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Message, Payload, ServerBuilder, WebSocketStream};

use super::{MemoryStream, deliver, finish};
use crate::case::{Action, Case, Kind, Shape};
use crate::wire::Wire;
use crate::{Run, payload};

pub(super) fn run(case: &Case) -> Option<Run> {
    if case.shape == Shape::Compressed {
        // It does not compress, or not as measured here.
        return None;
    }
    let stream = MemoryStream::new(case);
    let mut socket = match case.role {
        bluewire_core::Role::Server => ServerBuilder::new().serve(stream),
        bluewire_core::Role::Client => ClientBuilder::new().take_over(stream),
    };
    let messages = case.messages() as u64;
    Some(match case.action {
        Action::Receive => Box::new(move |times| {
            finish(async {
                for _ in 0..times * messages {
                    let message = next(&mut socket).await;
                    match message.as_text() {
                        Some(text) => deliver(text),
                        None => deliver(&message.as_payload()[..]),
                    }
                }
            });
        }),
        Action::Send => {
            let payload =
                Payload::from(Bytes::from_owner(Wire::new(&payload(case.kind, case.len))));
            let message = match case.kind {
                Kind::Binary => Message::binary(payload),
                _ => Message::text(payload),
            };
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        for _ in 0..messages {
                            socket.feed(black_box(&message).clone()).await.expect("open");
                        }
                        socket.flush().await.expect("open");
                    }
                });
            })
        }
        Action::Accept => {
            let stream = MemoryStream::new(case);
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        let accepted = ServerBuilder::new().accept(stream.clone()).await;
                        black_box(accepted.expect("lawful"));
                    }
                });
            })
        }
        Action::Echo => Box::new(move |times| {
            finish(async {
                for _ in 0..times {
                    let message = next(&mut socket).await;
                    socket.send(message).await.expect("open");
                }
            });
        }),
    })
}

async fn next(socket: &mut WebSocketStream<MemoryStream>) -> Message {
    socket.next().await.expect("endless").expect("lawful")
}
