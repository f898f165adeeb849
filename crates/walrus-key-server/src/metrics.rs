//! Prometheus metrics of the key server.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};
use walrus_http::HttpMetrics;

use crate::PROTOCOL_VERSION;

/// Why keys were refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
}

/// The library of a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Client {
    pub(crate) sdk_type: &'static str,
    /// Numbers are capped, so that the number of series is bounded.
    pub(crate) version: String,
}

/// All metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    /// Of every request.
    pub(crate) http: HttpMetrics,
    /// Requests for keys.
    pub(crate) requests: Counter,
    /// Keys given out.
    pub(crate) keys: Counter,
    /// Requests refused, by code.
    pub(crate) refusals: Family<Reason, Counter>,
    /// Identities of a request.
    pub(crate) identities: Histogram,
    /// Seconds until the first version of a package is known.
    pub(crate) package_seconds: Histogram,
    /// Seconds until a policy has answered.
    pub(crate) policy_seconds: Histogram,
    /// Requests that failed because the full node was behind.
    pub(crate) stale: Counter,
    /// Libraries of clients.
    pub(crate) clients: Family<Client, Counter>,
    /// The price of gas that is used, in MIST.
    pub(crate) gas_price: Gauge,
    /// Reads of price and clock that failed.
    pub(crate) refresh_failures: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let http = HttpMetrics::register(&mut registry);
        let version = Info::new([("version", PROTOCOL_VERSION)]);
        registry.register("key_server", "Version of the protocol", version);
        let mut metrics = Self {
            registry: Arc::default(),
            http,
            requests: Counter::default(),
            keys: Counter::default(),
            refusals: Family::default(),
            identities: Histogram::new(exponential_buckets(1.0, 2.0, 8)),
            package_seconds: seconds(),
            policy_seconds: seconds(),
            stale: Counter::default(),
            clients: Family::default(),
            gas_price: Gauge::default(),
            refresh_failures: Counter::default(),
        };
        metrics.register(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("key_server");
        registry.register("requests", "Requests for keys", self.requests.clone());
        registry.register("keys", "Keys given out", self.keys.clone());
        registry.register(
            "refusals",
            "Requests for keys that were refused, by code",
            self.refusals.clone(),
        );
        registry.register(
            "identities",
            "Identities of a request",
            self.identities.clone(),
        );
        registry.register(
            "package_seconds",
            "Time until the first version of a package is known",
            self.package_seconds.clone(),
        );
        registry.register(
            "policy_seconds",
            "Time until a policy has answered",
            self.policy_seconds.clone(),
        );
        registry.register(
            "stale_full_node",
            "Requests that failed because the full node was behind",
            self.stale.clone(),
        );
        registry.register(
            "clients",
            "Requests by library of the client",
            self.clients.clone(),
        );
        registry.register(
            "gas_price_mist",
            "Price of gas in simulations",
            self.gas_price.clone(),
        );
        registry.register(
            "refresh_failures",
            "Reads of the price of gas and the clock that failed",
            self.refresh_failures.clone(),
        );
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// 1 ms to 16 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}
