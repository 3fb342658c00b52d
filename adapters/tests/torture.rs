//! The direct API over streams whose n-th read or write fails, is short, is empty or would block,
//! for every n: nothing hangs, nothing is lost or doubled, and there is one report at the end.

#![cfg(all(feature = "blocking", feature = "smol"))]

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use ::smol::io::{AsyncRead, AsyncWrite};
use bluewire::blocking::{Readiness, Transport};
use bluewire::{CloseCode, Closure, Error, Message, OwnedMessage};
use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Connection, Event, Inbox, MaskingKeys, Outbox, Request,
    Role, ServerHandshake, State,
};

const NOW: Duration = Duration::ZERO;

/// Far more than a conversation takes.
const CALLS_MAX: usize = 100_000;

/// What befalls one read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It fails, and so do all after it.
    Reset,
    /// A read is the end of the stream; a write takes nothing, nor do those after it.
    Zero,
    /// It moves one byte.
    Short,
    /// It moves nothing now.
    WouldBlock,
    /// A signal came.
    Interrupted,
}

impl Fault {
    /// Whether a conversation can go on after it.
    fn is_survived(self) -> bool {
        !matches!(self, Self::Reset | Self::Zero)
    }
}

enum Stage {
    Asking(Box<ClientHandshake>, MaskingKeys),
    Asked(Box<ServerHandshake>),
    Open(Box<Connection>),
    None,
}

/// The other end: an engine in memory. As a server it echoes; as a client it sends all messages,
/// and closes once their echoes are there.
struct Peer {
    stage: Stage,
    inbox: Inbox,
    outbox: Outbox,
    unsent: VecDeque<OwnedMessage>,
    received: Vec<OwnedMessage>,
    echoes: bool,
}

impl Peer {
    fn new(role: Role) -> Self {
        let mut outbox = Outbox::new();
        let (stage, unsent) = match role {
            Role::Server => {
                (Stage::Asked(Box::new(ServerHandshake::new(Config::default(), NOW))), Vec::new())
            }
            Role::Client => {
                let mut keys = MaskingKeys::from_seed([3; 32]);
                let request = ClientRequest::new("localhost", "/").expect("a valid request");
                let (nonce, config) = (keys.nonce(), Config::default());
                let handshake = ClientHandshake::start(&request, nonce, config, NOW, &mut outbox);
                (Stage::Asking(Box::new(handshake), keys), messages())
            }
        };
        let (inbox, received) = (Inbox::default(), Vec::new());
        let echoes = role == Role::Server;
        Self { stage, inbox, outbox, unsent: unsent.into(), received, echoes }
    }

    fn step(&mut self) {
        let Self { stage, inbox, outbox, unsent, received, .. } = self;
        *stage = match mem::replace(stage, Stage::None) {
            Stage::Asking(mut handshake, keys) => match handshake.next_response(inbox) {
                Ok(Some(response)) => {
                    let mut connection = response.into_connection(keys, NOW);
                    for message in unsent.drain(..) {
                        connection.send(&message, outbox).expect("it is open");
                    }
                    Stage::Open(Box::new(connection))
                }
                other => {
                    assert!(other.expect("a lawful response").is_none());
                    Stage::Asking(handshake, keys)
                }
            },
            Stage::Asked(mut handshake) => match handshake.next_request(inbox, outbox) {
                Ok(Some(Request::Upgrade(offer))) => {
                    Stage::Open(Box::new(offer.accept(NOW, outbox)))
                }
                other => {
                    assert!(other.expect("a lawful request").is_none());
                    Stage::Asked(handshake)
                }
            },
            stage => stage,
        };
        let Stage::Open(connection) = stage else { return };
        while let Some(event) = connection.next_event(NOW, inbox, outbox) {
            match event {
                Event::Message(message) => {
                    received.push(message.into_owned());
                    if self.echoes {
                        connection.send(message, outbox).expect("it is open");
                    } else if received.len() == messages().len() {
                        let code = CloseCode::NORMAL;
                        connection.close(NOW, code, "", outbox).expect("it is open");
                    }
                }
                Event::Failed(error) => panic!("our own frames break a rule: {error}"),
                _ => {}
            }
        }
    }

    /// Whether it has nothing more to write and has ended its stream.
    fn has_ended(&self) -> bool {
        match &self.stage {
            // A client leaves the first end to the server, which is not the one here then.
            Stage::Open(connection) => connection.should_shut_down(),
            _ => false,
        }
    }
}

/// A stream to a peer, whose n-th call has a fault.
struct Faulty {
    peer: Peer,
    calls: usize,
    /// The call, counted from 1, and what befalls it.
    at: usize,
    fault: Fault,
    broken: bool,
    ended: bool,
    shut_down: bool,
}

