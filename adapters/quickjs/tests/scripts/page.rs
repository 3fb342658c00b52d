//! The page: each call, argument and property, in each form.

use std::io::ErrorKind;

use crate::peer::Peer;
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
fn what_lies_beyond_the_page() {
    check("beyond.js", |listener| {
        let peer = Peer::accept(&listener);
        assert_eq!(peer.expect_close_and_end(), 1000);
    });
}
