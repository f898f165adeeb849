//! Key servers of private data in a local network: registered, with keys that everybody knows.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::{Context as _, bail};
use walrus_deploy::{Deployer, Extra, KeyServerEntry};
use walrus_key_server::{
    KeyServer, KeyServerConfig,
    config::{NetworkChoice, Quotas, ServerMode, Time},
};
use walrus_seal::MasterKey;
use walrus_sui::contract::key_server_registration;

use crate::{
    accounts::{Account, Role},
    process::Termination,
    state::{KeyServerRecord, NetworkState, StateDir},
    writing::{write_atomically, write_secret},
};

/// Key servers of a network that has any. Any two of them decrypt.
pub const KEY_SERVERS: u16 = 3;
/// How many of them are needed.
pub(crate) const THRESHOLD: u8 = 2;
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
    for server in &state.key_servers {
        if server.object.is_some() {
            continue;
        }
        let package = deployer
            .extra(Extra::Seal)
            .context("package seal is not published")?
            .package;
        let key = master_key(server).public();
        let program =
            key_server_registration(package, &server.name(), &server.url(), &key.to_bytes());
        let executed = deployer.executor().run(&program).await?;
        let object = executed.only_created("key_server", "KeyServer")?;
        state_dir.update(|state| {
            let mut servers = state.key_servers.iter_mut();
            if let Some(known) = servers.find(|known| known.index == server.index) {
                known.object = Some(object);
            }
        })?;
    }
    Ok(state_dir.load()?)
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
        let key = master_key(server).to_bytes();
        write_secret(&folder.join("master.key"), &hex::encode(*key))?;
        let config = config(state, server, deployer)?;
        // Last and at once: a config that exists is complete.
        write_atomically(&path, &config.to_yaml()?)?;
    }
    Ok(())
}

fn config(
    state: &NetworkState,
    server: &KeyServerRecord,
    deployer: &Deployer,
) -> anyhow::Result<KeyServerConfig> {
    let seal = deployer
        .extra(Extra::Seal)
        .context("package seal is not published")?;
    let object = server
        .object
        .with_context(|| format!("{} is not registered", server.name()))?;
    let network = NetworkChoice::Devnet {
        seal_package: seal.package,
    };
    let mode = ServerMode::Open {
        key_server_object_id: object,
    };
    let mut config = KeyServerConfig::new(network, mode);
    config.node_url = Some(state.chain.rpc_url());
    config.master_key_file = Some("master.key".into());
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
    Ok(config)
}

/// The key servers as client configurations name them.
pub(crate) fn entries(state: &NetworkState) -> Vec<KeyServerEntry> {
    let objects = state.key_servers.iter().filter_map(|server| server.object);
    objects
        .map(|object_id| KeyServerEntry { object_id })
        .collect()
}

/// Runs one key server until the process is asked to end.
pub async fn run(state_dir: &StateDir, name: &str) -> anyhow::Result<()> {
    let mut termination = Termination::listen().context("cannot listen for signals")?;
    let state = state_dir.load()?;
    let record = state.key_servers.iter().find(|it| it.name() == name);
    let Some(record) = record else {
        bail!("the network has no key server {name}");
    };
    let (config, _) = KeyServerConfig::load(&state_dir.key_server_config(record))?;
    let server = tokio::select! {
        server = KeyServer::start(&config) => server?,
        () = termination.wait() => return Ok(()),
    };
    tracing::info!(address = %server.address(), "the key server is running");
    termination.wait().await;
    server.shutdown().await;
    Ok(())
}
