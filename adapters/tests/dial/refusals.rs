//! Servers that do not play along: each gives a typed error, within the time that it has.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bluewire::{
    Config, ConnectError, ConnectOptions, Error, Fault, HandshakeError, Phase, ProtocolError,
    blocking,
};

use crate::client::{Client, scripted, url, with_more_time_each_time};

fn short() -> Config {
    Config::default().handshake_timeout(Duration::from_millis(300))
}

fn flood(stream: &mut TcpStream, part: &[u8]) -> std::io::Result<()> {
    for _ in 0..100_000 {
        stream.write_all(part)?;
    }
    Ok(())
}

#[test]
fn silence_and_half_an_answer_are_reported_as_timeouts() {
    let _bound = crate::watchdog::bound();
    for said in ["", "HTTP/1.1 10", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"] {
        let server = scripted(move |stream| stream.write_all(said.as_bytes()));
        for &client in Client::ALL {
            let error = client.fail(ConnectOptions::new(url(server)).config(short()));
            let ConnectError::TimedOut { phase, timeout, whole } = error else {
                panic!("{client:?}, {said:?}: {error:?}");
            };
            let expected = (Phase::Handshake, Duration::from_millis(300), false);
            assert_eq!((phase, timeout, whole), expected);
            assert_eq!(error.to_string(), "the opening handshake took longer than 300 ms");

            with_more_time_each_time(|all| {
                let error = client.fail(ConnectOptions::new(url(server)).timeout(all));
                // It was over while TCP was under way.
                if let ConnectError::Unreachable { .. } = error {
                    return false;
                }
                let ConnectError::TimedOut { phase, timeout, whole: true } = error else {
                    panic!("{client:?}, {said:?}: {error:?}");
                };
                assert_eq!(timeout, all);
                phase == Phase::Handshake
            });
        }
    }
}

#[test]
fn an_end_in_the_middle_is_reported_as_one() {
    let _bound = crate::watchdog::bound();
    for said in ["", "HTTP/1.1 10", "HTTP/1.1 101 Switching Protocols\r\nUpgrade:"] {
        let server = scripted(move |stream| {
            stream.write_all(said.as_bytes())?;
            stream.shutdown(std::net::Shutdown::Write)
        });
        for &client in Client::ALL {
            let error = client.fail(url(server).into());
            let lost = matches!(error, ConnectError::Handshake(HandshakeError::ConnectionLost));
            assert!(lost, "{client:?}, {said:?}: {error:?}");
        }
    }
}

#[test]
fn an_endless_head_is_refused_at_its_limit() {
    let _bound = crate::watchdog::bound();
    for part in ["X-Endless: y\r\n", "y"] {
        let server = scripted(move |stream| {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ")?;
            flood(stream, part.as_bytes())
        });
        for &client in Client::ALL {
            let error = client.fail(url(server).into());
            assert!(matches!(error, ConnectError::Handshake(_)), "{client:?}: {error:?}");
            assert_eq!(error.phase(), Some(Phase::Handshake));
        }
    }
}

#[test]
fn a_head_that_only_dribbles_has_no_more_time_than_another() {
    let _bound = crate::watchdog::bound();
    for (begin, part) in
        [("", "HTTP/1.1 101 Switching Protocols"), ("HTTP/1.1 101 A\r\nX: ", "dribble ")]
    {
        let server = scripted(move |stream| {
            stream.write_all(begin.as_bytes())?;
            for byte in part.as_bytes().iter().cycle().take(2000) {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        });
        for &client in Client::ALL {
            let error = client.fail(ConnectOptions::new(url(server)).config(short()));
            assert_eq!(error.phase(), Some(Phase::Handshake), "{client:?}: {error:?}");
            assert!(matches!(error, ConnectError::TimedOut { .. }), "{client:?}: {error:?}");
        }
    }
}

#[test]
fn a_flood_that_is_no_frames_behind_a_101_loses_nothing_before_it() {
    let _bound = crate::watchdog::bound();
    for &client in Client::ALL {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client comes");
            let mut raw = stream.try_clone().expect("it is a socket");
            let mut socket = blocking::accept(stream).expect("it is lawful");
            socket.send("before").expect("it is open");
            // A client that has heard enough goes.
            let _ = flood(&mut raw, b"<html>no frames</html>\r\n");
        });
        let (first, fault) = client.receive_two(url(address).into());
        assert_eq!(first.expect("it came before"), "before");
        let Err(Error::Fault(Fault::Protocol(rule))) = &fault else {
            panic!("{client:?}: {fault:?}");
        };
        // '<' is 0x3c.
        assert_eq!(*rule, ProtocolError::ReservedOpcode(0xc), "{client:?}");
        assert!(rule.to_string().contains("RFC 6455, section 5.2"), "{rule}");
        server.join().expect("the server has done its part");
    }
}

