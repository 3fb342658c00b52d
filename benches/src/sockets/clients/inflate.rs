//! Echoes that come compressed.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

/// The frames of one connection, and the messages in them. It reads frames that a server sends for
/// an echo: whole messages of text.
pub(super) struct Inflating {
    /// Bytes of a frame that has not come whole.
    kept: Vec<u8>,
    payload: Vec<u8>,
    inflate: Decompress,
}

impl std::fmt::Debug for Inflating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflating").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl Inflating {
    pub(super) fn new() -> Self {
        // Its window stays, whether the server's compression looks back or not.
        Self { kept: Vec::new(), payload: Vec::new(), inflate: Decompress::new(false) }
    }

    /// Hands on each message that is whole, and says how many they were.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut message: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<usize> {
        self.kept.extend_from_slice(bytes);
        let (mut at, mut count) = (0, 0);
        while let Some((head, len)) = frame(&self.kept[at..])? {
            let end = at + head + len;
            if self.kept.len() < end {
                break;
            }
            if self.kept[at] & 0x40 == 0 {
                message(&self.kept[at + head..end])?;
            } else {
                inflate(&mut self.inflate, &self.kept[at + head..end], &mut self.payload)?;
                message(&self.payload)?;
            }
            at = end;
            count += 1;
        }
        self.kept.drain(..at);
        Ok(count)
    }
}

/// The lengths of a frame's header and payload, once the header is whole.
fn frame(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0xbf != 0x81 {
        return Err(io::Error::other("the answer is not a message of text in one frame"));
    }
    Ok(match (*second, rest) {
        (len @ 0..=125, _) => Some((2, usize::from(len))),
        (126, [a, b, ..]) => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
        (126, _) => None,
        _ => return Err(io::Error::other("a longer answer than was sent")),
    })
}

/// RFC 7692, section 7.2.2.
fn inflate(inflate: &mut Decompress, bytes: &[u8], payload: &mut Vec<u8>) -> io::Result<()> {
    payload.clear();
    for input in [bytes, &[0, 0, 0xff, 0xff]] {
        let start = inflate.total_in();
        loop {
            payload.reserve(4096);
            let taken = usize::try_from(inflate.total_in() - start).map_err(io::Error::other)?;
            let room = payload.capacity() - payload.len();
            let before = payload.len();
            let status = inflate
                .decompress_vec(&input[taken..], payload, FlushDecompress::Sync)
                .map_err(io::Error::other)?;
            let done = inflate.total_in() - start == input.len() as u64;
            if status == Status::StreamEnd || (done && payload.len() - before < room) {
                break;
            }
        }
    }
    Ok(())
}
