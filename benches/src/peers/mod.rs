//! The other libraries in the same cases.
//!
//! Each is used as its documentation says is fastest, with its checks on. Those that do I/O
//! themselves get a [`MemoryStream`], and their futures are polled without a runtime: with all
//! bytes at hand none of them ever waits.

mod fastwebsockets;
mod sockudo_ws;
mod soketto;
mod stream;
mod tokio_websockets;
mod tungstenite;
mod wtx;
mod yawc;

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::Engine;

use stream::MemoryStream;

/// The peers, by name.
pub const ALL: [Engine; 7] = [
    Engine { name: "fastwebsockets", run: fastwebsockets::run },
    Engine { name: "sockudo-ws", run: sockudo_ws::run },
    Engine { name: "soketto", run: soketto::run },
    Engine { name: "tokio-websockets", run: tokio_websockets::run },
    Engine { name: "tungstenite", run: tungstenite::run },
    Engine { name: "wtx", run: wtx::run },
    Engine { name: "yawc", run: yawc::run },
];

/// Finishes a future that never waits.
fn finish<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("all bytes are at hand"),
    }
}

/// Hands a payload to the user.
#[inline]
fn deliver<T: ?Sized>(payload: &T) {
    black_box(payload);
}
