//! Talking to one storage node over HTTP.
//!
//! [`NodeClient`] knows the paths, envelopes and limits of the node interface and nothing of
//! quorums. What it returns has the right form; whether it is *true* (metadata against the blob ID,
//! slivers against the metadata, confirmations against the on-chain key) is for the callers to
//! check, and they do.

mod body;
mod error;
mod http;
mod recovery;
mod sync;
mod tls;
mod transport;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{Method, Url};
use serde::{Serialize, de::DeserializeOwned};
use stdx::SaturatingFrom as _;
use walrus_core::{
    BlobId, NShards, NetworkPublicKey, SliverPairIndex, SliverType,
    messages::{BlobPersistence, StorageConfirmation},
    metadata::BlobMetadataWithId,
    node_api::{BlobStatus, HealthInfo, StoredStatus, Success, paths},
    sliver::{Axis, SliverData},
    text::printable,
};

pub use body::SliverBody;
pub use error::NodeError;
pub use sync::{SyncStream, SyncedSliver};
pub use transport::{Transport, TransportError};

use crate::config::{CommunicationConfig, NodeScheme};
use http::Http;

/// Largest JSON answer, in bytes. A detailed health answer of a node with 1000 shards is below 100
/// KiB.
const JSON_LENGTH_MAX: usize = 1 << 20;
/// Room for the BCS lengths around the payload of a body, in bytes.
const BODY_OVERHEAD: usize = 128;
/// Bytes of metadata per shard: two tagged hashes.
const METADATA_BYTES_PER_SHARD: usize = 2 * 33;

/// What the chain says about a node does not suffice to talk to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the node registered at `{}` cannot be contacted: {reason}", printable(.address))]
pub struct InvalidNode {
    /// The address on chain.
    pub address: String,
    /// Why it cannot be used.
    pub reason: String,
}

/// What a node did with data it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is new to the node.
    New,
    /// The node had it before.
    Already,
}

/// A client for one storage node. Clones share connections.
#[derive(Debug, Clone)]
pub struct NodeClient {
    http: Http,
    n_shards: NShards,
}

