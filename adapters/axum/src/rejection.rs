//! A request that gets no WebSocket.

use std::fmt;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bluewire::AcceptError;
use bluewire::hyper::Rejection;
use http::StatusCode;

/// A request that gets no WebSocket: the response says in plain text what was wrong with it.
///
/// See [`Rejection`] for its status.
#[derive(Debug)]
pub struct UpgradeRejection(Rejection);

impl UpgradeRejection {
    /// The fault of the request.
    #[must_use]
    pub fn error(&self) -> &AcceptError {
        self.0.error()
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }
}

impl IntoResponse for UpgradeRejection {
    fn into_response(self) -> Response {
        self.0.response::<Body>()
    }
}

impl fmt::Display for UpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The sentence has its cause in it.
impl std::error::Error for UpgradeRejection {}

impl From<Rejection> for UpgradeRejection {
    fn from(rejection: Rejection) -> Self {
        Self(rejection)
    }
}
