//! Upgrading the packages around the contracts, so that they call another version of them.

use walrus_contracts::packages::LinkedPackage;
use walrus_sui::{
    Program, SuiError,
    contract::{self, GovernanceUpgradeAuthority},
};

use crate::{
    deployer::Deployer,
    error::{DeployError, Step as _},
    extras::{Extra, LINK_STEP},
    state::ExtraRecord,
    upgrade::Authority,
};

impl Deployer {
    /// Upgrades a package around the contracts so that it calls another version of the contracts;
    /// nothing else of it changes. Returns whether there was something to do.
    ///
    /// The governance is linked to the version that was committed last, because it can be upgraded
    /// before the migration; it then works after it. The others are linked to the version in use,
    /// after the migration: until then they refuse to work.
    ///
    /// The governance is upgraded by approval of nodes with more than two thirds of all shards, or,
    /// with [`Authority::Emergency`], by the capability that the account has, with the approval of
    /// those that have handed their authority over, if any have.
    pub async fn relink(
        &mut self,
        extra: Extra,
        authority: Authority,
    ) -> Result<bool, DeployError> {
        let Some(record) = self.extra(extra).cloned() else {
            return Ok(false);
        };
        let step = format!("linking package {} to the contracts", extra.name());
        let package = self.relinked(extra).await?;
        let rpc = self.executor().rpc().clone();
        let published = rpc.package(record.package).await.step(&step)?;
        let calls_all = package.dependencies.iter().all(|id| {
            let mut linked = published.dependencies.iter();
            linked.any(|dependency| dependency.0 == *id)
        });
        if calls_all && !self.is_pending(&step) {
            return Ok(false);
        }
        if extra == Extra::WalrusGovernance && !self.is_pending(&step) {
            self.require_approvals(&record, &package, authority).await?;
        }
        let program = match (extra, record.upgrade_cap) {
            (Extra::WalrusGovernance, _) => governance_upgrade(&package, &record, authority),
            (_, Some(cap)) => Ok(contract::owned_upgrade(&package, record.package, cap)),
            (_, None) => Err(missing(extra)),
        };
        let executed = self.execute(&step, &program.step(&step)?).await?;
        let upgraded = contract::upgraded(executed).step(&step)?;
        let version = rpc.package(upgraded.package).await.step(&step)?.version;
        self.update(extra, |record| {
            record.package = upgraded.package;
            record.version = version;
        })?;
        Ok(true)
    }

    async fn relinked(&self, extra: Extra) -> Result<LinkedPackage, DeployError> {
        let reader = self.reader()?;
        let links = match extra {
            Extra::WalrusGovernance => reader.links_to_newest().await,
            _ => reader.links().await,
        };
        extra.linked(&links.step(LINK_STEP)?)
    }

    /// Says how many approvals are missing before the chain refuses without a number.
    async fn require_approvals(
        &self,
        record: &ExtraRecord,
        package: &LinkedPackage,
        authority: Authority,
    ) -> Result<(), DeployError> {
        let step = "reading the approvals of nodes";
        let reader = self.reader()?;
        let object = record
            .object
            .ok_or_else(|| missing(Extra::WalrusGovernance))
            .step(step)?;
        let state = reader.governance(object).await.step(step)?;
        let approvals = reader.self_upgrade_approvals(&state).await.step(step)?;
        let now_ms = reader.rpc().clock_ms().await.step(step)?;
        let support = match authority {
            Authority::Votes => approvals.support(&package.digest, now_ms),
            Authority::Emergency => approvals.support_with_cap(&package.digest, now_ms),
        };
        if support.is_enough() {
            return Ok(());
        }
        Err(DeployError::NotEnoughApprovals {
            digest: package.digest,
            support,
        })
    }
}

fn governance_upgrade(
    package: &LinkedPackage,
    record: &ExtraRecord,
    authority: Authority,
) -> Result<Program, SuiError> {
    let missing = || missing(Extra::WalrusGovernance);
    let governance = record.object.ok_or_else(missing)?;
    let authority = match authority {
        Authority::Votes => GovernanceUpgradeAuthority::Approvals,
        Authority::Emergency => {
            GovernanceUpgradeAuthority::Bootstrap(record.admin_cap.ok_or_else(missing)?)
        }
    };
    Ok(contract::governance_upgrade(
        package,
        record.package,
        governance,
        authority,
    ))
}

fn missing(extra: Extra) -> SuiError {
    SuiError::InvalidInput(format!(
        "the state file lacks the objects with which package {} is upgraded",
        extra.name()
    ))
}
