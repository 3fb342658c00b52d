//! HTTP CONNECT (RFC 9110, section 9.3.6).

use std::fmt;
use std::net::Ipv6Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bluewire_core::{ConnectResponse, HandshakeError, Inbox, Limits};

use super::{Credentials, Destination};
use crate::open::error::ProxyError;

/// A request for a tunnel, and the proxy's answer.
pub(crate) struct Connect {
    request: Vec<u8>,
    sent: usize,
    response: ConnectResponse,
    result: Result<bool, HandshakeError>,
}

impl Connect {
    pub(super) fn new(to: Destination<'_>, credentials: Option<&Credentials>) -> Self {
        let authority = authority(to);
        // 9.3.6: "There is no default port; a client MUST send the port number even if the CONNECT
        // request is based on a URI reference that contains an authority component with an elided
        // port".
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(Credentials { user, password }) = credentials {
            // RFC 7617, section 2.
            let pair = [user, &b":"[..], password].concat();
            request += &format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(pair));
        }
        request += "\r\n";
        let response = ConnectResponse::new(Limits::default());
        Self { request: request.into(), sent: 0, response, result: Ok(false) }
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.request[self.sent..]
    }

    pub(super) fn sent(&mut self, len: usize) {
        self.sent += len;
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut inbox = Inbox::default();
        inbox.extend(bytes);
        self.result = self.response.read(&mut inbox);
        bytes.len() - inbox.unparsed().len()
    }

    pub(super) fn receive_eof(&mut self) {
        self.response.receive_eof();
        self.receive(b"");
    }

    pub(super) fn outcome(&mut self) -> Result<bool, ProxyError> {
        self.result.map_err(|error| match error {
            HandshakeError::ConnectionLost => ProxyError::Closed,
            error => self.give_up().unwrap_or(ProxyError::Http(error)),
        })
    }

    /// The received part of the refusal, if there is one.
    pub(super) fn give_up(&mut self) -> Option<ProxyError> {
        let response =
            std::mem::replace(&mut self.response, ConnectResponse::new(Limits::default()));
        response.into_refusal().map(|refusal| ProxyError::Refused(Box::new(refusal)))
    }
}

/// `authority-form = uri-host ":" port`
fn authority(to: Destination<'_>) -> String {
    match to {
        Destination::Address(address) => address.to_string(),
        Destination::Host(host, port) => match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{port}"),
            Err(_) => format!("{host}:{port}"),
        },
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("sent", &self.sent).field("result", &self.result).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Destination<'_> = Destination::Host("server.example", 80);

    fn said(to: Destination<'_>, credentials: Option<&Credentials>) -> String {
        String::from_utf8(Connect::new(to, credentials).unsent().to_vec()).expect("it is ASCII")
    }

    #[test]
    fn the_request_names_host_and_port() {
        let six = "[2001:db8::1]:443".parse().expect("it is an address");
        for (to, authority) in [
            (SERVER, "server.example:80"),
            (Destination::Host("192.0.2.1", 443), "192.0.2.1:443"),
            (Destination::Host("2001:db8::1", 443), "[2001:db8::1]:443"),
            (Destination::Address(six), "[2001:db8::1]:443"),
        ] {
            let expected = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
            assert_eq!(said(to, None), expected);
        }
        // The example of RFC 7617, section 2.
        let aladdin = Credentials { user: "Aladdin".into(), password: "open sesame".into() };
        let line = "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert!(said(SERVER, Some(&aladdin)).ends_with(line));
    }

    #[test]
    fn bytes_behind_the_answer_are_left() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
        let bytes = [&answer[..], b"behind"].concat();
        for cut in 0..bytes.len() {
            let mut connect = Connect::new(SERVER, None);
            let mut taken = connect.receive(&bytes[..cut]);
            if cut < answer.len() {
                assert_eq!(taken, cut);
                assert!(matches!(connect.outcome(), Ok(false)));
                taken += connect.receive(&bytes[cut..]);
            }
            assert_eq!(taken, answer.len());
            assert!(matches!(connect.outcome(), Ok(true)));
        }
    }

    #[test]
    fn an_end_at_any_byte_of_socks5_is_reported() {
        let answer = b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n\r\nwhy";
        for len in 0..answer.len() {
            let mut connect = Connect::new(SERVER, None);
            assert_eq!(connect.receive(&answer[..len]), len);
            connect.receive_eof();
            match connect.outcome() {
                Err(ProxyError::Closed) => assert!(len < answer.len() - 3),
                Err(ProxyError::Refused(refusal)) => {
                    assert_eq!(refusal.head().status(), 407);
                    assert_eq!(refusal.body(), &b"why"[..len + 3 - answer.len()]);
                }
                outcome => panic!("{outcome:?}"),
            }
        }
    }

    #[test]
    fn a_refusal_whose_body_is_late_is_known_by_its_head() {
        let mut connect = Connect::new(SERVER, None);
        connect.receive(b"HTTP/1.1 502 Bad Gateway\r\n");
        assert!(connect.give_up().is_none());
        let mut connect = Connect::new(SERVER, None);
        connect.receive(b"HTTP/1.1 502 Bad Gateway\r\n\r\nno an");
        let Some(ProxyError::Refused(refusal)) = connect.give_up() else { panic!("it refuses") };
        assert_eq!((refusal.body(), refusal.is_complete()), (&b"no an"[..], false));
    }

    #[test]
    fn credentials_are_not_shown() {
        let me = Credentials { user: "me".into(), password: "secret".into() };
        let shown = format!("{:?}", Connect::new(SERVER, Some(&me)));
        assert!(!shown.contains("secret") && !shown.contains("Basic"), "{shown}");
    }
}
