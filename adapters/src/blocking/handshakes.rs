//! The opening handshakes of a server's clients: one thread at a time waits for new clients and for
//! the requests of all of them, so that no client holds up another, however slowly it sends.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluewire_core::Outbox;
use rustix::fd::AsFd;

use super::incoming::{Incoming, Plain, Upgrade};
use super::net_stream::NetStream;
use super::poller::Poller;
#[cfg(feature = "_tls")]
use super::tls::TlsStream;
use super::transport::{Readiness, Transport, is_passing, write_some};
use super::wake::WakePipe;
use crate::clock::Clock;
use crate::open::error::AcceptError;
use crate::open::request::Accepting;
use crate::server::{
    Admission, HandshakeSlot, LINGER, PAUSE_MAX, PAUSE_MIN, Progress, ServerOptions,
    concerns_nobody, concerns_one, hear, is_out_of_files,
};

/// After so many new clients those that are there already have their turn.
const ACCEPTED_MAX: usize = 64;

/// After so much time with those that are there, new clients and requests that have come have
/// theirs: the computations of TLS take a while.
const TURN: Duration = Duration::from_millis(5);

/// What the poller calls the pipe and the listener. Handshake slots count from 1 on.
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
    /// Clients to look at, in turn.
    due: VecDeque<u64>,
    /// Requests that wait to be taken.
    ready: VecDeque<Incoming>,
    /// When the listener is asked again, after a failure.
    resume: Option<Instant>,
    pause: Duration,
}

/// What a wait for a request came to.
#[expect(clippy::large_enum_variant, reason = "it is moved once for each client")]
pub(super) enum Next {
    Incoming(Incoming),
    /// The caller has something else to do.
    Interrupted,
    /// The server shuts down.
    Over,
}

struct Client {
    stream: NetStream,
    address: Option<IpAddr>,
    slot: HandshakeSlot,
    stage: Stage,
    deadline: Option<Instant>,
    /// What the poller was told to wait for.
    interest: Readiness,
    /// Whether it is among those that are due.
    due: bool,
}

enum Stage {
    /// The request is on its way.
    Reading(Accepting),
    /// It was refused, and the client is to read why.
    Refused { outbox: Outbox, shut_down: bool },
}

/// What a look at a client came to.
enum Look {
    Stays(Client),
    Asks(Incoming),
    Gone,
}

impl Handshakes {
    pub(super) fn new(
        listener: TcpListener,
        pipe: WakePipe,
        options: Arc<ServerOptions>,
        admission: Arc<Admission>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.add(&pipe, PIPE, Readiness::READ)?;
        poller.add(&listener, LISTENER, Readiness::READ)?;
        Ok(Self {
            listener: Some(listener),
            pipe,
            poller,
            options,
            admission,
            clients: HashMap::new(),
            deadlines: BTreeSet::new(),
            due: VecDeque::new(),
            ready: VecDeque::new(),
            resume: None,
            pause: PAUSE_MIN,
        })
    }

    /// The next request; otherwise why there is none.
    pub(super) fn next(&mut self, interrupted: impl Fn() -> bool) -> Next {
        loop {
            if self.admission.is_leaving() {
                self.shut();
                return Next::Over;
            }
            if interrupted() {
                return Next::Interrupted;
            }
            if let Some(incoming) = self.ready.pop_front() {
                return Next::Incoming(incoming);
            }
            self.turn();
        }
    }

    /// Closes the listener and drops all clients whose request has not come, or was not taken.
    pub(super) fn shut(&mut self) {
        self.listener = None;
        self.clients = HashMap::new();
        self.deadlines = BTreeSet::new();
        self.due = VecDeque::new();
        self.ready = VecDeque::new();
    }

