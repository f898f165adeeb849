//! Starting, resuming and stopping a network.

mod create;
mod fault;
mod fund;
mod member;
mod service;
mod time;

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use futures::future;
use walrus_client::{config::CommunicationConfig, node::NodeClient};
use walrus_core::{NShards, params};
use walrus_deploy::{Deployer, Extra};
use walrus_seal::request::HEALTH_PATH;
use walrus_sui::{EpochState, SuiReader, SuiRpc};

use crate::{
    accounts::{Account, AccountInfo, Role, SUI_PER_ACCOUNT_MIST, WAL_PER_ACCOUNT_FROST},
    certificates, key_servers, ports,
    process::{self, ProcessId},
    report::{KeyServerInfo, NodeInfo, Packages, ReadyReport},
    service_kind::ServiceKind,
    setup,
    state::{KeyServerRecord, NetworkOptions, NetworkState, NodeRecord, StateDir},
};

pub use self::{
    create::Ports,
    fault::{FaultReport, Rot},
    fund::Amount,
};

/// How long a process may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the nodes may take to attest to the first epoch.
const EPOCH_TIMEOUT: Duration = Duration::from_secs(60);
/// How often something that should become ready is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// How long a process that is asked to stop may take before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// Lines of a log quoted in an error.
const LOG_LINES_QUOTED: usize = 3;

/// What `up` is asked for.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// Shape of the network.
    pub options: NetworkOptions,
    /// Its ports; a network that exists keeps those it has.
    pub ports: Ports,
    /// Packages to publish around the contracts, besides those that are there.
    pub packages: Vec<Extra>,
    /// Services in front of the network, besides those that are there.
    pub services: Vec<ServiceKind>,
    /// Key servers to run, besides those that are there.
    pub key_servers: KeyServers,
    /// Throw away the network that is there.
    pub reset: bool,
}

/// Which key servers a network is to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyServers {
    /// Some with keys of their own.
    pub independent: bool,
    /// A committee with one key, and its aggregator.
    pub committee: bool,
}

/// A network that has started.
#[derive(Debug)]
pub struct Started {
    /// How to reach it.
    pub report: ReadyReport,
    /// What a reset found in the folder that this program has not made, and left.
    pub left: Vec<PathBuf>,
}

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Asked to finish what it does; killed only when it does not.
    Ask,
    /// Like a power cut.
    Kill,
}

/// A local network, running or not.
#[derive(Debug, Clone)]
pub struct Network {
    state_dir: StateDir,
}

impl Network {
    /// The network of a state directory, which need not exist.
    pub fn new(state_dir: StateDir) -> Self {
        Self { state_dir }
    }

    /// Starts whatever of the network does not run, making it first if it does not exist, and waits
    /// until it is ready: every node serves and attested to the current epoch.
    ///
    /// Fails in a folder that holds anything but a network of this program.
    pub async fn up(&self, up: &UpOptions) -> anyhow::Result<Started> {
        setup::check_options(&up.options)?;
        let _lock = self.state_dir.lock_start()?;
        let left = self.reset_if_asked(up.reset)?;
        let state = self.load_or_create(up, up.reset)?;
        match self.start(state).await {
            Ok(report) => Ok(Started { report, left }),
            Err(error) => {
                // A network that did not become ready leaves nothing running.
                self.down()?;
                Err(error)
            }
        }
    }

    async fn start(&self, state: NetworkState) -> anyhow::Result<ReadyReport> {
        self.start_chain().await?;
        self.start_faults().await?;
        let deployer = setup::deploy(&self.state_dir, &state).await?;
        let state = setup::register_nodes(&self.state_dir, &state, &deployer).await?;
        let state = key_servers::register(&self.state_dir, &state, &deployer).await?;
        certificates::write(&self.state_dir, &state)?;
        setup::write_node_files(&self.state_dir, &state, &deployer)?;
        key_servers::write_files(&self.state_dir, &state, &deployer)?;
        setup::write_client_files(&self.state_dir, &state, &deployer)?;
        let names: Vec<_> = state.nodes.iter().map(NodeRecord::name).collect();
        for name in &names {
            self.spawn_node(name)?;
        }
        setup::start_first_epoch(&deployer, &state).await?;
        future::try_join_all(names.iter().map(|name| self.wait_for_node(name))).await?;
        self.wait_for_epoch(&deployer.reader()?).await?;
        for server in &state.key_servers {
            self.start_key_server(&server.name()).await?;
        }
        self.start_services(&state, &deployer).await?;
        self.state_dir.update(|state| state.ready_once = true)?;
        self.report().await
    }

