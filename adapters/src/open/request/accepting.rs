//! The opening handshake from the server's side.

#[cfg(any(feature = "blocking", feature = "_asynch"))]
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    Connection, HttpAnswer, Inbox, Offer, Outbox, Request, RequestHead, Role, ServerHandshake,
};

use super::{Established, Opened, Progress};
use crate::clock::Clock;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
use crate::error::is_passing;
use crate::open::error::AcceptError;
use crate::open::options::{AcceptOptions, answer};
use crate::trace::{self, Id};

/// The opening handshake from the server's side: the adapter reads into its inbox, lets it
/// advance, and writes the outbox of what comes out.
#[derive(Debug)]
pub(crate) struct Accepting {
    clock: Clock,
    id: Id,
    handshake: ServerHandshake,
    pub(crate) inbox: Inbox,
    outbox: Outbox,
}

/// The state of a client's request.
pub(crate) enum Heard {
    /// It takes another read.
    More(Accepting),
    /// It asks for a WebSocket, as it must, and the options have nothing against it.
    Upgrade(Asked),
    /// It asks for something else.
    Plain(RequestHead, Inbox),
}

/// A request for a WebSocket that waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    clock: Clock,
    id: Id,
    pub(crate) offer: Offer,
    pub(crate) inbox: Inbox,
}

impl Accepting {
    pub(crate) fn start(options: &AcceptOptions, clock: Clock) -> Self {
        let config = Arc::clone(&options.config);
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let handshake = ServerHandshake::new(config, clock.now());
        Self { clock, id: Id::next(), handshake, inbox, outbox: Outbox::new() }
    }

    /// Goes on with what has arrived, then with what the clock says, and answers. An error comes
    /// with the answer to write.
    pub(crate) fn advance(
        self,
        options: &AcceptOptions,
    ) -> Result<Progress<Self>, (AcceptError, Outbox)> {
        match self.hear(options)? {
            Heard::More(accepting) => Ok(Progress::More(accepting)),
            Heard::Upgrade(asked) => Ok(Progress::Done(asked.open())),
            Heard::Plain(head, _) => Err(decline(head)),
        }
    }

    /// The same without an answer to a request that there is nothing against.
    pub(crate) fn hear(self, options: &AcceptOptions) -> Result<Heard, (AcceptError, Outbox)> {
        let id = self.id;
        self.listen(options).inspect_err(|(error, _)| error.tell(id))
    }

    fn listen(mut self, options: &AcceptOptions) -> Result<Heard, (AcceptError, Outbox)> {
        let mut asked = self.handshake.next_request(&mut self.inbox, &mut self.outbox);
        if let Ok(None) = asked {
            self.handshake.handle_timeout(self.clock.now(), &mut self.outbox);
            asked = self.handshake.next_request(&mut self.inbox, &mut self.outbox);
        }
        match asked {
            Ok(None) => Ok(Heard::More(self)),
            Ok(Some(Request::Upgrade(mut offer))) => {
                if let Err((error, answer)) = options.judge(&mut offer, false) {
                    offer.reject(&answer, &mut self.outbox);
                    return Err((error, self.outbox));
                }
                self.id.was_asked(offer.path());
                let Self { clock, id, inbox, .. } = self;
                Ok(Heard::Upgrade(Asked { clock, id, offer, inbox }))
            }
            Ok(Some(Request::Plain(head))) => Ok(Heard::Plain(head, self.inbox)),
            Err(error) => Err((AcceptError::Handshake(error), self.outbox)),
        }
    }

    /// How long the next wait may take, to read or to write; `None` if there is no limit.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let deadline = self.handshake.poll_timeout()?;
        (deadline != Duration::MAX).then(|| deadline.saturating_sub(self.clock.now()))
    }

    /// Takes what a read into the inbox gave. One that found nothing to do now changes nothing.
    ///
    /// # Errors
    ///
    /// If it failed.
    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(crate) fn received(&mut self, read: io::Result<usize>) -> Result<(), AcceptError> {
        match read {
            Ok(0) => self.handshake.receive_eof(),
            Ok(len) => self.inbox.filled(len),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(AcceptError::of_stream(error)),
        }
        Ok(())
    }
}

