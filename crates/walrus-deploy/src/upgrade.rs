//! Upgrading the contracts of a deployment to an embedded version, and migrating its objects.

use walrus_contracts::{
    packages::{self, ComparedModule, CompiledPackage, LinkedPackage},
    types::EmergencyUpgradeCap,
};
use walrus_core::{Epoch, ObjectId, bft::min_correct};
use walrus_sui::{
    ContractIds, SuiReader,
    contract::{self, UpgradeAuthority},
};

use crate::{
    deployer::Deployer,
    error::{DeployError, Step as _},
    state::UpgradeRecord,
};

/// The step that follows an upgrade.
pub(crate) const MIGRATE_STEP: &str = "migrating System and Staking";

/// The deployment to upgrade: one of the state file, or any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradeTarget {
    /// Its objects.
    pub ids: ContractIds,
    /// The object that holds the upgrade capability and counts votes.
    pub upgrade_manager: ObjectId,
}

/// Who allows an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// The nodes, by vote.
    Votes,
    /// The deploying account, by its emergency capability.
    Emergency,
}

/// A new version compared with what is published, and what voters need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeCheck {
    /// The new version, linked to the packages of the deployment.
    pub package: LinkedPackage,
    /// The version in use, or committed last.
    pub current: ObjectId,
    /// Its version number.
    pub current_version: u64,
    /// The modules of both.
    pub modules: Vec<ComparedModule>,
    /// Votes for the digest in the current epoch, in shards.
    pub votes: u16,
    /// Votes needed, in shards.
    pub votes_needed: u16,
    /// The current epoch.
    pub epoch: Epoch,
}

impl UpgradeCheck {
    /// Whether the published version is this one already.
    pub fn is_published(&self) -> bool {
        self.modules
            .iter()
            .all(|module| module.change == packages::ModuleChange::Same)
    }
}

impl Deployer {
    /// The deployment of the state file as something to upgrade.
    pub fn target(&self) -> Result<UpgradeTarget, DeployError> {
        let deployment = self.require_deployment()?;
        Ok(UpgradeTarget {
            ids: deployment.ids(),
            upgrade_manager: deployment.upgrade_manager,
        })
    }

    /// Upgrades that were made from here, oldest first.
    pub fn upgrades(&self) -> &[UpgradeRecord] {
        &self.state().progress.upgrades
    }

    /// Links `package` to the deployment and compares it, module by module, with the version that
    /// it would follow.
    pub async fn check_upgrade(
        &self,
        target: &UpgradeTarget,
        package: &CompiledPackage,
    ) -> Result<UpgradeCheck, DeployError> {
        let step = "reading the published package";
        let contract = self.contract_of(target);
        let reader = contract.reader();
        let linked = link(reader, package).await?;
        let manager = reader
            .upgrade_manager(target.upgrade_manager)
            .await
            .step(step)?;
        let published = reader.rpc().package(manager.cap.package).await.step(step)?;
        let modules = linked
            .compare(&published.modules, published.original_id.0)
            .map_err(|cause| DeployError::Link {
                package: package.name,
                cause,
            })?;
        let info = reader.epoch_info().await.step(step)?;
        let proposal = reader
            .upgrade_proposal(target.upgrade_manager, linked.digest)
            .await
            .step("reading the votes")?;
        let counts = |epoch, version| epoch == info.epoch && version == manager.cap.version + 1;
        let votes = proposal
            .filter(|proposal| counts(proposal.epoch, proposal.version))
            .map_or(0, |proposal| proposal.voting_weight);
        Ok(UpgradeCheck {
            package: linked,
            current: manager.cap.package,
            current_version: manager.cap.version,
            modules,
            votes,
            votes_needed: min_correct(info.n_shards),
            epoch: info.epoch,
        })
    }

