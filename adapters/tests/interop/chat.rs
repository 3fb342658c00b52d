//! Someone in a browser and someone in a program chat through the example `chat`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bluewire::{CloseCode, ConnectOptions, Message, blocking};

use crate::browser::Browser;
use crate::peer::Peer;

#[test]
fn a_browser_chats_through_the_blocking_example() {
    let _bound = crate::watchdog::bound();
    chat("blocking");
}

#[test]
fn a_browser_chats_through_the_smol_example() {
    let _bound = crate::watchdog::bound();
    chat("smol");
}

#[cfg(feature = "tokio")]
#[test]
fn a_browser_chats_through_the_tokio_example() {
    let _bound = crate::watchdog::bound();
    chat("tokio");
}

fn chat(adapter: &str) {
    let Some(mut browser) = Browser::start() else { return };
    let (mut server, address) = start(adapter, "127.0.0.1:0", &[]);

    let page = browser.open(&format!("http://{address}/"));
    browser.wait_until(&page, "document.getElementById('state')?.textContent === 'open'");
    let options = ConnectOptions::new(format!("ws://{address}/chat")).protocol("chat");
    let mut friend = blocking::connect(options).expect("the chat is open to programs");
    assert_eq!(friend.protocol(), Some("chat"));
    // It has its response a moment before it is in the room.
    let joined = friend.recv().expect("the chat goes on").expect("who is there");
    assert_eq!(joined, Message::Text("2 joined"));

    browser.wait_until(
        &page,
        "document.getElementById('text').value = 'Grüße 🌍', \
         document.getElementById('send').click(), true",
    );
    let said = friend.recv().expect("the chat goes on").expect("what the browser said");
    assert!(matches!(said, Message::Text(text) if text.contains("Grüße 🌍")), "{said:?}");
    friend.send("and to you").expect("the chat goes on");
    browser.wait_until(
        &page,
        "['Grüße 🌍', 'and to you'].every((said) => \
         document.getElementById('messages').innerText.includes(said))",
    );

    let closure = friend.close(CloseCode::NORMAL, "bye").expect("it closes");
    assert!(closure.clean, "{closure:?}");
    // The server stops, and the page shows the code that it gave.
    stop(&mut server);
    browser.wait_until(&page, "document.getElementById('state').textContent === 'closed 1001'");

    // It starts again, and the page reconnects.
    let (_server, same) = start(adapter, &address, &[]);
    assert_eq!(same, address);
    browser.wait_until(&page, "document.getElementById('state').textContent === 'open'");
}

/// The server, and the address that it prints.
pub(crate) fn start(adapter: &str, listen: &str, more: &[&str]) -> (Peer, String) {
    let tests = std::env::current_exe().expect("it has a path");
    let directory = tests.parent().and_then(|path| path.parent()).expect("target/PROFILE/deps");
    let program = directory.join("examples/chat");
    assert!(program.exists(), "build it first: cargo build --example chat");
    let mut child = Command::new(program)
        .args(["--adapter", adapter, "--listen", listen])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stdout = child.stdout.take().expect("it is piped");
    let peer = Peer(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("it prints a line");
    let address = line.trim().strip_prefix("listening on ").expect("it listens");
    (peer, address.to_owned())
}

/// Stops the server as systemd does, and waits until it has ended.
pub(crate) fn stop(server: &mut Peer) {
    let process = server.0.id().to_string();
    let status = Command::new("kill").args(["-TERM", &process]).status().expect("kill runs");
    assert!(status.success());
    assert!(server.0.wait().expect("it is our child").success());
}
