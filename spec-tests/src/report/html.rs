//! The report as one page that needs nothing else.

use std::fmt::Write as _;

use super::{section_title, table, verdicts};
use crate::run::{Cell, Outcome, Results};

const STYLE: &str = "
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #1c2733; }
pre { font: 12px/1.4 ui-monospace, monospace; overflow: auto; margin: .3em 0; max-width: 110ch; }
table { border-collapse: collapse; }
th, td { border: 1px solid #d5dce3; padding: .15em .5em; text-align: left; vertical-align: top; }
th { position: sticky; top: 0; background: #eef2f6; }
summary { cursor: pointer; white-space: nowrap; }
details[open] { background: #fff; }
tr.section td { background: #eef2f6; font-weight: 600; }
.passed { background: #c8ecd0; }
.non-strict { background: #ffe9a8; }
.failed { background: #ffc4bd; }
.unimplemented { background: #e6e6e6; color: #666; }
";

/// A page with a coloured cell for each case and target, which opens on its transcript.
#[must_use]
pub fn html(results: &Results, heading: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <title>Bluewire: conformance</title>\n<style>{STYLE}</style>\n\
         <h1>Bluewire: conformance</h1>\n<p>{}</p>\n<pre>{}</pre>\n<table>\n<tr><th>case</th>\
         <th></th>{}</tr>",
        escape(heading),
        escape(&table(results)),
        results.targets.iter().map(|name| format!("<th>{}</th>", escape(name))).collect::<String>(),
    );
    let mut section = 0;
    for (case, cells) in results.cases.iter().zip(&results.cells) {
        if case.section() != section {
            section = case.section();
            let _ = writeln!(
                out,
                "<tr class=\"section\"><td>{section}</td><td colspan=\"{}\">{}</td></tr>",
                cells.len() + 1,
                section_title(section),
            );
        }
        let _ = write!(out, "<tr><td>{}</td><td>{}</td>", case.id, escape(&case.title));
        for cell in cells {
            write_cell(&mut out, cell);
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n</html>\n");
    out
}

fn write_cell(out: &mut String, cell: &Cell) {
    let class = match cell.outcome() {
        Outcome::Passed => "passed",
        Outcome::NonStrict => "non-strict",
        Outcome::Unimplemented => "unimplemented",
        Outcome::Failed => "failed",
    };
    let _ = write!(
        out,
        "<td class=\"{class}\"><details><summary>{}</summary><pre>{} runs, the worst cut {}\n{}\
         </pre></details></td>",
        escape(&verdicts(cell)),
        cell.runs,
        cell.cutting,
        escape(&cell.worst.transcript.to_string()),
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(escape("a < b && c > d"), "a &lt; b &amp;&amp; c &gt; d");
    }
}
