//! Times the engines in turn and prints a row for each case:
//!
//! ```text
//! compare [PART-OF-A-CASE'S-NAME]... [--rounds N] [--engine NAME]...
//! compare --once CASE ENGINE TIMES
//! ```
//!
//! The second form only runs, for a profiler to look on.
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;

use bluewire_benches::measure;
use bluewire_benches::{Case, Engine, engines};

fn main() -> ExitCode {
    let mut filters = Vec::new();
    let mut names = Vec::new();
    let mut rounds = 10;
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--once" => return once(&args.collect::<Vec<_>>()),
            "--rounds" => rounds = args.next().and_then(|n| n.parse().ok()).unwrap_or(rounds),
            "--engine" => names.extend(args.next()),
            _ => filters.push(arg),
        }
    }
    let engines: Vec<Engine> = engines()
        .into_iter()
        .filter(|engine| names.is_empty() || names.iter().any(|name| name == engine.name))
        .collect();
    print!("{:<38}", "ns a run, fastest of the samples");
    engines.iter().for_each(|engine| print!("{:>17}", engine.name));
    println!("{:>8}", "ratio");
    for case in Case::all() {
        let name = case.to_string();
        if filters.iter().all(|filter| name.contains(filter.as_str())) {
            print_row(&name, &case, &engines, rounds);
        }
    }
    ExitCode::SUCCESS
}

fn print_row(name: &str, case: &Case, engines: &[Engine], rounds: usize) {
    let taken = measure::compare(case, engines, rounds);
    print!("{name:<38}");
    for taken in &taken {
        print!("{:>17}", taken.map_or(String::new(), |taken| format!("{taken:.1}")));
    }
    let best_peer = taken[1..].iter().copied().flatten().min_by(f64::total_cmp);
    let ratio = taken[0].zip(best_peer).map(|(ours, best)| format!("{:.2}", ours / best));
    println!("{:>8}", ratio.unwrap_or_default());
}

fn once(args: &[String]) -> ExitCode {
    let [case, engine, times] = args else { return ExitCode::FAILURE };
    let case = Case::all().into_iter().find(|candidate| candidate.to_string() == *case);
    let engine = engines().into_iter().find(|candidate| candidate.name == engine);
    let (Some(case), Some(engine), Ok(times)) = (case, engine, times.parse()) else {
        return ExitCode::FAILURE;
    };
    let Some(mut run) = (engine.run)(&case) else { return ExitCode::FAILURE };
    run(times);
    ExitCode::SUCCESS
}
