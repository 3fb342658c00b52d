//! soketto: a sender and a receiver, payload copied into the caller's vector.

use std::hint::black_box;
use std::str;

use soketto::connection::{Builder, Mode};
use soketto::handshake::Server;
use soketto::handshake::server::Response;
use soketto::{Data, Receiver};

use super::{MemoryStream, deliver, finish};
use crate::case::{Action, Case, Kind, Shape};
use crate::wire::Wire;
use crate::{Run, payload};

pub(super) fn run(case: &Case) -> Option<Run> {
    if case.shape == Shape::Compressed {
        // It does not compress, or not as measured here.
        return None;
    }
    let mode = match case.role {
        bluewire_core::Role::Server => Mode::Server,
        bluewire_core::Role::Client => Mode::Client,
    };
    let (mut sender, mut receiver) = Builder::new(MemoryStream::new(case), mode).finish();
    let messages = case.messages() as u64;
    Some(match case.action {
        Action::Receive => {
            let mut message = Vec::new();
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times * messages {
                        if receive(&mut receiver, &mut message).await {
                            deliver(str::from_utf8(&message).expect("text"));
                        } else {
                            deliver(&message[..]);
                        }
                    }
                });
            })
        }
        Action::Send => {
            let payload = Wire::new(&payload(case.kind, case.len));
            let binary = case.kind == Kind::Binary;
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        for _ in 0..messages {
                            let payload = black_box(&payload[..]);
                            if binary {
                                sender.send_binary(payload).await.expect("open");
                            } else {
                                let text = str::from_utf8(payload).expect("text");
                                sender.send_text(text).await.expect("open");
                            }
                        }
                        sender.flush().await.expect("open");
                    }
                });
            })
        }
        Action::Accept => {
            let stream = MemoryStream::new(case);
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        let mut server = Server::new(stream.clone());
                        let key = server.receive_request().await.expect("lawful").key();
                        let response = Response::Accept { key, protocol: None };
                        server.send_response(&response).await.expect("open");
                        black_box(server.into_builder().finish());
                    }
                });
            })
        }
        Action::Echo => {
            let mut message = Vec::new();
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        if receive(&mut receiver, &mut message).await {
                            let text = str::from_utf8(&message).expect("text");
                            sender.send_text(text).await.expect("open");
                        } else {
                            sender.send_binary(&message).await.expect("open");
                        }
                        sender.flush().await.expect("open");
                    }
                });
            })
        }
    })
}

/// Whether it is text, which the library leaves to its caller to validate.
async fn receive(receiver: &mut Receiver<MemoryStream>, message: &mut Vec<u8>) -> bool {
    message.clear();
    match receiver.receive_data(message).await.expect("lawful") {
        Data::Text(_) => true,
        Data::Binary(_) => false,
    }
}
