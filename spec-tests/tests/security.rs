//! `SECURITY.md` names a test for each of its promises, and the tests exist.

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::fs;

mod named;

use named::{assert_all_exist, root, tests};

const ROWS_MIN: usize = 50;

#[test]
fn every_row_names_tests_that_exist() {
    let _watch = watchdog::bound();
    let page = fs::read_to_string(root().join("SECURITY.md")).expect("it is there");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    // The heads of the tables name the column.
    let cells: Vec<_> = rows
        .map(|row| row.trim_end().trim_end_matches('|').rsplit_once('|').expect("cells").1.trim())
        .filter(|cell| *cell != "shown by" && !cell.starts_with("---"))
        .collect();
    assert!(cells.len() >= ROWS_MIN, "{} rows", cells.len());
    assert_all_exist(cells.into_iter().flat_map(tests));
}
