//! A storage node of a simulation: its machine, its disk, and the process that runs on it.

use std::{sync::Arc, time::Duration};

use ambient::Process;
use anyhow::Context as _;
use rand::Rng;
use stdx::Mutex;
use walrus_client::Environment;
use walrus_core::{ObjectId, keys::ProtocolPublicKey};
use walrus_node::{
    NodeConfig, NodeSurroundings, RunningNode, StorageNode,
    chain::{SuiChain, SuiChainConfig, Trust},
    config::KeySource,
    service::Service,
    storage::{Medium, simulated::SimulatedDisk},
};

use crate::{
    base::{Base, network_key, node_address, node_ip, operator, protocol_key},
    chain::ChainLink,
    network::{Host, Network},
    trace::Trace,
};

/// Seconds in which a node rereads everything.
const SCRUB_CYCLE_SECS: u64 = 120;

/// The machine of a node.
pub(crate) struct SimulatedNode {
    pub(crate) index: u8,
    pub(crate) node_id: ObjectId,
    pub(crate) disk: SimulatedDisk,
    pub(crate) chain: ChainLink,
    config: NodeConfig,
    chain_config: SuiChainConfig,
    network: Network,
    seed: u64,
    trace: Trace,
    /// By how much its clock is wrong.
    clock_ahead_ms: i64,
    /// How long its disk may take for anything.
    device_time_max: Duration,
    /// How often its protocol key has been replaced.
    key_generation: u8,
    running: Option<(Process, Arc<Mutex<Status>>)>,
}

/// How far a process has come.
enum Status {
    Starting,
    Serves(Arc<RunningNode>),
    Failed(String),
}

impl SimulatedNode {
    pub(crate) fn new(
        index: u8,
        base: &Base,
        chain: ChainLink,
        network: &Network,
        seed: u64,
        trace: &Trace,
    ) -> anyhow::Result<Self> {
        let registered = &base.nodes[usize::from(index)];
        let contracts = base.deployment.ids();
        Ok(Self {
            index,
            node_id: registered.node_id,
            disk: SimulatedDisk::new(),
            chain,
            config: config(index, base)?,
            chain_config: SuiChainConfig {
                rpc_urls: Vec::new(),
                rpc_quorum: None,
                checkpoints: Some(Trust::default()),
                contracts,
                subsidies_object: None,
                node_cap: Some(registered.node_cap),
            },
            network: network.clone(),
            seed,
            trace: trace.clone(),
            clock_ahead_ms: 0,
            device_time_max: Duration::ZERO,
            key_generation: 0,
            running: None,
        })
    }

    /// Starts the node, unless it runs.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        self.trace.note(format_args!("node-{} starts", self.index));
        let status = Arc::new(Mutex::new(Status::Starting));
        let process = Process::new();
        process.set_clock_ahead_ms(self.clock_ahead_ms);
        process.set_device_time_max(self.device_time_max);
        let signer = Some(operator(self.index));
        let chain = SuiChain::over(self.chain.rpc()?, &self.chain_config, signer)?;
        let host = Host::new(&self.network, node_ip(self.index));
        let surroundings = NodeSurroundings {
            chain: Arc::new(chain),
            environment: Environment::seeded(self.seed, ambient::now)
                .with_transport(host.transport()),
            network: host,
            medium: Medium::Simulated(self.disk.mount()),
        };
        process.spawn(run(self.config.clone(), surroundings, Arc::clone(&status)));
        self.running = Some((process, status));
        Ok(())
    }

    /// Ends the process where it stands; what its disk had not synced may be lost.
    pub(crate) async fn crash(&mut self, rng: &mut impl Rng) {
        let Some((process, _)) = self.running.take() else {
            return;
        };
        self.trace.note(format_args!("node-{} crashes", self.index));
        process.kill().await;
        self.disk.cut_power(rng);
    }

    /// Puts in a new, empty disk. The node must not run.
    pub(crate) fn lose_disk(&mut self) {
        self.disk = SimulatedDisk::new();
    }

    /// Sets the clock of the machine wrong, for good.
    pub(crate) fn set_clock_ahead_ms(&mut self, ms: i64) {
        self.clock_ahead_ms = ms;
        if let Some((process, _)) = &self.running {
            process.set_clock_ahead_ms(ms);
        }
    }

    /// Lets the disk take up to so long for anything.
    pub(crate) fn set_device_time_max(&mut self, time: Duration) {
        self.device_time_max = time;
        if let Some((process, _)) = &self.running {
            process.set_device_time_max(time);
        }
    }

    /// The key that is to follow the present one, if there is one.
    pub(crate) fn next_key(&self) -> Option<ProtocolPublicKey> {
        self.config.next_protocol_key_pair.as_ref()?;
        Some(protocol_key(self.index, self.key_generation + 1).public())
    }

    /// Gives the node a key that is to follow the present one. The node must not run.
    pub(crate) fn set_next_key(&mut self) {
        let next = protocol_key(self.index, self.key_generation + 1);
        self.config.next_protocol_key_pair = Some(KeySource::Inline(next.to_key_file()));
    }

    /// Takes the old key away, now that the committee knows the next one. The node must not run.
    pub(crate) fn forget_old_key(&mut self) {
        self.key_generation += 1;
        let key = protocol_key(self.index, self.key_generation);
        self.config.protocol_key_pair = KeySource::Inline(key.to_key_file());
        self.config.next_protocol_key_pair = None;
    }

    /// Why the process has given up, if it has.
    pub(crate) fn failure(&self) -> Option<String> {
        let (_, status) = self.running.as_ref()?;
        match &*status.lock() {
            Status::Failed(reason) => Some(reason.clone()),
            Status::Starting | Status::Serves(_) => None,
        }
    }

    /// The service, once it serves.
    pub(crate) fn service(&self) -> Option<Arc<Service>> {
        let (_, status) = self.running.as_ref()?;
        match &*status.lock() {
            Status::Serves(node) => Some(Arc::clone(node.service())),
            Status::Starting | Status::Failed(_) => None,
        }
    }
}

async fn run(config: NodeConfig, surroundings: NodeSurroundings<Host>, status: Arc<Mutex<Status>>) {
    let set = |new| *status.lock() = new;
    match StorageNode::start_in(config, surroundings).await {
        Ok(node) => {
            let node = Arc::new(node);
            set(Status::Serves(Arc::clone(&node)));
            node.failed().await;
            set(Status::Failed("it cannot go on".to_owned()));
        }
        Err(error) => set(Status::Failed(error.to_string())),
    }
}

fn config(index: u8, base: &Base) -> anyhow::Result<NodeConfig> {
    let (registered, deployment) = (&base.nodes[usize::from(index)], &base.deployment);
    let ip = node_ip(index);
    let config = serde_json::json!({
        "name": format!("node-{index}"),
        "storage_path": "/storage",
        "protocol_key_pair": protocol_key(index, 0).to_key_file(),
        "network_key_pair": network_key(index).to_key_file(),
        "public_host": ip,
        "public_port": node_address(index).port(),
        "rest_api_address": node_address(index),
        "metrics_address": format!("{ip}:9184"),
        "garbage_collection": { "enable_random_delay": false },
        "scrub_cycle_secs": SCRUB_CYCLE_SECS,
        "storage_node_cap": registered.node_cap.to_string(),
        "storage_node_scheme": "http",
        "tls": { "disable_tls": true },
        "sui": {
            "rpc": "http://chain.example.org:9000",
            "system_object": deployment.system_object,
            "staking_object": deployment.staking_object,
        },
    });
    serde_json::from_value(config).context("the configuration of a node is complete")
}
