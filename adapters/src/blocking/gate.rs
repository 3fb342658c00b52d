//! The way into a blocking server: one thread waits for new clients and for all their requests at
//! once, so that no client holds up another one, however slowly it sends.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluewire_core::Outbox;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::facade::Bell;
use super::incoming::{Incoming, Plain, Upgrade};
use super::net_stream::NetStream;
use super::pump::{is_timeout, try_write_out};
use super::stream::Transport;
#[cfg(feature = "tls")]
use super::tls::TlsStream;
use crate::accept::{AcceptError, Accepting, Heard, turn_away};
use crate::server::{Hall, LINGER, PAUSE_MAX, PAUSE_MIN, ServerOptions, concerns_one};
#[cfg(feature = "tls")]
use crate::tls::TlsError;

/// After so many new clients those who are there already have their turn.
const ACCEPTED_MAX: usize = 64;

/// The listener, and the clients that have not said yet what they want.
pub(super) struct Gate {
    /// Until the server shuts down.
    listener: Option<TcpListener>,
    bell: Bell,
    options: Arc<ServerOptions>,
    hall: Arc<Hall>,
    /// The oldest first.
    clients: VecDeque<Client>,
    /// Requests that wait to be taken.
    ready: VecDeque<Incoming>,
    /// When the listener is asked again, after a failure.
    resume: Option<Instant>,
    pause: Duration,
}

/// What a wait at the gate came to.
#[expect(clippy::large_enum_variant, reason = "it is moved once for each client")]
pub(super) enum Next {
    Incoming(Incoming),
    /// The bell rang for something else.
    Interrupted,
    /// The server shuts down.
    Over,
}

struct Client {
    stream: NetStream,
    stage: Stage,
}

enum Stage {
    /// The request is on its way.
    Reading(Accepting),
    /// It was refused, and the client is to read why.
    Refused { outbox: Outbox, until: Instant, shut_down: bool },
}

/// What a look at a client came to.
enum Look {
    Stays(Client),
    Asks(Incoming),
    Gone,
}

