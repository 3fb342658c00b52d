//! Inflating payload as it comes (RFC 7692, section 7.2.2).

use core::fmt;

use zlib_rs::{Inflate as Zlib, InflateFlush, Status};

use crate::cut::Cut;
use crate::decoded::Decoded;
use crate::deflate::compress::count;
use crate::deflate_params::{TAIL, WINDOW_BITS_MAX};
use crate::error::ProtocolError;

/// The memory of one: the largest window, and tables.
pub(super) const BYTES_MAX: u64 = 64 * 1024;

pub(super) struct Inflater {
    zlib: Zlib,
    /// Whether nothing has arrived since a message or a stream of blocks ended.
    at_border: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        // It reads what was compressed with any smaller window as well, and is no larger for it.
        Self { zlib: Zlib::new(false, WINDOW_BITS_MAX), at_border: true }
    }

    /// Begins anew, with an empty window.
    pub(super) fn forget(&mut self) {
        self.zlib.reset(false);
        self.at_border = true;
    }

    /// Inflates payload, all of it unless that is enough before, and tells how much.
    pub(super) fn inflate(
        &mut self,
        payload: &[u8],
        decoded: &mut Decoded<'_>,
    ) -> Result<usize, ProtocolError> {
        let mut rest = payload;
        loop {
            if rest.is_empty() && self.at_border || !rest.is_empty() && decoded.is_enough() {
                return Ok(payload.len().saturating_sub(rest.len()));
            }
            let room = decoded.room();
            let room_len = room.len();
            let (status, taken, written) = self.step(rest, room, InflateFlush::SyncFlush);
            // The bytes before a fault count: they may have a fault of their own.
            decoded.wrote(written)?;
            let status = status?;
            rest = rest.part_from(taken);
            self.at_border = false;
            if status == Status::StreamEnd {
                // 7.2.3.4: a block with BFINAL set to 1 is lawful. It is the last of a stream
                // (RFC 1951, section 3.2.3): what follows is another, which begins with an empty
                // window. So it is for the peers that send such blocks, and for most that do not.
                self.forget();
            } else if written < room_len {
                if rest.is_empty() {
                    return Ok(payload.len());
                }
                if taken == 0 && written == 0 {
                    return Err(ProtocolError::InvalidDeflate);
                }
            }
        }
    }

    /// Ends the message that was inflated.
    ///
    /// 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the
    /// message." They must be the end of an empty block: 7.2.1 leaves nothing else at the end of a
    /// message. Where they are not, it was cut short, and bits of the next one would be taken for
    /// its rest. A message that ends in a final block, or has no bytes at all, needs nothing.
    pub(super) fn end_message(&mut self, decoded: &mut Decoded<'_>) -> Result<(), ProtocolError> {
        if self.at_border {
            return Ok(());
        }
        // A step to the end of the block, which does not touch the byte behind it if that is where
        // the block ends.
        let [a, b, c, d] = TAIL;
        match self.step(&[a, b, c, d, 0], decoded.room(), InflateFlush::Block) {
            (Ok(Status::Ok), 4, 0) => {
                self.at_border = true;
                Ok(())
            }
            _ => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// How it went, how much was taken, and how much was written: of a fault, all before it.
    fn step(
        &mut self,
        payload: &[u8],
        room: &mut [u8],
        flush: InflateFlush,
    ) -> (Result<Status, ProtocolError>, usize, usize) {
        let (before_in, before_out) = (self.zlib.total_in(), self.zlib.total_out());
        let status = self.zlib.decompress(payload, room, flush);
        let taken = count(before_in, self.zlib.total_in());
        let written = count(before_out, self.zlib.total_out());
        (status.map_err(|_| ProtocolError::InvalidDeflate), taken, written)
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("at_border", &self.at_border).finish()
    }
}
