//! The way to a Unix socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix};

use crate::socket::stream_socket;

/// Connects here and now, by a socket that does not block: the system has either put the connection
/// into the server's queue by then, or says why not. On Linux that can be
/// [`WouldBlock`](io::ErrorKind::WouldBlock), if the queue is full.
pub(crate) fn call(path: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path).map_err(|error| match error {
        Errno::NAMETOOLONG => {
            io::Error::new(io::ErrorKind::InvalidInput, "the path is too long for a Unix socket")
        }
        error => error.into(),
    })?;
    let socket = UnixStream::from(stream_socket(AddressFamily::UNIX)?);
    socket.set_nonblocking(true)?;
    loop {
        match rustix::net::connect(&socket, &address) {
            Ok(()) => return Ok(socket),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
