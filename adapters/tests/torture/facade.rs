//! The facade on smol and on tokio, over such streams; that on blocking sockets over connections
//! that are cut at every byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;

use bluewire::facade::{CloseEvent, CloseOptions, SendOptions, WebSocket};
use bluewire::testkit::{Faulty, Role, at_every_operation};
use bluewire::{ConnectError, Error, OwnedMessage, blocking, smol as adapter};

#[cfg(feature = "tokio")]
use super::{RUNTIME, in_time_on_tokio};
#[cfg(feature = "tokio")]
use bluewire::tokio as on_tokio;

use super::{ALL, PATIENCE, Received, Stream, in_time, messages, peer};

/// The events of the callbacks.
#[derive(Debug)]
enum Told {
    Message(OwnedMessage),
    Error(String),
    /// The outcome of a send, and of the close.
    Sent(bool),
    Closed(bool),
    Close(CloseEvent),
}

/// The result of a conversation.
#[derive(Debug, Default)]
struct Tally {
    received: Vec<OwnedMessage>,
    errors: Vec<String>,
    sent: Vec<bool>,
    closed: Vec<bool>,
    closes: Vec<CloseEvent>,
}

impl Tally {
    /// All events, until no callback is left that could report more.
    fn take(told: &Receiver<Told>) -> Self {
        let mut tally = Self::default();
        loop {
            let next = match told.recv_timeout(PATIENCE) {
                Ok(next) => next,
                Err(RecvTimeoutError::Disconnected) => return tally,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {tally:?}"),
            };
            // A send after the end has its outcome then.
            let may_come = tally.closes.is_empty() || matches!(next, Told::Sent(false));
            assert!(may_come, "{next:?} after the end: {tally:?}");
            match next {
                Told::Message(message) => tally.received.push(message),
                Told::Error(error) => tally.errors.push(error),
                Told::Sent(success) => tally.sent.push(success),
                Told::Closed(success) => tally.closed.push(success),
                Told::Close(close) => tally.closes.push(close),
            }
        }
    }

    /// One report, and one outcome of each call.
    fn judge(&self, sends: usize, case: &str) {
        let case = format!("{case}: {self:?}");
        assert!(messages().starts_with(&self.received), "{case}");
        assert_eq!(self.closes.len(), 1, "{case}");
        assert!(self.errors.len() <= 1, "{case}");
        assert_eq!(self.sent.len(), sends, "{case}");
        assert!(!self.closes[0].was_clean || self.errors.is_empty(), "{case}");
    }
}

fn send(socket: &WebSocket, tell: &Sender<Told>, message: OwnedMessage) {
    let (success, fail) = (tell.clone(), tell.clone());
    let options = SendOptions::new(message)
        .success(move || success.send(Told::Sent(true)).expect("it is heard"))
        .fail(move |_, _| fail.send(Told::Sent(false)).expect("it is heard"));
    socket.send(options);
}

fn close(socket: &WebSocket, tell: &Sender<Told>) {
    let (success, fail) = (tell.clone(), tell.clone());
    let options = CloseOptions::default()
        .success(move || success.send(Told::Closed(true)).expect("it is heard"))
        .fail(move |_, _| fail.send(Told::Closed(false)).expect("it is heard"));
    socket.close(options);
}

fn tell_ends(socket: &WebSocket, tell: &Sender<Told>) {
    let on_error = tell.clone();
    socket.on_error(move |error| {
        on_error.send(Told::Error(error.data.clone())).expect("it is heard");
    });
    let on_close = tell.clone();
    socket.on_close(move |close| on_close.send(Told::Close(close.clone())).expect("it is heard"));
}

/// A client that sends all at once, and closes when all echoes have arrived.
fn ask(socket: &WebSocket) -> Tally {
    let (tell, told) = mpsc::channel();
    tell_ends(socket, &tell);
    let (closer, on_message) = (socket.clone(), tell.clone());
    let mut count = 0;
    socket.on_message(move |message| {
        on_message.send(Told::Message(message.into_owned())).expect("it is heard");
        count += 1;
        if count == messages().len() {
            close(&closer, &on_message);
        }
    });
    for message in messages() {
        send(socket, &tell, message);
    }
    drop(tell);
    Tally::take(&told)
}

/// A server that echoes.
fn answer(socket: &WebSocket) -> Tally {
    let (tell, told) = mpsc::channel();
    tell_ends(socket, &tell);
    let sender = socket.clone();
    socket.on_message(move |message| {
        tell.send(Told::Message(message.into_owned())).expect("it is heard");
        send(&sender, &tell, message.into_owned());
    });
    Tally::take(&told)
}

fn torture(role: Role, converse: fn(Stream) -> Result<Tally, Error>) {
    // An asynchronous stream deals with interruptions itself.
    for fault in &ALL[..4] {
        let tried = at_every_operation(*fault, |at, faults| {
            let received = Received::default();
            let peer = peer(role, &received).in_pieces(10_000);
            let stream = Faulty::new(peer, faults.clone());
            let told = converse(stream);
            let received = received.lock().expect("no test has failed");
            let case = format!("{fault:?} at call {at}");
            assert!(messages().starts_with(&received), "{case}");
            let unharmed = fault.is_survivable() || faults.operations() < at;
            let tally = match told {
                Ok(tally) => tally,
                Err(error) => return assert!(!unharmed, "{case}: {error}"),
            };
            match role {
                Role::Server => tally.judge(messages().len(), &case),
                Role::Client => tally.judge(tally.received.len(), &case),
            }
            if unharmed {
                assert_eq!(tally.received.len(), messages().len(), "{case}");
                assert_eq!(received.len(), messages().len(), "{case}");
                assert!(tally.closes[0].was_clean, "{case}: {tally:?}");
                assert!(tally.sent.iter().chain(&tally.closed).all(|success| *success), "{case}");
            }
        });
        assert!(tried > 10, "{fault:?}: only {tried} calls");
    }
}

