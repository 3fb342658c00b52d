//! Sections 12 and 13: permessage-deflate (RFC 7692), five kinds of data and seven sets of
//! parameters.

use super::{Size, by_fuzzer, case, close_when, seconds};
use crate::case::{Case, Judge, LoopMessage, Step, When};
use crate::data::DataSet;
use crate::deflate::{Accept, DeflateLoop, Offer};

const COUNT: usize = 1000;

/// Units in a message, payload length of its frames after compression, seconds for all of it.
const LOOPS: [(usize, Option<usize>, u64); 18] = [
    (16, None, 60),
    (64, None, 60),
    (256, None, 120),
    (1024, None, 240),
    (4096, None, 480),
    (8192, None, 480),
    (16_384, None, 480),
    (32_768, None, 480),
    (65_536, None, 480),
    (131_072, None, 480),
    (8192, Some(256), 480),
    (16_384, Some(256), 480),
    (32_768, Some(256), 480),
    (65_536, Some(256), 480),
    (131_072, Some(256), 480),
    (131_072, Some(1024), 480),
    (131_072, Some(4096), 480),
    (131_072, Some(32_768), 480),
];

/// 13.1 to 13.7: what a client fuzzer asks of the testee, in order of preference:
/// `server_no_context_takeover` and `server_max_window_bits`. A server fuzzer asks the same of
/// the client.
const PARAMETERS: [&[(bool, Option<u8>)]; 7] = [
    &[(false, None)],
    &[(true, None)],
    &[(false, Some(9))],
    &[(false, Some(15))],
    &[(true, Some(9))],
    &[(true, Some(15))],
    &[(true, Some(9)), (true, None), (false, None)],
];

pub(super) fn cases(size: Size) -> Vec<Case> {
    let mut cases = Vec::new();
    for (group, data) in (1..).zip(DataSet::ALL) {
        cases.extend(loops(&format!("12.{group}"), data, PARAMETERS[0], "", size));
    }
    for (group, asked) in (1..).zip(PARAMETERS) {
        let words = format!(", params {group}");
        cases.extend(loops(&format!("13.{group}"), DataSet::Json, asked, &words, size));
    }
    cases
}

fn loops(
    group: &str,
    data: DataSet,
    asked: &[(bool, Option<u8>)],
    words: &str,
    size: Size,
) -> Vec<Case> {
    let offers: Vec<Offer> = asked
        .iter()
        .map(|&(no_context_takeover, max_window_bits)| Offer {
            server_no_context_takeover: no_context_takeover,
            server_max_window_bits: max_window_bits,
            client_no_context_takeover: true,
            client_max_window_bits: true,
        })
        .collect();
    let accepts: Vec<Accept> = asked
        .iter()
        .map(|&(no_context_takeover, max_window_bits)| Accept {
            client_no_context_takeover: no_context_takeover,
            client_max_window_bits: max_window_bits,
        })
        .collect();
    let case = |(i, (len, fragment_len, time)): (usize, (usize, Option<usize>, u64))| {
        // Most of the time goes to a compressor of the engine's that is not optimised.
        let long = if size == Size::Reduced && len > 1024 { 10 } else { 1 };
        let count = size.round_trips(COUNT) / long;
        let send = LoopMessage::Slices { binary: data.is_binary(), len, fragment_len };
        let steps = vec![
            Step::CloseAfter(seconds(time)),
            Step::EchoLoop { count, send },
            close_when(When::LoopEnd),
        ];
        let unit = if data.is_binary() { "bytes" } else { "chars" };
        let frames = fragment_len.map_or_else(String::new, |len| format!(", {len}-byte frames"));
        let title = format!("deflate x{count}, {data}, {len} {unit}{frames}{words}");
        let case = case(format!("{group}.{}", i + 1), title, steps, vec![], by_fuzzer(&[1000]));
        let (offers, accepts) = (offers.clone(), accepts.clone());
        let deflate = Some(DeflateLoop { data, offers, accepts });
        Case { judge: Judge::EchoBytes, expect: None, deflate, ..case }
    };
    LOOPS.into_iter().enumerate().map(case).collect()
}
