//! Sections 5 and 6 of RFC 6455: frames, messages, control frames.

use super::Binds::{Both, Client, Server};
use super::{Requirement, may, must, must_not, should};

pub(super) const TABLE: &[Requirement] = &[
    must(
        Client,
        "6455-5.1-1",
        "A client masks every frame: over TLS too, control frames and empty ones too.",
    ),
    must(Server, "6455-5.1-2", "A frame that is not masked makes the server close, with 1002."),
    must_not(Server, "6455-5.1-3", "A server masks no frame."),
    must(Client, "6455-5.1-4", "A frame that is masked makes the client close, with 1002."),
    must(
        Both,
        "6455-5.2-1",
        "Reserved bits are sent as 0 and fail the connection with 1002 when set, unless an \
         extension gives them a meaning.",
    ),
    must(
        Both,
        "6455-5.2-2",
        "A reserved opcode fails the connection as soon as its header is there, within a \
         fragmented message too.",
    ),
    must(
        Both,
        "6455-5.2-3",
        "Lengths of 16 and 64 bits are big-endian; a 64-bit length with its highest bit set fails \
         the connection.",
    ),
    must(
        Both,
        "6455-5.2-4",
        "A length is sent in its shortest form; a longer form fails the connection.",
    ),
    must(
        Both,
        "6455-5.2-5",
        "Payloads of 0, 125, 126, 65535 and 65536 bytes are framed and read exactly.",
    ),
    must(
        Client,
        "6455-5.3-1",
        "Each frame has a fresh masking key that cannot be foretold from earlier ones.",
    ),
    must(
        Both,
        "6455-5.3-2",
        "Byte i of the payload is masked with byte i mod 4 of the key, however the payload comes \
         in pieces.",
    ),
    must(
        Both,
        "6455-5.4-1",
        "A message is its first frame, continuation frames and a final one, and is delivered as \
         their payloads in order.",
    ),
    must(Both, "6455-5.4-2", "A continuation frame with nothing to continue fails with 1002."),
    must_not(
        Both,
        "6455-5.4-3",
        "A new data frame within a fragmented message fails the connection with 1002.",
    ),
    must(Both, "6455-5.4-4", "A control frame between fragments is taken and answered at once."),
    must_not(
        Both,
        "6455-5.4-5",
        "A fragmented control frame fails the connection, and none is sent.",
    ),
    may(Both, "6455-5.4-6", "An empty fragment is lawful first, last and between."),
    must(
        Both,
        "6455-5.4-7",
        "Messages are taken fragmented and whole; their type is that of the first frame.",
    ),
    must(
        Both,
        "6455-5.4-8",
        "Between the fragments of a message that is sent there are control frames at most.",
    ),
    must(
        Both,
        "6455-5.5-1",
        "A control frame of more than 125 bytes is not sent, and one received fails the \
         connection as soon as its header is there.",
    ),
    must(
        Both,
        "6455-5.5.1-1",
        "The body of a Close is empty, or a code in two bytes, big-endian, and UTF-8.",
    ),
    must(Client, "6455-5.5.1-2", "A client masks its Close."),
    must_not(Both, "6455-5.5.1-3", "After its Close an endpoint sends no data frame."),
    must(
        Both,
        "6455-5.5.1-4",
        "A Close is answered with a Close, unless one was sent, as soon as practical, and with \
         its code.",
    ),
    may(
        Both,
        "6455-5.5.1-5",
        "An endpoint may finish the message that it is sending before it answers a Close.",
    ),
    must(
        Server,
        "6455-5.5.1-6",
        "A server that has sent and received a Close ends the transport at once.",
    ),
    should(
        Client,
        "6455-5.5.1-7",
        "A client waits for the server to end the transport, but not forever.",
    ),
    must(
        Both,
        "6455-5.5.1-8",
        "When both endpoints send a Close at the same time, the closing handshake is complete.",
    ),
    must(
        Both,
        "6455-5.5.2-1",
        "A Ping is answered with a Pong as soon as practical, unless a Close has arrived.",
    ),
    must(Both, "6455-5.5.3-1", "A Pong carries the payload of the Ping that it answers."),
    may(Both, "6455-5.5.3-2", "Of several Pings that wait, only the last need be answered."),
    may(Both, "6455-5.5.3-3", "A Pong that was not asked for is neither answered nor a fault."),
    must(
        Both,
        "6455-5.6-1",
        "A text message is UTF-8 as a whole, though a frame may end within a character.",
    ),
    may(Both, "6455-5.6-2", "A binary message is any bytes."),
    must(Both, "6455-5.8-1", "An extension is used only if it was negotiated."),
    must(Both, "6455-6.1-1", "Data is sent only while the connection is OPEN."),
    must(Both, "6455-6.1-2", "The first frame of a message carries its opcode, the last one FIN."),
    must(
        Both,
        "6455-6.1-3",
        "What is sent leaves: no answer stays behind while the connection is idle.",
    ),
    must(Both, "6455-6.2-1", "Frames are understood in any segmentation."),
    must(Both, "6455-6.2-2", "Control frames are handled whatever data is under way."),
    must(Server, "6455-6.2-3", "A server unmasks a payload before it is used."),
];
