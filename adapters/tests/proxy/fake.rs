//! Proxies that follow a script.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use bluewire::{ConnectOptions, Proxy};

/// A name that no resolver here knows (RFC 6761, section 6.4): who reaches it has not asked one.
pub(crate) const URL: &str = "ws://server.invalid/";

/// A proxy that does this with each client, as long as the tests run.
pub(crate) fn proxy(
    play: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let play = play.clone();
            // A client that has heard enough goes.
            thread::spawn(move || drop(play(stream)));
        }
    });
    address
}

/// A proxy that says this to each client after its request, byte by byte, and keeps the connection.
pub(crate) fn http(answer: &'static [u8]) -> SocketAddr {
    proxy(move |mut client| {
        read_head(&mut client)?;
        trickle(&mut client, answer)?;
        keep(client)
    })
}

/// The same, but the end of the connection follows.
pub(crate) fn http_and_end(answer: &'static [u8]) -> SocketAddr {
    proxy(move |mut client| {
        read_head(&mut client)?;
        client.write_all(answer)?;
        client.shutdown(Shutdown::Write)?;
        keep(client)
    })
}

/// A proxy that reads so many bytes and says this, as often as it is in the list. Then it ends or
/// keeps the connection.
pub(crate) fn socks(script: &'static [(usize, &'static [u8])], end: bool) -> SocketAddr {
    proxy(move |mut client| {
        for (read, say) in script {
            client.read_exact(&mut vec![0; *read])?;
            trickle(&mut client, say)?;
        }
        if end {
            client.shutdown(Shutdown::Write)?;
        }
        keep(client)
    })
}

/// A proxy by CONNECT that goes to this address, wherever it is asked to go, and tells the request.
pub(crate) fn relay(to: SocketAddr) -> (SocketAddr, Receiver<String>) {
    let (tell, told): (Sender<String>, _) = channel();
    let address = proxy(move |mut client| {
        let _ = tell.send(read_head(&mut client)?);
        client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: fake\r\n\r\n")?;
        let mut server = TcpStream::connect(to)?;
        let (mut from, mut back) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut back);
            let _ = back.shutdown(Shutdown::Write);
        });
        io::copy(&mut server, &mut client).map(drop)
    });
    (address, told)
}

/// Each byte alone, as far as TCP leaves them so.
pub(crate) fn trickle(client: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    client.set_nodelay(true)?;
    bytes.iter().try_for_each(|byte| client.write_all(&[*byte]))
}

/// Until the client goes.
pub(crate) fn keep(mut client: TcpStream) -> io::Result<()> {
    io::copy(&mut client, &mut io::sink()).map(drop)
}

pub(crate) fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// To a server that only a proxy can find, through the proxy of this scheme, perhaps with
/// credentials.
pub(crate) fn through(scheme: &str, address: SocketAddr) -> ConnectOptions {
    let proxy: Proxy = format!("{scheme}{address}").parse().expect("it is a proxy");
    // Past what any of the tests waits for.
    ConnectOptions::new(URL).proxy(proxy).timeout(Duration::from_secs(60))
}
