//! The opening handshake. The cases open connections by the tester's own; who notices are the
//! tests of its requirements.

use super::{Mutation, edit, test};

const RESPONSE: &str = "core/src/handshake/response.rs";
const KEY: &str = "core/src/handshake/key.rs";
const OFFER: &str = "core/src/handshake/offer.rs";

pub(super) const TABLE: &[Mutation] = &[
    Mutation {
        name: "a client takes any Sec-WebSocket-Accept",
        breaks: "6455-4.1-17",
        edits: &[edit(
            RESPONSE,
            "Some(accept) if accept == expected => Ok(()),",
            "Some(accept) if accept.len() == expected.len() => Ok(()),",
        )],
        caught_by: &[test("opening_client", "a_response_that_deviates_fails")],
    },
    Mutation {
        name: "a client needs no Sec-WebSocket-Accept",
        breaks: "6455-4.1-17",
        edits: &[edit(RESPONSE, "None => Err(HandshakeError::MissingAccept),", "None => Ok(()),")],
        caught_by: &[test("opening_client", "a_response_that_deviates_fails")],
    },
    Mutation {
        name: "a client needs no Upgrade",
        breaks: "6455-4.1-15",
        edits: &[edit(RESPONSE, "if !upgrade.eq_ignore_ascii_case(b\"websocket\") || ", "if ")],
        caught_by: &[test("opening_client", "a_response_that_deviates_fails")],
    },
    Mutation {
        name: "a client needs no Connection",
        breaks: "6455-4.1-16",
        edits: &[edit(
            RESPONSE,
            "if !headers.contains(\"Connection\", \"Upgrade\") {",
            "if headers.contains(\"Connection\", \"close\") {",
        )],
        caught_by: &[test("opening_client", "a_response_that_deviates_fails")],
    },
    Mutation {
        name: "a client takes a subprotocol that it did not offer",
        breaks: "6455-4.1-19",
        edits: &[edit(
            RESPONSE,
            "if elements(self.subprotocols.as_bytes()).any(|name| name == value)",
            "if elements(self.subprotocols.as_bytes()).all(|name| name != value) || value.len() > 1",
        )],
        caught_by: &[test("opening_client", "a_subprotocol_is_one_of_those_offered_to_the_letter")],
    },
    Mutation {
        name: "a client takes an extension that it did not offer",
        breaks: "6455-4.1-18",
        edits: &[edit(
            RESPONSE,
            "let agreed = confirm(&self.config, item)?;",
            "let Ok(agreed) = confirm(&self.config, item) else { return Ok(None) };",
        )],
        caught_by: &[test("opening_client", "extensions_in_a_response_are_read_by_their_grammar")],
    },
    Mutation {
        name: "a client's key has one byte of its nonce",
        breaks: "6455-4.1-9",
        edits: &[edit(
            KEY,
            "BASE64.encode_slice(nonce, &mut key)",
            "BASE64.encode_slice([nonce[0]; 16], &mut key)",
        )],
        caught_by: &[test("opening_client", "a_response_that_deviates_fails")],
    },
    Mutation {
        name: "Sec-WebSocket-Accept is made with another GUID",
        breaks: "6455-4.2.2-7",
        edits: &[edit(
            KEY,
            "digest.update(b\"258EAFA5-E914-47DA-95CA-C5AB0DC85B11\");",
            "digest.update(b\"258EAFA5-E914-47DA-95CA-C5AB0DC85B12\");",
        )],
        caught_by: &[test("opening_server", "demands::the_request_of_the_rfc_gets_its_response")],
    },
    Mutation {
        name: "a server needs no Host",
        breaks: "6455-4.2.1-3",
        edits: &[edit(
            OFFER,
            "host.ok_or(HandshakeError::MissingHost)?;",
            "host.unwrap_or(b\"localhost\");",
        )],
        caught_by: &[test("opening_server", "demands::a_request_that_lacks_anything_is_refused")],
    },
    Mutation {
        name: "a server needs no Upgrade",
        breaks: "6455-4.2.1-4",
        edits: &[edit(OFFER, "return Err(HandshakeError::MissingUpgrade);", "")],
        caught_by: &[test("opening_server", "demands::a_request_that_lacks_anything_is_refused")],
    },
    Mutation {
        name: "a server needs no Connection",
        breaks: "6455-4.2.1-5",
        edits: &[edit(OFFER, "return Err(HandshakeError::MissingConnection);", "")],
        caught_by: &[test("opening_server", "demands::a_request_that_lacks_anything_is_refused")],
    },
    Mutation {
        name: "a server takes any version",
        breaks: "6455-4.2.1-7",
        edits: &[edit(
            OFFER,
            "Some(_) => Err(HandshakeError::UnsupportedVersion),",
            "Some(_) => Ok(()),",
        )],
        caught_by: &[test(
            "opening_server",
            "demands::an_unknown_version_is_answered_with_the_known_one",
        )],
    },
    Mutation {
        name: "a server takes a key of any length",
        breaks: "6455-4.2.1-6",
        edits: &[edit(KEY, "is_ok_and(|len| len == 16)", "is_ok_and(|len| len <= 18)")],
        caught_by: &[test("opening_server", "demands::a_request_that_lacks_anything_is_refused")],
    },
    Mutation {
        name: "a server chooses a subprotocol that was not offered",
        breaks: "6455-4.2.2-5",
        edits: &[edit(
            OFFER,
            "if !self.subprotocols().any(|offered| offered == name) {",
            "if name.is_empty() {",
        )],
        caught_by: &[test(
            "opening_server",
            "demands::the_subprotocol_is_one_of_those_offered_or_none",
        )],
    },
];
