//! Whatever goes wrong in TLS is a typed error that says what, nothing in the clear is sent, and
//! nothing hangs.

use std::io::{Read, Write};
use std::time::Duration;

use bluewire::tls::{CertificateProblem, ServerTls, Tls, TlsError};
use bluewire::{ConnectError, ConnectOptions, Phase};

use crate::certs::{Authority, GOOD, Identity, NAMES};
use crate::on_each_adapter;
use crate::peer::{Served, answer_with, config, config_with_key, serve, shake_hands};
use crate::sides::{Adapter, text};

fn trusting(root: &Authority) -> Tls {
    Tls::default().root_pem(&root.pem).expect("it is a root")
}

/// Connects to this host at this port; why that failed.
fn refused(adapter: Adapter, host: &str, port: u16, tls: Tls) -> TlsError {
    let options = ConnectOptions::new(format!("wss://{host}:{port}/secret"))
        .header("Authorization", "secret")
        .connect_timeout(Duration::from_secs(20))
        .tls(tls);
    match adapter.connect(options) {
        Err(ConnectError::Tls(error)) => error,
        other => panic!("not a failure of TLS: {other:?}"),
    }
}

/// The same with a server that has this certificate.
fn problem(adapter: Adapter, identity: &Identity, root: &Authority) -> CertificateProblem {
    problem_at(adapter, "localhost", identity, root)
}

fn problem_at(
    adapter: Adapter,
    host: &str,
    identity: &Identity,
    root: &Authority,
) -> CertificateProblem {
    let served = shake_hands(config(identity));
    let error = refused(adapter, host, served.port, trusting(root));
    assert_eq!(served.join(), b"", "something was sent");
    match error {
        TlsError::Certificate(problem) => {
            assert!(problem.to_string().starts_with("the peer"), "{problem}");
            problem
        }
        other => panic!("not a problem of the certificate: {other:?}"),
    }
}

/// The same with a server that answers by these bytes to what should be the client's first record.
fn answered(adapter: Adapter, answer: &[u8]) -> TlsError {
    let served = answer_with(answer);
    let error = refused(adapter, "localhost", served.port, Tls::default());
    assert_nothing_in_the_clear(&served.join());
    error
}

fn assert_nothing_in_the_clear(read: &[u8]) {
    assert_eq!(read[..2], [22, 3], "the first record is of a handshake");
    for word in ["GET", "HTTP/1.1\r\n", "secret", "Authorization"] {
        let there = read.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!there, "{word} was sent in the clear");
    }
}

