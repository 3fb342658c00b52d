//! Sections 7 to 11 of RFC 6455: closing, errors, extensions, security, headers.

use super::Binds::{Both, Client, Server};
use super::{Requirement, may, must, must_not, should, should_not};

pub(super) const TABLE: &[Requirement] = &[
    should(
        Both,
        "6455-7.1.1-1",
        "The transport is closed cleanly: TLS first, then the sending side, then what still \
         comes is read and thrown away.",
    ),
    should(Server, "6455-7.1.1-2", "The server closes the transport first."),
    must(
        Both,
        "6455-7.1.2-1",
        "Closing begins with a Close of code and reason; once the answer has arrived the transport \
         is closed.",
    ),
    must(
        Both,
        "6455-7.1.4-1",
        "A connection was closed cleanly if the closing handshake was complete before the \
         transport ended, and not otherwise.",
    ),
    must(
        Both,
        "6455-7.1.5-1",
        "The application gets the code of the Close received: 1005 if it had none, 1006 if no \
         Close came.",
    ),
    must(Both, "6455-7.1.6-1", "The application gets the reason: the UTF-8 that follows the code."),
    must(
        Both,
        "6455-7.1.7-1",
        "An endpoint that fails the connection ends the transport and tells the application.",
    ),
    should(
        Both,
        "6455-7.1.7-2",
        "An endpoint that fails an open connection first sends a Close with the code that fits.",
    ),
    must_not(
        Both,
        "6455-7.1.7-3",
        "After failing the connection nothing that comes is processed, not even a Close.",
    ),
    should_not(Client, "6455-7.1.7-4", "Otherwise a client does not close by itself.")
        .untestable("A client closes where the application, a deadline or a violation says so."),
    must(
        Client,
        "6455-7.2.1-1",
        "A transport that is lost fails the connection, which the application gets as 1006.",
    ),
    must(
        Server,
        "6455-7.2.2-1",
        "A server that gives up during the opening handshake closes the transport.",
    ),
    should(
        Client,
        "6455-7.2.3-1",
        "Reconnecting after an abnormal closure waits: a random time at first, longer each time.",
    ),
    must_not(Both, "6455-7.4.1-1", "1005, 1006 and 1015 are never sent."),
    must_not(Both, "6455-7.4.1-2", "1004 is neither sent nor accepted."),
    may(
        Both,
        "6455-7.4.1-3",
        "The codes mean what the table says, and each violation has the one that fits it.",
    ),
    must(
        Both,
        "6455-7.4.2-1",
        "Codes below 1000, undefined codes up to 2999 and those above 4999 fail the connection; \
         3000 to 4999 are for applications.",
    ),
    must(
        Both,
        "6455-8.1-1",
        "Text, and a reason, that is not UTF-8 fails the connection with 1007.",
    ),
    must(
        Both,
        "6455-8.1-2",
        "Overlong forms, surrogates, numbers above U+10FFFF and cut characters are not UTF-8.",
    ),
    may(Both, "6455-8.1-3", "Invalid text fails at its first bad byte."),
    must_not(Server, "6455-9-1", "A server answers with no extension that was not offered."),
    must(
        Both,
        "6455-9.1-1",
        "Sec-WebSocket-Extensions that breaks the grammar fails the handshake at once.",
    ),
    must(Both, "6455-9.1-2", "A quoted parameter value is a token once it is unescaped."),
    must(
        Both,
        "6455-9.1-3",
        "A request's Sec-WebSocket-Extensions may be several lines, joined with commas.",
    ),
    must(
        Both,
        "6455-9.1-4",
        "An extension's parameters are those it defines; extensions apply in their order.",
    ),
    must_not(
        Client,
        "6455-9.1-5",
        "A client uses no extension before the server has agreed to it.",
    ),
    should(
        Server,
        "6455-10.2-1",
        "A server that is meant for certain sites only can refuse an Origin with 403.",
    ),
    must(
        Client,
        "6455-10.3-1",
        "Masking keys cannot be foretold by the application whose data they mask.",
    ),
    must(Both, "6455-10.4-1", "Frames, and messages put together from them, are limited in size."),
    must(Both, "6455-10.6-1", "TLS is supported, and there is no way down from it."),
    must(
        Both,
        "6455-10.7-1",
        "All that comes is validated: nothing makes an endpoint panic or grow without bound.",
    ),
    should(
        Both,
        "6455-10.7-2",
        "A violation after the handshake is answered with a fitting Close before the transport \
         ends.",
    ),
    may(Both, "6455-10.8-1", "SHA-1 serves for Sec-WebSocket-Accept and nothing else.")
        .untestable("A property of the source: the digest is used in one file."),
    must_not(
        Both,
        "6455-11.3.1-1",
        "Sec-WebSocket-Key is there once in a request, or the request is refused.",
    ),
    must_not(
        Both,
        "6455-11.3.2-1",
        "Sec-WebSocket-Extensions is there once at most in a response, or the client fails.",
    ),
    must_not(
        Both,
        "6455-11.3.3-1",
        "Sec-WebSocket-Accept is there once at most in a response, or the client fails.",
    ),
    must_not(
        Both,
        "6455-11.3.4-1",
        "Sec-WebSocket-Protocol is there once at most in a response; in a request it may repeat.",
    ),
    must_not(
        Both,
        "6455-11.3.5-1",
        "Sec-WebSocket-Version is there once in a request; in a response it may repeat.",
    ),
];
