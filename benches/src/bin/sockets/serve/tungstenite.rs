//! tungstenite, blocking: a thread for each connection.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;

use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, accept_with_config};

pub(crate) fn serve(listener: &TcpListener, config: WebSocketConfig) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that ends has ended.
        thread::spawn(move || drop(echo(stream, config)));
    }
}

fn echo(stream: TcpStream, config: WebSocketConfig) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let Ok(mut socket) = accept_with_config(stream, Some(config)) else { return Ok(()) };
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}
