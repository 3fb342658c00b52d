//! Servers: what they do not do.

use std::io::Read;

use crate::blocking::{Server, connect};
use crate::open::options::AcceptOptions;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

fn asking(server: &Server) -> TcpStream {
    let mut client = TcpStream::connect(server.local_addr()).expect("it listens");
    client.write_all(REQUEST).expect("it is connected");
    client.set_read_timeout(Some(Duration::from_millis(200))).expect("it has one");
    client
}

/// Whether the client was answered.
fn is_accepted(client: &TcpStream) -> bool {
    let mut answer = [0; 512];
    client.read(&mut answer).is_ok_and(|len| answer[..len].starts_with(b"HTTP/1.1 101"))
}

#[test]
fn a_client_whose_connection_is_never_taken_is_not_accepted() {
    let options = ServerOptions::default().on_offer(|_| {
        // Both requests are decided on before the first is taken.
        thread::sleep(Duration::from_millis(100));
        Ok(())
    });
    let server = Server::bind_with("127.0.0.1:0", options).expect("there is a port");
    let clients = [asking(&server), asking(&server)];
    thread::sleep(Duration::from_millis(50));
    let first = server.accept().expect("two have come");
    thread::sleep(Duration::from_millis(200));
    assert_eq!(clients.iter().filter(|client| is_accepted(client)).count(), 1);
    let second = server.accept().expect("one more has come");
    assert_eq!(clients.iter().filter(|client| is_accepted(client)).count(), 1);
    drop((first, second));
}

#[test]
fn a_server_that_shuts_down_drops_requests_without_a_taker() {
    let options = ServerOptions::default().on_offer(|_| Ok(()));
    let server = Server::bind_with("127.0.0.1:0", options).expect("there is a port");
    let clients = [asking(&server), asking(&server)];
    thread::sleep(Duration::from_millis(50));
    drop(server.accept().expect("two have come"));
    within(SLACK, || server.shutdown(LONG));
    let mut rest = Vec::new();
    for mut client in clients {
        // The end, and not a timeout.
        client.read_to_end(&mut rest).expect("it has ended");
    }
}

#[test]
fn an_opening_handshake_may_take_without_limit() {
    let accept = AcceptOptions::default().config(config().handshake_timeout(Duration::MAX));
    let options = ServerOptions::default().accept(accept);
    let server = Server::bind_with("127.0.0.1:0", options).expect("there is a port");
    let url = format!("ws://{}/", server.local_addr());
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve(|mut socket| drop(socket.recv())));
    let _stalled = TcpStream::connect(&url[5..url.len() - 1]).expect("it listens");
    thread::sleep(Duration::from_millis(50));
    connect(url).expect("the other client holds nobody up");
    handle.shutdown(Duration::ZERO);
    assert_eq!(serving.join().expect("no panic").handshakes, 1);
}
