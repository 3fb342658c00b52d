//! The summary on the terminal.

use std::fmt::Write as _;

use super::{section_title, verdicts};
use crate::cases::SECTIONS;
use crate::run::{Cell, Outcome, Results};

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Passed, ""),
    (Outcome::NonStrict, " NON-STRICT"),
    (Outcome::Failed, " FAILED"),
    (Outcome::Unimplemented, " unimplemented"),
];

/// A column: the name of the section, and the rows of its cases.
type Column = (String, Vec<usize>);

/// A table of targets and sections: how many cases pass, and what those do that do not.
#[must_use]
pub fn table(results: &Results) -> String {
    let columns: Vec<Column> = SECTIONS
        .iter()
        .map(|section| (section.to_string(), rows(results, |of_case| of_case == *section)))
        .filter(|(_, rows)| !rows.is_empty())
        .chain([("all".into(), rows(results, |_| true))])
        .collect();
    let line = |first: &str, cell: &dyn Fn(&Column) -> String| {
        [first.to_owned()].into_iter().chain(columns.iter().map(cell)).collect()
    };
    let mut lines: Vec<Vec<String>> = vec![
        line("section", &|(name, _)| name.clone()),
        line("cases", &|(_, rows)| rows.len().to_string()),
    ];
    for (i, target) in results.targets.iter().enumerate() {
        lines.push(line(target, &|(_, rows)| sum(results, rows, i)));
    }
    let mut out = align(&lines);
    out.push('\n');
    for section in SECTIONS {
        if results.cases.iter().any(|case| case.section() == section) {
            let _ = writeln!(out, "{section:>2}  {}", section_title(section));
        }
    }
    out
}

fn align(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let mut out = String::new();
    for line in lines {
        let _ = write!(out, "{:<width$}", line[0], width = width(0));
        for (column, cell) in line.iter().enumerate().skip(1) {
            let _ = write!(out, "  {cell:>width$}", width = width(column));
        }
        out.push('\n');
    }
    out
}

/// Each cell that did not pass, with its transcript.
#[must_use]
pub fn failures(results: &Results) -> String {
    let mut out = String::new();
    for (case, cells) in results.cases.iter().zip(&results.cells) {
        for (target, cell) in results.targets.iter().zip(cells) {
            if matches!(cell.outcome(), Outcome::Failed | Outcome::NonStrict) {
                let _ = writeln!(
                    out,
                    "\n{} {} ({target}, cut {}): {}\n{}",
                    case.id,
                    case.title,
                    cell.cutting,
                    verdicts(cell),
                    cell.worst.transcript
                );
            }
        }
    }
    out
}

/// The cases that did not pass on every target, a line each.
#[must_use]
pub fn failed_ids(results: &Results) -> String {
    let has_failed = |cells: &[Cell]| {
        let mut outcomes = cells.iter().map(Cell::outcome);
        outcomes.any(|outcome| matches!(outcome, Outcome::Failed | Outcome::NonStrict))
    };
    let failed = results.cases.iter().zip(&results.cells).filter(|(_, cells)| has_failed(cells));
    failed.map(|(case, _)| format!("{}\n", case.id)).collect()
}

fn rows(results: &Results, wanted: impl Fn(u8) -> bool) -> Vec<usize> {
    (0..results.cases.len()).filter(|row| wanted(results.cases[*row].section())).collect()
}

/// How many of these cases pass, and how many do something else.
fn sum(results: &Results, rows: &[usize], target: usize) -> String {
    let count = |outcome| {
        rows.iter().filter(|row| results.cells[**row][target].outcome() == outcome).count()
    };
    let words: Vec<_> = OUTCOMES
        .iter()
        .map(|(outcome, word)| (count(*outcome), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count}{word}"))
        .collect();
    words.join(", ")
}
