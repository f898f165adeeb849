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
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use walrus_http::{HttpMetrics, Name, budget::Budget};

pub use bucket::BucketMetrics;

mod bucket;

/// A single label `state`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabel {
    /// What is counted.
    pub state: &'static str,
}

/// A single label `epoch`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EpochLabel {
    /// The epoch.
    pub epoch: u32,
}

/// All metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Requests, connections, and the fill of queues.
    pub http: HttpMetrics,
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
    /// Checkpoints that were not used because they were not proven.
    pub refused_checkpoints: Counter,
    /// Positions in the event stream.
    pub event_cursor: Family<StateLabel, Gauge<u64, AtomicU64>>,
    /// Epoch of the active committee.
    pub epoch: Gauge<u64, AtomicU64>,
    /// Status of the node as a number: 0 standby, 1 active, 2 fetching metadata, 3 catching up, 4
    /// recovering, 5 catching up without the oldest events, 6 storage failed.
    pub node_status: Gauge<u64, AtomicU64>,
    /// Shards by status.
    pub shards: Family<StateLabel, Gauge<u64, AtomicU64>>,
    /// Last checkpoint of the last certified event blob.
    pub event_blob_checkpoint: Gauge<u64, AtomicU64>,
    /// Event blobs that are complete and not certified.
    pub event_blobs_uncertified: Gauge<u64, AtomicU64>,
    /// Attestations of event blobs sent.
    pub event_blobs_attested: Counter,
    /// Event blobs that others certified with another content than this node's.
    pub event_blob_forks: Counter,
    /// Event blobs replayed.
    pub event_blobs_replayed: Counter,
    /// Last checkpoint of the event blobs being replayed; 0 if none are.
    pub catching_up_to: Gauge<u64, AtomicU64>,
    /// The bucket.
    pub bucket: BucketMetrics,
    /// Slivers stored.
    pub slivers_stored: Gauge<u64, AtomicU64>,
    /// Blobs on the block list.
    pub blocklist_size: Gauge<u64, AtomicU64>,
    /// SUI of the account that pays for gas.
    pub sui_balance: Gauge<u64, AtomicU64>,
    /// When the TLS certificate ends, in seconds since 1970.
    pub certificate_not_after: Gauge<i64, AtomicI64>,
    /// Digests of the blob records at the beginning of epochs.
    pub records_digest: Family<EpochLabel, Gauge<u64, AtomicU64>>,
    /// Seconds since the node started.
    pub uptime: Gauge<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let http = HttpMetrics::register(&mut registry);
        let mut register = Registration(&mut registry);
        Self {
            http,
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
            refused_checkpoints: register.metric(
                "walrus_event_processor_refused_checkpoints",
                "Checkpoints that were not used because the validators had not signed what a full node said",
            ),
            event_cursor: register.metric(
                "walrus_event_cursor_progress",
                "Positions in the event stream",
            ),
            epoch: register.gauge("walrus_current_epoch", "Epoch of the active committee"),
            node_status: register.gauge(
                "walrus_current_node_status",
                "0 standby, 1 active, 2 fetching metadata, 3 catching up, 4 recovering, 5 catching up without the oldest events, 6 \
                 storage failed",
            ),
            shards: register.metric("walrus_shards", "Shards by status"),
            event_blob_checkpoint: register.gauge(
                "walrus_event_blob_certified_checkpoint",
                "Last checkpoint of the last certified event blob",
            ),
            event_blobs_uncertified: register.gauge(
                "walrus_event_blobs_uncertified",
                "Event blobs that are complete on this node and not certified",
            ),
            event_blobs_attested: register
                .metric("walrus_event_blobs_attested", "Attestations of event blobs sent"),
            event_blob_forks: register.metric(
                "walrus_event_blob_forks",
                "Event blobs that others certified with another content than this node's",
            ),
            event_blobs_replayed: register
                .metric("walrus_event_blobs_replayed", "Event blobs replayed to catch up"),
            catching_up_to: register.gauge(
                "walrus_event_catch_up_checkpoint",
                "Last checkpoint of the event blobs being replayed; 0 if none are",
            ),
            bucket: BucketMetrics::register(&mut register),
            slivers_stored: register.gauge("walrus_slivers_stored", "Slivers stored"),
            blocklist_size: register.gauge("walrus_blocklist_size", "Blobs on the block list"),
            sui_balance: register.gauge(
                "walrus_sui_balance_mist",
                "SUI of the account that pays for gas, in MIST",
            ),
            certificate_not_after: register.gauge(
                "http_server_tls_certificate_not_after_seconds",
                "When the TLS certificate ends, in seconds since 1970; 0 without TLS",
            ),
            records_digest: register.metric(
                "walrus_blob_info_consistency_check",
                "Digest of the blob records at the beginning of the epoch: the same on all nodes",
            ),
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
        self.http.budget(name, total)
    }

    /// Sets fill and bound of a queue.
    pub fn set_queue(&self, name: &str, size: usize, limit: usize) {
        self.http.set_queue(name, size, limit);
    }
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
            .get_or_create(&StateLabel { state: "persisted" })
            .set(3);
        metrics.set_queue("commit", 1, 2);
        let text = metrics.render().unwrap();
        for line in [
            "walrus_storage_confirmations_issued_total 1",
            r#"walrus_event_cursor_progress{state="persisted"} 3"#,
            r#"walrus_queue_limit{name="commit"} 2"#,
            "walrus_event_processor_latest_downloaded_checkpoint 0",
            "walrus_event_processor_refused_checkpoints_total 0",
            "walrus_current_node_status 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    /// What operators look at and are woken by.
    const WATCHED: [(&str, &str); 2] = [
        ("alerts.yaml", include_str!("../../../deploy/alerts.yaml")),
        (
            "grafana-dashboard.json",
            include_str!("../../../deploy/grafana-dashboard.json"),
        ),
    ];

    /// Names of metrics in a text.
    fn names(text: &str) -> Vec<&str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.split(|c| !is_part(c))
            .filter(|word| word.starts_with("walrus_") || word.starts_with("http_server_"))
            .collect()
    }

    #[test]
    fn every_metric_of_the_dashboard_and_the_alerts_exists() {
        let metrics = Metrics::default();
        // Families show nothing until something is counted.
        let name = Name {
            name: "any".to_owned(),
        };
        let http = &metrics.http;
        http.connections_closed.get_or_create(&name).inc();
        metrics.set_queue("any", 1, 2);
        metrics.events.get_or_create(&name).inc();
        let _ = metrics.shards.get_or_create(&StateLabel { state: "ready" });
        let _ = metrics
            .event_cursor
            .get_or_create(&StateLabel { state: "any" });
        let _ = metrics
            .records_digest
            .get_or_create(&EpochLabel { epoch: 1 });
        http.request_duration
            .get_or_create(&walrus_http::RequestLabels {
                http_request_method: "GET".to_owned(),
                http_route: "/v1/health".to_owned(),
                http_response_status_code: 200,
                error_type: String::new(),
                network_protocol_version: "2",
                url_scheme: "https",
            })
            .observe(0.1);
        let text = metrics.render().unwrap();
        for (file, watched) in WATCHED {
            let used = names(watched);
            assert!(used.len() > 10, "{file}");
            for name in used {
                let exists = text.lines().any(|line| {
                    line.strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with(['{', ' ']))
                });
                assert!(exists, "{file} uses {name}, which the node does not have");
            }
        }
    }

    #[test]
    fn dashboard_and_alerts_are_well_formed() {
        let dashboard: serde_json::Value = serde_json::from_str(WATCHED[1].1).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(panel["targets"][0]["expr"].is_string(), "{panel}");
        }
        let rules: serde_json::Value = serde_saphyr::from_str(WATCHED[0].1).unwrap();
        for rule in rules["groups"][0]["rules"].as_array().unwrap() {
            for text in [
                &rule["alert"],
                &rule["expr"],
                &rule["labels"]["severity"],
                &rule["annotations"]["summary"],
                &rule["annotations"]["description"],
            ] {
                assert!(text.is_string(), "{rule}");
            }
            // Parentheses of an expression fit.
            let expr = rule["expr"].as_str().unwrap();
            assert_eq!(
                expr.matches('(').count(),
                expr.matches(')').count(),
                "{expr}"
            );
        }
    }
}
