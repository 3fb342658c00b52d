//! Proxies by HTTP CONNECT.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use bluewire::facade::{CloseOptions, ReadyState};
use bluewire::{
    Canceller, ConnectError, ConnectOptions, HandshakeError, Limits, Phase, ProxyError, Refusal,
};

use crate::client::{Client, closed, dead, live};
use crate::common::{PATIENCE, until};
use crate::fake::{http, http_and_end, keep, proxy, read_head, relay, through};

fn refused(client: Client, proxy: SocketAddr) -> (Box<Refusal>, String) {
    let error = client.fail(through("http://me:secret@", proxy));
    assert_eq!(error.phase(), Some(Phase::Proxy));
    let text = error.to_string();
    assert!(!format!("{text} {error:?}").contains("secret"), "{error:?}");
    match error {
        ConnectError::Proxy(ProxyError::Refused(refusal)) => (refusal, text),
        error => panic!("{client:?}: {error:?}"),
    }
}

#[test]
fn the_name_is_left_to_the_proxy() {
    let _bound = crate::watchdog::bound();
    let server = live(Ipv4Addr::LOCALHOST).expect("there is a port");
    let (proxy, told) = relay(server);
    for &client in Client::ALL {
        let connected = client.connect(through("http://Aladdin:open%20sesame@", proxy));
        connected.unwrap_or_else(|error| panic!("{client:?}: {error}"));
        let request = told.recv_timeout(PATIENCE).expect("it is asked");
        let expected = "CONNECT server.invalid:80 HTTP/1.1\r\nHost: server.invalid:80\r\n\
            Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(request, expected, "{client:?}");
    }
}

#[test]
fn nothing_that_comes_with_its_answer_is_lost() {
    let _bound = crate::watchdog::bound();
    let proxy = proxy(|mut client| {
        read_head(&mut client)?;
        // At once, so that one read could take both.
        client.write_all(
            b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\nserver",
        )?;
        keep(client)
    });
    for &client in Client::ALL {
        match client.fail(through("http://", proxy)) {
            ConnectError::Refused(refusal) => {
                assert_eq!((refusal.head().status(), refusal.body()), (401, &b"server"[..]));
            }
            error => panic!("{client:?}: {error:?}"),
        }
    }
}

