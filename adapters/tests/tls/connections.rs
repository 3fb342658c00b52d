//! Everything that works without TLS works with it.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bluewire::asynch::WebSocket;
use bluewire::facade::{CloseOptions, SendOptions};
use bluewire::tls::{HandshakeKind, ServerTls, Tls, rustls_0_23};
use bluewire::{CloseCode, ConnectOptions, HttpAnswer, OwnedMessage, ServerOptions};

use crate::certs::{Authority, Identity};
use crate::on_each_adapter;
use crate::peer::PATIENCE;
use crate::runtimes::{OnRuntime, Smol};
use crate::sides::{Adapter, EchoServer, Socket, text};

fn server_tls(identity: &Identity) -> ServerTls {
    ServerTls::new(&identity.chain_pem, &identity.key_pem).expect("they are PEM")
}

fn trusting(root: &Authority) -> Tls {
    Tls::default().root_pem(&root.pem).expect("it is a root")
}

/// An echo server of this adapter, and a client's options for it.
fn echo(adapter: Adapter) -> (EchoServer, ConnectOptions) {
    let (identity, root) = Identity::good();
    let options = ServerOptions::default().tls(server_tls(&identity));
    let (server, port) = adapter.echo_server(options);
    (server, ConnectOptions::new(format!("wss://localhost:{port}/")).tls(trusting(&root)))
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index % 251).expect("it is small")).collect()
}

