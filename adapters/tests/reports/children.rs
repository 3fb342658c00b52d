//! Programs that start other programs: these inherit no socket.

use std::process::{Command, Stdio};
use std::thread;

use bluewire::blocking;

use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::within;

/// The open files of a child process, by kind.
fn open_in_a_child() -> String {
    let output = Command::new("sh")
        .args(["-c", "for file in /proc/self/fd/*; do readlink \"$file\"; done"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn expect_nothing_inherited() {
    let open = open_in_a_child();
    assert!(open.contains("/dev/null"), "it sees something: {open}");
    assert!(!open.contains("socket:") && !open.contains("anon_inode:"), "{open}");
}

#[test]
fn a_child_process_inherits_no_socket() {
    let _bound = crate::watchdog::bound();
    within("blocking", || {
        let server = blocking::Server::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let accepting = thread::spawn(move || (server.accept().unwrap(), server));
        let client = blocking::connect(&*url).unwrap();
        let (accepted, server) = accepting.join().unwrap();
        expect_nothing_inherited();
        let (_reader, _writer) = client.split();
        let (_other_reader, _other_writer) = accepted.split();
        expect_nothing_inherited();
        drop(server);
    });
    within_each_runtime!(within, a_child_inherits_nothing);
}

fn a_child_inherits_nothing<R: OnRuntime>() {
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let both = smol::future::zip(server.accept(), R::connect_to(&*url));
        let (accepted, client) = both.await;
        let (_accepted, _client) = (accepted.unwrap(), client.unwrap());
        expect_nothing_inherited();
    });
}
