//! What all commands that register something on chain are told.

use std::path::PathBuf;

use clap::Args;
use walrus_core::ObjectId;
use walrus_sui::{Signer, SuiRpc, Wallet};

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Payer {
    /// Package `seal` of the network
    #[arg(long, value_name = "ID")]
    pub(super) seal_package: ObjectId,
    /// The Sui wallet whose account pays, and gets what is new
    #[arg(
        long,
        value_name = "FILE",
        default_value = "~/.sui/sui_config/client.yaml"
    )]
    wallet: PathBuf,
    /// The full node, instead of the wallet's
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// One JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
}

impl Payer {
    /// The chain, and who signs.
    pub(super) fn open(&self) -> Result<(SuiRpc, Signer), Failure> {
        let wallet = walrus_files::path::expand_home(&self.wallet).map_err(Failure::input)?;
        let wallet = Wallet::load(&wallet).map_err(Failure::input)?;
        let url = match &self.rpc {
            Some(url) => url.clone(),
            None => wallet.active_env().map_err(Failure::input)?.rpc.clone(),
        };
        let rpc = SuiRpc::new([url]).map_err(Failure::input)?;
        let signer = wallet.active_signer().map_err(Failure::input)?;
        Ok((rpc, signer))
    }
}
