//! The clients' messages and the expected answers, made before anything is timed.

use std::io;

use crate::corpus::json;
use crate::{Kind, payload, wire};

/// Messages that differ, over and over: a server that echoes the wrong one is found out.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Two rounds of masked frames, so that any run of up to a round lies in one piece.
    frames: Vec<u8>,
    /// Where each frame of the two rounds begins, and where the last ends.
    starts: Vec<usize>,
    /// One round of their echoes, or of the payloads where echoes are compressed.
    echoes: Vec<u8>,
    pub(super) echo_len: usize,
}

/// A place in the traffic, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place(usize);

/// Different messages of which compressed traffic has at least so many, since equal ones would
/// shrink to nothing.
const COMPRESSED_ROUND: usize = 64;

impl Traffic {
    /// Text messages of that many bytes. A round has at least as many as are in flight, so the bytes
    /// on their way never exceed one.
    pub(super) fn new(len: usize, in_flight: usize) -> Self {
        let round = in_flight.max(2);
        let text = payload(Kind::Ascii, len + round);
        let messages = || (0..round).map(|start| &text[start..start + len]);
        let masked =
            messages().zip(keys()).map(|(message, key)| wire::frame(true, 0x1, message, Some(key)));
        let echoes = messages().flat_map(|message| wire::frame(true, 0x1, message, None)).collect();
        Self::with_frames(&masked.collect::<Vec<_>>(), echoes)
    }

    /// The same as compressed text in JSON. No message looks back at another, so the round can be
    /// repeated.
    pub(super) fn compressed(len: usize, in_flight: usize) -> Self {
        let round = in_flight.max(COMPRESSED_ROUND);
        let messages: Vec<_> = (0..round).map(|number| json(len, number)).collect();
        let masked = messages.iter().zip(keys()).map(|(message, key)| {
            let mut frame = wire::frame(true, 0x1, &wire::compressed_alone(message), Some(key));
            // RFC 7692, section 6: RSV1 marks a compressed message.
            frame[0] |= 0x40;
            frame
        });
        Self::with_frames(&masked.collect::<Vec<_>>(), messages.concat())
    }

    fn with_frames(frames: &[Vec<u8>], echoes: Vec<u8>) -> Self {
        let mut starts = vec![0];
        for frame in frames.iter().chain(frames) {
            starts.push(starts[starts.len() - 1] + frame.len());
        }
        let echo_len = echoes.len() / frames.len();
        Self { frames: frames.concat().repeat(2), starts, echoes, echo_len }
    }

    /// How many messages a round has.
    pub(super) fn round(&self) -> usize {
        self.starts.len() / 2
    }

    /// The bytes of so many frames from that message on; at most a round of them.
    pub(super) fn bytes(&self, message: usize, count: usize) -> usize {
        self.starts[message + count] - self.starts[message]
    }

    /// So many bytes of frames from there on.
    pub(super) fn frames(&self, from: Place, len: usize) -> &[u8] {
        &self.frames[from.0..from.0 + len]
    }

    pub(super) fn sent(&self, place: &mut Place, len: usize) {
        place.0 = (place.0 + len) % (self.frames.len() / 2);
    }

    /// Holds what came to what must come from there on, byte for byte.
    pub(super) fn check(&self, place: &mut Place, mut came: &[u8]) -> io::Result<()> {
        while !came.is_empty() {
            let expected = &self.echoes[place.0..];
            let len = expected.len().min(came.len());
            if came[..len] != expected[..len] {
                return Err(io::Error::other("what came back is not what was sent"));
            }
            place.0 = (place.0 + len) % self.echoes.len();
            came = &came[len..];
        }
        Ok(())
    }
}

/// Masking keys that differ in all their bytes.
fn keys() -> impl Iterator<Item = [u8; 4]> {
    (1_u32..).map(|number| number.wrapping_mul(0x9e37_79b9).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The echo of every frame of a round, and of the next round's first.
    fn echoes(traffic: &Traffic) -> Vec<u8> {
        [&traffic.echoes[..], &traffic.echoes[..traffic.echo_len]].concat()
    }

    #[test]
    fn true_echoes_pass_however_they_are_cut() {
        let traffic = Traffic::new(125, 3);
        for len in 1..400 {
            let mut place = Place::default();
            for part in echoes(&traffic).chunks(len) {
                traffic.check(&mut place, part).expect("a true echo");
            }
        }
    }

    #[test]
    fn no_other_byte_passes() {
        let traffic = Traffic::new(16, 2);
        for changed in 0..echoes(&traffic).len() {
            let mut came = echoes(&traffic);
            came[changed] ^= 1;
            assert!(traffic.check(&mut Place::default(), &came).is_err(), "{changed}");
        }
    }

    #[test]
    fn the_echo_of_another_message_does_not_pass() {
        let traffic = Traffic::new(16, 2);
        let second = &traffic.echoes[traffic.echo_len..];
        assert!(traffic.check(&mut Place::default(), second).is_err());
    }

    #[test]
    fn any_run_of_frames_lies_in_one_piece() {
        let traffic = Traffic::new(16, 64);
        let round = traffic.bytes(0, 64);
        assert_eq!(traffic.round(), 64);
        let stream = traffic.frames.repeat(2);
        let (mut place, mut at) = (Place::default(), 0);
        for len in [1, 37, round, round - 1] {
            assert_eq!(traffic.frames(place, len), &stream[at..at + len]);
            traffic.sent(&mut place, len);
            at += len;
        }
    }
}
