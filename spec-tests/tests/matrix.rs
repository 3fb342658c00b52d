//! Every requirement has a test, and the page that says so is up to date.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::fs;

use bluewire_spec_tests::matrix::{self, Coverage};

#[test]
fn every_requirement_has_a_test() {
    let _watch = watchdog::bound();
    let coverage = Coverage::collect().expect("the tests' sources are readable and right");
    let missing: Vec<_> = coverage.missing().map(|requirement| requirement.id).collect();
    assert!(missing.is_empty(), "without a test: {missing:?}");
}

#[test]
fn the_page_is_up_to_date() {
    let _watch = watchdog::bound();
    let coverage = Coverage::collect().expect("the tests' sources are readable and right");
    let page = fs::read_to_string(matrix::path()).expect("the page is there");
    assert!(
        page == coverage.to_markdown(),
        "run `cargo run -p bluewire-spec-tests -- --matrix` and commit what it changes"
    );
}
