use super::*;

fn parse(url: &str) -> Result<Url, UrlError> {
    url.parse()
}

#[test]
fn parts_that_are_left_out_have_their_defaults() {
    for (text, secure, host, port, resource) in [
        ("ws://h", false, "h", 80, "/"),
        ("WSS://H", true, "h", 443, "/"),
        ("wS://ExAmPle.ORG:0080", false, "example.org", 80, "/"),
        ("ws://@h/", false, "h", 80, "/"),
        ("ws://h?x=1", false, "h", 80, "/?x=1"),
        ("ws://h:", false, "h", 80, "/"),
        ("wss://h:/", true, "h", 443, "/"),
        ("wss://[::1]:", true, "[::1]", 443, "/"),
        ("ws://h:8088/a?b/c?d", false, "h", 8088, "/a?b/c?d"),
        ("ws://h:65535/", false, "h", 65535, "/"),
        ("wss://h:80", true, "h", 80, "/"),
        ("ws://[0:0::1]:9/", false, "[::1]", 9, "/"),
        ("ws://[2001:DB8::A]", false, "[2001:db8::a]", 80, "/"),
        ("ws://[::ffff:1.2.3.4]", false, "[::ffff:1.2.3.4]", 80, "/"),
        ("wss://127.0.0.1", true, "127.0.0.1", 443, "/"),
        ("ws://a_b.example.", false, "a_b.example.", 80, "/"),
        ("ws://xn--bcher-kva.example", false, "xn--bcher-kva.example", 80, "/"),
        ("ws://4.example", false, "4.example", 80, "/"),
        ("ws://0xg", false, "0xg", 80, "/"),
        ("ws://h/ü", false, "h", 80, "/%C3%BC"),
        ("ws://h/a%2Fb%20c?%c3%bc", false, "h", 80, "/a%2Fb%20c?%c3%bc"),
        ("ws://h/?a=@:[]", false, "h", 80, "/?a=@:[]"),
        ("ws://h/../a//b/.", false, "h", 80, "/a//b/"),
        ("http://h/a", false, "h", 80, "/a"),
        ("HTTPS://h:8443/a", true, "h", 8443, "/a"),
        (" ws://h/a b\n", false, "h", 80, "/a%20b"),
        ("ws://h\\a\\..\\b", false, "h", 80, "/b"),
        ("ws://[fe80::1%25eth0]:9/", false, "[fe80::1]", 9, "/"),
        ("wss://[FF02::1%eth0]", true, "[ff02::1]", 443, "/"),
    ] {
        let url = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let parts = (url.is_secure(), url.host(), url.port(), url.resource_name());
        assert_eq!(parts, (secure, host, port, resource), "{text}");
        assert_eq!(url.authorization(), None, "{text}");
    }
}

