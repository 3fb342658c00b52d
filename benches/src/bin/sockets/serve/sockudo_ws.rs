//! sockudo-ws.

use std::io;

use bytes::BytesMut;
use sockudo_ws::deflate::DeflateConfig;
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::Message;
use sockudo_ws::stream::CompressedWebSocketStream;
use sockudo_ws::{Config, Error, WebSocketStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::on_tokio::{Io, Serve, run};
use super::{Setup, echo};

#[derive(Clone, Copy)]
struct Echo {
    batched: bool,
    deflate: bool,
}

pub(crate) fn serve(setup: &Setup, batched: bool) -> io::Result<()> {
    run(setup, Echo { batched, deflate: setup.deflate })
}

impl Serve for Echo {
    async fn connection(self, stream: impl Io) {
        // A connection that ends has ended.
        let _ = self.echo(stream).await;
    }
}

impl Echo {
    async fn echo(self, mut stream: impl Io) -> Result<(), Error> {
        self.shake_hands(&mut stream).await?;
        let is_data = |message: &Message| matches!(message, Message::Text(_) | Message::Binary(_));
        if self.deflate {
            let (config, deflate) = (Config::default(), DeflateConfig::default());
            let socket = CompressedWebSocketStream::server(stream, config, deflate);
            return echo(socket, self.batched, is_data).await;
        }
        echo(WebSocketStream::server(stream, Config::default()), self.batched, is_data).await
    }

    /// As in its example.
    async fn shake_hands(self, stream: &mut impl Io) -> Result<(), Error> {
        let mut head = BytesMut::with_capacity(4096);
        loop {
            if stream.read_buf(&mut head).await? == 0 {
                return Err(Error::ConnectionClosed);
            }
            if let Some((request, _)) = parse_request(&head)? {
                let accept = generate_accept_key(request.key);
                let extension = self.deflate.then_some("permessage-deflate");
                stream.write_all(&build_response(&accept, None, extension)).await?;
                return stream.flush().await.map_err(Error::from);
            }
        }
    }
}
