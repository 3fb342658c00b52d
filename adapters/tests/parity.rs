//! Tests that run on smol run on tokio too: a look at the sources of these tests.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::fs;
use std::path::{Path, PathBuf};

/// Names of the harnesses that run one source on every runtime.
const HARNESSES: [&str; 9] = [
    "on_each_adapter!",
    "on_each_client!",
    "on_each_runtime!",
    "on_each_side!",
    "over_all!",
    "with_each!",
    "within_each_runtime!",
    "OnRuntime",
    "Side::",
];

/// Sources that run on smol alone, and why.
const FILES_ON_SMOL_ALONE: [(&str, &str); 6] = [
    ("common/tls.rs", "a peer of the tests ends TLS there, for every adapter"),
    ("groups/slow.rs", "what it waits for there is of no runtime"),
    ("groups/threads.rs", "a server on tokio has no threads of its own"),
    ("interop/deployed.rs", "the chat behind a proxy: its other tests run on each adapter"),
    ("tcp_socket.rs", "the reactor of the adapter on smol, which tokio has itself"),
    ("tls/async_tls.rs", "async-tls is of smol's ecosystem"),
];

/// Functions and modules whose name says smol and that have no like for tokio, and why.
const NAMES_ON_SMOL_ALONE: [(&str, &str); 3] = [
    ("async_tls_connects_on_smol", "async-tls is of smol's ecosystem"),
    ("smol_server_ends_a_stream_of_smol_once_closed", "tokio has one type for a TCP stream"),
    ("the_adapter_on_smol_works_within_tokio", "it is about both"),
];

struct Source {
    /// Below `adapters/tests`.
    name: String,
    /// Without comments and conditions of features.
    code: String,
}

fn sources() -> Vec<Source> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut paths = Vec::new();
    collect(&tests, &mut paths);
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("it is text");
        let matters = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with("//") && !line.starts_with("#[cfg") && !line.starts_with("#![cfg")
        };
        let name = path.strip_prefix(&tests).expect("it is below").to_str().expect("it is text");
        Source {
            name: name.replace('\\', "/"),
            code: text.lines().filter(matters).collect::<Vec<_>>().join("\n"),
        }
    };
    paths.iter().map(read).filter(|source| source.name != "parity.rs").collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("it is a directory") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn mentions(source: &Source, runtime: &str) -> bool {
    source.code.to_lowercase().contains(runtime)
}

fn runs_on_smol_alone(source: &Source) -> bool {
    mentions(source, "smol")
        && !mentions(source, "tokio")
        && !HARNESSES.iter().any(|harness| source.code.contains(harness))
}

#[test]
fn every_file_that_runs_on_smol_runs_on_tokio() {
    let _bound = watchdog::bound();
    let sources = sources();
    assert!(sources.len() > 100, "{} sources", sources.len());
    let alone: Vec<_> =
        sources.iter().filter(|it| runs_on_smol_alone(it)).map(|it| &*it.name).collect();
    let listed = FILES_ON_SMOL_ALONE.map(|(name, _)| name);
    let unlisted: Vec<_> = alone.iter().filter(|name| !listed.contains(name)).collect();
    assert!(unlisted.is_empty(), "no tokio there, nor a reason in the list: {unlisted:?}");
    let needless: Vec<_> = listed.iter().filter(|name| !alone.contains(name)).collect();
    assert!(needless.is_empty(), "take these off the list: {needless:?}");
}

/// The functions and modules of a source whose name says smol.
fn names_of_smol(code: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let after = |keyword: &'static str| {
        code.match_indices(keyword).filter_map(move |(at, _)| {
            let rest = &code[at + keyword.len()..];
            let len = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
            let is_word = !code[..at].ends_with(is_name);
            (is_word && rest[..len].contains("smol")).then_some(&rest[..len])
        })
    };
    after("fn ").chain(after("mod ")).collect()
}

#[test]
fn every_test_that_says_smol_has_one_that_says_tokio() {
    let _bound = watchdog::bound();
    let listed = NAMES_ON_SMOL_ALONE.map(|(name, _)| name);
    let (mut all, mut unlisted) = (Vec::new(), Vec::new());
    for source in sources() {
        let has_like = |name: &str| {
            let like = name.replace("smol", "tokio");
            ["fn", "mod"].iter().any(|keyword| source.code.contains(&format!("{keyword} {like}")))
        };
        for name in names_of_smol(&source.code) {
            if !listed.contains(&name) && !has_like(name) && name != "on_smol" {
                unlisted.push(format!("{}: {name}", source.name));
            }
            all.push(name.to_owned());
        }
    }
    assert!(unlisted.is_empty(), "nothing like that for tokio, nor a reason: {unlisted:#?}");
    assert!(all.len() > 10, "{all:?}");
    let needless: Vec<_> = listed.iter().filter(|name| !all.iter().any(|it| it == *name)).collect();
    assert!(needless.is_empty(), "take these off the list: {needless:?}");
}

#[test]
fn a_source_that_runs_on_smol_alone_is_recognised() {
    let _bound = watchdog::bound();
    let source = |code: &str| Source { name: String::new(), code: code.to_owned() };
    assert!(runs_on_smol_alone(&source("smol::block_on(test())")));
    assert!(!runs_on_smol_alone(&source("smol::block_on(test()); tokio::spawn(test())")));
    assert!(!runs_on_smol_alone(&source("on_each_runtime!(test); use smol::future::or;")));
    assert!(!runs_on_smol_alone(&source("thread::spawn(test)")));
    assert_eq!(names_of_smol("fn on_smol_it_is() {}\nmod smol {}\nfn other() {}").len(), 2);
}
