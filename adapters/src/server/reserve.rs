//! A file descriptor that a server keeps for the case that the system has no others.
//!
//! Without one, a client that comes then can be neither accepted nor refused: it waits in the
//! listener's queue. With one, it is accepted in any case, and gets the place of an opening
//! handshake that is given up, or a 503 response.

#[cfg(any(feature = "blocking", feature = "_asynch"))]
use std::io::IoSlice;
use std::io::PipeReader;

#[cfg(any(feature = "blocking", feature = "_asynch"))]
use crate::socket::{self, Socket};
use crate::sync::{Mutex, lock};

/// The response to a client that is turned away before its request was read.
const UNAVAILABLE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
    Connection: close\r\nContent-Length: 0\r\n\r\n";

/// A spare file descriptor.
pub(super) struct Reserve {
    /// The original of the spare one: a copy takes one descriptor, and needs nothing else.
    original: Option<PipeReader>,
    spare: Mutex<Option<PipeReader>>,
}

impl Reserve {
    pub(super) fn new() -> Self {
        let original = std::io::pipe().ok().map(|(reader, _)| reader);
        let reserve = Self { original, spare: Mutex::default() };
        reserve.renew();
        reserve
    }

    /// Lets the descriptor go, for a client. Whether there was one.
    pub(super) fn release(&self) -> bool {
        let released = lock(&self.spare).take();
        released.is_some()
    }

    /// Takes a descriptor again, if it was let go and the system has another.
    pub(super) fn renew(&self) {
        let mut spare = lock(&self.spare);
        if spare.is_none() {
            *spare = self.original.as_ref().and_then(|original| original.try_clone().ok());
        }
    }
}

/// Gives a client whose request was not read a 503 response, as far as that takes no waiting. The
/// caller must then drop the socket.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(super) fn turn_away(client: &impl Socket, speaks_tls: bool) {
    // A socket that is closed with unread input takes the response with it.
    let mut request = [0; 4096];
    for _ in 0..4 {
        let came = socket::has_input(client);
        if !came || !socket::recv(client, &mut request).is_ok_and(|len| len > 0) {
            break;
        }
    }
    if !speaks_tls {
        // An error concerns only the client, which is gone then.
        let _ = socket::send(client, &[IoSlice::new(UNAVAILABLE)]);
    }
    let _ = socket::shut_down_write(client);
}
