//! Compression (RFC 7692) under the direct APIs: agreed on elsewhere, split, in chunks, and up to
//! the limit.
#![cfg(all(feature = "blocking", feature = "smol", feature = "deflate"))]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::net::{TcpListener, TcpStream};
use std::thread;

use bluewire::{
    AcceptOptions, CloseCode, Config, ConnectOptions, Deflate, DeflateParams, Delivery, Error,
    Fault, Limits, Message, PreparedMessage, ProtocolError, blocking, smol as on_smol,
};
use smol::Async;

const MESSAGES: usize = 200;

fn text(number: usize) -> String {
    format!("message {number} says what the others said, message {number}")
}

fn transports() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    (client, listener.accept().expect("it connects").0)
}

fn deflate() -> Deflate {
    Deflate::default().len_min(0)
}

fn config() -> Config {
    Config::default().deflate(deflate())
}

/// A server on a thread of its own, and the URL at which it accepts once.
fn serve(
    options: AcceptOptions,
    server: impl FnOnce(blocking::WebSocket<TcpStream>) -> Result<(), Error> + Send + 'static,
) -> (String, thread::JoinHandle<Result<(), Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let thread = thread::spawn(move || {
        let stream = listener.accept()?.0;
        server(blocking::accept_with(stream, options)?)
    });
    (url, thread)
}

fn echo(mut socket: blocking::WebSocket<TcpStream>) -> Result<(), Error> {
    while let Some((message, mut sender)) = socket.recv_with_sender()? {
        sender.send(message)?;
    }
    Ok(())
}

#[test]
fn connections_that_others_upgraded_compress() {
    let _bound = watchdog::bound();
    let offer = deflate().offer();
    let agreed = deflate().accept(&offer).expect("it agrees with itself");
    let params = deflate().confirm(&agreed.to_string()).expect("an answer to its offer");
    let (client, server) = transports();
    let client = blocking::WebSocket::adopt_client(client, &[], config()).with_deflate(params);
    let server = Async::new(server).expect("a reactor");
    let mut server = on_smol::WebSocket::adopt_server(server, &[], config()).with_deflate(agreed);
    assert_eq!((client.deflate(), server.deflate()), (Some(params), Some(agreed)));
    let echoing = thread::spawn(move || echo(client));
    smol::block_on(async {
        for number in 0..MESSAGES {
            server.send(&text(number)).await?;
            assert_eq!(server.recv().await?, Some(Message::Text(&text(number))));
        }
        server.close(CloseCode::NORMAL, "").await.map(drop)
    })
    .expect("it goes well");
    echoing.join().expect("it does not panic").expect("it goes well");
}

#[test]
fn nothing_is_agreed_on_unless_both_want_it() {
    let _bound = watchdog::bound();
    let plain = ("", None);
    for (offers, accepts) in [(false, true), (true, false), (true, true)] {
        let accept = AcceptOptions::default();
        let accept = if accepts { accept.deflate(deflate()) } else { accept };
        let (url, server) = serve(accept, echo);
        let options = ConnectOptions::new(url);
        let options = if offers { options.deflate(deflate()) } else { options };
        let mut socket = blocking::connect(options).expect("it connects");
        let header = socket
            .response()
            .and_then(|head| head.headers().first_str("Sec-WebSocket-Extensions"))
            .unwrap_or_default();
        let expected = match offers && accepts {
            true => ("permessage-deflate", Some(DeflateParams::default())),
            false => plain,
        };
        assert_eq!((header, socket.deflate()), expected);
        socket.send("Hello").expect("it is open");
        assert_eq!(socket.recv().expect("it echoes"), Some(Message::Text("Hello")));
        socket.close(CloseCode::NORMAL, "").expect("it closes");
        server.join().expect("it does not panic").expect("it goes well");
    }
}

#[test]
fn two_halves_compress_both_ways_at_once() {
    let _bound = watchdog::bound();
    let (url, server) = serve(AcceptOptions::default().deflate(deflate()), echo);
    let socket = blocking::connect(ConnectOptions::new(url).deflate(deflate())).expect("connects");
    let (mut reader, writer) = socket.split();
    let writing = {
        let writer = writer.clone();
        thread::spawn(move || -> Result<(), Error> {
            let prepared = PreparedMessage::compressed(text(0).as_str(), &deflate());
            writer.send_prepared(&prepared)?;
            (1..MESSAGES).try_for_each(|number| writer.send(&text(number)))
        })
    };
    for number in 0..MESSAGES {
        let message = reader.recv().expect("it goes on");
        assert_eq!(message, Some(Message::Text(&text(number))));
    }
    writing.join().expect("it does not panic").expect("it goes well");
    let closing = thread::spawn(move || writer.close(CloseCode::NORMAL, "").map(drop));
    assert_eq!(reader.recv().expect("it closes"), None);
    closing.join().expect("it does not panic").expect("it goes well");
    server.join().expect("it does not panic").expect("it goes well");
}

#[test]
fn a_large_message_comes_in_chunks_as_it_is_inflated() {
    let _bound = watchdog::bound();
    const LEN: usize = 8 << 20;
    let (url, server) = serve(AcceptOptions::default().deflate(deflate()), |mut socket| {
        socket.send(&vec![b'x'; LEN])?;
        while socket.recv()?.is_some() {}
        Ok(())
    });
    let limits = Limits::default().message_len_max(LEN as u64);
    let config = config().limits(limits).delivery(Delivery::Chunks);
    smol::block_on(async {
        let mut socket = on_smol::connect(ConnectOptions::new(url).config(config)).await?;
        let mut len = 0;
        loop {
            let (part, fin) = socket.recv_chunk().await?.expect("a part");
            assert!(part.len() <= 64 * 1024 && part.as_bytes().iter().all(|byte| *byte == b'x'));
            len += part.len();
            if fin {
                break;
            }
        }
        assert_eq!(len, LEN);
        socket.close(CloseCode::NORMAL, "").await.map(drop)
    })
    .expect("it goes well");
    server.join().expect("it does not panic").expect("it goes well");
}

#[test]
fn a_bomb_ends_in_1009() {
    let _bound = watchdog::bound();
    for smol in [false, true] {
        let limits = Limits::default().message_len_max(1 << 20);
        let config = config().limits(limits);
        let too_long = Fault::Protocol(ProtocolError::MessageTooLong { limit: 1 << 20 });
        let (client, bomber) = transports();
        let params = DeflateParams::default();
        let bombing = thread::spawn(move || {
            let socket = blocking::WebSocket::adopt_server(bomber, &[], self::config());
            let mut socket = socket.with_deflate(params);
            socket.send(&vec![0; 15 << 20]).expect("it is small on the wire");
            assert_eq!(socket.recv().expect("a Close frame is in order"), None);
            socket.closure().expect("it has ended").code
        });
        let fault = if smol {
            let stream = Async::new(client).expect("a reactor");
            let socket = on_smol::WebSocket::adopt_client(stream, &[], config);
            let mut socket = socket.with_deflate(params);
            smol::block_on(async { socket.recv().await.map(drop) })
        } else {
            let socket = blocking::WebSocket::adopt_client(client, &[], config);
            let mut socket = socket.with_deflate(params);
            socket.recv().map(drop)
        };
        assert!(matches!(fault, Err(Error::Fault(fault)) if fault == too_long), "{fault:?}");
        assert_eq!(bombing.join().expect("it does not panic").value(), 1009);
    }
}
