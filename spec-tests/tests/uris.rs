//! Section 3: what a client takes for a WebSocket URI, and what it makes of it.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use bluewire::Url;
use bluewire::blocking;
use bluewire_spec_tests::covers;

fn parse(uri: &str) -> Result<(bool, String, u16, String), bluewire::UrlError> {
    let url: Url = uri.parse()?;
    Ok((url.is_secure(), url.host().into(), url.port(), url.resource_name().into()))
}

#[track_caller]
fn assert_parts(uri: &str, secure: bool, host: &str, port: u16, resource_name: &str) {
    let expected = (secure, host.into(), port, resource_name.into());
    assert_eq!(parse(uri), Ok(expected), "{uri}");
}

#[test]
fn a_uri_is_a_scheme_a_host_perhaps_a_port_and_a_resource() {
    let _watch = watchdog::bound();
    covers!("6455-3-1", "6455-3-3");
    assert_parts("ws://h", false, "h", 80, "/");
    assert_parts("wss://h", true, "h", 443, "/");
    assert_parts("WS://h:8080/chat", false, "h", 8080, "/chat");
    assert_parts("ws://h?x=1", false, "h", 80, "/?x=1");
    assert_parts("ws://h/chat?x=1&y=/", false, "h", 80, "/chat?x=1&y=/");
    assert_parts("wss://h:80/%23", true, "h", 80, "/%23");
    // Beyond the RFC: browsers take these for the two schemes, and so do people.
    assert_parts("http://h", false, "h", 80, "/");
    assert_parts("https://h", true, "h", 443, "/");
}

#[test]
fn anything_else_is_refused_before_connecting() {
    let _watch = watchdog::bound();
    covers!("6455-3-1");
    for uri in [
        "",
        "h",
        "//h",
        "ftp://h",
        "wsx://h",
        "ws:h",
        "ws://",
        "ws:///chat",
        "ws://h:x",
        "ws://h:+1",
        "ws://h:99999",
        "ws://a b",
        "ws://[::1",
        "ws://h/\r\nX: y",
    ] {
        assert!(parse(uri).is_err(), "{uri}");
        assert!(blocking::connect(uri).is_err(), "{uri}");
    }
}

#[test]
fn a_fragment_is_refused() {
    let _watch = watchdog::bound();
    covers!("6455-3-2");
    for uri in ["ws://h/a#b", "ws://h#", "ws://h?#", "ws://#h"] {
        assert!(parse(uri).is_err(), "{uri}");
    }
}

#[test]
fn an_ipv6_literal_keeps_its_brackets_and_other_letters_are_not_guessed() {
    let _watch = watchdog::bound();
    covers!("6455-3-4");
    assert_parts("ws://[::1]:9/", false, "[::1]", 9, "/");
    assert_parts("ws://[::1]/", false, "[::1]", 80, "/");
    assert_parts("ws://xn--tda.example/", false, "xn--tda.example", 80, "/");
    assert!(parse("ws://\u{fc}/").is_err());
}
