//! Mutations of sending: frames, keys, answers to Pings.

use super::{Mutation, case, edit, test};

const FRAME: &str = "core/src/frame.rs";
const MASK: &str = "core/src/mask.rs";
const RECEIVE: &str = "core/src/receive.rs";
const SEND: &str = "core/src/send.rs";

pub(super) const TABLE: &[Mutation] = &[
    Mutation {
        name: "a ping is not answered",
        breaks: "6455-5.5.2-1",
        edits: &[edit(RECEIVE, "if self.config.auto_pong {", "if false {")],
        caught_by: &[case("2.1"), case("5.6")],
    },
    Mutation {
        name: "a pong lacks the first byte of its ping",
        breaks: "6455-5.5.3-1",
        edits: &[edit(
            RECEIVE,
            "outbox.lay_answer(FIN | Opcode::Pong as u8, payload, key);",
            "outbox.lay_answer(FIN | Opcode::Pong as u8, payload.get(1..).unwrap_or(b\"\"), key);",
        )],
        caught_by: &[case("2.2"), case("2.3")],
    },
    Mutation {
        name: "of several pings only the first is answered",
        breaks: "6455-5.5.2-1",
        edits: &[edit(
            "core/src/outbox.rs",
            "self.control.push_answer(first, payload, key);",
            "if self.control.is_empty() {\n self.control.push_answer(first, payload, key);\n }",
        )],
        caught_by: &[case("2.10")],
    },
    Mutation {
        name: "a pong is answered",
        breaks: "6455-5.5.3-3",
        edits: &[edit(
            RECEIVE,
            "self.clock.receive_pong(now, payload);",
            "let key = self.next_key();\n outbox.lay_answer(FIN | Opcode::Pong as u8, payload, key);",
        )],
        caught_by: &[case("2.7"), case("2.9")],
    },
    Mutation {
        name: "a server masks its messages",
        breaks: "6455-5.1-3",
        edits: &[edit(
            SEND,
            "None => outbox.lay_frame(first, payload),",
            "None => outbox.lay_masked_frame(first, payload, crate::mask::MaskingKey::new([9; 4])),",
        )],
        caught_by: &[
            case("1.1.1"),
            test("framing", "every_frame_of_a_client_is_masked_and_none_of_a_server"),
        ],
    },
    Mutation {
        name: "a client does not mask its messages",
        breaks: "6455-5.1-1",
        edits: &[edit(
            SEND,
            "Some(keys) => lay_masked_frame(first, payload, keys, outbox),",
            "Some(keys) if payload.len() > 1 << 40 => lay_masked_frame(first, payload, keys, outbox),\n\
             Some(_) => outbox.lay_frame(first, payload),",
        )],
        caught_by: &[
            case("1.1.1"),
            test("framing", "every_frame_of_a_client_is_masked_and_none_of_a_server"),
        ],
    },
    Mutation {
        name: "a client has one key for all frames",
        breaks: "6455-5.3-1",
        edits: &[edit(
            MASK,
            "MaskingKey(self.0.next_u32())",
            "MaskingKey(self.0.next_u32() | u32::MAX)",
        )],
        caught_by: &[test("framing", "each_frame_has_a_key_of_its_own")],
    },
    Mutation {
        name: "a client's key is zero",
        breaks: "6455-5.3-1",
        edits: &[edit(MASK, "MaskingKey(self.0.next_u32())", "MaskingKey(self.0.next_u32() & 0)")],
        caught_by: &[test("framing", "each_frame_has_a_key_of_its_own")],
    },
    Mutation {
        name: "a length of 125 is sent in 16 bits",
        breaks: "6455-5.2-4",
        edits: &[edit(
            FRAME,
            "if payload_len < usize::from(LEN_16) {",
            "if payload_len < usize::from(LEN_16) - 1 {",
        )],
        caught_by: &[case("1.1.2"), case("2.4")],
    },
    Mutation {
        name: "a length of 16 bits is sent low byte first",
        breaks: "6455-5.2-3",
        edits: &[edit(FRAME, "u64::from(len.swap_bytes()) << 16", "u64::from(len) << 16")],
        caught_by: &[case("1.1.3")],
    },
    Mutation {
        name: "text is sent as binary",
        breaks: "6455-6.1-2",
        edits: &[edit(
            SEND,
            "DataType::Text => Opcode::Text,",
            "DataType::Text => Opcode::Binary,",
        )],
        caught_by: &[case("1.1.1"), case("6.1.1")],
    },
    Mutation {
        name: "each fragment repeats the opcode",
        breaks: "6455-6.1-2",
        edits: &[edit(
            SEND,
            "Some(begun) if begun == part_type => Opcode::Continuation,",
            "Some(begun) if begun == part_type => opcode(part_type),",
        )],
        caught_by: &[case("5.3")],
    },
    Mutation {
        name: "a ping of more than 125 bytes is sent",
        breaks: "6455-5.5-1",
        edits: &[edit(
            SEND,
            "if payload.len() > CONTROL_PAYLOAD_LEN_MAX {",
            "if payload.len() > CONTROL_PAYLOAD_LEN_MAX + 1 {",
        )],
        caught_by: &[test(
            "control",
            "a_control_frame_of_125_bytes_goes_both_ways_and_no_longer_one_is_sent",
        )],
    },
];
