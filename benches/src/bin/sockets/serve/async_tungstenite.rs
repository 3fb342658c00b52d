//! async-tungstenite on smol.

use std::io;
use std::net::TcpListener;

use async_tungstenite::accept_async_with_config;
use async_tungstenite::tungstenite::Error;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use futures_util::StreamExt;
use smol::Async;
use smol::net::TcpStream;

pub(crate) fn serve(
    listener: TcpListener,
    config: WebSocketConfig,
    forward: bool,
) -> io::Result<()> {
    let listener = smol::net::TcpListener::from(Async::new(listener)?);
    smol::block_on(async {
        loop {
            let (stream, _) = listener.accept().await?;
            smol::spawn(echo(stream, config, forward)).detach();
        }
    })
}

async fn echo(stream: TcpStream, config: WebSocketConfig, forward: bool) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    if forward {
        return super::forward(socket).await;
    }
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
