//! A request that gets no WebSocket.

use std::fmt;

use bluewire_core::HttpAnswer;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::open::error::AcceptError;

/// A request that gets no WebSocket: why, and the answer that says so.
///
/// The answer's status is 400 for a request that breaks a rule, 403 for a page of a foreign origin,
/// 405 for another method, 421 for a foreign host, 426 for a request that asks for no upgrade (over
/// HTTP/2 it is 400), 501 for another `:protocol`, and 503 where there are too many connections.
pub struct Rejection(Box<Parts>);

struct Parts {
    error: AcceptError,
    answer: HttpAnswer,
}

impl Rejection {
    pub(super) fn new(error: AcceptError, answer: HttpAnswer, is_http2: bool) -> Self {
        let answer = if is_http2 { answer.over_http2() } else { answer };
        Self(Box::new(Parts { error, answer }))
    }

    /// Why the request gets no WebSocket.
    #[must_use]
    pub fn error(&self) -> &AcceptError {
        &self.0.error
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        // It is between 200 and 599.
        StatusCode::from_u16(self.0.answer.status()).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// The answer. Its body says in plain text what was wrong.
    #[must_use]
    pub fn response<B: From<Vec<u8>>>(&self) -> Response<B> {
        let mut response = Response::new(B::from(self.0.answer.body_bytes().to_vec()));
        *response.status_mut() = self.status();
        self.0.answer.each_header(|name, value| push(&mut response, name, value));
        response
    }
}

/// Adds a header that the engine has checked.
pub(super) fn push<B>(response: &mut Response<B>, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        response.headers_mut().append(name, value);
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("status", &self.0.answer.status())
            .field("error", &self.0.error)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}

/// The sentence has its cause in it.
impl std::error::Error for Rejection {}

impl From<Rejection> for AcceptError {
    fn from(rejection: Rejection) -> Self {
        rejection.0.error
    }
}
