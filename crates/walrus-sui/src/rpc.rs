//! Access to full nodes: fail-over, timeouts, bounded retries, and objects decoded from answers.

mod answers;
mod chain;
mod coins;
mod effects;
mod object;
mod package;
mod payments;
mod transactions;
mod url;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ambient::pauses::pause_after;
use sui_rpc::Client;
use tonic::body::Body;
use tower::{
    Service,
    layer::layer_fn,
    util::{MapResponse, MapResponseLayer},
};

pub(crate) use self::{
    coins::Coin,
    effects::{executed, raw_event},
    object::owner,
};
pub use self::{
    effects::{ChangedObject, Executed, RawEvent},
    object::{ObjectData, ObjectOwner},
    package::PackageData,
    payments::{FirstInput, Payment},
};
use crate::error::{SuiError, is_transient};

/// How long one attempt of one call may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts of a call, over all full nodes together.
const ATTEMPTS_MAX: u32 = 5;
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Answers with many objects exceed tonic's default of 4 MiB.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Full nodes of one network, asked one at a time; cheap to clone.
#[derive(Clone)]
pub struct SuiRpc {
    nodes: Arc<Nodes>,
}

struct Nodes {
    /// Never empty.
    list: Vec<FullNode>,
    /// Index of the node that answered last.
    active: AtomicUsize,
}

#[derive(Clone)]
struct FullNode {
    url: String,
    client: Client,
}

impl SuiRpc {
    /// Full nodes to use, in order of preference. Connects when first used.
    pub fn new<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Self, SuiError> {
        let mut list: Vec<FullNode> = Vec::new();
        for url in urls {
            let url = url.as_ref().trim();
            if list.iter().any(|node| node.url == url) {
                continue;
            }
            let invalid = |reason: String| SuiError::InvalidUrl {
                url: url.to_owned(),
                reason,
            };
            let client = Client::new(url::parse(url).map_err(invalid)?)
                .map_err(|status| invalid(status.message().to_owned()))?
                .with_max_decoding_message_size(MESSAGE_BYTES_MAX)
                .request_layer(MapResponseLayer::new(answers::only_grpc));
            list.push(FullNode {
                url: url.to_owned(),
                client,
            });
        }
        if list.is_empty() {
            return Err(SuiError::NoFullNode);
        }
        Ok(Self {
            nodes: Arc::new(Nodes {
                list,
                active: AtomicUsize::new(0),
            }),
        })
    }

    /// A full node in this process: `services` is called instead of a connection. The URL is its
    /// name.
    pub fn in_process<S>(url: &str, services: &S) -> Result<Self, SuiError>
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
        S::Future: Send + 'static,
    {
        let rpc = Self::new([url])?;
        let list = rpc.nodes.list.iter().map(|node| {
            let services = services.clone();
            let called = layer_fn(move |_connection| {
                MapResponse::new(services.clone(), answers::only_grpc as fn(_) -> _)
            });
            FullNode {
                url: node.url.clone(),
                client: node.client.clone().request_layer(called),
            }
        });
        Ok(Self {
            nodes: Arc::new(Nodes {
                list: list.collect(),
                active: AtomicUsize::new(0),
            }),
        })
    }

    /// URLs of the full nodes, in order of preference.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.nodes.list.iter().map(|node| node.url.as_str())
    }

    /// Each full node for itself.
    pub(crate) fn each(&self) -> Vec<Self> {
        let alone = |node: &FullNode| Self {
            nodes: Arc::new(Nodes {
                list: vec![node.clone()],
                active: AtomicUsize::new(0),
            }),
        };
        self.nodes.list.iter().map(alone).collect()
    }

    /// The client of the full node that answered last, for streams and transactions.
    pub(crate) fn client(&self) -> Client {
        self.active().1.client.clone()
    }

    /// Moves on to the next full node, after the present one failed.
    pub(crate) fn rotate(&self) {
        let (index, _) = self.active();
        let next = (index + 1) % self.nodes.list.len();
        // If another task moved on meanwhile, its choice stands.
        let _ =
            self.nodes
                .active
                .compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn active_url(&self) -> String {
        self.active().1.url.clone()
    }

    fn active(&self) -> (usize, &FullNode) {
        let index = self.nodes.active.load(Ordering::Relaxed) % self.nodes.list.len();
        (index, &self.nodes.list[index])
    }

    /// Makes one call, with fail-over and bounded retries. `operation` must be safe to repeat.
    pub(crate) async fn call<T, F, R>(
        &self,
        method: &'static str,
        operation: F,
    ) -> Result<T, SuiError>
    where
        F: Fn(Client) -> R,
        R: Future<Output = Result<T, tonic::Status>>,
    {
        let mut attempt = 0;
        loop {
            let status = match tokio::time::timeout(REQUEST_TIMEOUT, operation(self.client())).await
            {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(status)) => status,
                Err(_) => tonic::Status::deadline_exceeded("no answer in time"),
            };
            attempt += 1;
            if !is_transient(&status) || attempt >= ATTEMPTS_MAX {
                return Err(self.failed(method, status));
            }
            tracing::debug!(method, attempt, %status, "chain call failed, trying again");
            self.rotate();
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    pub(crate) fn failed(&self, method: &'static str, status: tonic::Status) -> SuiError {
        SuiError::Rpc {
            url: self.active_url(),
            method,
            status: Box::new(status),
        }
    }
}

impl std::fmt::Debug for SuiRpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.urls()).finish()
    }
}

/// The pause before repetition number `attempt` (from 1).
pub(crate) fn backoff(attempt: u32) -> Duration {
    pause_after(attempt.saturating_sub(1), BACKOFF_MIN, BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn urls_are_checked_and_deduplicated() {
        assert!(matches!(SuiRpc::new::<&str>([]), Err(SuiError::NoFullNode)));
        assert!(matches!(
            SuiRpc::new(["not a url"]),
            Err(SuiError::InvalidUrl { .. })
        ));
        assert!(matches!(
            SuiRpc::new(["localhost"]),
            Err(SuiError::InvalidUrl { .. })
        ));
        let rpc = SuiRpc::new(["http://a:1", "http://b:1", "http://a:1"]).unwrap();
        assert_eq!(rpc.urls().collect::<Vec<_>>(), ["http://a:1", "http://b:1"]);
    }

    #[tokio::test]
    async fn refusals_are_final_and_transient_failures_move_on() {
        let rpc = SuiRpc::new(["http://a:1", "http://b:1"]).unwrap();
        let asked = stdx::Mutex::new(Vec::new());
        let answer = |client: Client| {
            let host = client.uri().host().unwrap_or_default().to_owned();
            asked.lock().push(host.clone());
            async move {
                if host == "a" {
                    Err(tonic::Status::unavailable("down"))
                } else {
                    Ok(7)
                }
            }
        };
        assert_eq!(rpc.call("Test", answer).await.unwrap(), 7);
        assert_eq!(*asked.lock(), ["a", "b"]);
        assert_eq!(rpc.active_url(), "http://b:1");

        let calls = AtomicUsize::new(0);
        let error = rpc
            .call("Test", |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                async { Err::<(), _>(tonic::Status::not_found("no")) }
            })
            .await
            .unwrap_err();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(!error.is_transient());
    }

    #[test]
    fn delays_are_bounded() {
        for attempt in 0..100 {
            assert!(backoff(attempt) <= BACKOFF_MAX);
        }
    }
}
