//! The tester's own permessage-deflate (RFC 7692): its side of the negotiation, a compressor, an
//! inflater, and a loop of messages that are compressed once for all targets.
//!
//! Like the rest of the tester it shares nothing with the engine. The engine leaves DEFLATE itself
//! to a library; here it is written out, since this inflater must know how far back a sender may
//! refer, and report a reference that goes further.

mod bits;
mod compress;
mod echoes;
mod huffman;
mod inflate;
mod negotiation;

pub use compress::Compressor;
pub use echoes::{Echoes, Slices};
pub use inflate::{Fault, Inflater};
pub use negotiation::{Accept, Agreed, Compression, DeflateLoop, Offer};
