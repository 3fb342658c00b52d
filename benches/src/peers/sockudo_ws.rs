//! sockudo-ws: its engine without I/O for what is copied, and its stream for what is not.

use std::hint::black_box;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::SinkExt;
use sockudo_ws::cork::ZERO_COPY_MIN;
use sockudo_ws::deflate::DeflateConfig;
use sockudo_ws::handshake;
use sockudo_ws::protocol::{CompressedProtocol, Message, Protocol, Role};
use sockudo_ws::{Config, RECV_BUFFER_SIZE, WebSocketStream};

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
    let mut engine = Engine::new(case, role);
    let messages = case.messages();
    Some(match case.action {
        Action::Receive => {
            let mut received = Vec::new();
            Box::new(move |times| {
                for _ in 0..times {
                    let mut missing = messages;
                    while missing > 0 {
                        engine.read(&mut received);
                        missing -= received.len();
                        for message in received.drain(..) {
                            match message {
                                // Validated; `as_text` would do it again.
                                Message::Text(bytes) | Message::Binary(bytes) => {
                                    deliver(&bytes[..]);
                                }
                                other => unreachable!("{other:?}"),
                            }
                        }
                    }
                }
            })
        }
        Action::Send => {
            let message = |payload: &Vec<u8>| {
                let bytes = Bytes::from_owner(Wire::new(payload));
                match case.kind {
                    Kind::Binary => Message::Binary(bytes),
                    _ => Message::Text(bytes),
                }
            };
            let payloads: Vec<_> = payloads(case).iter().map(message).collect();
            let compressed = case.shape == Shape::Compressed;
            if role == Role::Server && case.len >= ZERO_COPY_MIN && !compressed {
                return Some(send_by_stream(case, payloads[0].clone()));
            }
            Box::new(move |times| {
                for _ in 0..times {
                    for message in payloads.iter().cycle().take(messages) {
                        engine.lay(black_box(message));
                    }
                    engine.write();
                }
            })
        }
        Action::Accept => {
            let mut stream = MemoryStream::new(case);
            Box::new(move |times| {
                for _ in 0..times {
                    let mut inbox = BytesMut::with_capacity(RECV_BUFFER_SIZE);
                    inbox.extend_from_slice(stream.next_read(RECV_BUFFER_SIZE));
                    let (request, len) =
                        handshake::parse_request(&inbox).expect("lawful").expect("whole");
                    let accept = handshake::generate_accept_key(request.key);
                    black_box(handshake::build_response(&accept, None, None));
                    inbox.advance(len);
                    black_box((Protocol::new(role, LEN_MAX, LEN_MAX), inbox));
                }
            })
        }
        Action::Echo => {
            let mut received = Vec::new();
            Box::new(move |times| {
                for _ in 0..times {
                    received.clear();
                    while received.is_empty() {
                        engine.read(&mut received);
                    }
                    for message in received.drain(..) {
                        engine.lay(&message);
                    }
                    engine.write();
                }
            })
        }
    })
}

fn send_by_stream(case: &Case, message: Message) -> Run {
    let mut socket = WebSocketStream::server(MemoryStream::new(case), Config::default());
    Box::new(move |times| {
        finish(async {
            for _ in 0..times {
                socket.send(black_box(&message).clone()).await.expect("open");
            }
        });
    })
}

/// With compression it is another type.
enum Either {
    Plain(Protocol),
    Compressed(Box<CompressedProtocol>),
}

struct Engine {
    protocol: Either,
    stream: MemoryStream,
    inbox: BytesMut,
    outbox: BytesMut,
}

impl Engine {
    fn new(case: &Case, role: Role) -> Self {
        let protocol = if case.shape == Shape::Compressed {
            let config = DeflateConfig::default();
            Either::Compressed(Box::new(CompressedProtocol::server(LEN_MAX, LEN_MAX, config)))
        } else {
            Either::Plain(Protocol::new(role, LEN_MAX, LEN_MAX))
        };
        Self {
            protocol,
            stream: MemoryStream::new(case),
            inbox: BytesMut::with_capacity(RECV_BUFFER_SIZE),
            outbox: BytesMut::new(),
        }
    }

    /// One read, into room as its stream makes it.
    #[inline]
    fn read(&mut self, received: &mut Vec<Message>) {
        self.inbox.reserve(RECV_BUFFER_SIZE / 2);
        let space = self.inbox.capacity() - self.inbox.len();
        self.inbox.extend_from_slice(self.stream.next_read(space));
        match &mut self.protocol {
            Either::Plain(protocol) => protocol.process_into(&mut self.inbox, received),
            Either::Compressed(protocol) => protocol.process_into(&mut self.inbox, received),
        }
        .expect("lawful");
    }

    #[inline]
    fn lay(&mut self, message: &Message) {
        match &mut self.protocol {
            Either::Plain(protocol) => protocol.encode_message(message, &mut self.outbox),
            Either::Compressed(protocol) => protocol.encode_message(message, &mut self.outbox),
        }
        .expect("open");
    }

    #[inline]
    fn write(&mut self) {
        black_box(&self.outbox[..]);
        self.outbox.clear();
    }
}
