//! Checks that a message is plain English. The tests of both crates read their errors with it.

use std::string::{String, ToString};
use std::vec::Vec;

/// Phrases that no prose of this project has.
const IDIOMS: &str = include_str!("../../tools/idioms.txt");

/// Phrases that are fine in a comment and unclear in an error, where nothing stands before them.
const UNCLEAR: [&str; 10] = [
    "told", "who", ", nor", "nobody", "what is", "none of", "one does", "whom", "by which",
    "is over",
];

/// The names with capital letters inside a word that errors may contain.
const NAMES: [&str; 3] = ["WebSocket", "QuickJS", "rustls"];

/// Fails if a message has an unclear phrase, more than 30 words, or `Debug` output in it.
#[track_caller]
pub(crate) fn assert_plain(message: &str) {
    let found = faults(message);
    assert!(found.is_empty(), "{found:?} in: {message}");
}

fn faults(message: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let idioms = IDIOMS.lines().filter_map(|line| line.split_once(" => "));
    let phrases = idioms.map(|(phrase, _)| phrase).chain(UNCLEAR);
    found.extend(phrases.filter(|phrase| has_words(message, phrase)).map(ToString::to_string));
    for sentence in message.split(". ") {
        if sentence.split_whitespace().count() > 30 {
            found.push("a sentence of more than 30 words".to_string());
        }
    }
    found.extend(message.split_whitespace().filter(|word| is_debug(word)).map(ToString::to_string));
    found
}

/// Whether the phrase is there, with no letter right before or after it.
fn has_words(message: &str, phrase: &str) -> bool {
    let lower = message.to_lowercase();
    let message = if phrase.contains(char::is_uppercase) { message } else { &lower };
    message.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (&message[..at], &message[at + phrase.len()..]);
        !before.ends_with(char::is_alphabetic) && !after.starts_with(char::is_alphabetic)
    })
}

/// Whether a word looks like the `Debug` output of a value: `Some(3)`, `"a"`, `Point { x: 1 }`,
/// `NoCipherSuitesInCommon`. Paths such as `Limits::head_len_max` and headers such as
/// `Sec-WebSocket-Key` do not.
fn is_debug(word: &str) -> bool {
    let word = word.trim_start_matches('(');
    if word.contains(['"', '{', '}']) || word.contains("\\u") {
        return true;
    }
    if word.contains("::") || word.contains("://") {
        return false;
    }
    let name = word.split(|char: char| !char.is_alphanumeric()).max_by_key(|part| part.len());
    let name = name.unwrap_or_default();
    let is_camel = name.as_bytes().windows(2).any(|pair| {
        let [first, second] = [pair[0], pair[1]];
        first.is_ascii_lowercase() && second.is_ascii_uppercase()
    });
    let is_tuple = word.starts_with(char::is_uppercase) && word.contains('(');
    (is_camel && !NAMES.contains(&name)) || is_tuple
}

#[test]
fn unclear_messages_are_found() {
    for message in [
        "the peer is told of a limit",
        "a code that is none",
        "Who comes later waits",
        "the reason is Some(3)",
        "the host \"a\" is unknown",
        "the peer sent Point { x: 1 }",
        "TLS failed with NoCipherSuitesInCommon",
        &"word ".repeat(31),
    ] {
        assert!(!faults(message).is_empty(), "{message}");
    }
    for message in [
        "the peer sent a message longer than 125 bytes (Limits::frame_len_max)",
        "the client sent no Sec-WebSocket-Key header (RFC 6455, section 4.2.1)",
        "the URL must begin with ws:// or wss://",
        &"word ".repeat(30),
    ] {
        assert_eq!(faults(message), [""; 0]);
    }
}
