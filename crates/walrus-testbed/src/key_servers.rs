//! Key servers of private data in a local network: registered, with keys that everybody knows.

mod committee;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::{Context as _, bail};
use walrus_core::ObjectId;
use walrus_deploy::{Deployer, Extra, KeyServerEntry};
use walrus_key_server::{
    KeyServer, KeyServerConfig,
    aggregator::{Aggregator, AggregatorConfig},
    config::{NetworkChoice, Quotas, ServerMode, Time},
    share_file_name,
};
use walrus_seal::MasterKey;
use walrus_sui::contract::key_server_registration;

use crate::{
    accounts::{Account, Role},
    process::Termination,
    state::{KeyServerRecord, KeyServerRole, NetworkState, StateDir},
    writing::{write_atomically, write_secret},
};

/// Key servers of a network that has any. Any two of them decrypt.
pub const KEY_SERVERS: u16 = 3;
/// How many of them are needed.
const THRESHOLD: u8 = 2;
/// Members of a network's committee. Any two of them decrypt.
pub const COMMITTEE_MEMBERS: u16 = 3;
/// How often members and aggregator look whether the committee has changed.
const COMMITTEE_UPDATE_INTERVAL: Time = Time(std::time::Duration::from_millis(500));
/// Time for open requests when a server is stopped.
const SHUTDOWN_GRACE: Time = Time(std::time::Duration::from_secs(2));
/// A laptop may sleep: the chain's clock stands still meanwhile.
const ALLOWED_STALENESS: Time = Time(std::time::Duration::from_secs(120));

fn master_key(server: &KeyServerRecord) -> MasterKey {
    let seed = Account::of(Role::KeyServer(server.index)).seed();
    MasterKey::from_seed(&seed, 0).expect("not zero unless the hash function is broken")
}

/// Registers the key servers that are not registered yet, in the name of the account that published
/// the contracts.
pub(crate) async fn register(
    state_dir: &StateDir,
    state: &NetworkState,
    deployer: &Deployer,
) -> anyhow::Result<NetworkState> {
    let is_new = |server: &&KeyServerRecord| server.object.is_none();
    let independent = of_role(state, KeyServerRole::Independent);
    for server in independent.filter(is_new) {
        let key = master_key(server).public();
        let program = key_server_registration(
            seal_package(deployer)?,
            &server.name(),
            &server.url(),
            &key.to_bytes(),
        );
        let executed = deployer.executor().run(&program).await?;
        let object = executed.only_created("key_server", "KeyServer")?;
        state_dir.update(|state| {
            let is_it = |known: &&mut KeyServerRecord| known.name() == server.name();
            if let Some(known) = state.key_servers.iter_mut().find(is_it) {
                known.object = Some(object);
            }
        })?;
    }
    let mut members = of_role(state, KeyServerRole::Member);
    if members.any(|member| member.object.is_none()) {
        let program = committee::registration(state, seal_package(deployer)?)?;
        let executed = deployer.executor().run(&program).await?;
        let object = executed.only_created("key_server", "KeyServer")?;
        state_dir.update(|state| {
            for known in &mut state.key_servers {
                if known.role != KeyServerRole::Independent {
                    known.object = Some(object);
                }
            }
        })?;
    }
    Ok(state_dir.load()?)
}

fn of_role(state: &NetworkState, role: KeyServerRole) -> impl Iterator<Item = &KeyServerRecord> {
    let servers = state.key_servers.iter();
    servers.filter(move |server| server.role == role)
}

fn seal_package(deployer: &Deployer) -> anyhow::Result<ObjectId> {
    let seal = deployer.extra(Extra::Seal);
    Ok(seal.context("package seal is not published")?.package)
}

