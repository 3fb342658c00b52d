//! Puts every mutant of a source file behind a switch, so that one build has them all.
//!
//! Usage: `bluewire-switches FILE < MUTANTS > SWITCHED`
//!
//! Each line of `MUTANTS` has five fields with tabs between them: number, genre, line, column and
//! replacement, as cargo-mutants lists them. `a < b` becomes
//! `(if crate::mutant(7) { a <= b } else { a < b })`. One mutant is active at a time, so the
//! operands in the first branch have no switches, and the code stays small. The marks `/*<7*/` and
//! `/*7>*/` surround mutant 7, for `tools/mutate` to know which mutant the compiler refuses. Numbers
//! of mutants without a switch go to standard error.

#![forbid(unsafe_code)]

mod edits;

use std::collections::BTreeMap;
use std::io::Read as _;

use edits::{Edit, Edits, Key, Position};
use syn::visit::Visit as _;

/// A mutant of the list.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    number: u32,
    genre: String,
    replacement: String,
}

fn main() {
    let file = std::env::args().nth(1).expect("usage: bluewire-switches FILE < MUTANTS");
    let source = std::fs::read_to_string(&file).expect("the file can be read");
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list).expect("the list of mutants can be read");
    let parsed = syn::parse_file(&source).expect("the file is Rust");

    let mut edits = Edits::new(mutants(&list));
    edits.visit_file(&parsed);
    for number in edits.without_switch() {
        eprintln!("{number}");
    }
    print!("{}", render(&source, &edits.edits, 0, source.len()));
}

/// The mutants of a list, by the place where they start.
fn mutants(list: &str) -> BTreeMap<Position, Vec<Mutant>> {
    let mut mutants: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in list.lines() {
        let fields: Vec<_> = line.splitn(5, '\t').collect();
        let [number, genre, line, column, replacement] = fields[..] else {
            panic!("a mutant has five fields: {line}");
        };
        let number_of = |field: &str| field.parse::<usize>().expect("a number");
        mutants.entry((number_of(line), number_of(column))).or_default().push(Mutant {
            number: u32::try_from(number_of(number)).expect("a small number"),
            genre: genre.to_owned(),
            replacement: replacement.to_owned(),
        });
    }
    mutants
}

/// The text between two offsets, with its edits.
fn render(source: &str, edits: &BTreeMap<Key, Edit>, from: usize, to: usize) -> String {
    let mut text = String::new();
    let mut at = from;
    while let Some((key, edit)) = edits.range((at, 0, 0)..(to, 0, 0)).next() {
        text.push_str(&source[at..key.0]);
        let raw = |(from, to): (usize, usize)| &source[from..to];
        let switched = |(from, to): (usize, usize)| {
            let inside = edits
                .range((from, 0, 0)..(to, 0, 0))
                .filter(|(other, inner)| *other != key && inner.end <= to)
                .map(|(key, inner)| (*key, inner.clone()))
                .collect();
            render(source, &inside, from, to)
        };
        text.push_str(&edit.text(raw, switched));
        at = edit.end;
    }
    text.push_str(&source[at.min(to)..to]);
    text
}