    /// Ends the network that is there, whatever version of the program it is of, and removes what
    /// it consists of.
    fn reset_if_asked(&self, reset: bool) -> anyhow::Result<Vec<PathBuf>> {
        if !reset || !self.state_dir.exists()? {
            return Ok(Vec::new());
        }
        let processes = self.state_dir.processes()?;
        std::thread::scope(|scope| {
            for process in processes {
                scope.spawn(move || end(Some(process), How::Ask));
            }
        });
        Ok(self.state_dir.clear()?)
    }

    /// The network that is there with the packages that are asked for, or else a new one.
    fn load_or_create(&self, up: &UpOptions, is_new: bool) -> anyhow::Result<NetworkState> {
        let mut state = if !is_new && self.state_dir.exists()? {
            let mut state = self.state_dir.load()?;
            create::check_same(&state, up)?;
            create::add_key_servers(&mut state, up)?;
            create::add_services(&mut state, up)?;
            state
        } else {
            create::create(up)?
        };
        let known = state.packages.iter().cloned();
        let wanted = up.packages.iter().map(|extra| extra.name().to_owned());
        let all: BTreeSet<String> = known.chain(wanted).collect();
        state.packages = all.into_iter().collect();
        self.state_dir.save(&state)?;
        Ok(state)
    }

    /// Starts the chain, unless it runs, and waits until it answers.
    pub async fn start_chain(&self) -> anyhow::Result<()> {
        let state = self.state_dir.load()?;
        let running = state.chain.process.filter(ProcessId::is_alive);
        let process = if let Some(process) = running {
            process
        } else {
            for port in [state.chain.rpc_port, state.chain.faucet_port] {
                ensure!(
                    ports::is_free(port),
                    "port {port} is in use by another program"
                );
            }
            let process = self.spawn(&["run-chain"], "chain")?;
            self.state_dir
                .update(|state| state.chain.process = Some(process))?;
            process
        };
        let rpc = SuiRpc::new([state.chain.rpc_url()])?;
        self.wait("chain", process, START_TIMEOUT, async || {
            rpc.chain_id().await.map(drop)
        })
        .await
    }

    /// Stops the chain.
    pub fn stop_chain(&self, how: How) -> anyhow::Result<()> {
        let state = self.state_dir.load()?;
        end(state.chain.process, how);
        self.state_dir.update(|state| state.chain.process = None)?;
        Ok(())
    }

    /// Starts a node, unless it runs, and waits until it answers.
    pub async fn start_node(&self, name: &str) -> anyhow::Result<()> {
        self.spawn_node(name)?;
        self.wait_for_node(name).await
    }

    /// Stops a node.
    pub fn stop_node(&self, name: &str, how: How) -> anyhow::Result<()> {
        let node = self.node(name)?;
        end(node.process, how);
        self.set_node_process(name, None)
    }

    fn spawn_node(&self, name: &str) -> anyhow::Result<()> {
        let node = self.node(name)?;
        if node.process.is_some_and(|process| process.is_alive()) {
            return Ok(());
        }
        for port in [node.own_port(), node.metrics_port] {
            ensure!(
                ports::is_free(port),
                "port {port} of {name} is in use by another program"
            );
        }
        let process = self.spawn(&["run-node", name], name)?;
        self.set_node_process(name, Some(process))
    }

    async fn wait_for_node(&self, name: &str) -> anyhow::Result<()> {
        let state = self.state_dir.load()?;
        let node = self.node(name)?;
        let process = node.process.with_context(|| format!("{name} is stopped"))?;
        let config = CommunicationConfig {
            node_scheme: setup::node_scheme(&state.options),
            ..CommunicationConfig::default()
        };
        let n_shards = NShards::new(state.options.shards).context("a network has shards")?;
        let key = setup::network_key(&node).public();
        let client = NodeClient::new(&node.address(), Some(&key), n_shards, &config)?;
        self.wait(name, process, START_TIMEOUT, async || {
            client.health(false).await.map(drop)
        })
        .await
    }

    /// Starts a key server, unless it runs, and waits until it serves.
    pub async fn start_key_server(&self, name: &str) -> anyhow::Result<()> {
        let server = self.key_server(name)?;
        let running = server.process.filter(ProcessId::is_alive);
        let process = if let Some(process) = running {
            process
        } else {
            for port in [server.port, server.metrics_port] {
                ensure!(
                    ports::is_free(port),
                    "port {port} of {name} is in use by another program"
                );
            }
            let process = self.spawn(&["run-key-server", name], name)?;
            self.set_key_server_process(name, Some(process))?;
            process
        };
        let url = format!("{}{HEALTH_PATH}", server.url());
        self.wait_for_http(name, process, &url).await
    }

