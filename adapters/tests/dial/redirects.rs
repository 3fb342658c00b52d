//! Servers that send a client elsewhere.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use bluewire::facade::{CloseOptions, ReadyState};
#[cfg(feature = "tokio")]
use bluewire::tokio;
use bluewire::{
    Canceller, Config, ConnectError, ConnectOptions, Phase, Reconnect, RedirectError,
    RedirectReason, UrlError, blocking, smol,
};

use crate::client::{Client, read_head, url};
use crate::common::log::{Log, Told};
use crate::common::peer::Peer;
#[cfg(feature = "tokio")]
use crate::common::side::RUNTIME;
use crate::common::side::listener;
use crate::common::{PATIENCE, until};

/// A server on a thread, and the heads of the requests that it gets.
struct Site {
    address: SocketAddr,
    heads: Receiver<String>,
}

/// A server that refuses the request for a target by what this says: status and lines of headers.
/// To a target of which it says nothing there is a connection, which it keeps as long as the client
/// does.
fn site(refuse: impl Fn(&str) -> Option<String> + Send + 'static) -> Site {
    let listener = listener();
    let address = listener.local_addr().expect("it is bound");
    let (tell, heads) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = read_head(&mut stream);
            if head.is_empty() {
                // The client's time was over before it asked.
                continue;
            }
            let answer = refuse(target(&head));
            let _ = tell.send(head.clone());
            match answer {
                Some(answer) => {
                    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes());
                    wait_for_end(&mut stream);
                }
                None => wait_for_end(&mut Peer::agree(stream, head).stream),
            }
        }
    });
    Site { address, heads }
}

fn wait_for_end(stream: &mut TcpStream) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = std::io::copy(stream, &mut std::io::sink());
}

fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// The value of a header in a request.
fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(it, _)| *it == name).map(|it| it.1)
}

impl Site {
    fn next(&self) -> String {
        self.heads.recv_timeout(PATIENCE).expect("it is asked")
    }

    fn is_left_alone(&self) -> bool {
        self.heads.try_recv().is_err()
    }

    fn at(&self, rest: &str) -> ConnectOptions {
        ConnectOptions::new(format!("ws://{}{rest}", self.address))
    }
}

/// A site whose `/` leads there.
fn leading_to(location: impl Into<String>) -> Site {
    let location = location.into();
    site(move |target| (target == "/").then(|| format!("302 Found\r\nLocation: {location}")))
}

#[track_caller]
fn not_followed(client: Client, options: ConnectOptions) -> RedirectError {
    let error = client.fail(options);
    assert_eq!(error.phase(), Some(Phase::Handshake));
    match error {
        ConnectError::Redirect(error) => error,
        error => panic!("{client:?}: {error:?}"),
    }
}

#[test]
fn no_redirect_is_followed_without_the_option() {
    let _bound = crate::watchdog::bound();
    let site = leading_to("/b");
    for &client in Client::ALL {
        for options in [site.at("/"), site.at("/").redirects(5).redirects(0)] {
            let error = client.fail(options);
            let ConnectError::Refused(refusal) = error else { panic!("{client:?}: {error:?}") };
            assert_eq!(refusal.head().status(), 302);
            assert_eq!(refusal.head().headers().first("Location"), Some(&b"/b"[..]));
            assert_eq!(target(&site.next()), "/");
        }
    }
    assert!(site.is_left_alone());
}

#[test]
fn each_status_leads_on_by_each_kind_of_location() {
    let _bound = crate::watchdog::bound();
    let there = site(|_| None);
    for status in [301, 302, 303, 307, 308] {
        for (location, resource) in [
            ("b?c".to_owned(), "/x/b?c"),
            ("/b".to_owned(), "/b"),
            ("../b".to_owned(), "/b"),
            ("?b".to_owned(), "/x/a?b"),
            (format!("//{}/b", there.address), "/b"),
            (format!("http://{}", there.address), "/"),
            (format!("ws://{}/./b?c", there.address), "/b?c"),
        ] {
            let leaves = location.contains("//");
            let here = site(move |target| {
                (target == "/x/a").then(|| format!("{status} Away\r\nLocation: {location}"))
            });
            for &client in Client::ALL {
                let options = here.at("/x/a").redirects(1).protocol("v2").protocol("v1");
                client.connect(options).unwrap_or_else(|error| panic!("{client:?}: {error}"));
                let first = here.next();
                let second = if leaves { there.next() } else { here.next() };
                assert_eq!((target(&first), target(&second)), ("/x/a", resource));
                let host = if leaves { there.address } else { here.address };
                assert_eq!(value(&second, "Host"), Some(&*host.to_string()));
                assert_eq!(value(&second, "Sec-WebSocket-Protocol"), Some("v2, v1"));
                let key = |head| value(head, "Sec-WebSocket-Key").map(str::to_owned);
                assert!(key(&first).is_some() && key(&first) != key(&second), "{client:?}");
            }
        }
    }
}

