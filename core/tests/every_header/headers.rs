//! Every header, in every situation.

use std::sync::Arc;
use std::time::Instant;

use bluewire_core::{Config, Delivery, Limits};

use crate::cases::{Before, Case, FRAME_LEN_MAX, Head, MESSAGE_LEN_MAX, Phase};
use crate::common::{BOTH, End, Sent, Told, joined};
use crate::expected::Expected;

/// Of how many situations one is tried: in debug builds less than a header has, so that each is
/// tried. Those that no more than their length can break are tried more often.
fn stride(head: Head) -> usize {
    let only_by_len = matches!(head.first & 0x7f, 0x0..=0x2) && head.second & 0x7f >= 126;
    match (cfg!(debug_assertions), cfg!(feature = "deflate")) {
        (false, _) => 1,
        (true, _) if only_by_len => 7,
        (true, true) => 97,
        (true, false) => 53,
    }
}

/// The configurations by delivery, without limits and with them.
struct Configs([[Arc<Config>; 2]; 2]);

impl Configs {
    fn new() -> Self {
        let limits = |limited| {
            let limits = Limits::default();
            if limited {
                limits.frame_len_max(FRAME_LEN_MAX).message_len_max(MESSAGE_LEN_MAX)
            } else {
                limits.frame_len_max(u64::MAX).message_len_max(u64::MAX)
            }
        };
        Self([Delivery::Whole, Delivery::Chunks].map(|delivery| {
            [false, true].map(|limited| {
                let config = Config::default().delivery(delivery).limits(limits(limited));
                #[cfg(feature = "deflate")]
                let config = config.deflate(bluewire_core::Deflate::default());
                Arc::new(config)
            })
        }))
    }

    fn of(&self, case: &Case) -> &Arc<Config> {
        let by_delivery = &self.0[usize::from(case.delivery == Delivery::Chunks)];
        &by_delivery[usize::from(case.limited)]
    }
}

/// Every situation of a header.
fn cases(head: Head) -> impl Iterator<Item = Case> {
    // Only what is longer than the limits differs without them.
    let limited: &[bool] = if head.len > FRAME_LEN_MAX { &[true, false] } else { &[true] };
    let situations = BOTH.into_iter().flat_map(|role| {
        Before::ALL
            .iter()
            .flat_map(move |before| Phase::ALL.into_iter().map(move |phase| (role, *before, phase)))
    });
    situations.flat_map(move |(role, before, phase)| {
        [Delivery::Whole, Delivery::Chunks].into_iter().flat_map(move |delivery| {
            limited.iter().map(move |limited| Case {
                role,
                before,
                phase,
                delivery,
                limited: *limited,
                head,
            })
        })
    })
}

/// All 65,536 first two bytes, with every boundary of the extended lengths, in both roles, within
/// and outside of messages, plain and compressed, at every stage of a connection, by both
/// deliveries. A debug build takes one situation in 97, or in 7 where it is about the length.
#[test]
fn every_header_is_read_as_the_slow_decoder_reads_it() {
    let began = Instant::now();
    let configs = Configs::new();
    let (mut count, mut failed, mut index) = (0_usize, 0_usize, 0_usize);
    for head in Head::all() {
        for case in cases(head) {
            index += 1;
            if index % stride(head) == 0 {
                count += 1;
                failed += usize::from(check(&configs, &case));
            }
        }
    }
    // Most headers break a rule, and not all do.
    assert!(failed > count / 4 && failed < count, "{failed} of {count} fail");
    println!("{count} cases in {:?}", began.elapsed());
}

/// Tells whether the frame fails the connection.
fn check(configs: &Configs, case: &Case) -> bool {
    let begun = case.begun();
    let stream = stream(case, &begun);
    let config = configs.of(case);
    if !case.phase.listens() {
        let mut end = case.end(config);
        assert_eq!(end.hear(&stream), [], "{case:?}");
        assert_is_deaf(&mut end, case);
        return false;
    }

    let whole = [&begun[..], &stream].concat();
    // The events of the message under way were taken before.
    let mut expected = Expected::of(case, &whole, begun.len());
    let begun_told = Expected::of(case, &begun, begun.len()).told.len();
    expected.told.drain(..begun_told);
    expected.told = joined(expected.told);

    let mut end = case.end(config);
    let told = joined(end.hear(&stream));
    assert!(expected.is(&told), "{case:?}: {told:?}, not {expected:?}");
    check_answers(&mut end, case, &expected, &told);
    if expected.is_over() {
        assert_is_deaf(&mut end, case);
    }
    check_byte_by_byte(config, case, (&begun, begun_told), &stream, &expected);
    expected.failure.is_some()
}

/// The frame, and a Ping after it. Where the header breaks a rule, a few bytes of payload are enough:
/// what is long would only take time.
fn stream(case: &Case, begun: &[u8]) -> Vec<u8> {
    let header = case.header();
    let is_broken = {
        let start = [begun, &header].concat();
        Expected::of(case, &start, begun.len()).failure.is_some()
    };
    let payload = if is_broken { b"abc".to_vec() } else { case.payload() };
    [&header[..], &payload, &case.after()].concat()
}

/// Lets the header and a little more arrive byte by byte: a failure must come with the byte that
/// brings it, and no later.
fn check_byte_by_byte(
    config: &Arc<Config>,
    case: &Case,
    (begun, begun_told): (&[u8], usize),
    stream: &[u8],
    expected: &Expected,
) {
    let mut end = case.end(config);
    let head_len = case.head.bytes().len() + 4 + 1;
    let (head, rest) = stream.split_at(head_len.min(stream.len()));
    let mut told = Vec::new();
    let mut so_far = begun.to_vec();
    for byte in head {
        told.extend(end.hear(&[*byte]));
        so_far.push(*byte);
        let fails = matches!(told.last(), Some(Told::Failed(_)));
        let expected = Expected::of(case, &so_far, begun.len());
        assert_eq!(fails, expected.failure.is_some(), "{case:?}: after {so_far:02x?}");
        if !fails {
            let told = joined(told.clone());
            let expected = joined(expected.told[begun_told..].to_vec());
            assert_eq!(told, expected, "{case:?}: after {so_far:02x?}");
        }
    }
    told.extend(end.hear(rest));
    let told = joined(told);
    assert!(expected.is(&told), "{case:?}: {told:?}, not {expected:?}");
    check_answers(&mut end, case, expected, &told);
}

fn check_answers(end: &mut End, case: &Case, expected: &Expected, told: &[Told]) {
    let mut sent = end.sent();
    let answers = expected.answers(told, case.phase == Phase::CloseSent);
    if let (Some(Sent(0x88, body)), Some(Told::Failed(_))) = (sent.last_mut(), told.last()) {
        // The words of the reason are the engine's.
        body.truncate(2);
    }
    assert_eq!(sent, answers, "{case:?}");
}

/// Bytes that arrive now are not reported, answered or kept.
fn assert_is_deaf(end: &mut End, case: &Case) {
    assert_eq!(end.hear_frame(0x89, b"too late"), [], "{case:?}");
    assert_eq!(end.hear_frame(0x88, &[0x03, 0xe8]), [], "{case:?}");
    assert_eq!(end.sent(), [], "{case:?}");
    assert!(end.inbox.unparsed().is_empty(), "{case:?}");
}
