//! wtx: asynchronous, lent messages, the role a constant.

use std::hint::black_box;

use wtx::collection::Vector;
use wtx::stream::{StreamReader, StreamWriter};
use wtx::web_socket::{Frame, OpCode, WebSocketBuffer, WebSocketOwned, WebSocketPayloadOrigin};

use super::{MemoryStream, deliver, finish};
use crate::case::{Action, Case, Kind, Shape};
use crate::{Run, payload};

pub(super) fn run(case: &Case) -> Option<Run> {
    if case.shape == Shape::Compressed {
        // It does not compress, or not as measured here.
        return None;
    }
    match case.role {
        bluewire_core::Role::Server => run_as::<false>(case),
        bluewire_core::Role::Client => run_as::<true>(case),
    }
}

fn run_as<const IS_CLIENT: bool>(case: &Case) -> Option<Run> {
    let stream = MemoryStream::new(case);
    let mut socket: WebSocketOwned<(), _, _, IS_CLIENT> =
        WebSocketOwned::new((), false, keys(), stream, WebSocketBuffer::new());
    let mut buffer = Vector::new();
    let messages = case.messages() as u64;
    Some(match case.action {
        Action::Receive => Box::new(move |times| {
            finish(async {
                for _ in 0..times * messages {
                    let frame = socket
                        .read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive)
                        .await
                        .expect("lawful");
                    match frame.text_payload() {
                        Some(text) => deliver(text),
                        None => deliver(&frame.payload()[..]),
                    }
                }
            });
        }),
        Action::Send => {
            let opcode = if case.kind == Kind::Binary { OpCode::Binary } else { OpCode::Text };
            let mut payload = payload(case.kind, case.len);
            // A client masks where the payload lies, so what stays the caller's is copied before.
            let mut copy = payload.clone();
            Box::new(move |times| {
                finish(async {
                    for _ in 0..times * messages {
                        let payload = black_box(&mut payload[..]);
                        let payload = if IS_CLIENT {
                            copy.copy_from_slice(payload);
                            &mut copy[..]
                        } else {
                            payload
                        };
                        let mut frame = Frame::new_fin(opcode, payload);
                        socket.write_frame(&mut frame).await.expect("open");
                    }
                });
            })
        }
        // Its handshake needs a library of cryptography chosen.
        Action::Accept => return None,
        Action::Echo => Box::new(move |times| {
            finish(async {
                let (mut common, mut reader, mut writer) = socket.split_mut();
                for _ in 0..times {
                    let mut frame = reader
                        .read_frame(&mut buffer, &mut common, WebSocketPayloadOrigin::Adaptive)
                        .await
                        .expect("lawful");
                    writer.write_frame(&mut common, &mut frame).await.expect("open");
                }
            });
        }),
    })
}

/// Keys as RFC 6455 asks for (5.3).
#[cfg(feature = "peers")]
fn keys() -> wtx::rng::ChaCha20 {
    wtx::rng::ChaCha20::from_key([7; 32])
}

/// The fastest keys, which its own server and client use by default.
#[cfg(not(feature = "peers"))]
fn keys() -> wtx::rng::Xorshift64 {
    wtx::rng::Xorshift64::from(wtx::rng::simple_seed())
}

impl StreamReader for MemoryStream {
    #[inline]
    async fn read(&mut self, bytes: &mut [u8]) -> wtx::Result<usize> {
        let read = self.next_read(bytes.len());
        bytes[..read.len()].copy_from_slice(read);
        Ok(read.len())
    }
}

impl StreamWriter for MemoryStream {
    #[inline]
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        black_box(bytes);
        Ok(())
    }

    #[inline]
    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        black_box(slices);
        Ok(())
    }
}
