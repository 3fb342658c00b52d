//! Carries the fuzzer over TCP, in real time.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::fuzzer::Fuzzer;

/// The echo peer under test: it ends when its connection does. Its result is not judged; the fuzzer
/// has seen the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Testee {
    /// Serves one connection.
    Server(fn(TcpStream) -> Result<(), Box<dyn Error>>),
    /// Connects to this address.
    Client(fn(SocketAddr) -> Result<(), Box<dyn Error>>),
}

/// How long the last writes may take when the run is over.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the case, from the opening handshake to the end of the transport.
pub(super) fn run(fuzzer: &mut Fuzzer<'_>, testee: Testee) {
    if let Err(error) = try_run(fuzzer, testee) {
        fuzzer.receive_failure(Duration::ZERO, &format!("no connection: {error}"));
    }
}

fn try_run(fuzzer: &mut Fuzzer<'_>, testee: Testee) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let (testee, stream) = match testee {
            Testee::Server(serve) => {
                let stream = TcpStream::connect(address)?;
                let accepted = listener.accept()?.0;
                (scope.spawn(move || drop(serve(accepted))), stream)
            }
            Testee::Client(connect) => {
                let testee = scope.spawn(move || drop(connect(address)));
                (testee, listener.accept()?.0)
            }
        };
        let ended = drive(fuzzer, &stream, &address.to_string());
        // A thread that still reads or writes then gets an end.
        let _ = stream.shutdown(Shutdown::Both);
        if testee.join().is_err() {
            fuzzer.receive_failure(Duration::ZERO, "the testee panicked");
        }
        ended
    })
}

fn drive(fuzzer: &mut Fuzzer<'_>, stream: &TcpStream, host: &str) -> io::Result<()> {
    // Each write is to be a segment of its own, as far as that can be.
    stream.set_nodelay(true)?;
    let began = Instant::now();
    fuzzer.connect(began.elapsed(), host);
    thread::scope(|scope| {
        // Reading must go on while a write waits for the testee to read.
        let (writes, to_write) = mpsc::channel();
        let (written, done) = mpsc::channel();
        scope.spawn(move || write_all(stream, &to_write, &written));
        let ended = read_all(fuzzer, stream, &writes, began);
        drop(writes);
        if done.recv_timeout(FLUSH_TIMEOUT).is_err() {
            // A write that is stuck ends with the transport.
            let _ = stream.shutdown(Shutdown::Both);
        }
        ended
    })
}

fn write_all(mut stream: &TcpStream, writes: &Receiver<Vec<u8>>, written: &Sender<()>) {
    for write in writes {
        if stream.write_all(&write).is_err() {
            // The reader sees why.
            break;
        }
    }
    let _ = written.send(());
}

/// Feeds the fuzzer with what comes and with the time, until it is over.
fn read_all(
    fuzzer: &mut Fuzzer<'_>,
    mut stream: &TcpStream,
    writes: &Sender<Vec<u8>>,
    began: Instant,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        while let Some(write) = fuzzer.next_write() {
            // If the writer is gone, reading reports why.
            let _ = writes.send(write);
        }
        if fuzzer.is_over() {
            return Ok(());
        }
        let left = fuzzer.poll_timeout().map(|at| at.saturating_sub(began.elapsed()));
        stream.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        let read = stream.read(&mut buffer);
        let now = began.elapsed();
        match read {
            Ok(0) => fuzzer.receive_eof(now),
            Ok(len) => fuzzer.receive(now, &buffer[..len]),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                ErrorKind::ConnectionReset => fuzzer.receive_reset(now),
                _ => return Err(error),
            },
        }
        fuzzer.handle_timeout(now);
    }
}
