//! yawc: frames with shared payload, assembled to messages.

use std::hint::black_box;

use bytes::Bytes;
use futures_util::SinkExt;
use yawc::{Frame, OpCode, Options, Role, WebSocket};

use super::{MemoryStream, deliver, finish};
use crate::case::{Action, Case, Kind};
use crate::wire::Wire;
use crate::{Run, payload};

/// As much as Bluewire's default.
const LEN_MAX: usize = 16 << 20;

pub(super) fn run(case: &Case) -> Option<Run> {
    let role = match case.role {
        bluewire_core::Role::Server => Role::Server,
        bluewire_core::Role::Client => Role::Client,
    };
    // Validation is an option there, and off by default.
    let options = Options::default().with_limits(LEN_MAX, 2 * LEN_MAX).with_utf8();
    let mut socket =
        WebSocket::from_stream(MemoryStream::new(case), role, options).expect("lawful options");
    let messages = case.messages() as u64;
    Some(match case.action {
        Action::Receive => Box::new(move |times| {
            finish(async {
                for _ in 0..times * messages {
                    let frame = socket.next_frame().await.expect("lawful");
                    match frame.opcode() {
                        // Validated; `as_str` would do it again.
                        OpCode::Text | OpCode::Binary => deliver(&frame.payload()[..]),
                        other => unreachable!("{other:?}"),
                    }
                }
            });
        }),
        Action::Send => {
            let bytes = Bytes::from_owner(Wire::new(&payload(case.kind, case.len)));
            let frame: fn(Bytes) -> Frame =
                if case.kind == Kind::Binary { Frame::binary } else { Frame::text };
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        for _ in 0..messages {
                            socket.feed(frame(black_box(&bytes).clone())).await.expect("open");
                        }
                        socket.flush().await.expect("open");
                    }
                });
            })
        }
        // Its handshake is hyper's.
        Action::Accept => return None,
        Action::Echo => Box::new(move |times| {
            finish(async {
                for _ in 0..times {
                    let frame = socket.next_frame().await.expect("lawful");
                    socket.send(frame).await.expect("open");
                }
            });
        }),
    })
}
