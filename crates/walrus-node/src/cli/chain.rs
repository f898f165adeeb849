//! The chain, for commands of the operator.

use std::path::Path;

use walrus_node::{NodeConfig, StartError};
use walrus_sui::{ContractIds, SuiError, SuiReader, SuiRpc, Wallet, WalrusContract};

use super::Failure;

/// Exit code of a chain that does not answer or refuses.
const CHAIN_FAILURE: u8 = 5;

/// Exit code of the configuration and the wallet.
const USAGE_FAILURE: u8 = 2;

/// Loads a configuration.
pub(super) fn load_config(path: &Path) -> Result<NodeConfig, Failure> {
    NodeConfig::load(path).map_err(|error| {
        let error = StartError::from(error);
        Failure::new(&error, error.exit_code())
    })
}

/// Reads of the deployment the configuration names.
pub(super) fn reader(config: &NodeConfig) -> Result<SuiReader, Failure> {
    let rpc = SuiRpc::new(config.sui.rpc_urls()).map_err(|error| failure(&error))?;
    let ids = ContractIds {
        system_object: config.sui.system_object,
        staking_object: config.sui.staking_object,
        treasury_object: config.sui.treasury_object,
    };
    Ok(SuiReader::new(rpc, ids))
}

/// The contracts, in the name of the node's account.
pub(super) fn contract(config: &NodeConfig) -> Result<WalrusContract, Failure> {
    let Some(reference) = &config.sui.wallet_config else {
        return Err(Failure::new(
            "sui.wallet_config is not configured: name the wallet of the node's account",
            USAGE_FAILURE,
        ));
    };
    let signer = Wallet::load(reference.path()).and_then(|wallet| match reference.address() {
        Some(address) => wallet.signer(address),
        None => wallet.active_signer(),
    });
    let signer = signer.map_err(|error| Failure::new(error, USAGE_FAILURE))?;
    Ok(WalrusContract::new(reader(config)?, signer))
}

/// A failure of the chain.
pub(super) fn failure(error: &SuiError) -> Failure {
    Failure::new(error, CHAIN_FAILURE)
}
