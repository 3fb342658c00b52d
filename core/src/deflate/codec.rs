//! The way of a message through permessage-deflate (RFC 7692, section 7.2): which states it needs,
//! and for how long they are kept.

use core::time::Duration;

use crate::codec::Codec;
use crate::decoded::Decoded;
use crate::deflate::compress::{Compressor, compressed_len_max};
use crate::deflate::inflate::Inflater;
use crate::deflate::settings::Deflate;
use crate::deflate_params::{DeflateParams, WINDOW_BITS_MAX};
use crate::error::ProtocolError;
use crate::outbox::Outbox;
use crate::role::Role;

/// One connection's state of permessage-deflate.
#[derive(Debug)]
pub(crate) struct DeflateCodec {
    settings: Deflate,
    params: DeflateParams,
    /// The parameters for this end and for the other.
    window_bits: u8,
    no_context_takeover: bool,
    peer_no_context_takeover: bool,
    /// Made when it is first needed, and kept while there is a context to keep.
    compressor: Option<Compressor>,
    inflater: Option<Inflater>,
    /// Since when the compressor is known to be idle, unless it was used.
    idle_since: Duration,
    was_used: bool,
}

impl DeflateCodec {
    pub(crate) fn new(settings: &Deflate, params: DeflateParams, role: Role) -> Self {
        let server = (params.server_no_context_takeover, params.server_max_window_bits);
        let client = (params.client_no_context_takeover, params.client_max_window_bits);
        let (own, peer) = match role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Self {
            params,
            // An end may restrict itself further than it must.
            window_bits: own.1.unwrap_or(WINDOW_BITS_MAX).min(settings.window_bits),
            no_context_takeover: own.0 || settings.no_context_takeover,
            peer_no_context_takeover: peer.0,
            settings: settings.clone(),
            compressor: None,
            inflater: None,
            idle_since: Duration::ZERO,
            was_used: false,
        }
    }

    fn give_compressor_back(&mut self) {
        if let Some(compressor) = self.compressor.take() {
            self.settings.pool.put_compressor(compressor);
        }
    }
}

impl Codec for DeflateCodec {
    fn decode(
        &mut self,
        payload: &[u8],
        decoded: &mut Decoded<'_>,
    ) -> Result<usize, ProtocolError> {
        let pool = &self.settings.pool;
        let inflater =
            self.inflater.get_or_insert_with(|| pool.take_inflater().unwrap_or_else(Inflater::new));
        inflater.inflate(payload, decoded)
    }

    fn end_decoding(&mut self, decoded: &mut Decoded<'_>) -> Result<(), ProtocolError> {
        let Some(inflater) = &mut self.inflater else { return Ok(()) };
        inflater.end_message(decoded)?;
        if self.peer_no_context_takeover
            && let Some(inflater) = self.inflater.take()
        {
            self.settings.pool.put_inflater(inflater);
        }
        Ok(())
    }

    fn is_worthwhile(&self, len: usize) -> bool {
        len >= self.settings.len_min
    }

    fn encoded_len_max(&self, len: usize) -> usize {
        compressed_len_max(len)
    }

    fn encode(&mut self, payload: &[u8], fin: bool, outbox: &mut Outbox) -> usize {
        let compressor =
            self.compressor.get_or_insert_with(|| self.settings.compressor(self.window_bits));
        let len = compressor.compress(payload, fin, outbox);
        self.was_used = true;
        if fin && self.no_context_takeover {
            self.give_compressor_back();
        }
        len
    }

    /// With a context the peer's window must have all that the compressor's has. A message that
    /// fills the window can be taken back nevertheless, with the window, since nothing of before it
    /// is left there to lose. A shorter one goes to the peer as it came out.
    fn take_back(&mut self, len: usize) -> bool {
        if !self.no_context_takeover && len < 1 << self.window_bits {
            return false;
        }
        if let Some(compressor) = &mut self.compressor {
            compressor.forget();
        }
        true
    }

    fn idle(&self) -> Option<(Duration, Duration)> {
        self.compressor.as_ref()?;
        Some((self.idle_since, self.settings.idle_timeout?))
    }

    fn expire(&mut self, now: Duration) {
        if self.was_used {
            self.was_used = false;
            self.idle_since = now;
        } else {
            self.give_compressor_back();
        }
    }

    fn takes_prepared(&mut self, window_bits: u8) -> bool {
        if window_bits > self.window_bits {
            return false;
        }
        // The peer's window has a message now that the compressor's has not, so that nothing of
        // before it is where the compressor would say.
        self.give_compressor_back();
        true
    }

    fn deflate_params(&self) -> Option<DeflateParams> {
        Some(self.params)
    }
}

impl Drop for DeflateCodec {
    fn drop(&mut self) {
        self.give_compressor_back();
        if let Some(inflater) = self.inflater.take() {
            self.settings.pool.put_inflater(inflater);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoded::{Budget, DecodedMemory};

    #[test]
    fn a_codec_that_ends_gives_its_states_back() {
        let settings = Deflate::default();
        let mut codec = DeflateCodec::new(&settings, DeflateParams::default(), Role::Server);
        let (mut outbox, mut memory) = (Outbox::new(), DecodedMemory::default());
        codec.encode(b"Hello", true, &mut outbox);
        let mut decoded = memory.resume(Budget { limit: 9, left: 9 }, usize::MAX);
        codec.decode(outbox.unsent(), &mut decoded).expect("it was just compressed");
        assert!(settings.pool.take_inflater().is_none());
        assert!(settings.pool.take_compressor(WINDOW_BITS_MAX).is_none());
        drop(codec);
        assert!(settings.pool.take_inflater().is_some());
        assert!(settings.pool.take_compressor(WINDOW_BITS_MAX).is_some());
    }
}