impl Asked {
    /// Judges a request that an HTTP library has read, by the rules and by the options, as one from
    /// the wire is judged.
    ///
    /// # Errors
    ///
    /// With the answer that this library is to write.
    #[cfg(feature = "hyper")]
    pub(crate) fn judge(
        options: &AcceptOptions,
        clock: Clock,
        head: RequestHead,
        is_secure: bool,
    ) -> Result<Self, (AcceptError, HttpAnswer)> {
        let id = Id::next();
        let judged = match Request::judge(Arc::clone(&options.config), head) {
            Ok(Request::Upgrade(mut offer)) => options.judge(&mut offer, is_secure).map(|()| offer),
            Ok(Request::Plain(head)) => {
                let answer = plain_answer(&head);
                Err((AcceptError::NotWebSocket(head), answer))
            }
            Err(error) => Err((error.into(), answer_to(error))),
        };
        let offer = judged.inspect_err(|(error, _)| error.tell(id))?;
        id.was_asked(offer.path());
        let inbox = Inbox::with_read_len(options.config.limits.read_len);
        Ok(Self { clock, id, offer, inbox })
    }

    /// Accepts.
    pub(crate) fn open(self) -> Opened {
        let mut outbox = Outbox::new();
        self.open_by(|offer, now| (offer.accept(now, &mut outbox), outbox))
    }

    /// Accepts where an HTTP library writes the response.
    #[cfg(feature = "hyper")]
    pub(crate) fn open_elsewhere(self) -> Opened {
        self.open_by(|offer, now| (offer.into_connection(now), Outbox::new()))
    }

    fn open_by(self, accept: impl FnOnce(Offer, Duration) -> (Connection, Outbox)) -> Opened {
        let Self { clock, id, offer, inbox } = self;
        let established = Established::of_server(offer.subprotocol(), offer.head().clone());
        let (connection, outbox) = accept(offer, clock.now());
        let trace = id.opens(Role::Server, established.protocol(), &connection);
        Opened { clock, connection, inbox, outbox, established, trace, flow: None }
    }

    /// Refuses.
    pub(crate) fn reject(self, answer: &HttpAnswer) -> Outbox {
        self.id.refuses(answer.status(), "the application refused it");
        let mut outbox = Outbox::new();
        self.offer.reject(answer, &mut outbox);
        outbox
    }
}

/// Says that there is nothing but WebSockets here.
pub(crate) fn decline(head: RequestHead) -> (AcceptError, Outbox) {
    trace::refuses(426, "the request did not ask for a WebSocket");
    let mut outbox = Outbox::new();
    plain_answer(&head).lay(&head, &mut outbox);
    (AcceptError::NotWebSocket(head), outbox)
}

/// The answer to a request for something else where there is nothing else.
pub(crate) fn plain_answer(head: &RequestHead) -> HttpAnswer {
    answer(426).text(match head.is_http2() {
        false => "this is a WebSocket; ask for it by the header Upgrade: websocket\n",
        true => {
            "this is a WebSocket; ask for it by CONNECT with :protocol = websocket (RFC 8441)\n"
        }
    })
}

/// The answer to a request that breaks a rule.
#[cfg(feature = "hyper")]
pub(crate) fn answer_to(error: bluewire_core::HandshakeError) -> HttpAnswer {
    HttpAnswer::to_error(error).unwrap_or_else(|| answer(400))
}

/// Says that too many are there.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) fn turn_away(head: RequestHead) -> (AcceptError, Outbox) {
    trace::refuses(503, "the server has as many connections as it may");
    let mut outbox = Outbox::new();
    full_answer().lay(&head, &mut outbox);
    (AcceptError::Full(head), outbox)
}

#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) fn full_answer() -> HttpAnswer {
    let full = answer(503).header("Retry-After", "5").expect("it is lawful");
    full.text("too many connections\n")
}
