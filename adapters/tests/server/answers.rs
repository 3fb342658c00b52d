//! Which clients a server accepts, and what it answers to the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bluewire::asynch::Incoming;
use bluewire::{
    AcceptOptions, CloseCode, ConnectError, ConnectOptions, Error, HttpAnswer, ServerOptions,
    ShutdownReport, blocking,
};

use crate::fixture::*;
use crate::runtimes::{OnRuntime, on_each_runtime};

#[test]
fn the_application_refuses_with_status_headers_and_body() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
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
            assert_eq!(
                refused.recv_timeout(TIMEOUT).unwrap(),
                "the application refused / with status 401"
            );
            let options = ConnectOptions::new(server.url()).header("Authorization", "Basic eA==");
            let mut socket = blocking::connect(options).unwrap();
            let response = socket.response().unwrap();
            assert_eq!(response.headers().first_str("X-Hello"), Some("there"));
            speak(&mut socket);
            drop(socket);
            wait_until("all have left", || server.connections() == 0);
            assert_eq!(server.shutdown(TIMEOUT), ShutdownReport::default());
        }
    }
}

#[test]
fn a_page_reaches_a_loopback_listener_by_no_name_of_its_own() {
    let _bound = crate::watchdog::bound();
    let page = |host: &str| {
        let head = upgrade("/", &format!("Origin: http://{host}\r\n"));
        let (first, rest) = head.split_once("\r\n").unwrap();
        let others = rest.split_inclusive("\r\n").filter(|line| !line.starts_with("Host:"));
        format!("{first}\r\nHost: {host}\r\n{}", others.collect::<String>())
    };
    for &adapter in ALL {
        let server = Running::start(adapter, Style::Serve, ServerOptions::default());
        let port = server.addr.port();
        let rebound = page(&format!("attacker.example:{port}"));
        assert!(ask(server.addr, &rebound).starts_with("HTTP/1.1 421 "), "{adapter:?}");
        let own = page(&format!("127.0.0.1:{port}"));
        assert!(ask_for_head(server.addr, &own).starts_with("HTTP/1.1 101 "), "{adapter:?}");
        server.shutdown(TIMEOUT);

        let accept = AcceptOptions::default().hosts(["chat.example"]);
        let server = Running::start(adapter, Style::Serve, ServerOptions::default().accept(accept));
        assert!(ask(server.addr, &own).starts_with("HTTP/1.1 421 "), "{adapter:?}");
        let listed = page("chat.example");
        assert!(ask_for_head(server.addr, &listed).starts_with("HTTP/1.1 101 "), "{adapter:?}");
        server.shutdown(TIMEOUT);
    }
}

/// The head of the answer, whatever follows it.
fn ask_for_head(addr: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn origins_and_subprotocols_are_as_the_options_say() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
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
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
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
    let _bound = crate::watchdog::bound();
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

on_each_runtime!(a_decision_may_be_awaited);

fn a_decision_may_be_awaited<R: OnRuntime>() {
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let (url, handle) = (format!("ws://{}/", server.local_addr()), server.handle());
        let serving = R::start(async move {
            let decide = async |incoming| match incoming {
                Incoming::Upgrade(upgrade) => {
                    R::sleep(Duration::from_millis(20)).await;
                    echo_on::<R>(upgrade.accept().await.unwrap()).await;
                }
                Incoming::Plain(_) => {}
            };
            server.serve_requests(decide).await
        });
        let mut socket = R::connect_to(url).await.unwrap();
        socket.send("Hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        handle.shutdown(TIMEOUT).await;
        assert_eq!(serving.await.cut, 0);
    });
}

#[test]
fn errors_of_connections_are_not_the_servers() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
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
