//! The kit for the users' tests, over streams.

#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bluewire::blocking::{self, Transport};
use bluewire::testkit::{
    Capture, CaptureLog, Captured, End, Faults, Faulty, Frame, MemoryStream, OwnedEvent, PlayError,
    Role, ScriptedPeer, StreamFault, at_every_operation, play,
};
use bluewire::{CloseCode, Config, Message, smol};

/// Far longer than a script takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file in memory.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn capture(&self) -> Capture {
        let text = self.0.lock().expect("no test has failed").clone();
        String::from_utf8(text).expect("it is text").parse().expect("it is a capture")
    }
}

impl Write for Paper {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test has failed").write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn echo() -> MemoryStream {
    MemoryStream::new(End::accepting(Config::default()), |end, event| {
        if let OwnedEvent::Message(message) = event {
            end.send(&message).expect("it is open");
        }
    })
}

fn check(paper: &Paper) {
    let capture = paper.capture();
    let hello = OwnedEvent::text("Hello");
    let bye = OwnedEvent::close(CloseCode::NORMAL, "bye");
    assert_eq!(capture.role(), Role::Client);
    assert_eq!(capture.replay(Config::default()).events, [hello.clone(), bye.clone()]);
    assert_eq!(capture.replay_sent(Config::default()).events, [hello, bye]);
    let frames = capture.to_frames(Some(80));
    assert!(frames.contains("> GET / HTTP/1.1\n"), "{frames}");
    assert!(frames.contains("< text fin 5 bytes \"Hello\"\n"), "{frames}");
}

#[test]
fn a_captured_stream_of_the_blocking_adapter_writes_all_down() {
    let _bound = watchdog::bound();
    let paper = Paper::default();
    let log = CaptureLog::new(Role::Client, paper.clone());
    let stream = Captured::new(echo(), log.clone());
    let mut socket = blocking::connect_over(stream, "ws://localhost/").expect("it accepts");
    socket.send("Hello").expect("it is open");
    assert_eq!(socket.recv().expect("it is open"), Some(Message::Text("Hello")));
    assert!(socket.close(CloseCode::NORMAL, "bye").expect("it is open").clean);
    log.finish().expect("memory takes all");
    check(&paper);
}

#[test]
fn a_captured_stream_of_the_smol_adapter_writes_all_down() {
    let _bound = watchdog::bound();
    ::smol::block_on(async {
        let paper = Paper::default();
        let stream = Captured::new(echo(), CaptureLog::new(Role::Client, paper.clone()));
        let mut socket = smol::connect_over(stream, "ws://localhost/").await.expect("it accepts");
        socket.send("Hello").await.expect("it is open");
        assert_eq!(socket.recv().await.expect("it is open"), Some(Message::Text("Hello")));
        assert!(socket.close(CloseCode::NORMAL, "bye").await.expect("it is open").clean);
        check(&paper);
    });
}

#[cfg(feature = "tokio")]
#[test]
fn a_captured_stream_of_the_tokio_adapter_writes_all_down() {
    let _bound = watchdog::bound();
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there is a thread").block_on(async {
        let paper = Paper::default();
        let stream = Captured::new(echo(), CaptureLog::new(Role::Client, paper.clone()));
        let opened = bluewire::tokio::connect_over(stream, "ws://localhost/").await;
        let mut socket = opened.expect("it accepts");
        socket.send("Hello").await.expect("it is open");
        assert_eq!(socket.recv().await.expect("it is open"), Some(Message::Text("Hello")));
        assert!(socket.close(CloseCode::NORMAL, "bye").await.expect("it is open").clean);
        check(&paper);
    });
}

