//! The opening handshakes of a server's clients: one thread at a time waits for new clients and for
//! the requests of all of them, so that no client holds up another, however slowly it sends.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fd::AsFd;

use super::computing::Computing;
use super::incoming::{Incoming, Upgrade};
use super::net_stream::NetStream;
use super::newcomer::{Client, Look, Stage};
use super::poller::Poller;
#[cfg(feature = "_tls")]
use super::tls::TlsStream;
use super::transport::Readiness;
use super::wake::WakePipe;
use crate::clock::Clock;
use crate::open::error::AcceptError;
use crate::open::request::Accepting;
use crate::server::{
    ACCEPTED_MAX, Admission, PAUSE_MAX, PAUSE_MIN, Room, ServerOptions, concerns_nobody,
    concerns_one, is_out_of_files,
};
use crate::sync::{Mutex, lock};

/// After so many clients whose time is over, new clients and complete requests get their turn.
const LATE_MAX: usize = 64;

/// The poller's ids of the pipe and the listener. Handshake slots count from 1 on.
const PIPE: u64 = 0;
const LISTENER: u64 = u64::MAX;

/// The listener, and the clients whose request has not come yet.
pub(super) struct Handshakes {
    /// Until the server shuts down.
    listener: Option<TcpListener>,
    pipe: WakePipe,
    poller: Poller,
    options: Arc<ServerOptions>,
    admission: Arc<Admission>,
    /// By the number of their slot.
    clients: HashMap<u64, Client>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// TLS handshakes whose next step must be computed.
    computing: Computing,
    /// Requests that wait to be taken.
    ready: VecDeque<Incoming>,
    decided: Arc<Decided>,
    /// When the listener is asked again, after a failure.
    resume: Option<Instant>,
    pause: Duration,
}

/// Requests that other threads have decided to accept; `None` once the server shuts down.
pub(super) type Decided = Mutex<Option<Vec<Upgrade>>>;

impl Handshakes {
    pub(super) fn new(
        listener: TcpListener,
        pipe: WakePipe,
        options: Arc<ServerOptions>,
        admission: Arc<Admission>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.change(pipe.source(), PIPE, Readiness::NONE, Readiness::READ)?;
        poller.change(&listener, LISTENER, Readiness::NONE, Readiness::READ)?;
        Ok(Self {
            listener: Some(listener),
            computing: Computing::new(Arc::clone(pipe.handle())),
            pipe,
            poller,
            options,
            admission,
            clients: HashMap::new(),
            deadlines: BTreeSet::new(),
            ready: VecDeque::new(),
            decided: Arc::new(Mutex::new(Some(Vec::new()))),
            resume: None,
            pause: PAUSE_MIN,
        })
    }

    /// Where others put requests that they have decided to accept; then they wake the pipe.
    pub(super) const fn decided(&self) -> &Arc<Decided> {
        &self.decided
    }

