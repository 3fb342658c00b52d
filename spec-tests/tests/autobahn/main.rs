//! `autobahn/run` drives a suite, reports what it found and ends all that it started: tested with a
//! program that stands in for the genuine suite.
#![cfg(unix)]

#[path = "../../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// A run takes a few seconds; the rest is for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);

const AGENTS: [&str; 12] = [
    "bluewire-blocking-server",
    "bluewire-smol-server",
    "bluewire-tokio-server",
    "bluewire-blocking-server-tls",
    "bluewire-smol-server-tls",
    "bluewire-tokio-server-tls",
    "bluewire-blocking-client",
    "bluewire-smol-client",
    "bluewire-tokio-client",
    "bluewire-blocking-client-tls",
    "bluewire-smol-client-tls",
    "bluewire-tokio-client-tls",
];

/// The cases that the stand-in knows.
const CASES: [&str; 4] = ["--cases", "1.1.1", "1.1.2", "7.1.6"];

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory with the examples and the reporter, as Cargo lays them out.
fn programs() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let directory = Path::new(env!("CARGO_BIN_EXE_autobahn_report")).parent().expect("a directory");
    BUILT.get_or_init(|| {
        // `cargo test --workspace` has built them; for this crate alone nothing has.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-q", "--workspace", "--example", "echo_server"]);
        build.args(["--example", "autobahn_client"]).current_dir(crate_root());
        if directory.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("Cargo runs").success(), "the examples build");
    });
    directory.to_owned()
}

/// A run of the script, which ends with the test.
struct Run {
    child: Child,
    out: PathBuf,
}

impl Run {
    /// `name` tells runs apart; `path` is where programs are searched first.
    fn start(name: &str, path: Option<&Path>, stand_in: &str, args: &[&str]) -> Self {
        let out = env::temp_dir().join(format!("bluewire-autobahn-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&out);
        let inherited = env::var_os("PATH").unwrap_or_default();
        let search = path.map(Path::to_owned).into_iter().chain(env::split_paths(&inherited));
        let search = env::join_paths(search).expect("no path has a colon");
        let child = Command::new("python3")
            .arg(crate_root().join("autobahn/run"))
            .args(["--out", out.to_str().expect("it is UTF-8"), "--programs"])
            .arg(programs())
            .args(args)
            .env("PATH", search)
            .env("STAND_IN", stand_in)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("there is Python 3");
        Self { child, out }
    }

    fn with_stand_in(name: &str, stand_in: &str, args: &[&str]) -> Self {
        let path = crate_root().join("tests/autobahn/bin");
        Self::start(name, Some(&path), stand_in, args)
    }

    /// Its status, and what it printed as results and as errors.
    fn finish(mut self) -> (Option<i32>, String, String) {
        let until = Instant::now() + TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(10));
        };
        // It has ended, so these end as well, unless what it started holds on to them.
        let (mut results, mut errors) = (String::new(), String::new());
        let stdout = self.child.stdout.as_mut().expect("it is piped");
        stdout.read_to_string(&mut results).expect("it is text");
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        stderr.read_to_string(&mut errors).expect("it is text");
        self.expect_nothing_left();
        (status.code(), results, errors)
    }

    /// Every process that the script starts works in a directory below `out`.
    #[cfg(target_os = "linux")]
    fn expect_nothing_left(&self) {
        for process in fs::read_dir("/proc").expect("this is Linux").flatten() {
            if let Ok(directory) = fs::read_link(process.path().join("cwd")) {
                let path = process.path();
                assert!(!directory.starts_with(&self.out), "{} is left", path.display());
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn expect_nothing_left(&self) {}

    fn wait_until_there_is(&self, file: &str) {
        let until = Instant::now() + TIMEOUT;
        while !self.out.join(file).exists() {
            assert!(Instant::now() < until, "there is no {file}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.out);
    }
}

#[test]
fn every_agent_is_run_and_reported() {
    let _watch = watchdog::bound();
    let (status, results, errors) = Run::with_stand_in("passes", "", &CASES).finish();
    assert_eq!(status, Some(0), "{results}{errors}");
    let mut lines = results.lines();
    let heading: Vec<_> = lines.next().expect("a table").split_whitespace().collect();
    assert_eq!(heading, ["agent", "OK", "informational", "failed"]);
    let rows: Vec<Vec<_>> = lines.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, AGENTS.map(|agent| vec![agent, "2", "1", "0"]));
}

#[test]
fn a_case_that_fails_is_shown_and_fails_the_run() {
    let _watch = watchdog::bound();
    let args = [&CASES[..], &["--no-tls", "--adapters", "smol"]].concat();
    let (status, results, errors) = Run::with_stand_in("fails", "fails", &args).finish();
    assert_eq!(status, Some(1), "{results}{errors}");
    let lines: Vec<_> = results.lines().collect();
    assert_eq!(lines.len(), 5, "{results}");
    for (row, agent) in [(1, "bluewire-smol-server"), (3, "bluewire-smol-client")] {
        let words: Vec<_> = lines[row].split_whitespace().collect();
        assert_eq!(words, [agent, "1", "1", "1"]);
        assert_eq!(lines[row + 1], "  1.1.2: FAILED, closing OK");
    }
}

#[test]
fn a_case_that_is_not_run_fails_the_run() {
    let _watch = watchdog::bound();
    let args = ["--cases", "1.1.*", "--no-tls", "--adapters", "smol", "--roles", "server"];
    let (status, results, errors) = Run::with_stand_in("missing", "", &args).finish();
    assert_eq!(status, Some(1), "{errors}");
    assert!(results.contains("  1.1.8: was not run\n"), "{results}");
}

#[test]
fn a_suite_that_crashes_is_reported_at_once() {
    let _watch = watchdog::bound();
    let args = ["--no-tls", "--adapters", "blocking"];
    let (status, _, errors) = Run::with_stand_in("crashes", "crashes", &args).finish();
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("wstest ended with status 3: see "), "{errors}");
    assert!(errors.contains("wstest ended before it listened: see "), "{errors}");
}

#[test]
fn a_suite_that_hangs_is_ended() {
    let _watch = watchdog::bound();
    let args = ["--no-tls", "--adapters", "smol", "--roles", "server", "--timeout", "1"];
    let (status, _, errors) = Run::with_stand_in("hangs", "hangs", &args).finish();
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("wstest has not ended after 1.0 s: see "), "{errors}");
}

#[test]
fn a_signal_ends_all_that_was_started() {
    let _watch = watchdog::bound();
    for (signal, status) in [("TERM", 143), ("INT", 130)] {
        for role in ["server", "client"] {
            let args = ["--no-tls", "--adapters", "smol", "--roles", role];
            let run = Run::with_stand_in(&format!("{signal}-{role}"), "hangs", &args);
            run.wait_until_there_is(&format!("bluewire-smol-{role}/wstest.log"));
            let id = run.child.id().to_string();
            let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status();
            assert!(sent.expect("there is a kill").success());
            let (code, results, errors) = run.finish();
            assert_eq!(code, Some(status), "{results}{errors}");
        }
    }
}

#[test]
fn without_a_suite_it_says_what_it_needs() {
    let _watch = watchdog::bound();
    let args = ["--wstest", "/nonexistent/wstest"];
    let (status, results, errors) = Run::start("none", None, "", &args).finish();
    assert_eq!((status, &*results), (Some(2), ""), "{errors}");
    assert_eq!(errors, "run: there is no program /nonexistent/wstest\n");
}
