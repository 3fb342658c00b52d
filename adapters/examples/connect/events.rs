//! Events as JSON objects, one a line.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use bluewire::Message;
use bluewire::facade::{CloseEvent, ReconnectEvent};

pub(crate) fn open(protocol: Option<&str>) {
    let protocol = protocol.map_or_else(|| "null".to_owned(), string);
    print(&format!(r#"{{"event":"open","protocol":{protocol}}}"#));
}

pub(crate) fn message(message: Message<'_>) {
    let (kind, data) = match message {
        Message::Text(text) => ("text", string(text)),
        Message::Binary(bytes) => ("binary", string(&hex(bytes))),
    };
    print(&format!(r#"{{"event":"message","type":"{kind}","data":{data}}}"#));
}

pub(crate) fn error(data: &str) {
    print(&format!(r#"{{"event":"error","data":{}}}"#, string(data)));
}

pub(crate) fn close(close: &CloseEvent) {
    let CloseEvent { code, reason, was_clean, .. } = close;
    let reason = string(reason);
    print(&format!(
        r#"{{"event":"close","code":{code},"reason":{reason},"wasClean":{was_clean}}}"#
    ));
}

pub(crate) fn reconnect(event: &ReconnectEvent) {
    let (retry, code, delay) = (event.retry, event.close.code, event.delay.as_secs_f64());
    print(&format!(r#"{{"event":"reconnect","retry":{retry},"code":{code},"delay":{delay}}}"#));
}

fn print(object: &str) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{object}").and_then(|()| stdout.flush()).is_err() {
        // The receiver is gone.
        std::process::exit(1);
    }
}

/// A JSON string (RFC 8259, section 7).
fn string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..='\x1f' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            _ => json.push(character),
        }
    }
    json.push('"');
    json
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
