//! Servers behind Unix sockets.

use std::io::{ErrorKind, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
#[cfg(target_os = "linux")]
use std::time::Duration;

use ::smol::Async;
use bluewire::facade::ReadyState;
#[cfg(feature = "tokio")]
use bluewire::tokio;
use bluewire::{
    CloseCode, ConnectError, ConnectOptions, OwnedMessage, Phase, UrlError, blocking, smol,
};

use crate::client::Client;
use crate::common::log::{Log, Told, text};
#[cfg(feature = "tokio")]
use crate::common::side::RUNTIME;
use crate::common::until;

/// A directory that goes when this does.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bluewire-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("there is none of that name");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn url(path: &Path, resource: &str) -> String {
    format!("ws+unix://{}{resource}", path.display())
}

fn told(text: &str) -> Option<OwnedMessage> {
    Some(OwnedMessage::Text(text.to_owned()))
}

/// Accepts one client by this adapter's direct API, tells what it asked for, and echoes once.
fn echo(server: Client, listener: UnixListener) -> thread::JoinHandle<(String, String)> {
    fn asked(head: Option<&bluewire::RequestHead>) -> (String, String) {
        let head = head.expect("a server has it");
        let host = head.headers().first_str("Host").unwrap_or_default();
        (head.target().to_owned(), host.to_owned())
    }
    thread::spawn(move || match server {
        Client::Blocking => {
            let mut socket = blocking::accept(listener.accept().expect("a client comes").0)
                .expect("it goes well");
            let message = socket.recv_owned().expect("it is open").expect("there is one");
            socket.send(&message).expect("it goes well");
            let asked = asked(socket.request());
            assert_eq!(socket.recv_owned().expect("it is open"), None);
            asked
        }
        Client::Smol => ::smol::block_on(async {
            let listener = Async::new(listener).expect("it is a socket");
            let mut socket = smol::accept(listener.accept().await.expect("a client comes").0)
                .await
                .expect("it goes well");
            let message = socket.recv_owned().await.expect("it is open").expect("there is one");
            socket.send(&message).await.expect("it goes well");
            let asked = asked(socket.request());
            assert_eq!(socket.recv_owned().await.expect("it is open"), None);
            asked
        }),
        #[cfg(feature = "tokio")]
        Client::Tokio => RUNTIME.block_on(async {
            listener.set_nonblocking(true).expect("it is a socket");
            let listener = ::tokio::net::UnixListener::from_std(listener).expect("it is a socket");
            let mut socket = tokio::accept(listener.accept().await.expect("a client comes").0)
                .await
                .expect("it goes well");
            let message = socket.recv_owned().await.expect("it is open").expect("there is one");
            socket.send(&message).await.expect("it goes well");
            let asked = asked(socket.request());
            assert_eq!(socket.recv_owned().await.expect("it is open"), None);
            asked
        }),
    })
}

#[test]
fn the_direct_apis_talk_through_one() {
    let _bound = crate::watchdog::bound();
    let directory = Directory::new();
    let pairs = Client::ALL
        .iter()
        .flat_map(|client| Client::ALL.iter().map(move |server| (*client, *server)));
    for (number, (client, server)) in pairs.enumerate() {
        let path = directory.path(&number.to_string());
        let server = echo(server, UnixListener::bind(&path).expect("it is free"));
        // The way is known: neither a proxy nor addresses are asked for.
        let options = ConnectOptions::new(url(&path, ":/chat?room=1"))
            .proxy("http://127.0.0.1:1".parse().expect("it is one"))
            .addresses([([127, 0, 0, 1], 1).into()]);
        match client {
            Client::Blocking => {
                let socket = blocking::connect(options).expect("it listens");
                assert!(socket.stream().socket().is_none());
                // Each half on a thread of its own.
                let (mut reader, writer) = socket.split();
                writer.send("Hello").expect("it is open");
                assert_eq!(reader.recv_owned().expect("it echoes"), told("Hello"));
                writer.close(CloseCode::NORMAL, "").expect("it is open");
                assert_eq!(reader.recv_owned().expect("it ends in order"), None);
            }
            Client::Smol => ::smol::block_on(async {
                let mut socket = smol::connect(options).await.expect("it listens");
                assert!(socket.stream().peer_addr().is_err());
                socket.send("Hello").await.expect("it is open");
                assert_eq!(socket.recv_owned().await.expect("it echoes"), told("Hello"));
                socket.close(CloseCode::NORMAL, "").await.expect("it is open");
                assert_eq!(socket.recv_owned().await.expect("it ends in order"), None);
            }),
            #[cfg(feature = "tokio")]
            Client::Tokio => RUNTIME.block_on(async {
                let mut socket = tokio::connect(options).await.expect("it listens");
                assert!(socket.stream().peer_addr().is_err());
                socket.send("Hello").await.expect("it is open");
                assert_eq!(socket.recv_owned().await.expect("it echoes"), told("Hello"));
                socket.close(CloseCode::NORMAL, "").await.expect("it is open");
                assert_eq!(socket.recv_owned().await.expect("it ends in order"), None);
            }),
        }
        let asked = server.join().expect("it served");
        assert_eq!(asked, ("/chat?room=1".to_owned(), "localhost".to_owned()));
    }
}

