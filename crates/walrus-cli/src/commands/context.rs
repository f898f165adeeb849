//! The clients that the global options and the surroundings make.

use std::{path::Path, sync::OnceLock};

use anyhow::Context as _;
use walrus_client::{
    SigningOptions, WalrusClient, config::KnownNetwork, private_data::PrivateData,
};
use walrus_core::{SuiAddress, text::printable};
use walrus_sui::{Signer, SuiRpc, WalletEnv};
use walrus_terminal::{CommandSurroundings, GlobalArgs, RpcArgs};

use crate::args::Recipient;

/// The surroundings of one command.
pub(crate) struct Context {
    surroundings: CommandSurroundings,
    private: OnceLock<Private>,
}

/// A client, and the public network it talks to if it is one.
pub(crate) struct Connected {
    /// The client.
    pub client: WalrusClient,
    /// The network.
    pub network: Option<&'static KnownNetwork>,
}

/// A client that signs, and what it takes to make others for the same network.
pub(crate) struct Publishing {
    /// The client of the main account.
    pub client: WalrusClient,
    /// The chain.
    pub env: WalletEnv,
    /// Full nodes, in order of preference.
    pub rpc_urls: Vec<String>,
}

/// Private data, as one account sees it.
pub(crate) struct Private {
    /// Who keeps the keys.
    pub data: PrivateData,
    /// The chain.
    pub rpc: SuiRpc,
    /// The account.
    pub signer: Signer,
}

impl Context {
    /// Takes the global options.
    pub(crate) fn new(global: GlobalArgs) -> Self {
        Self {
            surroundings: CommandSurroundings::new(global),
            private: OnceLock::new(),
        }
    }

    /// Whether results are printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.surroundings.json()
    }

    /// A client that can only read.
    pub(crate) fn reading(&self, rpc: &RpcArgs) -> anyhow::Result<Connected> {
        let loaded = self.surroundings.config()?;
        let config = loaded.parsed.config;
        let urls = self.surroundings.reading_urls(&config, rpc)?;
        Ok(Connected {
            client: WalrusClient::new(config, &urls, None)?,
            network: loaded.parsed.network,
        })
    }

    /// A client that signs with the wallet.
    pub(crate) fn signing(&self) -> anyhow::Result<Connected> {
        let loaded = self.surroundings.config()?;
        let config = loaded.parsed.config;
        let wallet = self.surroundings.wallet(Some(&config))?;
        let urls = self.surroundings.signing_urls(&config, &wallet)?;
        let signing = SigningOptions {
            signer: wallet.active_signer()?,
            gas_budget: self.surroundings.gas_budget(),
        };
        Ok(Connected {
            client: WalrusClient::new(config, &urls, Some(signing))?,
            network: loaded.parsed.network,
        })
    }

    /// A client that signs with the wallet, and what it takes to make others.
    pub(crate) fn publishing(&self) -> anyhow::Result<Publishing> {
        let client = self.signing()?.client;
        let wallet = self.surroundings.wallet(Some(client.config()))?;
        Ok(Publishing {
            env: wallet.active_env()?.clone(),
            rpc_urls: self.surroundings.signing_urls(client.config(), &wallet)?,
            client,
        })
    }

    /// Who keeps the keys of private data, and the account in whose name they are asked: the same
    /// for all that a command does, and so one session.
    pub(crate) fn private_data(&self) -> anyhow::Result<&Private> {
        if let Some(private) = self.private.get() {
            return Ok(private);
        }
        let private = self.open_private_data()?;
        Ok(self.private.get_or_init(|| private))
    }

    fn open_private_data(&self) -> anyhow::Result<Private> {
        let loaded = self.surroundings.config()?;
        let config = loaded.parsed.config;
        let wallet = self.surroundings.wallet(Some(&config))?;
        let urls = self.surroundings.signing_urls(&config, &wallet)?;
        let rpc = SuiRpc::new(&urls)?;
        let data = PrivateData::new(rpc.clone(), config.encryption)?;
        Ok(Private {
            data,
            rpc,
            signer: wallet.active_signer()?,
        })
    }

    /// The account that is to decrypt something.
    pub(crate) fn recipient(&self, recipient: &Recipient) -> anyhow::Result<SuiAddress> {
        let name = match recipient {
            Recipient::Address(address) => return Ok(*address),
            Recipient::Name(name) => name,
        };
        let loaded = self.surroundings.config()?;
        let config = loaded.parsed.config;
        let configured = config.encryption.as_ref();
        if let Some(address) = configured.and_then(|section| section.recipients.get(name)) {
            return Ok(*address);
        }
        // SuiNS and the like: whoever answered for a name would decide who reads.
        let ending = Path::new(name).extension();
        let is_sui = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("sui"));
        let hint = if name.starts_with('@') || is_sui {
            "names of SuiNS are not looked up: give the address"
        } else {
            "give its address, or name it in `encryption.recipients` of the configuration"
        };
        let wallet = self.surroundings.wallet(Some(&config))?;
        wallet.account(name).with_context(|| {
            let name = printable(name);
            format!("`{name}` is nobody for whom something can be encrypted; {hint}")
        })
    }

    /// The active address of the wallet.
    pub(crate) fn active_address(&self) -> anyhow::Result<SuiAddress> {
        let loaded = self.surroundings.config()?;
        let wallet = self.surroundings.wallet(Some(&loaded.parsed.config))?;
        Ok(wallet.active_address()?)
    }
}
