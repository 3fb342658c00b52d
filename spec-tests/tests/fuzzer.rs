//! The tester tested: it passes what is right, and every judgement can turn out badly.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::time::Duration;

use bluewire_spec_tests::case::{Case, Role};
use bluewire_spec_tests::cases::{self, Size};
use bluewire_spec_tests::cutting::Cutting;
use bluewire_spec_tests::fuzzer::{CloseVerdict, Detail, Fuzzer, Run, Verdict};
use bluewire_spec_tests::pair::{self, Testee};
use bluewire_spec_tests::reference::Reference;

fn case(id: &str) -> Case {
    cases::all(Size::Full).into_iter().find(|case| case.id == id).expect("a case of that id")
}

fn run(case: &Case, role: Role, testee: &mut dyn Testee, cutting: Cutting) -> Run {
    let mut fuzzer = Fuzzer::new(case, role.peer(), 1, Detail::Brief);
    pair::run(&mut fuzzer, testee, cutting);
    fuzzer.finish()
}

#[test]
fn the_reference_passes_every_case_in_both_roles_however_it_is_cut() {
    let _watch = watchdog::bound();
    for case in cases::all(Size::Reduced) {
        for role in [Role::Client, Role::Server] {
            for cutting in Cutting::all(&case) {
                let run = run(&case, role, &mut Reference::new(role, 2), cutting);
                assert!(run.passes(), "{} as {role}, {cutting}:\n{}", case.id, run.transcript);
            }
        }
    }
}

/// A testee that says its lines whatever it hears: at so many milliseconds these bytes, then,
/// perhaps, the end.
struct Script<'a> {
    lines: &'a [(u64, &'a [u8])],
    drops_at: Option<u64>,
    now: Duration,
}

impl Script<'_> {
    fn due(&self, at: u64) -> bool {
        Duration::from_millis(at) <= self.now
    }
}

impl Testee for Script<'_> {
    fn receive(&mut self, now: Duration, _bytes: &[u8]) {
        self.now = now;
    }

    fn receive_eof(&mut self, _now: Duration) {}

    fn output(&mut self) -> Vec<u8> {
        let due = self.lines.iter().take_while(|(at, _)| self.due(*at)).count();
        let (said, rest) = self.lines.split_at(due);
        self.lines = rest;
        said.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    fn drops_transport(&self) -> bool {
        self.lines.is_empty() && self.drops_at.is_some_and(|at| self.due(at))
    }

    fn poll_timeout(&self) -> Option<Duration> {
        let next = self.lines.first().map(|(at, _)| *at).or(self.drops_at);
        next.map(Duration::from_millis).filter(|at| *at > self.now)
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
    }
}

/// Checks the verdict on a server that sends this.
#[track_caller]
fn assert_judged(
    id: &str,
    lines: &[(u64, &[u8])],
    drops_at: Option<u64>,
    expected: (Verdict, CloseVerdict),
) {
    let mut script = Script { lines, drops_at, now: Duration::ZERO };
    let run = run(&case(id), Role::Server, &mut script, Cutting::Whole);
    assert_eq!((run.verdict, run.close_verdict), expected, "{id}:\n{}", run.transcript);
}

const ECHO: &[u8] = b"\x81\x0dHello, world!";
const CLOSE_1000: &[u8] = b"\x88\x02\x03\xe8";
const CLOSE_1002: &[u8] = b"\x88\x02\x03\xea";
const CLOSE_1007: &[u8] = b"\x88\x02\x03\xef";
const PONG: &[u8] = b"\x8a\x00";

#[test]
fn an_echo_before_the_failure_is_strict_and_none_is_not() {
    let _watch = watchdog::bound();
    let ok = (Verdict::Ok, CloseVerdict::Ok);
    assert_judged("3.2", &[(0, ECHO), (0, CLOSE_1002)], Some(0), ok);
    let non_strict = (Verdict::NonStrict, CloseVerdict::Ok);
    assert_judged("3.2", &[(0, CLOSE_1002)], Some(0), non_strict);
    assert_judged("3.2", &[], Some(0), non_strict);
}

#[test]
fn an_answer_to_what_follows_a_violation_fails() {
    let _watch = watchdog::bound();
    let failed = (Verdict::Failed, CloseVerdict::Ok);
    assert_judged("3.2", &[(0, ECHO), (0, PONG), (0, CLOSE_1002)], Some(0), failed);
    assert_judged("7.1.3", &[(0, PONG), (0, CLOSE_1000)], Some(0), failed);
}