#[test]
fn a_captured_socket_can_be_split() {
    let _bound = watchdog::bound();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let server = thread::spawn(move || {
        let script = ScriptedPeer::new(Role::Server)
            .handshake()
            .expect(Frame::text("Hello"))
            .send(Frame::text("Hello"))
            .expect_close(CloseCode::NORMAL)
            .send(Frame::close(CloseCode::NORMAL, "bye"))
            .end();
        play(script, listener.accept()?.0, PATIENCE)
    });
    let paper = Paper::default();
    let stream = TcpStream::connect(url.trim_start_matches("ws://").trim_end_matches('/'));
    let log = CaptureLog::new(Role::Client, paper.clone());
    let stream = Captured::new(stream.expect("it listens"), log);
    let socket = blocking::connect_over(stream, url).expect("it accepts");
    let (mut reader, writer) = socket.split();
    let writing = thread::spawn(move || {
        writer.send("Hello")?;
        writer.close(CloseCode::NORMAL, "bye")
    });
    assert_eq!(reader.recv().expect("it is open"), Some(Message::Text("Hello")));
    assert_eq!(reader.recv().expect("it ends in order"), None);
    writing.join().expect("no panic").expect("it is open");
    server.join().expect("no panic").expect("it goes by the script");
    check(&paper);
}

