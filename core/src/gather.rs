//! Sending from where the payload lies: headers in the outbox, payload in the caller's memory. A
//! prepared message has its header with it.

use core::fmt;

use crate::frame::{FIN, Opcode};
use crate::outbox::Outbox;

/// A message under way from the caller's memory to the transport, by vectored writes.
///
/// Write [`slices`](Self::slices) and pass the number of written bytes to [`sent`](Self::sent),
/// until [`is_empty`](Self::is_empty). If it is dropped before that, the rest is copied into the
/// outbox: nothing is lost, and no frame is cut. Do not leak it (`mem::forget`): the outbox would
/// then hold a header without its payload.
///
/// ```
/// # use bluewire_core::{Config, Connection, Outbox};
/// # use core::time::Duration;
/// use std::io::{IoSlice, Write};
///
/// # let mut server = Connection::server(Config::default(), Duration::ZERO);
/// # let mut outbox = Outbox::new();
/// # let mut socket = Vec::new();
/// let mut gather = server.send_vectored("a long text", &mut outbox)?;
/// while !gather.is_empty() {
///     let n = socket.write_vectored(&gather.slices().map(IoSlice::new))?;
///     gather.sent(n);
/// }
/// # drop(gather);
/// # assert_eq!(socket, b"\x81\x0ba long text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gather<'o> {
    outbox: &'o mut Outbox,
    /// The unsent bytes of the last fragment that has a header.
    payload: &'o [u8],
    /// The fragments behind it; empty if `payload` is.
    rest: &'o [u8],
    fragment_len: usize,
    /// The length of a frame that lies with its header in `payload`; otherwise 0.
    frame_len: usize,
}

impl<'o> Gather<'o> {
    #[inline]
    pub(crate) fn new(
        opcode: Opcode,
        message: &'o [u8],
        fragment_len: usize,
        outbox: &'o mut Outbox,
    ) -> Self {
        let mut gather = Self { outbox, payload: &[], rest: message, fragment_len, frame_len: 0 };
        gather.begin_fragment(opcode);
        gather
    }

    /// A gather whose message lies in the outbox.
    pub(crate) const fn copied(outbox: &'o mut Outbox) -> Self {
        Self::laid(&[], outbox)
    }

    /// A gather of a frame that is laid out, with its header.
    pub(crate) const fn laid(frame: &'o [u8], outbox: &'o mut Outbox) -> Self {
        Self { outbox, payload: frame, rest: &[], fragment_len: usize::MAX, frame_len: frame.len() }
    }

    /// The bytes to write next, in order. Any slice can be empty. With fragments, more bytes may
    /// follow them.
    #[must_use]
    #[inline]
    pub fn slices(&self) -> [&[u8]; 4] {
        let [first, second, third] = self.outbox.slices();
        [first, second, third, self.payload]
    }

    /// Records that the next `len` bytes, across the slices, are written.
    ///
    /// # Panics
    ///
    /// If `len` is more than the slices hold.
    #[inline]
    pub fn sent(&mut self, len: usize) {
        let laid = len.min(self.outbox.len());
        self.outbox.sent(laid);
        let rest = self.payload.get(len.saturating_sub(laid)..);
        assert!(rest.is_some(), "more sent than the slices held");
        self.payload = rest.unwrap_or_default();
        if self.payload.is_empty() && self.outbox.is_empty() && !self.rest.is_empty() {
            self.begin_fragment(Opcode::Continuation);
        }
    }

    /// Whether all is sent, including the earlier contents of the outbox.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.payload.is_empty() && self.outbox.is_empty()
    }

    #[inline]
    fn begin_fragment(&mut self, opcode: Opcode) {
        let (payload, rest) = self.rest.split_at(self.rest.len().min(self.fragment_len));
        let fin = if rest.is_empty() { FIN } else { 0 };
        self.outbox.lay_header(fin | opcode as u8, payload.len());
        (self.payload, self.rest) = (payload, rest);
    }

    /// Copies what is left, which is not nothing, behind what lies in the outbox.
    #[cold]
    fn keep(&mut self) {
        if self.payload.len() == self.frame_len {
            // Control frames can still pass a frame that has not begun to leave.
            return self.outbox.lay_laid(self.payload);
        }
        self.outbox.lay_rest(self.payload);
        while !self.rest.is_empty() {
            self.begin_fragment(Opcode::Continuation);
            self.outbox.lay_rest(self.payload);
        }
    }
}

impl Drop for Gather<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.payload.is_empty() {
            self.keep();
        }
    }
}

impl fmt::Debug for Gather<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("outbox_len", &self.outbox.len())
            .field("payload_len", &self.payload.len().saturating_add(self.rest.len()))
            .finish()
    }
}
