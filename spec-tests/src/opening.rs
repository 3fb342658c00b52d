//! The tester's side of the opening handshake (section 4), strict in what it accepts.

use crate::case::Role;
use crate::deflate::DeflateLoop;
use crate::digest::{accept_value, base64};
use crate::random::Random;

/// An opening handshake under way.
#[derive(Debug)]
pub struct Opening {
    input: Vec<u8>,
    /// The value that a client awaits as `Sec-WebSocket-Accept`; a server awaits a request.
    accept: Option<String>,
    /// The offers, or the rules for accepting, for compression.
    deflate: Option<DeflateLoop>,
}

/// An opening handshake that is done.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The bytes to send.
    pub answer: Vec<u8>,
    /// The server's answer in `Sec-WebSocket-Extensions`.
    pub extensions: Option<String>,
    /// The bytes that followed the head: the first frames.
    pub rest: Vec<u8>,
}

impl Opening {
    /// How long a head may be.
    const HEAD_LEN_MAX: usize = 64 * 1024;

    /// An opening handshake in this role, and the bytes to send first.
    #[must_use]
    pub fn new(
        role: Role,
        host: &str,
        deflate: Option<&DeflateLoop>,
        random: &mut Random,
    ) -> (Self, Vec<u8>) {
        let (accept, first) = match role {
            Role::Server => (None, Vec::new()),
            Role::Client => {
                let key = base64(&[random.bytes(), random.bytes()].concat());
                let offer = extensions_line(deflate.map(DeflateLoop::offer_header).as_deref());
                let request = format!(
                    "GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
                     Sec-WebSocket-Version: 13\r\n{offer}\r\n"
                );
                (Some(accept_value(&key)), request.into_bytes())
            }
        };
        (Self { input: Vec::new(), accept, deflate: deflate.cloned() }, first)
    }

    /// Takes bytes that came, until the head is complete.
    ///
    /// # Errors
    ///
    /// The fault of the head, in words.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Opened>, String> {
        self.input.extend_from_slice(bytes);
        let Some(end) = self.input.windows(4).position(|window| window == b"\r\n\r\n") else {
            let too_long = self.input.len() > Self::HEAD_LEN_MAX;
            return if too_long { Err("the head does not end".into()) } else { Ok(None) };
        };
        let rest = self.input.split_off(end + 4);
        let head = std::str::from_utf8(&self.input[..end]).map_err(|_| "the head is not text")?;
        let head = Head::parse(head)?;
        let deflate = self.deflate.as_ref();
        let (answer, extensions) = match &self.accept {
            Some(accept) => (String::new(), check_response(&head, accept, deflate.is_some())?),
            None => answer_request(&head, deflate)?,
        };
        Ok(Some(Opened { answer: answer.into_bytes(), extensions, rest }))
    }
}

struct Head<'a> {
    first_line: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Head<'a> {
    fn parse(head: &'a str) -> Result<Self, String> {
        let mut lines = head.split("\r\n");
        let first_line = lines.next().unwrap_or_default();
        let field = |line: &'a str| match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains(' ') => {
                Ok((name, value.trim_matches([' ', '\t'])))
            }
            _ => Err(format!("\"{line}\" is no header field")),
        };
        Ok(Self { first_line, fields: lines.map(field).collect::<Result<_, _>>()? })
    }

    /// The value of a field that must be there once.
    fn only(&self, name: &str) -> Result<&'a str, String> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(format!("{name} is missing")),
            (Some(_), Some(_)) => Err(format!("{name} is repeated")),
        }
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |(field, _): &&(&str, &str)| field.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|(_, value)| *value)
    }

    fn has_token(&self, name: &str, token: &str) -> Result<(), String> {
        let mut tokens = self.all(name).flat_map(|value| value.split(',')).map(str::trim);
        let found = tokens.any(|value| value.eq_ignore_ascii_case(token));
        if found { Ok(()) } else { Err(format!("{name} does not name {token}")) }
    }

    fn lacks(&self, name: &str) -> Result<(), String> {
        match self.all(name).next() {
            Some(value) => Err(format!("{name}: {value} was not asked for")),
            None => Ok(()),
        }
    }
}

/// The header line, if there is anything to say.
fn extensions_line(value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!("Sec-WebSocket-Extensions: {value}\r\n"))
}

