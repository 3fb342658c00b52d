//! The cases over TCP: as many as do not wait, against each adapter in each role.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::net::{Ipv4Addr, TcpListener};

use bluewire::{ConnectError, blocking, smol as bluewire_smol};
use bluewire_spec_tests::cases::{self, Size};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::fuzzer::Detail;
use bluewire_spec_tests::report;
use bluewire_spec_tests::run::{self, Outcome, Plan};
use bluewire_spec_tests::target;

#[track_caller]
fn assert_passes(sections: &[u8]) {
    let mut cases = cases::all(Size::Reduced);
    cases.retain(|case| sections.contains(&case.section()));
    let plan = Plan { cases, targets: target::adapters(), detail: Detail::Brief, seed: 0 };
    let results = run::run(plan);
    let passed = results.count(Outcome::Passed);
    assert_eq!(passed, results.cells.iter().flatten().count(), "{}", report::failures(&results));
}

#[test]
fn closing_is_complete_and_resets_nothing() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.1-1", "6455-7.1.1-2", "6455-5.5.1-6", "6455-7.1.7-1", "6455-7.1.2-1");
    assert_passes(&[7]);
}

#[test]
fn messages_and_pings_come_back_without_being_asked_for() {
    let _watch = watchdog::bound();
    covers!("6455-6.1-3", "6455-5.5.2-1", "6455-5.1-1", "6455-5.1-3");
    assert_passes(&[1, 2, 10]);
}

#[test]
fn violations_end_the_transport() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.7-1", "6455-7.1.7-2", "6455-10.7-2");
    assert_passes(&[3, 4]);
}

#[test]
fn a_server_that_is_not_there_is_reported_to_the_application() {
    let _watch = watchdog::bound();
    covers!("6455-4.1-2");
    // A port that was free a moment ago.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let refused = blocking::connect(url.as_str()).map(drop);
    assert!(matches!(refused, Err(ConnectError::Unreachable { .. })), "{refused:?}");
    let refused = smol::block_on(bluewire_smol::connect(url.as_str())).map(drop);
    assert!(matches!(refused, Err(ConnectError::Unreachable { .. })), "{refused:?}");
}
