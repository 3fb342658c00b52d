//! permessage-deflate (RFC 7692).
//!
//! `settings` has what a user chooses and what it comes to in a negotiation, `codec` the way of a
//! message, `inflate` and `compress` the two directions of DEFLATE, `small` a compressor in little
//! memory, and `pool` what connections share of them. The parameters are in `deflate_params`,
//! beside the trait of a codec.

mod codec;
mod compress;
mod inflate;
mod pool;
mod settings;
mod small;

pub(crate) use codec::DeflateCodec;
pub use settings::Deflate;
