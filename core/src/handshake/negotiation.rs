//! Which extensions there are to negotiate (section 9.1).

use alloc::string::String;

use crate::config::Config;
use crate::connection::Connection;
use crate::extension::ExtensionItem;
use crate::handshake::error::HandshakeError;

/// The agreement: the parameters of the one extension that exists.
#[cfg(feature = "deflate")]
pub(crate) type Agreed = crate::DeflateParams;
/// Without an extension there is nothing to agree on.
#[cfg(not(feature = "deflate"))]
pub(crate) type Agreed = core::convert::Infallible;

/// A client's offers: the value of `Sec-WebSocket-Extensions`, empty for none.
pub(crate) fn offered_extensions(config: &Config) -> String {
    #[cfg(feature = "deflate")]
    if let Some(deflate) = &config.deflate {
        return deflate.offer();
    }
    let _ = config;
    String::new()
}

/// How a client judges the extension in a response.
pub(crate) fn confirm(config: &Config, item: ExtensionItem<'_>) -> Result<Agreed, HandshakeError> {
    #[cfg(feature = "deflate")]
    if let Some(deflate) = &config.deflate
        && deflate.is_named_by(item)
    {
        return deflate.confirm_item(item).ok_or(HandshakeError::InvalidExtensionParams);
    }
    let _ = (config, item);
    Err(HandshakeError::UnofferedExtension)
}

/// The offer that a server agrees to, if any.
pub(crate) fn accept<'i>(
    config: &Config,
    offers: impl Iterator<Item = ExtensionItem<'i>>,
) -> Option<Agreed> {
    #[cfg(feature = "deflate")]
    if let Some(deflate) = &config.deflate {
        return deflate.accept_any(offers);
    }
    let _ = (config, offers);
    None
}

impl Connection {
    pub(crate) fn with_extension(self, agreed: Option<Agreed>) -> Self {
        #[cfg(feature = "deflate")]
        if let Some(params) = agreed {
            return self.with_deflate(params);
        }
        let _ = agreed;
        self
    }
}