#[test]
fn malformed_input_is_refused() {
    for (text, error) in [
        ("", UrlError::Scheme),
        ("ftp://h#a", UrlError::Scheme),
        ("https://h#a", UrlError::Fragment),
        ("h", UrlError::Scheme),
        ("h:80", UrlError::Scheme),
        ("//h", UrlError::Scheme),
        ("ws:/h", UrlError::Scheme),
        ("ws:h", UrlError::Scheme),
        ("ws://", UrlError::Host),
        ("ws:///a", UrlError::Host),
        ("ws://:80", UrlError::Host),
        ("ws://h h", UrlError::Host),
        ("ws://h%61", UrlError::Host),
        ("ws://h,i", UrlError::Host),
        ("ws://::1", UrlError::Host),
        ("ws://[::1", UrlError::Host),
        ("ws://[::1]x", UrlError::Host),
        ("ws://[::1]x:80", UrlError::Host),
        ("ws://[::g]", UrlError::Host),
        ("ws://[]", UrlError::Host),
        ("ws://[127.0.0.1]", UrlError::Host),
        ("ws://[v1.a]", UrlError::Host),
        ("ws://127.1", UrlError::Host),
        ("ws://2130706433", UrlError::Host),
        ("ws://0x7f000001", UrlError::Host),
        ("ws://0X", UrlError::Host),
        ("ws://1.2.3.256", UrlError::Host),
        ("ws://127.0.0.01", UrlError::Host),
        ("ws://1.2.3.4.", UrlError::Host),
        ("ws://.", UrlError::Host),
        ("ws://[fe80::1%]:80", UrlError::Zone),
        ("ws://[fe80::1%a/b]", UrlError::Host),
        ("ws://[fe80::1%a%b]", UrlError::Zone),
        ("ws://[::1%25lo]", UrlError::Zone),
        ("ws://[fg::1%25lo]", UrlError::Host),
        ("ws://h:0", UrlError::Port),
        ("ws://h:99999", UrlError::Port),
        ("ws://h:65536", UrlError::Port),
        ("ws://h:+80", UrlError::Port),
        ("ws://h:8a", UrlError::Port),
        ("ws://h:80:80", UrlError::Host),
        ("ws://h: 80", UrlError::Port),
        ("ws://h/a#b", UrlError::Fragment),
        ("ws://h#", UrlError::Fragment),
        ("ws://h/a\r\nb", UrlError::Resource),
        ("ws://h/%", UrlError::Percent),
        ("ws://h/a%2", UrlError::Percent),
        ("ws://h/?a=%zz", UrlError::Percent),
        ("ws://h/%ü", UrlError::Percent),
        ("ws://h/%+1", UrlError::Percent),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn user_and_password_become_basic_authentication() {
    // The first pair is that of RFC 7617, section 2; the second one that of 2.1.
    for (user_info, authorization) in [
        ("Aladdin:open%20sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test:123%C2%A3", "Basic dGVzdDoxMjPCow=="),
        ("user", "Basic dXNlcjo="),
        ("user:", "Basic dXNlcjo="),
        (":pass", "Basic OnBhc3M="),
        ("u:p:q", "Basic dTpwOnE="),
        ("u:%3A%40%2f", "Basic dTo6QC8="),
        ("u!$&'()*+,;=", "Basic dSEkJicoKSorLDs9Og=="),
        ("a@b", "Basic YUBiOg=="),
        ("ü", "Basic w7w6"),
        ("u p", "Basic dSBwOg=="),
    ] {
        let text = format!("wss://{user_info}@h:8443/a@b");
        let url = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(url.authorization().as_deref(), Some(authorization), "{text}");
        assert_eq!((url.host(), url.port(), url.resource_name()), ("h", 8443, "/a@b"));
        for shown in [url.to_string(), format!("{url:?}")] {
            assert!(shown.contains("wss://h:8443/a@b"), "{shown}");
            assert!(!shown.contains("Basic"), "{shown}");
        }
    }
}

#[test]
fn credentials_that_basic_cannot_tell_are_refused() {
    for user_info in ["a%3Ab:p", "a%3A", "u:%0A", "%00", "u:%7f", "u%", "u:%4", "u:%g0", "a\nb"] {
        for rest in ["h", "h:80/"] {
            let text = format!("ws://{user_info}@{rest}");
            assert_eq!(parse(&text), Err(UrlError::UserInfo), "{text}");
        }
    }
    assert_eq!(parse("ws://u:p@"), Err(UrlError::Host));
}

#[test]
fn it_is_written_as_it_is_read() {
    for text in [
        "ws://h/",
        "wss://h:8443/a?b",
        "ws://[::1]:9/",
        "ws://me:secret@h/?token=secret",
        "wss://[fe80::1%25eth0]:9/",
    ] {
        assert_eq!(parse(text).map(|url| url.with_secrets()), Ok(text.to_owned()));
    }
    let url = parse("ws://me:secret@h/a?token=secret").expect("a valid URL");
    assert_eq!(url.to_string(), "ws://h/a?***");
    assert_eq!(format!("{url:?}"), "Url(ws://h/a?***)");
}

#[test]
fn a_zone_is_for_the_resolver_alone() {
    let url = parse("ws://[fe80::1%25eth0]/").expect("a valid URL");
    assert_eq!((url.host(), url.bare_host()), ("[fe80::1]", "fe80::1"));
    assert_eq!(url.host_to_resolve(), "fe80::1%eth0");
    assert!(!url.is_of_same_origin(&parse("ws://[fe80::1%eth1]/").expect("a valid URL")));
    assert_eq!(Ok(url), parse("ws://[fe80::1%eth0]/"));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_has_its_path_before_the_colon() {
    for (text, path, resource) in [
        ("ws+unix:///run/a.sock", "/run/a.sock", "/"),
        ("ws+unix:/run/a.sock:/", "/run/a.sock", "/"),
        ("WS+Unix:///run/a.sock:/chat?room=1:2", "/run/a.sock", "/chat?room=1:2"),
        ("ws+unix:///run/a.sock:?x", "/run/a.sock", "/?x"),
        ("ws+unix:///run/a%20b%3Ac%3F:/d%20e", "/run/a b:c?", "/d%20e"),
        ("ws+unix:///run/ü", "/run/ü", "/"),
        ("ws+unix:///run/a b:/b c", "/run/a b", "/b%20c"),
    ] {
        let url = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(url.socket_path(), Some(path.into()), "{text}");
        let parts = (url.is_secure(), url.host(), url.port(), url.resource_name());
        assert_eq!(parts, (false, "localhost", 80, resource), "{text}");
        assert_eq!(parse(&url.with_secrets()), Ok(url), "{text}");
    }
    assert_eq!(parse("ws://h/").map(|url| url.socket_path()), Ok(None));
    for (text, error) in [
        ("ws+unix:", UrlError::SocketPath),
        ("ws+unix://", UrlError::SocketPath),
        ("ws+unix:///", UrlError::SocketPath),
        ("ws+unix://:/a", UrlError::SocketPath),
        ("ws+unix://run/a.sock", UrlError::SocketPath),
        ("ws+unix:a.sock", UrlError::SocketPath),
        ("ws+unix:///run/a.sock?x", UrlError::SocketPath),
        ("ws+unix:///run/a%00", UrlError::SocketPath),
        ("ws+unix:///run/a%2", UrlError::Percent),
        ("ws+unix:///run/a\tb", UrlError::Resource),
        ("ws+unix:///run/a:/b\nc", UrlError::Resource),
        ("ws+unix:///run/a#b", UrlError::Fragment),
        ("wss+unix:///run/a", UrlError::Scheme),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}
