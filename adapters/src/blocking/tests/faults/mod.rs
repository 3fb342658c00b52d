//! Connections with callbacks whose stream fails at its n-th call, for every n: a read, a write, a
//! wait, or the end of writing. Each ends with one report, and loses nothing that arrived before.

mod failing;

use std::fmt;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

use bluewire_core::testkit::{End, OwnedEvent};
use bluewire_core::{ClientRequest, CloseCode, OwnedMessage};

use failing::{Failing, Fault, Plan, lock};

use super::super::connect::accept_with;
use super::super::dial::open_over;
use super::super::facade::{adopt, run_attempt};
use super::super::wake::WakePipe;
use super::*;
use crate::facade::{self, CloseEvent, CloseOptions, SendOptions, Shared};
use crate::open::error::ConnectError;
use crate::open::options::{AcceptOptions, ConnectOptions};
use crate::open::request::Request;
use crate::testkit::MemoryStream;

/// Far longer than a conversation takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The other end, and all that it has seen.
#[derive(Debug, Default)]
struct Peer {
    messages: Vec<OwnedMessage>,
    closed: bool,
}

fn messages() -> Vec<OwnedMessage> {
    let text = |text: &str| OwnedMessage::Text(text.to_owned());
    vec![text("a"), OwnedMessage::Binary(vec![7; 20_000]), text(""), text(&"wörld ".repeat(500))]
}

/// The other end: as a server it echoes; as a client it sends all messages, and closes once their
/// echoes are there.
fn peer(role: Role, seen: &Arc<Mutex<Peer>>) -> MemoryStream {
    let seen = Arc::clone(seen);
    let end = match role {
        Role::Server => End::accepting(Config::default()),
        Role::Client => {
            let request = ClientRequest::new("localhost", "/").expect("a valid request");
            End::connecting(&request, Config::default())
        }
    };
    let stream = MemoryStream::new(end, move |end, event| match event {
        OwnedEvent::Open if role == Role::Client => {
            for message in messages() {
                end.send(&message).expect("it is open");
            }
        }
        OwnedEvent::Message(message) => {
            let mut seen = lock(&seen);
            seen.messages.push(message.clone());
            if role == Role::Server {
                end.send(&message).expect("it is open");
            } else if seen.messages.len() == messages().len() {
                end.close(CloseCode::NORMAL, "").expect("it is open");
            }
        }
        OwnedEvent::Close { .. } => lock(&seen).closed = true,
        OwnedEvent::Failed(error) => panic!("our own frames break a rule: {error}"),
        _ => {}
    });
    stream.in_pieces(10_000)
}

/// The events of the callbacks.
#[derive(Debug)]
enum Told {
    Message(OwnedMessage),
    Error(String),
    Sent(bool),
    Closed(bool),
    Close(CloseEvent),
}

#[derive(Default)]
struct Tally {
    messages: Vec<OwnedMessage>,
    errors: Vec<String>,
    sent: Vec<bool>,
    closed: Vec<bool>,
    closes: Vec<CloseEvent>,
}

/// Messages by their lengths.
impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, errors, sent, closed, closes } = self;
        let lens: Vec<_> = messages.iter().map(OwnedMessage::len).collect();
        write!(f, "messages {lens:?}, errors {errors:?}, ")?;
        write!(f, "sent {sent:?}, closed {closed:?}, closes {closes:?}")
    }
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
            // The outcome of a call after the end comes then.
            let late = matches!(next, Told::Sent(false) | Told::Closed(false));
            assert!(tally.closes.is_empty() || late, "{next:?} after the end: {tally:?}");
            match next {
                Told::Message(message) => {
                    assert!(tally.errors.is_empty(), "a message after the error: {tally:?}");
                    tally.messages.push(message);
                }
                Told::Error(error) => tally.errors.push(error),
                Told::Sent(success) => tally.sent.push(success),
                Told::Closed(success) => tally.closed.push(success),
                Told::Close(close) => tally.closes.push(close),
            }
        }
    }
}

/// A callback that passes its event on.
fn pass<T, F: Fn(T) -> Told>(tell: &Sender<Told>, told: F) -> impl FnMut(T) + use<T, F> {
    let tell = tell.clone();
    move |event| tell.send(told(event)).expect("the test listens")
}

fn send(socket: &facade::WebSocket, tell: &Sender<Told>, message: OwnedMessage) {
    let (mut success, mut fail) = (pass(tell, Told::Sent), pass(tell, Told::Sent));
    let options = SendOptions::new(message);
    socket.send(options.success(move || success(true)).fail(move |_, _| fail(false)));
}

fn close(socket: &facade::WebSocket, tell: &Sender<Told>) {
    let (mut success, mut fail) = (pass(tell, Told::Closed), pass(tell, Told::Closed));
    let options = CloseOptions::default().code(1000);
    socket.close(options.success(move || success(true)).fail(move |_, _| fail(false)));
}

/// Sends all once it is open and closes after their echoes, or echoes what the other end sends.
fn converse(socket: facade::WebSocket, asks: bool) -> Receiver<Told> {
    let (tell, told) = mpsc::channel();
    let mut error = pass(&tell, Told::Error);
    socket.on_error(move |event| error(event.data.clone()));
    let mut closed = pass(&tell, Told::Close);
    socket.on_close(move |event| closed(event.clone()));
    let (answerer, on_message, mut count) = (socket.clone(), tell.clone(), 0);
    socket.on_message(move |message| {
        let message = message.into_owned();
        on_message.send(Told::Message(message.clone())).expect("the test listens");
        count += 1;
        if !asks {
            send(&answerer, &on_message, message);
        } else if count == messages().len() {
            close(&answerer, &on_message);
        }
    });
    if asks {
        let sender = socket.clone();
        socket.on_open(move || messages().into_iter().for_each(|it| send(&sender, &tell, it)));
    }
    told
}

