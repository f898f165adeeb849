//! From an empty chain to a first committee: contracts, registered nodes, stake, funded accounts.
//!
//! Every step looks first whether it was done, so that an interrupted start continues where it
//! stopped.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use walrus_client::config::NodeScheme;
use walrus_contracts::types::NodeMetadata;
use walrus_core::{Frost, NShards, NetworkKeyPair, ProtocolKeyPair, SuiAddress};
use walrus_deploy::{ClientConfigFile, DeployConfig, Deployer, Deployment, Extra, ExtrasConfig};
use walrus_node::{
    NodeConfig,
    config::{KeySource, NodeWallet, SuiConfig, TlsConfig},
};
use walrus_sui::{
    SuiRpc, Wallet, WalletEnv,
    contract::{NodeDescription, NodeVotes},
    fleet::{self, NodeToRegister},
};

use crate::{
    accounts::{Account, Role, WAL_PER_ACCOUNT_FROST},
    key_servers,
    state::{NetworkOptions, NetworkState, NodeRecord, RegisteredRecord, StateDir},
    writing::{write_atomically, write_secret},
};

/// Stake of every node: 1000 WAL.
const STAKE_PER_NODE: Frost = Frost(1_000 * 1_000_000_000);
/// Votes of every node: prices in FROST per MiB (and epoch), capacity in bytes.
const VOTES: NodeVotes = NodeVotes {
    storage_price: Frost(100_000),
    write_price: Frost(20_000),
    node_capacity: 1_000_000_000_000,
};
/// Share of the rewards that every node keeps, in hundredths of a percent.
const COMMISSION_RATE: u16 = 6_000;
/// Name of the network in the wallets that are written.
const ENV_ALIAS: &str = "walrus-localnet";
/// How long a node that is asked to stop lets open requests finish.
const NODE_SHUTDOWN_PERIOD_SECS: u64 = 2;
/// Disk space that the nodes of a local network leave free.
pub(crate) const DISK_RESERVE_BYTES: u64 = 256 << 20;

/// Publishes the contracts; returns how to go on.
pub(crate) async fn deploy(state_dir: &StateDir, state: &NetworkState) -> anyhow::Result<Deployer> {
    let rpc = SuiRpc::new([state.chain.rpc_url()])?;
    let admin = Account::of(Role::Admin).signer();
    let mut deployer = Deployer::open(rpc, admin, Some(&state_dir.deployment())).await?;
    let options = &state.options;
    let config = DeployConfig {
        n_shards: NShards::new(options.shards).context("a network needs shards")?,
        epoch_zero_duration: Duration::ZERO,
        epoch_duration: Duration::from_millis(options.epoch_duration_ms),
        max_epochs_ahead: options.epochs_ahead_max,
    };
    deployer.deploy(&config).await?;
    // Before anybody else sends anything, so that the packages get the same IDs in every network.
    let packages = state.packages.iter().map(|name| name.parse());
    let extras = ExtrasConfig {
        packages: packages.collect::<Result<_, _>>()?,
        ..ExtrasConfig::default()
    };
    deployer.deploy_extras(&extras).await?;
    Ok(deployer)
}

/// Packages around the contracts that are deployed: name and ID.
pub(crate) fn extras(deployer: &Deployer) -> BTreeMap<String, String> {
    let deployed = |extra: Extra| {
        let record = deployer.extra(extra)?;
        Some((extra.name().to_owned(), record.package.to_string()))
    };
    Extra::ALL.into_iter().filter_map(deployed).collect()
}

/// Registers the nodes that are not registered yet and writes down what they are on chain; returns
/// the state with all of them.
pub(crate) async fn register_nodes(
    state_dir: &StateDir,
    state: &NetworkState,
    deployer: &Deployer,
) -> anyhow::Result<NetworkState> {
    let nodes: Vec<_> = state.nodes.iter().map(node_to_register).collect();
    let registered = fleet::register_nodes(&deployer.reader()?, &nodes).await?;
    let state = state_dir.update(|state| {
        for (node, operated) in state.nodes.iter_mut().zip(&registered) {
            node.registered = Some(RegisteredRecord {
                node_id: operated.node_id,
                node_cap: operated.cap.id,
            });
        }
        state.clone()
    })?;
    Ok(state)
}