#[test]
fn a_refusal_brings_its_status_headers_and_body() {
    let _bound = crate::watchdog::bound();
    let who =
        http(b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno");
    let gateway = http_and_end(b"HTTP/1.0 502 Bad Gateway\r\n\r\nthe server is away");
    let chunks = http(b"HTTP/1.1 503 B\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n");
    for &client in Client::ALL {
        let (refusal, text) = refused(client, who);
        assert_eq!(refusal.head().headers().first("proxy-authenticate"), Some(&b"Basic"[..]));
        assert_eq!((refusal.body(), refusal.is_complete()), (&b"no"[..], true));
        assert_eq!(text, "the proxy requires a valid user name and password: 407 Who? (no)");

        let (refusal, text) = refused(client, gateway);
        assert_eq!((refusal.body(), refusal.is_complete()), (&b"the server is away"[..], true));
        assert_eq!(text, "the proxy refused to connect: 502 Bad Gateway (the server is away)");

        let (refusal, _) = refused(client, chunks);
        assert_eq!((refusal.body(), refusal.is_complete()), (&b"yes"[..], true));
    }
}

#[test]
fn a_body_without_an_end_is_kept_up_to_the_limit() {
    let _bound = crate::watchdog::bound();
    let endless = proxy(|mut client| {
        read_head(&mut client)?;
        client.write_all(b"HTTP/1.1 503 Busy\r\n\r\n")?;
        (0..10_000).try_for_each(|_| client.write_all(&[b'x'; 1000]))
    });
    for &client in Client::ALL {
        let (refusal, _) = refused(client, endless);
        assert_eq!(refusal.body().len(), Limits::default().body_len_max, "{client:?}");
        assert!(!refusal.is_complete());
    }
}

#[test]
fn a_late_body_does_not_hide_the_refusal() {
    let _bound = crate::watchdog::bound();
    let late = http(b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nbecause");
    for &client in Client::ALL {
        let options = through("http://", late).proxy_timeout(Duration::from_secs(1));
        let error = client.fail(options);
        let ConnectError::Proxy(ProxyError::Refused(refusal)) = error else {
            panic!("{client:?}: {error:?}");
        };
        assert_eq!((refusal.head().status(), refusal.is_complete()), (403, false));
        assert!(b"because".starts_with(refusal.body()), "{client:?}");
    }
}

#[test]
fn silence_and_half_an_answer_are_reported_as_timeouts() {
    let _bound = crate::watchdog::bound();
    for said in [&b""[..], b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nVia: x\r\n"] {
        let proxy = http(said);
        for &client in Client::ALL {
            let time = Duration::from_millis(200);
            let error = client.fail(through("http://", proxy).proxy_timeout(time));
            let ConnectError::TimedOut { phase, timeout, whole } = error else {
                panic!("{client:?}, {said:?}: {error:?}");
            };
            assert_eq!((phase, timeout, whole), (Phase::Proxy, time, false));
            assert_eq!(
                error.to_string(),
                "the connection through the proxy took longer than 200 ms"
            );

            // With time enough to reach it.
            let time = Duration::from_millis(600);
            let error = client.fail(through("http://", proxy).timeout(time));
            let ConnectError::TimedOut { phase: Phase::Proxy, timeout, whole: true } = error else {
                panic!("{client:?}, {said:?}: {error:?}");
            };
            assert_eq!(timeout, time);
        }
    }
}

#[test]
fn an_answer_that_is_not_http_is_reported_as_such() {
    let _bound = crate::watchdog::bound();
    let garbage = http(b"\x15\x03\x01\x00\x02\x02\x46");
    let ssh = http(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
    let endless = proxy(|mut client| {
        read_head(&mut client)?;
        client.write_all(b"HTTP/1.1 200 OK\r\nX-Long: ")?;
        (0..10_000).try_for_each(|_| client.write_all(&[b'y'; 1000]))
    });
    for &client in Client::ALL {
        for (proxy, rule) in [
            (garbage, HandshakeError::InvalidStatusLine),
            (ssh, HandshakeError::InvalidStatusLine),
            (endless, HandshakeError::HeadTooLong { limit: 16 * 1024 }),
        ] {
            let error = client.fail(through("http://", proxy));
            let same = matches!(&error, ConnectError::Proxy(ProxyError::Http(of)) if *of == rule);
            assert!(same, "{client:?}: {error:?}");
            assert!(error.to_string().starts_with("the proxy's answer is not valid HTTP: "));
        }
    }
}

#[test]
fn an_end_in_the_middle_is_reported_as_one() {
    let _bound = crate::watchdog::bound();
    for said in [&b""[..], b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nVia: x\r\n"] {
        let proxy = http_and_end(said);
        for &client in Client::ALL {
            let error = client.fail(through("http://", proxy));
            let ended = matches!(error, ConnectError::Proxy(ProxyError::Closed));
            assert!(ended, "{client:?}, {said:?}: {error:?}");
            assert_eq!(error.phase(), Some(Phase::Proxy));
        }
    }
}

#[test]
fn a_proxy_that_is_not_there_is_reported_with_its_address() {
    let _bound = crate::watchdog::bound();
    let (closed, dead) = (closed(), dead());
    for &client in Client::ALL {
        let error = client.fail(through("http://", closed.address));
        assert_eq!(error.phase(), Some(Phase::Tcp));
        let ConnectError::Proxy(ProxyError::Unreachable { failures, .. }) = &error else {
            panic!("{client:?}: {error:?}");
        };
        assert_eq!(failures[0].0, closed.address);
        let text = format!("the proxy 127.0.0.1 could not be reached: {}: ", closed.address);
        assert!(error.to_string().starts_with(&text), "{error}");

        let options = through("http://", dead.address).connect_timeout(Duration::from_millis(300));
        let error = client.fail(options);
        assert!(error.to_string().ends_with("no answer within 300 ms"), "{error}");

        let nowhere = "http://nobody.invalid:3128".parse().expect("it is a proxy");
        let options = through("http://", closed.address).proxy(nowhere);
        let error = client.fail(options.resolve_timeout(Duration::from_secs(1)));
        assert_eq!(error.phase(), Some(Phase::Resolve), "{client:?}: {error:?}");
    }
}

/// Options that would wait for a silent proxy for longer than the tests have patience, and when it
/// is asked.
fn patient() -> (ConnectOptions, Receiver<()>) {
    let (asked, was_asked) = channel();
    let silent = proxy(move |mut client| {
        read_head(&mut client)?;
        let _ = asked.send(());
        keep(client)
    });
    let hour = Duration::from_secs(3600);
    (through("http://", silent).proxy_timeout(hour).timeout(hour), was_asked)
}

#[test]
fn the_facade_closes_while_the_proxy_is_silent() {
    let _bound = crate::watchdog::bound();
    let (options, was_asked) = patient();
    for &client in Client::ALL {
        let socket = client.create(options.clone());
        was_asked.recv_timeout(PATIENCE).expect("the request comes");
        socket.close(CloseOptions::default());
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
    }
}

#[test]
fn another_thread_can_cancel_while_the_proxy_is_silent() {
    let _bound = crate::watchdog::bound();
    let (options, was_asked) = patient();
    for &client in Client::ALL {
        let canceller = Canceller::new();
        let options = options.clone().canceller(&canceller);
        let attempt = thread::spawn(move || client.fail(options));
        was_asked.recv_timeout(PATIENCE).expect("the request comes");
        canceller.cancel();
        let error = attempt.join().expect("it ends");
        assert!(matches!(error, ConnectError::Abandoned), "{client:?}: {error:?}");
    }
}

#[test]
fn the_facade_tells_what_the_proxy_has_against_it() {
    let _bound = crate::watchdog::bound();
    let proxy = http(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    for &client in Client::ALL {
        let socket = client.create(through("http://me:secret@", proxy));
        let (tell, told) = channel();
        socket.on_error(move |error| drop(tell.send(error.data.clone())));
        let error = told.recv_timeout(PATIENCE).expect("it is told");
        assert_eq!(error, "the proxy refused to connect: 403 Forbidden", "{client:?}");
    }
}
