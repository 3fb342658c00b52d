//! A connection that is open.

use std::sync::Arc;

use bluewire_core::{
    Config, Connection, Inbox, MaskingKeys, Outbox, RequestHead, Response, ResponseHead, Role,
};

use crate::clock::Clock;
use crate::drive::Flow;
use crate::trace::{EndTrace, Id};

/// A connection that is open, and what its opening handshake brought.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) clock: Clock,
    pub(crate) connection: Connection,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) established: Established,
    pub(crate) trace: EndTrace,
    /// Settings of a connection that was in use before, if its program has set some.
    pub(crate) flow: Option<Box<Flow>>,
}

impl Opened {
    /// A client's connection, by the response that agrees.
    pub(crate) fn by(response: Response, keys: MaskingKeys, clock: Clock, id: Id) -> Self {
        let established = Established::of_client(response.subprotocol(), response.head().clone());
        let connection = response.into_connection(keys, clock.now());
        let inbox = Inbox::with_read_len(connection.config().limits.read_len);
        let trace = id.opens(Role::Client, established.protocol(), &connection);
        Self { clock, connection, inbox, outbox: Outbox::new(), established, trace, flow: None }
    }

    /// A connection whose opening handshake another library did, and what it read beyond that.
    pub(crate) fn adopted(role: Role, leftover: &[u8], config: Arc<Config>, clock: Clock) -> Self {
        let mut inbox = Inbox::with_read_len(config.limits.read_len);
        inbox.extend(leftover);
        let connection = match role {
            Role::Client => Connection::client(config, MaskingKeys::from_system(), clock.now()),
            Role::Server => Connection::server(config, clock.now()),
        };
        let established = Established::default();
        let trace = Id::next().opens(role, None, &connection);
        Self { clock, connection, inbox, outbox: Outbox::new(), established, trace, flow: None }
    }
}

/// The results of the opening handshake.
#[derive(Clone, Debug, Default)]
pub(crate) struct Established {
    /// In two boxes, of which most connections have none: so it takes one pointer.
    protocol: Option<Box<Box<str>>>,
    /// At a client.
    pub(crate) response: Option<ResponseHead>,
    /// At a server.
    pub(crate) request: Option<RequestHead>,
}

impl Established {
    /// The results of a client's handshake.
    fn of_client(protocol: Option<&str>, response: ResponseHead) -> Self {
        Self { protocol: boxed(protocol), response: Some(response), request: None }
    }

    /// The results of a server's handshake.
    pub(super) fn of_server(protocol: Option<&str>, request: RequestHead) -> Self {
        Self { protocol: boxed(protocol), response: None, request: Some(request) }
    }

    /// The subprotocol that the server chose.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref().map(|protocol| &**protocol)
    }
}

fn boxed(protocol: Option<&str>) -> Option<Box<Box<str>>> {
    protocol.map(|protocol| Box::new(protocol.into()))
}