    /// The next request; `None` once the server shuts down.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        loop {
            if self.admission.is_leaving() {
                self.shut();
                return None;
            }
            if let Some(incoming) = self.ready.pop_front() {
                return Some(incoming);
            }
            self.turn();
        }
    }

    /// Closes the listener and drops all clients whose request has not come, or was not taken.
    pub(super) fn shut(&mut self) {
        self.listener = None;
        self.clients = HashMap::new();
        self.deadlines = BTreeSet::new();
        self.computing.shut();
        self.ready = VecDeque::new();
        let decided = lock(&self.decided).take();
        drop(decided);
    }

    /// Waits for something to happen, and handles it.
    fn turn(&mut self) {
        if self.resume.is_some_and(|resume| resume <= Instant::now()) {
            self.listen(None);
        }
        let mut accepts = false;
        for id in self.wait() {
            match id {
                PIPE => self.pipe.clear(),
                LISTENER => accepts = true,
                id => self.look_at(id),
            }
        }
        if let Some(decided) = &mut *lock(&self.decided) {
            self.ready.extend(decided.drain(..).map(Incoming::Upgrade));
        }
        for (client, read) in self.computing.take_computed() {
            self.forget_deadline(&client);
            self.settle(client.judge(read, &self.options));
        }
        let now = Instant::now();
        let late = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        for late in late.take(LATE_MAX).copied().collect::<Vec<_>>() {
            self.deadlines.remove(&late);
            self.look_at(late.1);
        }
        self.computing.start();
        if accepts && self.resume.is_none() {
            self.accept();
        }
    }

    /// Waits for events. Whose they are.
    fn wait(&mut self) -> Vec<u64> {
        let now = Instant::now();
        let first = self.deadlines.first().map(|(deadline, _)| *deadline);
        let next = first.into_iter().chain(self.resume).min();
        let timeout = next.map(|next| next.saturating_duration_since(now));
        let listens = Readiness::new(self.resume.is_none(), false);
        let clients = self.clients.iter();
        let clients = clients.map(|(id, client)| (client.stream.fd(), *id, client.interest));
        let listener = self.listener.as_ref().map(|listener| (listener.as_fd(), LISTENER, listens));
        let sources = clients.chain(listener).chain([(self.pipe.source(), PIPE, Readiness::READ)]);
        self.poller.wait(sources, timeout).unwrap_or_else(|error| {
            // No memory, most likely.
            self.options.tell_listener_error(&error);
            std::thread::sleep(PAUSE_MIN);
            Vec::new()
        })
    }

    /// Goes on with a client that is ready, or whose time is over.
    fn look_at(&mut self, id: u64) {
        let Some(mut client) = self.take(id) else { return };
        if !client.is_securing() || client.is_late() {
            let look = client.look(&self.options);
            return self.settle(look);
        }
        // Its events would come again and again while it waits.
        self.poller.remove(client.stream.fd());
        client.interest = Readiness::NONE;
        self.keep_deadline(&client);
        self.computing.wait(client);
    }

    fn settle(&mut self, look: Look) {
        match look {
            Look::Stays(client) => self.keep(client),
            Look::Asks(incoming) => {
                self.poller.remove(incoming.stream().fd());
                self.ready.push_back(incoming);
            }
            Look::Gone => {}
        }
    }

    fn keep(&mut self, mut client: Client) {
        let interest = client.interest();
        if interest != client.interest {
            let fd = client.stream.fd();
            if let Err(error) = self.poller.change(fd, client.slot.id(), client.interest, interest)
            {
                return self.options.tell_refused(&AcceptError::Io(error));
            }
            client.interest = interest;
        }
        self.keep_deadline(&client);
        self.clients.insert(client.slot.id(), client);
    }

    fn keep_deadline(&mut self, client: &Client) {
        self.deadlines.extend(client.deadline.map(|deadline| (deadline, client.slot.id())));
    }

    fn forget_deadline(&mut self, client: &Client) {
        if let Some(deadline) = client.deadline {
            self.deadlines.remove(&(deadline, client.slot.id()));
        }
    }

    /// Takes a client, unless its step is computed just now.
    fn take(&mut self, id: u64) -> Option<Client> {
        let client = self.clients.remove(&id).or_else(|| self.computing.take(id))?;
        self.forget_deadline(&client);
        Some(client)
    }

    fn accept(&mut self) {
        let mut turn = self.admission.accept_turn();
        for number in 0..ACCEPTED_MAX {
            let Some(listener) = &self.listener else { return };
            let accepted = listener.accept();
            if accepted.is_ok() {
                self.admission.was_accepted();
            }
            let accepted = accepted
                .and_then(|(stream, from)| Ok((prepared(stream, &self.options)?, from.ip())));
            match accepted {
                Ok((stream, address)) => {
                    self.pause = PAUSE_MIN;
                    if !turn.goes_on(self.begin(stream, address)) {
                        return;
                    }
                }
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        || concerns_nobody(&error, listener) =>
                {
                    return;
                }
                Err(error) if is_out_of_files(&error) && number > 0 => return,
                Err(error) => {
                    if is_out_of_files(&error) && self.makes_room(&error) {
                        continue;
                    }
                    self.options.tell_listener_error(&error);
                    if !concerns_one(&error) {
                        self.listen(Instant::now().checked_add(self.pause));
                        self.pause = (self.pause * 2).min(PAUSE_MAX);
                        return;
                    }
                }
            }
        }
    }

    /// Begins the opening handshake of a client. Whether another one was given up for it.
    fn begin(&mut self, stream: NetStream, address: IpAddr) -> bool {
        let address = Some(address);
        let begun = self.admission.begin_handshake(address, &self.options);
        let Some((slot, evicted)) = begun else { return false };
        if let Some(evicted) = evicted {
            drop(self.take(evicted));
        }
        let accepting = Accepting::start(&self.options.accept, Clock::start());
        let left = accepting.time_left();
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        let (stage, interest) = (Stage::Reading(accepting), Readiness::NONE);
        self.keep(Client { stream, address, slot, stage, deadline, interest });
        evicted.is_some()
    }

    /// Lets a client in, or turns it away, that waits while there are no file descriptors left.
    /// Whether it could.
    fn makes_room(&mut self, error: &io::Error) -> bool {
        match self.admission.make_room(&self.options) {
            Room::Made { id, .. } => {
                drop(self.take(id));
                true
            }
            Room::ToRefuse => {
                let client = self.listener.as_ref().and_then(|listener| listener.accept().ok());
                if let Some((client, _)) = &client {
                    self.admission.turn_away(Some(client), error, &self.options);
                }
                let accepted = client.is_some();
                drop(client);
                self.admission.was_accepted();
                accepted
            }
            Room::None => false,
        }
    }

    /// Listens again, at once or at this time.
    fn listen(&mut self, resume: Option<Instant>) {
        let Some(listener) = &self.listener else { return };
        let interest = Readiness::new(resume.is_none(), false);
        match self.poller.change(listener, LISTENER, Readiness::READ, interest) {
            Ok(()) => self.resume = resume,
            // Better a busy server than one that does not listen.
            Err(_) => self.resume = None,
        }
    }
}

fn prepared(stream: TcpStream, options: &ServerOptions) -> io::Result<NetStream> {
    // On some systems it is like the listener.
    stream.set_nonblocking(false)?;
    // A message leaves when it is written: the engine has put together what it could.
    stream.set_nodelay(true)?;
    #[cfg(feature = "_tls")]
    if let Some(tls) = &options.tls {
        let stream = TlsStream::server(stream, tls).map_err(crate::tls::TlsError::into_io)?;
        return Ok(stream.into());
    }
    let _ = options;
    Ok(stream.into())
}
