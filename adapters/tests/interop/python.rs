//! Python's `websockets`.

use std::path::{Path, PathBuf};
use std::process::Command;

use bluewire::AcceptOptions;

use crate::ours::{Ours, assert_ended};
use crate::peer::{installed, run_client, script, skip, start_server};

with_each!(our_client_talks_to_its_server);
with_each!(its_client_talks_to_our_server);
#[cfg(feature = "deflate")]
with_each!(our_client_compresses_with_its_server);
#[cfg(feature = "deflate")]
with_each!(its_client_compresses_with_our_server);

/// The interpreter that has the library.
fn python() -> Option<PathBuf> {
    let python = installed("python/bin/python");
    if python.exists() {
        return Some(python);
    }
    skip("Python with `websockets`");
    None
}

fn command(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(script("python").join(name));
    command
}

fn our_client_talks_to_its_server(ours: Ours) {
    let Some(python) = python() else { return };
    let (_peer, url) = start_server(&mut command(&python, "echo_server.py"));
    ours.converse(&url);
}

fn its_client_talks_to_our_server(ours: Ours) {
    let Some(python) = python() else { return };
    let (url, ends) = ours.serve(AcceptOptions::default().protocol("echo"));
    let printed = run_client(command(&python, "client.py").arg(url));
    assert_eq!(printed, "4321 that is all\n3999 going");
    assert_ended(&ends);
}

#[cfg(feature = "deflate")]
fn our_client_compresses_with_its_server(ours: Ours) {
    let Some(python) = python() else { return };
    let mut command = command(&python, "echo_server.py");
    let (_peer, url) = start_server(command.arg("--deflate"));
    ours.converse_compressed(&url);
}

#[cfg(feature = "deflate")]
fn its_client_compresses_with_our_server(ours: Ours) {
    let Some(python) = python() else { return };
    let options = AcceptOptions::default().protocol("echo").deflate(crate::ours::deflate());
    let (url, ends) = ours.serve(options);
    let printed = run_client(command(&python, "client.py").arg(url).arg("--deflate"));
    assert_eq!(printed, "4321 that is all\n3999 going");
    assert_ended(&ends);
}
