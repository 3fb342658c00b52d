//! How clients come in: the listener, the opening handshakes, and the requests that came of them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bluewire_core::Outbox;

#[cfg(feature = "_tls")]
use super::computing::Computing;
use super::incoming::{Incoming, Parts, Plain, Upgrade};
use super::net_stream::NetStream;
use super::platform::Platform;
use super::runtime::{Runtime, Timer as _};
use super::server::Shared;
#[cfg(feature = "_tls")]
use super::tls::TlsStream;
#[cfg(feature = "_tls")]
use super::wait::within;
use super::wait::{either, read, refuse, timer};
use crate::clock::Clock;
use crate::open::error::AcceptError;
use crate::open::request::Accepting;
use crate::server::{
    Admission, HandshakeSlot, PAUSE_MAX, PAUSE_MIN, Progress, Room, ServerOptions, concerns_one,
    hear, is_out_of_files,
};
use crate::sync::{Mutex, lock};
use crate::waker_set::{Registration, WakerSet};
#[cfg(feature = "_tls")]
use crate::{server::computed_at_a_time, tls::TlsError};

/// One listener. Any number of tasks may poll it.
pub(super) struct Listening<R: Runtime> {
    state: Mutex<State<R>>,
    /// The tasks that poll it.
    tasks: Arc<WakerSet>,
    /// Wakes them all.
    waker: Waker,
    #[cfg(feature = "_tls")]
    computing: Arc<Computing>,
}

struct State<R: Runtime> {
    /// Until the server shuts down.
    listener: Option<R::Listener>,
    /// Set while the listener is left alone after an error.
    timer: Option<R::Timer>,
    pause: Duration,
    /// Whether a handshake was given up for a client that waits, and has not ended yet.
    awaits_end: bool,
    /// Whether a worker's task polls it.
    begun: bool,
    /// Calls that wait for a client of that worker's.
    waiting: usize,
}

/// A call that waits for a client.
pub(super) struct Waiting<'a, R: Runtime>(&'a Listening<R>);

impl<R: Runtime> Listening<R> {
    pub(super) fn new(listener: TcpListener, options: &ServerOptions) -> io::Result<Self> {
        let state = State {
            listener: Some(R::listen(listener)?),
            timer: None,
            pause: PAUSE_MIN,
            awaits_end: false,
            begun: false,
            waiting: 0,
        };
        let tasks = Arc::<WakerSet>::default();
        // Each of the server's threads has a listener of its own. Where they are the runtime's, one
        // is left to the other tasks.
        #[cfg(feature = "_tls")]
        let at_a_time = if R::threads(options) > 0 { 1 } else { computed_at_a_time() - 1 };
        #[cfg(not(feature = "_tls"))]
        let _ = options;
        Ok(Self {
            state: Mutex::new(state),
            waker: Waker::from(Arc::clone(&tasks)),
            tasks,
            #[cfg(feature = "_tls")]
            computing: Arc::new(Computing::new(at_a_time)),
        })
    }

    /// Whether to start a worker's task now.
    pub(super) fn begin(&self) -> bool {
        !std::mem::replace(&mut lock(&self.state).begun, true)
    }

