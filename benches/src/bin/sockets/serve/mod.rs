//! The echo servers, each written as its library recommends. All do the same: wait for a message,
//! send it back, wait for the next.
//!
//! Those whose name ends in `-batched` write when nothing more is there to read, where their
//! library has a way to do it; `-tuned` have buffers of the size that suits the load best. No
//! server logs, and each sets `TCP_NODELAY`. On tokio and smol there is one thread.

mod async_tungstenite;
mod bare;
mod bluewire;
mod fastwebsockets;
mod on_tokio;
mod sockudo_ws;
mod tokio_tungstenite;
mod tokio_websockets;
mod tungstenite;
mod yawc;

use std::error::Error;
use std::future::ready;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use ::tungstenite::protocol::WebSocketConfig;
use ::tungstenite::{Error as WsError, Message};
use bluewire_benches::sockets::{BARE, provider};
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt, TryStreamExt};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// For messages of up to that many bytes, tungstenite's own 128 KiB are more than it needs, since it
/// clears its buffer before each read.
const TUNED_LEN: usize = 16 * 1024;

/// Messages that are answered by one write at most.
const BATCH: usize = 32;

/// How a server listens.
pub(crate) struct Setup {
    /// The files of a certificate chain and its key.
    tls: Option<(PathBuf, PathBuf)>,
    deflate: bool,
}

/// Runs that server for good.
pub(crate) fn run(
    name: &str,
    mut args: impl Iterator<Item = String>,
) -> Result<(), Box<dyn Error>> {
    let mut setup = Setup { tls: None, deflate: false };
    while let Some(arg) = args.next() {
        let mut file = || args.next().map(PathBuf::from).ok_or("--tls takes two files");
        match arg.as_str() {
            "--tls" => setup.tls = Some((file()?, file()?)),
            "--deflate" => setup.deflate = true,
            _ => return Err(format!("there is no option {arg:?} of --serve").into()),
        }
    }
    let usual = WebSocketConfig::default();
    let tuned = usual.read_buffer_size(TUNED_LEN);
    match name {
        "bluewire-blocking" => bluewire::blocking(&setup)?,
        "bluewire-smol" => bluewire::smol(&setup)?,
        "bluewire-tokio" => bluewire::tokio(&setup)?,
        BARE => bare::serve(&setup)?,
        "tungstenite" => tungstenite::serve(&listen()?, usual)?,
        "async-tungstenite" => async_tungstenite::serve(listen()?, usual, false)?,
        "async-tungstenite-tuned" => async_tungstenite::serve(listen()?, tuned, false)?,
        "async-tungstenite-batched" => async_tungstenite::serve(listen()?, tuned, true)?,
        "tokio-tungstenite" => tokio_tungstenite::serve(&setup, usual, false)?,
        "tokio-tungstenite-tuned" => tokio_tungstenite::serve(&setup, tuned, false)?,
        "tokio-tungstenite-batched" => tokio_tungstenite::serve(&setup, tuned, true)?,
        "fastwebsockets" => fastwebsockets::serve(&setup)?,
        "tokio-websockets" => tokio_websockets::serve(&setup, false)?,
        "tokio-websockets-batched" => tokio_websockets::serve(&setup, true)?,
        "yawc" => yawc::serve(&setup, yawc::Use::AsDocumented)?,
        "yawc-batched" => yawc::serve(&setup, yawc::Use::Batched)?,
        "yawc-tuned" => yawc::serve(&setup, yawc::Use::Tuned)?,
        "sockudo-ws" => sockudo_ws::serve(&setup, false)?,
        "sockudo-ws-batched" => sockudo_ws::serve(&setup, true)?,
        other => return Err(format!("there is no server {other:?}").into()),
    }
    Ok(())
}

impl Setup {
    /// The settings with which rustls serves.
    fn tls(&self) -> io::Result<Option<Arc<ServerConfig>>> {
        let Some((chain, key)) = &self.tls else { return Ok(None) };
        let chain = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect);
        let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain.map_err(io::Error::other)?, key)
            .map_err(io::Error::other)?;
        Ok(Some(Arc::new(config)))
    }
}

/// A listener on a port of the system's choice, which is announced.
fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?)?;
    Ok(listener)
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

/// Sends all messages of a stream and sink back, one by one or in batches: one flush answers all
/// messages that arrive without waiting.
async fn echo<S, M, E>(mut socket: S, batched: bool, is_data: fn(&M) -> bool) -> Result<(), E>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    while let Some(message) = socket.next().await {
        let message = message?;
        if !is_data(&message) {
            continue;
        }
        if !batched {
            socket.send(message).await?;
            continue;
        }
        socket.feed(message).await?;
        for _ in 1..BATCH {
            let Some(Some(message)) = socket.next().now_or_never() else { break };
            let message = message?;
            if is_data(&message) {
                socket.feed(message).await?;
            }
        }
        socket.flush().await?;
    }
    Ok(())
}
