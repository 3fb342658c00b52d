//! Proxies by SOCKS 5.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bluewire::{ConnectError, Phase, ProxyError, SocksReply};

use crate::client::{Client, scripted};
use crate::fake::{keep, proxy, socks, through};

/// The target in these tests: the URL's host, by name, and its port.
const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0eserver.invalid\x00\x50";
const REQUEST_LEN: usize = REQUEST.len();
/// Version, one or two methods.
const HELLO_LEN: usize = 3;
const HELLO_WITH_CREDENTIALS_LEN: usize = 4;
/// "me" and "secret".
const CREDENTIALS_LEN: usize = 1 + 1 + 2 + 1 + 6;

fn fail(client: Client, scheme: &str, proxy: SocketAddr) -> ProxyError {
    let error = client.fail(through(scheme, proxy));
    assert_eq!(error.phase(), Some(Phase::Proxy));
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    match error {
        ConnectError::Proxy(error) => error,
        error => panic!("{client:?}: {error:?}"),
    }
}

#[test]
fn the_name_is_left_to_the_proxy_and_nothing_that_follows_is_lost() {
    let _bound = crate::watchdog::bound();
    let proxy = proxy(|mut client| {
        let mut hello = [0; HELLO_WITH_CREDENTIALS_LEN];
        client.read_exact(&mut hello)?;
        client.write_all(&[5, 2])?;
        let mut credentials = [0; CREDENTIALS_LEN];
        client.read_exact(&mut credentials)?;
        client.write_all(&[1, 0])?;
        let mut request = [0; REQUEST_LEN];
        client.read_exact(&mut request)?;
        let right = hello == *b"\x05\x02\x00\x02"
            && credentials == *b"\x01\x02me\x06secret"
            && request == *REQUEST;
        let status = if right { "401 Right" } else { "500 Wrong" };
        // At once, so that one read could take both.
        let reply = b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        client.write_all(&[reply, answer.as_bytes()].concat())?;
        keep(client)
    });
    for &client in Client::ALL {
        match client.fail(through("socks5h://me:secret@", proxy)) {
            ConnectError::Refused(refusal) => {
                assert_eq!(refusal.head().reason(), "Right", "{client:?}");
            }
            error => panic!("{client:?}: {error:?}"),
        }
    }
}

#[test]
fn by_socks5_the_name_is_looked_up_here() {
    let _bound = crate::watchdog::bound();
    let never = scripted(|_| Ok(()));
    for &client in Client::ALL {
        let options = through("socks5://", never).resolve_timeout(Duration::from_secs(1));
        let error = client.fail(options);
        assert_eq!(error.phase(), Some(Phase::Resolve), "{client:?}: {error:?}");
        let of_server = match &error {
            ConnectError::Resolve { host, .. } => host == "server.invalid",
            error => matches!(error, ConnectError::TimedOut { .. }),
        };
        assert!(of_server, "{client:?}: {error:?}");
    }
    // A client need not read an answer that it can predict.
    let proxy = proxy(|mut client| {
        client.read_exact(&mut [0; HELLO_LEN])?;
        client.write_all(&[5, 0])?;
        let mut request = [0; 10];
        client.read_exact(&mut request)?;
        let code = if request == *b"\x05\x01\x00\x01\x7f\0\0\x09\0\x50" { 5 } else { 1 };
        client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
        keep(client)
    });
    for &client in Client::ALL {
        let server = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 9), 80));
        let error = client.fail(through("socks5://", proxy).addresses([server]));
        let reply = SocksReply::ConnectionRefused;
        let same = matches!(&error, ConnectError::Proxy(ProxyError::Socks(of)) if *of == reply);
        assert!(same, "{client:?}: {error:?}");
    }
}

