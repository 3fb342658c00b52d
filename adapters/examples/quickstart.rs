//! A server and a client in one process, over TCP on the loopback interface: each callback is
//! printed as it happens.

use std::error::Error;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bluewire::blocking::{self, AcceptOptions, websocketfactory};
use bluewire::facade::{CloseOptions, SendOptions};
use bluewire::{Config, ConnectOptions, Keepalive, Message};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}/quickstart", listener.local_addr()?);
    let server = thread::spawn(move || serve(&listener).map_err(|error| error.to_string()));

    // Whatever is longer than 1,000 bytes leaves in fragments.
    let config = Config::default().fragment_len(NonZeroUsize::new(1000));
    let socket = websocketfactory::create(
        ConnectOptions::new(url)
            .header("content-type", "application/json")
            .protocol("echo")
            .config(config),
    )?;

    let (closed, wait) = mpsc::channel();
    let sender = socket.clone();
    socket.on_open(move || {
        println!("client: open, subprotocol {:?}", sender.protocol());
        sender.send(
            SendOptions::new("send message")
                .success(|| println!("client: text handed over"))
                .fail(|data, code| println!("client: text not sent: {data} ({code})")),
        );
        sender.send(&b"\x00\x01\x02"[..]);
        sender.send("in three fragments ".repeat(150));
        sender.send(vec![0xb1; 1 << 20]);
    });
    let closer = socket.clone();
    let mut messages = 0;
    socket.on_message(move |message| {
        println!("client: message, {}", describe(message));
        messages += 1;
        if messages == 4 {
            let closer = closer.clone();
            thread::spawn(move || {
                // Long enough for some of the server's pings.
                thread::sleep(Duration::from_millis(50));
                closer.close(
                    CloseOptions::default()
                        .code(1000)
                        .reason("close as normal")
                        .success(|| println!("client: close completed"))
                        .fail(|data, code| println!("client: not closed: {data} ({code})")),
                );
            });
        }
    });
    socket.on_error(|error| println!("client: error, {}", error.data));
    socket.on_close(move |close| {
        let (code, reason, was_clean) = (close.code, &close.reason, close.was_clean);
        println!("client: close, code {code}, reason {reason:?}, clean {was_clean}");
        let _ = closed.send(was_clean);
    });

    let was_clean = wait.recv_timeout(Duration::from_secs(20))?;
    server.join().map_err(|_| "the server panicked")??;
    if was_clean { Ok(()) } else { Err("the connection did not close cleanly".into()) }
}

/// Echoes every message of one client.
fn serve(listener: &TcpListener) -> Result<(), Box<dyn Error>> {
    let (stream, _) = listener.accept()?;
    let keepalive = Keepalive::default().interval(Duration::from_millis(10));
    let config = Config::default().keepalive(keepalive);
    let mut socket =
        blocking::accept_with(stream, AcceptOptions::default().protocol("echo").config(config))?;
    println!("server: open");
    while let Some((message, mut sender)) = socket.recv_with_sender()? {
        println!("server: message, {}", describe(message));
        sender.send(message)?;
    }
    println!("server: round trip {:?}", socket.round_trip());
    println!("server: {:?}", socket.closure());
    Ok(())
}

fn describe(message: Message<'_>) -> String {
    match message {
        Message::Text(text) if text.len() < 40 => format!("text {text:?}"),
        Message::Text(text) => format!("text of {} bytes", text.len()),
        Message::Binary(bytes) => format!("binary of {} bytes", bytes.len()),
    }
}
