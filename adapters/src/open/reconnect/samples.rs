//! Ends for the tests to judge.

use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{ClientHandshake, ClientRequest, Config, Inbox, Outbox};

use crate::open::error::ConnectError;

/// The error of an attempt that gets this status and these header lines.
pub(super) fn refused(status: u16, headers: &str) -> ConnectError {
    let request = ClientRequest::new("localhost", "/").expect("it is lawful");
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let config = Arc::<Config>::default();
    let mut handshake =
        ClientHandshake::start(&request, [0; 16], config, Duration::ZERO, &mut outbox);
    let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n{headers}\r\n");
    inbox.extend(answer.as_bytes());
    handshake.next_response(&mut inbox).expect_err("it is refused");
    ConnectError::Refused(Box::new(handshake.into_refusal().expect("it is refused")))
}
