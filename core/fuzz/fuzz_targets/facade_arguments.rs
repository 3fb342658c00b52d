//! Any arguments to the calls of the facade: `create` takes what makes one sound request and
//! nothing else; each `send` and `close` has one outcome, for the reason that the argument gives.
#![no_main]

use std::io::{self, IoSlice, Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use arbitrary::Arbitrary;
use bluewire::blocking::{Untimed, connect_over, websocketfactory};
use bluewire::facade::{CloseOptions, FailCode, SendOptions, WebSocket};
use bluewire::{Canceller, ConnectError, ConnectOptions, Url};
use bluewire_core::{Config, Inbox, Limits, Outbox, Request, ServerHandshake};
use libfuzzer_sys::fuzz_target;

/// No callback is longer on its way than this.
const PATIENCE: Duration = Duration::from_secs(9);

#[derive(Arbitrary, Debug)]
struct Arguments<'a> {
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    protocols: Vec<&'a str>,
    calls: Vec<Call<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Close(Option<u16>, Option<&'a str>),
}

impl Arguments<'_> {
    fn options(&self) -> ConnectOptions {
        let options = ConnectOptions::new(self.url).protocols(self.protocols.iter().copied());
        self.headers.iter().fold(options, |options, (name, value)| options.header(*name, *value))
    }

    /// Whether they are what `create` promises to take, by rules written down once more.
    fn are_lawful(&self) -> bool {
        let repeated = |at: usize| self.protocols[..at].contains(&self.protocols[at]);
        let origins = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("origin"));
        self.url.parse::<Url>().is_ok()
            && self.protocols.iter().all(|protocol| is_token(protocol))
            && !(0..self.protocols.len()).any(repeated)
            && self.headers.iter().all(|(name, value)| is_token(name) && is_value(value))
            && !self.headers.iter().any(|(name, _)| is_reserved(name))
            && origins.count() < 2
    }

    /// Reads the request as a server does: there is nothing in it but what was asked for.
    fn check_request(&self, head: &[u8]) {
        let limits = Limits::default().head_len_max(usize::MAX / 4).head_lines_max(10_000);
        let config = Config::default().limits(limits);
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        inbox.extend(head);
        let mut handshake = ServerHandshake::new(config, Duration::ZERO);
        let offer = match handshake.next_request(&mut inbox, &mut outbox) {
            Ok(Some(Request::Upgrade(offer))) => offer,
            other => panic!("{other:?} of {:?}", String::from_utf8_lossy(head)),
        };
        assert!(inbox.is_empty(), "more than one request");
        let url: Url = self.url.parse().expect("it was taken");
        assert_eq!(offer.head().target(), url.resource_name());
        assert!(offer.subprotocols().eq(self.protocols.iter().copied()));
        let named = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let own =
            5 + usize::from(!self.protocols.is_empty()) + usize::from(has_user(&url.with_secrets().to_string()) && !named);
        let added = offer.headers().iter().skip(own);
        let expected = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.trim_matches([' ', '\t']).as_bytes()));
        assert!(added.eq(expected), "{:?}", offer.headers());
    }
}

/// Whether there is a user name before the host, which makes a header.
fn has_user(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '\\']).next());
    let user = authority.and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| !user.is_empty())
}

fn is_token(text: &str) -> bool {
    let separator = |char| "()<>@,;:\\\"/[]?={}".contains(char);
    !text.is_empty() && text.chars().all(|char| char.is_ascii_graphic() && !separator(char))
}

fn is_value(text: &str) -> bool {
    !text.chars().any(|char| char.is_ascii_control() && char != '\t')
}

fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 8] = [
        "host",
        "upgrade",
        "connection",
        "content-length",
        "transfer-encoding",
        "trailer",
        "te",
        "expect",
    ];
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&&*name) || name.starts_with("sec-websocket-")
}

/// Keeps what is written, and has nothing to read.
struct Paper<'a>(&'a mut Vec<u8>);

impl Read for Paper<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Paper<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a call; what becomes of it comes by the channel.
fn make(socket: &WebSocket, call: &Call<'_>) -> Receiver<Result<(), u16>> {
    let (tell, told) = mpsc::channel();
    let (succeed, fail) = (tell.clone(), tell);
    let success = move || succeed.send(Ok(())).unwrap_or_default();
    let fail = move |_: &str, code: FailCode| fail.send(Err(code.value())).unwrap_or_default();
    match *call {
        Call::Text(text) => socket.send(SendOptions::new(text).success(success).fail(fail)),
        Call::Binary(bytes) => socket.send(SendOptions::new(bytes).success(success).fail(fail)),
        Call::Close(code, reason) => {
            let mut options = CloseOptions::default().success(success).fail(fail);
            if let Some(code) = code {
                options = options.code(code);
            }
            if let Some(reason) = reason {
                options = options.reason(reason);
            }
            socket.close(options);
        }
    }
    told
}

/// The result of a call on a connection that never opens.
fn expected(call: &Call<'_>) -> u16 {
    let Call::Close(code, reason) = call else { return 200 };
    let lawful = match (code, reason) {
        (None, Some(_)) => false,
        (Some(code), reason) => {
            let code = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            code && reason.is_none_or(|reason| reason.len() <= 123)
        }
        (None, None) => true,
    };
    if lawful { 200 } else { 202 }
}

fuzz_target!(|arguments: Arguments<'_>| {
    let lawful = arguments.are_lawful();
    let mut written = Vec::new();
    match connect_over(Untimed::new(Paper(&mut written)), arguments.options()) {
        Err(ConnectError::Handshake(_)) => {
            assert!(lawful, "it was taken");
            arguments.check_request(&written);
        }
        Err(ConnectError::Url(_) | ConnectError::Header(_)) => {
            assert!(!lawful, "it was not taken");
            assert!(written.is_empty());
        }
        other => panic!("{other:?}"),
    }

    // No socket is made for an attempt that was given up before it began.
    let canceller = Canceller::new();
    canceller.cancel();
    let created = websocketfactory::create(arguments.options().canceller(&canceller));
    let names_referer =
        arguments.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("referer"));
    let secure = arguments.url.parse::<Url>().is_ok_and(|url| url.is_secure());
    let socket = match created {
        Ok(socket) => socket,
        Err(ConnectError::Io(error)) => panic!("{error}"),
        Err(_) => {
            assert!(!lawful || names_referer || secure, "it was not created");
            return;
        }
    };
    assert!(lawful && !names_referer && !secure, "it was created");
    let outcomes: Vec<_> = arguments.calls.iter().map(|call| make(&socket, call)).collect();
    let (tell, ends) = mpsc::channel();
    let (error, close) = (tell.clone(), tell);
    socket.on_open(|| panic!("it was given up"));
    socket.on_error(move |_| error.send(0).unwrap_or_default());
    socket.on_close(move |event| close.send(event.code).unwrap_or_default());
    for (call, outcome) in arguments.calls.iter().zip(outcomes) {
        assert_eq!(outcome.recv_timeout(PATIENCE), Ok(Err(expected(call))), "{call:?}");
        assert!(outcome.recv_timeout(PATIENCE).is_err(), "a second outcome");
    }
    assert_eq!(ends.recv_timeout(PATIENCE), Ok(0));
    assert_eq!(ends.recv_timeout(PATIENCE), Ok(1006));
    drop(socket);
    assert!(ends.recv_timeout(PATIENCE).is_err(), "an end after the end");
});
