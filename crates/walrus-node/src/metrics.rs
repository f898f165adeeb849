//! Prometheus metrics of the node.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::budget::Budget;

/// Labels of the request metrics; names follow the OpenTelemetry conventions operators already alert on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// `GET`, `PUT`, …
    pub http_request_method: String,
    /// The route pattern, so that the number of series is bounded.
    pub http_route: String,
    /// Status code of the answer.
    pub http_response_status_code: u16,
    /// `1.1` or `2`.
    pub network_protocol_version: &'static str,
    /// `http` or `https`.
    pub url_scheme: &'static str,
}

/// A single label `state`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct State {
    /// What is counted.
    pub state: &'static str,
}

/// A single label `name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Name {
    /// What is counted.
    pub name: String,
}

/// All metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Seconds from the request's head to the answer's head.
    pub request_duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// Requests from the head until the answer has left.
    pub active_requests: Gauge<i64, AtomicI64>,
    /// Open connections.
    pub connections: Gauge<i64, AtomicI64>,
    /// Connections the node closed or refused, by reason.
    pub connections_closed: Family<Name, Counter>,
    /// Storage confirmations signed.
    pub confirmations_issued: Counter,
    /// Slivers found damaged on disk.
    pub damaged_slivers: Counter,
    /// Metadata found damaged on disk.
    pub damaged_metadata: Counter,
    /// Parts of the index found damaged on disk.
    pub damaged_index: Gauge<u64, AtomicU64>,
    /// Stored items read again by the scrub.
    pub scrubbed: Counter,
    /// Cycles of the scrub over everything.
    pub scrub_cycles: Counter,
    /// Slivers expanded to answer requests for symbols.
    pub expanded_slivers: Counter,
    /// Slivers copied from the nodes that held their shards before.
    pub copied_slivers: Counter,
    /// Slivers recovered from parts that other nodes gave.
    pub recovered_slivers: Counter,
    /// Bytes of such parts.
    pub recovery_bytes: Counter,
    /// Chain events processed, by name.
    pub events: Family<Name, Counter>,
    /// Latest checkpoint seen.
    pub latest_checkpoint: Gauge<u64, AtomicU64>,
    /// Positions in the event stream.
    pub event_cursor: Family<State, Gauge<u64, AtomicU64>>,
    /// Epoch of the active committee.
    pub epoch: Gauge<u64, AtomicU64>,
    /// Status of the node as a number: 0 standby, 1 active, 3 catching up, 4 recovering, 5 storage failed.
    pub node_status: Gauge<u64, AtomicU64>,
    /// Shards by status.
    pub shards: Family<State, Gauge<u64, AtomicU64>>,
    /// Slivers stored.
    pub slivers_stored: Gauge<u64, AtomicU64>,
    /// Fill of bounded queues and caches.
    pub queue_size: Family<Name, Gauge<u64, AtomicU64>>,
    /// Bounds of the same queues and caches.
    pub queue_limit: Family<Name, Gauge<u64, AtomicU64>>,
    /// Seconds since the node started.
    pub uptime: Gauge<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let mut register = Registration(&mut registry);
        let request_duration =
            Family::new_with_constructor(duration_histogram as fn() -> Histogram);
        register.0.register(
            "http_server_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            request_duration.clone(),
        );
        Self {
            request_duration,
            active_requests: register
                .gauge("http_server_active_requests", "Requests from the head until the answer has left"),
            connections: register.gauge("http_server_active_connections", "Open connections"),
            connections_closed: register.metric(
                "walrus_http_connections_closed",
                "Connections closed or refused because of a limit, by reason",
            ),
            confirmations_issued: register.metric(
                "walrus_storage_confirmations_issued",
                "Storage confirmations signed",
            ),
            damaged_slivers: register
                .metric("walrus_damaged_slivers", "Slivers found damaged on disk"),
            damaged_metadata: register
                .metric("walrus_damaged_metadata", "Metadata found damaged on disk"),
            damaged_index: register.gauge(
                "walrus_damaged_index_reads",
                "Reads of the index since the start that met damage",
            ),
            scrubbed: register.metric(
                "walrus_scrubbed_items",
                "Stored metadata and slivers read again",
            ),
            scrub_cycles: register.metric(
                "walrus_scrub_cycles",
                "How often everything stored was read again",
            ),
            expanded_slivers: register.metric(
                "walrus_expanded_slivers",
                "Slivers expanded to answer requests for symbols",
            ),
            copied_slivers: register.metric(
                "walrus_copied_slivers",
                "Slivers copied from the nodes that held their shards before",
            ),
            recovered_slivers: register.metric(
                "walrus_recovered_slivers",
                "Slivers recovered from parts that other nodes gave",
            ),
            recovery_bytes: register.metric(
                "walrus_recovery_received_bytes",
                "Bytes of parts that other nodes gave for recovery",
            ),
            events: register.metric("walrus_events_processed", "Chain events processed"),
            latest_checkpoint: register.gauge(
                "walrus_event_processor_latest_downloaded_checkpoint",
                "Latest checkpoint of the chain that was read",
            ),
            event_cursor: register.metric(
                "walrus_event_cursor_progress",
                "Positions in the event stream",
            ),
            epoch: register.gauge("walrus_current_epoch", "Epoch of the active committee"),
            node_status: register.gauge(
                "walrus_current_node_status",
                "0 standby, 1 active, 2 fetching metadata, 3 catching up, 4 recovering, 5 storage failed",
            ),
            shards: register.metric("walrus_shards", "Shards by status"),
            slivers_stored: register.gauge("walrus_slivers_stored", "Slivers stored"),
            queue_size: register.metric("walrus_queue_size", "Fill of bounded queues and caches"),
            queue_limit: register.metric("walrus_queue_limit", "Bounds of queues and caches"),
            uptime: register.gauge("walrus_uptime_seconds", "Seconds since the node started"),
            registry: Arc::new(registry),
        }
    }
}