    /// Stops a key server.
    pub fn stop_key_server(&self, name: &str, how: How) -> anyhow::Result<()> {
        end(self.key_server(name)?.process, how);
        self.set_key_server_process(name, None)
    }

    fn key_server(&self, name: &str) -> anyhow::Result<KeyServerRecord> {
        let mut servers = self.state_dir.load()?.key_servers.into_iter();
        let server = servers.find(|server| server.name() == name);
        server.with_context(|| format!("there is no key server {name}"))
    }

    fn set_key_server_process(&self, name: &str, process: Option<ProcessId>) -> anyhow::Result<()> {
        self.state_dir.update(|state| {
            let mut servers = state.key_servers.iter_mut();
            if let Some(server) = servers.find(|server| server.name() == name) {
                server.process = process;
            }
        })?;
        Ok(())
    }

    /// Waits until the current epoch is at least 1 and the nodes have attested to it.
    async fn wait_for_epoch(&self, reader: &SuiReader) -> anyhow::Result<()> {
        let deadline = Instant::now() + EPOCH_TIMEOUT;
        loop {
            reader.refresh().await;
            let info = reader.epoch_info().await?;
            if info.epoch > 0 && !matches!(info.state, EpochState::ChangeSync { .. }) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the nodes did not attest to epoch {} within {EPOCH_TIMEOUT:?}; their logs are in {}",
                info.epoch,
                self.state_dir.root().join("logs").display()
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Asks until there is an answer; gives up when the process has ended or time is over.
    async fn wait<E: std::error::Error + Send + Sync + 'static>(
        &self,
        name: &str,
        process: ProcessId,
        timeout: Duration,
        ask: impl AsyncFn() -> Result<(), E>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let error = match ask().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !process.is_alive() {
                bail!(
                    "{name} ended while it was starting: {}",
                    self.end_of_log(name)
                );
            }
            if Instant::now() >= deadline {
                return Err(error)
                    .with_context(|| format!("{name} did not answer within {timeout:?}"));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn end_of_log(&self, name: &str) -> String {
        let path = self.state_dir.log(name);
        let log = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<_> = log
            .lines()
            .rev()
            .filter(|line| !line.is_empty())
            .take(LOG_LINES_QUOTED)
            .collect();
        let quoted: Vec<_> = lines.into_iter().rev().collect();
        // What ended the process says it all, if it had the time to say it.
        let reason = quoted
            .iter()
            .rev()
            .find_map(|line| line.strip_prefix("Error: "));
        let reason = reason.map_or_else(|| quoted.join(" | "), str::to_owned);
        format!("{reason} (log: {})", path.display())
    }

    /// Stops every process; services first, which use the others, then nodes, so that they can
    /// still tell the chain.
    pub fn down(&self) -> anyhow::Result<()> {
        let state = self.state_dir.load()?;
        std::thread::scope(|scope| {
            for service in &state.services {
                scope.spawn(|| end(service.process, How::Ask));
            }
        });
        std::thread::scope(|scope| {
            for node in &state.nodes {
                scope.spawn(|| end(node.process, How::Ask));
            }
            for server in &state.key_servers {
                scope.spawn(|| end(server.process, How::Ask));
            }
        });
        end(state.faults, How::Ask);
        end(state.chain.process, How::Ask);
        self.state_dir.update(|state| {
            state.chain.process = None;
            state.faults = None;
            for node in &mut state.nodes {
                node.process = None;
            }
            for server in &mut state.key_servers {
                server.process = None;
            }
            for service in &mut state.services {
                service.process = None;
            }
        })?;
        Ok(())
    }

    /// The state of the network, whose chain must be running.
    fn running_chain(&self) -> anyhow::Result<NetworkState> {
        let state = self.state_dir.load()?;
        ensure!(
            state
                .chain
                .process
                .is_some_and(|process| process.is_alive()),
            "the network is stopped: start it with `walrus-localnet up`"
        );
        Ok(state)
    }

    /// The deployment in the name of the account that made it, on the chain that must be running.
    async fn deployer(&self) -> anyhow::Result<Deployer> {
        let state = self.running_chain()?;
        let rpc = SuiRpc::new([state.chain.rpc_url()])?;
        let admin = Account::of(Role::Admin).signer();
        Ok(Deployer::open(rpc, admin, Some(&self.state_dir.deployment())).await?)
    }

    /// How to reach the network and what runs.
    pub async fn report(&self) -> anyhow::Result<ReadyReport> {
        let state = self.running_chain()?;
        let deployer = self.deployer().await?;
        let deployment = deployer
            .deployment()
            .context("the network never became ready: run `walrus-localnet up`")?;
        let committee = deployer.reader()?.current_committee().await?;
        let nodes = state.nodes.iter();
        let nodes = nodes.map(|node| node_info(node, &state.options, &committee));
        Ok(ReadyReport {
            rpc: state.chain.rpc_url(),
            faucet: state.chain.faucet_url(),
            chain_id: deployment.chain_id.clone(),
            packages: Packages {
                wal: deployment.wal_package.to_string(),
                walrus: deployment.walrus_package.to_string(),
                extras: setup::extras(&deployer),
            },
            governance_object: deployer
                .extra(Extra::WalrusGovernance)
                .and_then(|record| record.object)
                .map(|id| id.to_string()),
            system_object: deployment.system_object.to_string(),
            staking_object: deployment.staking_object.to_string(),
            accounts: (0..state.options.accounts).map(account_info).collect(),
            nodes: nodes.collect(),
            key_servers: state
                .key_servers
                .iter()
                .filter_map(key_server_info)
                .collect(),
            ca_certificate: state
                .options
                .tls
                .then(|| self.state_dir.ca_certificate().display().to_string()),
            services: state.services.iter().map(service::service_info).collect(),
            client_config: self.state_dir.client_config().display().to_string(),
            max_blob_size: NShards::new(state.options.shards).map_or(0, params::max_blob_size),
        })
    }

    fn spawn(&self, role: &[&str], log: &str) -> anyhow::Result<ProcessId> {
        let root = self
            .state_dir
            .root()
            .to_str()
            .context("the state directory is not UTF-8")?;
        let args = [&["--state-dir", root], role].concat();
        process::spawn_self(&args, &self.state_dir.log(log))
            .with_context(|| format!("cannot start {log}"))
    }

    fn node(&self, name: &str) -> anyhow::Result<NodeRecord> {
        let state = self.state_dir.load()?;
        let known: Vec<_> = state.nodes.iter().map(NodeRecord::name).collect();
        let node = state.nodes.into_iter().find(|node| node.name() == name);
        node.with_context(|| format!("there is no node {name}; there are {}", known.join(", ")))
    }

    fn set_node_process(&self, name: &str, process: Option<ProcessId>) -> anyhow::Result<()> {
        self.state_dir.update(|state| {
            if let Some(node) = state.nodes.iter_mut().find(|node| node.name() == name) {
                node.process = process;
            }
        })?;
        Ok(())
    }
}

fn end(process: Option<ProcessId>, how: How) {
    match (process, how) {
        (Some(process), How::Ask) => {
            process.stop(STOP_PATIENCE);
        }
        (Some(process), How::Kill) => process.kill(),
        (None, _) => {}
    }
}

fn node_info(
    node: &NodeRecord,
    options: &NetworkOptions,
    committee: &walrus_sui::Committee,
) -> NodeInfo {
    let registered = node.registered;
    let member = registered.and_then(|record| committee.member(record.node_id));
    let shards = member.map(|(_, member)| member.shards.iter().map(|shard| shard.0).collect());
    NodeInfo {
        name: node.name(),
        id: registered
            .map(|record| record.node_id.to_string())
            .unwrap_or_default(),
        url: node.url(options),
        shards: shards.unwrap_or_default(),
        pid: node
            .process
            .filter(ProcessId::is_alive)
            .map(|process| process.pid),
    }
}

fn key_server_info(server: &KeyServerRecord) -> Option<KeyServerInfo> {
    Some(KeyServerInfo {
        name: server.name(),
        id: server.object?.to_string(),
        url: server.url(),
        pid: server
            .process
            .filter(ProcessId::is_alive)
            .map(|process| process.pid),
    })
}

fn account_info(index: u16) -> AccountInfo {
    let signer = Account::of(Role::User(index)).signer();
    AccountInfo {
        name: Role::User(index).name(),
        address: signer.address().to_string(),
        secret: signer.to_suiprivkey(),
        sui: SUI_PER_ACCOUNT_MIST,
        wal: WAL_PER_ACCOUNT_FROST,
    }
}
