//! RFC 7692: permessage-deflate.

use super::Binds::{Both, Client, Server};
use super::{Requirement, may, must, must_not, should};

pub(super) const TABLE: &[Requirement] = &[
    must(
        Server,
        "7692-5-1",
        "The server takes the first of the client's offers that it can accept; if there is none \
         it answers without the header.",
    ),
    must(Client, "7692-5-2", "A response that matches no offer fails the connection."),
    must(Both, "7692-5-3", "Two extensions that both use RSV1 are not agreed on together."),
    must(
        Both,
        "7692-6-1",
        "Only data messages are compressed; RSV1 on a control frame fails the connection.",
    ),
    must(
        Both,
        "7692-6.1-1",
        "RSV1 is set on the first frame only; on a continuation frame it fails with 1002.",
    ),
    may(Both, "7692-6.1-2", "A message without RSV1 is not compressed."),
    must(
        Both,
        "7692-6.1-3",
        "A message is compressed before it is fragmented: fragments end anywhere in it.",
    ),
    must(
        Both,
        "7692-6.2-1",
        "RSV1 of the first frame holds for the message; control frames between are as ever.",
    ),
    must(
        Server,
        "7692-7-1",
        "An offer with an unknown, invalid, repeated or unsupported parameter is declined.",
    ),
    must(
        Client,
        "7692-7-2",
        "A response with an unknown, invalid, repeated or unsupported parameter fails the \
         connection.",
    ),
    must(
        Server,
        "7692-7.1.1.1-1",
        "server_no_context_takeover in an offer is repeated in the response, and obeyed.",
    ),
    must(
        Client,
        "7692-7.1.1.1-2",
        "server_no_context_takeover is accepted unasked, and has no value.",
    ),
    must(
        Client,
        "7692-7.1.1.2-1",
        "client_no_context_takeover in the response makes the client forget its window.",
    ),
    may(
        Server,
        "7692-7.1.1.2-2",
        "client_no_context_takeover may be in a response without being in the offer.",
    ),
    must(
        Both,
        "7692-7.1.2-1",
        "Window bits are a decimal number from 8 to 15 without leading zero or sign.",
    ),
    must(
        Server,
        "7692-7.1.2.1-1",
        "server_max_window_bits in an offer is agreed to with at most that, and kept, or the \
         offer is declined.",
    ),
    may(
        Server,
        "7692-7.1.2.1-2",
        "server_max_window_bits may be in a response unasked, and the client inflates it.",
    ),
    must_not(
        Server,
        "7692-7.1.2.2-1",
        "client_max_window_bits is in a response only if it was in the offer.",
    ),
    must(
        Client,
        "7692-7.1.2.2-2",
        "The client compresses with a window of at most the agreed bits; a response without a \
         value is invalid, an offer is not.",
    ),
    must(
        Server,
        "7692-7.1.2.2-3",
        "The response's client_max_window_bits is at most the offer's value, if it has one.",
    ),
    must(
        Both,
        "7692-7.1.2-2",
        "An endpoint that agrees to 8 window bits compresses with distances of at most 256.",
    ),
    must(
        Both,
        "7692-7.2.1-1",
        "A compressed message ends with an empty stored block, less its last four bytes.",
    ),
    must(Both, "7692-7.2.1-2", "An empty message, too, is at least one byte when compressed."),
    may(
        Both,
        "7692-7.2.1-3",
        "A compressed message may have blocks of any type, also several and final ones.",
    ),
    must(
        Both,
        "7692-7.2.2-1",
        "`00 00 FF FF` is appended before inflating; data that does not inflate fails the connection.",
    ),
    must(
        Both,
        "7692-7.2.2-2",
        "The window is kept from message to message unless its side agreed to forget it.",
    ),
    must(Both, "7692-7.2.2-3", "Text is validated as UTF-8 after inflating."),
    must(Both, "7692-7.2.3-1", "All examples of section 7.2.3 inflate."),
    should(
        Both,
        "7692-8-1",
        "Compression is off unless asked for, since secrets beside chosen text can leak by it.",
    ),
    must(Both, "7692-8-2", "The limits on a message's size hold for its inflated size."),
];
