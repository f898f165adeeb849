//! What a server shows of itself, in the names operators already alert on.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
    serve::Listener,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use stdx::SaturatingFrom as _;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;

/// Content type of the OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Labels of the request metrics; names follow the OpenTelemetry conventions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// `GET`, `PUT`, …
    pub http_request_method: String,
    /// The route pattern, so that the number of series is bounded.
    pub http_route: String,
    /// Status code of the answer.
    pub http_response_status_code: u16,
    /// The status code again if the server failed, else empty.
    pub error_type: String,
    /// `1.1` or `2`.
    pub network_protocol_version: &'static str,
    /// `http` or `https`.
    pub url_scheme: &'static str,
}

/// A single label `name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Name {
    /// What is counted.
    pub name: String,
}

impl Name {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }
}

/// Requests, connections, and the fill of everything that has a bound. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    /// Seconds from the request's head to the answer's head.
    pub request_duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// Requests from the head until the answer has left.
    pub active_requests: Gauge<i64, AtomicI64>,
    /// Open connections.
    pub connections: Gauge<i64, AtomicI64>,
    /// Connections the server closed or refused, by reason.
    pub connections_closed: Family<Name, Counter>,
    /// Fill of bounded queues and caches.
    pub queue_size: Family<Name, Gauge<u64, AtomicU64>>,
    /// Bounds of the same queues and caches.
    pub queue_limit: Family<Name, Gauge<u64, AtomicU64>>,
}

impl HttpMetrics {
    /// Metrics that `registry` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            request_duration: Family::new_with_constructor(duration_histogram as fn() -> Histogram),
            active_requests: Gauge::default(),
            connections: Gauge::default(),
            connections_closed: Family::default(),
            queue_size: Family::default(),
            queue_limit: Family::default(),
        };
        registry.register(
            "http_server_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            metrics.request_duration.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests from the head until the answer has left",
            metrics.active_requests.clone(),
        );
        registry.register(
            "http_server_active_connections",
            "Open connections",
            metrics.connections.clone(),
        );
        registry.register(
            "walrus_http_connections_closed",
            "Connections closed or refused because of a limit, by reason",
            metrics.connections_closed.clone(),
        );
        registry.register(
            "walrus_queue_size",
            "Fill of bounded queues and caches",
            metrics.queue_size.clone(),
        );
        registry.register(
            "walrus_queue_limit",
            "Bounds of queues and caches",
            metrics.queue_limit.clone(),
        );
        metrics
    }

    /// A budget whose fill and bound are always shown as those of a queue.
    pub fn budget(&self, name: &str, total: usize) -> Arc<Budget> {
        let name = Name::new(name);
        let budget = Budget::with_gauge(total, self.queue_size.get_or_create(&name).clone());
        self.queue_limit
            .get_or_create(&name)
            .set(to_u64(budget.total()));
        budget
    }

    /// Sets fill and bound of a queue.
    pub fn set_queue(&self, name: &str, size: usize, limit: usize) {
        let name = Name::new(name);
        self.queue_size.get_or_create(&name).set(to_u64(size));
        self.queue_limit.get_or_create(&name).set(to_u64(limit));
    }

    /// Counts a connection that was closed or refused.
    pub(crate) fn count_closed(&self, reason: &str) {
        self.connections_closed
            .get_or_create(&Name::new(reason))
            .inc();
    }
}

fn to_u64(number: usize) -> u64 {
    u64::saturating_from(number)
}

/// 1 ms to 65 s.
fn duration_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

/// Serves `/metrics` on its own address, plain text, so that it need not be exposed with the API.
pub async fn serve_metrics(
    listener: impl Listener<Addr: fmt::Debug>,
    render: impl Fn() -> Result<String, fmt::Error> + Clone + Send + Sync + 'static,
    stop: CancellationToken,
) {
    let answer = move || std::future::ready(answer(render()));
    let router = Router::new().route("/metrics", get(answer));
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the metrics server failed");
    }
}

fn answer(text: Result<String, fmt::Error>) -> Response {
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