#[test]
fn a_wrong_echo_fails() {
    let _watch = watchdog::bound();
    let failed = (Verdict::Failed, CloseVerdict::Unclean);
    assert_judged("1.1.1", &[(0, b"\x82\x00")], None, failed);
    assert_judged("1.1.1", &[(0, b"\x81\x01*")], None, failed);
    assert_judged("1.1.1", &[], None, failed);
    assert_judged("2.2", &[(0, PONG)], None, failed);
    // The suite would take any 16 bytes for the echo of 16 bytes.
    assert_judged("9.7.2", &[(0, b"\x81\x1016 bytes, wrong.")], Some(0), failed);
}

#[test]
fn late_utf8_is_non_strict_and_early_is_wrong() {
    let _watch = watchdog::bound();
    let judged = |at, verdict| {
        let expected = (verdict, CloseVerdict::Ok);
        for id in ["6.4.1", "6.4.2", "6.4.3", "6.4.4"] {
            assert_judged(id, &[(at, CLOSE_1007)], Some(at), expected);
        }
    };
    judged(500, Verdict::Failed);
    judged(1500, Verdict::Ok);
    judged(2500, Verdict::NonStrict);
}

#[test]
fn invalid_text_with_the_wrong_code_is_a_wrong_code() {
    let _watch = watchdog::bound();
    assert_judged("6.3.1", &[(0, CLOSE_1002)], Some(0), (Verdict::Ok, CloseVerdict::WrongCode));
    // Here the code is the case.
    assert_judged("7.3.3", &[(0, CLOSE_1002)], Some(0), (Verdict::Failed, CloseVerdict::WrongCode));
}

#[test]
fn a_silent_testee_leaves_it_to_the_fuzzer_to_close() {
    let _watch = watchdog::bound();
    assert_judged("3.1", &[], None, (Verdict::Ok, CloseVerdict::Failed));
    assert_judged("6.3.1", &[], None, (Verdict::Failed, CloseVerdict::Failed));
    assert_judged("7.3.3", &[], None, (Verdict::Ok, CloseVerdict::Unclean));
    assert_judged("7.13.1", &[], None, (Verdict::Informational, CloseVerdict::FailedByClient));
}

#[test]
fn a_server_that_keeps_the_transport_is_failed_by_the_client() {
    let _watch = watchdog::bound();
    let by_client = (Verdict::Ok, CloseVerdict::FailedByClient);
    assert_judged("3.1", &[(0, CLOSE_1002)], None, by_client);
    // Where the closing handshake must be complete, the end of the transport is part of it.
    assert_judged("7.3.3", &[(0, CLOSE_1000)], None, (Verdict::Ok, CloseVerdict::Unclean));
}

#[test]
fn a_drop_without_a_close_is_clean_nowhere() {
    let _watch = watchdog::bound();
    assert_judged("1.1.1", &[(0, b"\x81\x00")], Some(0), (Verdict::Ok, CloseVerdict::Unclean));
    assert_judged("7.9.1", &[], Some(0), (Verdict::Ok, CloseVerdict::Ok));
}

#[test]
fn a_rule_broken_by_the_testee_fails_any_case() {
    let _watch = watchdog::bound();
    let broken: [&[u8]; 4] = [b"\x81\x80abcd", b"\xc1\x00", b"\x81\x7e\x00\x00", b"\x80\x00"];
    for bytes in broken {
        let mut script = Script { lines: &[(0, bytes)], drops_at: None, now: Duration::ZERO };
        let run = run(&case("1.1.1"), Role::Server, &mut script, Cutting::Whole);
        assert_eq!(run.verdict, Verdict::Failed, "{bytes:x?}");
    }
    let after_close = [CLOSE_1000, b"\x81\x00"].concat();
    let expected = (Verdict::Failed, CloseVerdict::FailedByClient);
    assert_judged("7.13.1", &[(0, &after_close)], Some(0), expected);
}

#[test]
fn the_testees_pings_are_answered_but_not_listed() {
    let _watch = watchdog::bound();
    let expected = (Verdict::Ok, CloseVerdict::Ok);
    assert_judged(
        "1.1.1",
        &[(0, b"\x89\x01?"), (0, b"\x81\x00"), (1, CLOSE_1000)],
        Some(1),
        expected,
    );
}
