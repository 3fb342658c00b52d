//! The settings of permessage-deflate, and what they come to in a negotiation.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::time::Duration;

use crate::deflate::compress::{self, Compressor};
use crate::deflate::inflate;
use crate::deflate::pool::Pool;
use crate::deflate_params::{DeflateParams, Element, NAME, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use crate::extension::{ExtensionItem, ExtensionList};
use crate::outbox::Outbox;

/// Compression of messages, permessage-deflate (RFC 7692): the settings of one endpoint, a client
/// or a server.
///
/// Put it into [`Config::deflate`](crate::Config::deflate). A client then offers the extension, and a
/// server agrees to the first acceptable offer. The peer may not support it;
/// [`Connection::deflate`](crate::Connection::deflate) says whether it is in use.
///
/// Compression is off by default, because it has costs:
///
/// - **Memory.** A connection that keeps its context needs 47 KiB once it has received a compressed
///   message, and 371 KiB once it has sent one. With
///   [`no_context_takeover`](Self::no_context_takeover) and
///   [`peer_no_context_takeover`](Self::peer_no_context_takeover), connections share a few states.
///   [`idle_timeout`](Self::idle_timeout) frees the state of a quiet connection.
///   [`memory_level`](Self::memory_level) and [`window_bits`](Self::window_bits) reduce the 371 KiB
///   to 134 KiB at the least. [`small`](Self::small) keeps both directions in 63 KiB.
/// - **Time.** Compressing a message takes many times longer than everything else.
/// - **Secrets.** An attacker may be able to place text next to a secret, and to see the length of
///   the messages. Then the attacker can find out the secret (RFC 7692, section 8; the attacks
///   CRIME and BREACH). Do not compress in this case.
///
/// [`Limits::message_len_max`](crate::Limits) limits how far a message of the peer is inflated. It
/// should be small: [`MESSAGE_LEN_MAX`](Self::MESSAGE_LEN_MAX) is recommended, unless you need
/// more. The compressed length may be at most an eighth of that limit and 64 KiB more. A message
/// that is delivered whole
/// must be complete within 60 seconds, unless
/// [`Config::message_timeout`](crate::Config::message_timeout) says otherwise. Memory beyond 64 KiB
/// that a message was inflated to is freed before the next read.
///
/// ```
/// use bluewire_core::{Config, Deflate, Limits};
/// use core::time::Duration;
///
/// let deflate = Deflate::default().level(1).idle_timeout(Duration::from_secs(60));
/// let limits = Limits::default().message_len_max(Deflate::MESSAGE_LEN_MAX);
/// let config = Config::default().limits(limits).deflate(deflate);
/// # let _ = config;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Deflate {
    /// Whether the compressor is the one that takes little memory.
    small: bool,
    level: u8,
    memory_level: u8,
    pub(super) window_bits: u8,
    peer_window_bits: u8,
    pub(super) no_context_takeover: bool,
    peer_no_context_takeover: bool,
    falls_back: bool,
    pub(super) len_min: usize,
    pub(super) idle_timeout: Option<Duration>,
    /// The state that the connections of these settings share.
    pub(super) pool: Pool,
}

impl Deflate {
    /// The recommended [`Limits::message_len_max`](crate::Limits::message_len_max) with compression:
    /// 1 MiB. 1,000 bytes inflate to as many, and to 16 MiB with 16,000 by the default limit, so a
    /// peer holds memory of this end's at a thousandth of the price. It is not the default, since
    /// the limit counts for messages that are not compressed, too.
    pub const MESSAGE_LEN_MAX: u64 = 1024 * 1024;

    /// Settings for many connections: both directions keep their context in 63 KiB, where the
    /// default takes 418 KiB.
    ///
    /// The compressor is another one. It takes 16 KiB and looks back 4 KiB, which
    /// [`window_bits`](Self::window_bits) can reduce further. [`level`](Self::level) and
    /// [`memory_level`](Self::memory_level) do not apply to it. JSON messages of some 100 bytes, of
    /// a chat, a market and a game, become 35 % of their length, as by the default settings. With
    /// the least memory that zlib can do with, 181 KiB for both directions, they become 75 %, and
    /// without context takeover 95 %. Repetitions further back than 4 KiB are not found.
    ///
    /// ```
    /// use bluewire_core::{Config, Deflate};
    ///
    /// let config = Config::default().deflate(Deflate::small());
    /// # let _ = config;
    /// ```
    pub fn small() -> Self {
        Self { small: true, window_bits: 12, ..Self::default() }
    }

