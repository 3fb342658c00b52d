//! Options of a server's connection.

use std::sync::Arc;

use bluewire_core::{Config, HttpAnswer, Offer};

use super::origins::{OriginPolicy, Reach, is_listed, is_of_this_machine};
use super::secret::HeaderList;
use crate::open::error::AcceptError;

/// The options for accepting a connection: subprotocols, origins, host names, limits.
///
/// ```
/// use bluewire::{AcceptOptions, OriginPolicy};
///
/// let options = AcceptOptions::default()
///     .protocol("chat.v2")
///     .protocol("chat.v1")
///     .origins(OriginPolicy::Listed(vec!["https://example.com".to_owned()]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct AcceptOptions {
    protocols: Vec<String>,
    headers: HeaderList,
    origins: OriginPolicy,
    hosts: Option<Vec<String>>,
    over_tls: bool,
    pub(crate) reach: Reach,
    pub(crate) config: Arc<Config>,
    #[cfg(feature = "deflate")]
    deflate: Option<crate::Deflate>,
}

impl AcceptOptions {
    /// Adds a subprotocol that this server supports. The server chooses the first supported one in
    /// the client's order. Without a match, the connection has no subprotocol.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Adds a header to the response. `Debug` shows the name without the value.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.0.push((name.into(), value.into()));
        self
    }

    /// Sets which web pages may connect.
    #[must_use]
    pub fn origins(mut self, origins: OriginPolicy) -> Self {
        self.origins = origins;
        self
    }

    /// Adds names of this server, such as `example.com` or `example.com:8443`. Requests for other
    /// names get a 421 response. A name without a port matches every port. By default, every name
    /// is accepted, with the exception in [`OriginPolicy::SameOrigin`].
    #[must_use]
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts.get_or_insert_default().extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Declares that clients reach this server over TLS, through a proxy or the given stream. The
    /// [same origin](OriginPolicy::SameOrigin) then means `https`. You do not need it for a
    /// `Server` with its own TLS.
    #[must_use]
    pub fn over_tls(mut self) -> Self {
        self.over_tls = true;
        self
    }

    /// Sets limits and timeouts, including the timeout of the opening handshake.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self.put_deflate();
        self
    }

    /// Sets the limits alone, such as on the length of messages.
    #[must_use]
    pub fn limits(mut self, limits: bluewire_core::Limits) -> Self {
        Arc::make_mut(&mut self.config).limits = limits;
        self
    }

    /// Agrees to compression of messages (RFC 7692) with clients that offer it. This replaces the
    /// setting in [`config`](Self::config), in whatever order you set them.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Self {
        self.deflate = Some(deflate);
        self.put_deflate();
        self
    }

    /// Shows everything, including the values of headers that `Debug` hides.
    #[must_use]
    pub fn with_secrets(&self) -> String {
        format!("{self:?} with the headers {:?}", self.headers.0)
    }

    fn put_deflate(&mut self) {
        #[cfg(feature = "deflate")]
        if self.deflate.is_some() && self.config.deflate != self.deflate {
            Arc::make_mut(&mut self.config).deflate.clone_from(&self.deflate);
        }
    }
}

impl AcceptOptions {
    /// Why the options refuse an offer. If they do not, their settings are put into it. `is_secure`
    /// if the offer arrived over TLS.
    pub(crate) fn judge(
        &self,
        offer: &mut Offer,
        is_secure: bool,
    ) -> Result<(), (AcceptError, HttpAnswer)> {
        if !self.is_known_by(offer) {
            // RFC 9110, section 15.5.20: "the request was directed at a server that is unable or
            // unwilling to produce an authoritative response for the target URI".
            let answer =
                answer(421).text("this server does not have the Host that was asked for\n");
            return Err((AcceptError::HostRefused(offer.head().clone()), answer));
        }
        if !self.origins.allows(offer, is_secure || self.over_tls || self.reach.tls) {
            let answer = answer(403).text("pages of this foreign Origin may not connect here\n");
            return Err((AcceptError::OriginRefused(offer.head().clone()), answer));
        }
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let _ = offer.select_subprotocol_among(&protocols);
        let mut headers = self.headers.0.iter();
        headers
            .try_for_each(|(name, value)| offer.add_header(name, value))
            .map_err(|error| (AcceptError::Header(error), answer(500)))
    }

    /// Whether the name that the client asks for is one of this server's.
    fn is_known_by(&self, offer: &Offer) -> bool {
        // Of the policies, one goes by what the request says.
        let is_in_doubt = self.reach.loopback
            && self.origins == OriginPolicy::SameOrigin
            && offer.origin().is_some();
        match &self.hosts {
            Some(hosts) => is_listed(hosts, offer.host()),
            None => !is_in_doubt || is_of_this_machine(offer.host()),
        }
    }
}

pub(crate) fn answer(status: u16) -> HttpAnswer {
    HttpAnswer::new(status).expect("it is a status")
}
