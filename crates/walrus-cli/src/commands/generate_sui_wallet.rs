//! `walrus generate-sui-wallet`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::SuiAddress;
use walrus_sui::{Signer, SuiNetwork, Wallet, WalletEnv, faucet};

use super::context::Context;
use crate::{
    args::{parse, parse_duration},
    output::{path_text, print_json, print_text},
};

/// Where the Sui CLI has its wallet.
const DEFAULT_FOLDER: &str = "~/.sui/sui_config";

/// Options of `generate-sui-wallet`.
#[derive(Debug, Args)]
pub(crate) struct GenerateSuiWalletArgs {
    /// File to write, with the keystore beside it. Default: client.yaml in ~/.sui/sui_config, which
    /// must not exist
    #[arg(long, value_name = "PATH", value_parser = parse::path())]
    pub path: Option<PathBuf>,
    /// localnet, devnet, testnet, mainnet, or `<rpc-url>[;<faucet-url>]`
    #[arg(long, value_name = "NETWORK", default_value = "testnet")]
    pub sui_network: SuiNetwork,
    /// Ask the faucet of the network for SUI
    #[arg(long)]
    pub use_faucet: bool,
    /// How long to wait for the faucet
    #[arg(long, value_name = "DURATION", default_value = "1min", value_parser = parse_duration, requires = "use_faucet")]
    pub faucet_timeout: Duration,
}

/// The JSON result.
#[serde_as]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WalletResult {
    #[serde_as(as = "DisplayFromStr")]
    wallet_address: SuiAddress,
}

/// Makes a wallet with one new key.
pub(crate) async fn run(context: &Context, args: GenerateSuiWalletArgs) -> anyhow::Result<()> {
    let network = &args.sui_network;
    ensure!(
        !args.use_faucet || network.faucet.is_some(),
        "{} has no faucet",
        network.alias
    );
    let path = match args.path {
        Some(path) => path,
        None => default_path()?,
    };
    let signer = Signer::generate(&mut rand::thread_rng());
    let env = WalletEnv::new(&network.alias, &network.rpc);
    let wallet = Wallet::create(&path, env, &signer)?;
    let address = signer.address();
    // The wallet is there, whatever the faucet says.
    let received = match (&network.faucet, args.use_faucet) {
        (Some(url), true) => Some(ask_faucet(url, address, args.faucet_timeout).await),
        _ => None,
    };
    if context.json() {
        print_json(&WalletResult {
            wallet_address: address,
        })?;
    } else {
        print_text(&format!(
            "Success: wrote a wallet for {}\nPath: {}\nAddress: {address}",
            network.alias,
            path_text(wallet.path())
        ))?;
    }
    received.unwrap_or(Ok(()))
}

/// The place of the Sui CLI's wallet, if it has none.
fn default_path() -> anyhow::Result<PathBuf> {
    let folder = walrus_files::path::expand_home(DEFAULT_FOLDER.as_ref())?;
    if folder.exists() {
        bail!(
            "{} exists already: name another file with --path",
            path_text(&folder)
        );
    }
    Ok(folder.join(Wallet::FILE_NAME))
}

async fn ask_faucet(url: &str, address: SuiAddress, timeout: Duration) -> anyhow::Result<()> {
    let asked = tokio::time::timeout(timeout, faucet::request(url, address));
    asked
        .await
        .context("the wallet is written, but the faucet did not answer in time")?
        .context("the wallet is written, but it has no SUI")?;
    Ok(())
}