    /// How hard to compress, from 1, fastest, to 9, smallest. The nearest of these replaces other
    /// values.
    ///
    /// 1 by default. For JSON messages of 1 KiB, level 2 takes five times as long and saves a fifth
    /// of the bytes that are left, and level 6 takes twelve times as long and saves a third.
    pub fn level(mut self, level: u8) -> Self {
        self.level = level.clamp(1, 9);
        self.pool = Pool::default();
        self
    }

    /// How much memory to compress with beside the window, from 1 to 9; each level doubles it. The
    /// default is 8, which is 112 KiB. With less memory the result is a little longer. The nearest
    /// of these levels replaces other values.
    pub fn memory_level(mut self, level: u8) -> Self {
        self.memory_level = level.clamp(1, 9);
        self.pool = Pool::default();
        self
    }

    /// How far back to look for repetitions: the logarithm to base 2 of the window in bytes, from 8
    /// to 15, which is the default. A compressor's memory has four times the window in it. The
    /// nearest of these replaces other values.
    ///
    /// A server tells the client by `server_max_window_bits`, a client the server by
    /// `client_max_window_bits`. A peer that asks for less gets less.
    pub fn window_bits(mut self, bits: u8) -> Self {
        self.window_bits = bits.clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        self
    }

    /// The window, in the same measure, that the peer is asked to keep to. 15 by default, which
    /// asks for nothing. It saves memory at the peer only: what inflates here can always read the
    /// largest window.
    pub fn peer_window_bits(mut self, bits: u8) -> Self {
        self.peer_window_bits = bits.clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        self
    }

    /// Compresses each message by itself, and tells the peer. Off by default.
    ///
    /// Messages that are like those before them become longer by it, often by far. In return the
    /// connection holds a compressor only while it lays a message, and then gives it back to a pool
    /// that all connections of these settings and their clones share, and that keeps up to 8 of
    /// them; the peer saves memory too.
    pub fn no_context_takeover(mut self, yes: bool) -> Self {
        self.no_context_takeover = yes;
        self
    }

    /// Asks the peer to compress each message by itself. Off by default. With it a connection
    /// holds a decompressor only while a compressed message comes in.
    pub fn peer_no_context_takeover(mut self, yes: bool) -> Self {
        self.peer_no_context_takeover = yes;
        self
    }

    /// Whether a client that asks its peer for something by
    /// [`peer_window_bits`](Self::peer_window_bits) or
    /// [`peer_no_context_takeover`](Self::peer_no_context_takeover) also offers to go without, for
    /// a server that declines. On by default. Off, such a server means no compression.
    pub fn fall_back(mut self, yes: bool) -> Self {
        self.falls_back = yes;
        self
    }

    /// The shortest message, in bytes, that is worth compressing: a shorter one is sent as it is.
    /// 64 by default. A message that is sent in parts counts as long.
    ///
    /// A message that has not become shorter is sent as it is too, unless it is shorter than the
    /// window and the peer needs to have it in its own.
    pub fn len_min(mut self, len: usize) -> Self {
        self.len_min = len;
        self
    }

