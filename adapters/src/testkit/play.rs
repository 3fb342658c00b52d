//! A script over a stream.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use bluewire_core::testkit::{ScriptError, ScriptedPeer};

use crate::blocking::{Readiness, Transport};
use crate::clock::Clock;
use crate::wording::debug_in_sentences;

/// No read waits longer than a day.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Plays a script over a stream until it is over, for at most so long.
///
/// ```
/// use bluewire::blocking;
/// use bluewire::testkit::{Frame, Role, ScriptedPeer, play};
/// use std::net::TcpListener;
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let url = format!("ws://{}/", listener.local_addr()?);
/// let server = std::thread::spawn(move || {
///     let script = ScriptedPeer::new(Role::Server)
///         .handshake()
///         .send(Frame::text("cut of").not_final())
///         .end();
///     play(script, listener.accept()?.0, Duration::from_secs(10))
/// });
/// let mut socket = blocking::connect(url)?;
/// assert!(socket.recv().is_err()); // the message has no end
/// server.join().expect("no panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PlayError`]: the first step that was not met, or what became of the stream.
pub fn play(
    mut script: ScriptedPeer,
    stream: impl Transport,
    limit: Duration,
) -> Result<(), PlayError> {
    let clock = Clock::start();
    let mut buf = [0; 4096];
    let mut ended = false;
    loop {
        script.set_time(clock.now());
        let output = script.take_output();
        if !output.is_empty() {
            write_all(&stream, &output, clock, limit)?;
        }
        if script.has_ended() && !ended {
            ended = true;
            stream.shut_down(Shutdown::Write)?;
        }
        if script.is_over() {
            return Ok(script.finish()?);
        }
        let now = clock.now();
        let left = limit.checked_sub(now).filter(|left| !left.is_zero());
        let Some(left) = left else { return Ok(script.finish()?) };
        if let Some(deadline) = script.deadline() {
            thread::sleep(deadline.saturating_sub(now).min(left));
            continue;
        }
        // Sockets take no timeout of zero, and not every huge one.
        let timeout = left.clamp(Duration::from_millis(1), TIMEOUT_MAX);
        stream.set_read_timeout(Some(timeout))?;
        match stream.read(&mut buf) {
            Ok(0) => script.receive_eof(),
            Ok(len) => script.receive(&buf[..len]),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_all(
    stream: &impl Transport,
    mut bytes: &[u8],
    clock: Clock,
    until: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(&[IoSlice::new(bytes)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = until.saturating_sub(clock.now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                stream.wait(Readiness::WRITE, Some(left))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// Why a script was not played to its end.
#[non_exhaustive]
pub enum PlayError {
    /// The peer did not do what a step expected within the time limit.
    Script(ScriptError),
    /// The stream failed.
    Io(io::Error),
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the stream under the script failed: {error}"),
        }
    }
}

debug_in_sentences!(PlayError);

/// Each sentence includes its cause.
impl std::error::Error for PlayError {}

impl From<ScriptError> for PlayError {
    fn from(error: ScriptError) -> Self {
        Self::Script(error)
    }
}

impl From<io::Error> for PlayError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
