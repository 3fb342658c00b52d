//! Reads every message of every error: each says what is wrong and who did it, where the rule
//! stands that was broken, and what to do where there is something to do.
//!
//! A variant that is not listed here does not compile.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use crate::{CloseCode, Fault, HandshakeError, HeadError, ProtocolError, SendError, Timeout};

/// All variants of an enum, with examples of what is in them.
macro_rules! every {
    ($enum:ident: $($variant:ident $(($($value:expr),*))? $({ $($field:ident: $of:expr),* })?),* $(,)?) => {{
        let _complete = |it: $enum| match it { $($enum::$variant { .. } => {})* };
        [$($enum::$variant $(($($value),*))? $({ $($field: $of),* })?),*]
    }};
}

/// What every message is: one line that can stand within a sentence, neither too short to tell
/// something nor too long to be read.
fn read(errors: impl IntoIterator<Item = impl Display>) -> Vec<String> {
    let messages: Vec<_> = errors.into_iter().map(|error| error.to_string()).collect();
    for message in &messages {
        assert!((20..=180).contains(&message.len()), "{} bytes: {message}", message.len());
        assert!(message.starts_with("the "), "it does not begin with whom it is about: {message}");
        assert!(!message.ends_with('.') && !message.contains(['\n', '{']), "{message}");
        assert!(!message.contains("  "), "{message}");
    }
    for (i, message) in messages.iter().enumerate() {
        assert!(!messages[..i].contains(message), "twice: {message}");
    }
    messages
}

fn assert_begins_with_one_of(messages: &[String], culprits: &[&str]) {
    for message in messages {
        let named = culprits.iter().any(|culprit| message.starts_with(culprit));
        assert!(named, "it is none of {culprits:?}: {message}");
    }
}

fn every_protocol_error() -> impl IntoIterator<Item = ProtocolError> {
    every!(ProtocolError:
        ReservedBits, ReservedOpcode(0x3), FragmentedControlFrame, ControlFrameTooLong,
        UnmaskedFrame, MaskedFrame, LengthNotMinimal, LengthOutOfRange, UnexpectedContinuation,
        InterleavedMessage, FrameTooLong, MessageTooLong, TooManyFragments, InvalidDeflate,
        InvalidUtf8, CloseBodyTooShort, InvalidCloseCode(CloseCode::new(1005)),
        InvalidCloseReason,
    )
}

#[test]
fn what_the_peer_did_wrong_is_told_with_its_section() {
    let messages = read(every_protocol_error());
    assert_begins_with_one_of(
        &messages,
        &["the peer broke the protocol: ", "the peer went past a limit: "],
    );
    for (message, error) in messages.iter().zip(every_protocol_error()) {
        let rfc = if error == ProtocolError::InvalidDeflate { "7692" } else { "6455" };
        let place = alloc::format!("(RFC {rfc}, section {})", error.section());
        assert!(message.ends_with(&place), "{message}");
        // Who can do something about it is told what.
        assert_eq!(message.contains("limit: "), message.contains("; raise Limits::"), "{message}");
        // The same goes to the peer as the reason of a Close frame.
        assert!(error.rule().len() <= 123, "{message}");
    }
}

#[test]
fn what_the_caller_did_wrong_is_told_with_what_would_be_right() {
    let send = read(every!(SendError:
        NotOpen, MessageUnfinished, TypeChanged, OutboxFull, ControlPayloadTooLong,
        InvalidCloseCode(CloseCode::ABNORMAL), CloseReasonTooLong,
    ));
    let head = read(every!(HeadError:
        InvalidHost, InvalidResourceName, InvalidHeaderName, InvalidHeaderValue, ReservedHeader,
        RepeatedOrigin, InvalidSubprotocol, RepeatedSubprotocol, UnofferedSubprotocol,
        InvalidStatus,
    ));
    for message in send.iter().chain(&head) {
        let (_, advice) = message.split_once("; ").expect("it says what to do");
        assert!(advice.len() >= 10, "{message}");
        assert!(!message.starts_with("the peer"), "{message}");
    }
}

#[test]
fn what_failed_in_the_opening_handshake_is_told_with_who_did_it() {
    let errors = every!(HandshakeError:
        HeadTooLong, FirstLineTooLong, TooManyHeaderLines, ControlCharacter, BareLineEnd,
        FoldedHeaderLine, InvalidHeaderLine, InvalidRequestLine, InvalidStatusLine,
        UnsupportedHttpVersion, MethodNotGet, InvalidTarget, MissingHost, RepeatedHost,
        InvalidHost, MissingUpgrade, MissingConnection, MissingVersion, RepeatedVersion,
        UnsupportedVersion, MissingKey, RepeatedKey, InvalidKey, RequestWithBody, InvalidOrigin,
        InvalidSubprotocols, InvalidExtensions, Refused { status: 404 }, WrongUpgrade,
        WrongConnection, MissingAccept, RepeatedAccept, WrongAccept, RepeatedExtensions,
        UnofferedExtension, InvalidExtensionParams, RepeatedSubprotocol, UnofferedSubprotocol,
        TimedOut, ConnectionLost,
    );
    let messages = read(errors);
    assert_begins_with_one_of(&messages, &["the peer", "the client", "the server"]);
    for (message, error) in messages.iter().zip(errors) {
        let place = alloc::format!(" (RFC 6455, section {})", error.section());
        assert!(message.ends_with(&place) || error.section() == "4", "{message}");
        // A server answers what a client has done, and nothing else.
        match error.status() {
            Some(_) => assert!(!message.starts_with("the server"), "{message}"),
            None => assert!(!message.starts_with("the client"), "{message}"),
        }
    }
}

#[test]
fn a_refusal_is_told_with_what_its_status_asks_for() {
    for status in [200, 301, 307, 401, 403, 404, 407, 426, 429, 503] {
        let message = HandshakeError::Refused { status }.to_string();
        assert!(message.contains(&alloc::format!("status {status}: ")), "{message}");
        read([message]);
    }
    let unknown = HandshakeError::Refused { status: 418 }.to_string();
    assert_eq!(unknown, "the server refused the handshake with status 418 (RFC 6455, section 4.1)");
}

#[test]
fn how_a_connection_ended_is_told_with_who_ended_it() {
    let timeouts = every!(Timeout: Idle, Pong, Message, Close);
    for message in read(timeouts) {
        // The setting that would have to be another one.
        assert!(message.contains("within Config::") || message.contains("within Keepalive::"));
    }
    let faults = every!(Fault:
        Protocol(ProtocolError::MaskedFrame), Application(CloseCode::INTERNAL_ERROR),
        Timeout(Timeout::Idle), ConnectionLost,
    );
    assert_begins_with_one_of(&read(faults), &["the peer", "the application here"]);
}