/// Writes config and key of every key server, unless they are there.
pub(crate) fn write_files(
    state_dir: &StateDir,
    state: &NetworkState,
    deployer: &Deployer,
) -> anyhow::Result<()> {
    for server in &state.key_servers {
        let path = state_dir.key_server_config(server);
        if path.exists() {
            continue;
        }
        let folder = state_dir.key_server_dir(server);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let object = server
            .object
            .with_context(|| format!("{} is not registered", server.name()))?;
        let network = NetworkChoice::Devnet {
            seal_package: seal_package(deployer)?,
        };
        let config = match server.role {
            KeyServerRole::Independent => {
                let key = master_key(server).to_bytes();
                write_secret(&folder.join("master.key"), &hex::encode(*key))?;
                let mode = ServerMode::Open {
                    key_server_object_id: object,
                };
                let mut config = config(state, server, KeyServerConfig::new(network, mode));
                config.master_key_file = Some("master.key".into());
                config.to_yaml()?
            }
            KeyServerRole::Member => {
                let share = committee::share(state, server.index)?.to_bytes();
                write_secret(&folder.join(share_file_name(0)), &hex::encode(*share))?;
                let mode = ServerMode::Committee {
                    key_server_object_id: object,
                    party_id: None,
                };
                let mut config = config(state, server, KeyServerConfig::new(network, mode));
                config.master_share_folder = Some(".".into());
                config.committee_update_interval = COMMITTEE_UPDATE_INTERVAL;
                config.to_yaml()?
            }
            KeyServerRole::Aggregator => {
                let mut config = AggregatorConfig::new(network, state.chain.rpc_url(), object);
                config.listen_address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port));
                config.metrics_address =
                    SocketAddr::from((Ipv4Addr::LOCALHOST, server.metrics_port));
                config.committee_update_interval = COMMITTEE_UPDATE_INTERVAL;
                config.to_yaml()?
            }
        };
        // Last and at once: a config that exists is complete.
        write_atomically(&path, &config)?;
    }
    Ok(())
}

/// What is particular to local networks.
fn config(
    state: &NetworkState,
    server: &KeyServerRecord,
    mut config: KeyServerConfig,
) -> KeyServerConfig {
    config.node_url = Some(state.chain.rpc_url());
    config.listen_address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port));
    config.metrics_host = Ipv4Addr::LOCALHOST.into();
    config.metrics_host_port = server.metrics_port;
    config.allowed_staleness = ALLOWED_STALENESS;
    // The time of a local network can be moved ahead.
    config.clock_lag_max = None;
    // All users have one address.
    config.quotas = Quotas {
        per_address: 0,
        per_user: 0,
        per_package: 0,
    };
    config.shutdown_grace = SHUTDOWN_GRACE;
    config
}

/// The key servers as client configurations name them.
pub(crate) fn entries(state: &NetworkState) -> Vec<KeyServerEntry> {
    let independent = of_role(state, KeyServerRole::Independent).map(|server| (server, None));
    let committee = of_role(state, KeyServerRole::Aggregator);
    let committee = committee.map(|server| (server, Some(server.url())));
    let entry = |(server, aggregator_url): (&KeyServerRecord, Option<String>)| {
        Some(KeyServerEntry {
            object_id: server.object?,
            aggregator_url,
        })
    };
    independent.chain(committee).filter_map(entry).collect()
}

/// How many of the key servers are needed, if not more than half of them.
pub(crate) fn threshold(state: &NetworkState) -> Option<u8> {
    let has_committee = of_role(state, KeyServerRole::Aggregator).next().is_some();
    (!has_committee).then_some(THRESHOLD)
}

/// Runs one key server until the process is asked to end.
pub async fn run(state_dir: &StateDir, name: &str) -> anyhow::Result<()> {
    let mut termination = Termination::listen().context("cannot listen for signals")?;
    let state = state_dir.load()?;
    let record = state.key_servers.iter().find(|it| it.name() == name);
    let Some(record) = record else {
        bail!("the network has no key server {name}");
    };
    let path = state_dir.key_server_config(record);
    if record.role == KeyServerRole::Aggregator {
        let config = AggregatorConfig::load(&path)?;
        let aggregator = tokio::select! {
            aggregator = Aggregator::start(config) => aggregator?,
            () = termination.wait() => return Ok(()),
        };
        tracing::info!(address = %aggregator.address(), "the aggregator is running");
        termination.wait().await;
        aggregator.shutdown().await;
        return Ok(());
    }
    let (config, _) = KeyServerConfig::load(&path)?;
    let server = tokio::select! {
        server = KeyServer::start(&config) => server?,
        () = termination.wait() => return Ok(()),
    };
    tracing::info!(address = %server.address(), "the key server is running");
    termination.wait().await;
    server.shutdown().await;
    Ok(())
}