#[cfg(feature = "deflate")]
#[test]
fn compression_is_offered_again() {
    let _bound = crate::watchdog::bound();
    let site = leading_to("/b");
    for &client in Client::ALL {
        let options = site.at("/").redirects(1).deflate(bluewire::Deflate::default());
        client.connect(options).expect("it is followed");
        let offers = [site.next(), site.next()]
            .map(|head| value(&head, "Sec-WebSocket-Extensions").map(str::to_owned));
        assert!(offers[0].is_some() && offers[0] == offers[1], "{client:?}: {offers:?}");
    }
}

#[test]
fn other_statuses_refuse_as_they_do() {
    let _bound = crate::watchdog::bound();
    for status in [300, 304, 305, 306, 401, 503] {
        let site = site(move |_| Some(format!("{status} No\r\nLocation: /b")));
        for &client in Client::ALL {
            let error = client.fail(site.at("/").redirects(5));
            let ConnectError::Refused(refusal) = error else { panic!("{client:?}: {error:?}") };
            assert_eq!(refusal.head().status(), status);
        }
    }
}

/// The parts of a request that the caller gave.
fn given(head: &str) -> Vec<&str> {
    let handshake = ["GET ", "Host: ", "Upgrade: ", "Connection: ", "Sec-WebSocket-"];
    let is_given = |line: &&str| !handshake.iter().any(|start| line.starts_with(start));
    head.lines().filter(is_given).filter(|line| !line.is_empty()).collect()
}

#[test]
fn another_origin_gets_no_credentials_and_the_first_one_no_more_of_them() {
    let _bound = crate::watchdog::bound();
    let all = [
        "authorization: Bearer 0123",
        "Cookie: a=b",
        "X-Token: secret",
        "user-agent: me",
        "Origin: http://here",
        "Accept-Language: de",
    ];
    for &client in Client::ALL {
        // From /1 to /2 here, to /3 there, to /4 there, and back.
        let (tell, told) = channel::<SocketAddr>();
        let there = site(move |target| {
            let location = match target {
                "/3" => "/4".to_owned(),
                _ => format!("http://{}/5", told.recv_timeout(PATIENCE).ok()?),
            };
            Some(format!("307 Away\r\nLocation: {location}"))
        });
        let there_address = there.address;
        let here = site(move |target| {
            let location = match target {
                "/1" => "/2".to_owned(),
                "/2" => format!("//{there_address}/3"),
                _ => return None,
            };
            Some(format!("307 Away\r\nLocation: {location}"))
        });
        tell.send(here.address).expect("it waits for that");
        let mut options = here.at("/1").redirects(4);
        for line in all {
            let (name, value) = line.split_once(": ").expect("it is a header");
            options = options.header(name, value);
        }
        client.connect(options).unwrap_or_else(|error| panic!("{client:?}: {error}"));
        let harmless = &all[3..];
        for (site, resource, lines) in [
            (&here, "/1", &all[..]),
            (&here, "/2", &all),
            (&there, "/3", harmless),
            (&there, "/4", harmless),
            (&here, "/5", harmless),
        ] {
            let head = site.next();
            assert_eq!((target(&head), &given(&head)[..]), (resource, lines));
        }
    }
}

#[test]
fn user_and_password_of_the_url_stay_at_its_origin() {
    let _bound = crate::watchdog::bound();
    let basic = ["Authorization: Basic bWU6c2VjcmV0"];
    let there = site(|_| None);
    for &client in Client::ALL {
        let there_address = there.address;
        let here = site(move |target| {
            let location = match target {
                "/1" => "/2".to_owned(),
                _ => format!("ws://{there_address}/3"),
            };
            Some(format!("302 Away\r\nLocation: {location}"))
        });
        let options = ConnectOptions::new(format!("ws://me:secret@{}/1", here.address));
        client.connect(options.redirects(2)).expect("it is followed");
        assert_eq!(given(&here.next()), basic);
        assert_eq!(given(&here.next()), basic);
        assert_eq!(given(&there.next()), [""; 0]);
    }
}

