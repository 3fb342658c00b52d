//! Servers on both adapters, over loopback TCP: who comes in, who does not, and how all leave.
#![cfg(all(feature = "blocking", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "what fails here is what the test is about")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bluewire::{
    AcceptOptions, CloseCode, Config, ConnectError, ConnectOptions, Error, Farewell, HttpAnswer,
    OwnedMessage, ServerOptions, blocking, smol as adapter,
};

const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Adapter {
    Blocking,
    Smol,
}

const BOTH: [Adapter; 2] = [Adapter::Blocking, Adapter::Smol];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Serve,
    Facade,
    Accept,
}

enum Handle {
    Blocking(blocking::ServerHandle),
    Smol(adapter::ServerHandle),
}

/// An echo server that runs in threads of its own.
struct Running {
    addr: SocketAddr,
    handle: Handle,
    serving: JoinHandle<()>,
}

impl Running {
    fn start(adapter: Adapter, style: Style, options: ServerOptions) -> Self {
        match adapter {
            Adapter::Blocking => {
                let server = blocking::Server::bind_with("127.0.0.1:0", options).unwrap();
                let (addr, handle) = (server.local_addr(), Handle::Blocking(server.handle()));
                let serving = thread::spawn(move || match style {
                    Style::Serve => drop(server.serve(echo)),
                    Style::Facade => drop(server.serve_facade(echo_by_callbacks)),
                    Style::Accept => {
                        while let Some(socket) = server.accept() {
                            thread::spawn(|| echo(socket));
                        }
                    }
                });
                Self { addr, handle, serving }
            }
            Adapter::Smol => {
                let bound = adapter::Server::bind_with("127.0.0.1:0", options);
                let server = smol::block_on(bound).unwrap();
                let (addr, handle) = (server.local_addr(), Handle::Smol(server.handle()));
                let serving = thread::spawn(move || {
                    smol::block_on(async {
                        match style {
                            Style::Serve => drop(server.serve(echo_async).await),
                            Style::Facade => drop(server.serve_facade(echo_by_callbacks).await),
                            Style::Accept => {
                                while let Some(socket) = server.accept().await {
                                    smol::spawn(echo_async(socket)).detach();
                                }
                            }
                        }
                    });
                });
                Self { addr, handle, serving }
            }
        }
    }

    fn url(&self) -> String {
        format!("ws://{}/", self.addr)
    }

    fn connections(&self) -> usize {
        match &self.handle {
            Handle::Blocking(handle) => handle.connections(),
            Handle::Smol(handle) => handle.connections(),
        }
    }

    fn shutdown(self, budget: Duration) -> Farewell {
        let farewell = match &self.handle {
            Handle::Blocking(handle) => handle.shutdown(budget),
            Handle::Smol(handle) => smol::block_on(handle.shutdown(budget)),
        };
        self.serving.join().unwrap();
        assert!(TcpStream::connect(self.addr).is_err(), "nobody listens any more");
        farewell
    }
}

fn echo(mut socket: blocking::WebSocket<TcpStream>) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
        if sender.send(message).is_err() {
            break;
        }
    }
}

async fn echo_async(mut socket: adapter::WebSocket<smol::Async<TcpStream>>) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        if sender.send(message).await.is_err() {
            break;
        }
    }
}

fn echo_by_callbacks(socket: bluewire::facade::WebSocket) {
    let sender = socket.clone();
    socket.on_message(move |message| sender.send(message.into_owned()));
}

fn speak(socket: &mut blocking::WebSocket<TcpStream>) {
    socket.send("Hello").unwrap();
    let received = socket.recv_timeout(TIMEOUT).unwrap().map(|message| message.into_owned());
    assert_eq!(received, Some(OwnedMessage::Text("Hello".to_owned())));
}