impl NodeClient {
    /// A client for the node at `network_address` (`host:port`), authenticated by `key` unless the
    /// configuration asks for plain HTTP. Connects on first use.
    pub fn new(
        network_address: &str,
        key: Option<&NetworkPublicKey>,
        n_shards: NShards,
        config: &CommunicationConfig,
    ) -> Result<Self, InvalidNode> {
        let invalid = |reason: String| InvalidNode {
            address: network_address.to_owned(),
            reason,
        };
        let text = format!("{}://{network_address}", config.node_scheme.as_str());
        let base = Url::parse(&text).map_err(|error| invalid(error.to_string()))?;
        let is_bare_authority = base.has_host()
            && matches!(base.path(), "" | "/")
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        if !is_bare_authority {
            return Err(invalid("expected HOST:PORT".to_owned()));
        }
        let tls = match config.node_scheme {
            NodeScheme::Https => {
                let key =
                    key.ok_or_else(|| invalid("its network key on chain is no key".to_owned()))?;
                Some(tls::client_config(key).map_err(|error| invalid(error.to_string()))?)
            }
            NodeScheme::Http => None,
        };
        let http = Http::new(base, tls, config).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { http, n_shards })
    }

    /// The same client with another way to the node.
    #[must_use]
    pub fn over(mut self, transport: Arc<dyn Transport>) -> Self {
        self.http.set_transport(transport);
        self
    }

    /// Scheme, host and port of the node.
    pub fn url(&self) -> &Url {
        self.http.base()
    }

    /// The metadata of a blob, not yet verified.
    pub async fn metadata(&self, blob_id: &BlobId) -> Result<BlobMetadataWithId, NodeError> {
        let limit = usize::from(self.n_shards.get()) * METADATA_BYTES_PER_SHARD + BODY_OVERHEAD;
        self.get_bcs(&paths::metadata(blob_id), limit).await
    }

    /// Sends the metadata of a blob: `body` is the BCS of a
    /// [`BlobMetadata`](walrus_core::metadata::BlobMetadata).
    pub async fn store_metadata(
        &self,
        blob_id: &BlobId,
        body: Bytes,
    ) -> Result<Accepted, NodeError> {
        self.put(&paths::metadata(blob_id), body.into()).await
    }

    /// Whether the node has the metadata of a blob.
    pub async fn metadata_status(&self, blob_id: &BlobId) -> Result<StoredStatus, NodeError> {
        self.get_json(&paths::metadata_status(blob_id), &()).await
    }

    /// The sliver of axis `A` in a pair, not yet verified; more than `length_max` bytes are
    /// refused.
    pub async fn sliver<A>(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
        length_max: usize,
    ) -> Result<SliverData<A>, NodeError>
    where
        A: Axis,
    {
        let limit = length_max.saturating_add(BODY_OVERHEAD);
        let path = paths::sliver(blob_id, pair, axis);
        let body = self.get_bytes(&path, &(), limit).await?;
        body::received(body).map_err(|error| invalid_bcs(&error))
    }

    /// Sends a sliver.
    pub async fn store_sliver(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
        body: &SliverBody,
    ) -> Result<Accepted, NodeError> {
        self.put(&paths::sliver(blob_id, pair, axis), body.to_http())
            .await
    }

    /// Whether the node has a sliver.
    pub async fn sliver_status(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        axis: SliverType,
    ) -> Result<StoredStatus, NodeError> {
        self.get_json(&paths::sliver_status(blob_id, pair, axis), &())
            .await
    }

    /// The node's signed confirmation that it stores its part of a blob, not yet verified.
    ///
    /// `long_poll` lets the node wait that long for the registration of a blob whose data it
    /// already has.
    pub async fn confirmation(
        &self,
        blob_id: &BlobId,
        persistence: &BlobPersistence,
        long_poll: Duration,
    ) -> Result<StorageConfirmation, NodeError> {
        let path = match persistence {
            BlobPersistence::Permanent => paths::permanent_confirmation(blob_id),
            BlobPersistence::Deletable { object_id } => {
                paths::deletable_confirmation(blob_id, object_id)
            }
        };
        if long_poll.is_zero() {
            return self.get_json(&path, &()).await;
        }
        let millis = u64::saturating_from(long_poll.as_millis()).to_string();
        let query = [
            ("wait_for_registration", "true"),
            ("wait_millis", millis.as_str()),
        ];
        self.get_json(&path, &query).await
    }

    /// What the node knows about a blob.
    pub async fn blob_status(&self, blob_id: &BlobId) -> Result<BlobStatus, NodeError> {
        match self.get_json(&paths::blob_status(blob_id), &()).await {
            // Both forms of "I do not know it" are in use.
            Err(error) if error.is_not_found() => Ok(BlobStatus::Nonexistent),
            answer => answer,
        }
    }

    /// How the node is doing; `detailed` lists every shard.
    pub async fn health(&self, detailed: bool) -> Result<HealthInfo, NodeError> {
        if detailed {
            self.get_json(paths::HEALTH, &[("detailed", "true")]).await
        } else {
            self.get_json(paths::HEALTH, &()).await
        }
    }

    async fn get_json<T: DeserializeOwned, Q: Serialize + Sync + ?Sized>(
        &self,
        path: &str,
        query: &Q,
    ) -> Result<T, NodeError> {
        let request = self.http.request(Method::GET, path).query(query);
        let body = self.http.ask(request, JSON_LENGTH_MAX).await?;
        let envelope: Success<T> = serde_json::from_slice(&body)
            .map_err(|error| NodeError::InvalidAnswer(error.to_string()))?;
        Ok(envelope.success.data)
    }

    async fn get_bcs<T: DeserializeOwned>(&self, path: &str, limit: usize) -> Result<T, NodeError> {
        self.get_bcs_with(path, &(), limit).await
    }

    async fn get_bcs_with<T: DeserializeOwned, Q: Serialize + Sync + ?Sized>(
        &self,
        path: &str,
        query: &Q,
        limit: usize,
    ) -> Result<T, NodeError> {
        let body = self.get_bytes(path, query, limit).await?;
        bcs::from_bytes(&body).map_err(|error| invalid_bcs(&error))
    }

    async fn get_bytes<Q: Serialize + Sync + ?Sized>(
        &self,
        path: &str,
        query: &Q,
        limit: usize,
    ) -> Result<Bytes, NodeError> {
        let request = self
            .http
            .request(Method::GET, path)
            .query(query)
            .header(reqwest::header::ACCEPT, walrus_core::node_api::OCTET_STREAM);
        self.http.ask(request, limit).await
    }

    async fn put(&self, path: &str, body: reqwest::Body) -> Result<Accepted, NodeError> {
        let request = self
            .http
            .request(Method::PUT, path)
            .header(
                reqwest::header::CONTENT_TYPE,
                walrus_core::node_api::OCTET_STREAM,
            )
            .body(body);
        let status = self.http.send(request).await?;
        Ok(if status == reqwest::StatusCode::OK {
            Accepted::Already
        } else {
            Accepted::New
        })
    }
}

fn invalid_bcs(error: &bcs::Error) -> NodeError {
    NodeError::InvalidAnswer(error.to_string())
}
