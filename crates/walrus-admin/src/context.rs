//! Where a command looks, and what it needs to know of its surroundings.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, bail};
use walrus_client::config::ClientConfig;
use walrus_contracts::types::{StakingPool, StorageNodeCap};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::{
    Composer, ContractIds, EpochInfo, Executor, SuiReader, SuiRpc, Wallet, WalrusContract,
    reader::NodeRef, staking::epoch_start_ms,
};
use walrus_terminal::{CommandSurroundings, GlobalArgs, RpcArgs, format::Span};

use crate::{
    args::SendArgs,
    send::{Sending, Signing},
    unfinished::Unfinished,
};

/// Names the Governance object, like `--governance`.
const GOVERNANCE_VARIABLE: &str = "WALRUS_GOVERNANCE";

/// The surroundings of one command.
pub(crate) struct Context {
    surroundings: CommandSurroundings,
    /// What is known about the transaction that this command sends, once it may send one.
    unfinished: OnceLock<Arc<Unfinished>>,
}

impl Context {
    /// Takes the global options.
    pub(crate) fn new(global: GlobalArgs) -> Self {
        Self {
            surroundings: CommandSurroundings::new(global),
            unfinished: OnceLock::new(),
        }
    }

    /// Whether results are printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.surroundings.json()
    }

    /// Reads of the deployment.
    pub(crate) fn reader(&self, rpc: &RpcArgs) -> anyhow::Result<SuiReader> {
        let config = self.surroundings.config()?.parsed.config;
        let urls = self.surroundings.reading_urls(&config, rpc)?;
        reader(&config, &urls)
    }

    /// The Governance object: the one given, else the one of the configuration.
    pub(crate) fn governance(&self, explicit: Option<ObjectId>) -> anyhow::Result<ObjectId> {
        if let Some(id) = explicit {
            return Ok(id);
        }
        self.known_governance()?.context(
            "no Governance object is known: give --governance or the configuration key `governance_object` (a local \
             network has one after `walrus-localnet up --with governance`)",
        )
    }

    /// The Governance object of the environment or the configuration, if there is one.
    pub(crate) fn known_governance(&self) -> anyhow::Result<Option<ObjectId>> {
        let variable = std::env::var(GOVERNANCE_VARIABLE).unwrap_or_default();
        if !variable.is_empty() {
            let id = variable.parse();
            return Ok(Some(id.with_context(|| {
                format!("{GOVERNANCE_VARIABLE} is no object ID: {variable:?}")
            })?));
        }
        let config = self.surroundings.config()?.parsed.config;
        Ok(config.governance_object)
    }

    /// The objects that count votes in package `walrus`: those of the configuration, else those
    /// that were made with the deployment.
    pub(crate) async fn managers(&self, reader: &SuiReader) -> anyhow::Result<Managers> {
        let config = self.surroundings.config()?.parsed.config;
        let (upgrade, slashing) = match (
            config.upgrade_manager_object,
            config.slashing_manager_object,
        ) {
            (Some(upgrade), Some(slashing)) => (upgrade, Some(slashing)),
            (upgrade, slashing) => {
                let (found, found_slashing) = reader.find_managers().await?;
                (upgrade.unwrap_or(found), slashing.or(found_slashing))
            }
        };
        Ok(Managers { upgrade, slashing })
    }

    /// The active address of the wallet.
    pub(crate) fn active_address(&self) -> anyhow::Result<SuiAddress> {
        let config = self.surroundings.config()?.parsed.config;
        Ok(self.surroundings.wallet(Some(&config))?.active_address()?)
    }

    /// What is known about the transaction of this command, if it may send one.
    pub(crate) fn unfinished(&self) -> Option<&Unfinished> {
        self.unfinished.get().map(AsRef::as_ref)
    }

    /// What sends the transactions of a command, or only shows them. An error of type
    /// [`AlreadyDone`](crate::unfinished::AlreadyDone) if an earlier run of the command, which was
    /// cut off, has done it.
    pub(crate) async fn sending(&self, args: &SendArgs) -> anyhow::Result<Sending> {
        let config = self.surroundings.config()?.parsed.config;
        let wallet = match (self.surroundings.wallet(Some(&config)), args.sender) {
            (Ok(wallet), _) => Some(wallet),
            // Somebody else signs: a full node is all that is needed.
            (Err(_), Some(_)) if !config.rpc_urls.is_empty() && args.sends_nothing() => None,
            (Err(error), _) => return Err(error),
        };
        let (sender, signer, urls) = if let Some(wallet) = &wallet {
            let sender = match args.sender {
                Some(sender) => sender,
                None => wallet.active_address()?,
            };
            let urls = self.surroundings.signing_urls(&config, wallet)?;
            (sender, Some(wallet.signer(sender)), urls)
        } else {
            let sender = args.sender.context("no sender is known")?;
            (sender, None, config.rpc_urls.clone())
        };
        let signer = match signer {
            Some(Ok(signer)) => Some(signer),
            Some(Err(error)) if !args.sends_nothing() => {
                return Err(anyhow::Error::new(error).context(
                    "cannot sign; use --serialize-unsigned to let the owner of the key sign",
                ));
            }
            _ => None,
        };
        let reader = reader(&config, &urls)?;
        let signing = match (signer, &wallet) {
            (Some(signer), Some(wallet)) if !args.sends_nothing() => {
                let gas_budget = self.surroundings.gas_budget();
                let executor =
                    Executor::with_options(reader.rpc().clone(), signer, gas_budget, None);
                let unfinished = self.unfinished_of(wallet, &executor).await?;
                Some(Signing {
                    contract: WalrusContract::with_executor(reader.clone(), executor),
                    unfinished,
                })
            }
            _ => None,
        };
        let composer = Composer::new(reader.rpc().clone(), sender, self.surroundings.gas_budget());
        Ok(Sending::new(
            reader,
            composer,
            signing,
            args.clone(),
            self.json(),
        ))
    }

    /// The record of what the account sends; what an earlier run has left is settled first.
    async fn unfinished_of(
        &self,
        wallet: &Wallet,
        executor: &Executor,
    ) -> anyhow::Result<Arc<Unfinished>> {
        let chain_id = executor.rpc().chain_id().await?;
        let arguments = std::env::args_os().skip(1);
        let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let unfinished = Unfinished::new(wallet.path(), executor.address(), &chain_id, arguments);
        let unfinished = self.unfinished.get_or_init(|| Arc::new(unfinished));
        unfinished.settle_earlier(executor).await?;
        Ok(Arc::clone(unfinished))
    }
}

