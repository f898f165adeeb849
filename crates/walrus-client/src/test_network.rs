//! A network of storage nodes for tests: real sockets, real HTTP, real keys, everything in memory,
//! and nodes that can be told to misbehave.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Json, Response},
    routing::{get, put},
};
use stdx::Mutex;
use walrus_core::{
    BlobId, Epoch, Frost, NShards, ObjectId, ProtocolKeyPair, ShardIndex, SliverPairIndex,
    SliverType, StorageConfirmation, bft,
    messages::{BlobPersistence, ConfirmationBody},
    metadata::{BlobMetadata, BlobMetadataWithId},
    node_api::{
        BlobStatus, DeletableCounts, ErrorEnvelope, ErrorReason, ErrorStatus, StoredStatus,
        Success, paths,
    },
};
use walrus_sui::{Committee, CommitteeMember};

use crate::{
    committee::CommitteeClients,
    config::{Backoff, CommunicationConfig, NodeScheme},
    environment::Environment,
};

/// Epoch of every test committee.
pub(crate) const EPOCH: Epoch = 7;

/// What chance starts from in every test: change it to try another order of nodes.
const SEED: u64 = 7;

/// What a node does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Answers every request with 500.
    Broken,
    /// Accepts requests and never answers.
    Silent,
    /// Says 404 to every read.
    Forgetful,
    /// Says 451 to every read.
    Forbidding,
    /// Flips a bit of every sliver and every metadata it serves.
    Corrupting,
    /// Signs confirmations of another epoch.
    WrongEpoch,
    /// Signs confirmations with another key.
    WrongKey,
    /// Says "not registered" to the first requests.
    Late,
}

#[derive(Default)]
pub(crate) struct Stored {
    pub metadata: HashMap<BlobId, Vec<u8>>,
    pub slivers: HashMap<(BlobId, u16, SliverType), Bytes>,
    /// Sliver bodies received, counting repetitions.
    pub sliver_puts: usize,
    refused: usize,
}

/// Requests a late node refuses before it has seen the registration.
const LATE_REFUSALS: usize = 2;

pub(crate) struct TestNode {
    pub shards: Vec<ShardIndex>,
    key: ProtocolKeyPair,
    fault: Mutex<Fault>,
    stored: Mutex<Stored>,
    n_shards: NShards,
}

impl TestNode {
    pub(crate) fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock()
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.fault.lock() = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock()
    }

    fn holds_all(&self, blob_id: &BlobId) -> bool {
        let stored = self.stored();
        self.shards.iter().all(|shard| {
            let pair = shard.to_pair(blob_id, self.n_shards).0;
            [SliverType::Primary, SliverType::Secondary]
                .into_iter()
                .all(|axis| stored.slivers.contains_key(&(*blob_id, pair, axis)))
        })
    }
}

/// Running nodes and their committee.
pub(crate) struct TestNetwork {
    pub nodes: Vec<Arc<TestNode>>,
    pub committee: Committee,
    servers: Vec<tokio::task::JoinHandle<()>>,
}

impl TestNetwork {
    /// Starts one node per entry of `weights`; shards are dealt in order.
    pub(crate) async fn start(weights: &[u16]) -> Self {
        let n_shards = NShards::new(weights.iter().sum()).unwrap();
        let mut network = Self {
            nodes: Vec::new(),
            committee: Committee {
                epoch: EPOCH,
                n_shards,
                members: Vec::new(),
            },
            servers: Vec::new(),
        };
        let mut first = 0;
        for (index, weight) in weights.iter().enumerate() {
            let seed = u8::try_from(index).unwrap();
            let node = Arc::new(TestNode {
                shards: (first..first + weight).map(ShardIndex).collect(),
                key: ProtocolKeyPair::from_seed([seed; 32]),
                fault: Mutex::new(Fault::None),
                stored: Mutex::default(),
                n_shards,
            });
            first += weight;
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let app = router(Arc::clone(&node));
            network.servers.push(tokio::spawn(async move {
                axum::serve(listener, app).await.unwrap();
            }));
            network.committee.members.push(member(seed, &node, address));
            network.nodes.push(node);
        }
        network
    }

    pub(crate) fn n_shards(&self) -> NShards {
        self.committee.n_shards
    }

