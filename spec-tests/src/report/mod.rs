//! The results of a run, for people.

mod html;
mod text;

pub use html::html;
pub use text::{failed_ids, failures, table};

use crate::run::{Cell, Outcome};

/// The subject of a section's cases.
#[must_use]
pub const fn section_title(section: u8) -> &'static str {
    match section {
        1 => "framing",
        2 => "pings and pongs",
        3 => "reserved bits",
        4 => "reserved opcodes",
        5 => "fragmentation",
        6 => "UTF-8",
        7 => "closing",
        9 => "limits and performance",
        10 => "auto-fragmentation",
        12 => "compression, kinds of data",
        13 => "compression, parameters",
        _ => "",
    }
}

/// The verdicts of a cell in words.
fn verdicts(cell: &Cell) -> String {
    let run = &cell.worst;
    match cell.outcome() {
        Outcome::Passed | Outcome::Unimplemented => run.verdict.to_string(),
        _ => format!("{}, closing {}", run.verdict, run.close_verdict),
    }
}
