//! Reads every message of every error here: each says what is wrong, who or what it was, and what
//! to do where there is something to do. The engine's are read there.
//!
//! A variant that is not listed here does not compile.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Fault, HandshakeError, HeadError, Inbox, Outbox,
    Refusal, Request, RequestHead, SendError, ServerHandshake,
};

use crate::error::Error;
use crate::open::error::{
    AcceptError, ConnectError, Phase, ProxyError, ProxyUrlError, RedirectError, RedirectReason,
    SocksReply, UrlError,
};
use crate::plain_english::assert_plain;
use crate::tls::{CertificateProblem, TlsError};

/// All variants of an enum, with examples of what is in them.
macro_rules! every {
    ($enum:ident: $($(#[$when:meta])? $variant:ident $(($($value:expr),*))? $({ $($field:ident: $of:expr),* })?),* $(,)?) => {{
        let _complete = |it: $enum| match it { $($(#[$when])? $enum::$variant { .. } => {})* };
        [$($(#[$when])? $enum::$variant $(($($value),*))? $({ $($field: $of),* })?),*]
    }};
}

/// Every message must be one line that can stand within a sentence, neither too short to say
/// something nor too long to be read, and about one of `whom`.
fn read(whom: &[&str], errors: impl IntoIterator<Item = impl std::error::Error>) {
    let messages: Vec<_> = errors.into_iter().map(|error| say(&error)).collect();
    for (i, message) in messages.iter().enumerate() {
        assert!((15..=300).contains(&message.len()), "{} bytes: {message}", message.len());
        assert_plain(message);
        assert!(!message.contains(['"', '\u{202e}']), "{message}");
        // Acronyms are as they are.
        let (first, second) = (message.chars().next(), message.chars().nth(1));
        let is_sentence =
            first.is_some_and(char::is_uppercase) && second.is_some_and(char::is_lowercase);
        assert!(!is_sentence && !message.ends_with('.'), "{message}");
        assert!(!message.contains(['\n', '{']) && !message.contains("  "), "{message}");
        assert!(!messages[..i].contains(message), "twice: {message}");
        assert!(whom.iter().any(|who| message.contains(who)), "none of {whom:?}: {message}");
    }
}

/// The text of an error. Its causes repeat none of it, and `main` prints all of it once.
fn say(error: &dyn std::error::Error) -> String {
    let mut sentences = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let sentence = error.to_string();
        assert!(sentences.iter().all(|said| !said.contains(&sentence)), "twice: {sentence}");
        sentences.push(sentence);
        cause = error.source();
    }
    assert_eq!(format!("{error:?}"), sentences.join("\n  caused by: "));
    sentences.swap_remove(0)
}

fn io_error() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn refusal(status: u16) -> Box<Refusal> {
    answer(&format!("HTTP/1.1 {status} Because\r\nContent-Length: 0\r\n\r\n"))
}

fn answer(text: &str) -> Box<Refusal> {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let request = ClientRequest::new("localhost", "/").expect("a valid request");
    let now = Duration::ZERO;
    let mut handshake =
        ClientHandshake::start(&request, [7; 16], Config::default(), now, &mut outbox);
    inbox.extend(text.as_bytes());
    handshake.next_response(&mut inbox).expect_err("it is refused");
    Box::new(handshake.into_refusal().expect("it was refused"))
}

fn request() -> RequestHead {
    ask("GET /chat HTTP/1.1\r\nHost: h\r\nOrigin: http://other\r\n\r\n")
}

fn ask(text: &str) -> RequestHead {
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    inbox.extend(text.as_bytes());
    let mut handshake = ServerHandshake::new(Config::default(), Duration::ZERO);
    match handshake.next_request(&mut inbox, &mut outbox) {
        Ok(Some(Request::Plain(head))) => head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn urls() {
    let url = every!(UrlError: Scheme, Fragment, UserInfo, Host, HostNotAscii, HostNotIdna, Zone, SocketPath, NoUnixSockets, Port, Percent, Resource);
    read(&["URL"], url);
    let proxy = every!(ProxyUrlError: Scheme, Https, UserInfo, Host, Port, Path);
    read(&["proxy"], proxy);
}

#[test]
fn connecting() {
    let timeout = Duration::from_secs(10);
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let mut errors: Vec<_> = every!(ConnectError:
        Url(UrlError::Scheme), Header(HeadError::ReservedHeader), TlsUnavailable,
        Resolve { host: "example.com".to_owned(), error: io_error() },
        Unreachable { host: "example.com".to_owned(), failures: Vec::new() }, Proxy(ProxyError::Closed), Io(io_error()),
        TimedOut { phase: Phase::Tls, timeout: timeout, whole: false },
        Handshake(HandshakeError::MissingAccept), Refused(refusal(404)), Abandoned,
        Redirect(RedirectError::new(RedirectReason::Loop, refusal(302))),
        Tls(TlsError::NotTls), UnixSocket { path: "/run/chat.sock".into(), error: io_error() },
        #[cfg(feature = "hyper")] ExtendedConnectUnavailable,
    )
    .into();
    errors.push(ConnectError::Unreachable {
        host: "example.com".to_owned(),
        failures: vec![(address, io_error())],
    });
    errors.push(ConnectError::TimedOut { phase: Phase::Resolve, timeout, whole: true });
    assert!(errors.iter().all(|error| error.source().is_none()));
    let whom = [
        "URL",
        "header",
        "host",
        "Unix socket",
        "server",
        "proxy",
        "connection",
        "peer",
        "took longer",
        "attempt",
    ];
    read(&whom, errors);
    let phases = every!(Phase: Resolve, Tcp, Proxy, Tls, Handshake);
    for phase in phases {
        let error = ConnectError::TimedOut { phase, timeout, whole: false };
        read(&["took longer than 10 s"], [error]);
    }
}

#[test]
fn redirects() {
    let reasons = every!(RedirectReason:
        NoLocation, Location(UrlError::Scheme), UserInfo, Downgrade, Loop, TooMany(5), UnixSocket,
        Connector,
    );
    read(
        &["the server's redirect (308) was not followed: "],
        reasons.map(|reason| RedirectError::new(reason, refusal(308))),
    );
}

#[test]
fn proxies() {
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let mut errors: Vec<_> = every!(ProxyError:
        Url(ProxyUrlError::Scheme),
        Resolve { host: "proxy.example.com".to_owned(), error: io_error() },
        Unreachable { host: "example.com".to_owned(), failures: Vec::new() }, Refused(refusal(403)), Http(HandshakeError::InvalidStatusLine),
        Socks(SocksReply::NotAllowed), NoAcceptableMethod, AuthenticationRefused, NotSocks5,
        NameTooLong, Closed, Io(io_error()),
    )
    .into();
    errors.push(ProxyError::Unreachable {
        host: "example.com".to_owned(),
        failures: vec![(address, io_error())],
    });
    errors.push(ProxyError::Refused(refusal(407)));
    read(&["proxy"], errors);
    let replies = every!(SocksReply:
        GeneralFailure, NotAllowed, NetworkUnreachable, HostUnreachable, ConnectionRefused,
        TtlExpired, CommandNotSupported, AddressTypeNotSupported, Other(0x42),
    );
    read(&["the proxy could not connect: "], replies.map(ProxyError::Socks));
}

#[test]
fn accepting() {
    let errors = every!(AcceptError:
        Io(io_error()), Tls(Box::new(TlsError::NotTls)), Handshake(HandshakeError::MissingKey),
        OriginRefused(request()), HostRefused(request()), NotWebSocket(request()), Header(HeadError::ReservedHeader),
        Refused(request(), 403), Full(request()), GivenUp,
        #[cfg(feature = "hyper")] NotUpgradable(request()),
    );
    let whom =
        ["connection", "peer", "client", "page", "request", "header", "application", "server"];
    read(&whom, errors);
    read(&["/chat"], [AcceptError::NotWebSocket(request()), AcceptError::Refused(request(), 403)]);
    read(&["http://other"], [AcceptError::OriginRefused(request())]);
    read(&["ServerOptions::connections_max"], [AcceptError::Full(request())]);
}

#[test]
fn connections() {
    let errors = every!(Error:
        Connect(ConnectError::Abandoned), Accept(AcceptError::GivenUp),
        Fault(Fault::ConnectionLost), Io(io_error()), Tls(TlsError::Truncated),
        Send(SendError::OutboxFull), CallbackPanicked("out of cheese".to_owned()),
    );
    let whom = ["attempt", "handshake", "peer", "connection", "outbox", "callback"];
    read(&whom, errors);
}

#[test]
fn tls() {
    use rustls::{AlertDescription, CertificateError};

    use crate::tls::{Alert, TlsFailure};

    let (day, name) = (Duration::from_secs(86_400), || "example.com".to_owned());
    let problems = every!(CertificateProblem:
        Expired(day), NotYetValid(day), WrongHost { host: name(), names: vec![name()] },
        WrongIp { ip: [127, 0, 0, 1].into(), names: Vec::new() },
        UnknownIssuer { issuer: name() },
        SelfSigned { sha256: "ab:cd".to_owned() }, NotPinned { sha256: "ab:cd".to_owned() },
        BadSignature, Revoked, WrongPurpose, Malformed, Missing,
        Other(TlsFailure::of(rustls::Error::InvalidCertificate(
            CertificateError::UnhandledCriticalExtension,
        ))),
    );
    read(&["the peer's certificate", "the peer sent no certificate"], problems);
    let errors = every!(TlsError:
        Settings("there are no roots".to_owned()), HostName("a b".to_owned()),
        Certificate(CertificateProblem::Revoked), Alert(Alert::of(AlertDescription::CertificateRequired)),
        Version, PlainHttp, NotTls, Protocol(TlsFailure::of(rustls::Error::DecryptError)),
        EndedInHandshake, Truncated, TimedOut(Duration::from_secs(10)), Io(io_error()),
    );
    read(&["peer", "TLS", "host", "connection"], errors);
}

#[cfg(feature = "blocking")]
#[test]
fn scripts() {
    use crate::testkit::{PlayError, Role, ScriptedPeer};

    let script =
        ScriptedPeer::new(Role::Server).expect_end().finish().expect_err("it has not ended");
    read(&["script"], every!(PlayError: Script(script), Io(io_error())));
}

/// Changes how a terminal shows a line, or ends it.
const HOSTILE: &str = "\u{202e}\u{85}\u{9b}31m\u{2028}\u{200f}";

#[track_caller]
fn is_harmless(error: &dyn std::error::Error) {
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(HOSTILE.chars().filter(|char| !char.is_ascii()).all(|char| !text.contains(char)));
        assert!(text.chars().count() <= 1_500 && !text.contains(&"x".repeat(65)), "{text}");
    }
}

#[test]
fn text_of_a_peer_is_escaped_and_cut() {
    let long = format!("{HOSTILE}{}", "x".repeat(300));
    let hostile = |status: u16| {
        let body = format!("\x1b[31m{long}");
        let len = body.len();
        let head = format!("HTTP/1.1 {status} {long}\r\nContent-Length: {len}\r\n\r\n");
        answer(&(head + &body))
    };
    is_harmless(&ConnectError::Refused(hostile(403)));
    is_harmless(&ProxyError::Refused(hostile(403)));
    is_harmless(&ProxyError::Refused(hostile(407)));
    let request = ask(&format!("GET /{} HTTP/1.1\r\nOrigin: {long}\r\n\r\n", "x".repeat(300)));
    is_harmless(&AcceptError::OriginRefused(request.clone()));
    is_harmless(&AcceptError::NotWebSocket(request.clone()));
    is_harmless(&AcceptError::Refused(request, 403));
    let names = vec![long.clone(); 9];
    is_harmless(&CertificateProblem::WrongHost { host: "h".to_owned(), names: names.clone() });
    is_harmless(&CertificateProblem::WrongIp { ip: [127, 0, 0, 1].into(), names });
    is_harmless(&CertificateProblem::UnknownIssuer { issuer: long });
}

#[test]
fn the_beginning_of_a_short_text_says_why() {
    let say = |headers: &str, body: &str| {
        let len = body.len();
        let head = format!("HTTP/1.1 403 No\r\n{headers}Content-Length: {len}\r\n\r\n");
        ConnectError::Refused(answer(&(head + body))).to_string()
    };
    let bare = "the server refused the opening handshake: 403 No";
    assert_eq!(say("", "the token has expired\n"), format!("{bare} (the token has expired)"));
    let long = format!("{bare} ({}...)", "a".repeat(64));
    assert_eq!(say("Content-Type: text/plain; charset=utf-8\r\n", &"a".repeat(99)), long);
    for (headers, body) in [
        ("", ""),
        ("", " \n"),
        ("", "<html>"),
        ("Content-Type: text/html\r\n", "a"),
        ("Content-Type: application/json\r\n", "{}"),
        ("", &*"a".repeat(600)),
    ] {
        assert_eq!(say(headers, body), bare, "{headers}{body}");
    }
}

#[test]
fn names_in_certificates_are_not_shown_as_code() {
    use rustls::CertificateError;
    use rustls::pki_types::ServerName;

    let error = CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("here.example").expect("a name"),
        presented: vec!["DnsName(\"other.example\")".to_owned(), "IpAddress(127.0.0.1)".to_owned()],
    };
    let problem = CertificateProblem::of(error);
    let text = "the peer's certificate is not for here.example, but for other.example, 127.0.0.1";
    assert_eq!(problem.to_string(), text);
}
