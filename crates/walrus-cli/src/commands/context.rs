//! What the global options and the surroundings say: configuration, wallet, full nodes.

use anyhow::Context as _;
use walrus_client::{
    SigningOptions, WalrusClient,
    config::{self, ClientConfig, ConfigError, KnownNetwork, Loaded},
};
use walrus_core::SuiAddress;
use walrus_sui::Wallet;

use crate::args::{GlobalArgs, RpcArgs};

/// The surroundings of one command.
pub(crate) struct Context {
    global: GlobalArgs,
}

/// A client, and the public network it talks to if it is one.
pub(crate) struct Connected {
    /// The client.
    pub client: WalrusClient,
    /// The network.
    pub network: Option<&'static KnownNetwork>,
}

impl Context {
    /// Takes the global options.
    pub(crate) fn new(global: GlobalArgs) -> Self {
        Self { global }
    }

    /// Whether results are printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.global.json
    }

    /// A client that can only read.
    pub(crate) fn reading(&self, rpc: &RpcArgs) -> anyhow::Result<Connected> {
        let loaded = self.config()?;
        let config = loaded.parsed.config;
        let urls = self.reading_urls(&config, rpc)?;
        Ok(Connected {
            client: WalrusClient::new(config, &urls, None)?,
            network: loaded.parsed.network,
        })
    }

    /// A client that signs with the wallet.
    pub(crate) fn signing(&self) -> anyhow::Result<Connected> {
        let loaded = self.config()?;
        let config = loaded.parsed.config;
        let wallet = self.wallet(Some(&config))?;
        let mut urls = vec![wallet.active_env()?.rpc.clone()];
        for url in &config.rpc_urls {
            if !urls.contains(url) {
                urls.push(url.clone());
            }
        }
        let signing = SigningOptions {
            signer: wallet.active_signer()?,
            gas_budget: self.global.gas_budget,
        };
        Ok(Connected {
            client: WalrusClient::new(config, &urls, Some(signing))?,
            network: loaded.parsed.network,
        })
    }

    /// The active address of the wallet.
    pub(crate) fn active_address(&self) -> anyhow::Result<SuiAddress> {
        let loaded = self.config()?;
        Ok(self.wallet(Some(&loaded.parsed.config))?.active_address()?)
    }

    fn config(&self) -> anyhow::Result<Loaded> {
        let explicit = self.global.config.as_deref();
        let loaded = config::load(explicit, self.global.context.as_deref(), || {
            self.wallet_rpc_url()
        })?;
        for key in &loaded.parsed.unknown_keys {
            let file = loaded
                .path
                .as_deref()
                .unwrap_or_else(|| "configuration".as_ref());
            eprintln!(
                "Warning: {}: unknown key `{key}` is ignored",
                file.display()
            );
        }
        Ok(loaded)
    }

    fn wallet(&self, config: Option<&ClientConfig>) -> anyhow::Result<Wallet> {
        let configured = config.and_then(|config| config.wallet.as_ref());
        let location = config::locate_wallet(self.global.wallet.as_deref(), configured)?;
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
        Ok(wallet)
    }

    /// RPC URL of the wallet's environment, if there is a usable wallet.
    fn wallet_rpc_url(&self) -> Option<String> {
        let wallet = self.wallet(None).ok()?;
        Some(wallet.active_env().ok()?.rpc.clone())
    }

    /// Full nodes of a command that signs nothing: the option, else the configuration, else the wallet.
    fn reading_urls(&self, config: &ClientConfig, rpc: &RpcArgs) -> anyhow::Result<Vec<String>> {
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
}
