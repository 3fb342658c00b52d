//! tokio-tungstenite.

use std::io;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::on_tokio::{Io, Serve, run};
use super::{Setup, forward};

#[derive(Clone, Copy)]
struct Echo {
    config: WebSocketConfig,
    batched: bool,
}

pub(crate) fn serve(setup: &Setup, config: WebSocketConfig, batched: bool) -> io::Result<()> {
    run(setup, Echo { config, batched })
}

impl Serve for Echo {
    async fn connection(self, stream: impl Io) {
        // A connection that ends has ended.
        let _ = self.echo(stream).await;
    }
}

impl Echo {
    async fn echo(self, stream: impl Io) -> Result<(), Error> {
        let mut socket = accept_async_with_config(stream, Some(self.config)).await?;
        if self.batched {
            return forward(socket).await;
        }
        while let Some(message) = socket.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                socket.send(message).await?;
            }
        }
        Ok(())
    }
}