on_each_adapter! {
    fn an_expired_certificate(adapter) {
        // Covers: 6455-4.1-3
        let root = Authority::new("Root");
        let problem = problem(adapter, &root.issue(&NAMES, (2010, 2011)), &root);
        let CertificateProblem::Expired(time) = &problem else { panic!("{problem:?}") };
        assert!(*time > Duration::from_secs(10 * 365 * 86_400), "{time:?}");
        assert!(problem.to_string().contains("expired"), "{problem}");
    }

    fn a_certificate_that_is_not_valid_yet(adapter) {
        let root = Authority::new("Root");
        let problem = problem(adapter, &root.issue(&NAMES, (4000, 4001)), &root);
        let CertificateProblem::NotYetValid(time) = &problem else { panic!("{problem:?}") };
        assert!(*time > Duration::from_secs(1000 * 365 * 86_400), "{time:?}");
        assert!(problem.to_string().contains("clock"), "{problem}");
    }

    fn a_certificate_for_another_host(adapter) {
        let root = Authority::new("Root");
        let problem = problem(adapter, &root.issue(&["example.com"], GOOD), &root);
        let CertificateProblem::WrongHost { host, names } = &problem else { panic!("{problem:?}") };
        assert_eq!(host, "localhost");
        assert!(names.iter().any(|name| name.contains("example.com")), "{names:?}");
        assert!(problem.to_string().contains("example.com"), "{problem}");
    }

    fn a_certificate_for_another_address(adapter) {
        let root = Authority::new("Root");
        let identity = root.issue(&["localhost", "127.0.0.2"], GOOD);
        let problem = problem_at(adapter, "127.0.0.1", &identity, &root);
        let CertificateProblem::WrongIp { ip, .. } = &problem else { panic!("{problem:?}") };
        assert_eq!(ip.to_string(), "127.0.0.1");
        assert!(problem.to_string().contains("127.0.0.1"), "{problem}");
    }

    fn an_unknown_issuer(adapter) {
        let (root, other) = (Authority::new("Root"), Authority::new("Some Other Root"));
        let intermediate = other.intermediate("Intermediate");
        let identity = intermediate.issue(&NAMES, GOOD).with(&intermediate);
        let problem = problem(adapter, &identity, &root);
        let CertificateProblem::UnknownIssuer { issuer } = &problem else { panic!("{problem:?}") };
        assert_eq!(issuer, "Some Other Root");
        assert!(problem.to_string().contains("Some Other Root"), "{problem}");
    }

    fn a_self_signed_certificate(adapter) {
        let identity = Identity::self_signed(&NAMES);
        let problem = problem(adapter, &identity, &Authority::new("Root"));
        let CertificateProblem::SelfSigned { sha256 } = &problem else { panic!("{problem:?}") };
        assert!(problem.to_string().contains(sha256), "{problem}");
        // The advice in the message works.
        let pinned = Tls::default().pin_sha256(sha256).expect("it is a fingerprint");
        let served = shake_hands(config(&identity));
        let options = ConnectOptions::new(format!("wss://localhost:{}/", served.port))
            .config(brief())
            .tls(pinned);
        let opened = adapter.connect(options);
        let error = opened.expect_err("the server says nothing");
        assert_eq!(error.phase(), Some(Phase::Handshake), "{error:?}");
        assert!(served.join().starts_with(b"GET / HTTP/1.1\r\n"));
    }

    fn a_missing_intermediate_certificate(adapter) {
        let root = Authority::new("Root");
        let identity = root.intermediate("The Middle").issue(&NAMES, GOOD);
        let problem = problem(adapter, &identity, &root);
        let CertificateProblem::UnknownIssuer { issuer } = &problem else {
            panic!("{problem:?}")
        };
        assert_eq!(issuer, "The Middle");
        assert!(problem.to_string().contains("Tls::root_pem"), "{problem}");
    }

    fn a_certificate_with_a_bad_signature(adapter) {
        // Somebody else says that they are the root.
        let (root, forger) = (Authority::new("Root"), Authority::new("Root"));
        let problem = problem(adapter, &forger.issue(&NAMES, GOOD), &root);
        assert_eq!(problem, CertificateProblem::BadSignature);
    }

    fn a_server_that_has_not_the_key(adapter) {
        let (identity, root) = Identity::good();
        let served = shake_hands(config_with_key(&identity, &Identity::good().0));
        let error = refused(adapter, "localhost", served.port, trusting(&root));
        let TlsError::Certificate(problem) = error else { panic!("{error:?}") };
        assert_eq!(problem, CertificateProblem::BadSignature);
        assert_eq!(served.join(), b"");
    }

    fn a_server_that_has_not_the_key_of_a_pinned_or_any_certificate(adapter) {
        let (identity, _) = Identity::good();
        let any = Tls::default().dangerously_accept_any_certificate();
        let pinned = Tls::default().pin_sha256(&fingerprint(adapter, &identity));
        for tls in [any, pinned.expect("it is a fingerprint")] {
            let served = shake_hands(config_with_key(&identity, &Identity::good().0));
            let error = refused(adapter, "localhost", served.port, tls);
            let TlsError::Certificate(problem) = error else { panic!("{error:?}") };
            assert_eq!(problem, CertificateProblem::BadSignature);
            assert_eq!(served.join(), b"");
        }
    }

    fn another_certificate_than_the_pinned_one(adapter) {
        let (identity, _) = Identity::good();
        let pinned = Tls::default().pin_sha256(&"00:".repeat(32)).expect("it is a fingerprint");
        let served = shake_hands(config(&identity));
        let error = refused(adapter, "localhost", served.port, pinned);
        let TlsError::Certificate(CertificateProblem::NotPinned { sha256 }) = &error else {
            panic!("{error:?}")
        };
        assert!(error.to_string().contains(sha256), "{error}");
        assert_eq!(served.join(), b"");
    }

    fn tls_1_1_by_an_alert(adapter) {
        let error = answered(adapter, b"\x15\x03\x02\0\x02\x02\x46");
        assert!(matches!(error, TlsError::Version), "{error:?}");
    }

    fn tls_1_1_by_a_server_hello(adapter) {
        let mut hello = b"\x16\x03\x02\0\x2a\x02\0\0\x26\x03\x02".to_vec();
        hello.extend([7; 32]);
        hello.extend(b"\0\0\x2f\0");
        let error = answered(adapter, &hello);
        assert!(matches!(error, TlsError::Version), "{error:?}");
        assert!(error.to_string().contains("TLS 1.2"), "{error}");
    }

    fn plain_http_on_the_port(adapter) {
        // Covers: 6455-4.1-3, 6455-10.6-1
        let error = answered(adapter, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        assert!(matches!(error, TlsError::PlainHttp), "{error:?}");
        assert!(error.to_string().contains("without TLS"), "{error}");
    }

    fn garbage(adapter) {
        let error = answered(adapter, &[0x5a; 100]);
        assert!(matches!(error, TlsError::NotTls), "{error:?}");
    }

    fn garbage_that_begins_like_tls(adapter) {
        let mut garbage = b"\x16\x03\x03\0\x40".to_vec();
        garbage.extend([0x5a; 0x40]);
        let error = answered(adapter, &garbage);
        assert!(matches!(error, TlsError::Protocol(_)), "{error:?}");
    }

    fn silence(adapter) {
        let served = answer_with(b"");
        let budget = Duration::from_millis(300);
        let url = format!("wss://localhost:{}/secret", served.port);
        let opened = adapter.connect(ConnectOptions::new(url).tls_timeout(budget));
        let Err(ConnectError::TimedOut { phase, timeout, whole }) = opened else {
            panic!("{opened:?}")
        };
        assert_eq!((phase, timeout, whole), (Phase::Tls, budget, false));
        assert_nothing_in_the_clear(&served.join());
    }

    fn a_handshake_that_comes_one_byte_at_a_time_and_too_late(adapter) {
        let served = serve(|mut stream| {
            // A record of 16 KiB that would take hours.
            let mut header = b"\x16\x03\x03\x40\0\x02".to_vec();
            header.extend([0; 1000]);
            header.iter().take_while(|byte| {
                std::thread::sleep(Duration::from_millis(20));
                stream.write_all(&[**byte]).is_ok()
            }).count()
        });
        let budget = Duration::from_millis(300);
        let url = format!("wss://localhost:{}/", served.port);
        let opened = adapter.connect(ConnectOptions::new(url).tls_timeout(budget));
        assert!(matches!(&opened, Err(ConnectError::TimedOut { .. })), "{opened:?}");
        drop(opened);
        assert!(served.join() < 1000, "the client has gone");
    }

    fn an_end_instead_of_an_answer(adapter) {
        let served = serve(|mut stream| drop(stream.read(&mut [0; 16 * 1024])));
        let error = refused(adapter, "localhost", served.port, Tls::default());
        assert!(matches!(error, TlsError::EndedInHandshake | TlsError::Io(_)), "{error:?}");
    }

    fn an_end_in_the_middle_of_the_handshake(adapter) {
        let served = cut_after(100);
        let error = refused(adapter, "localhost", served.port, Tls::default());
        assert!(matches!(error, TlsError::EndedInHandshake), "{error:?}");
        assert_nothing_in_the_clear(&served.join());
    }

    fn a_refusal_by_an_alert(adapter) {
        let error = answered(adapter, b"\x15\x03\x03\0\x02\x02\x28");
        let TlsError::Alert(alert) = &error else { panic!("{error:?}") };
        assert_eq!((alert.number(), alert.to_string()), (40, "handshake failure".to_owned()));
        assert!(error.to_string().contains("none of the parameters"), "{error}");
    }

    fn a_server_that_speaks_another_protocol_inside(adapter) {
        let (identity, root) = Identity::good();
        let mut config = config(&identity);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let served = shake_hands(config);
        let error = refused(adapter, "localhost", served.port, trusting(&root));
        let TlsError::Alert(alert) = error else { panic!("{error:?}") };
        assert_eq!(alert.number(), 120);
        assert_eq!(served.join(), b"");
    }

    fn a_server_that_wants_a_client_certificate(adapter) {
        let (identity, root) = Identity::good();
        let tls = ServerTls::new(&identity.chain_pem, &identity.key_pem)
            .and_then(|tls| tls.require_client_certificate(&root.pem))
            .expect("they are PEM");
        let (_server, port) = adapter.echo_server(bluewire::ServerOptions::default().tls(tls));
        // The client hears of it only after it has spoken: in TLS 1.3 its handshake is complete
        // before the server has looked at its certificate.
        let error = refused(adapter, "localhost", port, trusting(&root));
        let TlsError::Alert(alert) = &error else { panic!("{error:?}") };
        assert_eq!(alert.number(), 116);
        assert!(error.to_string().contains("client certificate"), "{error}");
        let client = root.issue(&["somebody"], GOOD);
        let tls = trusting(&root).client_certificate(&client.chain_pem, &client.key_pem);
        let options = ConnectOptions::new(format!("wss://localhost:{port}/"))
            .tls(tls.expect("they are PEM"));
        let mut socket = adapter.connect(options).expect("it lets us in");
        socket.send("who we are").expect("it is open");
        assert_eq!(socket.recv().expect("it is open"), Some(text("who we are")));
    }

    fn a_host_that_no_certificate_can_be_for(adapter) {
        let opened = adapter.connect("wss://under_score..localhost/");
        assert!(opened.is_err(), "{opened:?}");
    }

    fn the_facade_tells_the_reason(adapter) {
        let served = shake_hands(config(&Identity::self_signed(&NAMES)));
        let url = format!("wss://localhost:{}/", served.port);
        let socket = adapter.create(url).expect("the URL is valid");
        let (tell, told) = std::sync::mpsc::channel();
        let close = tell.clone();
        socket.on_error(move |error| drop(tell.send(error.data.clone())));
        socket.on_close(move |event| drop(close.send(event.code.to_string())));
        let error = told.recv_timeout(crate::peer::PATIENCE).expect("it fails");
        assert!(error.contains("self-signed"), "{error}");
        assert_eq!(told.recv_timeout(crate::peer::PATIENCE).expect("it closes"), "1006");
        assert_eq!(served.join(), b"");
    }
}

fn brief() -> bluewire::Config {
    bluewire::Config::default().handshake_timeout(Duration::from_millis(500))
}

/// The fingerprint, out of the error that tells it.
fn fingerprint(adapter: Adapter, identity: &Identity) -> String {
    let served = shake_hands(config(identity));
    let pinned = Tls::default().pin_sha256(&"0".repeat(64)).expect("it is a fingerprint");
    match refused(adapter, "localhost", served.port, pinned) {
        TlsError::Certificate(CertificateProblem::NotPinned { sha256 }) => sha256,
        other => panic!("{other:?}"),
    }
}

/// A server that shakes hands and is cut after so many bytes of it.
fn cut_after(len: usize) -> Served<Vec<u8>> {
    let (identity, _) = Identity::good();
    let behind = shake_hands(config(&identity));
    serve(move |mut stream| {
        let mut server =
            std::net::TcpStream::connect(("127.0.0.1", behind.port)).expect("it listens");
        let mut hello = vec![0; 16 * 1024];
        let hello_len = stream.read(&mut hello).expect("the client speaks first");
        hello.truncate(hello_len);
        server.write_all(&hello).expect("it can be written");
        let mut answer = vec![0; len];
        server.read_exact(&mut answer).expect("it answers");
        stream.write_all(&answer).expect("it can be written");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let _ = stream.read_to_end(&mut hello);
        hello
    })
}