    /// Gives a connection's compressor back when no message was compressed for this long; at the
    /// latest when it is twice as long. Off by default.
    ///
    /// The next message then begins with an empty context, which the peer need not know. It is
    /// `handle_timeout` that does it. A decompressor has to stay while the peer may refer to what
    /// it sent before: see [`peer_no_context_takeover`](Self::peer_no_context_takeover).
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into();
        self
    }

    /// The value of `Sec-WebSocket-Extensions` with which a client offers this. For handshakes that
    /// run outside the engine.
    #[must_use]
    pub fn offer(&self) -> String {
        let mut value = String::new();
        for element in self.offers() {
            if !value.is_empty() {
                value.push_str(", ");
            }
            value.push_str(&element.to_string());
        }
        value
    }

    /// A server's answer to a client's `Sec-WebSocket-Extensions`, for handshakes that run outside
    /// the engine. It accepts the first offer that it can, and ignores other extensions. `None` if
    /// no offer is acceptable, or if the value is malformed.
    #[must_use]
    pub fn accept(&self, offers: &str) -> Option<DeflateParams> {
        let items: Result<alloc::vec::Vec<_>, _> = ExtensionList::new(offers.as_bytes()).collect();
        self.accept_any(items.ok()?)
    }

    /// The parameters in a server's answer, for the client that offered this. `None` if it is not
    /// an answer to [`offer`](Self::offer); the client must then fail the connection. For
    /// handshakes that run outside the engine.
    #[must_use]
    pub fn confirm(&self, response: &str) -> Option<DeflateParams> {
        let mut items = ExtensionList::new(response.as_bytes());
        let item = items.next()?.ok()?;
        if items.next().is_some() {
            return None;
        }
        self.confirm_item(item)
    }

    pub(crate) fn is_named_by(&self, item: ExtensionItem<'_>) -> bool {
        item.name() == NAME
    }

    /// RFC 7692, section 5: a client lists its offers in order of preference, so the first one that
    /// is acceptable is taken.
    pub(crate) fn accept_any<'i>(
        &self,
        offers: impl IntoIterator<Item = ExtensionItem<'i>>,
    ) -> Option<DeflateParams> {
        offers.into_iter().find_map(|offer| self.accept_item(offer))
    }

    fn accept_item(&self, offer: ExtensionItem<'_>) -> Option<DeflateParams> {
        // 7: "A server MUST decline an extension negotiation offer for this extension if" a
        // parameter in it is unknown, has an invalid value or stands twice.
        let offer = Element::parse(offer)?;
        // 7.1.2.2: without it in the offer, it must not be in the response.
        let client_bits_max =
            offer.client_max_window_bits.map(|bits| bits.unwrap_or(WINDOW_BITS_MAX));
        Some(DeflateParams {
            // 7.1.1.1: to accept it is to say it too.
            server_no_context_takeover: offer.server_no_context_takeover
                || self.no_context_takeover,
            // 7.1.1.2: in an offer it is a hint that the client will keep to it anyway.
            client_no_context_takeover: offer.client_no_context_takeover
                || self.peer_no_context_takeover,
            // 7.1.2.1: a server accepts it by answering with the same value or a smaller one. It
            // may also send it unasked.
            server_max_window_bits: match offer.server_max_window_bits {
                Some(bits) => Some(bits.min(self.window_bits)),
                None => (self.window_bits < WINDOW_BITS_MAX).then_some(self.window_bits),
            },
            client_max_window_bits: client_bits_max
                .filter(|max| self.peer_window_bits < *max)
                .map(|_| self.peer_window_bits),
        })
    }

    /// 7: "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension
    /// negotiation offer for this extension with an extension negotiation response" that is not
    /// one.
    pub(crate) fn confirm_item(&self, response: ExtensionItem<'_>) -> Option<DeflateParams> {
        let response = DeflateParams::parse(response)?;
        self.offers().any(|offer| response.answers(&offer)).then_some(response)
    }

    /// A client's offers, the one it prefers first.
    fn offers(&self) -> impl Iterator<Item = Element> {
        let best = Element {
            server_no_context_takeover: self.peer_no_context_takeover,
            client_no_context_takeover: self.no_context_takeover,
            server_max_window_bits: (self.peer_window_bits < WINDOW_BITS_MAX)
                .then_some(self.peer_window_bits),
            // 7.1.2.2: without a value it tells that the client can keep to one.
            client_max_window_bits: Some(
                (self.window_bits < WINDOW_BITS_MAX).then_some(self.window_bits),
            ),
        };
        let without =
            Element { server_no_context_takeover: false, server_max_window_bits: None, ..best };
        let falls_back = self.falls_back && best != without;
        core::iter::once(best).chain(falls_back.then_some(without))
    }

    /// The memory of both directions' states.
    pub(crate) const fn bytes_max(&self) -> u64 {
        let compressor = if self.small {
            compress::SMALL_BYTES_MAX
        } else {
            compress::bytes_max(self.memory_level, self.window_bits)
        };
        compressor.saturating_add(inflate::BYTES_MAX)
    }

    /// Compresses a message by itself; tells with which window too.
    pub(crate) fn compress_once(&self, payload: &[u8]) -> (Box<[u8]>, u8) {
        let mut outbox = Outbox::new();
        let mut compressor = self.compressor(self.window_bits);
        compressor.compress(payload, true, &mut outbox);
        self.pool.put_compressor(compressor);
        (outbox.unsent().into(), self.window_bits)
    }

    /// A compressor with an empty window.
    pub(super) fn compressor(&self, window_bits: u8) -> Compressor {
        let made = || match self.small {
            true => Compressor::small(window_bits),
            false => Compressor::new(self.level, self.memory_level, window_bits),
        };
        self.pool.take_compressor(window_bits).unwrap_or_else(made)
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            small: false,
            level: 1,
            memory_level: 8,
            window_bits: WINDOW_BITS_MAX,
            peer_window_bits: WINDOW_BITS_MAX,
            no_context_takeover: false,
            peer_no_context_takeover: false,
            falls_back: true,
            len_min: 64,
            idle_timeout: None,
            pool: Pool::default(),
        }
    }
}