/// 4.2.2, item 5. Gives the extensions, which may be there if some were offered.
fn check_response(
    head: &Head<'_>,
    accept: &str,
    has_offered: bool,
) -> Result<Option<String>, String> {
    if !head.first_line.starts_with("HTTP/1.1 101 ") {
        return Err(format!("the status line is \"{}\"", head.first_line));
    }
    head.has_token("Upgrade", "websocket")?;
    head.has_token("Connection", "Upgrade")?;
    let value = head.only("Sec-WebSocket-Accept")?;
    if value != accept {
        return Err(format!("Sec-WebSocket-Accept is {value}, not {accept}"));
    }
    for name in ["Sec-WebSocket-Protocol", "Content-Length", "Transfer-Encoding"] {
        head.lacks(name)?;
    }
    const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    if has_offered && head.lacks(EXTENSIONS).is_err() {
        return Ok(Some(head.only(EXTENSIONS)?.into()));
    }
    head.lacks(EXTENSIONS).map(|()| None)
}

/// 4.1: what a request must have; the response that accepts it, and the extensions in it.
fn answer_request(
    head: &Head<'_>,
    deflate: Option<&DeflateLoop>,
) -> Result<(String, Option<String>), String> {
    let mut words = head.first_line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let is_path = target.is_some_and(|target| target.starts_with('/') && !target.contains('#'));
    if method != Some("GET") || !is_path || version != Some("HTTP/1.1") || words.next().is_some() {
        return Err(format!("the request line is \"{}\"", head.first_line));
    }
    if head.only("Host")?.is_empty() {
        return Err("Host is empty".into());
    }
    head.has_token("Upgrade", "websocket")?;
    head.has_token("Connection", "Upgrade")?;
    let version = head.only("Sec-WebSocket-Version")?;
    if version != "13" {
        return Err(format!("Sec-WebSocket-Version is {version}"));
    }
    let key = head.only("Sec-WebSocket-Key")?;
    // 16 bytes in base64 are 22 digits and two signs of padding.
    let digits = key.strip_suffix("==").unwrap_or_default();
    let is_digit = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if digits.len() != 22 || !digits.chars().all(is_digit) {
        return Err(format!("Sec-WebSocket-Key is {key}, not 16 bytes"));
    }
    let accept = accept_value(key);
    let offers: Vec<_> = head.all("Sec-WebSocket-Extensions").collect();
    let extensions = deflate.and_then(|deflate| deflate.answer(&offers.join(", ")));
    let line = extensions_line(extensions.as_deref());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{line}\r\n"
    );
    Ok((answer, extensions))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n\
        Upgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    fn serve(request: &str) -> Result<String, String> {
        let (mut opening, _) = Opening::new(Role::Server, "", None, &mut Random::new(1));
        let opened = opening.receive(request.as_bytes())?.expect("a whole head");
        assert_eq!(opened.rest, b"");
        Ok(String::from_utf8(opened.answer).expect("text"))
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let answer = serve(REQUEST).expect("accepted");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    }

    #[test]
    fn a_request_lacking_anything_is_refused() {
        for (there, instead) in [
            ("GET", "POST"),
            ("/chat", "/chat#top"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("Host: server.example.com\r\n", ""),
            ("websocket", "websockets"),
            ("Connection: Upgrade", "Connection: close"),
            ("ZQ==", "ZQ="),
            ("Version: 13", "Version: 8"),
            ("Host:", "Host :"),
        ] {
            assert!(serve(&REQUEST.replace(there, instead)).is_err(), "{there} -> {instead}");
        }
    }

    #[test]
    fn both_sides_agree_whatever_the_cut() {
        let (mut client, request) =
            Opening::new(Role::Client, "127.0.0.1:9001", None, &mut Random::new(2));
        let (mut server, _) = Opening::new(Role::Server, "", None, &mut Random::new(3));
        let (start, last) = request.split_at(request.len() - 1);
        assert_eq!(server.receive(start), Ok(None));
        let opened = server.receive(last).expect("accepted").expect("a whole head");
        let with_frame = [&opened.answer[..], b"\x81\x00"].concat();
        let established = client.receive(&with_frame).expect("accepted").expect("a whole head");
        let expected = Opened { answer: vec![], extensions: None, rest: b"\x81\x00".to_vec() };
        assert_eq!(established, expected);

        let (mut client, _) = Opening::new(Role::Client, "127.0.0.1", None, &mut Random::new(9));
        assert!(client.receive(&opened.answer).is_err(), "the accept value of another key");
    }
}
