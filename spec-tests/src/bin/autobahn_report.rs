//! Reads the `index.json` files that the genuine Autobahn suite writes, prints a table of its
//! agents, and fails unless each passes every case: with OK or INFORMATIONAL, and nothing else.
//!
//! ```sh
//! cargo run -p bluewire-spec-tests --bin autobahn_report -- spec-tests/autobahn/reports/*/index.json
//! ```
//!
//! `--cases PATTERN`, which may be repeated, says which cases there should be, in the suite's own
//! words: `*`, `1.*` or `6.4.1`. Without it, every case has to be there.
#![forbid(unsafe_code)]

use std::env;
use std::fs;
use std::process::ExitCode;

use bluewire_spec_tests::cases::{self, Size};
use serde_json::{Map, Value};

fn main() -> ExitCode {
    let Some(Args { patterns, paths }) = parse(env::args().skip(1)) else {
        eprintln!("usage: autobahn_report [--cases PATTERN]... INDEX.JSON...");
        return ExitCode::from(2);
    };
    let mut ids: Vec<String> = cases::all(Size::Reduced).into_iter().map(|case| case.id).collect();
    ids.retain(|id| patterns.iter().any(|pattern| matches_pattern(id, pattern)));
    let (mut agents, mut is_whole) = (Vec::new(), true);
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string());
        match text.and_then(|text| judge(&text, &ids)) {
            Ok(more) => agents.extend(more),
            Err(error) => {
                eprintln!("{path}: {error}");
                is_whole = false;
            }
        }
    }
    print!("{}", table(&agents));
    match is_whole && agents.iter().all(|agent| agent.faults.is_empty()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

struct Args {
    patterns: Vec<String>,
    paths: Vec<String>,
}

fn parse(mut args: impl Iterator<Item = String>) -> Option<Args> {
    let mut parsed = Args { patterns: Vec::new(), paths: Vec::new() };
    while let Some(arg) = args.next() {
        match &*arg {
            "--cases" => parsed.patterns.push(args.next()?),
            _ => parsed.paths.push(arg),
        }
    }
    if parsed.patterns.is_empty() {
        parsed.patterns.push("*".to_owned());
    }
    (!parsed.paths.is_empty()).then_some(parsed)
}

/// Whether the suite would run this case for this pattern.
fn matches_pattern(id: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => id.starts_with(start),
        None => id == pattern,
    }
}

/// How the suite judged one agent.
#[derive(Debug, PartialEq, Eq)]
struct Agent {
    name: String,
    ok: usize,
    informational: usize,
    /// A line for each case that does not pass, or that was not run.
    faults: Vec<String>,
}

/// A line for each agent, and below it one for each of its faults.
fn table(agents: &[Agent]) -> String {
    let width = agents.iter().map(|agent| agent.name.len()).fold("agent".len(), usize::max);
    let mut out =
        format!("{:width$} {:>5} {:>14} {:>7}\n", "agent", "OK", "informational", "failed");
    for Agent { name, ok, informational, faults } in agents {
        out += &format!("{name:width$} {ok:>5} {informational:>14} {:>7}\n", faults.len());
        for fault in faults {
            out += &format!("  {fault}\n");
        }
    }
    out
}

/// Reads an index, in which these cases must be.
fn judge(index: &str, ids: &[String]) -> Result<Vec<Agent>, String> {
    let index: Map<String, Value> = serde_json::from_str(index).map_err(|e| e.to_string())?;
    if index.is_empty() {
        return Err("it names no agent".into());
    }
    index.into_iter().map(|(name, cases)| judge_agent(name, &cases, ids)).collect()
}

fn judge_agent(name: String, cases: &Value, ids: &[String]) -> Result<Agent, String> {
    let cases = cases.as_object().ok_or_else(|| format!("{name} has no cases"))?;
    let mut agent = Agent { name, ok: 0, informational: 0, faults: Vec::new() };
    for (id, case) in cases {
        let verdict = |key: &str| case[key].as_str().unwrap_or("nothing");
        let (behavior, closing) = (verdict("behavior"), verdict("behaviorClose"));
        match behavior {
            "OK" if passes(closing) => agent.ok += 1,
            "INFORMATIONAL" if passes(closing) => agent.informational += 1,
            _ => agent.faults.push(format!("{id}: {behavior}, closing {closing}")),
        }
    }
    let missing = ids.iter().filter(|id| !cases.contains_key(*id));
    agent.faults.extend(missing.map(|id| format!("{id}: was not run")));
    Ok(agent)
}

fn passes(verdict: &str) -> bool {
    matches!(verdict, "OK" | "INFORMATIONAL")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../autobahn/sample_index.json");

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn cases_that_are_not_ok_are_reported() {
        let agents = judge(SAMPLE, &ids(&["1.1.1", "6.4.1", "7.1.6"])).expect("an index");
        let faults: Vec<_> = agents.iter().map(|agent| (&*agent.name, &agent.faults[..])).collect();
        let bad = [
            "6.4.1: NON-STRICT, closing OK",
            "7.3.1: OK, closing UNCLEAN",
            "12.1.1: UNIMPLEMENTED, closing OK",
            "7.1.6: was not run",
        ];
        let mut bad = bad.map(String::from);
        let mut faults_of_bad = faults[0].1.to_vec();
        bad.sort();
        faults_of_bad.sort();
        assert_eq!((faults[0].0, faults_of_bad), ("careless", bad.to_vec()));
        assert_eq!(faults[1], ("strict", &[][..]));
        assert_eq!(
            table(&agents[1..]),
            "agent     OK  informational  failed\nstrict     2              1       0\n"
        );
    }

    #[test]
    fn patterns_are_those_of_the_suite() {
        for (id, pattern, matches) in [
            ("1.1.1", "*", true),
            ("1.1.1", "1.*", true),
            ("10.1.1", "1.*", false),
            ("6.4.1", "6.4.1", true),
            ("6.4.10", "6.4.1", false),
        ] {
            assert_eq!(matches_pattern(id, pattern), matches, "{id} {pattern}");
        }
    }

    #[test]
    fn the_faults_of_an_agent_stand_below_it() {
        let agents = judge(SAMPLE, &ids(&["1.1.1"])).expect("an index");
        let table = table(&agents);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "agent       OK  informational  failed");
        assert_eq!(lines[1], "careless     1              0       3");
        assert_eq!(lines.len(), 6, "{table}");
    }

    #[test]
    fn an_invalid_index_fails() {
        let ids = ids(&[]);
        assert!(judge("{}", &ids).is_err());
        assert!(judge("[]", &ids).is_err());
        assert!(judge("{\"agent\": 1}", &ids).is_err());
        let agents = judge("{\"agent\": {\"1.1.1\": {}}}", &ids).expect("an index");
        assert_eq!(agents[0].faults, ["1.1.1: nothing, closing nothing"]);
    }
}
