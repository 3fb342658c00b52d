//! tokio-websockets, over a stream in memory, polled by hand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bluewire_spec_tests::case::Role;
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::proto::ProtocolError;
use tokio_websockets::{ClientBuilder, Error, Limits, ServerBuilder, WebSocketStream};

use crate::outcome::{Ending, Event, LEN_MAX, Outcome};
use crate::stream::Stream;

/// The bytes that arrived and were not read, and those that were written.
#[derive(Debug, Default)]
struct Memory {
    input: Vec<u8>,
    read: usize,
    written: Vec<u8>,
}

impl AsyncRead for Memory {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let rest = &this.input[this.read..];
        if rest.is_empty() {
            return Poll::Pending;
        }
        let len = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..len]);
        this.read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

pub(crate) fn read(stream: &Stream) -> Outcome {
    let limits = Limits::default().max_payload_len(Some(LEN_MAX));
    let memory = Memory::default();
    let mut socket = match stream.to {
        Role::Client => ClientBuilder::new().limits(limits).take_over(memory),
        Role::Server => ServerBuilder::new().limits(limits).serve(memory),
    };
    let mut outcome = Outcome::default();
    let mut at = 0;
    for piece in stream.arrivals() {
        socket.get_mut().input.extend_from_slice(piece);
        at += piece.len();
        while take(&mut socket, &mut outcome, at) {}
        if matches!(outcome.ending, Ending::Failed { .. }) {
            // The next call writes its Close frame.
            _ = socket.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
            break;
        }
    }
    let written = std::mem::take(&mut socket.get_mut().written);
    outcome.note_sent(stream.to, &written);
    outcome
}

/// Tells whether there may be more.
fn take(socket: &mut WebSocketStream<Memory>, outcome: &mut Outcome, at: usize) -> bool {
    let message = match socket.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending | Poll::Ready(None) => return false,
        Poll::Ready(Some(message)) => message,
    };
    match message {
        Ok(message) => {
            // As bytes: what it calls text is not valid UTF-8 in every case.
            let payload = message.as_payload().to_vec();
            if message.is_close() {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                outcome.end(Ending::Closed(code), at);
            } else if message.is_text() {
                outcome.events.push(Event::Text(payload));
            } else if message.is_binary() {
                outcome.events.push(Event::Binary(payload));
            } else if message.is_ping() {
                outcome.events.push(Event::Ping(payload));
            } else {
                outcome.events.push(Event::Pong(payload));
            }
            true
        }
        Err(error) => {
            let code = match &error {
                Error::Protocol(ProtocolError::InvalidUtf8) => 1007,
                Error::Protocol(_) => 1002,
                Error::PayloadTooLong { .. } => 1009,
                other => panic!("an error of another kind: {other:?}"),
            };
            outcome.end(Ending::Failed { why: format!("{error:?}"), code }, at);
            false
        }
    }
}