impl Faulty {
    fn fault(&mut self) -> Option<Fault> {
        self.calls += 1;
        assert!(self.calls < CALLS_MAX, "it goes on and on");
        (self.calls == self.at).then_some(self.fault)
    }

    fn is_readable(&mut self) -> bool {
        self.peer.step();
        self.broken || self.ended || !self.peer.outbox.is_empty() || self.has_ended()
    }

    /// A peer's stream ends when it has ended it, or when it has read the end of ours.
    fn has_ended(&self) -> bool {
        self.peer.has_ended() || self.shut_down
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut max = buf.len();
        match self.fault() {
            Some(Fault::Reset) => self.broken = true,
            Some(Fault::Zero) => self.ended = true,
            Some(Fault::Short) => max = max.min(1),
            Some(Fault::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Some(Fault::Interrupted) => return Err(io::ErrorKind::Interrupted.into()),
            None => {}
        }
        if self.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.ended {
            return Ok(0);
        }
        self.peer.step();
        let unsent = self.peer.outbox.unsent();
        let len = unsent.len().min(max);
        if len == 0 {
            assert!(self.has_ended(), "it waits for what will never come");
            return Ok(0);
        }
        buf[..len].copy_from_slice(&unsent[..len]);
        self.peer.outbox.sent(len);
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut len = bytes.len().min(10_000);
        match self.fault() {
            Some(Fault::Reset) => self.broken = true,
            Some(Fault::Zero) => self.shut_down = true,
            Some(Fault::Short) => len = len.min(1),
            Some(Fault::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Some(Fault::Interrupted) => return Err(io::ErrorKind::Interrupted.into()),
            None => {}
        }
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.shut_down {
            return Ok(0);
        }
        self.peer.inbox.extend(&bytes[..len]);
        Ok(len)
    }
}

#[derive(Clone)]
struct Stream(Arc<Mutex<Faulty>>);

impl Stream {
    fn new(peer: Role, at: usize, fault: Fault) -> Self {
        let (broken, ended, shut_down) = (false, false, false);
        let peer = Peer::new(peer);
        Self(Arc::new(Mutex::new(Faulty { peer, calls: 0, at, fault, broken, ended, shut_down })))
    }

    fn lock(&self) -> MutexGuard<'_, Faulty> {
        self.0.lock().expect("no test has failed")
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf)
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.lock().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Stream {
    fn set_read_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn set_write_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        self.lock().shut_down = true;
        Ok(())
    }

    fn wait(&mut self, interest: Readiness, _: Option<Duration>) -> io::Result<Readiness> {
        let readable = interest.readable && self.lock().is_readable();
        Ok(Readiness { readable, writable: interest.writable })
    }
}

/// What would block is ready the next time.
fn poll(result: io::Result<usize>, cx: &Context<'_>) -> Poll<io::Result<usize>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        result => Poll::Ready(result),
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut stream = self.lock();
        // Whoever asks while there is nothing may want to do something else meanwhile.
        if !stream.is_readable() && stream.at != stream.calls + 1 {
            stream.calls += 1;
            assert!(stream.calls < CALLS_MAX, "it waits for what will never come");
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        poll(stream.read(buf), cx)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll(self.lock().write(buf), cx)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().shut_down = true;
        Poll::Ready(Ok(()))
    }
}

fn messages() -> Vec<OwnedMessage> {
    let text = |text: &str| OwnedMessage::Text(text.to_owned());
    vec![
        text("Hello"),
        OwnedMessage::Binary(Vec::new()),
        text(&"wörld ".repeat(500)),
        OwnedMessage::Binary(vec![7; 40_000]),
        text("a"),
        text("b"),
        text("c"),
    ]
}

/// What a conversation came to at our end.
#[derive(Debug, Default)]
struct Told {
    received: Vec<OwnedMessage>,
    closure: Option<Closure>,
    error: Option<Error>,
}

/// The same conversations on both adapters.
macro_rules! conversations {
    ($adapter:ident, $waited:ident => $wait:expr) => {
        mod $adapter {
            use super::*;
            use bluewire::$adapter::{WebSocket, accept, connect_over};

            /// By a client of ours, to a server that echoes.
            pub(super) fn ask(stream: Stream) -> Told {
                let mut told = Told::default();
                let $waited = connect_over(stream, "ws://localhost/");
                match $wait {
                    Ok(mut socket) => {
                        told.error = talk(&mut socket, &mut told.received).err();
                        end(socket, &mut told);
                    }
                    Err(error) => told.error = Some(Error::Connect(error)),
                }
                told
            }

            fn talk(
                socket: &mut WebSocket<Stream>,
                received: &mut Vec<OwnedMessage>,
            ) -> Result<(), Error> {
                let messages = messages();
                for message in &messages[..2] {
                    let $waited = socket.send(message);
                    $wait?;
                    let $waited = socket.recv_owned();
                    received.extend($wait?);
                }
                // In two parts, a ping between.
                let text = messages[2].borrow().as_text().expect("it is text");
                let (first, rest) = text.split_at(text.len() / 2);
                let $waited = socket.send_chunk(Message::Text(first), false);
                $wait?;
                let $waited = socket.ping(b"ping");
                $wait?;
                let $waited = socket.send_chunk(Message::Text(rest), true);
                $wait?;
                let $waited = socket.recv_owned();
                received.extend($wait?);
                let $waited = socket.send(&messages[3]);
                $wait?;
                // Several at once.
                for message in &messages[4..] {
                    let $waited = socket.feed(message);
                    $wait?;
                }
                let $waited = socket.flush();
                $wait?;
                for _ in &messages[3..] {
                    let $waited = socket.recv_owned();
                    received.extend($wait?);
                }
                let $waited = socket.close(CloseCode::NORMAL, "done");
                $wait.map(|_| ())
            }

            /// By a server of ours that echoes, to a client that closes.
            pub(super) fn answer(stream: Stream) -> Told {
                let mut told = Told::default();
                let $waited = accept(stream);
                match $wait {
                    Ok(mut socket) => {
                        told.error = echo(&mut socket, &mut told.received).err();
                        end(socket, &mut told);
                    }
                    Err(error) => told.error = Some(Error::Accept(error)),
                }
                told
            }

            fn echo(
                socket: &mut WebSocket<Stream>,
                received: &mut Vec<OwnedMessage>,
            ) -> Result<(), Error> {
                loop {
                    let $waited = socket.recv_owned();
                    let Some(message) = $wait? else { return Ok(()) };
                    received.push(message.clone());
                    let $waited = socket.send(&message);
                    $wait?;
                }
            }

            /// What is still to be had after an end, and that it stays the end.
            fn end(mut socket: WebSocket<Stream>, told: &mut Told) {
                for _ in 0..=messages().len() {
                    let $waited = socket.recv_owned();
                    match $wait {
                        Ok(Some(message)) => told.received.push(message),
                        Ok(None) => break,
                        Err(error) => {
                            told.error.get_or_insert(error);
                        }
                    }
                }
                told.closure = socket.closure().cloned();
                let $waited = socket.recv_owned();
                assert!(!matches!($wait, Ok(Some(_))), "a message after the end");
                let $waited = socket.send("too late");
                assert!($wait.is_err());
                assert_eq!(socket.closure(), told.closure.as_ref(), "two reports");
            }
        }
    };
}

conversations!(blocking, call => call);
conversations!(smol, call => ::smol::block_on(call));

fn torture(peer: Role, faults: &[Fault], converse: fn(Stream) -> Told) {
    for fault in faults {
        let mut tried = 0;
        for at in 1.. {
            let stream = Stream::new(peer, at, *fault);
            let told = converse(stream.clone());
            let stream = stream.lock();
            let case = format!("{fault:?} at call {at}: {told:?}");
            assert!(messages().starts_with(&told.received), "{case}");
            assert!(messages().starts_with(&stream.peer.received), "{case}");
            let whole = stream.calls < at;
            if fault.is_survived() || whole {
                assert_eq!(told.received.len(), messages().len(), "{case}");
                assert_eq!(stream.peer.received.len(), messages().len(), "{case}");
                assert!(told.error.is_none(), "{case}");
                assert!(told.closure.is_some_and(|closure| closure.clean), "{case}");
            } else if let Some(closure) = told.closure {
                let ended = matches!(stream.peer.stage, Stage::Open(ref peer) if peer.state() != State::Open);
                assert!(closure.clean == closure.fault.is_none(), "{case}");
                assert!(!closure.clean || ended, "{case}");
            } else {
                // It was not open yet.
                assert!(matches!(told.error, Some(Error::Connect(_) | Error::Accept(_))), "{case}");
            }
            if whole {
                break;
            }
            tried = at;
        }
        assert!(tried > 10, "{fault:?}: only {tried} calls");
    }
}

const ALL: [Fault; 5] =
    [Fault::Reset, Fault::Zero, Fault::Short, Fault::WouldBlock, Fault::Interrupted];

#[test]
fn a_blocking_client_bears_a_fault_at_any_call() {
    torture(Role::Server, &ALL, blocking::ask);
}

#[test]
fn a_blocking_server_bears_a_fault_at_any_call() {
    torture(Role::Client, &ALL, blocking::answer);
}

// An asynchronous stream deals with interruptions itself.

#[test]
fn a_smol_client_bears_a_fault_at_any_call() {
    torture(Role::Server, &ALL[..4], smol::ask);
}

#[test]
fn a_smol_server_bears_a_fault_at_any_call() {
    torture(Role::Client, &ALL[..4], smol::answer);
}