    /// Waits for something to happen, and sees to it.
    fn turn(&mut self) {
        if self.resume.is_some_and(|resume| resume <= Instant::now()) {
            self.listen(None);
        }
        let mut accepts = false;
        for id in self.wait() {
            match id {
                PIPE => self.pipe.clear(),
                LISTENER => accepts = true,
                id => self.make_due(id),
            }
        }
        let now = Instant::now();
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            self.make_due(id);
        }
        while let Some(id) = self.due.pop_front() {
            self.look_at(id);
            if now.elapsed() >= TURN {
                break;
            }
        }
        if accepts && self.resume.is_none() {
            self.accept();
        }
    }

    /// Waits for events. Whose they are.
    fn wait(&mut self) -> Vec<u64> {
        let now = Instant::now();
        let first = self.deadlines.first().map(|(deadline, _)| *deadline);
        let next = first.into_iter().chain(self.resume).min();
        let mut timeout = next.map(|next| next.saturating_duration_since(now));
        if !self.due.is_empty() {
            timeout = Some(Duration::ZERO);
        }
        let listens = Readiness::new(self.resume.is_none(), false);
        let clients = self.clients.iter();
        let clients = clients.map(|(id, client)| (client.stream.fd(), *id, client.interest));
        let listener = self.listener.as_ref().map(|listener| (listener.as_fd(), LISTENER, listens));
        let sources = clients.chain(listener).chain([(self.pipe.as_fd(), PIPE, Readiness::READ)]);
        self.poller.wait(sources, timeout).unwrap_or_else(|error| {
            // No memory, most likely.
            self.options.tell_listener_error(&error);
            std::thread::sleep(PAUSE_MIN);
            Vec::new()
        })
    }

    fn make_due(&mut self, id: u64) {
        if let Some(client) = self.clients.get_mut(&id)
            && !std::mem::replace(&mut client.due, true)
        {
            self.due.push_back(id);
        }
    }

    /// Goes on with a client that is ready, or whose time is over.
    fn look_at(&mut self, id: u64) {
        let Some(client) = self.remove(id) else { return };
        match client.look(&self.options, &self.admission) {
            Look::Stays(client) => self.insert(client),
            Look::Asks(incoming) => {
                self.poller.remove(incoming.stream().fd());
                self.ready.push_back(incoming);
            }
            Look::Gone => {}
        }
    }

    fn insert(&mut self, mut client: Client) {
        let id = client.slot.id();
        let interest = client.interest();
        if interest != client.interest {
            client.interest = interest;
            if let Err(error) = self.poller.modify(client.stream.fd(), id, interest) {
                return self.options.tell_refused(&AcceptError::Io(error));
            }
        }
        client.due = false;
        self.deadlines.extend(client.deadline.map(|deadline| (deadline, id)));
        self.clients.insert(id, client);
    }

    fn remove(&mut self, id: u64) -> Option<Client> {
        let client = self.clients.remove(&id)?;
        if let Some(deadline) = client.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Some(client)
    }

    fn accept(&mut self) {
        for number in 0..ACCEPTED_MAX {
            let Some(listener) = &self.listener else { return };
            let accepted = listener.accept();
            let accepted = accepted
                .and_then(|(stream, from)| Ok((prepared(stream, &self.options)?, from.ip())));
            match accepted {
                Ok((stream, address)) => {
                    self.pause = PAUSE_MIN;
                    // The requests of the others may have come meanwhile: they are looked at before
                    // one more is given up.
                    if self.begin(stream, address) {
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
                    if is_out_of_files(&error)
                        && let Some(id) = self.admission.give_up_handshake()
                    {
                        self.give_up(id);
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
        let Some((slot, evicted)) = self.admission.begin_handshake(address) else { return false };
        if let Some(evicted) = evicted {
            self.give_up(evicted);
        }
        let accepting = Accepting::start(&self.options.accept, Clock::start());
        let left = accepting.time_left();
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        let interest = Readiness::READ;
        match self.poller.add(stream.fd(), slot.id(), interest) {
            Ok(()) => {
                let stage = Stage::Reading(accepting);
                let due = false;
                self.insert(Client { stream, address, slot, stage, deadline, interest, due });
            }
            Err(error) => self.options.tell_listener_error(&error),
        }
        evicted.is_some()
    }

    /// Drops a client that another one needs the slot, or the file descriptor, of.
    fn give_up(&mut self, id: u64) {
        if let Some(Client { stage: Stage::Reading(_), .. }) = self.remove(id) {
            self.options.tell_refused(&AcceptError::GivenUp);
        }
    }

    /// Listens again, at once or at this time.
    fn listen(&mut self, resume: Option<Instant>) {
        let Some(listener) = &self.listener else { return };
        let interest = Readiness::new(resume.is_none(), false);
        match self.poller.modify(listener, LISTENER, interest) {
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

impl Client {
    fn interest(&self) -> Readiness {
        let writes = match &self.stage {
            Stage::Refused { outbox, .. } if !outbox.is_empty() => true,
            _ => self.stream.has_unsent(),
        };
        if writes { Readiness::WRITE } else { Readiness::READ }
    }

    /// Reads and goes on, also with what was read before: nobody else tells of that.
    fn look(mut self, options: &Arc<ServerOptions>, admission: &Arc<Admission>) -> Look {
        loop {
            match self.look_once(options, admission) {
                Look::Stays(client) if client.stream.has_incoming() => self = client,
                look => return look,
            }
        }
    }

    fn look_once(self, options: &Arc<ServerOptions>, admission: &Arc<Admission>) -> Look {
        let mut accepting = match self.stage {
            Stage::Reading(accepting) => accepting,
            stage @ Stage::Refused { .. } => return Self { stage, ..self }.linger(),
        };
        match self.stream.try_read(accepting.inbox.space()) {
            Ok(0) => accepting.receive_eof(),
            Ok(len) => accepting.inbox.filled(len),
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                options.tell_refused(&AcceptError::of_stream(error));
                return Look::Gone;
            }
        }
        match hear(accepting, options, admission, self.address) {
            Ok(Progress::More(accepting)) => {
                Look::Stays(Self { stage: Stage::Reading(accepting), ..self })
            }
            Ok(Progress::Upgrade(pending)) => {
                Look::Asks(Incoming::Upgrade(Upgrade::new(self.stream, pending)))
            }
            Ok(Progress::Plain(pending)) => {
                Look::Asks(Incoming::Plain(Plain::new(self.stream, pending)))
            }
            Err((error, outbox)) => {
                options.tell_refused(&error);
                self.slot.heard();
                let deadline = Instant::now().checked_add(LINGER);
                let stage = Stage::Refused { outbox, shut_down: false };
                Self { stage, deadline, ..self }.linger()
            }
        }
    }

    /// Writes the answer that refuses a request, and reads what the client still sends: a stream
    /// that is dropped with unread input may take the answer with it.
    fn linger(mut self) -> Look {
        let Stage::Refused { outbox, shut_down } = &mut self.stage else { return Look::Gone };
        if self.deadline.is_none_or(|deadline| deadline <= Instant::now()) {
            return Look::Gone;
        }
        let written = match write_some(&self.stream, outbox) {
            Ok(true) if !std::mem::replace(shut_down, true) => {
                self.stream.shut_down(Shutdown::Write)
            }
            written => written.map(drop),
        };
        match written.and_then(|()| self.stream.try_read(&mut [0; 4096])) {
            Ok(0) => Look::Gone,
            Err(error) if !is_passing(&error) => Look::Gone,
            _ => Look::Stays(self),
        }
    }
}