#[test]
fn a_smol_client_with_callbacks_bears_a_fault_at_any_call() {
    let _bound = crate::watchdog::bound();
    torture(Role::Server, |stream| {
        let socket = in_time(adapter::connect_over(stream, "ws://localhost/"))?;
        Ok(ask(&socket.into_facade()))
    });
}

#[test]
fn a_smol_server_with_callbacks_bears_a_fault_at_any_call() {
    let _bound = crate::watchdog::bound();
    torture(Role::Client, |stream| Ok(answer(&in_time(adapter::accept(stream))?.into_facade())));
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_client_with_callbacks_bears_a_fault_at_any_call() {
    let _bound = crate::watchdog::bound();
    let _entered = RUNTIME.enter();
    torture(Role::Server, |stream| {
        let socket = in_time_on_tokio(on_tokio::connect_over(stream, "ws://localhost/"))?;
        Ok(ask(&socket.into_facade()))
    });
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_server_with_callbacks_bears_a_fault_at_any_call() {
    let _bound = crate::watchdog::bound();
    let _entered = RUNTIME.enter();
    torture(Role::Client, |stream| {
        Ok(answer(&in_time_on_tokio(on_tokio::accept(stream))?.into_facade()))
    });
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Both directions end.
    Whole,
    /// Only the way to the client ends.
    Half,
}

/// Hands on what the server says up to so many bytes, and then cuts. Gives how many there were.
fn relay(listener: &TcpListener, to: std::net::SocketAddr, at: usize, cut: Cut) -> usize {
    let (client, _) = listener.accept().expect("the client connects");
    let server = TcpStream::connect(to).expect("the server listens");
    let (mut from, mut into) =
        (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
    let asking = thread::spawn(move || {
        // Either may end first.
        let _ = std::io::copy(&mut from, &mut into);
        let _ = into.shutdown(Shutdown::Write);
    });
    let (mut server, mut client, mut bytes) = (server, client, [0; 1024]);
    let mut handed = 0;
    while handed < at {
        let room = bytes.len().min(at - handed);
        let Ok(len @ 1..) = server.read(&mut bytes[..room]) else { break };
        handed += len;
        if client.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    let end = match cut {
        Cut::Whole => Shutdown::Both,
        Cut::Half => Shutdown::Write,
    };
    let _ = client.shutdown(end);
    asking.join().expect("it copies");
    handed
}

type Create = fn(String) -> Result<WebSocket, ConnectError>;

/// Every byte of the response, of short messages and of the closing handshake.
fn cut_at_every_byte(cut: Cut, create: Create) {
    let server = blocking::Server::bind("127.0.0.1:0").expect("a loopback port");
    let (to, handle) = (server.local_addr(), server.handle());
    let serving = thread::spawn(move || {
        server.serve_facade(|socket| {
            let sender = socket.clone();
            socket.on_message(move |message| sender.send(message));
        })
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let mut at = 1;
    loop {
        let socket = create(url.clone()).expect("it is valid");
        let (tell, told) = mpsc::channel();
        tell_ends(&socket, &tell);
        let (sender, on_open) = (socket.clone(), tell.clone());
        socket.on_open(move || {
            for text in ["a", "", "wörld"] {
                send(&sender, &on_open, OwnedMessage::Text(text.to_owned()));
            }
        });
        let (closer, mut count) = (socket.clone(), 0);
        socket.on_message(move |message| {
            tell.send(Told::Message(message.into_owned())).expect("it is heard");
            count += 1;
            if count == 3 {
                close(&closer, &tell);
            }
        });
        drop(socket);
        let handed = relay(&listener, to, at, cut);
        let tally = Tally::take(&told);
        let case = format!("{cut:?} after {at} bytes: {tally:?}");
        let texts: Vec<_> =
            tally.received.iter().filter_map(|message| message.borrow().as_text()).collect();
        assert!(["a", "", "wörld"].starts_with(&texts), "{case}");
        assert_eq!(tally.closes.len(), 1, "{case}");
        assert!(tally.sent.len() == 3 || tally.sent.is_empty(), "{case}");
        assert_eq!(tally.closes[0].was_clean, tally.errors.is_empty(), "{case}");
        if handed < at {
            // It was not cut any more.
            assert!(tally.closes[0].was_clean && texts.len() == 3, "{case}");
            break;
        }
        at += 1;
    }
    assert!(at > 100, "the response alone is longer than {at} bytes");
    handle.shutdown(PATIENCE);
    serving.join().expect("it serves");
}

#[test]
fn a_blocking_client_with_callbacks_bears_a_cut_at_any_byte() {
    let _bound = crate::watchdog::bound();
    for cut in [Cut::Whole, Cut::Half] {
        cut_at_every_byte(cut, blocking::websocketfactory::create);
    }
}

#[test]
fn a_smol_client_with_callbacks_bears_a_cut_at_any_byte() {
    let _bound = crate::watchdog::bound();
    for cut in [Cut::Whole, Cut::Half] {
        cut_at_every_byte(cut, adapter::websocketfactory::create);
    }
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_client_with_callbacks_bears_a_cut_at_any_byte() {
    let _bound = crate::watchdog::bound();
    let _entered = RUNTIME.enter();
    for cut in [Cut::Whole, Cut::Half] {
        cut_at_every_byte(cut, on_tokio::websocketfactory::create);
    }
}
