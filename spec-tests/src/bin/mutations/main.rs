//! Breaks the engine on purpose, rule by rule, and sees whether the tests notice.
//!
//! ```sh
//! cargo run -p bluewire-spec-tests --bin mutations                 # all of them
//! cargo run -p bluewire-spec-tests --bin mutations -- --every 10   # a few, spread over the table
//! cargo run -p bluewire-spec-tests --bin mutations -- --only pong  # those whose name has this
//! ```
//!
//! A [`Mutation`] is a text to look for in one of the engine's sources and another in its place. It
//! is made in a copy of the workspace in `target/mutations`, never in the sources themselves; there
//! the cases of sections 1 to 7 and 10 are run against the engine, and what the mutation names
//! beside them: requirement tests, groups of sections 12 and 13. It is caught if each case and each
//! test that the table promises fails.
#![forbid(unsafe_code)]

mod scratch;
mod table;

use std::collections::BTreeSet;
use std::env;
use std::process::ExitCode;
use std::time::Instant;

use scratch::Scratch;
use table::{Mutation, Witness};

const HELP: &str = "\
Breaks the engine, rule by rule, and sees whether the tests notice.

  --only TEXT      the mutations whose name has this; of several texts, one
  --every N        one of each N mutations
  --list           the mutations, without making them
";

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all mutations are caught.
fn run(args: impl Iterator<Item = String>) -> Result<bool, String> {
    let Some(mutations) = choose(args)? else {
        return Ok(true);
    };
    let scratch = Scratch::new()?;
    let tests: BTreeSet<&str> = mutations.iter().flat_map(|m| m.test_files()).collect();
    let began = Instant::now();
    let groups = mutations.iter().flat_map(|m| m.groups()).collect();
    let failed = scratch.failures(&tests, &groups)?;
    if !failed.is_empty() {
        return Err(format!("without any mutation these fail: {failed:?}"));
    }
    println!("nothing fails without a mutation ({:.0} s)", began.elapsed().as_secs_f64());
    let mut caught = 0;
    for mutation in &mutations {
        let began = Instant::now();
        let failed = scratch.failures_with(mutation)?;
        let missed: Vec<_> = mutation.caught_by.iter().filter(|w| !failed.contains(*w)).collect();
        let verdict = if missed.is_empty() { "caught  " } else { "SURVIVES" };
        caught += usize::from(missed.is_empty());
        let time = began.elapsed().as_secs_f64();
        println!("{verdict} {} ({time:.0} s): {}", mutation.name, in_words(&failed));
        for witness in missed {
            println!("         {witness} passes nevertheless");
        }
    }
    println!("{caught} of {} mutations are caught", mutations.len());
    Ok(caught == mutations.len())
}

/// The mutations that the arguments ask for; `None` if they ask for words only.
fn choose(
    mut args: impl Iterator<Item = String>,
) -> Result<Option<Vec<&'static Mutation>>, String> {
    let mut mutations: Vec<_> = table::all().collect();
    let mut texts: Vec<String> = Vec::new();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--only" => texts.push(value()?),
            "--every" => {
                let step: usize = value()?.parse().map_err(|_| "--every needs a number")?;
                mutations = mutations.into_iter().step_by(step.max(1)).collect();
            }
            "--list" => {
                for Mutation { name, breaks, .. } in mutations {
                    println!("{breaks:<16} {name}");
                }
                return Ok(None);
            }
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(None);
            }
            _ => return Err(format!("unknown argument {arg}\n\n{HELP}")),
        }
    }
    let wanted = |name: &str| texts.is_empty() || texts.iter().any(|text| name.contains(text));
    mutations.retain(|mutation| wanted(mutation.name));
    if mutations.is_empty() { Err("no such mutation".into()) } else { Ok(Some(mutations)) }
}

/// The first few that failed, and how many more there are.
fn in_words(failed: &BTreeSet<Witness>) -> String {
    const SHOWN: usize = 4;
    let names: Vec<_> = failed.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = failed.len().saturating_sub(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "nothing fails".into(),
        (false, 0) => names.join(", "),
        (false, _) => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluewire_spec_tests::cases::{self, Size};
    use bluewire_spec_tests::requirements;

    /// A change of the engine that moves a rule must move its mutation too.
    #[test]
    fn every_mutation_applies_to_the_engine_as_it_is() {
        for mutation in table::all() {
            for edit in mutation.edits {
                let source = scratch::read(&scratch::workspace().join(edit.file));
                let applied = source.and_then(|source| edit.apply(&source));
                assert!(applied.is_ok(), "{}: {applied:?}", mutation.name);
            }
        }
    }

    #[test]
    fn every_mutation_names_a_rule_that_exists_and_who_catches_it() {
        let cases: BTreeSet<String> = cases::all(Size::Reduced).into_iter().map(|c| c.id).collect();
        let mut names = BTreeSet::new();
        for Mutation { name, breaks, edits, caught_by } in table::all() {
            assert!(names.insert(name), "{name} is there twice");
            assert!(requirements::is_known(breaks), "{name}: there is no requirement {breaks}");
            assert!(!edits.is_empty() && !caught_by.is_empty(), "{name}");
            for witness in *caught_by {
                if let Witness::Case(id) = witness {
                    assert!(cases.contains(&**id), "{name}: there is no case {id}");
                }
            }
        }
        assert!(names.len() >= 25);
    }
}
