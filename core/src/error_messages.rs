//! Reads every message of every error: each is one sentence of plain English that says what
//! happened and who did it, which rule or which limit it broke, and what the reader can do.
//!
//! A variant that is not listed here does not compile.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use crate::plain_english::assert_plain;
use crate::testkit::{CaptureError, CaptureErrorKind, ScriptError};
use crate::{CloseCode, Fault, HandshakeError, HeadError, ProtocolError, SendError, Timeout};

/// All variants of an enum, with examples of what is in them.
macro_rules! every {
    ($enum:ident: $($variant:ident $(($($value:expr),*))? $({ $($field:ident: $of:expr),* })?),* $(,)?) => {{
        let _complete = |it: $enum| match it { $($enum::$variant { .. } => {})* };
        [$($enum::$variant $(($($value),*))? $({ $($field: $of),* })?),*]
    }};
}

/// Every message must be one short sentence that can stand within another, and does not say things
/// twice.
fn read(errors: impl IntoIterator<Item = impl Display>) -> Vec<String> {
    let messages: Vec<_> = errors.into_iter().map(|error| error.to_string()).collect();
    for message in &messages {
        assert!((20..=180).contains(&message.len()), "{} bytes: {message}", message.len());
        assert_plain(message);
        assert!(message.starts_with("the "), "it does not begin with whom it is about: {message}");
        assert!(!message.contains(". ") && !message.ends_with(['.', '?']), "{message}");
        assert!(!message.contains(['\n', '{', '"']) && !message.contains("  "), "{message}");
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
        InterleavedMessage, FrameTooLong { limit: 1 }, MessageTooLong { limit: u64::MAX },
        TooManyFragments { limit: u32::MAX }, InvalidDeflate,
        InvalidUtf8, CloseBodyTooShort, InvalidCloseCode(CloseCode::new(1005)),
        InvalidCloseReason,
    )
}

#[test]
fn a_fault_of_the_peer_names_its_section() {
    let messages = read(every_protocol_error());
    assert_begins_with_one_of(&messages, &["the peer ", "the client ", "the server "]);
    let mut rules = Vec::new();
    for (message, error) in messages.iter().zip(every_protocol_error()) {
        let rfc = if error == ProtocolError::InvalidDeflate { "7692" } else { "6455" };
        let place = alloc::format!("(RFC {rfc}, section {})", error.section());
        assert!(message.ends_with(&place), "{message}");
        // The reader can do something about limits.
        assert_eq!(error.section() == "10.4", message.contains("; raise that limit"), "{message}");
        // The same goes to the peer as the reason of a Close frame.
        assert!(error.rule().len() <= 123, "{message}");
        assert!(!rules.contains(&error.rule()), "twice: {}", error.rule());
        rules.push(error.rule());
    }
}

#[test]
fn the_error_of_a_limit_has_its_name_and_value() {
    for (message, sentence) in [
        (
            ProtocolError::MessageTooLong { limit: 16_777_216 }.to_string(),
            "the peer sent a message longer than 16777216 bytes (Limits::message_len_max); \
             raise that limit to receive it (RFC 6455, section 10.4)",
        ),
        (
            ProtocolError::FrameTooLong { limit: 125 }.to_string(),
            "the peer sent a frame longer than 125 bytes (Limits::frame_len_max); \
             raise that limit to receive it (RFC 6455, section 10.4)",
        ),
        (
            ProtocolError::TooManyFragments { limit: 10 }.to_string(),
            "the peer sent a message in more than 10 fragments (Limits::fragments_max); \
             raise that limit to receive it (RFC 6455, section 10.4)",
        ),
        (
            SendError::MessageTooLong { limit: 33_554_432 }.to_string(),
            "the message does not fit an outbox of 33554432 bytes (Limits::outbox_len_max); \
             raise that limit, or send the message in chunks",
        ),
        (
            HandshakeError::HeadTooLong { limit: 16_384 }.to_string(),
            "the peer sent an HTTP head longer than 16384 bytes (Limits::head_len_max); \
             raise that limit to accept it (RFC 6455, section 10.4)",
        ),
        (
            HandshakeError::TooManyHeaderLines { limit: 100 }.to_string(),
            "the peer sent an HTTP head of more than 100 lines (Limits::head_lines_max); \
             raise that limit to accept it (RFC 6455, section 10.4)",
        ),
    ] {
        assert_eq!(message, sentence);
    }
}

#[test]
fn a_mistake_of_the_caller_says_how_to_do_it_right() {
    let send = read(every!(SendError:
        NotOpen, MessageUnfinished, TypeChanged, OutboxFull, MessageTooLong { limit: usize::MAX },
        ControlPayloadTooLong,
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
fn a_failed_opening_handshake_says_who_caused_it() {
    let errors = every!(HandshakeError:
        HeadTooLong { limit: usize::MAX }, FirstLineTooLong { limit: usize::MAX },
        TooManyHeaderLines { limit: usize::MAX }, ControlCharacter, BareLineEnd,
        FoldedHeaderLine, InvalidHeaderLine, InvalidRequestLine, InvalidStatusLine,
        UnsupportedHttpVersion, MethodNotGet, MissingProtocol, UnknownProtocol,
        MethodNotConnect, InvalidTarget, MissingHost, RepeatedHost,
        InvalidHost, MissingUpgrade, MissingConnection, MissingVersion, RepeatedVersion,
        UnsupportedVersion, MissingKey, RepeatedKey, InvalidKey, RequestWithBody, InvalidOrigin,
        InvalidSubprotocols, InvalidExtensions, Refused { status: 404 }, WrongUpgrade,
        WrongConnection, MissingAccept, RepeatedAccept, WrongAccept, RepeatedExtensions,
        UnofferedExtension, InvalidExtensionParams, RepeatedSubprotocol, UnofferedSubprotocol,
        TimedOut, ConnectionLost,
    );
    let messages = read(errors);
    assert_begins_with_one_of(&messages, &["the peer ", "the client ", "the server "]);
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
fn a_refusal_says_what_its_status_asks_for() {
    for status in [200, 301, 307, 401, 403, 404, 407, 426, 429, 503] {
        let message = HandshakeError::Refused { status }.to_string();
        assert!(message.contains(&alloc::format!("status {status}; ")), "{message}");
        read([message]);
    }
    let unknown = HandshakeError::Refused { status: 418 }.to_string();
    assert_eq!(unknown, "the server refused the handshake with status 418 (RFC 6455, section 4.1)");
}

#[test]
fn the_end_of_a_connection_says_who_ended_it() {
    let timeouts = every!(Timeout: Idle, Pong, Message, Close);
    for message in read(timeouts) {
        // The setting that would have to be another one.
        assert!(message.contains("within Config::") || message.contains("within Keepalive::"));
    }
    let faults = every!(Fault:
        Protocol(ProtocolError::MaskedFrame), Application(CloseCode::INTERNAL_ERROR),
        Timeout(Timeout::Idle), ConnectionLost,
    );
    assert_begins_with_one_of(&read(faults), &["the peer ", "the server ", "the application "]);
}

#[test]
fn errors_of_the_testkit_are_plain_too() {
    let kinds = every!(CaptureErrorKind: Title, Time, TimeGoesBack, Direction, Bytes);
    read(kinds.map(|kind| CaptureError { line: 7, kind }));
    let (step, expected, found) = (2, "a Close frame with 1000".into(), "an end".into());
    let error = ScriptError { step, expected, found }.to_string();
    assert_eq!(error, "step 2 of the script expected a Close frame with 1000, but received an end");
    assert_plain(&error);
}
