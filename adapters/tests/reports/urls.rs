//! Characters that a URL may not have as they are: refused or escaped, and never sent raw.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use bluewire::{ConnectOptions, blocking};

use crate::peer::{Peer, listener};
use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::within;

const TARGETS: [&str; 12] = [
    "/a b",
    "/\u{e9}",
    "/a\"b",
    "/<b>",
    "/{x}",
    "/a|b",
    "/^",
    "/`",
    "/\u{7f}",
    "/?q=\u{1f600}",
    "/a\r\nInjected: yes",
    "/\0",
];

/// The first line of each request that comes, each of which is refused.
fn first_lines(listener: TcpListener) -> thread::JoinHandle<Vec<String>> {
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let (mut lines, mut quiet) = (Vec::new(), 0);
        // Until no client has connected for a second.
        while quiet < 100 {
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(Duration::from_millis(10));
                quiet += 1;
                continue;
            };
            quiet = 0;
            stream.set_nonblocking(false).unwrap();
            let mut peer = Peer::new(stream);
            let head = peer.head();
            assert!(!head.contains("Injected: yes\r\n"), "{head}");
            lines.push(head.lines().next().unwrap().to_owned());
            // The client may have seen enough.
            let _ = peer.stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
        lines
    })
}

/// RFC 3986 lets these stand in a path and in a query. All others have to be escaped.
fn is_lawful(target: &str) -> bool {
    target.starts_with('/')
        && target
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte))
}

fn refused<R: OnRuntime>(options: ConnectOptions, target: &str) {
    assert!(R::block_on(R::connect_to(options)).is_err(), "{target:?}");
}

#[test]
fn unescaped_characters_of_a_url_are_never_sent() {
    let _bound = crate::watchdog::bound();
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let lines = first_lines(listener);
    for target in TARGETS {
        let options = move || {
            ConnectOptions::new(format!("ws://{address}{target}"))
                .config(bluewire::Config::default().handshake_timeout(Duration::from_secs(5)))
        };
        within("blocking", move || assert!(blocking::connect(options()).is_err(), "{target:?}"));
        within_each_runtime!(within, refused, options(), target);
    }
    for line in lines.join().unwrap() {
        let words: Vec<_> = line.split(' ').collect();
        assert!(matches!(words[..], ["GET", target, "HTTP/1.1"] if is_lawful(target)), "{line:?}");
    }
}