#[test]
fn the_facade_talks_through_one() {
    let _bound = crate::watchdog::bound();
    let directory = Directory::new();
    for &client in Client::ALL {
        let path = directory.path(&format!("{client:?} with a space"));
        let listener = UnixListener::bind(&path).expect("it is free");
        let server = thread::spawn(move || {
            let stream = listener.accept().expect("a client comes").0;
            match client {
                Client::Blocking => blocking::accept(stream)
                    .expect("it goes well")
                    .into_facade()
                    .expect("there is a thread"),
                Client::Smol => ::smol::block_on(async {
                    smol::accept(Async::new(stream).expect("it is a socket"))
                        .await
                        .expect("it goes well")
                        .into_facade()
                }),
                #[cfg(feature = "tokio")]
                Client::Tokio => RUNTIME.block_on(async {
                    stream.set_nonblocking(true).expect("it is a socket");
                    let stream = ::tokio::net::UnixStream::from_std(stream).expect("it is one");
                    tokio::accept(stream).await.expect("it goes well").into_facade()
                }),
            }
        });
        // The resource may be left out.
        let socket = client.create(url(&path, "").replace(' ', "%20").into());
        let log = Log::default();
        log.on_open(&socket);
        log.on_message(&socket);
        let served = server.join().expect("it accepts");
        let echo = served.clone();
        served.on_message(move |message| echo.send(message));
        log.wait(&Told::Open);
        socket.send("Hello");
        log.wait(&text("Hello"));
        socket.close(1000);
        for socket in [socket, served] {
            until("it is closed", || socket.ready_state() == ReadyState::Closed);
        }
    }
}

#[test]
fn a_missing_server_is_reported_with_its_path() {
    let _bound = crate::watchdog::bound();
    let directory = Directory::new();
    let (missing, dead, file) =
        (directory.path("missing"), directory.path("dead"), directory.path("file"));
    drop(UnixListener::bind(&dead).expect("it is free"));
    std::fs::write(&file, "no socket").expect("there is room");
    for &client in Client::ALL {
        for (path, kind, says) in [
            (&missing, ErrorKind::NotFound, "there is no Unix socket at "),
            (&dead, ErrorKind::ConnectionRefused, "nobody listens at the Unix socket "),
            (&file, ErrorKind::ConnectionRefused, "nobody listens at the Unix socket "),
        ] {
            let failure = client.fail(url(path, ":/?token=secret").into());
            assert_eq!(failure.phase(), Some(Phase::Tcp));
            let text = failure.to_string();
            let begin = format!("{says}{}: ", path.display());
            assert!(text.starts_with(&begin) && !text.contains("secret"), "{client:?}: {text}");
            let ConnectError::UnixSocket { path: at, error } = failure else {
                panic!("{client:?}: {failure:?}");
            };
            assert_eq!((&at, error.kind()), (path, kind), "{client:?}");
        }
        let long = directory.path(&"x".repeat(200));
        let failure = client.fail(url(&long, "").into());
        assert!(
            failure.to_string().ends_with("the path is too long for a Unix socket"),
            "{failure}"
        );
        let failure = client.fail("ws+unix://relative/path".into());
        assert!(matches!(failure, ConnectError::Url(UrlError::SocketPath)), "{failure:?}");
    }
}

// Elsewhere, a full queue refuses.
#[cfg(target_os = "linux")]
#[test]
fn a_queue_that_stays_full_is_waited_for_as_long_as_tcp_may_take() {
    let _bound = crate::watchdog::bound();
    let directory = Directory::new();
    let path = directory.path("full");
    let listener = UnixListener::bind(&path).expect("it is free");
    rustix::net::listen(&listener, 0).expect("the queue can be short");
    let _filler = UnixStream::connect(&path).expect("there is room for one");
    for &client in Client::ALL {
        let options =
            ConnectOptions::new(url(&path, "")).connect_timeout(Duration::from_millis(200));
        let failure = client.fail(options);
        let text = failure.to_string();
        assert!(text.ends_with("could not be reached: no answer within 200 ms"), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn room_in_a_full_queue_is_taken() {
    let _bound = crate::watchdog::bound();
    let directory = Directory::new();
    for &client in Client::ALL {
        let path = directory.path(&format!("{client:?}"));
        let listener = UnixListener::bind(&path).expect("it is free");
        rustix::net::listen(&listener, 0).expect("the queue can be short");
        let filler = UnixStream::connect(&path).expect("there is room for one");
        let options = ConnectOptions::new(url(&path, ""));
        let attempt = thread::spawn(move || client.connect(options));
        thread::sleep(Duration::from_millis(30));
        drop(filler);
        drop(listener.accept().expect("it is the filler"));
        blocking::accept(listener.accept().expect("it is the client").0).expect("it asks");
        attempt.join().expect("it ends").unwrap_or_else(|error| panic!("{client:?}: {error}"));
    }
}

/// A stream on which the server has refused the request and reads no more.
fn refused() -> UnixStream {
    let (client, mut server) = UnixStream::pair().expect("the system has sockets");
    server
        .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        .and_then(|()| server.shutdown(Shutdown::Both))
        .expect("there is room");
    client
}

#[test]
fn a_refusal_is_read_although_the_request_cannot_be_written() {
    let _bound = crate::watchdog::bound();
    let url = "ws://localhost/";
    let mut errors = vec![("blocking", blocking::connect_over(refused(), url).err())];
    errors.push((
        "smol",
        ::smol::block_on(async {
            smol::connect_over(Async::new(refused()).expect("it is a socket"), url).await.err()
        }),
    ));
    #[cfg(feature = "tokio")]
    errors.push((
        "tokio",
        RUNTIME.block_on(async {
            let stream = refused();
            stream.set_nonblocking(true).expect("it is a socket");
            let stream = ::tokio::net::UnixStream::from_std(stream).expect("it is a socket");
            tokio::connect_over(stream, url).await.err()
        }),
    ));
    for (adapter, error) in errors {
        let Some(ConnectError::Refused(refusal)) = error else {
            panic!("{adapter}: {error:?}");
        };
        assert_eq!(refusal.head().status(), 403, "{adapter}");
    }
}
