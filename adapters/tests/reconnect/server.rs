//! Servers that go and come back.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bluewire::reconnect::Jitter;
use bluewire::{ConnectOptions, Reconnect};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use crate::common::peer::Peer;

/// Retries that the tests need not wait for.
pub(crate) fn soon() -> Reconnect {
    let delay = Duration::from_millis(5);
    Reconnect::default().first_delay(delay).delay_max(delay).jitter(Jitter::None)
}

/// Retries that no test sees.
pub(crate) fn late() -> Reconnect {
    let hour = Duration::from_secs(3600);
    Reconnect::default().first_delay(hour).delay_max(hour).jitter(Jitter::None)
}

pub(crate) fn options(listener: &TcpListener, reconnect: Reconnect) -> ConnectOptions {
    let address = listener.local_addr().expect("it is bound");
    ConnectOptions::new(format!("ws://{address}/")).reconnect(reconnect)
}

/// Answers the next request with this status and these lines.
pub(crate) fn refuse(listener: &TcpListener, status: u16, headers: &str) {
    let mut stream = Peer::accept_tcp(listener);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the request comes");
        head.push(byte[0]);
    }
    write!(stream, "HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\n\r\n")
        .expect("the answer leaves");
}

/// Takes the next connection, and ends it by a closing handshake.
pub(crate) fn accept_and_close(listener: &TcpListener, code: u16) {
    let mut peer = Peer::accept(listener);
    peer.close(code, "");
    assert_eq!(peer.expect_close(), code);
    peer.end();
}

/// A port that is taken, without a listener so far.
pub(crate) struct Down(TcpListener);

impl Down {
    pub(crate) fn new() -> Self {
        let taken = socket(AddressFamily::INET, SocketType::STREAM, None).expect("there is one");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        bind(&taken, &any).expect("there is a port");
        Self(taken.into())
    }

    pub(crate) fn options(&self, reconnect: Reconnect) -> ConnectOptions {
        options(&self.0, reconnect)
    }

    pub(crate) fn up(self) -> TcpListener {
        listen(&self.0, 8).expect("it can listen");
        self.0
    }
}

/// Whether no client has connected, and none does for a while.
pub(crate) fn is_left_alone(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).expect("it is a socket");
    std::thread::sleep(Duration::from_millis(50));
    let came: std::io::Result<(TcpStream, SocketAddr)> = listener.accept();
    came.is_err()
}
