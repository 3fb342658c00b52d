//! The opening handshake (section 4): one HTTP request and its answer, after which the bytes are
//! frames.
//!
//! A client begins with [`ClientHandshake::start`] and waits for a [`Response`]; a server begins
//! with [`ServerHandshake::new`], waits for a [`Request`] and answers its [`Offer`]. Only their
//! results make a [`Connection`](crate::Connection), so every connection has had a handshake that
//! succeeded. Bytes that followed the head stay in the inbox, which is then the connection's.

mod answer;
mod append;
mod authority;
mod body;
mod client;
mod connect;
mod error;
mod head;
mod head_error;
mod headers;
mod http;
mod key;
mod lines;
mod negotiation;
mod offer;
mod refusal;
mod request;
mod response;
mod server;

pub use answer::HttpAnswer;
pub use client::ClientHandshake;
pub use connect::ConnectResponse;
pub use error::HandshakeError;
pub use head_error::HeadError;
pub use headers::{Headers, RequestHead, ResponseHead};
pub use http::HttpHandshake;
pub use key::accept_value;
pub use offer::Offer;
pub use refusal::Refusal;
pub use request::ClientRequest;
pub use response::Response;
pub use server::{Request, ServerHandshake};