    /// Lets the worker's task accept clients as long as the result lives.
    pub(super) fn wait(&self) -> Waiting<'_, R> {
        lock(&self.state).waiting += 1;
        self.tasks.wake_all();
        Waiting(self)
    }

    /// Goes on after an error, since a client has left.
    pub(super) fn go_on(&self) {
        let resting = {
            let mut state = lock(&self.state);
            state.awaits_end = false;
            state.timer.take()
        };
        if resting.is_some() {
            self.tasks.wake_all();
        }
    }

    /// Stops listening.
    pub(super) fn close(&self) {
        let listener = lock(&self.state).listener.take();
        if listener.is_some() {
            drop(listener);
            self.tasks.wake_all();
        }
    }

    /// Accepts clients, each in a task of its own, until the listener is closed.
    pub(super) async fn accept(&self, shared: &Arc<Shared<R>>, options: &Arc<ServerOptions>) {
        let mut registration = Registration::new(&self.tasks);
        poll_fn(|cx| {
            registration.register(cx.waker());
            self.poll(shared, options)
        })
        .await;
    }

    fn poll(&self, shared: &Arc<Shared<R>>, options: &Arc<ServerOptions>) -> Poll<()> {
        let mut turn = shared.admission.accept_turn();
        loop {
            let error = {
                let mut state = lock(&self.state);
                match state.poll(options, &self.waker) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Ready(Some((Ok(socket), spawner))) => {
                        drop(state);
                        shared.admission.was_accepted();
                        let gave_up = self.start_handshake(socket, &spawner, shared, options);
                        if turn.goes_on(gave_up) {
                            continue;
                        }
                        // Existing tasks have their turn already, however many arrive. All are
                        // woken: this one may be dropped, and then no other would go on.
                        self.tasks.wake_all();
                        return Poll::Pending;
                    }
                    Poll::Ready(Some((Err(error), _))) => error,
                }
            };
            let gives_up = is_out_of_files(&error) && !lock(&self.state).awaits_end;
            match if gives_up { shared.admission.make_room(options) } else { Room::None } {
                // The client gets the descriptor of the handshake that is given up: the one in
                // reserve stands in for it until that has ended.
                Room::Made { at_once, .. } => lock(&self.state).makes_room(at_once),
                Room::ToRefuse => self.turn_away(&error, &shared.admission, options),
                Room::None => {
                    if !concerns_one(&error) {
                        lock(&self.state).rest();
                    }
                    options.tell_listener_error(&error);
                }
            }
        }
    }

    /// Performs the opening handshake of a new client, in a task. Whether another handshake was
    /// given up for it.
    fn start_handshake(
        &self,
        socket: R::Tcp,
        spawner: &R::Spawner,
        shared: &Arc<Shared<R>>,
        options: &Arc<ServerOptions>,
    ) -> bool {
        let address = R::peer_addr(&socket).ok().map(|address| address.ip());
        let Some((slot, gave_up)) = shared.admission.begin_handshake(address, options) else {
            return false;
        };
        let (shared, options) = (Arc::clone(shared), Arc::clone(options));
        let client = Newcomer {
            socket,
            address,
            spawner: spawner.clone(),
            #[cfg(feature = "_tls")]
            computing: Arc::clone(&self.computing),
        };
        R::spawn(spawner, async move {
            let watch = slot.watch();
            // In a box of its own: what it takes is not held while a refusal is read.
            let handshake = Box::pin(handshake(client, &slot, &options));
            let cut = async {
                watch.cut().await;
                None
            };
            let Some(result) = either(async { Some(handshake.await) }, cut).await else {
                // Its descriptor is free from here on.
                return shared.go_on();
            };
            slot.heard();
            match result {
                Ok(incoming) => shared.requests.push(incoming),
                Err((error, refused)) => {
                    options.tell_refused(&error);
                    if let Some((mut stream, mut outbox)) = refused {
                        either(refuse::<R, _>(&mut stream, &mut outbox), watch.cut()).await;
                    }
                }
            }
        });
        gave_up.is_some()
    }

    /// Turns the client away that waits while there are no file descriptors left.
    fn turn_away(&self, error: &io::Error, admission: &Admission, options: &ServerOptions) {
        let mut state = lock(&self.state);
        match state.poll(options, &self.waker) {
            Poll::Ready(Some((Ok(client), _))) => {
                drop(state);
                admission.turn_away(R::fd(&client), error, options);
                drop(client);
                admission.was_accepted();
            }
            _ => {
                state.rest();
                drop(state);
                admission.was_accepted();
            }
        }
    }
}

type Accepted<R> = (io::Result<<R as Platform>::Tcp>, <R as Platform>::Spawner);

impl<R: Runtime> State<R> {
    /// The next client, or an error of the listener's; `None` once that is closed.
    fn poll(&mut self, options: &ServerOptions, waker: &Waker) -> Poll<Option<Accepted<R>>> {
        let Some(listener) = &self.listener else { return Poll::Ready(None) };
        if self.begun && self.waiting == 0 {
            return Poll::Pending;
        }
        let cx = &mut Context::from_waker(waker);
        loop {
            if let Some(timer) = &mut self.timer {
                ready!(R::within(listener, || timer.poll(cx)));
                self.timer = None;
            }
            let accepted = ready!(R::within(listener, || R::poll_accept(listener, options, cx)));
            match &accepted {
                Ok(_) => self.pause = PAUSE_MIN,
                Err(error) if R::concerns_nobody(error, listener) => {
                    (self.timer, self.pause) = rested::<R>(self.pause);
                    continue;
                }
                Err(_) => {}
            }
            return Poll::Ready(Some((accepted, R::spawner_for(listener))));
        }
    }

    /// Notes that a handshake was given up for the client that waits, which is accepted at once or
    /// when that has ended.
    fn makes_room(&mut self, at_once: bool) {
        self.awaits_end = true;
        if !at_once {
            self.rest();
        }
    }