#[test]
fn addresses_are_those_of_the_first_origin() {
    let _bound = crate::watchdog::bound();
    let there = site(|_| None);
    for &client in Client::ALL {
        let there_address = there.address;
        let here = site(move |target| {
            let location = match target {
                "/1" => "/2".to_owned(),
                _ => format!("http://{there_address}/3"),
            };
            Some(format!("302 Away\r\nLocation: {location}"))
        });
        // A name that no host has.
        let options = ConnectOptions::new("ws://server.invalid/1").addresses([here.address]);
        client.connect(options.redirects(2)).expect("it is followed");
        assert_eq!(value(&here.next(), "Host"), Some("server.invalid"));
        assert_eq!(target(&here.next()), "/2");
        assert_eq!(target(&there.next()), "/3");
    }
}

#[test]
fn a_location_that_leads_nowhere_is_reported() {
    let _bound = crate::watchdog::bound();
    use RedirectReason::{Location, Loop, NoLocation, UnixSocket, UserInfo};
    for (lines, reason) in [
        ("X-No: secret", NoLocation),
        ("Location: /secret\r\nLocation: /secret", NoLocation),
        ("Location: /\u{e9}\u{2028}secret#", Location(UrlError::Fragment)),
        ("Location: https://[secret", Location(UrlError::Host)),
        ("Location: /?secret#secret", Location(UrlError::Fragment)),
        ("Location: /secret\\secret", Location(UrlError::Resource)),
        ("Location: mailto:secret", Location(UrlError::Scheme)),
        ("Location: http://secret@127.0.0.1/", UserInfo),
        ("Location: ws+unix:///secret", UnixSocket),
        ("Location: ", Loop),
        ("Location: /", Loop),
    ] {
        let site = site(move |_| Some(format!("302 Found\r\n{lines}")));
        for &client in Client::ALL {
            let error = not_followed(client, site.at("/").redirects(5));
            assert_eq!(error.reason(), reason, "{client:?}, {lines}");
            assert_eq!(error.refusal().head().status(), 302);
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_no_location() {
    let _bound = crate::watchdog::bound();
    let server = crate::client::scripted(|stream| {
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\xff\r\nContent-Length: 0\r\n\r\n")
    });
    for &client in Client::ALL {
        let error = not_followed(client, ConnectOptions::new(url(server)).redirects(1));
        assert_eq!(error.reason(), RedirectReason::NoLocation, "{client:?}");
    }
}

/// From each number to the next.
fn counting() -> Site {
    site(|target| {
        let number: u32 = target.trim_start_matches('/').parse().ok()?;
        thread::sleep(Duration::from_millis(5));
        Some(format!("302 Found\r\nLocation: {}", number + 1))
    })
}

#[test]
fn there_are_as_many_as_are_allowed() {
    let _bound = crate::watchdog::bound();
    let site = counting();
    for &client in Client::ALL {
        let error = not_followed(client, site.at("/0").redirects(2));
        assert_eq!(error.reason(), RedirectReason::TooMany(2));
        let text = "the server's redirect (302) was not followed: ConnectOptions::redirects \
                    allows no more than 2";
        assert_eq!(error.to_string(), text);
        for resource in ["/0", "/1", "/2"] {
            assert_eq!(target(&site.next()), resource);
        }
        assert!(site.is_left_alone(), "{client:?}");
    }
}

#[test]
fn a_circle_is_left_when_it_closes() {
    let _bound = crate::watchdog::bound();
    let site = site(|target| {
        let location = if target == "/c" { "/b" } else { "/c" };
        Some(format!("302 Found\r\nLocation: {location}"))
    });
    for &client in Client::ALL {
        let error = not_followed(client, site.at("/b").redirects(u32::MAX));
        assert_eq!(error.reason(), RedirectReason::Loop);
        assert_eq!((target(&site.next()), target(&site.next())), ("/b", "/c"));
        assert!(site.is_left_alone(), "{client:?}");
    }
}

#[test]
fn all_requests_have_the_time_of_one() {
    let _bound = crate::watchdog::bound();
    let (site, all) = (counting(), Duration::from_millis(500));
    for &client in Client::ALL {
        match client.fail(site.at("/0").redirects(u32::MAX).timeout(all)) {
            ConnectError::TimedOut { timeout, whole, .. } => {
                assert_eq!((timeout, whole), (all, true), "{client:?}");
            }
            // It was over while TCP was under way.
            ConnectError::Unreachable { .. } => {}
            error => panic!("{client:?}: {error:?}"),
        }
    }
}

/// A site that redirects to a server without an answer, which records its requests.
fn leading_to_silence() -> (Site, Receiver<()>) {
    let (asked, was_asked) = channel();
    let silent = crate::client::scripted(move |_| {
        let _ = asked.send(());
        Ok(())
    });
    (leading_to(format!("http://{silent}/")), was_asked)
}

/// Options that would wait for longer than the tests have patience.
fn patient(site: &Site) -> ConnectOptions {
    let hour = Duration::from_secs(3600);
    let config = Config::default().handshake_timeout(hour);
    site.at("/").redirects(5).config(config).timeout(hour)
}

#[test]
fn an_attempt_after_a_redirect_can_be_cancelled() {
    let _bound = crate::watchdog::bound();
    let (site, was_asked) = leading_to_silence();
    for &client in Client::ALL {
        let canceller = Canceller::new();
        let options = patient(&site).canceller(&canceller);
        let attempt = thread::spawn(move || client.fail(options));
        was_asked.recv_timeout(PATIENCE).expect("the request comes");
        canceller.cancel();
        let error = attempt.join().expect("it ends");
        assert!(matches!(error, ConnectError::Abandoned), "{client:?}: {error:?}");
    }
}

#[test]
fn the_facade_follows_too_and_closes_on_the_way() {
    let _bound = crate::watchdog::bound();
    let (to_silence, was_asked) = leading_to_silence();
    for &client in Client::ALL {
        let there = site(|_| None);
        let here = leading_to(format!("http://{}/b", there.address));
        let socket = client.create(here.at("/").redirects(1).header("Cookie", "a=b"));
        until("it is open", || socket.ready_state() == ReadyState::Open);
        assert_eq!(given(&here.next()), ["Cookie: a=b"]);
        assert_eq!(given(&there.next()), [""; 0]);
        drop(socket);

        let socket = client.create(patient(&to_silence));
        let log = Log::of(&socket);
        was_asked.recv_timeout(PATIENCE).expect("the request comes");
        socket.close(CloseOptions::default());
        until("it is closed", || socket.ready_state() == ReadyState::Closed);
        log.wait(&Told::Error(ConnectError::Abandoned.to_string()));
    }
}

#[test]
fn each_reconnect_begins_at_the_url_that_was_given() {
    let _bound = crate::watchdog::bound();
    fn reconnecting(site: &Site) -> ConnectOptions {
        let soon = Reconnect::default().first_delay(Duration::from_millis(1));
        site.at("/").redirects(1).header("Cookie", "a=b").reconnect(soon)
    }
    for &client in Client::ALL {
        // It ends each connection without a word.
        let there = crate::client::scripted(|stream| {
            stream.write_all(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")
        });
        let here = leading_to(format!("http://{there}/b"));
        let canceller = Canceller::new();
        let options = reconnecting(&here).canceller(&canceller);
        let attempts = thread::spawn(move || match client {
            Client::Blocking => {
                let mut attempts = blocking::Reconnecting::new(options).expect("it is valid");
                attempts.next_connection().map(drop)
            }
            Client::Smol => ::smol::block_on(async {
                let mut attempts = smol::Reconnecting::new(options).expect("it is valid");
                attempts.next_connection().await.map(drop)
            }),
            #[cfg(feature = "tokio")]
            Client::Tokio => RUNTIME.block_on(async {
                let mut attempts = tokio::Reconnecting::new(options).expect("it is valid");
                attempts.next_connection().await.map(drop)
            }),
        });
        for _ in 0..3 {
            let head = here.next();
            assert_eq!((target(&head), value(&head, "Cookie")), ("/", Some("a=b")));
        }
        canceller.cancel();
        let error = attempts.join().expect("it ends").expect_err("there is no connection");
        assert!(matches!(error, ConnectError::Abandoned), "{client:?}: {error:?}");
    }
}