/// Gives the users their WAL and starts epoch 1, whose nodes must be running to complete it.
pub(crate) async fn start_first_epoch(
    deployer: &Deployer,
    state: &NetworkState,
) -> anyhow::Result<()> {
    let reader = deployer.reader()?;
    let mut payments: Vec<(SuiAddress, Frost)> = Vec::new();
    for index in 0..state.options.accounts {
        let user = Account::of(Role::User(index)).signer().address();
        if reader.wal_balance(user).await?.0 == 0 {
            payments.push((user, Frost(WAL_PER_ACCOUNT_FROST)));
        }
    }
    if !payments.is_empty() {
        deployer
            .executor()
            .send_wal(&reader.wal_type().await?, &payments)
            .await?;
    }
    let stakes: Vec<_> = state
        .nodes
        .iter()
        .filter_map(|node| node.registered)
        .map(|node| (node.node_id, STAKE_PER_NODE))
        .collect();
    fleet::start_first_epoch(&deployer.contract()?, &stakes).await?;
    Ok(())
}

fn protocol_key(node: &NodeRecord) -> ProtocolKeyPair {
    ProtocolKeyPair::from_seed(Account::of(Role::Node(node.index)).seed())
}

pub(crate) fn network_key(node: &NodeRecord) -> NetworkKeyPair {
    NetworkKeyPair::from_seed(Account::of(Role::Node(node.index)).seed())
}

/// How the nodes are reached.
pub(crate) fn node_scheme(options: &NetworkOptions) -> NodeScheme {
    if options.tls {
        NodeScheme::Https
    } else {
        NodeScheme::Http
    }
}

fn node_to_register(node: &NodeRecord) -> NodeToRegister {
    NodeToRegister {
        operator: Account::of(Role::Node(node.index)).signer(),
        node: NodeDescription {
            name: node.name(),
            network_address: node.address(),
            metadata: NodeMetadata::default(),
            protocol_key: protocol_key(node),
            network_public_key: network_key(node).public(),
            commission_rate: COMMISSION_RATE,
            votes: VOTES,
        },
    }
}

/// Writes config, keys and wallet of every node, unless they are there.
pub(crate) fn write_node_files(
    state_dir: &StateDir,
    state: &NetworkState,
    deployer: &Deployer,
) -> anyhow::Result<()> {
    let deployment = deployment(deployer)?;
    for node in &state.nodes {
        let config_path = state_dir.node_config(node);
        if config_path.exists() {
            continue;
        }
        let registered = node
            .registered
            .with_context(|| format!("{} is not registered", node.name()))?;
        let folder = state_dir.node_dir(node);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let wallet = folder.join("sui_client.yaml");
        create_wallet(&wallet, state, Role::Node(node.index))?;
        let protocol_key_path = folder.join("protocol.key");
        write_secret(&protocol_key_path, &protocol_key(node).to_key_file())?;
        let network_key_path = folder.join("network.key");
        write_secret(&network_key_path, &network_key(node).to_key_file())?;
        let certificate = state.options.tls.then(|| state_dir.node_certificate(node));
        let cap = registered.node_cap;
        let config = node_config(state, deployment, node, &folder, certificate, cap)?;
        // Last and at once: a config that exists is complete.
        write_atomically(&config_path, &config.to_yaml()?)?;
    }
    Ok(())
}

