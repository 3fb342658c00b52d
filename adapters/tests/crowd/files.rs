//! A server that has no file descriptors left.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::alone;
use crate::child::{ADAPTERS, Kind, Server};
use crate::fixture::{TIMEOUT, upgrade, wait_until};

/// Asks for a WebSocket. The connection, and the status of the response: 0 if there was none.
pub(crate) fn ask(addr: SocketAddr) -> (TcpStream, u16) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(upgrade("/", "").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => head.push(byte[0]),
            Err(error) => {
                let passing = matches!(error.kind(), std::io::ErrorKind::ConnectionReset);
                assert!(passing, "{error}");
                break;
            }
        }
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (stream, status.unwrap_or(0))
}

/// Sends a message and reads its echo.
fn echoes(stream: &mut TcpStream) {
    stream.write_all(b"\x81\x82\x00\x00\x00\x00Hi").unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"\x81\x02Hi");
}

#[test]
fn clients_that_have_no_file_descriptor_are_turned_away_at_once() {
    const FILES_MAX: usize = 128;
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Echo, FILES_MAX);
        // All that the server has are in open connections: there is no handshake to give up.
        let mut open = Vec::new();
        let refused = loop {
            assert!(open.len() < FILES_MAX, "{adapter}: more than there can be");
            match ask(server.addr) {
                (stream, 101) => open.push(stream),
                (_, status) => break status,
            }
        };
        assert!(open.len() > FILES_MAX / 2, "{adapter}: {} and then {refused}", open.len());
        // The descriptor in reserve is there again for each of them. A client whose request comes
        // a moment later may miss the response.
        let statuses: Vec<_> = (0..30).map(|_| ask(server.addr).1).collect();
        assert!(statuses.iter().all(|status| [0, 503].contains(status)), "{adapter}: {statuses:?}");
        assert!(statuses.contains(&503), "{adapter}: {statuses:?}");
        open.iter_mut().for_each(echoes);
        // Clients that have left make room.
        open.truncate(open.len() / 2);
        wait_until("a client is let in", || ask(server.addr).1 == 101);
        open.iter_mut().for_each(echoes);
        assert!(server.files() <= FILES_MAX, "{adapter}");
    }
}
