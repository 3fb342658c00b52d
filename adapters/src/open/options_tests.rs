//! Options mean the same in whatever order they are given.

use std::time::Duration;

use bluewire_core::{Config, Outbox};

use super::error::{AcceptError, ConnectError};
use super::options::{AcceptOptions, ConnectOptions, OriginPolicy, Reach};
use super::request::{Accepting, Heard, Opening, Progress, Request};
use super::url::Url;

#[cfg(feature = "deflate")]
#[test]
fn compression_does_not_depend_on_the_order_of_calls() {
    let deflate = crate::Deflate::default;
    let connect = || ConnectOptions::new("ws://h");
    for options in [
        connect().deflate(deflate()).config(Config::default()),
        connect().config(Config::default()).deflate(deflate()),
    ] {
        assert_eq!(options.config.deflate, Some(deflate()));
    }
    for options in [
        AcceptOptions::default().deflate(deflate()).config(Config::default()),
        AcceptOptions::default().config(Config::default()).deflate(deflate()),
    ] {
        assert_eq!(options.config.deflate, Some(deflate()));
    }
}

#[test]
fn a_proxy_that_is_given_does_not_depend_on_the_order_of_calls() {
    let proxy = || "http://given:1".parse().expect("a proxy");
    for options in [
        ConnectOptions::new("ws://h").proxy(proxy()).proxy_from_environment(),
        ConnectOptions::new("ws://h").proxy_from_environment().proxy(proxy()),
    ] {
        let chosen = options.proxies.choose(false, "h", 80).expect("a valid proxy");
        assert_eq!(chosen, Some(proxy()));
    }
}

#[test]
fn a_parsed_url_is_as_good_as_its_text() {
    let text = "wss://me:secret@h:81/a?b=secret";
    let url: Url = text.parse().expect("a valid URL");
    for options in [ConnectOptions::from(&url), ConnectOptions::from(url.clone()), text.into()] {
        assert_eq!(options.url().expect("a valid URL"), url);
        assert!(!format!("{options:?}").contains("secret"));
        assert!(options.with_secrets().contains(text));
    }
}

#[test]
fn secrets_of_options_are_shown_on_demand_only() {
    let options = AcceptOptions::default().header("Set-Cookie", "secret");
    assert!(!format!("{options:?}").contains("secret"), "{options:?}");
    assert!(format!("{options:?}").contains("Set-Cookie"), "{options:?}");
    assert!(options.with_secrets().contains("secret"));
    let options = ConnectOptions::new("ws://h/").header("Authorization", "secret");
    assert!(options.with_secrets().contains("secret"));
}

/// Whether a request with this `Host` and this `Origin` is accepted.
fn judge(options: &AcceptOptions, host: &str, origin: &str) -> Result<(), AcceptError> {
    let mut accepting = Accepting::start(options, crate::clock::Clock::start());
    let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{upgrade}{key}{origin}\r\n");
    accepting.inbox.extend(head.as_bytes());
    match accepting.hear(options) {
        Ok(Heard::Upgrade(_)) => Ok(()),
        Err((error, answer)) => {
            assert!(answer.unsent().starts_with(b"HTTP/1.1 4"));
            Err(error)
        }
        Ok(_) => panic!("it is a whole request for a WebSocket"),
    }
}

fn reached(options: AcceptOptions, tls: bool, loopback: bool) -> AcceptOptions {
    let mut options = options;
    options.reach = Reach { tls, loopback };
    options
}

#[test]
fn over_tls_the_same_origin_is_one_of_https() {
    let refused = |options: &AcceptOptions, origin| {
        matches!(judge(options, "h.example", origin), Err(AcceptError::OriginRefused(_)))
    };
    let plain = AcceptOptions::default();
    assert!(!refused(&plain, "http://h.example") && !refused(&plain, ""));
    for options in [reached(plain.clone(), true, false), plain.over_tls()] {
        assert!(refused(&options, "http://h.example"));
        assert!(refused(&options, "http://h.example:443"));
        assert!(!refused(&options, "https://h.example") && !refused(&options, ""));
        let listed = OriginPolicy::Listed(vec!["http://h.example".to_owned()]);
        assert!(!refused(&options.origins(listed), "http://h.example"));
    }
}