impl Metrics {
    /// The text a scraper gets.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A budget whose fill and bound are always shown as those of a queue.
    pub fn budget(&self, name: &str, total: usize) -> Arc<Budget> {
        let name = Name {
            name: name.to_owned(),
        };
        let budget = Budget::with_gauge(total, self.queue_size.get_or_create(&name).clone());
        self.queue_limit
            .get_or_create(&name)
            .set(to_u64(budget.total()));
        budget
    }

    /// Counts a connection that was closed or refused.
    pub fn count_closed(&self, reason: &str) {
        let name = Name {
            name: reason.to_owned(),
        };
        self.connections_closed.get_or_create(&name).inc();
    }

    /// Sets fill and bound of a queue.
    pub fn set_queue(&self, name: &str, size: usize, limit: usize) {
        let name = Name {
            name: name.to_owned(),
        };
        self.queue_size.get_or_create(&name).set(to_u64(size));
        self.queue_limit.get_or_create(&name).set(to_u64(limit));
    }
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// 1 ms to 65 s.
fn duration_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

/// Registers default metrics and hands them back.
struct Registration<'a>(&'a mut Registry);

impl Registration<'_> {
    fn metric<M: prometheus_client::registry::Metric + Clone + Default>(
        &mut self,
        name: &str,
        help: &str,
    ) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    fn gauge<N, A>(&mut self, name: &str, help: &str) -> Gauge<N, A>
    where
        Gauge<N, A>: prometheus_client::registry::Metric + Clone + Default,
    {
        self.metric(name, help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_operators_alert_on() {
        let metrics = Metrics::default();
        metrics.confirmations_issued.inc();
        metrics
            .event_cursor
            .get_or_create(&State { state: "persisted" })
            .set(3);
        metrics.set_queue("commit", 1, 2);
        let text = metrics.render().unwrap();
        for line in [
            "walrus_storage_confirmations_issued_total 1",
            r#"walrus_event_cursor_progress{state="persisted"} 3"#,
            r#"walrus_queue_limit{name="commit"} 2"#,
            "walrus_event_processor_latest_downloaded_checkpoint 0",
            "walrus_current_node_status 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
