//! The page: each call, argument and property, in each form.

use std::io::ErrorKind;

use crate::peer::Peer;
#[cfg(unix)]
use crate::run::run_allowed;
use crate::run::{check, check_echo, listener, promised, run, run_path};

#[test]
fn the_examples_of_the_page() {
    let head = check("page.js", |listener| {
        let mut peer = Peer::accept(&listener);
        peer.expect_text("send message");
        peer.text("hello");
        peer.send(crate::peer::BINARY, &[1, 2, 3]);
        let head = peer.head.clone();
        assert_eq!(peer.expect_close_and_end(), 1000);
        head
    });
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(head.contains("\r\nSec-WebSocket-Protocol: protocol\r\n"), "{head}");
}

/// The one that the README shows, with another address.
#[test]
fn the_script_of_the_readme() {
    let (listener, url) = listener();
    let readme = include_str!("../../README.md");
    let script = readme.split("```js\n").nth(1).and_then(|rest| rest.split("```").next());
    let script = script.expect("it shows one").replace("ws://test:8088", &url);
    let path = std::env::temp_dir().join(format!("bluewire-readme-{}.js", std::process::id()));
    std::fs::write(&path, script).expect("it can be written");
    let serving = std::thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        peer.expect_text("send message");
        peer.text("hello");
        assert_eq!(peer.expect_close_and_end(), 1000);
    });
    let ended = run_path(&path, &[], |_, _| {});
    serving.join().expect("it is well");
    std::fs::remove_file(&path).expect("it is there");
    for line in ["sent", "hello", "closed", "1000  true"] {
        assert!(ended.stdout.lines().any(|printed| printed == line), "{line}: {}", ended.stdout);
    }
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr);
}

#[test]
fn every_optional_part_left_out_and_given() {
    check_echo("optional.js");
}

#[test]
fn both_names_and_both_ways_give_the_same_module() {
    run("names.js", &[]).expect(&promised("names.js"));
}

#[test]
fn create_checks_its_arguments_at_once_and_starts_nothing() {
    let (listener, url) = listener();
    run("create.js", &[&url]).expect(&promised("create.js"));
    listener.set_nonblocking(true).expect("it is a socket");
    assert_eq!(listener.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
}

#[test]
fn the_properties_can_be_read_back_replaced_and_cleared() {
    check_echo("properties.js");
}

#[test]
fn the_facts_beyond_the_page() {
    check("beyond.js", |listener| {
        let peer = Peer::accept(&listener);
        assert_eq!(peer.expect_close_and_end(), 1000);
    });
}

#[test]
fn response_headers_of_any_name_are_own_properties() {
    check("headers.js", |listener| {
        let headers = [
            ("constructor", "one"),
            ("__proto__", "two"),
            ("toString", "three"),
            ("Constructor", "four"),
        ];
        let peer = Peer::accept_with(&listener, &headers);
        assert_eq!(peer.expect_close_and_end(), 1000);
    });
}

#[test]
fn a_script_that_replaces_intrinsics_goes_on() {
    check_echo("intrinsics.js");
}

/// A server behind a Unix socket trusts those who reach it: scripts do only if their host says so.
#[cfg(unix)]
#[test]
fn scripts_reach_unix_sockets_only_if_the_host_allows_it() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    let path = std::env::temp_dir().join(format!("bluewire-script-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("the path is free");
    let url = format!("ws+unix://{}:/secret", path.display());
    listener.set_nonblocking(true).expect("it is a socket");
    run("unix_refused.js", &[&url]).expect(&promised("unix_refused.js"));
    assert_eq!(listener.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
    listener.set_nonblocking(false).expect("it is a socket");
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.set_read_timeout(Some(crate::PATIENCE)).expect("it is a socket");
        let mut request = [0; 11];
        stream.read_exact(&mut request).expect("it asks");
        assert_eq!(&request, b"GET /secret");
        // It may be gone already.
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    run_allowed("unix_allowed.js", &[&url]).expect(&promised("unix_allowed.js"));
    serving.join().expect("it is well");
    std::fs::remove_file(&path).expect("it is there");
}
