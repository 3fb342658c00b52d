//! From the options to an open connection, without the IO: the request that they make, and the
//! opening handshake of either side.

mod accepting;
#[cfg(feature = "hyper")]
mod carried;
mod opened;
mod opening;
mod progress;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{ClientRequest, Config, HeadError};

#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use self::accepting::turn_away;
pub(crate) use self::accepting::{Accepting, Asked, Heard, decline};
#[cfg(feature = "hyper")]
pub(crate) use self::accepting::{answer_to, full_answer, plain_answer};
#[cfg(feature = "hyper")]
pub(crate) use self::carried::Carried;
pub(crate) use self::opened::{Established, Opened};
pub(crate) use self::opening::Opening;
pub(crate) use self::progress::Progress;
use super::error::{ConnectError, ProxyError, RedirectError};
use super::options::{Canceller, ConnectOptions, HeaderList};
use super::plan::{Plan, Target, Timeouts};
use super::proxy::Proxy;
use super::reconnect::Reconnect;
use super::redirect::{Trail, redirects};
use super::url::Url;
use crate::orders::Orders;
#[cfg(feature = "_tls")]
use crate::tls::Tls;
use crate::trace::Id;

/// Options that are known to be valid.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) canceller: Option<Canceller>,
    pub(crate) reconnect: Option<Reconnect>,
    #[cfg(feature = "_tls")]
    pub(crate) tls: Tls,
    proxy: Option<Proxy>,
    /// If redirects are followed.
    pub(crate) trail: Option<Box<Trail>>,
    /// In events.
    pub(crate) id: Id,
    client_request: ClientRequest,
    config: Arc<Config>,
}

impl Request {
    /// By which its canceller reaches the open connection.
    pub(crate) fn orders(&self) -> Option<Arc<Orders>> {
        self.canceller.as_ref().map(Canceller::orders)
    }

    pub(crate) fn check(options: ConnectOptions) -> Result<Self, ConnectError> {
        Self::of(options.url()?, options, Id::next())
    }

    fn of(url: Url, options: ConnectOptions, id: Id) -> Result<Self, ConnectError> {
        let client_request = client_request(&url, &options.headers, &options.protocols)?;
        let timeouts = Timeouts {
            resolve: options.resolve_timeout,
            tcp: options.connect_timeout,
            proxy: options.proxy_timeout,
            tls: options.tls_timeout,
            handshake: options.config.handshake_timeout,
            whole: options.timeout,
        };
        Ok(Self {
            url,
            addresses: options.addresses,
            timeouts,
            canceller: options.canceller,
            reconnect: options.reconnect,
            #[cfg(feature = "_tls")]
            tls: options.tls,
            proxy: None,
            trail: None,
            id,
            client_request,
            config: options.config,
        })
    }

    /// The same for a connection that is made here, perhaps through a proxy: TLS, if it is asked
    /// for, must be there.
    pub(crate) fn to_connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        Self::to(options.url()?, options, Vec::new(), Id::next())
    }

    /// The same, after redirects perhaps: to this URL, which is another one than in the options
    /// then.
    pub(crate) fn to(
        url: Url,
        mut options: ConnectOptions,
        visited: Vec<Url>,
        id: Id,
    ) -> Result<Self, ConnectError> {
        #[cfg(feature = "_tls")]
        if url.is_secure() {
            options.tls.check()?;
        }
        let trail = Trail::start(&options, visited);
        let proxies = std::mem::take(&mut options.proxies);
        let mut request = Self::of(url, options, id)?;
        request.trail = trail;
        if request.url.is_local() {
            return Ok(request);
        }
        let url = &request.url;
        let proxy = proxies.choose(url.is_secure(), url.bare_host(), url.port());
        request.proxy = proxy.map_err(|error| ConnectError::Proxy(ProxyError::Url(error)))?;
        match request.url.is_secure() && cfg!(not(feature = "_tls")) {
            true => Err(ConnectError::TlsUnavailable),
            false => Ok(request),
        }
    }

    /// The way to the server, by a clock that began with the attempt: the time that a redirect took
    /// is gone.
    pub(crate) fn plan(&self) -> Plan {
        let proxy = self.proxy.as_ref().map(|proxy| proxy as _);
        let url = &self.url;
        self.id.dials(url.host(), url.port(), url.is_secure(), proxy);
        Plan::new(self.target(), self.timeouts, Duration::ZERO).traced(self.id)
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            host: self.url.host_to_resolve(),
            port: self.url.port(),
            addresses: self.addresses.clone(),
            secure: self.url.is_secure(),
            proxy: self.proxy.clone(),
            #[cfg(unix)]
            socket: self.url.socket_path(),
        }
    }

    /// The facade's rules: `Referer` may not be set, and messages come whole.
    pub(crate) fn for_facade(mut options: ConnectOptions) -> Result<Self, ConnectError> {
        if options.headers.contains("referer") {
            return Err(ConnectError::Header(HeadError::ReservedHeader));
        }
        if options.config.delivery != bluewire_core::Delivery::Whole {
            Arc::make_mut(&mut options.config).delivery = bluewire_core::Delivery::Whole;
        }
        Self::to_connect(options)
    }

    /// The next request, if this attempt failed with a redirect that the options follow. If not,
    /// the error stays.
    pub(crate) fn follow(&self, error: ConnectError) -> Result<Self, ConnectError> {
        let (trail, refusal) = match (&self.trail, error) {
            (Some(trail), ConnectError::Refused(refusal)) if redirects(&refusal) => {
                (trail, refusal)
            }
            (_, error) => return Err(error),
        };
        let next = trail.next(&self.url, &refusal);
        let next = next.and_then(|next| Ok((trail.options(&self.url, &next)?, next)));
        match next {
            Ok((options, next)) => {
                self.id.is_redirected(refusal.head().status());
                let visited = trail.visited.iter().chain([&self.url]).cloned().collect();
                Self::to(next, options, visited, self.id)
            }
            Err(reason) => Err(ConnectError::Redirect(RedirectError::new(reason, refusal))),
        }
    }
}

fn client_request(
    url: &Url,
    headers: &HeaderList,
    protocols: &[String],
) -> Result<ClientRequest, ConnectError> {
    let mut request = ClientRequest::new(url.host(), url.resource_name())
        .map_err(ConnectError::Header)?
        .secure(url.is_secure())
        .port(url.port());
    for protocol in protocols {
        request = request.subprotocol(protocol).map_err(ConnectError::Header)?;
    }
    if let Some(authorization) = url.authorization()
        && !headers.contains("Authorization")
    {
        request = request.header("Authorization", &authorization).map_err(ConnectError::Header)?;
    }
    for (name, value) in &headers.0 {
        request = request.header(name, value).map_err(ConnectError::Header)?;
    }
    Ok(request)
}
