//! Opening handshakes, one after the other.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::super::stream::Stream;
use super::{PATIENCE, Target};

/// Connects, and waits until the server has accepted.
pub(super) fn connect(target: &Target, compressed: bool) -> io::Result<Stream> {
    let stream = TcpStream::connect(&*target.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = request(target, compressed);
    let Some(config) = &target.tls else {
        let mut stream = stream;
        shake_hands(&mut stream, &request, compressed)?;
        return Ok(Stream::Plain(unblocked(stream)?));
    };
    let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
    let session = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    shake_hands(&mut stream, &request, compressed)?;
    let (session, socket) = stream.into_parts();
    Ok(Stream::secure(unblocked(socket)?, session.into()))
}

fn unblocked(stream: TcpStream) -> io::Result<mio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    Ok(mio::net::TcpStream::from_std(stream))
}

fn request(target: &Target, compressed: bool) -> String {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    format!(
        "GET {} HTTP/1.1\r\n\
         Host: {}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {}Sec-WebSocket-Version: 13\r\n\r\n",
        target.path,
        target.authority,
        if compressed { offer } else { "" },
    )
}

fn shake_hands(
    stream: &mut (impl Read + Write),
    request: &str,
    compressed: bool,
) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    // Nothing comes after the head before something is sent.
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            len => head.extend_from_slice(&buffer[..len]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    if !head.starts_with("HTTP/1.1 101 ") {
        let line = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("the server does not accept: {line}")));
    }
    if compressed && !head.contains("permessage-deflate") {
        return Err(io::Error::other("the server does not compress"));
    }
    Ok(())
}
