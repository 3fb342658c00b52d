//! The command line.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Sends mixed traffic over both adapters for a while, with faults beside it, and checks every byte.

  --seconds N      how long, 60 by default; memory is judged from 300 on
  --seed N         other messages and other faults
  --faults on|off  whether there are faults, on by default
  --report FILE    writes the report there too, as Markdown
";

#[derive(Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) faults: bool,
    pub(crate) report: Option<PathBuf>,
}

impl Args {
    /// `None` if they ask for words only.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut parsed =
            Self { time: Duration::from_secs(60), seed: 1, faults: true, report: None };
        while let Some(arg) = args.next() {
            if arg == "--help" || arg == "-h" {
                return Ok(None);
            }
            let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
            match arg.as_str() {
                "--seconds" => parsed.time = Duration::from_secs(number(&value)?),
                "--seed" => parsed.seed = number(&value)?,
                "--faults" => parsed.faults = is_on(&value)?,
                "--report" => parsed.report = Some(value.into()),
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        Ok(Some(parsed))
    }
}

fn is_on(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{value:?} is neither on nor off")),
    }
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{value:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Option<Args>, String> {
        Args::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn arguments_are_taken_or_refused() {
        let args = Args {
            time: Duration::from_secs(5),
            seed: 7,
            faults: false,
            report: Some("soak.md".into()),
        };
        let said =
            ["--seconds", "5", "--seed", "7", "--faults", "off", "--report", "soak.md"].as_slice();
        assert_eq!(parse(said), Ok(Some(args)));
        assert_eq!(parse(&["--help"]), Ok(None));
        for wrong in [&["--seconds"][..], &["--seconds", "x"], &["--faults", "no"], &["-x", "1"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