#[test]
fn a_page_cannot_reach_a_loopback_listener_by_a_name_of_its_own() {
    let refused = |options: &AcceptOptions, host: &str, origin: &str| {
        matches!(judge(options, host, origin), Err(AcceptError::HostRefused(_)))
    };
    let local = reached(AcceptOptions::default(), false, true);
    assert!(refused(&local, "attacker.example:8080", "http://attacker.example:8080"));
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "app.localhost"] {
        assert!(!refused(&local, host, &format!("http://{host}")), "{host}");
    }
    // Programs other than browsers cannot be misled in this way.
    assert!(!refused(&local, "attacker.example", ""));
    // Elsewhere the names are not known.
    assert!(!refused(&AcceptOptions::default(), "h.example", "http://h.example"));
    for options in [local, AcceptOptions::default()] {
        let options = options.hosts(["h.example"]).hosts(["g.example:81"]);
        assert!(!refused(&options, "h.example:8080", "http://h.example:8080"));
        assert!(!refused(&options, "g.example:81", ""));
        for host in ["attacker.example", "g.example", "localhost"] {
            assert!(refused(&options, host, &format!("http://{host}")), "{host}");
            assert!(refused(&options, host, ""), "{host}");
        }
    }
}

fn opening(options: ConnectOptions) -> Opening {
    Opening::start(&Request::check(options).expect("valid options"), crate::clock::Clock::start())
}

#[test]
fn an_opening_handshake_over_a_given_stream_keeps_to_the_whole_time() {
    let options = ConnectOptions::new("ws://h").timeout(Duration::ZERO);
    let opening = opening(options);
    assert_eq!(opening.time_left(), Some(Duration::ZERO));
    match opening.advance() {
        Err(ConnectError::TimedOut { timeout: Duration::ZERO, whole: true, .. }) => {}
        other => panic!("{:?}", other.err()),
    }
}

fn config(handshake_timeout: Duration) -> Config {
    let config = &mut Config::default();
    config.handshake_timeout = handshake_timeout;
    config.clone()
}

#[test]
fn no_time_and_all_time_are_times() {
    let never = config(Duration::MAX);
    let options = |time, config: Config| {
        ConnectOptions::new("ws://h")
            .config(config)
            .resolve_timeout(time)
            .connect_timeout(time)
            .proxy_timeout(time)
            .timeout(time)
    };
    let endless = opening(options(Duration::MAX, never.clone()));
    assert_eq!(endless.time_left(), None);
    assert!(matches!(endless.advance(), Ok(Progress::More(_))));
    let accept = AcceptOptions::default().config(never);
    let accepting = Accepting::start(&accept, crate::clock::Clock::start());
    assert_eq!(accepting.time_left(), None);
    let (heard, _): (_, Option<Outbox>) = match accepting.hear(&accept) {
        Ok(heard) => (heard, None),
        Err((error, _)) => panic!("{error}"),
    };
    assert!(matches!(heard, Heard::More(_)));

    let accept = AcceptOptions::default().config(config(Duration::ZERO));
    assert!(Accepting::start(&accept, crate::clock::Clock::start()).hear(&accept).is_err());
}

#[cfg(feature = "_tls")]
#[test]
fn contradictory_trust_is_refused_before_anything_is_tried() {
    use crate::tls::{Tls, TlsError};

    let pin = "ab".repeat(32);
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(["h".to_owned()]).expect("a name");
    let root = params.self_signed(&key).expect("a certificate").pem();
    let pinned = |tls: Tls| tls.pin_sha256(&pin).expect("a fingerprint");
    let rooted = |tls: Tls| tls.root_pem(&root).expect("a root");
    let any = Tls::dangerously_accept_any_certificate;
    let ready =
        || crate::tls::rustls_0_23::client(Tls::default().config().expect("a configuration"));
    let check = |tls: Tls| Request::to_connect(ConnectOptions::new("wss://h").tls(tls));
    for tls in [
        any(pinned(Tls::default())),
        pinned(any(Tls::default())),
        any(rooted(Tls::default())),
        rooted(any(Tls::default())),
        any(Tls::default().no_default_roots()),
        pinned(rooted(Tls::default())),
        rooted(pinned(Tls::default())),
        rooted(ready()),
        any(ready()),
    ] {
        let error = check(tls.clone()).expect_err("it contradicts itself");
        assert!(matches!(error, ConnectError::Tls(TlsError::Settings(_))), "{error}");
        assert!(tls.config().is_err());
    }
    let tls = [
        Tls::default(),
        any(Tls::default()),
        pinned(pinned(Tls::default())),
        rooted(Tls::default().no_default_roots()),
        pinned(Tls::default().no_default_roots()),
        ready(),
    ];
    for tls in tls {
        assert!(check(tls).is_ok());
    }
}