#[test]
fn a_101_that_is_not_one_of_ours_names_the_rule() {
    let _bound = crate::watchdog::bound();
    // A flood that looks like a body follows.
    let server = scripted(|stream| {
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
        flood(stream, b"<html></html>\r\n")
    });
    for &client in Client::ALL {
        let error = client.fail(url(server).into());
        let ConnectError::Handshake(rule) = error else { panic!("{client:?}: {error:?}") };
        assert_eq!(rule, HandshakeError::WrongUpgrade);
        assert!(error.to_string().contains("RFC 6455, section 4"), "{error}");
    }
}

#[test]
fn a_refusal_brings_its_status_headers_and_body() {
    let _bound = crate::watchdog::bound();
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let server = scripted(move |stream| {
            let head = "401 Unauthorized\r\nX-Why: token\r\nContent-Length: 5";
            stream.write_all(format!("{version} {head}\r\n\r\nno to").as_bytes())?;
            stream.write_all(b"ken, this is beyond it")
        });
        for &client in Client::ALL {
            let error = client.fail(url(server).into());
            let text = "the server refused the opening handshake: 401 Unauthorized (no to)";
            assert_eq!(error.to_string(), text);
            let ConnectError::Refused(refusal) = error else { panic!("{client:?}: {error:?}") };
            assert_eq!(refusal.head().status(), 401);
            assert_eq!(refusal.head().headers().first("x-why"), Some(&b"token"[..]));
            assert_eq!((refusal.body(), refusal.is_complete()), (&b"no to"[..], true));
        }
    }
}

#[test]
fn a_refusal_whose_body_does_not_end_is_still_reported() {
    let _bound = crate::watchdog::bound();
    let late = scripted(|stream| {
        stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nlater")
    });
    let endless = scripted(|stream| {
        stream.write_all(b"HTTP/1.1 503 Busy\r\n\r\n")?;
        flood(stream, &[b'x'; 1000])
    });
    for &client in Client::ALL {
        for (server, whole) in [(late, false), (late, true), (endless, false)] {
            with_more_time_each_time(|time| {
                let options = ConnectOptions::new(url(server));
                let options = if whole {
                    options.timeout(time)
                } else {
                    options.config(Config::default().handshake_timeout(time))
                };
                let refusal = match client.fail(options) {
                    ConnectError::Refused(refusal) => refusal,
                    // It was over before the head had come.
                    ConnectError::TimedOut { .. } | ConnectError::Unreachable { .. } => {
                        return false;
                    }
                    error => panic!("{client:?}: {error:?}"),
                };
                assert_eq!((refusal.head().status(), refusal.is_complete()), (503, false));
                let limit = Config::default().limits.body_len_max;
                // As much as had come until then.
                assert!(refusal.body().len() <= limit, "{client:?}");
                refusal.body().len() >= 5
            });
        }
    }
}

#[test]
fn no_query_is_in_what_is_said() {
    let _bound = crate::watchdog::bound();
    let server = scripted(|stream| stream.write_all(b"nonsense\r\n\r\n"));
    for &client in Client::ALL {
        let error = client.fail(ConnectOptions::new(format!("ws://{server}/?token=secret")));
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}
