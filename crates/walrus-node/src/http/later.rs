//! Endpoints of the protocol this version does not serve: they say so, instead of not existing.

use axum::response::{IntoResponse, Response};

use super::error::HttpError;

pub(super) async fn api_document() -> Response {
    unavailable("the API document")
}

fn unavailable(what: &str) -> Response {
    HttpError::Unavailable(format!("this version of the node does not serve {what}"))
        .into_response()
}
