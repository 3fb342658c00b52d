//! The command line.

use std::time::Duration;

use bluewire::{Config, OwnedMessage, Proxy};

pub(crate) const USAGE: &str = "\
usage: connect [OPTION]... URL

  --adapter blocking|smol|tokio which adapter to use (blocking)
  --header 'NAME: VALUE'        adds a header to the request; may be repeated
  --protocol NAME               offers a subprotocol; may be repeated
  --send TEXT, --send-hex HEX   sends a message; may be repeated. Then waits for as many
                                messages, or for the timeout (10 seconds), and closes
  --echo                        sends each message back, until the connection ends
  --close CODE REASON           how to close (1000 and no reason); without --send and --echo:
                                closes as soon as the connection is open
  --timeout SECONDS             closes this long after the connection was opened
  --read-timeout SECONDS        drops the connection when nothing comes for so long
  --handshake-timeout SECONDS   how long connecting and the opening handshake may take, each
  --close-timeout SECONDS       how long the closing handshake may take
  --max-message BYTES           the largest message to take
  --proxy URL                   goes through this proxy: http, socks5 or socks5h
  --proxy-env                   goes through the proxies that the environment names, if any
  --redirects N                 follows up to N redirects (0)
  --ca FILE                     trusts only the certificate authorities in this PEM file (wss)
  --deflate                     offers compression
  --reconnect                   connects again after what may pass

Without --send, --echo and --close, lines from standard input are sent, and its end closes.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Interactive,
    SendAndClose,
    Echo,
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) adapter: Adapter,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) protocols: Vec<String>,
    pub(crate) messages: Vec<OwnedMessage>,
    pub(crate) mode: Mode,
    pub(crate) close: (u16, String),
    pub(crate) timeout: Option<Duration>,
    pub(crate) proxy: Option<Proxy>,
    /// Whether the environment's proxies count.
    pub(crate) proxy_env: bool,
    /// How many are followed.
    pub(crate) redirects: u32,
    /// The file of certificate authorities.
    pub(crate) ca: Option<String>,
    pub(crate) config: Config,
    pub(crate) reconnect: bool,
}

/// The request of the command line; `None` if it is for help.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut args = args;
    let mut parsed = Args {
        adapter: Adapter::Blocking,
        url: String::new(),
        headers: Vec::new(),
        protocols: Vec::new(),
        messages: Vec::new(),
        mode: Mode::Interactive,
        close: (1000, String::new()),
        timeout: None,
        proxy: None,
        proxy_env: false,
        redirects: 0,
        ca: None,
        config: Config::default(),
        reconnect: false,
    };
    let (mut echo, mut closes) = (false, false);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match &*arg {
            "--help" | "-h" => return Ok(None),
            "--adapter" => parsed.adapter = adapter(&value()?)?,
            "--header" => parsed.headers.push(header(&value()?)?),
            "--protocol" => parsed.protocols.push(value()?),
            "--send" => parsed.messages.push(OwnedMessage::Text(value()?)),
            "--send-hex" => parsed.messages.push(OwnedMessage::Binary(unhex(&value()?)?)),
            "--echo" => echo = true,
            "--reconnect" => parsed.reconnect = true,
            "--close" => {
                parsed.close = (number(&arg, &value()?)?, value()?);
                closes = true;
            }
            "--timeout" => parsed.timeout = Some(seconds(&arg, &value()?)?),
            "--read-timeout" => {
                parsed.config.idle_timeout = Some(seconds(&arg, &value()?)?);
                // Our pings would have the peer send something.
                parsed.config.keepalive = None;
            }
            "--handshake-timeout" => parsed.config.handshake_timeout = seconds(&arg, &value()?)?,
            "--close-timeout" => parsed.config.close_timeout = seconds(&arg, &value()?)?,
            "--max-message" => take_messages_up_to(number(&arg, &value()?)?, &mut parsed.config),
            #[cfg(feature = "deflate")]
            "--deflate" => parsed.config.deflate = Some(bluewire::Deflate::default()),
            #[cfg(not(feature = "deflate"))]
            "--deflate" => return Err(format!("{arg} needs the feature deflate")),
            "--ca" if cfg!(feature = "_tls") => parsed.ca = Some(value()?),
            "--ca" => return Err(format!("{arg} needs the feature tls")),
            "--proxy" => parsed.proxy = Some(proxy(&value()?)?),
            "--redirects" => parsed.redirects = number(&arg, &value()?)?,
            "--proxy-env" => parsed.proxy_env = true,
            _ if arg.starts_with("--") => return Err(format!("unknown option {arg}")),
            _ if parsed.url.is_empty() => parsed.url = arg,
            _ => return Err(format!("one URL too many: {arg}")),
        }
    }
    if parsed.url.is_empty() {
        return Err("which URL?".to_owned());
    }
    parsed.mode = match (echo, closes || !parsed.messages.is_empty()) {
        (true, _) => Mode::Echo,
        (false, true) => Mode::SendAndClose,
        (false, false) => Mode::Interactive,
    };
    if parsed.mode == Mode::SendAndClose && parsed.timeout.is_none() {
        parsed.timeout = Some(Duration::from_secs(10));
    }
    Ok(Some(parsed))
}

fn adapter(name: &str) -> Result<Adapter, String> {
    match name {
        "blocking" => Ok(Adapter::Blocking),
        "smol" => Ok(Adapter::Smol),
        #[cfg(feature = "tokio")]
        "tokio" => Ok(Adapter::Tokio),
        #[cfg(not(feature = "tokio"))]
        "tokio" => Err("the adapter tokio needs the feature tokio".to_owned()),
        _ => Err(format!("no such adapter: {name}")),
    }
}

/// The URL may hold a password: it is not repeated.
fn proxy(url: &str) -> Result<Proxy, String> {
    url.parse().map_err(|error| format!("--proxy: {error}"))
}

fn header(line: &str) -> Result<(String, String), String> {
    let (name, value) =
        line.split_once(':').ok_or_else(|| format!("a header is 'NAME: VALUE', not {line:?}"))?;
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn number<N: std::str::FromStr>(option: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{option} takes a number, not {text:?}"))
}

fn seconds(option: &str, text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number(option, text)?)
        .map_err(|error| format!("{option} {text}: {error}"))
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let not_hex = || format!("--send-hex takes pairs of hexadecimal digits, not {text:?}");
    let digits = text.chars().map(|digit| digit.to_digit(16).and_then(|d| u8::try_from(d).ok()));
    let digits: Vec<u8> = digits.collect::<Option<_>>().ok_or_else(not_hex)?;
    match digits.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        _ => Err(not_hex()),
    }
}

/// Each message that can be received can be sent back, while the answer to the one before waits.
fn take_messages_up_to(len_max: u64, config: &mut Config) {
    let limits = &mut config.limits;
    limits.message_len_max = len_max;
    limits.frame_len_max = len_max;
    let twice = usize::try_from(len_max.saturating_mul(2)).unwrap_or(usize::MAX);
    limits.outbox_len_max = limits.outbox_len_max.max(twice);
}
