//! The clients' messages and the expected answers, made before anything is timed.

use std::io;

use crate::{Kind, payload, wire};

/// Messages that differ, over and over: a server that echoes the wrong one is found out.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Two rounds of masked frames, so that any run of up to a round lies in one piece.
    frames: Vec<u8>,
    /// One round of their echoes.
    echoes: Vec<u8>,
    pub(super) frame_len: usize,
    pub(super) echo_len: usize,
}

/// A place in the traffic, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place(usize);

impl Traffic {
    /// Text messages of that many bytes. A round has at least as many as are in flight, so what
    /// is on its way never exceeds one.
    pub(super) fn new(len: usize, in_flight: usize) -> Self {
        let round = in_flight.max(2);
        let text = payload(Kind::Ascii, len + round);
        let messages = || (0..round).map(|start| &text[start..start + len]);
        let mut key = 0_u32;
        let masked = messages().flat_map(|message| {
            // Keys that differ in all their bytes.
            key = key.wrapping_add(0x9e37_79b9);
            wire::frame(true, 0x1, message, Some(key.to_be_bytes()))
        });
        let frames: Vec<_> = masked.collect();
        let plain = messages().flat_map(|message| wire::frame(true, 0x1, message, None));
        let echoes: Vec<_> = plain.collect();
        Self {
            frame_len: frames.len() / round,
            echo_len: echoes.len() / round,
            frames: frames.repeat(2),
            echoes,
        }
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
        let round = 64 * traffic.frame_len;
        let stream = traffic.frames.repeat(2);
        let (mut place, mut at) = (Place::default(), 0);
        for len in [1, 37, round, round - 1] {
            assert_eq!(traffic.frames(place, len), &stream[at..at + len]);
            traffic.sent(&mut place, len);
            at += len;
        }
    }
}
