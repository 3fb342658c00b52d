//! Files of this project that list the same things agree: hosted jobs, scripts, fuzz targets, the
//! public API.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The scripts that a text names.
fn scripts(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "/-._".contains(letter);
    text.split(|letter| !is_part(letter))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| ["tools/", ".ci/", "core/fuzz/run"].iter().any(|dir| word.starts_with(dir)))
        .filter(|word| !word.ends_with('/') && !word.ends_with(".txt"))
        .collect()
}

#[test]
fn every_script_that_is_named_exists_and_can_be_run() {
    let _bound = watchdog::bound();
    let sources =
        [".github/workflows/ci.yml", ".ci/run", "CONTRIBUTING.md", "README.md", "tools/release"];
    let mut missing = Vec::new();
    for source in sources {
        let text = read(source);
        let scripts = scripts(&text);
        assert!(!scripts.is_empty(), "{source}");
        for script in scripts {
            let path = root().join(script);
            let text = fs::read_to_string(&path).unwrap_or_default();
            if !path.is_dir() && !text.starts_with("#!/usr/bin/env ") {
                missing.push(format!("{source}: {script}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The commands of the hosted jobs, each in one line.
fn hosted_commands(workflow: &str) -> Vec<&str> {
    workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: ")).collect()
}

#[test]
fn contributing_names_every_script_of_a_hosted_job() {
    let _bound = watchdog::bound();
    let workflow = read(".github/workflows/ci.yml");
    let contributing = read("CONTRIBUTING.md");
    let named = scripts(&contributing);
    let commands = hosted_commands(&workflow);
    assert!(commands.len() >= 15, "{commands:?}");
    let used: BTreeSet<_> = commands.iter().flat_map(|command| scripts(command)).collect();
    assert!(used.len() >= 8, "{used:?}");
    let missing: Vec<_> = used.difference(&named).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Each hosted job, from its name on.
fn hosted_jobs(workflow: &str) -> Vec<&str> {
    let (_, jobs) = workflow.split_once("\njobs:\n").expect("the jobs");
    jobs.split("\n\n").collect()
}

#[test]
fn a_pull_request_waits_for_no_job_longer_than_45_minutes() {
    let _bound = watchdog::bound();
    let workflow = read(".github/workflows/ci.yml");
    let jobs = hosted_jobs(&workflow);
    assert!(jobs.len() >= 10, "{jobs:#?}");
    for job in jobs {
        assert_eq!(job.matches("    runs-on: ").count(), 1, "{job}");
        let limit: u32 = job
            .lines()
            .find_map(|line| line.strip_prefix("    timeout-minutes: "))
            .and_then(|limit| limit.parse().ok())
            .unwrap_or_else(|| panic!("it has no time limit:\n{job}"));
        let waits = !job.contains("    if: github.event_name == 'schedule' ||");
        assert!(limit <= 45 || !waits, "{job}");
    }
}

/// The arguments of an option in a command.
fn arguments<'a>(command: &'a str, option: &str) -> Vec<&'a str> {
    let words: Vec<_> = command.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1]).collect()
}

#[test]
fn every_package_and_suite_of_a_cargo_command_exists() {
    let _bound = watchdog::bound();
    let directories = [
        ("bluewire", "adapters"),
        ("bluewire-core", "core"),
        ("bluewire-axum", "adapters/axum"),
        ("bluewire-quickjs", "adapters/quickjs"),
        ("bluewire-provider-tests", "adapters/providers"),
        ("bluewire-spec-tests", "spec-tests"),
        ("bluewire-benches", "benches"),
    ];
    let mut wrong = Vec::new();
    let mut count = 0;
    for source in [".github/workflows/ci.yml", ".ci/run", "CONTRIBUTING.md"] {
        let text = read(source);
        for line in text.lines().filter(|line| line.contains("cargo ")) {
            for package in arguments(line, "-p") {
                let package = package.trim_end_matches(['`', ',', ';']);
                // A loop, or a placeholder.
                if !package.starts_with("bluewire") {
                    continue;
                }
                let Some((_, directory)) = directories.iter().find(|(name, _)| *name == package)
                else {
                    wrong.push(format!("{source}: {package}"));
                    continue;
                };
                count += 1;
                for suite in arguments(line, "--test") {
                    let tests = root().join(directory).join("tests");
                    let suite = suite.trim_end_matches(['`', ',', ';']);
                    if !tests.join(suite).is_dir() && !tests.join(format!("{suite}.rs")).exists() {
                        wrong.push(format!("{source}: {package} --test {suite}"));
                    }
                }
            }
        }
    }
    assert!(count >= 20, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_fuzz_target_is_built_and_described() {
    let _bound = watchdog::bound();
    let sources: BTreeSet<_> = fs::read_dir(root().join("core/fuzz/fuzz_targets"))
        .expect("the fuzz targets")
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    assert!(sources.len() >= 9, "{sources:?}");
    let manifest = read("core/fuzz/Cargo.toml");
    let built: BTreeSet<_> = manifest
        .split("\n[[bin]]\n")
        .skip(1)
        .filter_map(|bin| bin.lines().next()?.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect();
    assert_eq!(sources, built);
    let readme = read("core/fuzz/README.md");
    let (table, results) = readme.split_once("\ncore/fuzz/run ").expect("how to run them");
    for part in [table, results] {
        let rows =
            part.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
        assert_eq!(sources, rows.map(str::to_owned).collect());
    }
    // OSS-Fuzz builds and copies what cargo fuzz lists.
    let build = read("core/fuzz/oss-fuzz/build.sh");
    assert!(build.contains("cargo fuzz build") && build.contains("$(cargo fuzz list)"), "{build}");
    // It runs them with the options of `core/fuzz/run`.
    let run = read("core/fuzz/run");
    let without_leaks: Vec<_> = run
        .lines()
        .filter(|line| line.contains("-detect_leaks=0"))
        .filter_map(|line| line.split_once("\"$target\" = ")?.1.split(' ').next())
        .collect();
    assert_eq!(without_leaks, ["facade_arguments"], "{run}");
    for target in without_leaks {
        let options = format!("detect_leaks = 0\\n' >\"$OUT/{target}.options\"");
        assert!(build.contains(&options), "{build}");
    }
}

/// A move of the repository changes `Cargo.toml`, and this test names the files that must follow.
#[test]
fn the_address_of_the_repository_is_the_same_everywhere() {
    let _bound = watchdog::bound();
    let manifest = read("Cargo.toml");
    let address = manifest
        .lines()
        .find_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"'))
        .expect("the repository of the workspace");
    for crate_ in ["core", "adapters", "adapters/axum"] {
        let manifest = read(&format!("{crate_}/Cargo.toml"));
        assert!(manifest.contains("\nrepository.workspace = true\n"), "{crate_}");
    }
    let project = read("core/fuzz/oss-fuzz/project.yaml");
    assert!(project.contains(&format!("main_repo: \"{address}\"")), "{project}");
    let dockerfile = read("core/fuzz/oss-fuzz/Dockerfile");
    assert!(dockerfile.contains(&format!(" {address} ")), "{dockerfile}");
}

/// A new version of rustls then breaks no program that does not use that module.
#[test]
fn rustls_appears_in_the_public_api_only_in_modules_named_after_its_version() {
    let _bound = watchdog::bound();
    let mut in_module = 0;
    let mut outside = Vec::new();
    for list in ["bluewire", "bluewire-core"] {
        let text = read(&format!("docs/public-api/{list}.txt"));
        for line in text.lines() {
            if line.contains("::rustls_0_23") {
                in_module += usize::from(line.contains("rustls::"));
                continue;
            }
            // The crate async-tls brings a rustls of its own, under a name with its version.
            let line_without = line.replace("::rustls_0_21", "").replace("rustls_pki_types", "");
            let words =
                line_without.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            if words.into_iter().any(|word| word == "rustls" || word.starts_with("rustls_")) {
                outside.push(line.to_owned());
            }
        }
    }
    assert!(in_module >= 4, "{in_module}");
    assert!(outside.is_empty(), "{outside:#?}");
}
