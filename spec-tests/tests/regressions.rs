//! The page of other libraries' regressions names tests that exist.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../REGRESSIONS.md");

/// The folders that tests are in.
const SOURCES: [&str; 5] =
    ["core/src", "core/tests", "adapters/tests", "spec-tests/src", "spec-tests/tests"];

/// The entries of the page: library and version, symptom, rule, tests.
fn entries() -> Vec<[&'static str; 4]> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    rows.filter_map(|cells| cells.try_into().ok())
        .filter(|[library, ..]: &[&str; 4]| *library != "library")
        .collect()
}

/// The texts between backticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The functions that have the attribute of a test, and those that a macro turns into tests on each
/// runtime.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the workspace");
    let mut files = Vec::new();
    for folder in SOURCES {
        rust_files(&root.join(folder), &mut files);
    }
    let mut tests = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).expect("a readable source");
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let generic = line.strip_prefix("fn ").and_then(|line| line.split_once('<'));
            if let Some((name, _)) = generic
                && text.lines().any(|line| line.trim().strip_suffix(',') == Some(name))
            {
                tests.insert(name.to_owned());
            }
            let line = line.strip_prefix("async ").unwrap_or(line);
            if line.starts_with("#[") && line.contains("test") && !line.contains("cfg") {
                is_test = true;
                continue;
            }
            let signature = line.strip_prefix("fn ").and_then(|line| line.split_once('('));
            if let Some((name, _)) = signature
                && std::mem::take(&mut is_test)
            {
                tests.insert(name.to_owned());
            }
        }
    }
    tests
}

#[test]
fn every_entry_names_a_library_a_rule_and_tests_that_exist() {
    let _watch = watchdog::bound();
    let tests = tests();
    assert!(tests.contains("every_entry_names_a_library_a_rule_and_tests_that_exist"));
    for entry @ [library, symptom, rule, named] in entries() {
        assert!(library.chars().any(|char| char.is_ascii_digit()), "no version: {entry:?}");
        assert!(symptom.len() > 20 && symptom.ends_with('.'), "no symptom: {entry:?}");
        assert!(rule.starts_with("RFC "), "no rule: {entry:?}");
        assert!(names(named).next().is_some(), "no test: {entry:?}");
        for name in names(named) {
            assert!(tests.contains(name), "there is no test {name}");
        }
    }
}

#[test]
fn there_are_entries_of_every_library() {
    let _watch = watchdog::bound();
    let entries = entries();
    assert!(entries.len() >= 40, "{}", entries.len());
    for library in
        ["sockudo-ws", "tokio-websockets", "fastwebsockets", "ws", "websockets", "tungstenite"]
    {
        let start = format!("{library} ");
        let count = entries.iter().filter(|[name, ..]| name.starts_with(&start)).count();
        assert!(count >= 4, "{count} of {library}");
    }
    // No row is lost to a cell too many or too few.
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| library"));
    assert_eq!(rows.count(), entries.len());
}
