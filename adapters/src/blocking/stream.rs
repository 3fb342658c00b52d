//! What the blocking adapter talks through.

use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A stream of bytes that blocks, for at most as long as it is told.
///
/// Deadlines (keepalive, closing) need a read that comes back: implement the timeouts if the
/// stream has them, and wrap it in [`Untimed`] if it has not.
pub trait Transport: Read + Write {
    /// Lets a read that waits longer fail with `WouldBlock` or `TimedOut`; `None` lets it wait
    /// for ever. Never zero.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// The same for writes.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Says that nothing more will be written: the peer reads an end.
    ///
    /// # Errors
    ///
    /// The stream's own.
    fn shut_down_writing(&mut self) -> io::Result<()>;
}

macro_rules! transport_of_socket {
    ($socket:ty) => {
        impl Transport for $socket {
            fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                <$socket>::set_read_timeout(self, timeout)
            }

            fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                <$socket>::set_write_timeout(self, timeout)
            }

            fn shut_down_writing(&mut self) -> io::Result<()> {
                self.shutdown(std::net::Shutdown::Write)
            }
        }
    };
}

transport_of_socket!(TcpStream);
#[cfg(unix)]
transport_of_socket!(UnixStream);

/// A stream that cannot say how long to wait: any `Read + Write`. A read blocks until something
/// comes, so deadlines are only seen to between reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper and nothing else")]
pub struct Untimed<S>(pub S);

impl<S: Read> Read for Untimed<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<S: Write> Write for Untimed<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Transport for Untimed<S> {
    fn set_read_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn set_write_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
