//! SOCKS 5 (RFC 1928), with user name and password (RFC 1929).

use std::fmt;
use std::net::IpAddr;

use super::{Credentials, Destination};
use crate::open::error::{ProxyError, SocksReply};

const VERSION: u8 = 5;
/// RFC 1929, section 2: "The VER field contains the current version of the subnegotiation".
const AUTHENTICATION_VERSION: u8 = 1;

const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;

const CONNECT: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

const PORT_LEN: usize = 2;

/// The messages between a client and a SOCKS proxy.
pub(crate) struct Socks5 {
    out: Vec<u8>,
    sent: usize,
    /// The received part of the answer that is awaited.
    answer: Vec<u8>,
    /// The request that follows once the proxy knows enough of the client.
    request: Vec<u8>,
    /// By user name and password.
    authentication: Option<Vec<u8>>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The method of authentication is awaited.
    Method,
    /// The result of the authentication is awaited.
    Authentication,
    Reply,
    Done,
    Failed(Option<ProxyError>),
}

impl Socks5 {
    pub(super) fn new(to: Destination<'_>, credentials: Option<&Credentials>) -> Self {
        let (request, stage) = match request(to) {
            Ok(request) => (request, Stage::Method),
            Err(error) => (Vec::new(), Stage::Failed(Some(error))),
        };
        // RFC 1928, section 3: the version, and the methods that are possible.
        let out = match credentials {
            None => vec![VERSION, 1, NO_AUTHENTICATION],
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        };
        let authentication = credentials.map(authentication);
        Self { out, sent: 0, answer: Vec::new(), request, authentication, stage }
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    pub(super) fn sent(&mut self, len: usize) {
        self.sent += len;
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            if self.is_over() {
                return index;
            }
            self.answer.push(*byte);
            self.step();
        }
        bytes.len()
    }

    pub(super) fn receive_eof(&mut self) {
        if !self.is_over() {
            self.fail(ProxyError::Closed);
        }
    }

    pub(super) fn outcome(&mut self) -> Result<bool, ProxyError> {
        match &mut self.stage {
            Stage::Failed(error) => Err(error.take().unwrap_or(ProxyError::Closed)),
            stage => Ok(matches!(stage, Stage::Done)),
        }
    }

    /// Judges the answer so far.
    fn step(&mut self) {
        match (&self.stage, &self.answer[..]) {
            (Stage::Method | Stage::Reply, [VERSION]) => {}
            (Stage::Method, [VERSION, NO_AUTHENTICATION]) => self.ask(),
            (Stage::Method, [VERSION, method]) => match self.authentication.take() {
                Some(authentication) if *method == USER_AND_PASSWORD => {
                    self.say(authentication, Stage::Authentication);
                }
                // RFC 1928, section 3: "If the selected METHOD is X'FF', none of the methods
                // listed by the client are acceptable".
                _ => self.fail(ProxyError::NoAcceptableMethod),
            },
            // There are proxies that say 5 for the version of this, and mean it well.
            (Stage::Authentication, [_]) => {}
            (Stage::Authentication, [_, 0]) => self.ask(),
            // RFC 1929, section 2: "If the server returns a `failure' (STATUS value other than
            // X'00') status, it MUST close the connection."
            (Stage::Authentication, [_, _]) => self.fail(ProxyError::AuthenticationRefused),
            (Stage::Reply, [VERSION, 0] | [VERSION, 0, _]) => {}
            // Section 6: the address from which the proxy connects, which the client does not need,
            // ends it.
            (Stage::Reply, [VERSION, 0, _, kind, bound @ ..]) => {
                let address_len = match *kind {
                    IPV4 => Some(4),
                    IPV6 => Some(16),
                    NAME => bound.first().map(|len| 1 + usize::from(*len)),
                    _ => return self.fail(ProxyError::NotSocks5),
                };
                if address_len.is_some_and(|len| bound.len() == len + PORT_LEN) {
                    self.stage = Stage::Done;
                }
            }
            (Stage::Reply, [VERSION, code]) => {
                let reply = SocksReply::new(*code);
                self.fail(ProxyError::Socks(reply));
            }
            _ => self.fail(ProxyError::NotSocks5),
        }
    }

    fn ask(&mut self) {
        let request = std::mem::take(&mut self.request);
        self.say(request, Stage::Reply);
    }

    fn say(&mut self, what: Vec<u8>, stage: Stage) {
        self.out.extend(what);
        self.stage = stage;
        self.answer.clear();
    }

    fn fail(&mut self, error: ProxyError) {
        self.stage = Stage::Failed(Some(error));
    }

    const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Failed(_))
    }
}

