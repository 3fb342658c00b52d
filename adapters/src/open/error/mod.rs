//! Why there is no connection.

mod accept;
mod connect;
mod proxy;
mod redirect;
mod url;

pub use self::accept::AcceptError;
pub use self::connect::{ConnectError, Phase};
pub use self::proxy::{ProxyError, ProxyUrlError, SocksReply};
pub use self::redirect::{RedirectError, RedirectReason};
pub use self::url::UrlError;