    /// Upgrades the contracts to `package` and commits it. They work with it after
    /// [`Deployer::migrate`]. Nothing is done if that very version is published already.
    pub async fn upgrade(
        &mut self,
        target: &UpgradeTarget,
        package: &CompiledPackage,
        authority: Authority,
    ) -> Result<UpgradeRecord, DeployError> {
        let step = format!("upgrading to {}", package.name);
        let check = self.check_upgrade(target, package).await?;
        if check.is_published() && !self.is_pending(&step) {
            return self.record_upgrade(package, &check, check.current, check.current_version);
        }
        let authority = match authority {
            Authority::Votes if check.votes < check.votes_needed && !self.is_pending(&step) => {
                return Err(DeployError::NotEnoughVotes {
                    digest: check.package.digest,
                    votes: check.votes,
                    needed: check.votes_needed,
                    epoch: check.epoch,
                });
            }
            Authority::Votes => UpgradeAuthority::Votes,
            Authority::Emergency => UpgradeAuthority::Emergency(self.emergency_cap(target).await?),
        };
        let contract = self.contract_of(target);
        let plan = contract
            .plan_upgrade(check.package.clone(), target.upgrade_manager, authority)
            .await
            .step(&step)?;
        let refs = contract.reader().refs().await.step(&step)?;
        let executed = self.execute(&step, &plan.transaction(&refs)).await?;
        let upgraded = contract::upgraded(executed).step(&step)?;
        let version = self
            .executor()
            .rpc()
            .package(upgraded.package)
            .await
            .step(step)?
            .version;
        tracing::info!(package = %upgraded.package, version, "upgraded the contracts");
        self.record_upgrade(package, &check, upgraded.package, version)
    }

    fn record_upgrade(
        &mut self,
        package: &CompiledPackage,
        check: &UpgradeCheck,
        id: ObjectId,
        version: u64,
    ) -> Result<UpgradeRecord, DeployError> {
        let upgrades = &mut self.progress_mut().upgrades;
        let known = upgrades.iter().find(|upgrade| upgrade.package == id);
        let record = known.cloned().unwrap_or_else(|| UpgradeRecord {
            name: package.name.to_owned(),
            package: id,
            version,
            digest: hex::encode(check.package.digest),
            migrated: false,
        });
        if known.is_none() {
            upgrades.push(record.clone());
        }
        self.finish_step()?;
        Ok(record)
    }

    /// The emergency capability of the target that the account owns.
    pub(crate) async fn emergency_cap(
        &self,
        target: &UpgradeTarget,
    ) -> Result<ObjectId, DeployError> {
        let step = "looking for the emergency capability";
        let contract = self.contract_of(target);
        let refs = contract.reader().refs().await.step(step)?;
        let type_ = refs
            .struct_tag("upgrade", "EmergencyUpgradeCap")
            .to_string();
        let owned = self
            .executor()
            .rpc()
            .owned_objects(self.address(), &type_)
            .await
            .step(step)?;
        for object in owned {
            let cap: EmergencyUpgradeCap = object.decode("EmergencyUpgradeCap").step(step)?;
            if cap.upgrade_manager_id == target.upgrade_manager {
                return Ok(cap.id);
            }
        }
        Err(DeployError::NotReady(format!(
            "{} does not own the emergency capability of upgrade manager {}; upgrade by votes, or use the wallet that \
             owns it",
            self.address(),
            target.upgrade_manager
        )))
    }

    /// Migrates System and Staking to the version that was committed last; returns the package they
    /// work with. Nothing is done if there is none.
    pub async fn migrate(&mut self, target: &UpgradeTarget) -> Result<ObjectId, DeployError> {
        let step = MIGRATE_STEP;
        let contract = self.contract_of(target);
        let reader = contract.reader();
        if let Some(package) = reader.pending_migration().await.step(step)? {
            let refs = reader.refs().await.step(step)?;
            self.execute(step, &contract::migration(&refs, package))
                .await?;
            reader.refresh().await;
        }
        let package = reader.refs().await.step(step)?.package;
        for upgrade in &mut self.progress_mut().upgrades {
            upgrade.migrated |= upgrade.package == package;
        }
        self.finish_step()?;
        Ok(package)
    }
}

/// Links a version of the contracts to the WAL of the deployment.
pub(crate) async fn link(
    reader: &SuiReader,
    package: &CompiledPackage,
) -> Result<LinkedPackage, DeployError> {
    let links = reader.links().await.step("reading the contracts")?;
    package.linked(&links).map_err(|cause| DeployError::Link {
        package: package.name,
        cause,
    })
}
