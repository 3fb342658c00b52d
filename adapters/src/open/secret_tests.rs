//! Secrets that neither `Debug` nor `Display` shows.

use std::time::Duration;

use bluewire_core::{ClientHandshake, ClientRequest, Config, Inbox, Outbox, Refusal, RequestHead};

use crate::ConnectOptions;
use crate::open::error::AcceptError;
use crate::open::error::ConnectError;
use crate::open::error::ProxyError;
use crate::open::error::UrlError;
use crate::open::error::{RedirectError, RedirectReason};
use crate::open::options::AcceptOptions;
use crate::open::request::Accepting;
use crate::open::request::Request;

#[test]
fn options_show_neither_passwords_nor_the_values_of_headers() {
    let urls = ["wss://me:secret@h/a", "wss://me:secret@h:x/", "me:secret@h", "ws://secret%@h"];
    for url in urls {
        let options = ConnectOptions::new(url)
            .header("Authorization", "Bearer secret")
            .header("Cookie", "secret");
        let shown = format!("{options:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains(r#"["Authorization", "Cookie"]"#), "{shown}");
    }
    let shown = format!("{:?}", ConnectOptions::new(urls[0]));
    assert!(shown.contains("Url(wss://h/a)"), "{shown}");
}

/// An answer that has secrets wherever one can have them.
fn refusal() -> Box<Refusal> {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let request = ClientRequest::new("host", "/").expect("it is lawful");
    let (config, now) = (Config::default(), Duration::ZERO);
    let mut client = ClientHandshake::start(&request, [0; 16], config, now, &mut outbox);
    inbox.extend(b"HTTP/1.1 302 Found\r\nSet-Cookie: secret\r\nLocation: /?secret\r\n");
    inbox.extend(b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret");
    client.next_response(&mut inbox).expect_err("it refuses");
    Box::new(client.into_refusal().expect("it refused"))
}

/// A request of the same kind.
fn head() -> RequestHead {
    let options = AcceptOptions::default();
    let mut accepting = Accepting::start(&options, crate::clock::Clock::start());
    accepting.inbox.extend(b"GET /page?secret HTTP/1.1\r\nHost: server\r\n");
    accepting.inbox.extend(b"Cookie: secret\r\nAuthorization: secret\r\n\r\n");
    match accepting.advance(&options) {
        Err((AcceptError::NotWebSocket(head), _)) => head,
        _ => panic!("it asks for no WebSocket"),
    }
}

#[track_caller]
fn hides(error: &(dyn std::error::Error + 'static)) {
    // As the bytes of a body would be shown.
    let in_numbers = format!("{:?}", b"secret");
    let in_numbers = in_numbers.trim_matches(['[', ']']);
    for told in [error.to_string(), format!("{error:?}")] {
        assert!(!told.contains("secret") && !told.contains(in_numbers), "{told}");
    }
}

#[test]
fn errors_show_no_credentials_no_query_and_no_body() {
    hides(&ConnectError::Refused(refusal()));
    hides(&ProxyError::Refused(refusal()));
    let reason = RedirectReason::Location(UrlError::Scheme);
    hides(&ConnectError::Redirect(RedirectError::new(reason, refusal())));
    for error in [AcceptError::OriginRefused, AcceptError::NotWebSocket, AcceptError::Full] {
        hides(&error(head()));
    }
    hides(&AcceptError::Refused(head(), 403));
    let header = ConnectOptions::new("ws://me:secret@h").header("Authorization", "secret\n");
    for options in ["ws://me:secret@h h/?secret".into(), header] {
        hides(&Request::check(options).expect_err("it is malformed"));
    }
}
