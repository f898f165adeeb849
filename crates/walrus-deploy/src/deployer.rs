//! The steps from nothing to a running first epoch.

use std::{path::Path, time::Duration};

use stdx::SaturatingFrom as _;
use walrus_contracts::packages::{self, Link, LinkedPackage};
use walrus_core::{Frost, NShards, ObjectId, SuiAddress};
use walrus_sui::{
    Executor, Signer, SuiReader, SuiRpc, WalrusContract,
    contract::{self, InitObjects, InitParams},
    fleet,
};

use crate::{
    error::{DeployError, Step as _},
    state::{Deployment, NodeRecord, Progress, StateFile, Status, WalPackage, WalrusPackage},
};

pub(crate) const WAL_STEP: &str = "publishing package wal";
pub(crate) const WALRUS_STEP: &str = "publishing package walrus";
pub(crate) const CREATE_STEP: &str = "creating System and Staking";

/// Parameters of a new deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployConfig {
    /// Number of shards.
    pub n_shards: NShards,
    /// How long epoch 0 lasts at least: time to register nodes and stake.
    pub epoch_zero_duration: Duration,
    /// Duration of all other epochs.
    pub epoch_duration: Duration,
    /// Storage can be bought for at most this many epochs ahead.
    pub max_epochs_ahead: u32,
}

impl Default for DeployConfig {
    /// 1000 shards, epochs of one hour, and no waiting in epoch 0.
    fn default() -> Self {
        Self {
            n_shards: NShards::new(1000).expect("1000 is not 0"),
            epoch_zero_duration: Duration::ZERO,
            epoch_duration: Duration::from_secs(3600),
            max_epochs_ahead: 53,
        }
    }
}

impl DeployConfig {
    pub(crate) fn init_params(&self) -> InitParams {
        InitParams {
            epoch_zero_duration_ms: millis(self.epoch_zero_duration),
            epoch_duration_ms: millis(self.epoch_duration),
            n_shards: self.n_shards,
            max_epochs_ahead: self.max_epochs_ahead,
        }
    }
}

/// Deploys in the name of one account, remembering what is done.
#[derive(Debug)]
pub struct Deployer {
    executor: Executor,
    state: StateFile,
}

impl Deployer {
    /// Opens the state file, or starts anew if there is none. Without a file nothing is remembered.
    pub async fn open(
        rpc: SuiRpc,
        signer: Signer,
        state_file: Option<&Path>,
    ) -> Result<Self, DeployError> {
        Self::with_executor(Executor::new(rpc, signer), state_file).await
    }

    /// The same with an executor that has other options.
    pub async fn with_executor(
        executor: Executor,
        state_file: Option<&Path>,
    ) -> Result<Self, DeployError> {
        let chain_id = executor
            .rpc()
            .chain_id()
            .await
            .step("reading the chain ID")?;
        let state = StateFile::open(state_file, chain_id)?;
        Ok(Self { executor, state })
    }

    /// The deploying account.
    pub fn address(&self) -> SuiAddress {
        self.executor.address()
    }

    /// Sends transactions of the deploying account.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The deployment, if it is complete.
    pub fn deployment(&self) -> Option<&Deployment> {
        self.state.progress.deployment.as_ref()
    }

    /// Nodes registered so far.
    pub fn nodes(&self) -> &[NodeRecord] {
        &self.state.progress.nodes
    }

    /// What an earlier run was doing when it was interrupted, if it did not write down what that
    /// did.
    pub fn interrupted_step(&self) -> Option<&str> {
        let pending = self.state.progress.pending.as_ref();
        pending.map(|pending| pending.step.as_str())
    }