    /// Leaves the listener alone for a while.
    fn rest(&mut self) {
        (self.timer, self.pause) = rested::<R>(self.pause);
    }
}

/// A timer for this pause, and the next pause.
fn rested<R: Runtime>(pause: Duration) -> (Option<R::Timer>, Duration) {
    (Some(timer::<R>(R::now().checked_add(pause))), (pause * 2).min(PAUSE_MAX))
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        lock(&self.0.state).waiting -= 1;
    }
}

/// A client that was accepted.
struct Newcomer<R: Runtime> {
    socket: R::Tcp,
    address: Option<IpAddr>,
    spawner: R::Spawner,
    #[cfg(feature = "_tls")]
    computing: Arc<Computing>,
}

/// An error, and what is left to do with the stream if it is there.
type Failed<R> = (AcceptError, Option<(<R as Platform>::NetStream, Outbox)>);

/// Reads a client's request and gives it a slot.
async fn handshake<R: Runtime>(
    client: Newcomer<R>,
    slot: &HandshakeSlot,
    options: &Arc<ServerOptions>,
) -> Result<Incoming<R>, Failed<R>> {
    let (address, spawner) = (client.address, client.spawner.clone());
    let mut accepting = Accepting::start(&options.accept, Clock::by(R::now));
    let secured = secured::<R>(client, options, accepting.time_left()).await;
    let mut stream = secured.map_err(|error| (error, None))?;
    loop {
        let heard = hear(accepting, options, slot, address);
        accepting = match heard {
            Ok(Progress::More(accepting)) => accepting,
            Ok(Progress::Upgrade(pending)) => {
                return Ok(Incoming::Upgrade(Upgrade::new(Parts { stream, pending, spawner })));
            }
            Ok(Progress::Plain(pending)) => {
                return Ok(Incoming::Plain(Plain::new(Parts { stream, pending, spawner })));
            }
            Err((error, outbox)) => return Err((error, Some((stream, outbox)))),
        };
        let left = accepting.time_left();
        let read = read::<R, _>(&mut stream, accepting.inbox.space(), left).await;
        accepting.received(read).map_err(|error| (error, None))?;
    }
}

/// Performs the TLS handshake, if the server has TLS, within the time that the client has to send
/// its request.
async fn secured<R: Runtime>(
    client: Newcomer<R>,
    options: &ServerOptions,
    left: Option<Duration>,
) -> Result<R::NetStream, AcceptError> {
    #[cfg(feature = "_tls")]
    if let Some(tls) = &options.tls {
        let Newcomer { socket, address, computing, .. } = client;
        // In a box of its own: plain connections need not have room for it.
        let shaken = Box::pin(TlsStream::accept_in_turn::<R>(socket, tls, &computing, address));
        let shaken = within::<R, _>(left, shaken).await;
        let shaken = shaken.unwrap_or_else(|| Err(TlsError::TimedOut(left.unwrap_or_default())));
        let stream = shaken.map_err(|error| AcceptError::Tls(Box::new(error)))?;
        return Ok(NetStream::Tls(Box::new(stream)).into());
    }
    let _ = (options, left);
    Ok(NetStream::Tcp(client.socket).into())
}

/// Requests that have arrived and wait to be taken.
pub(super) struct Requests<R: Runtime> {
    /// `None` once the server shuts down.
    queue: Mutex<Option<VecDeque<Incoming<R>>>>,
    tasks: WakerSet,
}

impl<R: Runtime> Requests<R> {
    pub(super) fn push(&self, incoming: Incoming<R>) {
        let refused = match &mut *lock(&self.queue) {
            // It has no bound of its own, since each request has a slot in the server.
            Some(queue) => {
                queue.push_back(incoming);
                None
            }
            None => Some(incoming),
        };
        drop(refused);
        self.tasks.wake_all();
    }

    /// The next one; `None` once the server shuts down.
    pub(super) async fn next(&self) -> Option<Incoming<R>> {
        let mut registration = Registration::new(&self.tasks);
        poll_fn(|cx| {
            registration.register(cx.waker());
            match &mut *lock(&self.queue) {
                Some(queue) => queue.pop_front().map_or(Poll::Pending, |it| Poll::Ready(Some(it))),
                None => Poll::Ready(None),
            }
        })
        .await
    }

    /// Drops all, and those that come later.
    pub(super) fn close(&self) {
        let left = lock(&self.queue).take();
        drop(left);
        self.tasks.wake_all();
    }
}

impl<R: Runtime> Default for Requests<R> {
    fn default() -> Self {
        Self { queue: Mutex::new(Some(VecDeque::new())), tasks: WakerSet::default() }
    }
}
