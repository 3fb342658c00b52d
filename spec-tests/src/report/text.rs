//! The summary on the terminal.

use std::fmt::Write as _;

use super::{section_title, verdicts};
use crate::cases::SECTIONS;
use crate::run::{Outcome, Results};

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Passed, "passed"),
    (Outcome::NonStrict, "NON-STRICT"),
    (Outcome::Failed, "FAILED"),
    (Outcome::Unimplemented, "unimplemented"),
];

/// A table of sections and targets, and the sums.
#[must_use]
pub fn table(results: &Results) -> String {
    let mut lines = vec![vec!["section".to_owned(), "cases".into()]];
    lines[0].extend(results.targets.iter().cloned());
    let mut line = |first: String, rows: &[usize]| {
        let mut line = vec![first, rows.len().to_string()];
        line.extend(sums(results, rows));
        lines.push(line);
    };
    for section in SECTIONS {
        let rows = rows(results, |case_section| case_section == section);
        if !rows.is_empty() {
            line(format!("{section:>2} {}", section_title(section)), &rows);
        }
    }
    line("all".into(), &rows(results, |_| true));
    align(&lines)
}

fn align(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let mut out = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            let _ = write!(out, "{cell:<width$}  ", width = width(column));
        }
        out.truncate(out.trim_end().len());
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

fn rows(results: &Results, wanted: impl Fn(u8) -> bool) -> Vec<usize> {
    (0..results.cases.len()).filter(|row| wanted(results.cases[*row].section())).collect()
}

fn sums(results: &Results, rows: &[usize]) -> Vec<String> {
    let sum = |target: usize| {
        let count = |outcome| {
            rows.iter().filter(|row| results.cells[**row][target].outcome() == outcome).count()
        };
        let words: Vec<_> = OUTCOMES
            .iter()
            .map(|(outcome, word)| (count(*outcome), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        words.join(", ")
    };
    (0..results.targets.len()).map(sum).collect()
}