    /// Everything that is written down about the deployment.
    pub fn status(&self) -> Status<'_> {
        let progress = &self.state.progress;
        Status {
            chain_id: &progress.chain_id,
            deployment: progress.deployment.as_ref(),
            extras: &progress.extras,
            nodes: &progress.nodes,
            upgrades: &progress.upgrades,
            interrupted: self.interrupted_step(),
        }
    }

    pub(crate) fn require_deployment(&self) -> Result<&Deployment, DeployError> {
        self.deployment()
            .ok_or_else(|| DeployError::NotReady("the contracts are not deployed yet".to_owned()))
    }

    pub(crate) fn state(&self) -> &StateFile {
        &self.state
    }

    pub(crate) fn progress_mut(&mut self) -> &mut Progress {
        &mut self.state.progress
    }

    pub(crate) fn save(&self) -> Result<(), DeployError> {
        self.state.save()
    }

    /// Contract calls of the deploying account.
    pub fn contract(&self) -> Result<WalrusContract, DeployError> {
        let reader = self.reader()?;
        Ok(WalrusContract::with_executor(reader, self.executor.clone()))
    }

    /// Reads of the deployment.
    pub fn reader(&self) -> Result<SuiReader, DeployError> {
        let deployment = self.require_deployment()?;
        Ok(SuiReader::new(
            self.executor.rpc().clone(),
            deployment.ids(),
        ))
    }

    /// Publishes `wal` and `walrus` and creates System and Staking, unless that is done already.
    pub async fn deploy(&mut self, config: &DeployConfig) -> Result<Deployment, DeployError> {
        if let Some(deployment) = self.deployment() {
            check_parameters(deployment, config)?;
            return Ok(deployment.clone());
        }
        let wal = self.publish_wal().await?;
        let walrus = self.publish_walrus(wal.package).await?;
        let owner = self.address();
        let executed = self
            .execute(
                CREATE_STEP,
                &contract::initialization(walrus.init_objects(), config.init_params(), owner),
            )
            .await?;
        let created = contract::initialized(&executed).step(CREATE_STEP)?;
        let deployment = Deployment {
            chain_id: self.state.progress.chain_id.clone(),
            wal_package: wal.package,
            walrus_package: walrus.package,
            system_object: created.system_object,
            staking_object: created.staking_object,
            upgrade_manager: created.upgrade_manager,
            emergency_upgrade_cap: created.emergency_upgrade_cap,
            slashing_manager: created.slashing_manager,
            treasury_object: wal.treasury_object,
            n_shards: config.n_shards.get(),
            max_epochs_ahead: config.max_epochs_ahead,
        };
        self.state.progress.deployment = Some(deployment.clone());
        self.finish_step()?;
        tracing::info!(package = %deployment.walrus_package, "created a Walrus deployment");
        Ok(deployment)
    }

    async fn publish_wal(&mut self) -> Result<WalPackage, DeployError> {
        if let Some(done) = &self.state.progress.wal {
            return Ok(done.clone());
        }
        let package = link_wal()?;
        let owner = self.address();
        // Without an upgrade path the supply of WAL is fixed.
        let executed = self
            .execute(WAL_STEP, &contract::publication(&package, true, owner))
            .await?;
        let published = contract::published(executed).step(WAL_STEP)?;
        let treasury_object = published
            .executed
            .only_created("wal", "ProtectedTreasury")
            .step(WAL_STEP)?;
        let wal = WalPackage {
            package: published.package,
            treasury_object,
        };
        self.state.progress.wal = Some(wal.clone());
        self.finish_step()?;
        Ok(wal)
    }

    async fn publish_walrus(&mut self, wal: ObjectId) -> Result<WalrusPackage, DeployError> {
        if let Some(done) = &self.state.progress.walrus {
            return Ok(done.clone());
        }
        let package = link_walrus(wal)?;
        let owner = self.address();
        let executed = self
            .execute(WALRUS_STEP, &contract::publication(&package, false, owner))
            .await?;
        let published = contract::published(executed).step(WALRUS_STEP)?;
        let objects = InitObjects::of(&published).step(WALRUS_STEP)?;
        let walrus = WalrusPackage {
            package: objects.package,
            init_cap: objects.init_cap,
            upgrade_cap: objects.upgrade_cap,
        };
        self.state.progress.walrus = Some(walrus.clone());
        self.finish_step()?;
        Ok(walrus)
    }

    /// Stakes `stake_per_node` with every registered node, selects the first committee and starts
    /// epoch 1, unless it has started. Waits until epoch 0 may end.
    ///
    /// The epoch is complete when the nodes of a quorum of shards have attested that they are
    /// ready, which running nodes do by themselves.
    pub async fn end_epoch_zero(&self, stake_per_node: Frost) -> Result<(), DeployError> {
        let contract = self.contract()?;
        let stakes: Vec<_> = self
            .nodes()
            .iter()
            .map(|node| (node.node_id, stake_per_node))
            .collect();
        Ok(fleet::start_first_epoch(&contract, &stakes).await?)
    }
}

pub(crate) fn link_wal() -> Result<LinkedPackage, DeployError> {
    packages::wal()
        .linked(&[])
        .map_err(|cause| DeployError::Link {
            package: "wal",
            cause,
        })
}

pub(crate) fn link_walrus(wal: ObjectId) -> Result<LinkedPackage, DeployError> {
    let link = Link::to_first_version(packages::WAL_PLACEHOLDER, wal.0);
    packages::walrus()
        .linked(&[link])
        .map_err(|cause| DeployError::Link {
            package: "walrus",
            cause,
        })
}

pub(crate) fn check_parameters(
    deployment: &Deployment,
    config: &DeployConfig,
) -> Result<(), DeployError> {
    if deployment.n_shards != config.n_shards.get() {
        return Err(DeployError::OtherParameters(format!(
            "{} shards instead of {}",
            deployment.n_shards, config.n_shards
        )));
    }
    if deployment.max_epochs_ahead != config.max_epochs_ahead {
        return Err(DeployError::OtherParameters(format!(
            "{} epochs ahead instead of {}",
            deployment.max_epochs_ahead, config.max_epochs_ahead
        )));
    }
    Ok(())
}

/// Durations are chosen by people: what exceeds u64 is for ever.
fn millis(duration: Duration) -> u64 {
    u64::saturating_from(duration.as_millis())
}
