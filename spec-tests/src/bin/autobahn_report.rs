//! Reads the `index.json` that the genuine Autobahn suite writes, and fails unless every agent
//! passes every case: with OK or INFORMATIONAL, and nothing else.
//!
//! ```sh
//! cargo run -p bluewire-spec-tests --bin autobahn_report -- spec-tests/autobahn/reports/*/index.json
//! ```
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::ExitCode;

use bluewire_spec_tests::cases::{self, Size};
use serde_json::{Map, Value};

fn main() -> ExitCode {
    let paths: Vec<_> = env::args().skip(1).collect();
    if paths.is_empty() {
        eprintln!("usage: autobahn_report INDEX.JSON...");
        return ExitCode::from(2);
    }
    let ids: Vec<String> = cases::all(Size::Reduced).into_iter().map(|case| case.id).collect();
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string());
        match text.and_then(|text| judge(&text, &ids)) {
            Ok(agents) => {
                for agent in agents {
                    print!("{}", agent.in_words());
                    if !agent.faults.is_empty() {
                        code = ExitCode::FAILURE;
                    }
                }
            }
            Err(error) => {
                eprintln!("{path}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// What the suite says of one agent.
#[derive(Debug, PartialEq, Eq)]
struct Agent {
    name: String,
    /// How many cases have each verdict.
    verdicts: BTreeMap<String, usize>,
    /// A line for each case that does not pass, or that was not run.
    faults: Vec<String>,
}

impl Agent {
    fn in_words(&self) -> String {
        let counts = self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}"));
        let counts: Vec<_> = counts.collect();
        let mut out = format!("{}: {}\n", self.name, counts.join(", "));
        for fault in &self.faults {
            out += &format!("  {fault}\n");
        }
        out
    }
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
    let mut agent = Agent { name, verdicts: BTreeMap::new(), faults: Vec::new() };
    for (id, case) in cases {
        let verdict = |key: &str| case[key].as_str().unwrap_or("nothing");
        let (behavior, closing) = (verdict("behavior"), verdict("behaviorClose"));
        *agent.verdicts.entry(behavior.to_owned()).or_default() += 1;
        if !passes(behavior) || !passes(closing) {
            agent.faults.push(format!("{id}: {behavior}, closing {closing}"));
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
    fn what_is_not_ok_is_told() {
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
        assert_eq!(agents[1].verdicts["OK"], 2);
        assert_eq!(agents[1].in_words(), "strict: 1 INFORMATIONAL, 2 OK\n");
    }

    #[test]
    fn what_is_no_index_fails() {
        let ids = ids(&[]);
        assert!(judge("{}", &ids).is_err());
        assert!(judge("[]", &ids).is_err());
        assert!(judge("{\"agent\": 1}", &ids).is_err());
        let agents = judge("{\"agent\": {\"1.1.1\": {}}}", &ids).expect("an index");
        assert_eq!(agents[0].faults, ["1.1.1: nothing, closing nothing"]);
    }
}
