//! Compression (RFC 7692) under the direct APIs: agreed on elsewhere, split, in chunks, and up to
//! the limit.
#![cfg(all(feature = "blocking", any(feature = "smol", feature = "tokio"), feature = "deflate"))]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::net::{TcpListener, TcpStream};
use std::thread;

use bluewire::asynch::WebSocket;
use bluewire::{
    AcceptOptions, CloseCode, Config, ConnectOptions, Deflate, DeflateParams, Delivery, Error,
    Fault, Limits, Message, PreparedMessage, ProtocolError, blocking,
};

use runtimes::{OnRuntime, on_each_runtime};

on_each_runtime!(
    connections_that_others_upgraded_compress,
    two_halves_of_tasks_compress_both_ways_at_once,
    a_large_message_comes_in_chunks_as_it_is_inflated,
    a_bomb_ends_in_1009,
);

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

fn connections_that_others_upgraded_compress<R: OnRuntime>() {
    let offer = deflate().offer();
    let agreed = deflate().accept(&offer).expect("it agrees with itself");
    let params = deflate().confirm(&agreed.to_string()).expect("an answer to its offer");
    let (client, server) = transports();
    let client = blocking::WebSocket::adopt_client(client, &[], config()).with_deflate(params);
    let server = WebSocket::<R, _>::adopt_server(R::stream(server), &[], config());
    let mut server = server.with_deflate(agreed);
    assert_eq!((client.deflate(), server.deflate()), (Some(params), Some(agreed)));
    let echoing = thread::spawn(move || echo(client));
    R::block_on(async {
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

fn two_halves_of_tasks_compress_both_ways_at_once<R: OnRuntime>() {
    let (url, server) = serve(AcceptOptions::default().deflate(deflate()), echo);
    let options = ConnectOptions::new(url).deflate(deflate());
    R::block_on(async {
        let (mut reader, writer) = R::connect_to(options).await?.split();
        let sender = writer.clone();
        let writing = R::start(async move {
            let prepared = PreparedMessage::compressed(text(0).as_str(), &deflate());
            sender.send_prepared(&prepared).await?;
            for number in 1..MESSAGES {
                sender.send(&text(number)).await?;
            }
            Ok::<_, Error>(())
        });
        for number in 0..MESSAGES {
            let message = reader.recv().await?;
            assert_eq!(message, Some(Message::Text(&text(number))));
        }
        writing.await?;
        let closing = R::start(async move { writer.close(CloseCode::NORMAL, "").await.map(drop) });
        assert_eq!(reader.recv().await?, None);
        closing.await
    })
    .expect("it goes well");
    server.join().expect("it does not panic").expect("it goes well");
}

fn a_large_message_comes_in_chunks_as_it_is_inflated<R: OnRuntime>() {
    const LEN: usize = 8 << 20;
    let (url, server) = serve(AcceptOptions::default().deflate(deflate()), |mut socket| {
        socket.send(&vec![b'x'; LEN])?;
        while socket.recv()?.is_some() {}
        Ok(())
    });
    let limits = Limits::default().message_len_max(LEN as u64);
    let config = config().limits(limits).delivery(Delivery::Chunks);
    R::block_on(async {
        let mut socket = R::connect_to(ConnectOptions::new(url).config(config)).await?;
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

/// Receives what is small on the wire and too long, by this.
fn receive_a_bomb(receive: impl FnOnce(TcpStream, Config, DeflateParams) -> Result<(), Error>) {
    let config = config().limits(Limits::default().message_len_max(1 << 20));
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
    let fault = receive(client, config, params);
    assert!(matches!(fault, Err(Error::Fault(fault)) if fault == too_long), "{fault:?}");
    assert_eq!(bombing.join().expect("it does not panic").value(), 1009);
}

#[test]
fn a_bomb_ends_in_1009_on_the_blocking_adapter() {
    let _bound = watchdog::bound();
    receive_a_bomb(|client, config, params| {
        let socket = blocking::WebSocket::adopt_client(client, &[], config);
        socket.with_deflate(params).recv().map(drop)
    });
}

fn a_bomb_ends_in_1009<R: OnRuntime>() {
    receive_a_bomb(|client, config, params| {
        let socket = WebSocket::<R, _>::adopt_client(R::stream(client), &[], config);
        let mut socket = socket.with_deflate(params);
        R::block_on(async { socket.recv().await.map(drop) })
    });
}
