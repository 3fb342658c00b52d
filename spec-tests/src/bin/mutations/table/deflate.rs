//! permessage-deflate (RFC 7692).

use super::{Mutation, case, edit};

const CODEC: &str = "core/src/deflate/codec.rs";
const SETTINGS: &str = "core/src/deflate/settings.rs";

pub(super) const TABLE: &[Mutation] = &[
    Mutation {
        name: "a smaller window is agreed to and not kept",
        breaks: "7692-7.1.2.1-1",
        edits: &[edit(
            CODEC,
            "own.1.unwrap_or(WINDOW_BITS_MAX).min(settings.window_bits)",
            "settings.window_bits",
        )],
        caught_by: &[case("13.3.8")],
    },
    Mutation {
        name: "a context is to be forgotten and is not",
        breaks: "7692-7.1.1.1-1",
        edits: &[edit(
            CODEC,
            "own.0 || settings.no_context_takeover",
            "settings.no_context_takeover",
        )],
        caught_by: &[case("13.2.4")],
    },
    Mutation {
        name: "the peer's context is forgotten though it may be referred to",
        breaks: "7692-7.2.2-2",
        edits: &[edit(CODEC, "if self.peer_no_context_takeover\n            && let", "if let")],
        caught_by: &[case("12.1.4")],
    },
    Mutation {
        name: "the end of the last block is sent",
        breaks: "7692-7.2.1-1",
        edits: &[edit(
            "core/src/deflate/compress.rs",
            "outbox.drop_bare(TAIL.len());\n        len.saturating_sub(TAIL.len())",
            "len",
        )],
        caught_by: &[case("12.1.4")],
    },
    Mutation {
        name: "a server does not say that it will forget its context",
        breaks: "7692-7.1.1.1-1",
        edits: &[edit(
            SETTINGS,
            "offer.server_no_context_takeover\n                || self.no_context_takeover",
            "self.no_context_takeover",
        )],
        caught_by: &[case("13.2.4")],
    },
    Mutation {
        name: "a server does not say that it will keep to a smaller window",
        breaks: "7692-7.1.2.1-1",
        edits: &[edit(
            SETTINGS,
            "Some(bits) => Some(bits.min(self.window_bits)),",
            "Some(_) => None,",
        )],
        caught_by: &[case("13.3.8")],
    },
];
