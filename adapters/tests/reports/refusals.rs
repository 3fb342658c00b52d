//! Refused requests: the answer arrives whole, and the connection ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use bluewire::blocking;

use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::{PATIENCE, within};

/// A request without a key, and many bytes behind it that the server did not ask for.
fn request() -> Vec<u8> {
    let mut request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n"
        .to_vec();
    request.resize(request.len() + 256 * 1024, b'x');
    request
}

/// All that the server answers. A reset would have taken it away.
fn answer(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // The server may have gone before it has taken all of it.
    let _ = stream.write_all(&request());
    // By now a reset has taken away all that it can.
    thread::sleep(Duration::from_millis(200));
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    if let Err(error) = end {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "after {answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

fn expect_refusal(addr: SocketAddr) {
    for _ in 0..10 {
        let answer = within("the answer", move || answer(addr));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("the head is whole");
        let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        assert_eq!(len.map(|len| len.parse()), Some(Ok(body.len())), "{answer:?}");
    }
}

#[test]
fn a_refusal_arrives_whole_although_more_was_sent() {
    let _bound = crate::watchdog::bound();
    let server = blocking::Server::bind("127.0.0.1:0").unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let serving = thread::spawn(move || server.serve(|_| ()));
    expect_refusal(addr);
    handle.shutdown(Duration::ZERO);
    serving.join().unwrap();

    fn alone<T>(_: &str, play: impl FnOnce() -> T) -> T {
        play()
    }
    within_each_runtime!(alone, refuses);
}

fn refuses<R: OnRuntime>() {
    let server = R::block_on(R::bind("127.0.0.1:0")).unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let serving = thread::spawn(move || R::block_on(server.serve(async |_| ())));
    expect_refusal(addr);
    R::block_on(handle.shutdown(Duration::ZERO));
    serving.join().unwrap();
}
