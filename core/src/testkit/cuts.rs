//! The same bytes in every cut.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::end::End;
use super::event::OwnedEvent;
use crate::Closure;

/// Runs a test with the same bytes in one piece, byte by byte, and cut in two at every byte, and
/// holds all runs to the same outcome, which it gives back.
///
/// A transport keeps the order of bytes and nothing else: what was one write can come in many
/// reads. Whatever the cut, the same must come of it.
///
/// ```
/// use bluewire_core::testkit::every_cut;
///
/// // A protocol of lines that someone has written over a connection.
/// let lines = every_cut(b"one\ntwo\n", |pieces| {
///     let mut text = String::new();
///     for piece in pieces {
///         text.push_str(core::str::from_utf8(piece).expect("it is ASCII"));
///     }
///     text.lines().map(String::from).collect::<Vec<_>>()
/// });
/// assert_eq!(lines, ["one", "two"]);
/// ```
///
/// # Panics
///
/// If a cut leads to another outcome.
pub fn every_cut<T: PartialEq + fmt::Debug>(bytes: &[u8], mut run: impl FnMut(&[&[u8]]) -> T) -> T {
    let whole = run(&[bytes]);
    let mut check = |cut: fmt::Arguments<'_>, pieces: &[&[u8]]| {
        let outcome = run(pieces);
        assert!(
            outcome == whole,
            "{cut}, {} bytes lead to another outcome: {outcome:?} instead of {whole:?}",
            bytes.len()
        );
    };
    check(format_args!("byte by byte"), &bytes.chunks(1).collect::<Vec<_>>());
    for at in 1..bytes.len() {
        let (first, rest) = bytes.split_at(at);
        check(format_args!("cut at byte {at}"), &[first, rest]);
    }
    whole
}

/// The result of the bytes that an end received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heard {
    /// The events, chunks joined.
    pub events: Vec<OwnedEvent>,
    /// Its answer.
    pub output: Vec<u8>,
    /// How it ended, if it did.
    pub closure: Option<Closure>,
    /// When something is due next.
    pub deadline: Option<Duration>,
}

/// Lets ends of a connection hear the same bytes in [every cut](every_cut), and holds them to the
/// same events, the same answers and the same closure.
///
/// ```
/// use bluewire_core::testkit::{End, Frame, OwnedEvent, heard_at_every_cut};
/// use bluewire_core::{Config, Role};
///
/// let bytes = [
///     Frame::text("Hel").not_final().bytes_from(Role::Server),
///     Frame::ping("?").bytes_from(Role::Server),
///     Frame::continuation("lo").bytes_from(Role::Server),
/// ];
/// let heard =
///     heard_at_every_cut(&bytes.concat(), || End::open(Role::Client, Config::default()));
/// assert_eq!(heard.events, [OwnedEvent::ping("?"), OwnedEvent::text("Hello")]);
/// ```
///
/// # Panics
///
/// If a cut leads to another outcome.
pub fn heard_at_every_cut(bytes: &[u8], mut end: impl FnMut() -> End) -> Heard {
    every_cut(bytes, |pieces| {
        let mut end = end();
        for piece in pieces {
            end.receive(piece);
        }
        Heard {
            events: end.take_events(),
            output: end.take_output(),
            closure: end.closure().cloned(),
            deadline: end.deadline(),
        }
    })
}
