//! Mixed traffic over both adapters for a given time, with faults beside it.
//!
//! ```sh
//! export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072
//! cargo run --release -p bluewire-spec-tests --bin soak -- --seconds 1800
//! ```
//!
//! The variables are for the allocator of glibc. By default it has up to eight arenas for each
//! core, and keeps what is freed in the arena of the thread that allocated it: at the top of each
//! arena twice the longest block that was freed before, here some megabytes. So resident memory
//! grows until each arena has once held its longest messages, in ten minutes here, and stays
//! several times what is allocated, which is watched too. Nothing of it is in use. A server with
//! long messages and many threads sees the same; the variables, or an allocator that gives memory
//! back, avoid it. Without them the run must take half an hour for its warm-up to be over.
//!
//! Four echo servers run in the process: both adapters, the direct API and the facade, with
//! permessage-deflate for those who ask. [`clients`] send them messages of every size, compare every
//! byte of the echoes, and close, again and again; [`faults`] are peers that do wrong. A breach of
//! the promises is a violation, which ends the run with a report and status 1:
//!
//! - an echo that differs, or none;
//! - a connection that is not closed cleanly though both sides tried, or whose end is reported
//!   twice;
//! - a client that makes no progress for a minute;
//! - a fault that the server does not get over: no end, or another close code than the RFC names;
//! - a server that counts other connections than its clients, or still has some when all are gone;
//! - memory or file descriptors that have grown from the first fifth after the warm-up to the last,
//!   if the run takes long enough to tell (see [`memory`]).
#![forbid(unsafe_code)]

mod args;
mod clients;
mod course;
mod faults;
mod memory;
mod say;
mod servers;
mod tally;
mod traffic;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use args::Args;
use course::Course;
use memory::Samples;
use servers::Servers;

/// How long a client may go without an echo, and then without an end. The longest deadline of a
/// connection is a sixth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often memory is looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let args = match Args::parse(env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    let commit = say::commit();
    let outcome = soak(&args).and_then(|(course, samples)| {
        let report = say::report(&args, &commit, &course, &samples);
        print!("{report}");
        if let Some(file) = &args.report {
            fs::write(file, report).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(course.tally.violations())
    });
    let violations = outcome.unwrap_or_else(|error| vec![error]);
    for violation in &violations {
        eprintln!("VIOLATION: {violation}");
    }
    // Threads that hang do not keep the program from ending.
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs everything; what went wrong is in the tally.
fn soak(args: &Args) -> Result<(Arc<Course>, Samples), String> {
    let tally = Arc::default();
    let servers = Servers::start(&tally).map_err(|error| format!("no server: {error}"))?;
    let course = Arc::new(Course::new(args.time, args.seed, servers.places(), tally));
    let mut threads = clients::start(&course);
    if args.faults {
        threads.extend(faults::start(&course));
    }
    let samples = watch(&course, &threads);
    if threads.iter().all(thread::JoinHandle::is_finished) {
        servers.stop(&course.tally);
    }
    samples.judge(&course.tally);
    Ok((course, samples))
}

/// Looks after all until they have ended, or will not end.
fn watch(course: &Course, threads: &[thread::JoinHandle<()>]) -> Samples {
    let mut samples = Samples::new(course.time);
    let mut said = Instant::now();
    let mut over = None;
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        thread::sleep(SAMPLE_INTERVAL);
        if course.goes_on() {
            samples.take(course.began.elapsed());
        } else if over.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            course.tally.violation("some have not ended a minute after the end".to_owned());
            break;
        }
        course.tally.look_for_progress(PATIENCE);
        if said.elapsed() > Duration::from_secs(60) {
            said = Instant::now();
            say::progress(course, &samples);
        }
    }
    samples
}
