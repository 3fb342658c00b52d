//! Compares with the crate `url`, which is the WHATWG URL Standard as browsers have it.

use url::Url as Standard;

use super::*;

fn parse(url: &str) -> Result<Url, UrlError> {
    url.parse()
}

/// Encodes the characters that the standard leaves raw though a request target may not hold them
/// (RFC 3986, section 3.3).
fn finish(standard: &str) -> String {
    let mut finished = String::new();
    for char in standard.chars() {
        match char {
            '\\' | '^' | '`' | '{' | '|' | '}' => finished += &format!("%{:02X}", char as u32),
            char => finished.push(char),
        }
    }
    finished
}

/// The URL in both readings.
#[track_caller]
fn compare(text: &str) {
    let standard = Standard::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let url = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let query = standard.query().map(|query| format!("?{query}")).unwrap_or_default();
    let resource = finish(&format!("{}{query}", standard.path()));
    assert_eq!(url.resource_name(), resource, "{text:?}");
    assert!(url.resource_name().bytes().all(is_of_a_request_target), "{text:?}: {resource}");
    assert_eq!(Some(url.host()), standard.host_str(), "{text:?}");
    assert_eq!(Some(url.port()), standard.port_or_known_default(), "{text:?}");
    let user_info = match (standard.username(), standard.password()) {
        ("", None) => None,
        (user, None) => Some(user.to_owned()),
        (user, Some(password)) => Some(format!("{user}:{password}")),
    };
    let user_info = user_info.map(|text| text.replace('\'', "%27"));
    let ours = url.user_info.as_ref().map(|it| it.text().replace('\'', "%27"));
    assert_eq!(ours, user_info, "{text:?}");
}

/// RFC 3986, section 3.3 and 3.4: `pchar`, `/` and `?`, and what the standard leaves to servers.
fn is_of_a_request_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?[]".contains(&byte)
}

/// Every character of ASCII but those that are refused: tabs, line breaks, `#` and a lone `%`.
fn ascii() -> impl Iterator<Item = char> {
    ('\0'..='\x7f').filter(|char| !['\t', '\n', '\r', '#', '%'].contains(char))
}

#[test]
fn each_character_of_a_path_and_a_query_is_encoded_as_browsers_do() {
    for char in ascii().chain("é…\u{10ffff}\u{202e}".chars()) {
        for scheme in ["ws", "wss"] {
            compare(&format!("{scheme}://h/a{char}b"));
            compare(&format!("{scheme}://h/{char}/b"));
            compare(&format!("{scheme}://h/a?b{char}c"));
            compare(&format!("{scheme}://h?{char}c"));
        }
    }
}

#[test]
fn each_character_of_user_and_password_is_encoded_as_browsers_do() {
    // A control character is refused, and these end the user's part.
    for char in ascii().filter(|char| !char.is_control() && !"/?\\".contains(*char)) {
        compare(&format!("ws://a{char}b@h/"));
        if char != ':' {
            compare(&format!("ws://{char}:x@h/"));
        }
        compare(&format!("ws://a:b{char}c@h/"));
        compare(&format!("ws://:{char}@h/"));
    }
    for text in ["ws://ü:ö@h", "ws://u:@h/", "ws://:@h/", "ws://@h/", "ws://a%20b:%ff@h/"] {
        compare(text);
    }
    for control in ('\0'..=' ').chain(['\x7f']).filter(|char| char.is_control()) {
        assert_eq!(parse(&format!("ws://a{control}b@h/")), Err(UrlError::UserInfo));
    }
}

#[test]
fn a_character_that_is_left_is_refused_in_each_component() {
    for char in ['\t', '\n', '\r'] {
        assert_eq!(parse(&format!("ws://h/a{char}b")), Err(UrlError::Resource));
        assert_eq!(parse(&format!("ws://h/?a{char}b")), Err(UrlError::Resource));
    }
    for text in ["ws://a#b@h/", "ws://h/a#b", "ws://h/?a#b", "ws://h#", "http://h/#"] {
        assert_eq!(parse(text), Err(UrlError::Fragment), "{text}");
    }
    for text in ["ws://h/%", "ws://h/a%2", "ws://h/?a=%zz", "ws://h/%ü", "ws://h/%+1"] {
        assert_eq!(parse(text), Err(UrlError::Percent), "{text}");
    }
}

#[test]
fn dots_and_slashes_are_read_as_browsers_read_them() {
    let segments = ["", "a", ".", "..", "%2e", ".%2E", "%2e%2e", "...", "%2e.a"];
    for one in segments {
        for two in segments {
            for three in segments {
                compare(&format!("ws://h/{one}/{two}/{three}"));
                compare(&format!("ws://h/{one}\\{two}/{three}?{two}/{one}"));
            }
        }
    }
}

#[test]
fn space_around_a_url_is_dropped_as_browsers_do() {
    for text in [" ws://h/", "ws://h/a\n", "\0\twss://h/?a \r\n", "ws://h\\@g/"] {
        compare(text);
    }
}

proptest::proptest! {
    #[test]
    fn paths_and_queries_of_ascii_are_what_they_are_in_browsers(text in "[\\x00-\\x7f]{0,24}") {
        let text: String = text.chars().filter(|char| !"\t\r\n#%".contains(*char)).collect();
        // Space at the end is not of the URL.
        compare(&format!("ws://h/{text}x"));
        compare(&format!("wss://h/?{text}x"));
    }
}

#[cfg(feature = "idna")]
#[test]
fn names_in_any_letters_are_what_they_are_in_browsers() {
    for host in [
        "bücher.example",
        "BÜCHER.example",
        "faß.de",
        "例え.テスト",
        "h。com",
        "xn--bcher-kva.example",
        "ＥＸＡＭＰＬＥ.com",
        "１２７.0.0.1",
    ] {
        compare(&format!("ws://{host}/"));
        let with_http: Url = format!("https://{host}/").parse().expect("a valid URL");
        assert!(with_http.is_secure() && with_http.host().is_ascii());
    }
    for host in ["xn--", "xn--a", "xn--ü", "a\u{202e}b", "xn--zzzzzzzzzzzz", "xn--abc-"] {
        assert!(Standard::parse(&format!("ws://{host}/")).is_err(), "{host}");
        assert_eq!(parse(&format!("ws://{host}/")), Err(UrlError::HostNotIdna), "{host}");
    }
}

#[cfg(not(feature = "idna"))]
#[test]
fn names_in_other_letters_take_the_feature() {
    for host in ["bücher.example", "h。com"] {
        let error = parse(&format!("ws://{host}/")).expect_err("it takes IDNA");
        assert_eq!(error, UrlError::HostNotAscii);
        assert!(error.to_string().contains("feature `idna`"), "{error}");
    }
    compare("ws://XN--bcher-kva.example/");
    for host in ["xn--", "a.xn--", "xn--99999999", "xn--abc-", "XN--zzzzzzzzzzzz"] {
        assert_eq!(parse(&format!("ws://{host}/")), Err(UrlError::HostNotIdna), "{host}");
    }
}
