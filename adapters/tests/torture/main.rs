//! Streams whose n-th read or write fails, is short, is empty or would block, for every n: nothing
//! hangs, nothing is lost or doubled, and there is one report at the end. The direct API here, the
//! facade in a module.

#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/watchdog.rs"]
mod watchdog;

mod facade;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluewire::testkit::{
    ClientRequest, End, Faulty, MemoryStream, OwnedEvent, Role, StreamFault, at_every_operation,
};
use bluewire::{CloseCode, Closure, Config, Error, Message, OwnedMessage};
use bluewire_core::State;

type Stream = Faulty<MemoryStream>;

/// The messages that the other end has received.
type Received = Arc<Mutex<Vec<OwnedMessage>>>;

/// The other end: an engine in memory. As a server it echoes; as a client it sends all messages,
/// and closes once their echoes are there.
fn peer(role: Role, received: &Received) -> MemoryStream {
    let received = Arc::clone(received);
    let hear = move |message: &OwnedMessage| {
        let mut received = received.lock().expect("no test has failed");
        received.push(message.clone());
        received.len()
    };
    match role {
        Role::Server => MemoryStream::new(End::accepting(Config::default()), move |end, event| {
            if let OwnedEvent::Message(message) = event {
                hear(&message);
                end.send(&message).expect("it is open");
            }
        }),
        Role::Client => {
            let request = ClientRequest::new("localhost", "/").expect("a valid request");
            let end = End::connecting(&request, Config::default());
            MemoryStream::new(end, move |end, event| match event {
                OwnedEvent::Open => {
                    for message in messages() {
                        end.send(&message).expect("it is open");
                    }
                }
                OwnedEvent::Message(message) if hear(&message) == messages().len() => {
                    end.close(CloseCode::NORMAL, "").expect("it is open");
                }
                OwnedEvent::Failed(error) => panic!("our own frames break a rule: {error}"),
                _ => {}
            })
        }
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

/// The result of a conversation at our end.
#[derive(Debug, Default)]
struct Told {
    received: Vec<OwnedMessage>,
    closure: Option<Closure>,
    error: Option<Error>,
}

/// The same conversations on each adapter.
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

            /// Checks what remains available after the end, and that the end is final.
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
conversations!(smol, call => in_time(call));
#[cfg(feature = "tokio")]
conversations!(tokio, call => in_time_on_tokio(call));

/// Far longer than a call takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn in_time<T>(call: impl Future<Output = T>) -> T {
    ::smol::block_on(::smol::future::or(call, async {
        ::smol::Timer::after(PATIENCE).await;
        panic!("it waits for what will never come");
    }))
}

#[cfg(feature = "tokio")]
static RUNTIME: std::sync::LazyLock<::tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| ::tokio::runtime::Runtime::new().expect("there are threads"));

#[cfg(feature = "tokio")]
fn in_time_on_tokio<T>(call: impl Future<Output = T>) -> T {
    RUNTIME.block_on(async {
        let called = ::tokio::time::timeout(PATIENCE, call).await;
        called.expect("it waits for what will come")
    })
}

fn torture(role: Role, faults: &[StreamFault], converse: fn(Stream) -> Told) {
    for fault in faults {
        let tried = at_every_operation(*fault, |at, faults| {
            let received = Received::default();
            let peer = peer(role, &received).in_pieces(10_000);
            let told = converse(Faulty::new(peer.clone(), faults.clone()));
            let received = received.lock().expect("no test has failed");
            let case = format!("{fault:?} at call {at}: {told:?}");
            assert!(messages().starts_with(&told.received), "{case}");
            assert!(messages().starts_with(&received), "{case}");
            if fault.is_survivable() || faults.operations() < at {
                assert_eq!(told.received.len(), messages().len(), "{case}");
                assert_eq!(received.len(), messages().len(), "{case}");
                assert!(told.error.is_none(), "{case}");
                assert!(told.closure.is_some_and(|closure| closure.clean), "{case}");
            } else if let Some(closure) = told.closure {
                let state = peer.with_end(|end| Some(end.connection()?.state()));
                assert!(closure.clean == closure.fault.is_none(), "{case}");
                assert!(
                    !closure.clean || state.is_some_and(|state| state != State::Open),
                    "{case}"
                );
            } else {
                // It was not open yet.
                assert!(matches!(told.error, Some(Error::Connect(_) | Error::Accept(_))), "{case}");
            }
        });
        assert!(tried > 10, "{fault:?}: only {tried} calls");
    }
}

const ALL: &[StreamFault] = &StreamFault::ALL;

#[test]
fn a_blocking_client_bears_a_fault_at_any_call() {
    let _bound = watchdog::bound();
    torture(Role::Server, ALL, blocking::ask);
}

#[test]
fn a_blocking_server_bears_a_fault_at_any_call() {
    let _bound = watchdog::bound();
    torture(Role::Client, ALL, blocking::answer);
}

// An asynchronous stream deals with interruptions itself.

#[test]
fn a_smol_client_bears_a_fault_at_any_call() {
    let _bound = watchdog::bound();
    torture(Role::Server, &ALL[..4], smol::ask);
}

#[test]
fn a_smol_server_bears_a_fault_at_any_call() {
    let _bound = watchdog::bound();
    torture(Role::Client, &ALL[..4], smol::answer);
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_client_bears_a_fault_at_any_call() {
    let _bound = watchdog::bound();
    torture(Role::Server, &ALL[..4], tokio::ask);
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_server_bears_a_fault_at_any_call() {
    let _bound = watchdog::bound();
    torture(Role::Client, &ALL[..4], tokio::answer);
}