/// RFC 1928, section 4.
fn request(to: Destination<'_>) -> Result<Vec<u8>, ProxyError> {
    let mut request = vec![VERSION, CONNECT, 0];
    let (literal, port) = match to {
        Destination::Address(address) => (Ok(address.ip()), address.port()),
        Destination::Host(host, port) => (host.parse::<IpAddr>().map_err(|_| host), port),
    };
    match literal {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(name) => {
            let len = u8::try_from(name.len()).map_err(|_| ProxyError::NameTooLong)?;
            request.extend([NAME, len]);
            request.extend(name.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// RFC 1929, section 2.
fn authentication(credentials: &Credentials) -> Vec<u8> {
    let mut bytes = vec![AUTHENTICATION_VERSION];
    for part in [&credentials.user, &credentials.password] {
        bytes.push(u8::try_from(part.len()).expect("the credentials were checked for it"));
        bytes.extend(part);
    }
    bytes
}

impl fmt::Debug for Socks5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socks5").field("stage", &self.stage).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &[u8] = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38";

    fn me() -> Credentials {
        Credentials { user: b"me".to_vec(), password: b"secret".to_vec() }
    }

    const SERVER: Destination<'_> = Destination::Host("server.example", 443);

    /// All that the client says to a proxy with these answers, in pieces of this length, the
    /// result, and how much of the answers was taken.
    fn converse(
        credentials: Option<&Credentials>,
        to: Destination<'_>,
        answers: &[u8],
        piece_len: usize,
    ) -> (Vec<u8>, Result<bool, ProxyError>, usize) {
        let mut socks5 = Socks5::new(to, credentials);
        let (mut said, mut taken) = (Vec::new(), 0);
        let mut speak = |socks5: &mut Socks5| {
            while let Some(byte) = socks5.unsent().first() {
                said.push(*byte);
                socks5.sent(1);
            }
        };
        for piece in answers.chunks(piece_len) {
            speak(&mut socks5);
            let mut piece = piece;
            // As from a socket: what was not taken comes again.
            loop {
                let len = socks5.receive(piece);
                taken += len;
                piece = &piece[len..];
                if piece.is_empty() || len == 0 {
                    break;
                }
            }
        }
        speak(&mut socks5);
        (said, socks5.outcome(), taken)
    }

    #[test]
    fn a_tunnel_is_asked_for_and_what_comes_behind_it_is_left() {
        let request = b"\x05\x01\x00\x03\x0eserver.example\x01\xbb";
        for bound in [
            DONE.to_vec(),
            [&b"\x05\x00\x00\x04"[..], &[0; 18]].concat(),
            b"\x05\x00\x00\x03\x02ab\x00\x00".to_vec(),
            b"\x05\x00\x00\x03\x00\x00\x00".to_vec(),
        ] {
            let answers = [b"\x05\x00", &bound[..]].concat();
            let bytes = [&answers[..], b"\x05behind"].concat();
            for piece_len in 1..=bytes.len() {
                let (said, outcome, taken) = converse(None, SERVER, &bytes, piece_len);
                assert_eq!(said, [b"\x05\x01\x00", &request[..]].concat());
                assert!(matches!(outcome, Ok(true)), "{outcome:?}");
                assert_eq!(taken, answers.len());
            }
        }
    }

    #[test]
    fn credentials_are_sent_when_asked_for() {
        let asked = [b"\x05\x02\x01\x00", DONE].concat();
        for piece_len in 1..=asked.len() {
            let (said, outcome, _) = converse(Some(&me()), SERVER, &asked, piece_len);
            assert!(said.starts_with(b"\x05\x02\x00\x02\x01\x02me\x06secret\x05\x01\x00\x03"));
            assert!(matches!(outcome, Ok(true)), "{outcome:?}");
        }
        let (said, ..) = converse(Some(&me()), SERVER, &[b"\x05\x00", DONE].concat(), 1);
        assert!(said.starts_with(b"\x05\x02\x00\x02\x05\x01\x00\x03"), "they are not needed");
    }

    #[test]
    fn addresses_are_sent_as_addresses() {
        let six = "[2001:db8::1]:80".parse().expect("it is an address");
        for (to, bytes) in [
            (Destination::Host("192.0.2.1", 80), b"\x01\xc0\x00\x02\x01\x00\x50".to_vec()),
            (Destination::Host("::1", 80), [&b"\x04"[..], &[0; 15], b"\x01\x00\x50"].concat()),
            (
                Destination::Address(six),
                [&b"\x04\x20\x01\x0d\xb8"[..], &[0; 11], b"\x01\x00\x50"].concat(),
            ),
        ] {
            let (said, ..) = converse(None, to, b"\x05\x00", 2);
            assert_eq!(said, [b"\x05\x01\x00\x05\x01\x00", &bytes[..]].concat());
        }
    }

    #[test]
    fn each_failure_has_its_own_error() {
        let name = "x".repeat(256);
        let failure = |credentials, to, answers: &[u8]| {
            let (_, outcome, _) = converse(credentials, to, answers, 1);
            outcome.expect_err("it fails")
        };
        for answers in [&b"\x04"[..], b"H", b"\x05\x00\x04", b"\x05\x00\x05\x00\x00\x02"] {
            assert!(matches!(failure(None, SERVER, answers), ProxyError::NotSocks5));
        }
        for answers in [b"\x05\xff", b"\x05\x02", b"\x05\x01"] {
            assert!(matches!(failure(None, SERVER, answers), ProxyError::NoAcceptableMethod));
        }
        let me = me();
        let refused = failure(Some(&me), SERVER, b"\x05\x02\x01\x01");
        assert!(matches!(refused, ProxyError::AuthenticationRefused));
        let long = failure(None, Destination::Host(&name, 80), b"");
        assert!(matches!(long, ProxyError::NameTooLong));
        for code in 1..=255 {
            let error = failure(None, SERVER, &[5, 0, 5, code]);
            let ProxyError::Socks(reply) = error else { panic!("{error:?}") };
            assert_eq!(reply == SocksReply::Other(code), code > 8);
        }
    }

    #[test]
    fn an_end_at_any_byte_of_socks5_is_reported() {
        let answers = [b"\x05\x02\x01\x00", DONE].concat();
        for len in 0..=answers.len() {
            let me = me();
            let mut socks5 = Socks5::new(SERVER, Some(&me));
            assert_eq!(socks5.receive(&answers[..len]), len);
            socks5.receive_eof();
            match socks5.outcome() {
                Err(ProxyError::Closed) => assert!(len < answers.len()),
                outcome => assert!(matches!(outcome, Ok(true)) && len == answers.len(), "{len}"),
            }
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let socks5 = format!("{:?}", Socks5::new(SERVER, Some(&me())));
        assert!(!socks5.contains("115, 101") && !socks5.contains("secret"), "{socks5}");
    }
}
