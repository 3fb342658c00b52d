//! tokio-tungstenite on tokio's runtime of one thread.

use std::io;
use std::net::TcpListener;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub(crate) fn serve(
    listener: TcpListener,
    config: WebSocketConfig,
    forward: bool,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream, config, forward));
        }
    })
}

async fn echo(stream: TcpStream, config: WebSocketConfig, forward: bool) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    if forward {
        return crate::forward(socket).await;
    }
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
