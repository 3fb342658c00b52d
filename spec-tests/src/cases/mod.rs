//! The cases, section by section, as tables and the few rules that fill them.
//!
//! The numbers and what each case demands are those of Autobahn|Testsuite 25.10.1 (Apache
//! License 2.0, typedef int GmbH); wording and code are this project's own. There is no section 8
//! and no section 11.

mod section_1;
mod section_10;
mod section_12_13;
mod section_2;
mod section_3_4;
mod section_5;
mod section_6;
mod section_7;
mod section_9;

use std::time::Duration;

use crate::case::{Case, CloseRule, End, Expect, Frame, Judge, Message, Received, Step, When};
use crate::payload::Payload;

/// The sections that there are.
pub const SECTIONS: [u8; 11] = [1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13];

/// How large the cases of section 9 are, and how long the loops of sections 12 and 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Size {
    /// As the suite has them: up to 16 MiB.
    #[default]
    Full,
    /// A sixty-fourth of that, and a fiftieth of the round trips here and with compression: for
    /// unoptimised builds.
    Reduced,
}

impl Size {
    const fn bytes(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Reduced => full / 64,
        }
    }

    const fn round_trips(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Reduced => full / 50,
        }
    }
}

/// All 517 cases, in order.
#[must_use]
pub fn all(size: Size) -> Vec<Case> {
    let mut cases = section_1::cases();
    cases.extend(section_2::cases());
    cases.extend(section_3_4::cases());
    cases.extend(section_5::cases());
    cases.extend(section_6::cases());
    cases.extend(section_7::cases());
    cases.extend(section_9::cases(size));
    cases.extend(section_10::cases());
    cases.extend(section_12_13::cases(size));
    for (i, case) in cases.iter_mut().enumerate() {
        case.n = i + 1;
    }
    cases
}

const fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn close_body(code: u16, reason: &[u8]) -> Payload {
    [&code.to_be_bytes(), reason].concat().into()
}

fn close(body: impl Into<Payload>) -> Step {
    Step::Close { body: body.into(), when: When::Now }
}

fn close_when(when: When) -> Step {
    Step::Close { body: close_body(1000, b""), when }
}

/// A case that passes when the testee answers with `ok`, upon which the fuzzer closes.
fn answered(
    id: impl Into<String>,
    title: impl Into<String>,
    sends: impl IntoIterator<Item = impl Into<Step>>,
    timer: Step,
    ok: Vec<Received>,
) -> Case {
    let mut steps: Vec<Step> = sends.into_iter().map(Into::into).collect();
    steps.extend([timer, close_when(When::ExpectedMet)]);
    case(id, title, steps, ok, by_fuzzer(&[1000]))
}

/// A case that passes when the testee sees the violation, having answered with `ok` before it,
/// and fails the connection with this code or by dropping the transport.
fn failed(
    id: impl Into<String>,
    title: impl Into<String>,
    sends: impl IntoIterator<Item = impl Into<Step>>,
    code: u16,
    ok: Vec<Received>,
) -> Case {
    let mut steps: Vec<Step> = sends.into_iter().map(Into::into).collect();
    steps.push(Step::KillAfter(seconds(1)));
    let close = CloseRule { by: End::Testee, clean: false, ..by_fuzzer(&[code]) };
    let mut case = case(id, title, steps, ok, close);
    // Failing before the good message was answered is allowed, but is not the strict reading.
    if let Some(expect) = &mut case.expect {
        expect.non_strict = (!expect.ok.is_empty()).then(Vec::new);
    }
    case
}

fn case(
    id: impl Into<String>,
    title: impl Into<String>,
    steps: Vec<Step>,
    ok: Vec<Received>,
    close: CloseRule,
) -> Case {
    Case {
        id: id.into(),
        n: 0,
        title: title.into(),
        steps,
        judge: Judge::Events,
        expect: Some(Expect { ok, non_strict: None }),
        close,
        informational: false,
        frames_sent: None,
        deflate: None,
    }
}

/// The fuzzer starts a closing handshake, which must complete with one of these codes.
fn by_fuzzer(codes: &[u16]) -> CloseRule {
    CloseRule {
        by: End::Fuzzer,
        codes: codes.to_vec(),
        clean: true,
        wrong_code_fails: false,
        wrong_end_fails: false,
    }
}

/// The text of the large cases: ten letters, signs and digits over and over.
const LONG_TEXT: &[u8] = b"BAsd7&jh23";

impl From<Frame> for Step {
    fn from(frame: Frame) -> Self {
        Self::Frame(frame)
    }
}

impl From<Message> for Step {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_517_cases_in_their_order() {
        let cases = all(Size::Full);
        let counts = SECTIONS.map(|s| cases.iter().filter(|case| case.section() == s).count());
        assert_eq!(counts, [16, 11, 7, 10, 20, 145, 37, 54, 1, 90, 126]);
        assert_eq!(cases.len(), 517);
        let numbers = |id: &str| -> Vec<u32> {
            id.split('.').map(|part| part.parse().expect("a number")).collect()
        };
        let ids: Vec<_> = cases.iter().map(|case| numbers(&case.id)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(cases.iter().zip(1..).all(|(case, n)| case.n == n));
    }

    #[test]
    fn reduced_cases_are_the_same_but_smaller() {
        let (full, reduced) = (all(Size::Full), all(Size::Reduced));
        for (full, reduced) in full.iter().zip(&reduced) {
            assert_eq!(full.id, reduced.id);
            assert_eq!(full.close, reduced.close);
            if full.section() < 9 {
                assert_eq!(full.steps, reduced.steps);
            }
        }
    }
}
