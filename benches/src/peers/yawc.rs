//! yawc: frames with shared payload, assembled to messages.

use std::hint::black_box;

use bytes::Bytes;
use futures_util::SinkExt;
use yawc::{CompressionLevel, DeflateOptions, Frame, OpCode, Options, Role, WebSocket};

use super::{MemoryStream, deliver, finish};
use crate::case::{Action, Case, Kind, Shape};
use crate::wire::Wire;
use crate::{Run, payloads};

/// As much as Bluewire's default.
const LEN_MAX: usize = 16 << 20;

pub(super) fn run(case: &Case) -> Option<Run> {
    let role = match case.role {
        bluewire_core::Role::Server => Role::Server,
        bluewire_core::Role::Client => Role::Client,
    };
    // Validation is an option there, and off by default.
    let mut options = Options::default().with_limits(LEN_MAX, 2 * LEN_MAX).with_utf8();
    let mut agreed = None;
    if case.shape == Shape::Compressed {
        let level = CompressionLevel::new(6);
        options.compression = Some(DeflateOptions { level, ..DeflateOptions::default() });
        agreed = Some("permessage-deflate");
    }
    let stream = MemoryStream::new(case);
    let mut socket = WebSocket::from_stream_with_extensions(stream, role, agreed, options)
        .expect("lawful options");
    let messages = case.messages();
    Some(match case.action {
        Action::Receive => Box::new(move |times| {
            finish(async {
                for _ in 0..times * messages as u64 {
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
            let payloads = payloads(case);
            let payloads: Vec<_> =
                payloads.iter().map(|payload| Bytes::from_owner(Wire::new(payload))).collect();
            let frame: fn(Bytes) -> Frame =
                if case.kind == Kind::Binary { Frame::binary } else { Frame::text };
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times {
                        for bytes in payloads.iter().cycle().take(messages) {
                            socket.feed(frame(black_box(bytes).clone())).await.expect("open");
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
