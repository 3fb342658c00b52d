//! Every case against the server under axum: over TCP, and through one HTTP/2 connection.
#![forbid(unsafe_code)]

use bluewire_spec_tests::cases::{self, Size};
use bluewire_spec_tests::fuzzer::Detail;
use bluewire_spec_tests::report;
use bluewire_spec_tests::run::{self, Outcome, Plan};
use bluewire_spec_tests::target;

#[test]
fn every_case_passes_under_axum_and_through_one_http2_connection() {
    let cases = cases::all(Size::Reduced);
    assert_eq!(cases.len(), 517);
    let plan = Plan { cases, targets: target::http(), detail: Detail::Brief, seed: 0 };
    let results = run::run(plan);
    let count = results.cells.iter().flatten().count();
    assert_eq!(results.count(Outcome::Passed), count, "{}", report::failures(&results));
}
