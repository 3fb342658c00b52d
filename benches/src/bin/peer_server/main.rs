//! The echo servers of the other libraries, each written as its library recommends:
//!
//! ```text
//! peer_server --server NAME [--read-buffer BYTES]
//! ```
//!
//! Prints `listening on ADDR` once it does. All do the same: wait for a message, send it back,
//! wait for the next. Those that end in `-forward` join their two halves by `forward`, as the
//! examples of their libraries do, which writes when nothing more is there to read. No server
//! logs, and each sets `TCP_NODELAY`. On tokio and smol there is one thread.
#![forbid(unsafe_code)]

mod async_tungstenite;
mod fastwebsockets;
mod tokio_tungstenite;
mod tungstenite;

use std::env;
use std::error::Error;
use std::future::ready;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use ::tungstenite::protocol::WebSocketConfig;
use ::tungstenite::{Error as WsError, Message};
use futures_util::{Sink, Stream, StreamExt, TryStreamExt};

const USAGE: &str = "usage: peer_server --server NAME [--read-buffer BYTES]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = WebSocketConfig::default();
    let (mut name, mut args) = (None, env::args().skip(1));
    while let Some(arg) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match arg.as_str() {
            "--server" => name = Some(value),
            "--read-buffer" => config = config.read_buffer_size(value.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?)?;
    match name.as_deref().ok_or(USAGE)? {
        "async-tungstenite" => async_tungstenite::serve(listener, config, false)?,
        "async-tungstenite-forward" => async_tungstenite::serve(listener, config, true)?,
        "fastwebsockets" => fastwebsockets::serve(listener)?,
        "tokio-tungstenite" => tokio_tungstenite::serve(listener, config, false)?,
        "tokio-tungstenite-forward" => tokio_tungstenite::serve(listener, config, true)?,
        "tungstenite" => tungstenite::serve(&listener, config)?,
        other => return Err(format!("there is no server {other:?}").into()),
    }
    Ok(())
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {address}")?;
    stdout.flush()
}

/// Sends all messages of a stream and sink back, as the examples of tokio-tungstenite and
/// async-tungstenite do it.
async fn forward<S>(socket: S) -> Result<(), WsError>
where
    S: Stream<Item = Result<Message, WsError>> + Sink<Message, Error = WsError>,
{
    let (write, read) = socket.split();
    read.try_filter(|message| ready(message.is_text() || message.is_binary())).forward(write).await
}
