//! Running cases against targets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::cutting::Cutting;
use crate::fuzzer::{Detail, Fuzzer, Run, Verdict};
use crate::target::Target;

/// The cases and targets of a run.
pub struct Plan {
    /// The cases.
    pub cases: Vec<Case>,
    /// The implementations under test.
    pub targets: Vec<Box<dyn Target>>,
    /// How much each transcript keeps.
    pub detail: Detail,
    /// The seed of the masking keys.
    pub seed: u64,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let targets: Vec<_> = self.targets.iter().map(|target| target.name()).collect();
        f.debug_struct("Plan")
            .field("cases", &self.cases.len())
            .field("targets", &targets)
            .finish_non_exhaustive()
    }
}

/// The result of a plan.
#[derive(Debug)]
pub struct Results {
    /// The cases.
    pub cases: Vec<Case>,
    /// The names of the targets.
    pub targets: Vec<String>,
    /// For each case, for each target, what came of it.
    pub cells: Vec<Vec<Cell>>,
    /// How long it took.
    pub elapsed: Duration,
}

/// One case against one target.
#[derive(Clone, Debug)]
pub struct Cell {
    /// How many runs there were: one for each cutting.
    pub runs: usize,
    /// The worst of them.
    pub worst: Run,
    /// How its input was cut.
    pub cutting: Cutting,
}

/// The result of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The testee passes by the strict reading.
    Passed,
    /// The testee passes by the lenient reading only.
    NonStrict,
    /// The testee lacks the extension that the case needs.
    Unimplemented,
    /// The testee does not pass.
    Failed,
}

impl Cell {
    /// The outcome of the cell.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let closed = Run { verdict: Verdict::Ok, ..self.worst.clone() }.passes();
        match self.worst.verdict {
            Verdict::Unimplemented => Outcome::Unimplemented,
            Verdict::NonStrict if closed => Outcome::NonStrict,
            Verdict::Ok | Verdict::Informational if closed => Outcome::Passed,
            _ => Outcome::Failed,
        }
    }
}

impl Results {
    /// How many cells amount to this.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cells.iter().flatten().filter(|cell| cell.outcome() == outcome).count()
    }

    /// How many runs there were in all.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.cells.iter().flatten().map(|cell| cell.runs).sum()
    }
}

/// Threads for each processor: over a socket most of the time is spent waiting.
const THREADS_PER_PROCESSOR: usize = 4;

/// Runs everything.
///
/// # Panics
///
/// If a target panics outside of the implementation under test.
#[must_use]
pub fn run(plan: Plan) -> Results {
    let began = Instant::now();
    let width = plan.targets.len();
    let count = plan.cases.len() * width;
    let next = AtomicUsize::new(0);
    let mut cells: Vec<Option<Cell>> = vec![None; count];
    let threads = THREADS_PER_PROCESSOR * thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (sender, next, plan) = (sender.clone(), &next, &plan);
            scope.spawn(move || {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        break;
                    }
                    let cell = run_cell(plan, &plan.cases[i / width], &*plan.targets[i % width]);
                    sender.send((i, cell)).expect("the receiver outlives the scope");
                }
            });
        }
        drop(sender);
        for (i, cell) in receiver {
            cells[i] = Some(cell);
        }
    });
    let mut cells = cells.into_iter().map(|cell| cell.expect("each was run"));
    let rows = plan.cases.iter().map(|_| cells.by_ref().take(width).collect()).collect();
    Results {
        cells: rows,
        targets: plan.targets.iter().map(|target| target.name()).collect(),
        cases: plan.cases,
        elapsed: began.elapsed(),
    }
}

fn run_cell(plan: &Plan, case: &Case, target: &dyn Target) -> Cell {
    let case = &if target.runs_in_full() { case.clone() } else { case.shortened() };
    let cuttings = target.cuttings(case);
    let runs = cuttings.len();
    let run = |cutting| {
        let mut fuzzer = Fuzzer::new(case, target.role().peer(), plan.seed, plan.detail);
        target.run(&mut fuzzer, cutting);
        (cutting, fuzzer.finish())
    };
    let badness = |(_, run): &(Cutting, Run)| (!run.passes(), run.verdict, run.close_verdict);
    // Of equals the first: the plainest cutting.
    let worst = cuttings
        .into_iter()
        .map(run)
        .reduce(|worst, next| if badness(&next) > badness(&worst) { next } else { worst });
    let (cutting, worst) = worst.expect("at least one cutting");
    Cell { runs, worst, cutting }
}
