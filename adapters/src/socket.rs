//! Operations on sockets that need no runtime.

use std::io::{self, IoSlice};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
pub(crate) use rustix::fd::AsFd as Socket;
#[cfg(any(unix, feature = "blocking"))]
use rustix::fd::OwnedFd;
#[cfg(any(unix, feature = "blocking"))]
use rustix::net::{AddressFamily, SocketType};

/// Sends the bytes of several slices at once, without waiting.
///
/// A socket whose peer is gone fails with an error: the signal that Unix would raise besides would
/// end a process that does not ignore it.
#[cfg(unix)]
#[inline]
pub(crate) fn send(socket: &impl Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::DONTWAIT;
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    // Most writes are of one slice, for which the kernel has less to copy in and to check.
    let mut filled = slices.iter().filter(|slice| !slice.is_empty());
    if let (Some(only), None) = (filled.next(), filled.next()) {
        return Ok(send(socket, only, flags)?);
    }
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}

/// Sends the bytes of the first slice that has some.
#[cfg(not(unix))]
pub(crate) fn send(socket: &impl Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(rustix::net::send(socket.as_fd(), first_slice(slices), rustix::net::SendFlags::empty())?)
}

/// The first slice that is not empty.
#[cfg(any(not(unix), feature = "_asynch"))]
pub(crate) fn first_slice<'a>(slices: &'a [IoSlice<'_>]) -> &'a [u8] {
    slices.iter().find(|slice| !slice.is_empty()).map_or(&[], |slice| slice)
}

/// Receives what is there.
#[inline]
pub(crate) fn recv(socket: &impl Socket, bytes: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(socket.as_fd(), bytes, rustix::net::RecvFlags::empty())?.1)
}

/// Shuts the writing side down.
pub(crate) fn shut_down_write(socket: &impl Socket) -> io::Result<()> {
    Ok(rustix::net::shutdown(socket.as_fd(), rustix::net::Shutdown::Write)?)
}

/// Whether a read would give something: bytes, the end, or an error.
pub(crate) fn has_input(socket: &impl Socket) -> bool {
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    poll(&mut fds, Some(&NOW)).is_ok_and(|ready| ready > 0)
}

/// Makes a socket for a stream, as the standard library does: the programs that this one starts do
/// not get it.
#[cfg(any(unix, feature = "blocking"))]
pub(crate) fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    #[cfg(not(any(target_vendor = "apple", windows, target_os = "aix", target_os = "haiku")))]
    let socket = {
        use rustix::net::{SocketFlags, socket_with};
        socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?
    };
    #[cfg(any(target_vendor = "apple", windows, target_os = "aix", target_os = "haiku"))]
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    #[cfg(any(target_vendor = "apple", target_os = "aix", target_os = "haiku"))]
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}
