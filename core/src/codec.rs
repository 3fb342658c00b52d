//! The interface of a negotiated extension (9.2; RFC 7692, section 4).
//!
//! Such an extension works on messages, before they are cut into frames and after they are put
//! together, and marks those that it worked on by RSV1. The order of one message that comes in:
//! unmask, decode, limit, UTF-8, event. The engine knows no more about it than this trait.

use core::fmt;
use core::time::Duration;

use crate::decoded::Decoded;
#[cfg(feature = "deflate")]
use crate::deflate_params::DeflateParams;
use crate::error::ProtocolError;
use crate::outbox::Outbox;

pub(crate) trait Codec: fmt::Debug + Send + Sync {
    /// Decodes payload of a message that came with RSV1 and tells how much of it: all, unless
    /// that is enough before. Nothing is kept back of what can be decoded.
    fn decode(&mut self, payload: &[u8], decoded: &mut Decoded<'_>)
    -> Result<usize, ProtocolError>;

    /// Ends the message that came.
    fn end_decoding(&mut self, decoded: &mut Decoded<'_>) -> Result<(), ProtocolError>;

    /// Whether a message of this length is worth encoding. It may still turn out not to be.
    fn is_worthwhile(&self, len: usize) -> bool;

    /// The most bytes that this many can become.
    fn encoded_len_max(&self, len: usize) -> usize;

    /// Encodes a part of a message, the last one if `fin`, into the spare memory behind all that
    /// is laid, and takes it; tells how long it became. The peer can decode all of it once it has
    /// it.
    fn encode(&mut self, payload: &[u8], fin: bool, outbox: &mut Outbox) -> usize;

    /// Whether the last whole message, of this length, can be sent as it is, though it was encoded:
    /// it has not gained by it. If so, it is as if it never had been.
    fn take_back(&mut self, len: usize) -> bool;

    /// Since when memory is known to be idle, and how long it may be before it is given back.
    fn idle(&self) -> Option<(Duration, Duration)>;

    /// Gives memory back if nothing has used it since the last call.
    fn expire(&mut self, now: Duration);

    /// Whether a message can be sent that was compressed by itself, elsewhere, with a window of
    /// this many bits. If so, it is sent.
    #[cfg(feature = "deflate")]
    fn takes_prepared(&mut self, window_bits: u8) -> bool;

    /// The agreed parameters, if this is permessage-deflate.
    #[cfg(feature = "deflate")]
    fn deflate_params(&self) -> Option<DeflateParams>;
}