/// Sends a request, and reads to the end.
fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn upgrade(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < TIMEOUT, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn each_style_serves_and_shuts_down_in_order() {
    for adapter in BOTH {
        for style in [Style::Serve, Style::Facade, Style::Accept] {
            let server = Running::start(adapter, style, ServerOptions::default());
            let mut sockets: Vec<_> =
                (0..5).map(|_| blocking::connect(server.url()).unwrap()).collect();
            sockets.iter_mut().for_each(speak);
            assert_eq!(server.connections(), 5, "{adapter:?} {style:?}");
            let first = sockets.remove(0).close(CloseCode::NORMAL, "").unwrap();
            assert!(first.clean);
            wait_until("the first has left", || server.connections() == 4);
            let clients: Vec<_> = sockets
                .into_iter()
                .map(|mut socket| {
                    thread::spawn(move || {
                        assert_eq!(socket.recv().unwrap(), None);
                        socket.closure().cloned().unwrap()
                    })
                })
                .collect();
            let farewell = server.shutdown(TIMEOUT);
            assert_eq!((farewell.closed, farewell.cut, farewell.handshakes), (4, 0, 0));
            for client in clients {
                let closure = client.join().unwrap();
                assert_eq!(closure.code, CloseCode::GOING_AWAY, "{adapter:?} {style:?}");
                assert!(closure.clean, "{adapter:?} {style:?}");
            }
        }
    }
}

#[test]
fn a_peer_that_does_not_answer_is_cut_in_budget() {
    for adapter in BOTH {
        for style in [Style::Serve, Style::Facade, Style::Accept] {
            let server = Running::start(adapter, style, ServerOptions::default());
            let mut mute = TcpStream::connect(server.addr).unwrap();
            mute.set_read_timeout(Some(TIMEOUT)).unwrap();
            mute.write_all(upgrade("/", "").as_bytes()).unwrap();
            let mut stalled = TcpStream::connect(server.addr).unwrap();
            stalled.write_all(b"GET / HT").unwrap();
            wait_until("it is open", || server.connections() == 1);
            // The second has been heard of, too.
            thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            let farewell = server.shutdown(Duration::from_secs(1));
            assert_eq!((farewell.closed, farewell.cut), (0, 1), "{adapter:?} {style:?}");
            assert_eq!(farewell.handshakes, 1, "{adapter:?} {style:?}");
            let took = start.elapsed();
            assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
            let mut seen = Vec::new();
            mute.read_to_end(&mut seen).unwrap();
            // A Close frame with 1001, then the end.
            assert!(seen.ends_with(&[0x88, 2, 0x03, 0xe9]), "{adapter:?} {style:?} {seen:?}");
        }
    }
}

#[test]
fn split_connections_shut_down_in_order() {
    let server = blocking::Server::bind("127.0.0.1:0").unwrap();
    let (url, handle) = (format!("ws://{}/", server.local_addr()), server.handle());
    let accepting = thread::spawn(move || server.accept().map(|socket| (socket, server)));
    let mut client = blocking::connect(url).unwrap();
    let (socket, _server) = accepting.join().unwrap().unwrap();
    let (mut reader, writer) = socket.split().unwrap();
    let reading = thread::spawn(move || reader.recv().map(|message| message.is_none()));
    let client = thread::spawn(move || {
        assert_eq!(client.recv().unwrap(), None);
        client.closure().unwrap().code
    });
    let farewell = handle.shutdown(TIMEOUT);
    assert_eq!((farewell.closed, farewell.cut), (1, 0));
    assert!(reading.join().unwrap().unwrap());
    assert_eq!(client.join().unwrap(), CloseCode::GOING_AWAY);
    drop(writer);
}

#[test]
fn the_application_refuses_with_status_headers_and_body() {
    for adapter in BOTH {
        let answer = HttpAnswer::new(401).unwrap();
        let answer = answer.header("WWW-Authenticate", "Basic").unwrap().text("who are you?\n");
        let (refusals, refused) = mpsc::channel();
        let options = ServerOptions::default()
            .on_offer(move |offer| match offer.headers().first_str("Authorization") {
                Some(_) => offer.add_header("X-Hello", "there").map_err(|_| answer.clone()),
                None => Err(answer.clone()),
            })
            .on_refused(move |error| refusals.send(error.to_string()).unwrap());
        for style in [Style::Serve, Style::Accept] {
            let server = Running::start(adapter, style, options.clone());
            let Err(ConnectError::Refused(refusal)) = blocking::connect(server.url()) else {
                panic!("it is refused");
            };
            assert_eq!(refusal.head().status(), 401);
            assert_eq!(refusal.head().headers().first_str("WWW-Authenticate"), Some("Basic"));
            assert_eq!(refusal.body(), b"who are you?\n");
            assert_eq!(refused.recv_timeout(TIMEOUT).unwrap(), "the application refused / by 401");
            let options = ConnectOptions::new(server.url()).header("Authorization", "Basic eA==");
            let mut socket = blocking::connect(options).unwrap();
            let response = socket.response().unwrap();
            assert_eq!(response.headers().first_str("X-Hello"), Some("there"));
            speak(&mut socket);
            drop(socket);
            wait_until("all have left", || server.connections() == 0);
            assert_eq!(server.shutdown(TIMEOUT), Farewell::default());
        }
    }
}

#[test]
fn origins_and_subprotocols_are_as_the_options_say() {
    for adapter in BOTH {
        let accept = AcceptOptions::default().protocol("one").protocol("two");
        let server = Running::start(adapter, Style::Serve, ServerOptions::default().accept(accept));
        let foreign = upgrade("/", "Origin: https://elsewhere.example\r\n");
        assert!(ask(server.addr, &foreign).starts_with("HTTP/1.1 403 "));
        let options = ConnectOptions::new(server.url()).protocol("three").protocol("two");
        let mut socket = blocking::connect(options.protocol("one")).unwrap();
        assert_eq!(socket.protocol(), Some("two"));
        speak(&mut socket);
        assert!(socket.close(CloseCode::NORMAL, "").unwrap().clean);
        server.shutdown(TIMEOUT);
    }
}

#[test]
fn a_page_is_served_on_the_same_port() {
    for adapter in BOTH {
        let page = HttpAnswer::new(200).unwrap().header("Content-Type", "text/html").unwrap();
        let page = page.body("<h1>Hello</h1>");
        let options = ServerOptions::default().on_request(move |_| page.clone());
        for style in [Style::Serve, Style::Accept] {
            let server = Running::start(adapter, style, options.clone());
            let answer = ask(server.addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\n<h1>Hello</h1>"), "{answer}");
            let answer = ask(server.addr, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
            assert!(answer.ends_with("\r\n\r\n"), "{answer}");
            speak(&mut blocking::connect(server.url()).unwrap());
            server.shutdown(TIMEOUT);
        }
        let bare = Running::start(adapter, Style::Serve, ServerOptions::default());
        assert!(ask(bare.addr, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 426 "));
        assert!(ask(bare.addr, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
        bare.shutdown(TIMEOUT);
    }
}

#[test]
fn a_plain_request_is_handed_over_with_its_stream() {
    let request = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo";
    let server = blocking::Server::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(50));
        stream.write_all(b"dy").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let Some(blocking::Incoming::Plain(plain)) = server.accept_request() else { panic!("plain") };
    assert_eq!(plain.head().target(), "/upload");
    let (mut stream, head, mut body) = plain.into_parts().unwrap();
    assert!(request.as_bytes().starts_with(head.as_bytes()));
    assert_eq!(server.handle().connections(), 0);
    let mut rest = vec![0; 4 - body.len()];
    stream.read_exact(&mut rest).unwrap();
    body.append(&mut rest);
    assert_eq!(body, b"body");
    stream.write_all(b"its own answer").unwrap();
    drop(stream);
    assert_eq!(client.join().unwrap(), "its own answer");
}

#[test]
fn a_decision_may_be_awaited() {
    smol::block_on(async {
        let server = adapter::Server::bind("127.0.0.1:0").await.unwrap();
        let (url, handle) = (format!("ws://{}/", server.local_addr()), server.handle());
        let serving = smol::spawn(async move {
            let decide = async |incoming| match incoming {
                adapter::Incoming::Upgrade(upgrade) => {
                    smol::Timer::after(Duration::from_millis(20)).await;
                    echo_async(upgrade.accept().await.unwrap()).await;
                }
                adapter::Incoming::Plain(_) => {}
            };
            server.serve_requests(decide).await
        });
        let mut socket = adapter::connect(url).await.unwrap();
        socket.send("Hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        handle.shutdown(TIMEOUT).await;
        assert_eq!(serving.await.cut, 0);
    });
}

#[test]
fn who_comes_beyond_the_limit_is_answered_by_503() {
    for adapter in BOTH {
        let options = ServerOptions::default().connections_max(2);
        let server = Running::start(adapter, Style::Serve, options);
        let mut first = blocking::connect(server.url()).unwrap();
        let mut second = blocking::connect(server.url()).unwrap();
        speak(&mut first);
        speak(&mut second);
        match blocking::connect(server.url()) {
            Err(ConnectError::Refused(refusal)) => {
                assert_eq!(refusal.head().status(), 503);
                assert_eq!(refusal.head().headers().first_str("Retry-After"), Some("5"));
            }
            other => panic!("{other:?}"),
        }
        first.close(CloseCode::NORMAL, "").unwrap();
        wait_until("its place is free", || {
            blocking::connect(server.url()).is_ok_and(|mut third| {
                speak(&mut third);
                true
            })
        });
        speak(&mut second);
        server.shutdown(Duration::from_millis(100));
    }
}

#[test]
fn a_newer_handshake_takes_the_place_of_the_oldest() {
    for adapter in BOTH {
        let options = ServerOptions::default().handshakes_max(4);
        let server = Running::start(adapter, Style::Serve, options);
        let mut stalled: Vec<_> =
            (0..12).map(|_| TcpStream::connect(server.addr).unwrap()).collect();
        speak(&mut blocking::connect(server.url()).unwrap());
        stalled[0].set_read_timeout(Some(TIMEOUT)).unwrap();
        let first = stalled[0].read(&mut [0; 64]);
        assert!(!matches!(first, Ok(1..)), "{adapter:?} {first:?}");
        server.shutdown(TIMEOUT);
    }
}

/// Nothing, half a head, half a frame: a third each.
fn stall(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count)
        .map(|number| {
            let mut stream = TcpStream::connect(addr).unwrap();
            match number % 3 {
                0 => {}
                1 => stream.write_all(b"GET / HTTP/1.1\r\nHost: 127").unwrap(),
                _ => {
                    stream.write_all(upgrade("/", "").as_bytes()).unwrap();
                    stream.write_all(&[0x81, 0x85, 1, 2, 3]).unwrap();
                }
            }
            stream
        })
        .collect()
}

#[test]
fn a_thousand_stalled_clients_hold_nobody_up() {
    for adapter in BOTH {
        let deadline = Duration::from_secs(3);
        let config = Config {
            handshake_timeout: deadline,
            message_timeout: Some(deadline),
            idle_timeout: Some(deadline),
            keepalive: None,
            close_timeout: Duration::from_secs(1),
            ..Config::default()
        };
        let accept = AcceptOptions::default().config(config);
        let options = ServerOptions::default().accept(accept);
        let server = Running::start(adapter, Style::Serve, options);
        let mut stalled = stall(server.addr, 1_000);
        let start = Instant::now();
        for _ in 0..10 {
            let mut good = blocking::connect(server.url()).unwrap();
            speak(&mut good);
            assert!(good.close(CloseCode::NORMAL, "").unwrap().clean);
        }
        assert!(start.elapsed() < deadline, "{adapter:?}: {:?}", start.elapsed());
        let mut buf = [0; 1024];
        for stream in &mut stalled {
            stream.set_read_timeout(Some(TIMEOUT)).unwrap();
            // What the server has to say, then the end: not the time-out of the read.
            loop {
                match stream.read(&mut buf) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        assert_eq!(
                            error.kind(),
                            std::io::ErrorKind::ConnectionReset,
                            "{adapter:?}"
                        );
                        break;
                    }
                }
            }
        }
        assert!(start.elapsed() < TIMEOUT, "{adapter:?}: {:?}", start.elapsed());
        wait_until("all are gone", || server.connections() == 0);
        speak(&mut blocking::connect(server.url()).unwrap());
        server.shutdown(TIMEOUT);
    }
}

#[test]
fn errors_of_connections_are_not_the_servers() {
    for adapter in BOTH {
        let server = Running::start(adapter, Style::Serve, ServerOptions::default());
        let mut socket = blocking::connect(server.url()).unwrap();
        speak(&mut socket);
        // Not masked, as a client's frames must be.
        let mut raw = TcpStream::connect(server.addr).unwrap();
        raw.write_all(upgrade("/", "").as_bytes()).unwrap();
        raw.write_all(&[0x81, 0x00]).unwrap();
        raw.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut seen = Vec::new();
        let _ = raw.read_to_end(&mut seen);
        assert!(seen.windows(4).any(|four| four[..1] == [0x88] && four[2..] == [0x03, 0xea]));
        speak(&mut socket);
        let reading = thread::spawn(move || match socket.recv() {
            Ok(message) => message.is_none(),
            Err(Error::Fault(_)) => false,
            Err(error) => panic!("{error}"),
        });
        server.shutdown(TIMEOUT);
        assert!(reading.join().unwrap());
    }
}
