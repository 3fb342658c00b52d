//! Tests that a page names, as `file::name`.

use std::fs;
use std::path::Path;

/// The top level of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace")
}

/// Each test in a cell of a table: its file and its name. `::name` is in the file of the one before.
pub(crate) fn tests(cell: &str) -> Vec<(&str, &str)> {
    let mut last_file = "";
    let parts = cell.split(", ").map(|test| {
        let name = test.strip_prefix('`').and_then(|test| test.strip_suffix('`'));
        let (file, name) = name
            .and_then(|name| name.split_once("::"))
            .unwrap_or_else(|| panic!("no test: {test}"));
        if !file.is_empty() {
            last_file = file;
        }
        assert!(!last_file.is_empty(), "no file: {test}");
        (last_file, name)
    });
    parts.collect()
}

/// Fails with the list of those that do not exist.
pub(crate) fn assert_all_exist<'a>(tests: impl Iterator<Item = (&'a str, &'a str)>) {
    let exists = |(file, name): &(&str, &str)| {
        fs::read_to_string(root().join(file)).is_ok_and(|source| has_test(&source, name))
    };
    let missing: Vec<_> = tests.filter(|test| !exists(test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether this source has a test of that name: a function with the attribute, or one that a macro
/// turns into tests on several sides, adapters or runtimes.
fn has_test(source: &str, name: &str) -> bool {
    let is_generic = source.contains(&format!("fn {name}<"));
    if is_generic && source.lines().any(|line| line.trim() == format!("{name},")) {
        return true;
    }
    let definition = format!("fn {name}(");
    source.match_indices(&definition).any(|(at, _)| {
        let arguments = &source[at + definition.len()..];
        let is_for_several = arguments.starts_with("side)") || arguments.starts_with("adapter)");
        let mut above = source[..at].lines().rev().skip_while(|line| line.trim().is_empty());
        let mut attributes = above.by_ref().map(str::trim).take_while(|line| line.starts_with('#'));
        is_for_several || attributes.any(|line| line == "#[test]")
    })
}

#[test]
fn a_test_is_distinguished_from_other_functions() {
    let source = "#[test]\n#[ignore = \"slow\"]\nfn one() {}\n\nfn two() {}\n/// Doc.\n#[test]\nfn three() {}\n\
        macro! {\n    fn four(side) {}\n    fn five(adapter) {}\n}\n";
    let found = ["one", "two", "three", "four", "five", "six"].map(|name| has_test(source, name));
    assert_eq!(found, [true, false, true, true, true, false]);
}