impl Gate {
    pub(super) fn new(
        listener: TcpListener,
        bell: Bell,
        options: Arc<ServerOptions>,
        hall: Arc<Hall>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: Some(listener),
            bell,
            options,
            hall,
            clients: VecDeque::new(),
            ready: VecDeque::new(),
            resume: None,
            pause: PAUSE_MIN,
        })
    }

    /// The next request; otherwise why there is none.
    pub(super) fn next(&mut self, interrupted: impl Fn() -> bool) -> Next {
        loop {
            if self.hall.is_leaving() {
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

    /// Closes the listener and leaves all clients that have not asked yet.
    pub(super) fn shut(&mut self) {
        if self.listener.take().is_none() {
            return;
        }
        let clients = self.clients.drain(..);
        let reading = clients.filter(|client| matches!(client.stage, Stage::Reading(_))).count();
        self.hall.abandoned(reading);
        self.ready.clear();
    }

    /// Waits for something to happen, and sees to it.
    fn turn(&mut self) {
        let Some(listener) = &self.listener else { return };
        let now = Instant::now();
        let listening = self.resume.is_none_or(|resume| resume <= now);
        let mut timeout = self.resume.filter(|_| !listening).map(|resume| resume - now);
        let mut fds = Vec::with_capacity(self.clients.len() + 2);
        fds.push(PollFd::new(&self.bell.pipe, PollFlags::IN));
        let flags = if listening { PollFlags::IN } else { PollFlags::empty() };
        fds.push(PollFd::new(listener, flags));
        for client in &self.clients {
            fds.push(PollFd::from_borrowed_fd(client.stream.fd(), client.interest()));
            if let Some(left) = client.time_left() {
                timeout = Some(timeout.map_or(left, |timeout| timeout.min(left)));
            }
        }
        // Rounded up, or the last fraction of a millisecond would be waited for by asking on.
        let timeout = timeout.map(|timeout| timeout + Duration::from_millis(1));
        let timespec = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let polled = poll(&mut fds, timespec.as_ref());
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        if let Err(error) = polled
            && error != rustix::io::Errno::INTR
        {
            // No memory, most likely.
            self.options.tell_listener_error(&error.into());
            std::thread::sleep(PAUSE_MIN);
        }
        if ready[0] {
            self.bell.quieten(&self.bell.pipe);
        }
        for ready in &ready[2..] {
            let Some(client) = self.clients.pop_front() else { return };
            if !ready && client.time_left() != Some(Duration::ZERO) {
                self.clients.push_back(client);
                continue;
            }
            match client.look(&self.options, &self.hall) {
                Look::Stays(client) => self.clients.push_back(client),
                Look::Asks(incoming) => self.ready.push_back(incoming),
                Look::Gone => {}
            }
        }
        if listening && ready[1] {
            self.accept();
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTED_MAX {
            let Some(listener) = &self.listener else { return };
            match listener.accept().and_then(|(stream, _)| prepared(stream, &self.options)) {
                Ok(stream) => {
                    (self.resume, self.pause) = (None, PAUSE_MIN);
                    if self.clients.len() >= self.hall.handshakes_max() {
                        self.clients.pop_front();
                        self.options.tell_refused(&AcceptError::GivenUp);
                    }
                    let stage = Stage::Reading(Accepting::start(&self.options.accept));
                    self.clients.push_back(Client { stream, stage });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.options.tell_listener_error(&error);
                    if !concerns_one(&error) {
                        self.resume = Instant::now().checked_add(self.pause);
                        self.pause = (self.pause * 2).min(PAUSE_MAX);
                        return;
                    }
                }
            }
        }
    }
}

fn prepared(stream: TcpStream, options: &ServerOptions) -> io::Result<NetStream> {
    stream.set_nonblocking(true)?;
    // A message leaves when it is written: the engine has put together what it could.
    stream.set_nodelay(true)?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &options.tls {
        return Ok(TlsStream::server(stream, tls).map_err(TlsError::into_io)?.into());
    }
    let _ = options;
    Ok(stream.into())
}

impl Client {
    fn interest(&self) -> PollFlags {
        match &self.stage {
            _ if self.stream.has_outgoing() => PollFlags::OUT,
            Stage::Refused { outbox, .. } if !outbox.is_empty() => PollFlags::OUT,
            _ => PollFlags::IN,
        }
    }

    fn time_left(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Reading(accepting) => accepting.time_left(),
            Stage::Refused { until, .. } => Some(until.saturating_duration_since(Instant::now())),
        }
    }

    /// Reads and goes on, also with what was read before: nobody else tells of that.
    fn look(self, options: &Arc<ServerOptions>, hall: &Arc<Hall>) -> Look {
        let mut client = self;
        loop {
            match client.look_once(options, hall) {
                Look::Stays(stays) if stays.stream.has_incoming() => client = stays,
                look => return look,
            }
        }
    }

    fn look_once(self, options: &Arc<ServerOptions>, hall: &Arc<Hall>) -> Look {
        let Self { mut stream, stage } = self;
        match stage {
            Stage::Reading(mut accepting) => {
                match stream.read(accepting.inbox.space()) {
                    Ok(0) => accepting.receive_eof(),
                    Ok(len) => accepting.inbox.filled(len),
                    Err(error) if is_timeout(&error) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        options.tell_refused(&AcceptError::of_stream(error));
                        return Look::Gone;
                    }
                }
                hear(stream, accepting, options, hall)
            }
            Stage::Refused { outbox, until, shut_down } => linger(stream, outbox, until, shut_down),
        }
    }
}

fn hear(
    stream: NetStream,
    accepting: Accepting,
    options: &Arc<ServerOptions>,
    hall: &Arc<Hall>,
) -> Look {
    let refused = match accepting.hear(&options.accept) {
        Ok(Heard::More(accepting)) => {
            return Look::Stays(Client { stream, stage: Stage::Reading(accepting) });
        }
        Ok(Heard::Upgrade(asked)) => match hall.enter() {
            Some(place) => {
                let upgrade = Upgrade::new(stream, asked, place, Arc::clone(options));
                return Look::Asks(Incoming::Upgrade(upgrade));
            }
            None => turn_away(asked.offer.head().clone()),
        },
        Ok(Heard::Plain(head, inbox)) => match hall.enter() {
            Some(place) => {
                let plain = Plain::new(stream, head, &inbox, place, Arc::clone(options));
                return Look::Asks(Incoming::Plain(plain));
            }
            None => turn_away(head),
        },
        Err(refused) => refused,
    };
    let (error, outbox) = refused;
    options.tell_refused(&error);
    let Some(until) = Instant::now().checked_add(LINGER) else { return Look::Gone };
    linger(stream, outbox, until, false)
}

/// Writes the answer that refuses a request, and reads what the client still sends: a stream
/// that is dropped with unread input may take the answer with it.
fn linger(mut stream: NetStream, mut outbox: Outbox, until: Instant, mut shut_down: bool) -> Look {
    if Instant::now() >= until {
        return Look::Gone;
    }
    match try_write_out(&mut stream, &mut outbox) {
        Ok(true) if !shut_down => {
            shut_down = true;
            if stream.shut_down_writing().is_err() {
                return Look::Gone;
            }
        }
        Ok(_) => {}
        Err(_) => return Look::Gone,
    }
    let mut ignored = [0; 4096];
    match stream.read(&mut ignored) {
        Ok(0) => Look::Gone,
        Err(error) if !is_timeout(&error) && error.kind() != io::ErrorKind::Interrupted => {
            Look::Gone
        }
        _ => Look::Stays(Client { stream, stage: Stage::Refused { outbox, until, shut_down } }),
    }
}