/// A client that connects over this stream, as `create` does after it has a socket.
fn ask(stream: Failing) -> Option<Tally> {
    let request = Request::for_facade(ConnectOptions::new("ws://localhost/")).expect("it is valid");
    let pipe = WakePipe::new().expect("there is a pipe");
    let shared = Arc::new(Shared::new(String::new(), Box::new(Arc::clone(pipe.handle()))));
    let told = converse(facade::WebSocket::new(Arc::clone(&shared)), true);
    let connecting = thread::spawn(move || {
        let budget = (request.timeouts.of_handshake_alone(), Duration::ZERO);
        let opened: Result<_, ConnectError> = open_over(stream, &request, budget, &pipe, &|| false);
        run_attempt(&shared, &request, opened, &pipe);
    });
    let tally = Tally::take(&told);
    connecting.join().expect("its thread does not panic");
    Some(tally)
}

/// A server that accepts over this stream, by the direct API, and goes on with callbacks. `None` if
/// nothing was accepted.
fn answer(stream: Failing) -> Option<Tally> {
    // A stream that cannot be shut down keeps the other end here for so long.
    let config = Config::default().close_timeout(Duration::from_millis(300));
    let accepted = accept_with(stream, AcceptOptions::default().config(config));
    let (stream, opened, slot) = accepted.ok()?.into_opened().expect("it is here");
    let socket = adopt(stream, opened, slot).expect("there is a thread");
    Some(Tally::take(&converse(socket, false)))
}

/// The messages in these bytes, as the engine reads them.
fn parse(bytes: &[u8], asks: bool) -> Vec<OwnedMessage> {
    let mut end = match asks {
        true => End::open(Role::Client, Config::default()),
        false => End::open(Role::Server, Config::default()),
    };
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    end.receive(head.map_or(&[][..], |at| &bytes[at + 4..]));
    let message = |event| match event {
        OwnedEvent::Message(message) => Some(message),
        _ => None,
    };
    end.take_events().into_iter().filter_map(message).collect()
}

/// One run. Whether it had the call that was to go wrong.
fn run(at: usize, fault: Fault, asks: bool) -> bool {
    let plan = Plan::at(at, fault);
    let seen = Arc::default();
    let stream = peer(if asks { Role::Server } else { Role::Client }, &seen);
    let failing = Failing { stream, plan: Arc::clone(&plan) };
    let tally = if asks { ask(failing) } else { answer(failing) };
    let began = Instant::now();
    while Arc::strong_count(&plan) > 1 {
        assert!(began.elapsed() < PATIENCE, "{fault:?} at call {at}: the thread does not end");
        thread::yield_now();
    }
    let (plan, seen) = (lock(&plan), lock(&seen));
    let case = format!("{fault:?} at call {at}, {:?}: {tally:?}", plan.hit);
    let unharmed = plan.hit.is_none_or(|call| fault.is_survivable(call));
    let Some(tally) = tally else {
        assert!(!unharmed, "{case}");
        return true;
    };
    let [close] = &tally.closes[..] else { panic!("not one end: {case}") };
    // A peer that has closed had said its last word: that it gets no answer is no error.
    assert_eq!(tally.errors.len(), usize::from(close.code != 1000), "{case}");
    assert!(close.code == 1000 || !close.was_clean, "{case}");
    assert!(!close.was_clean || seen.closed, "clean, and the peer had no Close frame: {case}");
    assert!(!tally.closed.contains(&true) || close.was_clean, "{case}");
    let lost_handshake = tally.errors.iter().any(|error| error.contains("took longer"));
    assert!(!lost_handshake, "a stream that fails is no silent server: {case}");
    // Neither is lost: what arrived before the fault, and what was written.
    let arrived = parse(&plan.read, asks);
    assert!(tally.messages == arrived, "{} messages had arrived: {case}", arrived.len());
    assert!(messages().starts_with(&tally.messages), "{case}");
    assert!(messages().starts_with(&seen.messages), "{case}");
    let written = tally.sent.iter().filter(|success| **success).count();
    assert!(written <= seen.messages.len(), "{case}");
    let opened = plan.read.windows(4).any(|four| four == b"\r\n\r\n");
    let sends = if asks { messages().len() * usize::from(opened) } else { tally.messages.len() };
    assert_eq!(tally.sent.len(), sends, "one outcome of each call: {case}");
    if unharmed {
        assert_eq!((close.code, close.was_clean), (1000, true), "{case}");
        assert_eq!(tally.messages.len(), messages().len(), "{case}");
        assert!(tally.sent.iter().chain(&tally.closed).all(|success| *success), "{case}");
    }
    plan.hit.is_some()
}

/// Every fault at every call.
fn torture(asks: bool) {
    for fault in Fault::all() {
        let calls = (1..1_000).find(|at| !run(*at, fault, asks)).expect("a run ends");
        assert!(calls > 12, "only {calls} calls");
    }
}

#[test]
fn a_client_with_callbacks_bears_a_fault_at_any_call() {
    torture(true);
}

#[test]
fn a_server_with_callbacks_bears_a_fault_at_any_call() {
    torture(false);
}
