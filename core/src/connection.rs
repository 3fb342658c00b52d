//! The state of one connection after its opening handshake, and the invariants that
//! `receive.rs`, `send.rs` and `timer.rs` keep.
//!
//! - `close_sent` never falls back; after it no data frame is laid (5.5.1).
//! - Once `receiving` is over, by a Close frame or a failure, arriving bytes are thrown away.
//! - `state` only moves forward: Open, Closing, Closed. In Closed nothing is laid any more.
//! - The closure is filled on the way and shown once the state is Closed.

use crate::Arc;
use alloc::boxed::Box;
use core::time::Duration;

use crate::clock::Clock;
use crate::close::{ClosedBy, Closure};
use crate::close_code::CloseCode;
use crate::codec::Codec;
use crate::config::Config;
#[cfg(feature = "deflate")]
use crate::deflate::DeflateCodec;
#[cfg(feature = "deflate")]
use crate::deflate_params::DeflateParams;
use crate::error::Fault;
use crate::mask::{MaskingKey, MaskingKeys};
use crate::receiving::Receiving;
use crate::role::{DataType, Role};

/// The state of one WebSocket connection, from the end of the opening handshake to its closure.
///
/// The caller owns the memory, in an [`Inbox`](crate::Inbox) and an [`Outbox`](crate::Outbox). The
/// caller also passes the time, as a `Duration` on a monotonic clock with any start. The front page
/// of the crate shows the loop around a connection.
#[derive(Debug)]
pub struct Connection {
    pub(crate) config: Arc<Config>,
    /// A client's; a server never masks.
    pub(crate) masking_keys: Option<MaskingKeys>,
    /// Of the extension that was negotiated.
    pub(crate) codec: Option<Box<dyn Codec>>,
    /// Whether every message goes out as one frame that holds it as it is.
    pub(crate) sends_plainly: bool,
    pub(crate) state: State,
    pub(crate) receiving: Receiving,
    /// The type of this endpoint's own message that has begun and not ended.
    pub(crate) sending: Option<DataType>,
    /// Whether the extension encodes that message.
    pub(crate) sending_coded: bool,
    pub(crate) clock: Clock,
    pub(crate) close_sent: bool,
    pub(crate) close_received: bool,
    pub(crate) failed: bool,
    /// How it ends, as far as that is known. In a box, since most connections stay open.
    closure: Option<Box<Closure>>,
}

/// A connection's cost beside its buffers, and a client's 320 bytes for masking keys.
const _: () = assert!(size_of::<Connection>() <= 216);

/// The phase of a connection (7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these three")]
pub enum State {
    /// Messages can be sent and received.
    Open,
    /// The closing handshake has begun, or the connection has failed. The transport is still open.
    Closing,
    /// The connection has ended. Write the rest of the outbox if that is possible without waiting,
    /// then drop the transport.
    Closed,
}

impl Connection {
    /// Makes the client's end of an open connection, after the opening handshake. The handshake may
    /// have been done by another library.
    #[must_use]
    pub fn client(config: impl Into<Arc<Config>>, keys: MaskingKeys, now: Duration) -> Self {
        Self::new(config.into(), Some(keys), Role::Client, now)
    }

    /// Makes the server's end of an open connection, after the opening handshake. The handshake may
    /// have been done by another library.
    #[must_use]
    pub fn server(config: impl Into<Arc<Config>>, now: Duration) -> Self {
        Self::new(config.into(), None, Role::Server, now)
    }

