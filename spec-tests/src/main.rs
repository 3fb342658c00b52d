//! Runs the cases: `cargo run --release -p bluewire-spec-tests -- --help`.
#![forbid(unsafe_code)]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use bluewire_spec_tests::cases::{self, Size};
use bluewire_spec_tests::fuzzer::Detail;
use bluewire_spec_tests::matrix::{self, Coverage};
use bluewire_spec_tests::report;
use bluewire_spec_tests::run::{self, Outcome, Plan, Results};
use bluewire_spec_tests::target::{self, Target};

const HELP: &str = "\
Runs the cases against every target and writes report.html.

  --only ID        one case, with every octet on the wire; or those of a group, such as 12.1
  --section N      the cases of one section, or of several if it is said again
  --target NAME    the targets whose name begins so (also: reference)
  --seed N         other masking keys
  --report FILE    where to write the report
  --list           the cases, without running them
  --failed         only the names of the cases that do not pass
  --matrix         writes MATRIX.md: which test proves which requirement
";

fn main() -> ExitCode {
    match Options::parse(env::args().skip(1)) {
        Ok(options) if options.help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(options) => options.run(),
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

#[derive(Default)]
struct Options {
    help: bool,
    list: bool,
    failed: bool,
    matrix: bool,
    only: Option<String>,
    sections: Vec<u8>,
    target: Option<String>,
    seed: u64,
    report: Option<PathBuf>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--help" | "-h" => options.help = true,
                "--list" => options.list = true,
                "--failed" => options.failed = true,
                "--matrix" => options.matrix = true,
                "--only" => options.only = Some(value()?),
                "--section" => options.sections.push(number(&value()?)?),
                "--target" => options.target = Some(value()?),
                "--seed" => options.seed = number(&value()?)?,
                "--report" => options.report = Some(value()?.into()),
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        Ok(options)
    }

    fn run(&self) -> ExitCode {
        if self.matrix {
            return write_matrix();
        }
        let size = if cfg!(debug_assertions) { Size::Reduced } else { Size::Full };
        let mut cases = cases::all(size);
        cases.retain(|case| {
            self.only.as_ref().is_none_or(|id| is_of(&case.id, id))
                && (self.sections.is_empty() || self.sections.contains(&case.section()))
        });
        if self.list {
            for case in &cases {
                println!("{:>4}  {:<8} {}", case.n, case.id, case.title);
            }
            return ExitCode::SUCCESS;
        }
        let targets = self.targets();
        if cases.is_empty() || targets.is_empty() {
            eprintln!("no such case or target");
            return ExitCode::from(2);
        }
        let detail = if cases.len() == 1 { Detail::Full } else { Detail::Brief };
        let results = run::run(Plan { cases, targets, detail, seed: self.seed });
        self.tell(&results, size);
        if results.count(Outcome::Failed) + results.count(Outcome::NonStrict) == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn targets(&self) -> Vec<Box<dyn Target>> {
        let Some(name) = &self.target else {
            return target::all();
        };
        let mut targets = target::all();
        targets.extend(target::hidden());
        targets.retain(|target| target.name().starts_with(name.as_str()));
        targets
    }

    fn tell(&self, results: &Results, size: Size) {
        if results.cases.len() == 1 && !self.failed {
            for (target, cell) in results.targets.iter().zip(&results.cells[0]) {
                println!("{target}, cut {}:\n{}", cell.cutting, cell.worst.transcript);
            }
            return;
        }
        if self.failed {
            print!("{}", report::failed_ids(results));
            return;
        }
        let heading = heading(results, size);
        print!("{}\n{}", report::failures(results), report::table(results));
        println!("\n{heading}");
        let default = concat!(env!("CARGO_MANIFEST_DIR"), "/report.html");
        let path = self.report.clone().unwrap_or_else(|| default.into());
        match fs::write(&path, report::html(results, &heading)) {
            Ok(()) => println!("{}", path.display()),
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    }
}

/// Whether a case is the one of this id, or of this group.
fn is_of(case: &str, id: &str) -> bool {
    case.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn write_matrix() -> ExitCode {
    let page = Coverage::collect().map(|coverage| coverage.to_markdown());
    match page.and_then(|page| fs::write(matrix::path(), page)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}

fn heading(results: &Results, size: Size) -> String {
    let mut heading = format!(
        "{} cases, {} targets, {} runs in {:.1} s.",
        results.cases.len(),
        results.targets.len(),
        results.runs(),
        results.elapsed.as_secs_f64(),
    );
    if size == Size::Reduced {
        heading += " This is an unoptimised build: section 9 is reduced to a sixty-fourth, and \
                    sections 12 and 13 to at most 20 messages each.";
    }
    if size == Size::Full && results.cases.iter().any(|case| case.deflate.is_some()) {
        heading += " In sections 12 and 13 messages above 8 KiB make 1000 round trips with the \
                    engine in memory, whole; 100 with all others.";
    }
    if results.count(Outcome::Unimplemented) > 0 {
        heading += " In unimplemented cases permessage-deflate was not agreed on.";
    }
    heading
}
