//! The copy of the workspace in which the engine is broken, and what fails there.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::table::{Mutation, Witness};

/// The parts of the workspace that are copied.
const COPIED: [&str; 6] = ["Cargo.toml", "Cargo.lock", "core", "adapters", "spec-tests", "benches"];

/// The program that runs the cases.
const CASES: &str = "bluewire-spec-tests";

/// The sections that are run: all that bend rules rather than sizes.
const SECTIONS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "10"];

/// How long a run may take. A broken engine may go round in circles.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A copy of the workspace.
pub(crate) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Brings the copy up to date. Unchanged files keep their time, so that they are not built
    /// again.
    pub(crate) fn new() -> Result<Self, String> {
        let root = workspace().join("target/mutations/workspace");
        fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        for name in COPIED {
            copy(&workspace().join(name), &root.join(name))
                .map_err(|error| format!("{name} cannot be copied: {error}"))?;
        }
        Ok(Self { root })
    }

    /// The witnesses that fail with this mutation.
    pub(crate) fn failures_with(&self, mutation: &Mutation) -> Result<BTreeSet<Witness>, String> {
        let mut originals = Vec::new();
        for edit in mutation.edits {
            let path = self.root.join(edit.file);
            let source = read(&path)?;
            let mutated = edit.apply(&source).map_err(|why| format!("{}: {why}", mutation.name))?;
            write(&path, &mutated)?;
            originals.push((path, source));
        }
        let failed = self.failures(&mutation.test_files().collect(), &mutation.groups().collect());
        // The last edit first, since two may be of one file.
        for (path, source) in originals.into_iter().rev() {
            write(&path, &source)?;
        }
        failed.map_err(|why| format!("{}: {why}", mutation.name))
    }

    /// The failures among the cases, these groups of cases with compression, and these files of
    /// tests.
    pub(crate) fn failures(
        &self,
        test_files: &BTreeSet<&str>,
        groups: &BTreeSet<&str>,
    ) -> Result<BTreeSet<Witness>, String> {
        // All in one command: two would not agree on what is to be built.
        let mut targets = vec!["--bin", CASES];
        targets.extend(test_files.iter().flat_map(|file| ["--test", file]));
        let mut failed = BTreeSet::new();
        for program in self.build(&targets)? {
            let mut runs: Vec<Vec<&str>> = Vec::new();
            if program.name == CASES {
                runs.push(SECTIONS.iter().flat_map(|section| ["--section", section]).collect());
                runs.extend(groups.iter().map(|group| vec!["--only", group]));
                runs.iter_mut().for_each(|run| run.extend(["--failed", "--target", "engine"]));
            } else if test_files.contains(&*program.name) {
                runs.push(Vec::new());
            }
            // Cargo builds all programs of a package for its tests, this one too.
            for args in runs {
                let output = run(Command::new(&program.path).current_dir(&self.root).args(args))
                    .map_err(|error| format!("{}: {error}", program.name))?;
                failed.extend(output.lines().filter_map(|line| program.witness(line)));
            }
        }
        Ok(failed)
    }

    fn build(&self, targets: &[&str]) -> Result<Vec<Program>, String> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(&self.root)
            .args(["build", "--package", "bluewire-spec-tests", "--no-default-features"])
            .args(["--message-format", "json-render-diagnostics"])
            .args(targets)
            // Compiling more takes less time than running less.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_TARGET_DIR", workspace().join("target/mutations/target"));
        let built = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        if !built.status.success() {
            let errors = String::from_utf8_lossy(&built.stderr);
            return Err(format!("it does not compile:\n{errors}"));
        }
        let messages = String::from_utf8_lossy(&built.stdout);
        Ok(messages.lines().filter_map(Program::in_message).collect())
    }
}

/// Something that was built and can be run.
struct Program {
    name: String,
    path: PathBuf,
}

impl Program {
    /// The program that a message of Cargo's tells of, if it does.
    fn in_message(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        let path = message["executable"].as_str()?.into();
        Some(Self { name: message["target"]["name"].as_str()?.into(), path })
    }

    /// The witness that fails, by a line that the program prints.
    fn witness(&self, line: &str) -> Option<Witness> {
        if self.name == CASES {
            return Some(Witness::Case(line.to_owned().into()));
        }
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(Witness::Test(self.name.clone().into(), name.to_owned().into()))
    }
}

/// Runs a program to its end.
fn run(command: &mut Command) -> io::Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let reader = thread::spawn(move || {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).map(|_| output)
    });
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > TIMEOUT {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    let output = reader.join().map_err(|_| io::ErrorKind::Other)??;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// The root of the workspace itself.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("a folder of the workspace").into()
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Makes `to` what `from` is, file by file, without touching what is alike.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        let bytes = fs::read(from)?;
        return if fs::read(to).is_ok_and(|there| there == bytes) {
            Ok(())
        } else {
            fs::write(to, bytes)
        };
    }
    fs::create_dir_all(to)?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        let path = from.join(&name);
        // Files that builds and package managers leave behind are not sources.
        if !path.join("CACHEDIR.TAG").exists() && name != "node_modules" {
            copy(&path, &to.join(&name))?;
            names.insert(name);
        }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}
