//! Closing and failing.

use super::{Mutation, case, edit, test};

const CLOSE: &str = "core/src/close.rs";
const CLOSE_CODE: &str = "core/src/close_code.rs";
const CONNECTION: &str = "core/src/connection.rs";
const RECEIVE: &str = "core/src/receive.rs";
const SEND: &str = "core/src/send.rs";

const CODES: &str = "matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)";

pub(super) const TABLE: &[Mutation] = &[
    Mutation {
        name: "1004 to 1006 may be sent",
        breaks: "6455-7.4.1-1",
        edits: &[edit(CLOSE_CODE, CODES, "matches!(self.0, 1000..=1014 | 3000..=4999)")],
        caught_by: &[case("7.9.3"), case("7.9.4"), case("7.9.5")],
    },
    Mutation {
        name: "codes below 1000 may be sent",
        breaks: "6455-7.4.2-1",
        edits: &[edit(CLOSE_CODE, CODES, "matches!(self.0, 0..=1003 | 1007..=1014 | 3000..=4999)")],
        caught_by: &[case("7.9.1"), case("7.9.2")],
    },
    Mutation {
        name: "codes from 1015 to 2999 may be sent",
        breaks: "6455-7.4.2-1",
        edits: &[edit(CLOSE_CODE, CODES, "matches!(self.0, 1000..=1003 | 1007..=4999)")],
        caught_by: &[case("7.9.6"), case("7.9.9")],
    },
    Mutation {
        name: "codes from 4000 may not be sent",
        breaks: "6455-7.4.2-1",
        edits: &[edit(
            CLOSE_CODE,
            CODES,
            "matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=3999)",
        )],
        caught_by: &[case("7.7.12")],
    },
    Mutation {
        name: "a close body of one byte is none",
        breaks: "6455-5.5.1-1",
        edits: &[edit(
            CLOSE,
            "_ => Err(ProtocolError::CloseBodyTooShort),",
            "_ => Ok(Self { code: None, reason: \"\" }),",
        )],
        caught_by: &[test("closing", "a_body_of_one_byte_fails")],
    },
    Mutation {
        name: "a close reason that is not UTF-8 is none",
        breaks: "6455-8.1-1",
        edits: &[edit(
            CLOSE,
            "None => Err(ProtocolError::InvalidCloseReason),",
            "None => Ok(Self { code: Some(code), reason: \"\" }),",
        )],
        caught_by: &[case("7.5.1")],
    },
    Mutation {
        name: "a close is not answered",
        breaks: "6455-5.5.1-4",
        edits: &[edit(RECEIVE, "        if !self.close_sent {", "        if false {")],
        caught_by: &[case("7.1.1"), case("7.3.3")],
    },
    Mutation {
        name: "a close is answered with another code",
        breaks: "6455-5.5.1-4",
        edits: &[edit(
            RECEIVE,
            "self.lay_close(close.code, close.reason, outbox);",
            "self.lay_close(close.code.map(|_| CloseCode::GOING_AWAY), close.reason, outbox);",
        )],
        caught_by: &[case("7.3.3"), case("7.7.1")],
    },
    Mutation {
        name: "what follows a close is processed",
        breaks: "6455-5.5.1-3",
        edits: &[edit(
            CONNECTION,
            "self.close_received | self.failed | matches!",
            "self.failed | matches!",
        )],
        caught_by: &[test("closing", "after_a_close_nothing_that_comes_means_anything")],
    },
    Mutation {
        name: "messages are sent after a close",
        breaks: "6455-5.5.1-3",
        edits: &[edit(
            SEND,
            "if self.state == State::Open { Ok(()) }",
            "if self.state != State::Closed { Ok(()) }",
        )],
        caught_by: &[test("closing", "nothing_but_pongs_is_sent_after_a_close")],
    },
    Mutation {
        name: "a violation does not end the transport",
        breaks: "6455-7.1.7-1",
        edits: &[edit(CONNECTION, "self.failed || server_is_done", "server_is_done")],
        caught_by: &[case("3.1"), case("5.1")],
    },
    Mutation {
        name: "a violation is not told by a close",
        breaks: "6455-7.1.7-2",
        edits: &[edit(
            SEND,
            "self.lay_close(Some(code), reason, outbox);\n        }\n    }",
            "let _ = (code, reason, outbox);\n        }\n    }",
        )],
        caught_by: &[test("closing", "each_violation_has_the_code_that_fits_it")],
    },
    Mutation {
        name: "a violation while closing sends a second close",
        breaks: "6455-5.5.1-3",
        edits: &[edit(SEND, "        if !self.close_sent {", "        if true {")],
        caught_by: &[test("closing", "a_failure_while_closing_sends_no_second_close")],
    },
    Mutation {
        name: "a server leaves it to the client to end the transport",
        breaks: "6455-7.1.1-2",
        edits: &[edit(
            CONNECTION,
            "self.close_received && self.masking_keys.is_none();",
            "self.close_received && self.masking_keys.is_some();",
        )],
        caught_by: &[case("1.1.1"), case("7.1.1")],
    },
    Mutation {
        name: "a closing handshake that is not complete is clean",
        breaks: "6455-7.1.4-1",
        edits: &[edit(
            CONNECTION,
            "let completed = self.close_sent && self.close_received;",
            "let completed = self.close_sent;",
        )],
        caught_by: &[test("closing", "a_close_that_is_not_answered_is_not_clean")],
    },
    Mutation {
        name: "a peer that never answers a close is waited for",
        breaks: "6455-5.5.1-7",
        edits: &[edit(
            "core/src/timer.rs",
            "(State::Closing, Timer::Close) => (clock",
            "(State::Closed, Timer::Close) => (clock",
        )],
        caught_by: &[test("closing", "a_close_that_is_never_answered_times_out")],
    },
];
