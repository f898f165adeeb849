//! Several nodes in one process, with one scripted chain.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use reqwest::StatusCode;
use tempfile::TempDir;
use walrus_core::{
    BlobId, Epoch, Frost, ObjectId, ShardIndex, SliverType, VerifiedMetadata,
    keys::ProtocolKeyPair, node_api::paths,
};
use walrus_faults::ByzantineNode;
use walrus_node::{
    NodeConfig, RunningNode, StartError, StorageNode,
    chain::{Committee, CommitteeMember},
    config::KeySource,
};

use crate::harness::{
    Persistence, ScriptedChain, TestBlob, certified, client, config, eventually, n_shards,
};

pub(crate) const AXES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

/// Who holds which shards.
pub(crate) type Assignment<'a> = &'a [&'a [u16]];

/// One node with its own disk.
pub(crate) struct ClusterNode {
    pub(crate) running: Option<RunningNode>,
    pub(crate) directory: TempDir,
    pub(crate) config: NodeConfig,
    addr: SocketAddr,
    /// What the other nodes meet instead of it, if that is not itself.
    front: Option<ByzantineNode>,
    seed: u8,
}

impl ClusterNode {
    /// Where the committee says it is.
    fn announced(&self) -> SocketAddr {
        self.front
            .as_ref()
            .map_or(self.addr, ByzantineNode::address)
    }
}

/// Nodes of one committee.
pub(crate) struct Cluster {
    pub(crate) chain: Arc<ScriptedChain>,
    pub(crate) nodes: Vec<ClusterNode>,
    assignment: Vec<Vec<u16>>,
    client: reqwest::Client,
}

impl Cluster {
    /// Starts a node for each part of `assignment`, which is that of epoch 1.
    pub(crate) async fn start(assignment: Assignment<'_>) -> Self {
        Self::start_as(assignment, |_| {}, |_| false).await
    }

    /// The same with a changed configuration.
    pub(crate) async fn start_with(
        assignment: Assignment<'_>,
        change: impl Fn(&mut NodeConfig),
    ) -> Self {
        Self::start_as(assignment, change, |_| false).await
    }

    /// The same, with something in front of one node that can make it lie.
    pub(crate) async fn start_with_liar(assignment: Assignment<'_>, liar: usize) -> Self {
        Self::start_as(assignment, |_| {}, |node| node == liar).await
    }

    /// The same, with something in front of every node.
    pub(crate) async fn start_with_fronts(assignment: Assignment<'_>) -> Self {
        Self::start_as(assignment, |_| {}, |_| true).await
    }

    async fn start_as(
        assignment: Assignment<'_>,
        change: impl Fn(&mut NodeConfig),
        has_front: impl Fn(usize) -> bool,
    ) -> Self {
        let chain = ScriptedChain::without_committee();
        let mut nodes = Vec::new();
        for (number, seed) in (0..assignment.len()).zip(11..) {
            let directory = tempfile::tempdir().unwrap();
            let mut config = config(directory.path());
            let key = ProtocolKeyPair::from_seed([seed; 32]);
            config.protocol_key_pair = KeySource::Inline(key.to_key_file());
            change(&mut config);
            let view = chain.seen_by(ObjectId([seed; 32]));
            let running = StorageNode::start_with_chain(config.clone(), view)
                .await
                .unwrap();
            // The committee remembers the address.
            let addr = running.addr();
            config.rest_api_address = addr;
            let front = if has_front(number) {
                let anywhere = ([127, 0, 0, 1], 0).into();
                Some(ByzantineNode::start(anywhere, addr).await.unwrap())
            } else {
                None
            };
            nodes.push(ClusterNode {
                front,
                running: Some(running),
                directory,
                config,
                addr,
                seed,
            });
        }
        let mut cluster = Self {
            chain,
            nodes,
            assignment: Vec::new(),
            client: client(),
        };
        cluster.begin_epoch(1, assignment);
        cluster.all_in_epoch(1).await;
        cluster
    }

    /// Begins an epoch with another assignment of shards.
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch, assignment: Assignment<'_>) {
        self.assignment = assignment.iter().map(|shards| shards.to_vec()).collect();
        let members = self
            .nodes
            .iter()
            .zip(&self.assignment)
            .filter(|(_, shards)| !shards.is_empty())
            .map(|(node, shards)| CommitteeMember {
                node_id: ObjectId([node.seed; 32]),
                name: format!("node-{}", node.seed),
                network_address: node.announced().to_string(),
                public_key: ProtocolKeyPair::from_seed([node.seed; 32]).public(),
                network_public_key: None,
                shards: shards.iter().copied().map(ShardIndex).collect(),
                stake: Frost(1),
            })
            .collect();
        self.chain.begin_epoch_of(Committee {
            epoch,
            n_shards: n_shards(),
            members,
        });
    }

    pub(crate) async fn all_in_epoch(&self, epoch: Epoch) {
        for node in self.running() {
            eventually(|| async { node.service().health(false).epoch == epoch }).await;
        }
    }

    /// Waits until so many nodes have attested the epoch.
    pub(crate) async fn attested(&self, epoch: Epoch, nodes: usize) {
        eventually(|| async { self.attestations(epoch) == nodes }).await;
    }

    pub(crate) fn attestations(&self, epoch: Epoch) -> usize {
        let attested = self.chain.attested.borrow();
        attested.iter().filter(|other| **other == epoch).count()
    }

    fn running(&self) -> impl Iterator<Item = &RunningNode> {
        self.nodes.iter().filter_map(|node| node.running.as_ref())
    }

    pub(crate) fn node(&self, node: usize) -> &RunningNode {
        self.nodes[node].running.as_ref().unwrap()
    }

    pub(crate) async fn stop(&mut self, node: usize) {
        let running = self.nodes[node].running.take().unwrap();
        running.shutdown().await.unwrap();
    }

    pub(crate) async fn start_again(&mut self, node: usize) {
        self.start_without_waiting(node).await;
        self.caught_up(node).await;
    }

    pub(crate) async fn start_without_waiting(&mut self, node: usize) {
        self.try_start(node).await.unwrap();
    }

    pub(crate) async fn try_start(&mut self, node: usize) -> Result<(), StartError> {
        let ClusterNode { config, seed, .. } = &self.nodes[node];
        let view = self.chain.seen_by(ObjectId([*seed; 32]));
        let running = StorageNode::start_with_chain(config.clone(), view).await?;
        self.nodes[node].running = Some(running);
        Ok(())
    }

    /// Waits until a node has processed all checkpoints.
    pub(crate) async fn caught_up(&self, node: usize) {
        let last = Some(self.chain.last_checkpoint());
        let service = self.node(node).service();
        // The chain may go on meanwhile.
        eventually(|| async { service.health(false).latest_checkpoint_sequence_number >= last })
            .await;
    }

    /// Registers a blob, uploads it to all nodes that run, and certifies it.
    pub(crate) async fn store(&self, blob: &TestBlob) {
        self.store_until(blob, 10).await;
    }

    /// The same until another epoch than the tenth.
    pub(crate) async fn store_until(&self, blob: &TestBlob, end_epoch: Epoch) {
        self.chain.register(blob.id(), blob.tag(), end_epoch);
        self.upload_to_all(blob).await;
        let event = certified(blob.id(), blob.tag(), end_epoch, Persistence::Permanent);
        self.chain.emit(vec![event]);
    }

    /// Uploads a blob that is registered to all nodes that run.
    pub(crate) async fn upload_to_all(&self, blob: &TestBlob) {
        let metadata = blob.metadata_body();
        for node in 0..self.nodes.len() {
            if self.nodes[node].running.is_some() {
                self.upload_metadata(node, blob.id(), metadata.clone())
                    .await;
                for (shard, axis) in self.slivers_of(node) {
                    assert_eq!(
                        self.upload(node, blob, shard, axis).await,
                        StatusCode::CREATED
                    );
                }
            }
        }
    }

    pub(crate) fn certify(&self, blob_id: BlobId, object: u8) {
        let event = certified(blob_id, object, 10, Persistence::Permanent);
        self.chain.emit(vec![event]);
    }

    pub(crate) async fn upload_metadata(&self, node: usize, blob_id: BlobId, body: Vec<u8>) {
        let url = self.url(node, &paths::metadata(&blob_id));
        let response = self.client.put(url).body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
    }

    /// Uploads a sliver as one of `blob`; its metadata may be that of another.
    pub(crate) async fn upload(
        &self,
        node: usize,
        blob: &TestBlob,
        shard: u16,
        axis: SliverType,
    ) -> StatusCode {
        let pair = blob.pair_of(shard);
        let url = self.url(node, &paths::sliver(&blob.id(), pair, axis));
        let body = blob.sliver_body(pair, axis);
        let response = self.client.put(url).body(body).send().await.unwrap();
        response.status()
    }

    pub(crate) async fn put(&self, node: usize, path: &str, body: Vec<u8>) -> StatusCode {
        let request = self.client.put(self.url(node, path)).body(body);
        request.send().await.unwrap().status()
    }

    pub(crate) async fn get(&self, node: usize, path: &str) -> reqwest::Response {
        self.client.get(self.url(node, path)).send().await.unwrap()
    }

    fn url(&self, node: usize, path: &str) -> String {
        format!("http://{}{path}", self.nodes[node].addr)
    }

    /// The slivers a node should have of every blob.
    pub(crate) fn slivers_of(&self, node: usize) -> Vec<(u16, SliverType)> {
        let shards = &self.assignment[node];
        let both = |shard: &u16| AXES.map(|axis| (*shard, axis));
        shards.iter().flat_map(both).collect()
    }

    /// Whether a node serves everything it should have of a blob, byte for byte.
    pub(crate) async fn holds(&self, node: usize, blob: &TestBlob) -> bool {
        let metadata = self.get(node, &paths::metadata(&blob.id())).await;
        if metadata.status() != StatusCode::OK
            || metadata.bytes().await.unwrap() != blob.metadata_wire()
        {
            return false;
        }
        for (shard, axis) in self.slivers_of(node) {
            let pair = blob.pair_of(shard);
            let path = paths::sliver(&blob.id(), pair, axis);
            let sliver = self.get(node, &path).await;
            if sliver.status() != StatusCode::OK
                || sliver.bytes().await.unwrap() != blob.sliver_body(pair, axis)
            {
                return false;
            }
        }
        true
    }

    /// The check at the end of every fault: each of `nodes` serves all of `blobs` byte for byte, is
    /// in full health, and has nothing else on its disk.
    pub(crate) async fn ends_well(&self, nodes: &[usize], blobs: &[TestBlob]) {
        let live: BTreeSet<BlobId> = blobs.iter().map(TestBlob::id).collect();
        for node in nodes {
            self.heals(*node, blobs).await;
            let service = self.node(*node).service();
            eventually(|| async {
                let health = service.health(false);
                let shards = health.shard_summary;
                health.node_status == "Active"
                    && shards.owned_shard_status.ready == shards.owned
                    && health.recovery.is_none()
            })
            .await;
            let storage = service.state().storage();
            eventually(|| async {
                let items = storage.items_after(None, usize::MAX).await.unwrap();
                items.iter().all(|item| live.contains(&item.blob_id()))
            })
            .await;
            for folder in ["tmp", "quarantine"] {
                let left = std::fs::read_dir(storage.path().join(folder));
                assert_eq!(left.into_iter().flatten().count(), 0, "{folder}");
            }
        }
    }

    /// What stands in front of a node.
    pub(crate) fn front(&self, node: usize) -> &ByzantineNode {
        self.nodes[node].front.as_ref().unwrap()
    }

    /// Starts a node that has stopped with an empty disk.
    pub(crate) async fn start_empty(&mut self, node: usize) {
        let storage = self.nodes[node].directory.path().join("storage");
        std::fs::remove_dir_all(storage).unwrap();
        self.start_again(node).await;
    }

    /// Waits until a node holds all of the blobs.
    pub(crate) async fn heals(&self, node: usize, blobs: &[TestBlob]) {
        for blob in blobs {
            eventually(|| self.holds(node, blob)).await;
        }
    }
}

/// Metadata in the form of an upload.
pub(crate) fn upload_form(metadata: &VerifiedMetadata) -> Vec<u8> {
    bcs::to_bytes(metadata.metadata()).unwrap()
}
