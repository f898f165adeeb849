//! The processes of a network: what the hidden subcommands `run-chain` and `run-node` do.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail};
use sui_localnet::{Localnet, LocalnetConfig};
use sui_sdk_types::Address;
use tokio::signal::unix::{SignalKind, signal};
use walrus_node::{NodeConfig, StorageNode};

use crate::{
    accounts::{Account, Role, SUI_PER_ACCOUNT_MIST},
    state::{NetworkOptions, StateDir},
};

/// Runs the chain until the process is asked to end.
pub async fn run_chain(state_dir: &StateDir) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let state = state_dir.load()?;
    let config = LocalnetConfig {
        data_dir: Some(state_dir.chain_dir()),
        rpc_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, state.chain.rpc_port)),
        faucet_addr: Some(SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            state.chain.faucet_port,
        ))),
        accounts: genesis_accounts(&state.options),
        ..LocalnetConfig::default()
    };
    let chain = Localnet::start(config).await?;
    tracing::info!(
        rpc = chain.rpc_url(),
        chain_id = chain.chain_id(),
        "the chain is running"
    );
    terminate.recv().await;
    chain.shutdown().await;
    Ok(())
}

/// Who has SUI from the start.
fn genesis_accounts(options: &NetworkOptions) -> Vec<(Address, u64)> {
    let users = (0..options.accounts).map(Role::User);
    let nodes = (0..options.nodes).map(Role::Node);
    let roles = std::iter::once(Role::Admin).chain(users).chain(nodes);
    roles
        .map(|role| {
            let address = walrus_sui::ids::account_address(Account::of(role).signer().address());
            (address, SUI_PER_ACCOUNT_MIST)
        })
        .collect()
}

/// Runs one storage node until the process is asked to end.
pub async fn run_node(state_dir: &StateDir, name: &str) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let state = state_dir.load()?;
    let Some(record) = state.nodes.iter().find(|node| node.name() == name) else {
        bail!("the network has no node {name}");
    };
    let config = NodeConfig::load(&state_dir.node_config(record))?;
    let node = tokio::select! {
        node = StorageNode::start(config) => node?,
        _ = terminate.recv() => return Ok(()),
    };
    let has_failed = tokio::select! {
        _ = terminate.recv() => false,
        () = node.failed() => true,
    };
    node.shutdown().await?;
    if has_failed {
        bail!("the node could not go on");
    }
    Ok(())
}