/// The objects that count votes in package `walrus`.
pub(crate) struct Managers {
    /// The `UpgradeManager`.
    pub(crate) upgrade: ObjectId,
    /// The `SlashingManager`; a deployment may have none.
    pub(crate) slashing: Option<ObjectId>,
}

fn reader(config: &ClientConfig, urls: &[String]) -> anyhow::Result<SuiReader> {
    let ids = ContractIds {
        system_object: config.system_object,
        staking_object: config.staking_object,
        treasury_object: config.treasury_object,
    };
    let rpc = SuiRpc::new(urls)?;
    Ok(SuiReader::with_quorum(
        rpc,
        ids,
        config.cache_ttl,
        config.rpc_quorum,
    )?)
}

/// A node whose capability the account owns.
pub(crate) struct OwnNode {
    /// The capability.
    pub(crate) cap: StorageNodeCap,
    /// The node's pool.
    pub(crate) pool: StakingPool,
}

impl OwnNode {
    /// The node `node`, or the only one that `owner` has a capability of.
    pub(crate) async fn find(
        reader: &SuiReader,
        owner: SuiAddress,
        node: Option<&NodeRef>,
    ) -> anyhow::Result<Self> {
        let node = node_id(reader, node).await?;
        let mut caps = reader.owned_node_caps(owner).await?;
        if let Some(node) = node {
            caps.retain(|cap| cap.node_id == node);
        }
        caps.sort_by_key(|cap| cap.node_id);
        match (caps.as_slice(), node) {
            ([cap], _) => Ok(Self {
                pool: reader.staking_pool(cap.node_id).await?,
                cap: cap.clone(),
            }),
            ([], Some(node)) => {
                // A wrong ID is a more likely mistake than a wrong account.
                reader.staking_pool(node).await?;
                bail!("account {owner} owns no capability of node {node}")
            }
            ([], None) => bail!(
                "account {owner} operates no node: register one, or choose the wallet of its operator with --wallet"
            ),
            (several, _) => {
                let ids: Vec<String> = several.iter().map(|cap| cap.node_id.to_string()).collect();
                bail!(
                    "account {owner} operates {} nodes; choose one with --node: {}",
                    ids.len(),
                    ids.join(", ")
                )
            }
        }
    }

    /// How the node is called in sentences.
    pub(crate) fn title(&self) -> String {
        title(&self.pool)
    }
}

/// The ID of the node that is meant, if one is.
pub(crate) async fn node_id(
    reader: &SuiReader,
    node: Option<&NodeRef>,
) -> anyhow::Result<Option<ObjectId>> {
    match node {
        Some(node) => Ok(Some(reader.node_id(node).await?)),
        None => Ok(None),
    }
}

/// How a node is called in sentences.
pub(crate) fn title(pool: &StakingPool) -> String {
    format!("node {:?} ({})", pool.node_info.name, pool.id)
}

/// Time and epochs at one moment of the chain.
pub(crate) struct Moment {
    /// Epoch and its limits.
    pub(crate) info: EpochInfo,
    /// The chain's clock, in ms since 1970.
    pub(crate) now_ms: u64,
}

impl Moment {
    /// Now.
    pub(crate) async fn read(reader: &SuiReader) -> anyhow::Result<Self> {
        Ok(Self {
            info: reader.epoch_info().await?,
            now_ms: reader.rpc().clock_ms().await?,
        })
    }

    /// `epoch 7 (in about 2h)`; without the time for an epoch that has begun.
    pub(crate) fn epoch(&self, epoch: u32) -> String {
        if epoch <= self.info.epoch {
            return format!("epoch {epoch}");
        }
        let start = epoch_start_ms(&self.info, epoch, self.now_ms);
        match start.saturating_sub(self.now_ms) {
            0 => format!("epoch {epoch} (due now)"),
            wait => format!("epoch {epoch} (in about {})", Span(wait)),
        }
    }
}
