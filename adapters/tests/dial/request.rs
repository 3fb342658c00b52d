//! The request that a server gets.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bluewire::{ConnectError, ConnectOptions, UrlError};

use crate::client::{Client, read_head, url};
use crate::common::PATIENCE;

/// A server that refuses, and tells the heads of the requests.
fn listening() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let (tell, told) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = tell.send(read_head(&mut stream));
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, told)
}

/// The lines of the request that these options make, without the one that names it.
#[track_caller]
fn lines(client: Client, options: ConnectOptions, heads: &Receiver<String>) -> Vec<String> {
    let error = client.fail(options);
    assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
    let head = heads.recv_timeout(PATIENCE).expect("it was asked");
    head.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn headers_keep_their_names_and_their_order() {
    let _bound = crate::watchdog::bound();
    let (server, heads) = listening();
    let given = ["x-lower: 1", "X-UPPER: 2", "cOOkie: b=c", "x-lower: 3", "User-Agent: me"];
    for &client in Client::ALL {
        let mut options = ConnectOptions::new(url(server));
        for line in given {
            let (name, value) = line.split_once(": ").expect("it is a header");
            options = options.header(name, value);
        }
        let lines = lines(client, options, &heads);
        assert_eq!(lines[0], format!("Host: {server}"));
        // The lines before them are the handshake's, and the empty line ends them.
        assert_eq!(
            lines[5..],
            given.map(str::to_owned).into_iter().chain([String::new()]).collect::<Vec<_>>()
        );
    }
}

#[test]
fn user_and_password_are_sent_as_basic_authentication() {
    let _bound = crate::watchdog::bound();
    let (server, heads) = listening();
    let with_user = format!("ws://Aladdin:open%20sesame@{server}/");
    for &client in Client::ALL {
        let lines = lines(client, ConnectOptions::new(with_user.as_str()), &heads);
        assert_eq!(lines[0], format!("Host: {server}"));
        assert_eq!(lines[5], "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}

#[test]
fn a_header_that_is_given_counts_more_than_the_url() {
    let _bound = crate::watchdog::bound();
    let (server, heads) = listening();
    let with_user = format!("ws://me:secret@{server}/");
    for &client in Client::ALL {
        let options =
            ConnectOptions::new(with_user.as_str()).header("authorization", "Bearer 0123");
        let lines = lines(client, options, &heads);
        assert_eq!(lines[5..], ["authorization: Bearer 0123", ""]);
    }
}

#[test]
fn a_url_is_shown_without_its_password() {
    let _bound = crate::watchdog::bound();
    let (server, _heads) = listening();
    let with_user = format!("ws://me:secret@{server}/");
    for &client in Client::ALL {
        let socket = client.create(ConnectOptions::new(with_user.as_str()));
        assert_eq!(socket.url(), url(server));
        let error = client.fail(ConnectOptions::new("ws://me%3A:secret@h/"));
        assert!(matches!(error, ConnectError::Url(UrlError::UserInfo)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}