#[test]
fn a_capture_that_cannot_be_written_leaves_the_connection_alone() {
    let _bound = watchdog::bound();
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = CaptureLog::new(Role::Client, Full);
    let stream = Captured::new(echo(), log.clone());
    let mut socket = blocking::connect_over(stream, "ws://localhost/").expect("it accepts");
    socket.send("Hello").expect("it is open");
    assert!(socket.recv().expect("it is open").is_some());
    assert_eq!(log.finish().map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
}

#[test]
fn a_script_says_what_did_not_come_in_time_and_what_the_stream_did() {
    let _bound = watchdog::bound();
    let script = || ScriptedPeer::new(Role::Server).expect(Frame::text("never"));
    let (stream, _held) = pair();
    match play(script(), stream, Duration::from_millis(1)) {
        Err(PlayError::Script(error)) => {
            assert_eq!((error.step, &*error.found), (1, "nothing more"))
        }
        other => panic!("{other:?}"),
    }
    let faults = Faults::at(1, StreamFault::Reset);
    match play(script(), Faulty::new(echo(), faults), PATIENCE) {
        Err(PlayError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    (client, listener.accept().expect("it has connected").0)
}

/// The results of the operations, one after the other.
fn reads(faults: Faults) -> Vec<Result<usize, io::ErrorKind>> {
    let mut stream = Faulty::new(io::repeat(7), faults);
    (0..4).map(|_| stream.read(&mut [0; 10]).map_err(|error| error.kind())).collect()
}

fn writes(faults: Faults) -> Vec<Result<usize, io::ErrorKind>> {
    let mut stream = Faulty::new(io::sink(), faults);
    let slices = [io::IoSlice::new(b""), io::IoSlice::new(b"0123456789")];
    let mut write = |i| match i {
        2 => stream.write_vectored(&slices),
        _ => stream.write(b"0123456789"),
    };
    (1..5).map(|i| write(i).map_err(|error| error.kind())).collect()
}

#[test]
fn each_fault_is_what_it_says() {
    let _bound = watchdog::bound();
    use io::ErrorKind::{BrokenPipe, ConnectionReset, Interrupted, WouldBlock};
    let at = |fault| Faults::at(2, fault);
    let (ok, reset, broken) = (Ok(10), Err(ConnectionReset), Err(BrokenPipe));
    assert_eq!(reads(Faults::none()), [ok; 4]);
    assert_eq!(reads(at(StreamFault::Reset)), [ok, reset, reset, reset]);
    assert_eq!(reads(at(StreamFault::Zero)), [ok, Ok(0), Ok(0), Ok(0)]);
    assert_eq!(reads(at(StreamFault::Short)), [ok, Ok(1), ok, ok]);
    assert_eq!(reads(at(StreamFault::WouldBlock)), [ok, Err(WouldBlock), ok, ok]);
    let two = at(StreamFault::Interrupted).and_at(4, StreamFault::Short);
    assert_eq!(reads(two), [ok, Err(Interrupted), ok, Ok(1)]);
    assert_eq!(writes(at(StreamFault::Reset)), [ok, broken, broken, broken]);
    assert_eq!(writes(at(StreamFault::Zero)), [ok, Ok(0), Ok(0), Ok(0)]);
    assert_eq!(writes(at(StreamFault::Short)), [ok, Ok(1), ok, ok]);
}

#[test]
fn each_fault_is_the_same_without_blocking() {
    let _bound = watchdog::bound();
    use ::smol::io::{AsyncReadExt, AsyncWriteExt};
    ::smol::block_on(async {
        for fault in StreamFault::ALL {
            let faults = Faults::at(2, fault);
            let mut stream = Faulty::new(echo(), faults.clone());
            let request = b"GET / HTTP/1.1\r\n";
            assert_eq!(
                AsyncWriteExt::write(&mut stream, request).await.expect("the first goes"),
                request.len()
            );
            let second =
                AsyncWriteExt::write(&mut stream, b"\r\n").await.map_err(|error| error.kind());
            match fault {
                StreamFault::Reset => assert_eq!(second, Err(io::ErrorKind::BrokenPipe)),
                StreamFault::Zero => assert_eq!(second, Ok(0)),
                StreamFault::Short => assert_eq!(second, Ok(1)),
                StreamFault::Interrupted => assert_eq!(second, Err(io::ErrorKind::Interrupted)),
                // It came back by itself.
                _ => assert_eq!((second, faults.operations()), (Ok(2), 3)),
            }
            let is_over = !fault.is_survivable();
            assert!(
                !is_over || !matches!(AsyncReadExt::read(&mut stream, &mut [0; 10]).await, Ok(1..))
            );
        }
    });
}

#[test]
fn a_stream_in_memory_says_so_when_a_read_would_never_end() {
    let _bound = watchdog::bound();
    let mut stream = echo().in_pieces(2);
    assert_eq!(stream.write(b"GET").expect("it takes something"), 2);
    let error = stream.read(&mut [0; 10]).expect_err("nothing was asked");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    stream.shut_down(Shutdown::Write).expect("memory");
    assert_eq!(stream.read(&mut [0; 10]).expect("the end"), 0);
    assert_eq!(stream.write(b"x").map_err(|error| error.kind()), Err(io::ErrorKind::BrokenPipe));
}

#[test]
fn every_operation_is_tried_once() {
    let _bound = watchdog::bound();
    let mut seen = Vec::new();
    let tried = at_every_operation(StreamFault::Interrupted, |at, faults| {
        seen.push(at);
        let mut text = String::new();
        // Which reads on.
        Faulty::new(&b"abc"[..], faults).read_to_string(&mut text).expect("it can be read");
        assert_eq!(text, "abc");
    });
    assert_eq!(seen, (1..=tried + 1).collect::<Vec<_>>());
}

/// The streams of the kit under a connection on tokio.
#[cfg(feature = "tokio")]
mod tokio {
    use bluewire::tokio::connect_over;

    use super::*;

    #[test]
    fn the_streams_of_the_kit_serve_tokio() {
        let _bound = watchdog::bound();
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("there is a thread");
        for fault in [
            StreamFault::Interrupted,
            StreamFault::WouldBlock,
            StreamFault::Short,
            StreamFault::Reset,
            StreamFault::Zero,
        ] {
            let harmless = !matches!(fault, StreamFault::Reset | StreamFault::Zero);
            let operations = at_every_operation(fault, |_, faults| {
                let injected = faults.clone();
                let paper = Paper::default();
                let log = CaptureLog::new(Role::Client, paper.clone());
                let stream = Captured::new(Faulty::new(echo(), faults), log);
                match runtime.block_on(conversation(stream)) {
                    Ok(echoed) => assert!(echoed, "{fault:?} {injected:?}"),
                    Err(error) => assert!(!harmless, "{fault:?} {injected:?}: {error}"),
                }
                assert_eq!(paper.capture().role(), Role::Client);
            });
            assert!(operations > 3, "{fault:?}");
        }
    }

    async fn conversation(stream: Captured<Faulty<MemoryStream>>) -> Result<bool, bluewire::Error> {
        let mut socket = connect_over(stream, "ws://localhost/").await?;
        socket.send("Hello").await?;
        let echoed = socket.recv_owned().await? == Some(Message::Text("Hello").into_owned());
        socket.close(CloseCode::NORMAL, "bye").await?;
        Ok(echoed)
    }
}
