//! The processes of a network: what the hidden subcommands `run-chain` and `run-node` do.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use sui_localnet::{Localnet, LocalnetConfig};
use sui_sdk_types::Address;
use walrus_node::{NodeConfig, StorageNode};

use crate::{
    accounts::{Account, SUI_PER_ACCOUNT_MIST},
    process::Termination,
    setup,
    state::{NetworkOptions, StateDir},
};

/// How often the chain looks whether the network is complete.
const READY_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Runs the chain until the process is asked to end.
pub async fn run_chain(state_dir: &StateDir) -> anyhow::Result<()> {
    let mut termination = Termination::listen().context("cannot listen for signals")?;
    let state = state_dir.load()?;
    let mut config = LocalnetConfig {
        data_dir: Some(state_dir.chain_dir()),
        rpc_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, state.chain.rpc_port)),
        faucet_addr: Some(SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            state.chain.faucet_port,
        ))),
        accounts: genesis_accounts(&state.options),
        retention_checkpoints: state.options.chain_retention_checkpoints,
        ..LocalnetConfig::default()
    };
    // Until the network is complete, only its own transactions move the chain: so they get the same
    // IDs on every machine, however slow it is.
    if !state.ready_once {
        config.heartbeat = None;
    }
    let chain = Localnet::start(config).await?;
    tracing::info!(
        rpc = chain.rpc_url(),
        chain_id = chain.chain_id(),
        "the chain is running"
    );
    tokio::select! {
        () = termination.wait() => {}
        never = beat_when_ready(&chain, state_dir), if !state.ready_once => match never {},
    }
    chain.shutdown().await;
    Ok(())
}

/// Starts the chain's heartbeat once the network is complete.
async fn beat_when_ready(chain: &Localnet, state_dir: &StateDir) -> std::convert::Infallible {
    while !state_dir.load().is_ok_and(|state| state.ready_once) {
        tokio::time::sleep(READY_POLL_INTERVAL).await;
    }
    chain.start_heartbeat();
    std::future::pending().await
}

/// Who has SUI from the start.
fn genesis_accounts(options: &NetworkOptions) -> Vec<(Address, u64)> {
    setup::roles(options)
        .map(|role| {
            let address = walrus_sui::ids::account_address(Account::of(role).signer().address());
            (address, SUI_PER_ACCOUNT_MIST)
        })
        .collect()
}

/// Runs one storage node until the process is asked to end.
pub async fn run_node(state_dir: &StateDir, name: &str) -> anyhow::Result<()> {
    let mut termination = Termination::listen().context("cannot listen for signals")?;
    let state = state_dir.load()?;
    let Some(record) = state.nodes.iter().find(|node| node.name() == name) else {
        bail!("the network has no node {name}");
    };
    let config = NodeConfig::load(&state_dir.node_config(record))?;
    let node = tokio::select! {
        node = StorageNode::start(config) => node?,
        () = termination.wait() => return Ok(()),
    };
    let has_failed = tokio::select! {
        () = termination.wait() => false,
        () = node.failed() => true,
    };
    node.shutdown().await?;
    if has_failed {
        bail!("the node could not go on");
    }
    Ok(())
}
