//! The other nodes: how to reach them, and what each is good for.
//!
//! [`Peers`] keeps a client for every node of the recent committees. A [`Peer`] bounds what is
//! asked of it at a time and is left alone for a while when it does not answer. Which shards a node
//! holds, and therefore which slivers it can help with, follows from the committees:
//! [`Peers::holders`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ambient::pauses::Backoff;
use stdx::Mutex;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tracing::debug;
use walrus_client::{
    Environment,
    config::CommunicationConfig,
    node::{NodeClient, NodeError},
};
use walrus_core::{NShards, NetworkPublicKey, ObjectId, ShardIndex};

use crate::{chain::CommitteeMember, epoch::EpochView};

/// Requests to one node at a time; more wait for their turn.
pub const PEER_REQUESTS_MAX: usize = 16;

/// Longest time for an answer that is not a whole shard.
pub const PEER_REQUEST_TIME_MAX: Duration = Duration::from_secs(45);

/// Pauses in which a node that does not answer is left alone.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pause in which a node that answers slowly is left alone.
const TARRYING_PAUSE: Duration = Duration::from_secs(5);

/// How long a node that does not have the endpoint for columns of many blobs is not asked for them.
const COLUMNS_PAUSE: Duration = Duration::from_secs(600);

/// Another node.
pub struct Peer {
    node_id: ObjectId,
    client: NodeClient,
    requests: Semaphore,
    failures: Mutex<Failures>,
    /// Until when it counts as one that has no columns of many blobs to give.
    without_columns: Mutex<Option<Instant>>,
}

/// Since when, and how often, a node has failed.
struct Failures {
    backoff: Backoff,
    until: Option<Instant>,
}

impl Peer {
    fn new(node_id: ObjectId, client: NodeClient) -> Self {
        Self {
            node_id,
            client,
            requests: Semaphore::new(PEER_REQUESTS_MAX),
            failures: Mutex::new(Failures {
                backoff: Backoff::new(PAUSE_MIN, PAUSE_MAX),
                until: None,
            }),
            without_columns: Mutex::default(),
        }
    }

    /// Who it is.
    pub fn node_id(&self) -> ObjectId {
        self.node_id
    }

    /// Whether the node may be asked now: it answered last time, or the pause after its failure is
    /// over.
    pub fn is_available(&self, now: Instant) -> bool {
        self.failures.lock().until.is_none_or(|until| until <= now)
    }

    /// Whether it may be asked for columns of many blobs at once, which not every node knows.
    pub(crate) fn may_give_columns(&self, now: Instant) -> bool {
        let until = *self.without_columns.lock();
        until.is_none_or(|until| until <= now)
    }

    /// Notes that it does not know the request for columns of many blobs.
    pub(crate) fn gives_no_columns(&self) {
        debug!(node = %self.node_id, "a node gives no columns of many blobs at once");
        *self.without_columns.lock() = Some(Instant::now() + COLUMNS_PAUSE);
    }

    /// Sends a request once it is its turn, and takes note of how the node answers.
    pub async fn ask<T, F>(&self, request: impl FnOnce(NodeClient) -> F) -> Result<T, NodeError>
    where
        F: Future<Output = Result<T, NodeError>>,
    {
        let _turn = self
            .requests
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let limit = PEER_REQUEST_TIME_MAX;
        let answer = timeout(limit, request(self.client.clone()))
            .await
            .unwrap_or(Err(NodeError::Timeout(limit)));
        match &answer {
            Ok(_) => self.answered(),
            // A refusal is an answer, unless it says that the node can do nothing now.
            Err(NodeError::Refused { status, .. }) if *status < 500 => self.answered(),
            Err(error) => self.failed(error),
        }
        answer
    }

    /// Notes that the node sent something that is not what it should be.
    pub fn misbehaved(&self, what: &str) {
        tracing::warn!(node = %self.node_id, url = %self.client.url(), "a node sent {what}");
        self.pause();
    }

