use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// RFC 3986, section 5.4: "a representation with a well defined base URI".
const BASE: &str = "ws://a/b/c/d;p?q";

#[test]
fn the_examples_of_rfc_3986() {
    for (reference, resolved) in [
        // 5.4.1, without those that have a fragment.
        ("g", "ws://a/b/c/g"),
        ("./g", "ws://a/b/c/g"),
        ("g/", "ws://a/b/c/g/"),
        ("/g", "ws://a/g"),
        ("//g", "ws://g"),
        ("?y", "ws://a/b/c/d;p?y"),
        ("g?y", "ws://a/b/c/g?y"),
        (";x", "ws://a/b/c/;x"),
        ("g;x", "ws://a/b/c/g;x"),
        ("", "ws://a/b/c/d;p?q"),
        (".", "ws://a/b/c/"),
        ("./", "ws://a/b/c/"),
        ("..", "ws://a/b/"),
        ("../", "ws://a/b/"),
        ("../g", "ws://a/b/g"),
        ("../..", "ws://a/"),
        ("../../", "ws://a/"),
        ("../../g", "ws://a/g"),
        // 5.4.2.
        ("../../../g", "ws://a/g"),
        ("../../../../g", "ws://a/g"),
        ("/./g", "ws://a/g"),
        ("/../g", "ws://a/g"),
        ("g.", "ws://a/b/c/g."),
        (".g", "ws://a/b/c/.g"),
        ("g..", "ws://a/b/c/g.."),
        ("..g", "ws://a/b/c/..g"),
        ("./../g", "ws://a/b/g"),
        ("./g/.", "ws://a/b/c/g/"),
        ("g/./h", "ws://a/b/c/g/h"),
        ("g/../h", "ws://a/b/c/h"),
        ("g;x=1/./y", "ws://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "ws://a/b/c/y"),
        ("g?y/./x", "ws://a/b/c/g?y/./x"),
        ("g?y/../x", "ws://a/b/c/g?y/../x"),
    ] {
        assert_eq!(url(BASE).resolve(reference), Ok(url(resolved)), "{reference}");
    }
}

#[test]
fn schemes_of_http_stand_for_those_of_a_websocket() {
    for (base, reference, resolved) in [
        (BASE, "ws://h:81/x", "ws://h:81/x"),
        (BASE, "HTTP://H/./x?y", "ws://h/x?y"),
        (BASE, "wss://h", "wss://h/"),
        (BASE, "https://h?x", "wss://h/?x"),
        (BASE, "http://h:/", "ws://h/"),
        ("wss://a:444/b", "//h:445/x", "wss://h:445/x"),
        ("wss://a:444/b", "x:y", ""),
        ("wss://a:444/b", "./x:y", "wss://a:444/x:y"),
        ("wss://a:444/b", "?http://x", "wss://a:444/b?http://x"),
        ("wss://a:444/b?c/d", "x", "wss://a:444/x"),
        ("ws://a", "/.//h/x", "ws://a//h/x"),
        ("ws://a/b", "ü", "ws://a/%C3%BC"),
        ("ws://a/%2e/b", "c", "ws://a/c"),
        (
            "ws://a/b",
            "x y\"<>^`{|}?\"<>^`{|}",
            "ws://a/x%20y%22%3C%3E%5E%60%7B%7C%7D?%22%3C%3E%5E%60%7B%7C%7D",
        ),
        ("ws://a/b/c", "%2E%2e/d", "ws://a/d"),
    ] {
        match resolved {
            "" => assert_eq!(
                url(base).resolve(reference),
                Err(RedirectReason::Location(UrlError::Scheme))
            ),
            resolved => assert_eq!(url(base).resolve(reference), Ok(url(resolved)), "{reference}"),
        }
    }
}

#[test]
fn a_location_that_is_no_websocket_url_is_refused() {
    use RedirectReason::{Location, UserInfo};
    for (reference, reason) in [
        ("#s", Location(UrlError::Fragment)),
        ("g#s", Location(UrlError::Fragment)),
        ("ws://h/#", Location(UrlError::Fragment)),
        ("g:h", Location(UrlError::Scheme)),
        ("ftp://h/", Location(UrlError::Scheme)),
        ("javascript:x", Location(UrlError::Scheme)),
        ("://h/", Location(UrlError::Scheme)),
        ("h:80/", Location(UrlError::Scheme)),
        // 5.4.2: "for strict parsers".
        ("http:g", Location(UrlError::Host)),
        ("http:/g", Location(UrlError::Host)),
        ("//", Location(UrlError::Host)),
        ("///g", Location(UrlError::Host)),
        ("http://", Location(UrlError::Host)),
        ("http://h h/", Location(UrlError::Host)),
        ("//1.2.3/", Location(UrlError::Host)),
        ("//[::1", Location(UrlError::Host)),
        ("//h:0/", Location(UrlError::Port)),
        ("//h:x/", Location(UrlError::Port)),
        ("a\tb", Location(UrlError::Resource)),
        ("\\\\h\\x", Location(UrlError::Resource)),
        ("/\\h", Location(UrlError::Resource)),
        ("//h\\@g/", Location(UrlError::Resource)),
        ("%g", Location(UrlError::Percent)),
        ("//me@h/", UserInfo),
        ("//@h/", UserInfo),
        ("http://me:secret@h/", UserInfo),
        ("ws://a@b@h/", UserInfo),
    ] {
        assert_eq!(url(BASE).resolve(reference), Err(reason), "{reference}");
    }
    // An @ elsewhere does not end a user name.
    assert_eq!(url(BASE).resolve("//h/@x"), Ok(url("ws://h/@x")));
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let same = |one: &str, other: &str| url(one).is_of_same_origin(&url(other));
    assert!(same("ws://h/a?b", "WS://H:80"));
    assert!(same("wss://me:secret@h/", "wss://h:443/x"));
    assert!(same("ws://[::1]/", "ws://[0::1]/"));
    for other in ["wss://h/", "wss://h:80/", "ws://h:81/", "ws://i/", "ws://x.h/", "ws://h./"] {
        assert!(!same("ws://h/", other), "{other}");
    }
}

#[test]
fn user_and_password_stay_within_an_origin() {
    let base = url("ws://me:secret@h/a");
    for reference in ["b", "/b", "//h/b", "http://H:80/b"] {
        let resolved = base.resolve(reference).expect("it is lawful");
        assert_eq!(resolved, url("ws://me:secret@h/b"), "{reference}");
        assert!(resolved.authorization().is_some());
    }
    for reference in ["//h:81/b", "//i/b", "https://h/b", "https://h:80/b"] {
        let resolved = base.resolve(reference).expect("it is lawful");
        assert_eq!(resolved.authorization(), None, "{reference}");
        let back = resolved.resolve("ws://h/a").expect("it is lawful");
        assert_eq!(back.authorization(), None, "{reference}");
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_neither_left_nor_entered() {
    let base = url("ws+unix:///run/chat.sock:/a/b?c");
    for (reference, resolved) in [
        ("x", "ws+unix:///run/chat.sock:/a/x"),
        ("/x", "ws+unix:///run/chat.sock:/x"),
        ("?x", "ws+unix:///run/chat.sock:/a/b?x"),
    ] {
        assert_eq!(base.resolve(reference), Ok(url(resolved)), "{reference}");
        assert!(url(resolved).is_of_same_origin(&base));
    }
    for reference in ["//localhost/x", "http://localhost/x", "ws+unix:///run/chat.sock:/x"] {
        assert_eq!(base.resolve(reference), Err(RedirectReason::UnixSocket), "{reference}");
    }
    let entering = url(BASE).resolve("ws+unix:///run/chat.sock:/x");
    assert_eq!(entering, Err(RedirectReason::UnixSocket));
    assert!(!url("ws+unix:/run/a").is_of_same_origin(&url("ws+unix:/run/b")));
    assert!(!url("ws+unix:/run/a").is_of_same_origin(&url("ws://localhost")));
}
