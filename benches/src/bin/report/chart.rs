//! Charts: horizontal bars, drawn by hand, since a library for that would be larger than this.

use std::fmt::Write;

use bluewire_benches::Case;

use crate::Results;

const LABEL_WIDTH: f64 = 300.0;
const BAR_WIDTH: f64 = 420.0;
const ROW_HEIGHT: f64 = 22.0;
const OURS: &str = "#1f6feb";
const THEIRS: &str = "#9aa4b2";

/// One bar.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) text: String,
    pub(crate) ours: bool,
}

/// File names and drawings.
pub(crate) fn all(results: &Results) -> Vec<(&'static str, String)> {
    vec![
        ("ratio.svg", ratios(results)),
        ("echo-16.svg", times(results, "server/echo/ascii/16/whole", "16 bytes of text echoed")),
        (
            "receive-1m.svg",
            times(results, "server/receive/binary/1048576/whole", "1 MiB received and unmasked"),
        ),
    ]
}

/// Bluewire's time by the best peer's, for every case.
fn ratios(results: &Results) -> String {
    let bars = results.rows.iter().map(|row| Bar {
        label: row.case.to_string(),
        value: row.ratio(),
        text: format!("{:.2}", row.ratio()),
        ours: row.ratio() <= 1.0,
    });
    let title = "Bluewire's time by that of the fastest other library (the line is 1: alike)";
    draw(title, &bars.collect::<Vec<_>>(), 2.0, Some(1.0))
}

/// The times of every engine for a case.
fn times(results: &Results, case: &str, title: &str) -> String {
    let Some(row) = results.rows.iter().find(|row| row.case.to_string() == case) else {
        return String::new();
    };
    let timed = results.names.iter().zip(&row.nanos).enumerate();
    let bars = timed.filter_map(|(place, (name, nanos))| {
        nanos.map(|nanos| Bar {
            label: (*name).to_owned(),
            value: nanos,
            text: time(&row.case, nanos),
            ours: place == 0,
        })
    });
    shortest_first(&format!("{title}: time, less is better"), bars)
}

/// Bars of time, of which there is at least one.
pub(crate) fn shortest_first(title: &str, bars: impl Iterator<Item = Bar>) -> String {
    let mut bars: Vec<_> = bars.collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    // A library that is beyond ten times the fastest would make all others look alike.
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max).min(10.0 * bars[0].value);
    draw(title, &bars, most, None)
}

fn time(case: &Case, nanos: f64) -> String {
    if case.len < 65_536 { format!("{nanos:.1} ns") } else { format!("{:.1} µs", nanos / 1e3) }
}

/// Bars on a scale that ends at `most`, and a line across them.
pub(crate) fn draw(title: &str, bars: &[Bar], most: f64, line: Option<f64>) -> String {
    let height = ROW_HEIGHT * (bars.len() as f64 + 2.0);
    let width = LABEL_WIDTH + BAR_WIDTH + 130.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">{title}</text>\n",
    );
    for (row, bar) in bars.iter().enumerate() {
        let top = ROW_HEIGHT * (row as f64 + 1.5);
        let middle = top + 14.0;
        let len = BAR_WIDTH * (bar.value / most).min(1.0);
        let color = if bar.ours { OURS } else { THEIRS };
        let cut = if bar.value > most { ", bar cut" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABEL_WIDTH}\" y=\"{}\" width=\"{len:.1}\" height=\"16\" fill=\"{color}\"/>\n\
             <text x=\"{:.1}\" y=\"{middle}\">{}{cut}</text>\n",
            LABEL_WIDTH - 8.0,
            bar.label,
            top + 2.0,
            LABEL_WIDTH + len + 6.0,
            bar.text,
        );
    }
    if let Some(value) = line {
        let x = LABEL_WIDTH + BAR_WIDTH * value / most;
        let (top, bottom) = (ROW_HEIGHT * 1.4, height - ROW_HEIGHT * 0.4);
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\" stroke=\"black\"/>",
        );
    }
    svg.push_str("</svg>\n");
    svg
}
