//! A real browser on a page with a WebSocket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{AcceptError, AcceptOptions, Config, Error, Keepalive, OriginPolicy};

use crate::browser::Browser;
use crate::ours::{Ended, Ours, assert_ended};
use crate::peer::TIMEOUT;

const PAGE: &str = include_str!("../peers/chat.html");

with_each!(a_page_talks_to_the_server_it_came_from);

fn a_page_talks_to_the_server_it_came_from(ours: Ours) {
    let Some(mut browser) = Browser::start() else { return };
    let (address, ends) = serve(ours, options());

    let page = browser.open(&format!("http://{address}/"));
    assert_eq!(browser.lines(&page), conversation("close 4321 \"that is all\" true"));
    let page = browser.open(&format!("http://{address}/?please"));
    assert_eq!(browser.lines(&page), conversation("close 3999 \"going\" true"));
    assert_ended(&ends);
}

#[cfg(feature = "deflate")]
with_each!(a_page_compresses);

#[cfg(feature = "deflate")]
fn a_page_compresses(ours: Ours) {
    let Some(mut browser) = Browser::start() else { return };
    // A window for each of the two that the page opens.
    for deflate in [crate::ours::deflate(), crate::ours::deflate().peer_window_bits(9)] {
        let agreed = deflate.accept("permessage-deflate; client_max_window_bits");
        let agreed = agreed.expect("what a browser offers").to_string();
        let (address, _ends) = serve(ours, options().deflate(deflate));
        let page = browser.open(&format!("http://{address}/"));
        let mut expected = conversation("close 4321 \"that is all\" true");
        let open = format!("open echo {agreed}");
        expected[0] = &open;
        assert_eq!(browser.lines(&page), expected);
    }
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let _bound = crate::watchdog::bound();
    let Some(mut browser) = Browser::start() else { return };
    let (address, ends) = serve(Ours::Blocking, options());
    let (elsewhere, _) = serve(Ours::Blocking, options());

    let page = browser.open(&format!("http://{elsewhere}/?to={address}"));
    assert_eq!(browser.lines(&page), ["error", "close 1006 \"\" false"]);
    assert!(browser.has_logged("403"));
    let end = ends.recv_timeout(TIMEOUT).expect("the connection ends");
    assert!(matches!(end, Err(Error::Accept(AcceptError::OriginRefused(_)))), "{end:?}");
}

#[test]
fn a_page_of_a_listed_origin_is_accepted() {
    let _bound = crate::watchdog::bound();
    let Some(mut browser) = Browser::start() else { return };
    let (elsewhere, _) = serve(Ours::Smol, options());
    let listed = OriginPolicy::Listed(vec![format!("http://{elsewhere}")]);
    let (address, _ends) = serve(Ours::Smol, options().origins(listed));

    let page = browser.open(&format!("http://{elsewhere}/?to={address}"));
    assert_eq!(browser.lines(&page), conversation("close 4321 \"that is all\" true"));
}

fn options() -> AcceptOptions {
    let keepalive = Keepalive::default().interval(Duration::from_millis(20));
    let config = Config::default().keepalive(keepalive);
    AcceptOptions::default().protocol("echo").config(config)
}

/// The lines that the page shows.
fn conversation(close: &str) -> Vec<&str> {
    vec!["open echo", "text κόσμε 🌍", "binary 0,1,254,255", "text 100000", "binary 1048576", close]
}

/// The page and an echo server on one port, until the process ends.
fn serve(ours: Ours, options: AcceptOptions) -> (SocketAddr, Receiver<Result<Ended, Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let (ends, ended) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client connects");
            let (options, ends) = (options.clone(), ends.clone());
            thread::spawn(move || match asks_for_websocket(&stream) {
                Some(true) => ours.echo(stream, options, &ends),
                Some(false) => serve_page(&mut stream),
                None => {}
            });
        }
    });
    (address, ended)
}

/// Looks at a request and leaves it unread; `None` if none comes.
fn asks_for_websocket(stream: &TcpStream) -> Option<bool> {
    let mut head = [0; 8192];
    let started = Instant::now();
    while started.elapsed() < TIMEOUT {
        let len = stream.peek(&mut head).ok()?;
        let head = String::from_utf8_lossy(&head[..len]).to_ascii_lowercase();
        if len == 0 {
            return None;
        }
        if head.contains("\r\n\r\n") {
            return Some(head.contains("\r\nupgrade: websocket\r\n"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

fn serve_page(stream: &mut TcpStream) {
    let request = BufReader::new(&*stream).lines().map_while(Result::ok);
    let first = request.take_while(|line| !line.is_empty()).next().unwrap_or_default();
    let (status, page) = if first.starts_with("GET /favicon.ico") {
        ("404 Not Found", "")
    } else {
        ("200 OK", PAGE)
    };
    let len = page.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {len}\r\nConnection: close\r\n\r\n{page}"
    );
    let _ = stream.write_all(answer.as_bytes());
}
