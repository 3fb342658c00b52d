//! Memory over many messages and many connections: none is kept.
#![cfg(target_os = "linux")]

use std::fs;

use crate::run::{echo, promised, run_marked};

/// The memory of the process at each line that begins with `mark`.
fn marks(name: &str) -> Vec<Held> {
    let mut marks = Vec::new();
    let ended = run_marked(name, &[&echo()], |process, line| {
        if line.starts_with("mark") {
            marks.push(Held::of(process));
        }
    });
    ended.expect(&promised(name));
    marks
}

#[derive(Clone, Copy, Debug)]
struct Held {
    memory_kib: u64,
    files: usize,
}

impl Held {
    fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
        let memory_kib = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
        let files = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs").count();
        Self { memory_kib, files }
    }
}

/// The reserve that an allocator keeps here and there.
const SLACK_KIB: u64 = 2048;

#[test]
fn a_hundred_thousand_messages_leave_nothing_behind() {
    let marks = marks("many_messages.js");
    let (early, late) = (marks[0], marks[1]);
    assert!(late.memory_kib <= early.memory_kib + SLACK_KIB, "{marks:?}");
}

#[test]
fn ten_thousand_connections_leave_nothing_behind() {
    let marks = marks("many_connections.js");
    let (early, late) = (marks[0], marks[1]);
    assert!(late.memory_kib <= early.memory_kib + SLACK_KIB, "{marks:?}");
    assert!(late.files <= early.files, "{marks:?}");
}
