//! Operations on sockets that need no runtime.

use std::io::{self, IoSlice};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
pub(crate) use rustix::fd::AsFd as Socket;

/// Sends the bytes of several slices at once, without waiting if the socket does not block.
///
/// A socket whose peer is gone fails with an error: the signal that Unix would raise besides would
/// end a process that does not ignore it.
#[cfg(unix)]
pub(crate) fn send(socket: &impl Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}

/// Sends the bytes of the first slice that has some.
#[cfg(not(unix))]
pub(crate) fn send(socket: &impl Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
    Ok(rustix::net::send(socket.as_fd(), first, rustix::net::SendFlags::empty())?)
}

/// Receives what is there.
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
