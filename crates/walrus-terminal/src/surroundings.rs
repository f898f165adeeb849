//! What the global options and the surroundings say: configuration, wallet, full nodes.

use std::{num::NonZeroUsize, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use walrus_client::config::{self, ClientConfig, ConfigError, Loaded};
use walrus_core::{SuiAddress, text::printable};
use walrus_sui::Wallet;

use crate::{output::path_text, parse};

/// Options that may stand before or after the command.
#[derive(Debug, Clone, Args)]
pub struct GlobalArgs {
    /// Client configuration. Default: $WALRUS_CONFIG, else client_config.yaml in the current
    /// directory, in the .walrus-localnet of this or a directory above, in $XDG_CONFIG_HOME,
    /// $XDG_CONFIG_HOME/walrus, ~/.config/walrus or ~/.walrus
    #[arg(long, global = true, value_name = "PATH", help_heading = GLOBAL_OPTIONS)]
    #[arg(value_parser = parse::path())]
    pub config: Option<PathBuf>,
    /// Context to use of a configuration with several
    #[arg(long, global = true, value_name = "NAME", help_heading = GLOBAL_OPTIONS)]
    pub context: Option<String>,
    /// Sui wallet. Default: $WALRUS_WALLET, else `wallet_config` of the configuration,
    /// ./sui_config.yaml, ~/.sui/sui_config/client.yaml
    #[arg(long, global = true, value_name = "PATH", help_heading = GLOBAL_OPTIONS)]
    #[arg(value_parser = parse::path())]
    pub wallet: Option<PathBuf>,
    /// Account of the wallet to use: an address, or a name it has in the wallet. Default: the
    /// wallet's active address
    #[arg(long, global = true, value_name = "ACCOUNT", env = "WALRUS_ACCOUNT", help_heading = GLOBAL_OPTIONS)]
    pub account: Option<String>,
    /// Most gas to pay per transaction, in MIST. Default: estimated
    #[arg(long, global = true, value_name = "MIST", help_heading = GLOBAL_OPTIONS)]
    pub gas_budget: Option<u64>,
    /// Full nodes that have to agree about packages, prices and committees. Default: `rpc_quorum`
    /// of the configuration, else one is believed
    #[arg(long, global = true, value_name = "N")]
    pub rpc_quorum: Option<NonZeroUsize>,
    /// Print the result as JSON
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    pub json: bool,
}

/// Heading in the help of every command, below the command's own options.
const GLOBAL_OPTIONS: &str = "Options of every command";
/// Environment variable that names the client configuration.
const CONFIG_VARIABLE: &str = "WALRUS_CONFIG";
/// Environment variable that names the wallet.
const WALLET_VARIABLE: &str = "WALRUS_WALLET";

/// The full node of commands that sign nothing.
#[derive(Debug, Clone, Default, Args)]
pub struct RpcArgs {
    /// Sui full node to ask. Default: `rpc_urls` of the configuration, then the wallet's
    /// environment
    #[arg(long, value_name = "URL")]
    pub rpc_url: Option<String>,
}

/// The surroundings of one command.
#[derive(Debug, Clone)]
pub struct CommandSurroundings {
    global: GlobalArgs,
}

impl CommandSurroundings {
    /// Takes the global options.
    pub fn new(global: GlobalArgs) -> Self {
        Self { global }
    }

    /// Whether results are printed as JSON.
    pub fn json(&self) -> bool {
        self.global.json
    }

    /// Most gas to pay per transaction, in MIST; to be estimated if absent.
    pub fn gas_budget(&self) -> Option<u64> {
        self.global.gas_budget
    }

    /// The client configuration. Keys that mean nothing are warned about on stderr.
    pub fn config(&self) -> anyhow::Result<Loaded> {
        let explicit = given(self.global.config.as_ref(), CONFIG_VARIABLE)?;
        let mut loaded = config::load(explicit.as_deref(), self.global.context.as_deref(), || {
            self.wallet_rpc_url()
        })?;
        for key in &loaded.parsed.unknown_keys {
            let file = loaded
                .path
                .as_deref()
                .unwrap_or_else(|| "configuration".as_ref());
            eprintln!(
                "Warning: {}: unknown key `{}` is ignored",
                path_text(file),
                printable(key)
            );
        }
        if self.global.rpc_quorum.is_some() {
            loaded.parsed.config.rpc_quorum = self.global.rpc_quorum;
        }
        Ok(loaded)
    }

    /// The wallet, with the environment and address that the configuration chooses.
    pub fn wallet(&self, config: Option<&ClientConfig>) -> anyhow::Result<Wallet> {
        let configured = config.and_then(|config| config.wallet.as_ref());
        let explicit = given(self.global.wallet.as_ref(), WALLET_VARIABLE)?;
        let location = config::locate_wallet(explicit.as_deref(), configured)?;
        let mut wallet = Wallet::load(&location.path)?;
        if let Some(env) = &location.active_env {
            wallet.use_env(env)?;
        }
        if let Some(address) = &location.active_address {
            let parsed: SuiAddress = address.parse().with_context(|| {
                format!("`wallet_config.active_address` is not valid: `{address}`")
            })?;
            wallet.use_address(parsed)?;
        }
        if let Some(account) = self
            .global
            .account
            .as_deref()
            .filter(|name| !name.is_empty())
        {
            let address = wallet.account(account)?;
            wallet.use_address(address)?;
        }
        Ok(wallet)
    }

    /// Full nodes of a command that signs nothing: the option, else the configuration, else the
    /// wallet.
    pub fn reading_urls(
        &self,
        config: &ClientConfig,
        rpc: &RpcArgs,
    ) -> anyhow::Result<Vec<String>> {
        if let Some(url) = &rpc.rpc_url {
            return Ok(vec![url.clone()]);
        }
        if !config.rpc_urls.is_empty() {
            return Ok(config.rpc_urls.clone());
        }
        match self.wallet(Some(config)) {
            Ok(wallet) => Ok(vec![wallet.active_env()?.rpc.clone()]),
            Err(error) if error.is::<ConfigError>() => Err(ConfigError::NoRpcUrl.into()),
            Err(error) => Err(error),
        }
    }

    /// Full nodes of a command that signs with `wallet`: the wallet's, then those of the
    /// configuration.
    pub fn signing_urls(
        &self,
        config: &ClientConfig,
        wallet: &Wallet,
    ) -> anyhow::Result<Vec<String>> {
        let mut urls = vec![wallet.active_env()?.rpc.clone()];
        for url in &config.rpc_urls {
            if !urls.contains(url) {
                urls.push(url.clone());
            }
        }
        Ok(urls)
    }

    /// RPC URL of the wallet's environment, if there is a usable wallet.
    fn wallet_rpc_url(&self) -> Option<String> {
        let wallet = self.wallet(None).ok()?;
        Some(wallet.active_env().ok()?.rpc.clone())
    }
}

/// The path of an option, else the one in an environment variable.
fn given(option: Option<&PathBuf>, variable: &str) -> anyhow::Result<Option<PathBuf>> {
    match option {
        Some(path) => Ok(Some(path.clone())),
        None => walrus_files::path::from_env(variable)
            .with_context(|| format!("the environment variable {variable} cannot be used")),
    }
}
