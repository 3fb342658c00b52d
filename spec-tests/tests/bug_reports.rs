//! `docs/bug-reports.md` names tests that exist.

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

mod named;

use named::{assert_all_exist, root, tests};

const ROWS_MIN: usize = 40;

fn page() -> String {
    fs::read_to_string(root().join("docs/bug-reports.md")).expect("it is there")
}

/// The cells of each row: source, symptom, right behaviour, tests.
fn rows(page: &str) -> Vec<[&str; 4]> {
    let lines = page.lines().filter(|line| line.starts_with("| ["));
    let cells = lines.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        <[&str; 4]>::try_from(cells).unwrap_or_else(|_| panic!("four cells: {line}"))
    });
    cells.collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let _watch = watchdog::bound();
    let page = page();
    let rows = rows(&page);
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
    assert_all_exist(rows.iter().flat_map(|row| tests(row[3])));
}

#[test]
fn every_source_can_be_looked_up() {
    let _watch = watchdog::bound();
    let page = page();
    for [source, symptom, right, _] in rows(&page) {
        for link in source.split("), ") {
            let (name, address) = link
                .strip_prefix('[')
                .and_then(|link| link.split_once("]("))
                .unwrap_or_else(|| panic!("no link: {source}"));
            let address = address.trim_end_matches(')');
            assert!(address.starts_with("https://"), "{source}");
            if let Some((repository, number)) = name.split_once('#') {
                let of_issue = format!("https://github.com/{repository}/issues/{number}");
                let of_change = format!("https://github.com/{repository}/pull/{number}");
                assert!([of_issue, of_change].contains(&address.to_owned()), "{source}");
            }
        }
        assert!(symptom.ends_with('.') && right.ends_with('.'), "{source}");
    }
}

/// The tests that were written for a report.
#[test]
fn every_test_of_a_report_is_named() {
    let _watch = watchdog::bound();
    let page = page();
    let rows = rows(&page);
    let named: BTreeSet<_> = rows.iter().flat_map(|row| tests(row[3])).collect();
    let directory = root().join("adapters/tests/reports");
    let files: BTreeSet<PathBuf> =
        fs::read_dir(&directory).expect("it is there").flatten().map(|file| file.path()).collect();
    for path in files {
        let source = fs::read_to_string(&path).expect("it is text");
        let file = path.strip_prefix(root()).expect("it is below").to_str().expect("it is ASCII");
        let mut lines = source.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let next = (line == "#[test]").then(|| lines.next().expect("a function"));
            let name = next.and_then(|line| line.strip_prefix("fn ")?.split_once('('));
            if let Some((name, _)) = name {
                assert!(named.contains(&(file, name)), "{file}::{name} is not named");
            }
        }
    }
}