on_each_adapter! {
    fn messages_small_and_large_come_back(adapter) {
        let (_server, options) = echo(adapter);
        let mut socket = adapter.connect(options).expect("it lets us in");
        for len in [0, 1, 125, 126, 16_383, 16_384, 16_385, 70_000, 1_000_000, 9_000_000] {
            socket.send(&bytes(len)[..]).expect("it is open");
            let echoed = socket.recv().expect("it is open");
            assert!(echoed == Some(OwnedMessage::Binary(bytes(len))), "{len}");
        }
        let closure = socket.close(CloseCode::NORMAL, "done").expect("it closes");
        assert!(closure.clean, "{closure:?}");
    }

    fn addresses_are_hosts_too(adapter) {
        let (identity, root) = Identity::good();
        let options = ServerOptions::default().tls(server_tls(&identity));
        let (_server, port) = adapter.echo_server(options);
        let options = ConnectOptions::new(format!("wss://127.0.0.1:{port}/"));
        let mut socket = adapter.connect(options.tls(trusting(&root))).expect("it lets us in");
        socket.send("by address").expect("it is open");
        assert_eq!(socket.recv().expect("it is open"), Some(text("by address")));
    }

    fn an_intermediate_certificate_leads_to_the_root(adapter) {
        let root = Authority::new("Root");
        let intermediate = root.intermediate("Middle");
        let identity = intermediate.issue(&["localhost"], crate::certs::GOOD).with(&intermediate);
        let options = ServerOptions::default().tls(server_tls(&identity));
        let (_server, port) = adapter.echo_server(options);
        let options = ConnectOptions::new(format!("wss://localhost:{port}/")).tls(trusting(&root));
        adapter.connect(options).expect("it lets us in");
    }

    fn any_certificate_does_if_that_is_said(adapter) {
        let identity = Identity::self_signed(&["example.com"]);
        let options = ServerOptions::default().tls(server_tls(&identity));
        let (_server, port) = adapter.echo_server(options);
        let tls = Tls::default().dangerously_accept_any_certificate();
        let options = ConnectOptions::new(format!("wss://localhost:{port}/")).tls(tls);
        adapter.connect(options).expect("it lets us in");
    }

    fn a_client_connects_anew_with_less_work(adapter) {
        let (identity, root) = Identity::good();
        let config = std::sync::Arc::new(crate::peer::config(&identity));
        let tls = trusting(&root);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let config = std::sync::Arc::clone(&config);
            let served = crate::peer::serve(move |stream| {
                let accepted = bluewire::blocking::TlsStream::accept(
                    stream,
                    &rustls_0_23::server(config),
                    PATIENCE,
                );
                let stream = accepted.expect("it shakes hands");
                let mut socket = bluewire::blocking::accept(stream).expect("it is lawful");
                assert_eq!(socket.recv().expect("it is open"), None);
                socket.stream().handshake_kind()
            });
            let url = format!("wss://localhost:{}/", served.port);
            let options = ConnectOptions::new(url).tls(tls.clone());
            let mut socket = adapter.connect(options).expect("it lets us in");
            assert!(socket.close(CloseCode::NORMAL, "").expect("it closes").clean);
            kinds.push(served.join());
        }
        assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
    }

    fn the_facade_works_over_tls(adapter) {
        let (_server, options) = echo(adapter);
        let socket = adapter.create(options).expect("the options are valid");
        let (tell, told) = mpsc::channel();
        let (sender, on_message, on_close) = (socket.clone(), tell.clone(), tell.clone());
        let large = bytes(3_000_000);
        let sent = large.clone();
        socket.on_open(move || {
            let tell = tell.clone();
            sender.send("first");
            sender.send(SendOptions::new(&sent[..]).success(move || drop(tell.send("sent".into()))));
        });
        let closer = socket.clone();
        socket.on_message(move |message| match message {
            bluewire::Message::Text(text) => drop(on_message.send(text.to_owned())),
            bluewire::Message::Binary(echoed) => {
                drop(on_message.send((echoed == large).to_string()));
                closer.close(CloseOptions::default().code(3000).reason("bye"));
            }
        });
        let failed = on_close.clone();
        socket.on_error(move |error| drop(failed.send(error.data.clone())));
        socket.on_close(move |close| {
            drop(on_close.send(format!("{} {} {}", close.code, close.reason, close.was_clean)));
        });
        let mut all: Vec<String> =
            (0..4).map(|_| told.recv_timeout(PATIENCE).expect("it is told")).collect();
        // Whether the last byte has left before the first came back is not said.
        all.sort();
        assert_eq!(all, ["3000 bye true", "first", "sent", "true"]);
    }

    fn accepted_connections_have_the_facade_too(adapter) {
        let (identity, root) = Identity::good();
        let options = ServerOptions::default().tls(server_tls(&identity));
        let (tell, told) = mpsc::channel();
        let serve = move |socket: bluewire::facade::WebSocket| {
            let (echo, closed) = (socket.clone(), tell.clone());
            socket.on_message(move |message| echo.send(message.into_owned()));
            socket.on_close(move |close| {
                let _ = closed.send((close.code, close.was_clean));
            });
        };
        let port = match adapter {
            Adapter::Blocking => {
                let server = bluewire::blocking::Server::bind_with("127.0.0.1:0", options);
                let server = server.expect("a port");
                let port = server.local_addr().port();
                thread::spawn(move || server.serve_facade(serve));
                port
            }
            Adapter::Smol => serve_by_callbacks::<Smol>(options, serve),
            #[cfg(feature = "tokio")]
            Adapter::Tokio => serve_by_callbacks::<crate::runtimes::Tokio>(options, serve),
        };
        let options = ConnectOptions::new(format!("wss://localhost:{port}/")).tls(trusting(&root));
        let mut socket = adapter.connect(options).expect("it lets us in");
        socket.send("there and back").expect("it is open");
        assert_eq!(socket.recv().expect("it is open"), Some(text("there and back")));
        let closure = socket.close(CloseCode::new(3001), "").expect("it closes");
        assert!(closure.clean, "{closure:?}");
        assert_eq!(told.recv_timeout(PATIENCE).expect("it is told"), (3001, true));
    }

    fn a_server_answers_plain_requests_over_tls(adapter) {
        let (identity, root) = Identity::good();
        let page = HttpAnswer::new(200).expect("it is a status").body("hello");
        let options =
            ServerOptions::default().tls(server_tls(&identity)).on_request(move |_| page.clone());
        let (_server, port) = adapter.echo_server(options);
        let answer = get(port, &root);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("hello"), "{answer}");
    }

    fn a_client_without_tls_or_without_a_word_holds_up_nobody(adapter) {
        // Covers: 6455-4.2.2-1
        let (identity, root) = Identity::good();
        let (tell, told) = mpsc::channel();
        let config = bluewire::Config::default().handshake_timeout(Duration::from_secs(2));
        let options = ServerOptions::default()
            .tls(server_tls(&identity))
            .accept(bluewire::AcceptOptions::default().config(config))
            .on_refused(move |error| drop(tell.send(error.to_string())));
        let (_server, port) = adapter.echo_server(options);
        let silent = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let plain = adapter.connect(format!("ws://localhost:{port}/"));
        assert!(plain.is_err(), "{plain:?}");
        let why = told.recv_timeout(PATIENCE).expect("it is told");
        assert!(why.contains("HTTP without TLS"), "{why}");
        let options = ConnectOptions::new(format!("wss://localhost:{port}/")).tls(trusting(&root));
        let mut socket = adapter.connect(options).expect("it lets us in");
        socket.send("me first").expect("it is open");
        assert_eq!(socket.recv().expect("it is open"), Some(text("me first")));
        // The one who says nothing is gone in time.
        silent.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
        let read = std::io::Read::read(&mut &silent, &mut [0; 100]);
        assert!(matches!(read, Ok(0..=99)) || read.is_err_and(|error| {
            error.kind() == std::io::ErrorKind::ConnectionReset
        }));
    }

    fn a_server_without_tls_says_so_to_a_client_with_it(adapter) {
        let (_server, port) = adapter.echo_server(ServerOptions::default());
        let opened = adapter.connect(format!("wss://localhost:{port}/"));
        // It answers by an error in HTTP.
        let Err(bluewire::ConnectError::Tls(error)) = opened else { panic!("{opened:?}") };
        assert!(matches!(error, bluewire::tls::TlsError::PlainHttp), "{error:?}");
    }
}

/// Serves by callbacks on this runtime. The server's port.
fn serve_by_callbacks<R: OnRuntime>(
    options: ServerOptions,
    serve: impl Fn(bluewire::facade::WebSocket) + Send + Sync + 'static,
) -> u16 {
    let server = R::block_on(R::bind_with(("127.0.0.1", 0), options)).expect("a port");
    let port = server.local_addr().port();
    R::detach(async move {
        server.serve_facade(serve).await;
    });
    port
}

