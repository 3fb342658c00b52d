//! Node's `ws`.

use std::path::{Path, PathBuf};
use std::process::Command;

use bluewire::AcceptOptions;

use crate::ours::{Ours, assert_ended};
use crate::peer::{installed, run_client, script, skip, start_server};

with_each!(our_client_talks_to_its_server);
with_each!(its_client_talks_to_our_server);
#[cfg(unix)]
with_each!(our_client_talks_to_its_server_behind_a_unix_socket);
#[cfg(feature = "deflate")]
with_each!(our_client_compresses_with_its_server);
#[cfg(feature = "deflate")]
with_each!(its_client_compresses_with_our_server);

/// Where the package is.
fn modules() -> Option<PathBuf> {
    let modules = installed("node/node_modules");
    if modules.join("ws").exists() {
        return Some(modules);
    }
    skip("Node with `ws`");
    None
}

fn command(modules: &Path, name: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).arg(script("node").join(name));
    command
}

fn our_client_talks_to_its_server(ours: Ours) {
    let Some(modules) = modules() else { return };
    let (_peer, url) = start_server(&mut command(&modules, "echo_server.cjs"));
    ours.converse(&url);
}

#[cfg(unix)]
fn our_client_talks_to_its_server_behind_a_unix_socket(ours: Ours) {
    let Some(modules) = modules() else { return };
    let name = format!("bluewire-node-{}-{ours:?}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut command = command(&modules, "echo_server.cjs");
    let (peer, _) = start_server(command.arg("--unix").arg(&path));
    ours.converse(&format!("ws+unix://{}:/chat?room=1", path.display()));
    drop(peer);
    // A server that is killed leaves it.
    let _ = std::fs::remove_file(path);
}

fn its_client_talks_to_our_server(ours: Ours) {
    let Some(modules) = modules() else { return };
    let (url, ends) = ours.serve(AcceptOptions::default().protocol("echo"));
    let printed = run_client(command(&modules, "client.cjs").arg(url));
    assert_eq!(printed, "4321 that is all\n3999 going");
    assert_ended(&ends);
}

#[cfg(feature = "deflate")]
fn our_client_compresses_with_its_server(ours: Ours) {
    let Some(modules) = modules() else { return };
    let mut command = command(&modules, "echo_server.cjs");
    let (_peer, url) = start_server(command.arg("--deflate"));
    ours.converse_compressed(&url);
}

#[cfg(feature = "deflate")]
fn its_client_compresses_with_our_server(ours: Ours) {
    let Some(modules) = modules() else { return };
    let options = AcceptOptions::default().protocol("echo").deflate(crate::ours::deflate());
    let (url, ends) = ours.serve(options);
    let printed = run_client(command(&modules, "client.cjs").arg(url).arg("--deflate"));
    assert_eq!(printed, "4321 that is all\n3999 going");
    assert_ended(&ends);
}
