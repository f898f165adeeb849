//! Reading: everything under `GET`.

pub(crate) mod blobs;
pub(crate) mod concat;
pub(crate) mod facts;
pub(crate) mod quilts;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, header},
    routing::get,
};

use crate::{
    blobs::Blobs,
    content::AllowedHeaders,
    gate::{Gate, gated},
    paths,
};

/// Attributes and tags that become headers unless said otherwise.
pub fn default_allowed_headers() -> Vec<HeaderName> {
    vec![
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        header::CONTENT_DISPOSITION,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LOCATION,
        header::LINK,
    ]
}

/// Bounds and habits of an aggregator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatorOptions {
    /// Attributes of objects and tags of files that become headers.
    pub allowed_headers: Vec<HeaderName>,
    /// Whether all tags of files become headers.
    pub all_tags: bool,
    /// Larger blobs and files are refused.
    pub blob_size_max: Option<u64>,
    /// Requests of one route handled at a time.
    pub concurrent_requests_max: usize,
    /// Requests of one route that wait for that; more are refused.
    pub waiting_requests_max: usize,
}

impl Default for AggregatorOptions {
    fn default() -> Self {
        Self {
            allowed_headers: default_allowed_headers(),
            all_tags: false,
            blob_size_max: None,
            concurrent_requests_max: 256,
            waiting_requests_max: 320,
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Aggregator {
    pub(crate) blobs: Blobs,
    pub(crate) allowed: Arc<AllowedHeaders>,
}

impl Aggregator {
    pub(crate) fn new(blobs: Blobs, options: &AggregatorOptions) -> Self {
        let names = options.allowed_headers.clone();
        Self {
            blobs,
            allowed: Arc::new(AllowedHeaders::new(names, options.all_tags)),
        }
    }

    /// The routes of an aggregator.
    pub(crate) fn router(self, options: &AggregatorOptions) -> Router {
        let gate = || {
            let (running, waiting) = (
                options.concurrent_requests_max,
                options.waiting_requests_max,
            );
            Gate::new("aggregator", running, waiting)
        };
        Router::new()
            .route(paths::BLOB, gated(get(blobs::by_id), gate()))
            .route(
                paths::BLOB_BY_OBJECT,
                gated(get(blobs::by_object_id), gate()),
            )
            .route(paths::BYTE_RANGE, gated(get(blobs::byte_range), gate()))
            .route(paths::STREAM, gated(get(blobs::stream), gate()))
            .route(
                paths::CONCAT,
                gated(get(concat::by_query), gate())
                    .merge(gated(axum::routing::post(concat::by_body), gate())),
            )
            .route(paths::PATCH, gated(get(quilts::by_patch_id), gate()))
            .route(
                paths::PATCH_BY_IDENTIFIER,
                gated(get(quilts::by_identifier), gate()),
            )
            .route(paths::PATCHES, gated(get(quilts::list), gate()))
            .route(paths::BLOB_STATUS, gated(get(facts::status), gate()))
            .route(paths::INFO, gated(get(facts::info), gate()))
            .with_state(self)
    }
}
