//! The opening handshake (section 4) through the public API: literal bytes, both roles, every
//! cutting, virtual time.

mod connect;
mod folding;
mod http;
mod http2;
mod offer;
mod pair;
mod plain;
mod random;
mod refusal;
mod request;
mod response;
mod time;
mod wire;
