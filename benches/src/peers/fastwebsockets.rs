//! fastwebsockets: asynchronous, frames; a collector makes messages of them.

use std::hint::black_box;

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};

use super::{MemoryStream, deliver, finish};
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
    let mut socket = WebSocket::after_handshake(MemoryStream::new(case), role);
    let messages = case.messages() as u64;
    Some(match (case.action, case.shape) {
        (Action::Receive, Shape::Fragments | Shape::FragmentStream) => {
            let mut socket = FragmentCollector::new(socket);
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        take(socket.read_frame().await.expect("lawful"));
                    }
                });
            })
        }
        (Action::Receive, _) => Box::new(move |times| {
            finish(async {
                for _ in 0..times * messages {
                    take(socket.read_frame().await.expect("lawful"));
                }
            });
        }),
        (Action::Send, _) => {
            let opcode = if case.kind == Kind::Binary { OpCode::Binary } else { OpCode::Text };
            let payload = Wire::new(&payload(case.kind, case.len));
            // A client masks where the payload lies, so what stays the caller's is copied before.
            let mut copy = payload.to_vec();
            let masks = case.role == bluewire_core::Role::Client;
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times * messages {
                        let payload = black_box(&payload[..]);
                        let payload = if masks {
                            copy.copy_from_slice(payload);
                            Payload::BorrowedMut(&mut copy)
                        } else {
                            Payload::Borrowed(payload)
                        };
                        let frame = Frame::new(true, opcode, None, payload);
                        socket.write_frame(frame).await.expect("open");
                    }
                });
            })
        }
        // Its handshake is hyper's.
        (Action::Accept, _) => return None,
        (Action::Echo, _) => Box::new(move |times| {
            finish(async {
                for _ in 0..times {
                    let frame = socket.read_frame().await.expect("lawful");
                    socket.write_frame(frame).await.expect("open");
                }
            });
        }),
    })
}

fn take(frame: Frame<'_>) {
    match frame.opcode {
        // Validated by the library, which lends bytes only.
        OpCode::Text | OpCode::Binary => deliver(&frame.payload[..]),
        other => unreachable!("{}", other as u8),
    }
}