    /// Turns on compression with these parameters (RFC 7692). Call it before you send or receive, if
    /// another library did the opening handshake and used
    /// [`Deflate::accept`](crate::Deflate::accept) or
    /// [`Deflate::confirm`](crate::Deflate::confirm).
    ///
    /// The settings come from [`Config::deflate`], or are the defaults.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, params: DeflateParams) -> Self {
        let settings = self.config.deflate.clone().unwrap_or_default();
        self.codec = Some(Box::new(DeflateCodec::new(&settings, params, self.role())));
        self.sends_plainly = false;
        self
    }

    fn new(
        config: Arc<Config>,
        masking_keys: Option<MaskingKeys>,
        role: Role,
        now: Duration,
    ) -> Self {
        let receiving = Receiving::new(&config, role);
        Self {
            sends_plainly: config.fragment_len.is_none(),
            config,
            masking_keys,
            codec: None,
            state: State::Open,
            receiving,
            sending: None,
            sending_coded: false,
            clock: Clock::new(now),
            close_sent: false,
            close_received: false,
            failed: false,
            closure: None,
        }
    }

    /// Tells the connection that the transport has no more bytes, because it ended or failed.
    ///
    /// Take the remaining events. After the last one, the connection is [`Closed`](State::Closed).
    pub fn receive_eof(&mut self) {
        self.receiving.eof = true;
        self.receiving.looks = true;
        if self.receiving_is_over() {
            self.conclude();
        }
    }

    /// Ends the connection now, without a closing handshake. Received messages that you have not
    /// taken are lost.
    ///
    /// The closure is clean only if both ends have already sent a Close frame. On a closed
    /// connection, this does nothing.
    pub fn abort(&mut self) {
        self.conclude();
    }

    /// The role of this end.
    #[must_use]
    pub const fn role(&self) -> Role {
        if self.masking_keys.is_some() { Role::Client } else { Role::Server }
    }

    /// The phase of the connection. It changes in [`next_event`](Self::next_event),
    /// [`close`](Self::close), [`fail`](Self::fail), [`receive_eof`](Self::receive_eof) and
    /// [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The settings of the connection.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Whether to shut down the writing side of the transport once the outbox is empty. Then read on
    /// until the transport ends.
    ///
    /// A server shuts down first, after both Close frames. A client waits for the server (7.1.1),
    /// unless it failed the connection. Both shut down when the connection is closed.
    #[must_use]
    pub const fn should_shut_down(&self) -> bool {
        let server_is_done = self.close_sent && self.close_received && self.masking_keys.is_none();
        self.failed || server_is_done || matches!(self.state, State::Closed)
    }

    /// How the connection ended; `None` until it is [`Closed`](State::Closed).
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.closure.as_deref().filter(|_| self.state == State::Closed)
    }

    pub(crate) fn closure_mut(&mut self) -> &mut Closure {
        self.closure.get_or_insert_with(|| {
            Box::new(Closure {
                code: CloseCode::ABNORMAL,
                reason: Box::default(),
                clean: false,
                sent: None,
                closed_by: ClosedBy::Transport,
                fault: None,
            })
        })
    }

    /// The negotiated parameters of compression (RFC 7692); `None` without compression.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<DeflateParams> {
        self.codec.as_ref()?.deflate_params()
    }

    /// The fault of the connection. It is known as soon as the connection fails, before it is closed.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match &self.closure {
            Some(closure) => closure.fault,
            None => None,
        }
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.clock.round_trip
    }

    /// Whether arriving bytes mean nothing any more.
    ///
    /// 1.4: "after receiving a control frame indicating the connection should be closed, a peer
    /// discards any further data received." 7.1.7: an endpoint that failed the connection "MUST
    /// NOT continue to attempt to process data (including a responding Close frame)".
    pub(crate) const fn receiving_is_over(&self) -> bool {
        self.close_received | self.failed | matches!(self.state, State::Closed)
    }

    /// The key for the next frame: a fresh one for each (5.3), or none for a server.
    #[inline]
    pub(crate) fn next_key(&mut self) -> Option<MaskingKey> {
        self.masking_keys.as_mut().map(MaskingKeys::next_key)
    }

    pub(crate) fn begin_closing(&mut self, now: Duration, by: ClosedBy) {
        if self.state == State::Open {
            self.state = State::Closing;
            self.closure_mut().closed_by = by;
            self.clock.began = now;
        }
    }

    pub(crate) fn conclude(&mut self) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.receiving.looks = true;
        // 7.1.4: closed cleanly if "the TCP connection is closed after the WebSocket closing
        // handshake is completed".
        let completed = self.close_sent && self.close_received;
        let closure = self.closure_mut();
        closure.clean = completed && closure.fault.is_none();
        if !closure.clean && closure.fault.is_none() {
            closure.fault = Some(Fault::ConnectionLost);
        }
    }
}
