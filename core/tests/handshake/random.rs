//! Damage at random: nothing panics, nothing passes a limit, and no cutting changes the outcome.

use crate::wire::{Got, Kind, Outcome, ask, limits, request, response, serve};
use bluewire_core::HandshakeError;
use proptest::prelude::*;

/// One change to some bytes.
#[derive(Clone, Debug)]
enum Damage {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let telling = prop::sample::select(&b"\r\n\0 \t:;,=\"\\/#@[]HGX01389\xff\x80"[..]);
    let byte = prop_oneof![telling, any::<u8>()];
    let line = prop::sample::select(
        &[
            "\r\n",
            "\r\n ",
            "\r\n\r\n",
            "\n",
            ": ",
            ",",
            "Host: a\r\n",
            "Content-Length: 1\r\n",
            "Sec-WebSocket-Extensions: a; b=\"c\"\r\n",
            "Sec-WebSocket-Protocol: chat\r\n",
            "Transfer-Encoding: chunked\r\n",
            "HTTP/1.1 100 X\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
        ][..],
    );
    prop_oneof![
        (any::<usize>(), byte).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<usize>(), line).prop_map(|(at, line)| Damage::Insert(at, line.into())),
        (any::<usize>(), 1..20usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        (any::<usize>(), 1..200usize).prop_map(|(at, len)| Damage::Repeat(at, len)),
    ]
}

fn apply(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let place = |at: usize| at % (bytes.len() + 1);
        match damage {
            Damage::Set(at, byte) => {
                let at = place(*at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Damage::Insert(at, line) => {
                let at = place(*at);
                bytes.splice(at..at, line.iter().copied());
            }
            Damage::Remove(at, len) => {
                let at = place(*at);
                let end = (at + len).min(bytes.len());
                bytes.drain(at..end);
            }
            Damage::Repeat(at, len) => {
                let at = place(*at);
                let end = (at + len).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

fn pieces<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = bytes.split_at((*cut).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

const HEAD_LEN_MAX: usize = 400;
const HEAD_LINES_MAX: usize = 8;

/// Checks that hold whatever a peer sends.
fn check(outcome: &Outcome, sent: &[u8]) {
    if let Ok(Some(Got(kind, head, rest))) = &outcome.result {
        assert!(head.len() <= HEAD_LEN_MAX && head.ends_with(b"\r\n\r\n"));
        let lines = head.windows(2).filter(|pair| pair == b"\r\n").count() - 2;
        assert!(lines <= HEAD_LINES_MAX);
        assert!(!head.contains(&0));
        let taken = [&head[..], rest].concat();
        // Nothing is lost or made up; a server ignores empty lines before the request, a client
        // interim responses. In a response, folds are spaces.
        let sent = &sent[sent.len().checked_sub(taken.len()).expect("all of it was sent")..];
        let is_fold = |taken: u8, sent: u8| {
            *kind == Kind::Response && taken == b' ' && matches!(sent, b'\t' | b'\r' | b'\n')
        };
        let mut pairs = taken.iter().zip(sent);
        assert!(pairs.all(|(taken, sent)| taken == sent || is_fold(*taken, *sent)));
        if *kind == Kind::Upgrade {
            assert!(head.starts_with(b"GET "));
        }
    }
    match outcome.result {
        Err(error) if error.status().is_some() => {
            let start = format!("HTTP/1.1 {} ", error.status().unwrap_or_default());
            assert!(outcome.answer.is_empty() || outcome.answer.starts_with(start.as_bytes()));
        }
        _ => assert!(outcome.answer.is_empty()),
    }
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome.result, Err(HandshakeError::Refused { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_damaged_request_is_judged_alike_however_it_is_cut(
        damages in prop::collection::vec(damage(), 0..6),
        cuts in prop::collection::vec(0..60usize, 0..10),
    ) {
        let config = limits(HEAD_LEN_MAX, HEAD_LINES_MAX);
        let bytes = apply(request(&["+Origin: http://a", "+X: y"]), &damages);
        let whole = serve(config.clone(), [&bytes[..]]);
        check(&whole, &bytes);
        prop_assert_eq!(serve(config, pieces(&bytes, &cuts)), whole);
    }

    #[test]
    fn a_damaged_response_is_judged_alike_however_it_is_cut(
        damages in prop::collection::vec(damage(), 0..6),
        cuts in prop::collection::vec(0..60usize, 0..10),
        refuses in any::<bool>(),
    ) {
        let config = limits(HEAD_LEN_MAX, HEAD_LINES_MAX);
        let line = if refuses { "HTTP/1.1 404 No" } else { "HTTP/1.1 101 Yes" };
        let bytes = apply(response(&[line, "+Sec-WebSocket-Protocol: chat"]), &damages);
        let whole = ask(config.clone(), [&bytes[..]]);
        if !is_refused(&whole) {
            check(&whole, &bytes);
        }
        prop_assert_eq!(ask(config, pieces(&bytes, &cuts)), whole);
    }

    #[test]
    fn any_bytes_are_judged_alike_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        cuts in prop::collection::vec(0..60usize, 0..10),
    ) {
        let config = limits(HEAD_LEN_MAX, HEAD_LINES_MAX);
        let whole = serve(config.clone(), [&bytes[..]]);
        check(&whole, &bytes);
        prop_assert_eq!(serve(config.clone(), pieces(&bytes, &cuts)), whole);
        let whole = ask(config.clone(), [&bytes[..]]);
        prop_assert_eq!(ask(config, pieces(&bytes, &cuts)), whole);
    }
}
