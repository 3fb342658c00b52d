//! The rules that a handshake written by hand inherits from HTTP (RFC 7230, RFC 9110, RFC 6585).

use super::Binds::{Both, Client, Server};
use super::{Requirement, may, must, must_not};

pub(super) const TABLE: &[Requirement] = &[
    must(
        Server,
        "7230-3.2.4-1",
        "White space between a header field's name and the colon is refused with 400.",
    ),
    must(Server, "7230-3.2.4-2", "A header field folded over lines is refused with 400."),
    must(Client, "7230-3.2.4-3", "Each fold in a header field of a response is read as spaces."),
    must(Both, "7230-3-1", "White space before the first header field is refused."),
    must(Both, "7230-3.2.6-1", "The name of a header field is a token."),
    must(
        Both,
        "9110-5.5-1",
        "CR, LF and NUL within a value are refused, in what comes and in what is sent.",
    ),
    may(
        Both,
        "7230-3.5-1",
        "A bare LF may be taken for a line's end, and is not here; an empty line before the head \
         may be skipped.",
    ),
    must(Server, "7230-5.3.2-1", "A request's target may be an absolute URI."),
    must(Server, "7230-5.4-1", "No Host, two Hosts or an invalid Host are refused with 400."),
    must(Both, "7230-7-1", "Empty elements of a list are ignored."),
    must_not(
        Server,
        "7230-3.3-1",
        "A 101 response has neither Content-Length nor Transfer-Encoding.",
    ),
    may(Server, "7230-3.3-2", "A request with a body is refused with 400."),
    may(
        Client,
        "7231-6.2-1",
        "An interim response before the 101 is skipped or fails, and never hangs.",
    ),
    may(
        Server,
        "6585-5-1",
        "A head that is too large is answered with 431 or 414, and takes bounded memory.",
    ),
];
