//! The way into a smol server: a task for each new client, so that none holds up another one,
//! however slowly it sends.

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluewire_core::Outbox;
use smol::Async;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt as _;
use smol::io::AsyncReadExt as _;

use super::connect::{refuse, within};
use super::home::Home;
use super::incoming::{Incoming, Plain, Upgrade};
use super::net_stream::NetStream;
use super::tcp_socket::TcpSocket;
#[cfg(feature = "tls")]
use super::tls::TlsStream;
use crate::accept::{AcceptError, Accepting, Heard, turn_away};
use crate::server::{Hall, LINGER, ServerOptions};
#[cfg(feature = "tls")]
use crate::tls::TlsError;

/// What a server and its handles share.
pub(super) struct Gate {
    /// One, or one for each of the server's threads; none once it shuts down.
    pub(super) listeners: Mutex<Vec<Arc<Async<TcpListener>>>>,
    /// Requests that have come.
    pub(super) requests: Receiver<Incoming>,
}

impl Gate {
    fn listeners(&self) -> MutexGuard<'_, Vec<Arc<Async<TcpListener>>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listener(&self, number: usize) -> Option<Arc<Async<TcpListener>>> {
        self.listeners().get(number).cloned()
    }

    /// Closes the listeners, and lets those go who have asked and were not answered.
    pub(super) fn shut(&self) {
        self.requests.close();
        self.listeners().clear();
        while self.requests.try_recv().is_ok() {}
    }
}

/// Hears what a new client asks for, in a task.
pub(super) fn welcome(
    socket: TcpSocket,
    asked: &Sender<Incoming>,
    options: &Arc<ServerOptions>,
    hall: &Arc<Hall>,
) {
    let Some((knock, watch)) = hall.knock() else { return };
    let (asked, options) = (asked.clone(), Arc::clone(options));
    let hear = {
        let (options, hall) = (Arc::clone(&options), Arc::clone(hall));
        async move {
            let accepting = Accepting::start(&options.accept);
            let (heard, stream) = match secured(socket, &options, &accepting).await {
                Ok(mut stream) => (hear(&mut stream, accepting, &options).await, Some(stream)),
                Err(error) => (Err((error, Outbox::new())), None),
            };
            Some((heard, stream, options, hall))
        }
    };
    let cut = async move {
        poll_fn(move |cx| watch.poll_cut(cx)).await;
        None
    };
    Home::here().spawn(async move {
        let heard = hear.or(cut).await;
        let Some((heard, stream, options, hall)) = heard else {
            return options.tell_refused(&AcceptError::GivenUp);
        };
        knock.heard();
        if let Some(incoming) = admit(heard, stream, &options, &hall).await {
            // The channel has no bound: each request has a place in the hall.
            let _ = asked.try_send(incoming);
        }
        drop(knock);
    });
}

/// Speaks TLS, if the server does, within the time that the client has to say what it wants.
async fn secured(
    socket: TcpSocket,
    options: &ServerOptions,
    accepting: &Accepting,
) -> Result<NetStream, AcceptError> {
    #[cfg(feature = "tls")]
    if let Some(tls) = &options.tls {
        let left = accepting.time_left().unwrap_or(Duration::ZERO);
        // In a box of its own: what the handshake takes, others need not have.
        let shaken = within(left, Box::pin(TlsStream::accept(socket, tls))).await;
        let shaken = shaken.unwrap_or(Err(TlsError::TimedOut(left)));
        return shaken.map(NetStream::from).map_err(|error| AcceptError::Tls(Box::new(error)));
    }
    let _ = (options, accepting);
    Ok(socket.into())
}

/// Reads a client's request.
async fn hear(
    stream: &mut NetStream,
    mut accepting: Accepting,
    options: &ServerOptions,
) -> Result<Heard, (AcceptError, Outbox)> {
    loop {
        accepting = match accepting.hear(&options.accept)? {
            Heard::More(accepting) => accepting,
            heard => return Ok(heard),
        };
        let left = accepting.time_left().unwrap_or(Duration::ZERO);
        match within(left, stream.read(accepting.inbox.space())).await {
            Some(Ok(0)) => accepting.receive_eof(),
            Some(Ok(len)) => accepting.inbox.filled(len),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(Err(error)) => return Err((AcceptError::of_stream(error), Outbox::new())),
            None => {}
        }
    }
}

/// Gives a request its place, or tells the client why it has none.
async fn admit(
    heard: Result<Heard, (AcceptError, Outbox)>,
    stream: Option<NetStream>,
    options: &Arc<ServerOptions>,
    hall: &Arc<Hall>,
) -> Option<Incoming> {
    let Some(mut stream) = stream else {
        if let Err((error, _)) = heard {
            options.tell_refused(&error);
        }
        return None;
    };
    let (error, mut outbox) = match heard {
        Ok(Heard::Upgrade(asked)) => match hall.enter() {
            Some(place) => {
                let upgrade = Upgrade::new(stream, asked, place, Arc::clone(options));
                return Some(Incoming::Upgrade(upgrade));
            }
            None => turn_away(asked.offer.head().clone()),
        },
        Ok(Heard::Plain(head, inbox)) => match hall.enter() {
            Some(place) => {
                let plain = Plain::new(stream, head, &inbox, place, Arc::clone(options));
                return Some(Incoming::Plain(plain));
            }
            None => turn_away(head),
        },
        Ok(Heard::More(_)) => return None,
        Err(refused) => refused,
    };
    options.tell_refused(&error);
    within(LINGER, refuse(&mut stream, &mut outbox)).await;
    None
}
