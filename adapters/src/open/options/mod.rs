//! The options of connections, made or accepted.

mod accept;
mod cancel;
mod connect;
mod origins;
mod proxy;
mod redirects;
mod secret;

pub use self::accept::AcceptOptions;
pub(crate) use self::accept::answer;
pub use self::cancel::Canceller;
pub use self::connect::ConnectOptions;
pub use self::origins::OriginPolicy;
pub(crate) use self::origins::Reach;
pub(crate) use self::secret::HeaderList;
