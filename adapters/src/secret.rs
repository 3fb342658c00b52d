//! What the caller gave that `Debug` must not show.

use std::fmt;

use crate::url::Url;

/// A URL that has not been checked.
#[derive(Clone)]
pub(crate) struct UrlText(pub(crate) String);

/// Without user name and password.
impl fmt::Debug for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parse::<Url>() {
            Ok(url) => url.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

/// Names and values.
#[derive(Clone, Default)]
pub(crate) struct HeaderList(pub(crate) Vec<(String, String)>);

impl HeaderList {
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

/// Names only: values can be secrets.
impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bluewire_core::{
        ClientHandshake, ClientRequest, Config, Inbox, Outbox, Refusal, RequestHead,
    };

    use crate::ConnectOptions;
    use crate::accept::{AcceptError, AcceptOptions, Accepting};
    use crate::connect::Request;
    use crate::connect_error::ConnectError;
    use crate::proxy::ProxyError;
    use crate::redirect::{RedirectError, RedirectReason};
    use crate::url::UrlError;

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
        inbox.extend(b"Content-Length: 6\r\n\r\nsecret");
        client.next_response(&mut inbox).expect_err("it refuses");
        Box::new(client.into_refusal().expect("it refused"))
    }

    /// A request of the same kind.
    fn head() -> RequestHead {
        let options = AcceptOptions::default();
        let mut accepting = Accepting::start(&options);
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
}