#[test]
fn each_reply_has_its_words() {
    let _bound = crate::watchdog::bound();
    for (code, reply, text) in [
        (1, SocksReply::GeneralFailure, "a general failure"),
        (2, SocksReply::NotAllowed, "its rules do not allow it"),
        (3, SocksReply::NetworkUnreachable, "the server's network is unreachable"),
        (4, SocksReply::HostUnreachable, "the server is unreachable, or its name is unknown"),
        (5, SocksReply::ConnectionRefused, "the server refused the connection"),
        (6, SocksReply::TtlExpired, "the TTL expired on the way to the server"),
        (7, SocksReply::CommandNotSupported, "it does not support CONNECT"),
        (8, SocksReply::AddressTypeNotSupported, "it does not support this type of address"),
        (9, SocksReply::Other(9), "SOCKS reply 9, which is not assigned"),
        (255, SocksReply::Other(255), "SOCKS reply 255, which is not assigned"),
    ] {
        let proxy = proxy(move |mut client| {
            client.read_exact(&mut [0; HELLO_LEN])?;
            client.write_all(&[5, 0])?;
            client.read_exact(&mut [0; REQUEST_LEN])?;
            client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])
        });
        for &client in Client::ALL {
            let error = fail(client, "socks5h://", proxy);
            assert_eq!(error.to_string(), format!("the proxy could not connect: {text}"));
            assert!(matches!(error, ProxyError::Socks(of) if of == reply), "{client:?}");
        }
    }
}

#[test]
fn a_refused_client_learns_why() {
    let _bound = crate::watchdog::bound();
    let none = socks(&[(HELLO_LEN, b"\x05\xff")], true);
    let wants = socks(&[(HELLO_LEN, b"\x05\x02")], false);
    let refuses: &[(usize, &[u8])] =
        &[(HELLO_WITH_CREDENTIALS_LEN, b"\x05\x02"), (CREDENTIALS_LEN, b"\x01\x01")];
    let refuses = socks(refuses, true);
    for &client in Client::ALL {
        for proxy in [none, wants] {
            let error = fail(client, "socks5h://", proxy);
            assert!(matches!(error, ProxyError::NoAcceptableMethod), "{client:?}: {error:?}");
        }
        let error = fail(client, "socks5h://me:secret@", refuses);
        assert!(matches!(error, ProxyError::AuthenticationRefused), "{client:?}: {error:?}");
    }
}

#[test]
fn an_answer_that_is_not_socks_is_reported_as_such() {
    let _bound = crate::watchdog::bound();
    for said in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x04\x5b", b"\0"] {
        let proxy = proxy(move |mut client| {
            client.read_exact(&mut [0; HELLO_LEN])?;
            client.write_all(said)?;
            keep(client)
        });
        for &client in Client::ALL {
            let error = fail(client, "socks5h://", proxy);
            assert!(matches!(error, ProxyError::NotSocks5), "{client:?}: {error:?}");
        }
    }
}

#[test]
fn an_end_or_silence_in_the_middle_is_reported_as_such() {
    let _bound = crate::watchdog::bound();
    let scripts: [&[(usize, &[u8])]; 5] = [
        &[(0, b"")],
        &[(HELLO_LEN, b"")],
        &[(HELLO_LEN, b"\x05")],
        &[(HELLO_LEN, b"\x05\0"), (REQUEST_LEN, b"")],
        &[(HELLO_LEN, b"\x05\0"), (REQUEST_LEN, b"\x05\0\0\x01\x7f\0\0\x01\0")],
    ];
    for script in scripts {
        let (ends, silent) = (socks(script, true), socks(script, false));
        for &client in Client::ALL {
            let error = fail(client, "socks5h://", ends);
            assert!(matches!(error, ProxyError::Closed), "{client:?}, {script:?}: {error:?}");

            let time = Duration::from_millis(300);
            let error = client.fail(through("socks5h://", silent).proxy_timeout(time));
            let ConnectError::TimedOut { phase: Phase::Proxy, timeout, whole: false } = error
            else {
                panic!("{client:?}, {script:?}: {error:?}");
            };
            assert_eq!(timeout, time);
        }
    }
}
