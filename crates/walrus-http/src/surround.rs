//! What surrounds every request: a bound on how many there are, and a measurement.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::Version,
    middleware::{self, Next},
    response::Response,
};
use tokio::time::Instant;

use crate::{
    answer::Answer,
    budget::Budget,
    exchange::{Connection, Exchange},
    metrics::{HttpMetrics, RequestLabels},
};

#[derive(Clone)]
struct Surroundings {
    metrics: HttpMetrics,
    requests: Arc<Budget>,
    scheme: &'static str,
    refuse: fn() -> Response,
}

/// Lets at most `requests_max` requests into `router` at a time, shared among peers; more are
/// answered by `refuse`. Measures each, with `scheme` as a label. The router must be served by an
/// [`HttpServer`](crate::HttpServer).
pub fn surround(
    router: Router,
    metrics: &HttpMetrics,
    requests_max: usize,
    scheme: &'static str,
    refuse: fn() -> Response,
) -> Router {
    let surroundings = Surroundings {
        metrics: metrics.clone(),
        requests: metrics.budget("requests", requests_max),
        scheme,
        refuse,
    };
    router.layer(middleware::from_fn_with_state(surroundings, around_request))
}

async fn around_request(
    State(around): State<Surroundings>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let metrics = around.metrics;
    let mut labels = labels(&request, around.scheme);
    let place = around.requests.try_take(connection.holder(), 1);
    let admitted = place.is_some();
    let exchange = Exchange::begin(connection, place, metrics.active_requests.clone());
    let response = if admitted {
        next.run(request).await
    } else {
        (around.refuse)()
    };
    let status = response.status();
    labels.http_response_status_code = status.as_u16();
    if status.is_server_error() {
        status.as_str().clone_into(&mut labels.error_type);
    }
    metrics
        .request_duration
        .get_or_create(&labels)
        .observe(started.elapsed().as_secs_f64());
    response.map(|body| Body::new(Answer::new(body, exchange)))
}

/// Labels of a request that has no answer yet. Unknown paths and methods share one series; anybody
/// can invent them.
fn labels(request: &Request, scheme: &'static str) -> RequestLabels {
    let method = match request.method().as_str() {
        known @ ("GET" | "PUT" | "POST" | "HEAD" | "OPTIONS") => known,
        _ => "other",
    };
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unknown", MatchedPath::as_str);
    RequestLabels {
        http_request_method: method.to_owned(),
        http_route: route.to_owned(),
        http_response_status_code: 0,
        error_type: String::new(),
        network_protocol_version: if request.version() == Version::HTTP_2 {
            "2"
        } else {
            "1.1"
        },
        url_scheme: scheme,
    }
}
