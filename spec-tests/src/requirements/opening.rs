//! Sections 3 and 4 of RFC 6455: URIs and the opening handshake.

use super::Binds::{Both, Client, Server};
use super::{Requirement, may, must, must_not, should_not};

pub(super) const TABLE: &[Requirement] = &[
    must(
        Client,
        "6455-3-1",
        "A URI is ws or wss, a host, perhaps a port (80 and 443 by default), path and query; \
         anything else is refused before connecting.",
    ),
    must_not(Client, "6455-3-2", "A URI has no fragment; a number sign in it is written %23."),
    must(
        Client,
        "6455-3-3",
        "The resource name is the path, or / if it is empty, and ? with the query if there is one.",
    ),
    must(
        Client,
        "6455-3-4",
        "An IPv6 literal and a converted international name give a valid Host.",
    ),
    must(
        Client,
        "6455-4.1-1",
        "No two connections to one address and port are CONNECTING at the same time.",
    )
    .untestable("The application decides how many connections it opens; the docs tell it so."),
    must(
        Client,
        "6455-4.1-2",
        "A connection that cannot be opened fails, and the application learns why.",
    ),
    must(
        Client,
        "6455-4.1-3",
        "For wss the TLS handshake comes before any HTTP byte, a bad certificate fails the \
         connection, and all that follows goes through TLS.",
    ),
    must(Client, "6455-4.1-4", "The TLS handshake names the server (SNI)."),
    must(Client, "6455-4.1-5", "The request is valid HTTP: GET, version 1.1 or higher."),
    must(Client, "6455-4.1-6", "The request's target is the resource name."),
    must(Client, "6455-4.1-7", "Host is the host, and the port unless it is the scheme's default."),
    must(Client, "6455-4.1-8", "Upgrade includes websocket, and Connection includes Upgrade."),
    must(
        Client,
        "6455-4.1-9",
        "Sec-WebSocket-Key is 16 random bytes in base64, fresh for each connection.",
    ),
    must(Client, "6455-4.1-10", "Sec-WebSocket-Version is 13."),
    must(Client, "6455-4.1-11", "Offered subprotocols are tokens, none empty, none twice."),
    may(
        Client,
        "6455-4.1-12",
        "Further header fields may be sent, but replace none of the handshake's and carry no CR, \
         LF or NUL.",
    ),
    must(Client, "6455-4.1-13", "Nothing follows the request until the response is validated."),
    must(
        Client,
        "6455-4.1-14",
        "A status other than 101 opens nothing, and the application gets it as an HTTP answer.",
    ),
    must(
        Client,
        "6455-4.1-15",
        "A response whose Upgrade is missing or not websocket, in any case, fails the connection.",
    ),
    must(
        Client,
        "6455-4.1-16",
        "A response whose Connection lacks the token Upgrade, in any case, fails the connection.",
    ),
    must(
        Client,
        "6455-4.1-17",
        "A response whose Sec-WebSocket-Accept is missing or does not belong to the key fails \
         the connection; white space around it is ignored.",
    ),
    must(
        Client,
        "6455-4.1-18",
        "A response with an extension that was not offered fails the connection.",
    ),
    must(
        Client,
        "6455-4.1-19",
        "A response with a subprotocol that was not offered fails the connection.",
    ),
    must(Client, "6455-4.1-20", "A response that is not as described fails the connection."),
    may(
        Client,
        "6455-4.1-21",
        "Bytes that follow the response's head are frames, and none is lost.",
    ),
    must(
        Server,
        "6455-4.2.1-1",
        "A request that lacks anything demanded is answered with an HTTP error, or dropped.",
    ),
    must(
        Server,
        "6455-4.2.1-2",
        "The request is GET, HTTP/1.1 or higher, its target a path or an absolute URI.",
    ),
    must(Server, "6455-4.2.1-3", "The request has a Host."),
    must(Server, "6455-4.2.1-4", "The request's Upgrade contains websocket, in any case."),
    must(
        Server,
        "6455-4.2.1-5",
        "The request's Connection has the token Upgrade, in any case, anywhere in the list, the \
         list in one line or several.",
    ),
    must(
        Server,
        "6455-4.2.1-6",
        "The request has one Sec-WebSocket-Key, which decodes to 16 bytes.",
    ),
    must(Server, "6455-4.2.1-7", "The request has one Sec-WebSocket-Version, which is 13."),
    should_not(
        Server,
        "6455-4.2.1-8",
        "A request without Origin is not taken for a browser's; an Origin is there for the \
         application to judge.",
    ),
    must(
        Server,
        "6455-4.2.1-9",
        "Unknown header fields are ignored, names compared without case, white space around \
         values dropped.",
    ),
    must(Server, "6455-4.2.2-1", "On a TLS port everything goes through TLS."),
    may(
        Server,
        "6455-4.2.2-2",
        "The application may refuse: ask for authentication, redirect, or answer 403 to an \
         Origin that it does not accept.",
    ),
    must(
        Server,
        "6455-4.2.2-3",
        "A version that is not understood is answered with an HTTP error that carries \
         Sec-WebSocket-Version: 13.",
    ),
    must(
        Server,
        "6455-4.2.2-4",
        "A resource that is not available is answered with an HTTP error such as 404.",
    ),
    must(
        Server,
        "6455-4.2.2-5",
        "The subprotocol is one of those offered, or the header is not sent at all.",
    ),
    must(
        Server,
        "6455-4.2.2-6",
        "The extensions are some of those offered, or the header is not sent at all.",
    ),
    must(
        Server,
        "6455-4.2.2-7",
        "The response is a 101 status line, Upgrade, Connection, Sec-WebSocket-Accept, and \
         perhaps subprotocol and extensions.",
    ),
    must(
        Server,
        "6455-4.2.2-8",
        "The handshake may come in any segments, and what follows it is frames.",
    ),
    must(
        Both,
        "6455-4.4-1",
        "A version mismatch is answered with the versions understood, and a client learns them.",
    ),
];
