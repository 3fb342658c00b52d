//! Mutations of receiving: headers, fragments, text.

use super::{Mutation, case, edit, test};

const FRAME: &str = "core/src/frame.rs";
const RECEIVE: &str = "core/src/receive.rs";
const RECEIVING: &str = "core/src/receiving.rs";
const UTF8: &str = "core/src/utf8.rs";

pub(super) const TABLE: &[Mutation] = &[
    Mutation {
        name: "reserved bits mean nothing",
        breaks: "6455-5.2-1",
        edits: &[edit(FRAME, "first & RSV & !defined != 0", "first & RSV & !defined == 0xff")],
        caught_by: &[case("3.1"), case("3.4")],
    },
    Mutation {
        name: "RSV3 means nothing",
        breaks: "6455-5.2-1",
        edits: &[edit(FRAME, "const RSV: u8 = 0x70;", "const RSV: u8 = 0x60;")],
        caught_by: &[case("3.1")],
    },
    Mutation {
        name: "opcode 3 is binary",
        breaks: "6455-5.2-2",
        edits: &[edit(FRAME, "0x2 => Self::Binary,", "0x2 | 0x3 => Self::Binary,")],
        caught_by: &[case("4.1.1")],
    },
    Mutation {
        name: "opcode 11 is a pong",
        breaks: "6455-5.2-2",
        edits: &[edit(FRAME, "0xa => Self::Pong,", "0xa | 0xb => Self::Pong,")],
        caught_by: &[case("4.2.1")],
    },
    Mutation {
        name: "a server takes frames that are not masked",
        breaks: "6455-5.1-2",
        edits: &[edit(
            FRAME,
            "if (second & MASK != 0) != masked {",
            "if !masked && second & MASK != 0 {",
        )],
        caught_by: &[test("framing", "a_frame_to_a_server_that_is_not_masked_fails")],
    },
    Mutation {
        name: "a client takes frames that are masked",
        breaks: "6455-5.1-4",
        edits: &[edit(
            FRAME,
            "if (second & MASK != 0) != masked {",
            "if masked && second & MASK == 0 {",
        )],
        caught_by: &[test("framing", "a_frame_to_a_client_that_is_masked_fails")],
    },
    Mutation {
        name: "a control frame has up to 126 bytes",
        breaks: "6455-5.5-1",
        edits: &[edit(FRAME, "if second & LEN_7 > 125 {", "if second & LEN_7 > 126 {")],
        caught_by: &[case("2.5")],
    },
    Mutation {
        name: "a control frame may be fragmented",
        breaks: "6455-5.4-5",
        edits: &[edit(FRAME, "if !fin {", "if false {")],
        caught_by: &[case("5.1")],
    },
    Mutation {
        name: "16 bits say a length below 126",
        breaks: "6455-5.2-4",
        edits: &[edit(FRAME, "if len < u64::from(LEN_16) {", "if len < 125 {")],
        caught_by: &[test("framing", "a_length_that_is_not_in_its_shortest_form_fails")],
    },
    Mutation {
        name: "64 bits say a length below 65536",
        breaks: "6455-5.2-4",
        edits: &[edit(FRAME, "if len <= u64::from(u16::MAX) {", "if len == 0 {")],
        caught_by: &[test("framing", "a_length_that_is_not_in_its_shortest_form_fails")],
    },
    Mutation {
        name: "the highest bit of a length means nothing",
        breaks: "6455-5.2-3",
        edits: &[edit(
            FRAME,
            "let len = u64::from_be_bytes(*len);",
            "let len = u64::from_be_bytes(*len) << 1 >> 1;",
        )],
        caught_by: &[test("framing", "a_length_with_its_highest_bit_set_fails")],
    },
    Mutation {
        name: "the key starts anew in each read",
        breaks: "6455-5.3-2",
        edits: &[edit(
            "core/src/mask.rs",
            "Self(self.0.rotate_right(xor::turned_bits(len)))",
            "Self(self.0.rotate_right(0 * xor::turned_bits(len)))",
        )],
        caught_by: &[case("1.1.3"), case("5.19")],
    },
    Mutation {
        name: "a continuation needs no beginning",
        breaks: "6455-5.4-2",
        edits: &[edit(
            RECEIVING,
            "if begins == self.message.is_some() {",
            "if begins && self.message.is_some() {",
        )],
        caught_by: &[case("5.9"), case("5.12")],
    },
    Mutation {
        name: "a message begins within another",
        breaks: "6455-5.4-3",
        edits: &[edit(
            RECEIVING,
            "if begins == self.message.is_some() {",
            "if !begins && self.message.is_none() {",
        )],
        caught_by: &[case("5.18")],
    },
    Mutation {
        name: "a message ends with its first frame",
        breaks: "6455-5.4-1",
        edits: &[edit(RECEIVING, "self.fin = header.fin;", "self.fin = true;")],
        caught_by: &[case("5.3")],
    },
    Mutation {
        name: "a control frame may not stand within a message",
        breaks: "6455-5.4-4",
        edits: &[edit(
            RECEIVE,
            "if header.opcode.is_control() {",
            "if header.opcode.is_control() && !self.receiving.message_is_under_way() {",
        )],
        caught_by: &[case("5.6"), case("5.19")],
    },
    Mutation {
        name: "text is validated when it is complete",
        breaks: "6455-8.1-3",
        edits: &[edit(
            RECEIVING,
            "self.message == Some(DataType::Text) && config.delivery == Delivery::Whole",
            "self.message == Some(DataType::Text) && config.delivery != Delivery::Whole",
        )],
        caught_by: &[case("6.4.1"), case("6.4.3")],
    },
    Mutation {
        name: "text is validated when its frame is complete",
        breaks: "6455-8.1-3",
        edits: &[edit(
            RECEIVING,
            "self.message == Some(DataType::Text) && config.delivery == Delivery::Whole",
            "self.message == Some(DataType::Text) && !self.in_frame",
        )],
        caught_by: &[case("6.4.3")],
    },
    Mutation {
        name: "a character that is cut is not looked at",
        breaks: "6455-8.1-3",
        edits: &[edit(
            UTF8,
            "Err(error) if error.error_len().is_none() => Ok(there),",
            "Err(error) if error.error_len() != Some(0) => Ok(there),",
        )],
        caught_by: &[case("6.4.2"), case("6.4.4")],
    },
    Mutation {
        name: "text that is not UTF-8 is empty",
        breaks: "6455-8.1-1",
        edits: &[edit(
            RECEIVE,
            "utf8::to_str(bytes).map(Message::Text),",
            "Some(Message::Text(utf8::to_str(bytes).unwrap_or_default())),",
        )],
        caught_by: &[case("6.3.1"), case("6.20.1")],
    },
    Mutation {
        name: "text may end within a character",
        breaks: "6455-8.1-2",
        edits: &[edit(RECEIVING, "if ends && rest != 0 {", "if false {")],
        caught_by: &[case("6.6.1")],
    },
    Mutation {
        name: "text that is not UTF-8 is a protocol error",
        breaks: "6455-8.1-1",
        edits: &[edit(
            "core/src/error.rs",
            "CloseCode::INVALID_PAYLOAD_DATA\n            }",
            "CloseCode::PROTOCOL_ERROR\n            }",
        )],
        caught_by: &[case("6.3.1")],
    },
];
