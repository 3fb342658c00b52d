//! The cases against the engine, in both roles, whole and in chunks, under every cutting.
//!
//! Without optimisation the cases of section 9 are reduced; `cargo run --release` has them in full.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use bluewire_spec_tests::cases::{self, Size};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::fuzzer::Detail;
use bluewire_spec_tests::report;
use bluewire_spec_tests::run::{self, Outcome, Plan};
use bluewire_spec_tests::target;

#[track_caller]
fn assert_passes(section: u8) {
    let size = if cfg!(debug_assertions) { Size::Reduced } else { Size::Full };
    let mut cases = cases::all(size);
    cases.retain(|case| case.section() == section);
    let plan = Plan { cases, targets: target::engine(), detail: Detail::Brief, seed: 0 };
    let results = run::run(plan);
    let bad = results.count(Outcome::Failed) + results.count(Outcome::NonStrict);
    assert!(bad == 0, "{}", report::failures(&results));
    assert_eq!(results.count(Outcome::Unimplemented), 0);
}

#[test]
fn section_1_framing() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-5", "6455-5.6-2", "6455-6.2-1", "6455-6.2-3");
    assert_passes(1);
}

#[test]
fn section_2_pings_and_pongs() {
    let _watch = watchdog::bound();
    covers!("6455-5.5-1", "6455-5.5.2-1", "6455-5.5.3-1", "6455-5.5.3-3");
    assert_passes(2);
}

#[test]
fn section_3_reserved_bits() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-1", "6455-5.8-1");
    assert_passes(3);
}

#[test]
fn section_4_reserved_opcodes() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-2");
    assert_passes(4);
}

#[test]
fn section_5_fragmentation() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-1", "6455-5.4-2", "6455-5.4-3", "6455-5.4-4", "6455-5.4-5", "6455-6.2-2");
    assert_passes(5);
}

#[test]
fn section_6_utf8() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-6", "6455-5.6-1", "6455-8.1-1", "6455-8.1-2", "6455-8.1-3");
    assert_passes(6);
}

#[test]
fn section_7_closing() {
    let _watch = watchdog::bound();
    covers!(
        "6455-5.5.1-1",
        "6455-5.5.1-4",
        "6455-5.5.1-6",
        "6455-7.1.1-2",
        "6455-7.4.1-2",
        "6455-7.4.2-1",
    );
    assert_passes(7);
}

#[test]
fn section_9_limits_and_performance() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-5", "6455-5.4-7");
    assert_passes(9);
}

#[test]
fn section_10_auto_fragmentation() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-7");
    assert_passes(10);
}

#[test]
fn section_12_compression_of_all_kinds_of_data() {
    let _watch = watchdog::bound();
    covers!("7692-6.1-3", "7692-7.2.2-2", "7692-7.2.2-3");
    assert_passes(12);
}

#[test]
fn section_13_compression_by_all_parameters() {
    let _watch = watchdog::bound();
    covers!("7692-7.1.1.1-1", "7692-7.1.1.2-1", "7692-7.1.2.1-1", "7692-7.1.2.2-2");
    assert_passes(13);
}
