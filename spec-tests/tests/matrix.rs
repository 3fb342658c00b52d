//! Every requirement has a test, and the page that says so is up to date.
#![forbid(unsafe_code)]

use std::fs;

use bluewire_spec_tests::matrix::{self, Coverage};

/// Requirements whose tests are still to come. It only ever gets shorter.
const TO_COME: &[&str] = &[
    // TLS.
    "6455-4.1-3",
    "6455-4.1-4",
    "6455-4.2.2-1",
    "6455-10.6-1",
];

#[test]
fn every_requirement_has_a_test() {
    let coverage = Coverage::collect().expect("the tests' sources are readable and right");
    let missing: Vec<_> = coverage.missing().map(|requirement| requirement.id).collect();
    let forgotten: Vec<_> = missing.iter().filter(|id| !TO_COME.contains(id)).collect();
    assert!(forgotten.is_empty(), "without a test: {forgotten:?}");
    let covered: Vec<_> = TO_COME.iter().filter(|id| !missing.contains(id)).collect();
    assert!(covered.is_empty(), "take these off the list, they have a test: {covered:?}");
}

#[test]
fn the_page_is_up_to_date() {
    let coverage = Coverage::collect().expect("the tests' sources are readable and right");
    let page = fs::read_to_string(matrix::path()).expect("the page is there");
    assert!(
        page == coverage.to_markdown(),
        "run `cargo run -p bluewire-spec-tests -- --matrix` and commit what it changes"
    );
}