fn node_config(
    state: &NetworkState,
    deployment: &Deployment,
    node: &NodeRecord,
    folder: &Path,
    certificate: Option<PathBuf>,
    cap: walrus_core::ObjectId,
) -> anyhow::Result<NodeConfig> {
    let minimal = serde_json::json!({
        "name": node.name(),
        "storage_path": folder.join("storage"),
        "protocol_key_pair": KeySource::File { path: folder.join("protocol.key") },
        "network_key_pair": KeySource::File { path: folder.join("network.key") },
        "public_host": "127.0.0.1",
        "public_port": node.port,
        "rest_api_address": node.address(),
        "metrics_address": format!("127.0.0.1:{}", node.metrics_port),
        "rest_graceful_shutdown_period_secs": NODE_SHUTDOWN_PERIOD_SECS,
        // Time passes in leaps here; nobody wants to wait.
        "garbage_collection": { "enable_random_delay": false },
        "disk_reserve_bytes": DISK_RESERVE_BYTES,
        "storage_node_cap": cap.to_string(),
        "storage_node_scheme": node_scheme(&state.options),
        "tls": TlsConfig {
            disable_tls: certificate.is_none(),
            certificate_path: certificate,
        },
        "sui": SuiConfig {
            treasury_object: Some(deployment.treasury_object),
            walrus_subsidies_object: None,
            rpc: state.chain.rpc_url(),
            additional_rpc_endpoints: Vec::new(),
            verify_checkpoints: true,
            trusted_checkpoint: None,
            system_object: deployment.system_object,
            staking_object: deployment.staking_object,
            wallet_config: Some(NodeWallet::Path(folder.join("sui_client.yaml"))),
        },
    });
    let mut config: NodeConfig =
        serde_json::from_value(minimal).context("the config of a node is not complete")?;
    if let Some(checkpoints) = state.options.event_blob_checkpoints {
        config.event_blob_cut.max_checkpoints = checkpoints;
    }
    Ok(config)
}

/// Writes the config and the wallet that `walrus` and `walrus-admin` are used with. What somebody
/// has added to them stays.
pub(crate) fn write_client_files(
    state_dir: &StateDir,
    state: &NetworkState,
    deployer: &Deployer,
) -> anyhow::Result<()> {
    let path = state_dir.client_wallet();
    if !path.exists() {
        create_wallet(&path, state, Role::User(0))?;
        let mut wallet = Wallet::load(&path)?;
        for role in roles(&state.options) {
            wallet.import_as(&Account::of(role).signer(), &role.name())?;
        }
    }
    let deployment = deployment(deployer)?;
    let mut config = ClientConfigFile::new(deployment, Some(path), vec![state.chain.rpc_url()])
        .with_extras(deployer);
    config.storage_node_scheme = Some(node_scheme(&state.options).as_str().to_owned());
    if let Some(section) = &mut config.encryption {
        section.threshold = key_servers::threshold(state);
        section.key_servers = key_servers::entries(state);
    }
    config.save(&state_dir.client_config())?;
    Ok(())
}

/// Who has an account, users first.
pub(crate) fn roles(options: &NetworkOptions) -> impl Iterator<Item = Role> {
    let users = (0..options.accounts).map(Role::User);
    let nodes = (0..options.nodes).map(Role::Node);
    users.chain(nodes).chain([Role::Admin])
}

fn deployment(deployer: &Deployer) -> anyhow::Result<&Deployment> {
    deployer
        .deployment()
        .context("the contracts are not deployed")
}

pub(crate) fn create_wallet(path: &Path, state: &NetworkState, role: Role) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let env = WalletEnv::new(ENV_ALIAS, state.chain.rpc_url());
    Wallet::create(path, env, &Account::of(role).signer())?;
    Ok(())
}

/// Refuses shapes that cannot work, before anything is started.
pub(crate) fn check_options(options: &NetworkOptions) -> anyhow::Result<()> {
    const SHARDS_MIN: u16 = 4;
    ensure!(
        options.shards >= SHARDS_MIN,
        "a network needs at least {SHARDS_MIN} shards, got {}",
        options.shards
    );
    ensure!(options.nodes >= 1, "a network needs at least 1 node");
    ensure!(
        options.nodes <= options.shards,
        "{} nodes cannot share {} shards: every node needs at least one",
        options.nodes,
        options.shards
    );
    ensure!(
        options.accounts >= 1,
        "a network needs at least 1 funded account"
    );
    ensure!(
        (1..=1000).contains(&options.epochs_ahead_max),
        "storage can be bought between 1 and 1000 epochs ahead, not {}",
        options.epochs_ahead_max
    );
    Ok(())
}