    pub(crate) fn clients(&self, config: &CommunicationConfig) -> Arc<CommitteeClients> {
        Arc::new(CommitteeClients::new(
            Arc::new(self.committee.clone()),
            config,
            Environment::seeded(SEED, std::time::SystemTime::now),
        ))
    }

    /// Stops a node: its port accepts no connection any more.
    pub(crate) async fn stop(&mut self, index: usize) {
        self.servers[index].abort();
        let _ = (&mut self.servers[index]).await;
    }
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

/// A configuration for plain HTTP with short waits.
pub(crate) fn quick_config() -> CommunicationConfig {
    CommunicationConfig {
        node_scheme: NodeScheme::Http,
        backoff: Backoff {
            min: Duration::from_millis(5),
            max: Duration::from_millis(20),
            max_retries: Some(5),
        },
        ..CommunicationConfig::default()
    }
}

fn member(seed: u8, node: &TestNode, address: SocketAddr) -> CommitteeMember {
    CommitteeMember {
        node_id: ObjectId([seed; 32]),
        name: format!("node-{seed}"),
        network_address: address.to_string(),
        public_key: node.key.public(),
        network_public_key: None,
        shards: node.shards.clone(),
        stake: Frost(1),
    }
}

type Node = State<Arc<TestNode>>;

fn router(node: Arc<TestNode>) -> Router {
    Router::new()
        .route(paths::METADATA, put(put_metadata).get(get_metadata))
        .route(paths::SLIVER, put(put_sliver).get(get_sliver))
        .route(paths::SLIVER_STATUS, get(sliver_status))
        .route(paths::PERMANENT_CONFIRMATION, get(confirm_permanent))
        .route(paths::DELETABLE_CONFIRMATION, get(confirm_deletable))
        .route(paths::BLOB_STATUS, get(blob_status))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(node)
}

fn refuse(status: ErrorStatus, reason: ErrorReason) -> Response {
    let code = StatusCode::from_u16(status.code()).unwrap();
    (
        code,
        Json(ErrorEnvelope::new(status, reason, "a test says no")),
    )
        .into_response()
}

fn accept<T: serde::Serialize>(code: StatusCode, data: T) -> Response {
    (code, Json(Success::new(code.as_u16(), data))).into_response()
}

/// The answer of a node that is at fault in every respect.
async fn general_fault(node: &TestNode) -> Option<Response> {
    match node.fault() {
        Fault::Broken => Some(refuse(ErrorStatus::Internal, ErrorReason::InternalError)),
        Fault::Silent => std::future::pending().await,
        _ => None,
    }
}

async fn read_fault(node: &TestNode, reason: ErrorReason) -> Option<Response> {
    match node.fault() {
        Fault::Forgetful => Some(refuse(ErrorStatus::NotFound, reason)),
        Fault::Forbidding => Some(refuse(
            ErrorStatus::UnavailableForLegalReasons,
            ErrorReason::ForbiddenBlob,
        )),
        _ => general_fault(node).await,
    }
}

async fn put_metadata(State(node): Node, Path(blob_id): Path<String>, body: Bytes) -> Response {
    if let Some(response) = general_fault(&node).await {
        return response;
    }
    let mut stored = node.stored();
    if node.fault() == Fault::Late && stored.refused < LATE_REFUSALS {
        stored.refused += 1;
        return refuse(ErrorStatus::FailedPrecondition, ErrorReason::NotRegistered);
    }
    let blob_id: BlobId = blob_id.parse().unwrap();
    let metadata: BlobMetadata = bcs::from_bytes(&body).unwrap();
    assert!(
        BlobMetadataWithId { blob_id, metadata }
            .verify(node.n_shards)
            .is_ok()
    );
    match stored.metadata.insert(blob_id, body.to_vec()) {
        Some(_) => accept(StatusCode::OK, "metadata already stored"),
        None => accept(StatusCode::CREATED, "metadata successfully stored"),
    }
}

async fn get_metadata(State(node): Node, Path(blob_id): Path<String>) -> Response {
    if let Some(response) = read_fault(&node, ErrorReason::MetadataNotFound).await {
        return response;
    }
    let blob_id: BlobId = blob_id.parse().unwrap();
    let Some(mut metadata) = node.stored().metadata.get(&blob_id).cloned() else {
        return refuse(ErrorStatus::NotFound, ErrorReason::MetadataNotFound);
    };
    if node.fault() == Fault::Corrupting {
        *metadata.last_mut().unwrap() ^= 1;
    }
    [&blob_id.0[..], &metadata].concat().into_response()
}

type SliverPath = Path<(String, u16, String)>;

fn sliver_key((blob_id, pair, axis): (String, u16, String)) -> (BlobId, u16, SliverType) {
    (blob_id.parse().unwrap(), pair, axis.parse().unwrap())
}

async fn put_sliver(State(node): Node, Path(path): SliverPath, body: Bytes) -> Response {
    if let Some(response) = general_fault(&node).await {
        return response;
    }
    let key = sliver_key(path);
    let shard = SliverPairIndex(key.1).to_shard(&key.0, node.n_shards);
    assert!(node.shards.contains(&shard), "a sliver for another node");
    let mut stored = node.stored();
    stored.sliver_puts += 1;
    match stored.slivers.insert(key, body) {
        Some(_) => accept(StatusCode::OK, "sliver already stored"),
        None => accept(StatusCode::CREATED, "sliver stored successfully"),
    }
}

async fn get_sliver(State(node): Node, Path(path): SliverPath) -> Response {
    if let Some(response) = read_fault(&node, ErrorReason::SliverNotFound).await {
        return response;
    }
    let Some(sliver) = node.stored().slivers.get(&sliver_key(path)).cloned() else {
        return refuse(ErrorStatus::NotFound, ErrorReason::SliverNotFound);
    };
    let mut sliver = sliver.to_vec();
    if node.fault() == Fault::Corrupting {
        // The second byte is in the first symbol, past the length.
        sliver[2] ^= 1;
    }
    sliver.into_response()
}

async fn sliver_status(State(node): Node, Path(path): SliverPath) -> Response {
    let status = if node.stored().slivers.contains_key(&sliver_key(path)) {
        StoredStatus::Stored
    } else {
        StoredStatus::Nonexistent
    };
    accept(StatusCode::OK, status)
}

async fn confirm_permanent(State(node): Node, Path(blob_id): Path<String>) -> Response {
    confirm(&node, &blob_id, BlobPersistence::Permanent).await
}

async fn confirm_deletable(
    State(node): Node,
    Path((blob_id, object_id)): Path<(String, String)>,
) -> Response {
    let object_id = object_id.parse().unwrap();
    confirm(&node, &blob_id, BlobPersistence::Deletable { object_id }).await
}

async fn confirm(node: &TestNode, blob_id: &str, persistence: BlobPersistence) -> Response {
    if let Some(response) = general_fault(node).await {
        return response;
    }
    let blob_id: BlobId = blob_id.parse().unwrap();
    if !node.holds_all(&blob_id) {
        return refuse(ErrorStatus::FailedPrecondition, ErrorReason::MissingSlivers);
    }
    let body = ConfirmationBody {
        blob_id,
        persistence,
    };
    let signed = match node.fault() {
        Fault::WrongEpoch => node.key.sign_message(EPOCH - 1, body),
        Fault::WrongKey => ProtocolKeyPair::from_seed([0xee; 32]).sign_message(EPOCH, body),
        _ => node.key.sign_message(EPOCH, body),
    };
    accept(StatusCode::OK, StorageConfirmation::Signed(signed))
}

async fn blob_status(State(node): Node, Path(blob_id): Path<String>) -> Response {
    if let Some(response) = read_fault(&node, ErrorReason::MetadataNotFound).await {
        return response;
    }
    let blob_id: BlobId = blob_id.parse().unwrap();
    let status = if node.holds_all(&blob_id) {
        BlobStatus::Deletable {
            initial_certified_epoch: Some(EPOCH),
            deletable_counts: DeletableCounts {
                count_deletable_total: 1,
                count_deletable_certified: 1,
            },
        }
    } else {
        BlobStatus::Nonexistent
    };
    accept(StatusCode::OK, status)
}

/// Shards that must confirm.
pub(crate) fn quorum(network: &TestNetwork) -> u16 {
    bft::min_correct(network.n_shards())
}