/// A request for a page, and its answer.
fn get(port: u16, root: &Authority) -> String {
    use std::io::{Read, Write};
    let socket = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let mut stream =
        bluewire::blocking::TlsStream::connect(socket, "localhost", &trusting(root), PATIENCE)
            .expect("it lets us in");
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it leaves");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it ends in order");
    answer
}

/// Receives in a task while it sends.
fn both_ways<R: OnRuntime>(socket: WebSocket<R, R::NetStream>, count: u32) {
    let (mut reader, writer) = socket.split();
    let receives = R::start(async move {
        for number in 0..count {
            let message = reader.recv().await.expect("it is open");
            let expected = format!("to the client {number}");
            assert_eq!(message, Some(expected.as_str().into()));
        }
        reader
    });
    R::block_on(async {
        for number in 0..count {
            let message = format!("to the server {number}");
            writer.send(message.as_str()).await.expect("it is open");
        }
        let _reader = receives.await;
    });
}

#[test]
fn two_threads_and_two_tasks_use_one_connection_at_once() {
    let _bound = crate::watchdog::bound();
    const COUNT: u32 = 20_000;
    let (identity, root) = Identity::good();
    let tls = trusting(&root);
    let server = bluewire::blocking::Server::bind_with(
        "127.0.0.1:0",
        ServerOptions::default().tls(server_tls(&identity)),
    )
    .expect("a port");
    let url = format!("wss://localhost:{}/", server.local_addr().port());
    for &adapter in Adapter::ALL {
        let options = ConnectOptions::new(&url).tls(tls.clone());
        thread::scope(|scope| {
            let accepted = scope.spawn(|| server.accept().expect("a client comes"));
            let socket = adapter.connect(options).expect("it lets us in");
            let (mut reader, writer) = accepted.join().expect("it is accepted").split();
            let receives = scope.spawn(move || {
                for number in 0..COUNT {
                    let message = reader.recv().expect("it is open");
                    assert_eq!(message, Some(format!("to the server {number}").as_str().into()));
                }
                reader
            });
            let sends = scope.spawn(move || {
                for number in 0..COUNT {
                    writer.send(format!("to the client {number}").as_str()).expect("it is open");
                }
                writer
            });
            match socket {
                Socket::Blocking(socket) => {
                    let (mut reader, writer) = socket.split();
                    let receives = scope.spawn(move || {
                        for number in 0..COUNT {
                            let message = reader.recv().expect("it is open");
                            let expected = format!("to the client {number}");
                            assert_eq!(message, Some(expected.as_str().into()));
                        }
                        reader
                    });
                    for number in 0..COUNT {
                        let message = format!("to the server {number}");
                        writer.send(message.as_str()).expect("it is open");
                    }
                    let _reader = receives.join().expect("all came");
                }
                Socket::Smol(socket) => both_ways(socket, COUNT),
                #[cfg(feature = "tokio")]
                Socket::Tokio(socket) => both_ways(socket, COUNT),
            }
            let _both = (receives.join().expect("all came"), sends.join().expect("all left"));
        });
    }
}

#[cfg(feature = "platform-roots")]
#[test]
fn the_roots_of_the_platform_are_there_or_it_says_so() {
    let _bound = crate::watchdog::bound();
    match Tls::default().platform_roots() {
        // An authority that is not among them is not trusted.
        Ok(tls) => {
            let (identity, _) = Identity::good();
            let options = ServerOptions::default().tls(server_tls(&identity));
            let (_server, port) = Adapter::Blocking.echo_server(options);
            let options = ConnectOptions::new(format!("wss://localhost:{port}/")).tls(tls);
            let refused = Adapter::Blocking.connect(options);
            assert!(matches!(refused, Err(bluewire::ConnectError::Tls(_))), "{refused:?}");
        }
        Err(error) => assert!(error.to_string().contains("the system's roots"), "{error}"),
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let _bound = crate::watchdog::bound();
    use bluewire::tls::TlsError;
    let refused = |result: Result<Tls, TlsError>| {
        let Err(TlsError::Settings(why)) = result else { panic!("{result:?}") };
        assert!(!why.is_empty());
    };
    refused(Tls::default().root_pem("no certificate"));
    refused(Tls::default().root_pem("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"));
    refused(
        Tls::default().root_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    );
    refused(Tls::default().pin_sha256("12:34"));
    refused(Tls::default().pin_sha256(&"g".repeat(64)));
    let (one, other) = (Identity::good().0, Identity::good().0);
    refused(Tls::default().client_certificate(&one.chain_pem, &other.key_pem));
    refused(Tls::default().client_certificate(&one.key_pem, &one.key_pem));
    refused(Tls::default().client_certificate(&one.chain_pem, &one.chain_pem));
    let opened = bluewire::blocking::connect(
        ConnectOptions::new("wss://localhost:1/").tls(Tls::default().no_default_roots()),
    );
    assert!(opened.is_err());
    assert!(ServerTls::new(&one.chain_pem, &other.key_pem).is_err());
}
