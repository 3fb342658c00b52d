//! yawc, upgraded by hyper.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use yawc::{CompressionLevel, OpCode, Options, UpgradeFut, WebSocket, WebSocketError};

use super::on_tokio::{Io, Serve, run};
use super::{Setup, echo};

const LEN_MAX: usize = 16 << 20;

/// How it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// As in its example.
    AsDocumented,
    /// Answers in batches of 32 messages, as the server of its benchmark.
    Batched,
    /// The same with its buffers: 128 KiB to read, and 64 KiB to write.
    Tuned,
}

#[derive(Clone, Copy)]
struct Echo {
    how: Use,
    deflate: bool,
}

pub(crate) fn serve(setup: &Setup, how: Use) -> io::Result<()> {
    run(setup, Echo { how, deflate: setup.deflate })
}

impl Serve for Echo {
    async fn connection(self, stream: impl Io) {
        // A connection that ends has ended.
        let _ = http1::Builder::new()
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| async move { self.answer(request) }),
            )
            .with_upgrades()
            .await;
    }
}

impl Echo {
    fn answer(self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
        // Others validate text too, and take messages of more than 1 MiB.
        let mut options = Options::default().with_limits(LEN_MAX, 2 * LEN_MAX).with_utf8();
        if self.deflate {
            options = options.with_compression_level(CompressionLevel::new(6));
        }
        if self.how == Use::Tuned {
            options =
                options.with_read_buffer_capacity(128 << 10).with_backpressure_boundary(64 << 10);
        }
        let (response, upgraded) = WebSocket::upgrade_with_options(request, options)?;
        tokio::spawn(self.echo(upgraded));
        Ok(response)
    }

    async fn echo(self, upgraded: UpgradeFut) -> Result<(), WebSocketError> {
        echo(upgraded.await?.map(Ok), self.how != Use::AsDocumented, |frame| {
            matches!(frame.opcode(), OpCode::Text | OpCode::Binary)
        })
        .await
    }
}