    /// Notes that the node takes its time with an answer: others are asked for a while.
    pub(crate) fn tarries(&self) {
        debug!(node = %self.node_id, url = %self.client.url(), "a node takes its time");
        self.failures.lock().until = Some(Instant::now() + TARRYING_PAUSE);
    }

    fn answered(&self) {
        let mut failures = self.failures.lock();
        failures.backoff.reset();
        failures.until = None;
    }

    fn failed(&self, error: &NodeError) {
        debug!(node = %self.node_id, url = %self.client.url(), %error, "a node does not answer");
        self.pause();
    }

    fn pause(&self) {
        let mut failures = self.failures.lock();
        let pause = failures.backoff.next_pause();
        failures.until = Some(Instant::now() + pause);
    }
}

/// Clients for the nodes of the recent committees.
pub struct Peers {
    n_shards: NShards,
    config: CommunicationConfig,
    environment: Environment,
    known: Mutex<BTreeMap<ObjectId, Known>>,
}

/// A node as it was registered when its client was made.
struct Known {
    network_address: String,
    network_public_key: Option<NetworkPublicKey>,
    peer: Arc<Peer>,
}

/// A node together with the shards it may hold.
#[derive(Clone)]
pub struct Holder {
    /// The node.
    pub peer: Arc<Peer>,
    /// Its shards in the current committee, and those it had in the one before.
    pub shards: BTreeSet<ShardIndex>,
}

impl Peers {
    /// No nodes yet; they are met as committees name them.
    pub fn new(n_shards: NShards, config: CommunicationConfig, environment: Environment) -> Self {
        Self {
            n_shards,
            config,
            environment,
            known: Mutex::default(),
        }
    }

    /// The client of a member. `None` if the chain does not say how to reach it.
    pub fn of(&self, member: &CommitteeMember) -> Option<Arc<Peer>> {
        let mut known = self.known.lock();
        if let Some(known) = known.get(&member.node_id)
            && known.network_address == member.network_address
            && known.network_public_key == member.network_public_key
        {
            return Some(known.peer.clone());
        }
        let client = NodeClient::new(
            &member.network_address,
            member.network_public_key.as_ref(),
            self.n_shards,
            &self.config,
        )
        .inspect_err(|error| debug!(node = %member.node_id, %error, "a member cannot be asked"))
        .ok()?;
        let client = match self.environment.transport() {
            Some(transport) => client.over(Arc::clone(transport)),
            None => client,
        };
        let peer = Arc::new(Peer::new(member.node_id, client));
        known.insert(
            member.node_id,
            Known {
                network_address: member.network_address.clone(),
                network_public_key: member.network_public_key,
                peer: peer.clone(),
            },
        );
        Some(peer)
    }

    /// The other nodes of the current and the previous committee with what they may hold: new
    /// owners of shards may lack slivers still, old ones keep them for a while.
    pub fn holders(&self, view: &EpochView) -> Vec<Holder> {
        let mut holders: BTreeMap<ObjectId, Holder> = BTreeMap::new();
        for committee in [&view.current, &view.previous].into_iter().flatten() {
            for member in &committee.members {
                if Some(member.node_id) == view.node_id {
                    continue;
                }
                if let Some(holder) = holders.get_mut(&member.node_id) {
                    holder.shards.extend(&member.shards);
                } else if let Some(peer) = self.of(member) {
                    let shards = member.shards.iter().copied().collect();
                    holders.insert(member.node_id, Holder { peer, shards });
                }
            }
        }
        holders.into_values().collect()
    }

    /// A node of the current or the previous committee.
    pub fn find(&self, view: &EpochView, node_id: ObjectId) -> Option<Arc<Peer>> {
        [&view.previous, &view.current]
            .into_iter()
            .flatten()
            .find_map(|committee| committee.member(node_id))
            .and_then(|(_, member)| self.of(member))
    }
}
