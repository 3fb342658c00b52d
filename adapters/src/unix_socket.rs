//! The way to a Unix socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

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
    let socket = socket()?;
    socket.set_nonblocking(true)?;
    loop {
        match rustix::net::connect(&socket, &address) {
            Ok(()) => return Ok(socket),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// As the standard library makes it: other programs that this one starts do not get it.
fn socket() -> io::Result<UnixStream> {
    #[cfg(not(any(target_vendor = "apple", target_os = "aix", target_os = "haiku")))]
    let socket = {
        use rustix::net::{SocketFlags, socket_with};
        socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?
    };
    #[cfg(any(target_vendor = "apple", target_os = "aix", target_os = "haiku"))]
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    #[cfg(any(target_vendor = "apple", target_os = "aix", target_os = "haiku"))]
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket.into())
}
