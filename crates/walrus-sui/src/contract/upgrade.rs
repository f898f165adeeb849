//! Upgrading a deployment: authority, the new version, and the migration of the shared objects.
//!
//! An upgrade is two transactions. The first gets a ticket from the `UpgradeManager`, by votes of
//! the committee or by the emergency capability, stores the new version, and commits it: System and
//! Staking then name it as `new_package_id`, but keep working with the old one. The second migrates
//! both objects; from then on only the new version can use them, and clients find it as
//! `package_id`. Anyone may migrate.

use walrus_contracts::packages::LinkedPackage;
use walrus_core::ObjectId;

use super::{WalrusContract, call::Call, publish::published_package};
use crate::{
    TransactionDigest,
    deployment::ContractRefs,
    error::SuiError,
    executor::{Executed, Unrecorded},
    ptb::upgrade_command,
    transaction::{Function, Program},
};

/// Policy of an upgrade that keeps types and public functions: `0x2::package::compatible_policy`.
const COMPATIBLE_POLICY: u8 = 0;

/// What allows an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradeAuthority {
    /// A quorum of the committee has voted for the digest of the package in this epoch.
    Votes,
    /// The account owns this `EmergencyUpgradeCap`.
    Emergency(ObjectId),
}

/// A package that was upgraded.
#[derive(Debug, Clone)]
pub struct Upgraded {
    /// ID of the new version.
    pub package: ObjectId,
    /// The transaction.
    pub executed: Executed,
}

/// An upgrade that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradePlan {
    /// The new version.
    pub package: LinkedPackage,
    /// ID of the version that it follows.
    pub current: ObjectId,
    /// The object that holds the upgrade capability.
    pub upgrade_manager: ObjectId,
    /// What allows it.
    pub authority: UpgradeAuthority,
}

impl UpgradePlan {
    /// Adds the commands of the upgrade to a transaction: ticket, new version, commit. `contracts`
    /// are those of the deployment as they are now.
    pub fn commands(&self, program: &mut Program, contracts: &ContractRefs) {
        let manager = program.shared(self.upgrade_manager);
        let staking = program.shared(contracts.staking_object);
        let digest = program.pure(&self.package.digest.to_vec());
        let call = |name| Function::new(contracts.package, "upgrade", name);
        let ticket = match self.authority {
            UpgradeAuthority::Votes => {
                program.move_call(call("authorize_upgrade"), vec![manager, staking, digest])
            }
            UpgradeAuthority::Emergency(cap) => {
                let cap = program.owned(cap);
                program.move_call(
                    call("authorize_emergency_upgrade"),
                    vec![manager, cap, digest],
                )
            }
        };
        let receipt = upgrade_command(program, &self.package, self.current, ticket);
        let system = program.shared(contracts.system_object);
        program.move_call(
            call("commit_upgrade"),
            vec![manager, staking, system, receipt],
        );
    }

    /// A transaction that does nothing but the upgrade.
    pub fn transaction(&self, contracts: &ContractRefs) -> Program {
        let mut program = Program::new();
        self.commands(&mut program, contracts);
        program
    }
}

/// A transaction that migrates System and Staking to `package`, an upgrade that was committed.
pub fn migration(contracts: &ContractRefs, package: ObjectId) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.shared(contracts.staking_object),
        program.shared(contracts.system_object),
    ];
    program.move_call(Function::new(package, "init", "migrate_v2"), arguments);
    program
}

/// A transaction that upgrades a package whose capability the account owns.
pub fn owned_upgrade(package: &LinkedPackage, current: ObjectId, upgrade_cap: ObjectId) -> Program {
    let mut program = Program::new();
    let cap = program.owned(upgrade_cap);
    let policy = program.pure(&COMPATIBLE_POLICY);
    let digest = program.pure(&package.digest.to_vec());
    let call = |name| Function::of_framework("package", name);
    let ticket = program.move_call(call("authorize_upgrade"), vec![cap, policy, digest]);
    let receipt = upgrade_command(&mut program, package, current, ticket);
    program.move_call(call("commit_upgrade"), vec![cap, receipt]);
    program
}

/// Who allows an upgrade of the package `walrus_governance` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GovernanceUpgradeAuthority {
    /// Nodes with more than two thirds of all shards have handed their authority over and approved
    /// the digest.
    Approvals,
    /// The account owns this `BootstrapUpgradeCap`, and those nodes have approved the digest that
    /// have handed their authority over.
    Bootstrap(ObjectId),
}

/// A transaction that upgrades the package `walrus_governance`, whose capability the Governance
/// object holds.
pub fn governance_upgrade(
    package: &LinkedPackage,
    current: ObjectId,
    governance: ObjectId,
    authority: GovernanceUpgradeAuthority,
) -> Program {
    let mut program = Program::new();
    let governance = program.shared(governance);
    let digest = program.pure(&package.digest.to_vec());
    let call = |name| Function::new(current, "self_upgrade", name);
    let ticket = match authority {
        GovernanceUpgradeAuthority::Approvals => {
            let clock = program.clock();
            program.move_call(call("authorize"), vec![governance, digest, clock])
        }
        GovernanceUpgradeAuthority::Bootstrap(cap) => {
            let cap = program.owned(cap);
            let clock = program.clock();
            let arguments = vec![governance, cap, digest, clock];
            program.move_call(call("authorize_bootstrap"), arguments)
        }
    };
    let receipt = upgrade_command(&mut program, package, current, ticket);
    program.move_call(call("commit"), vec![governance, receipt]);
    program
}

impl WalrusContract {
    /// What has to be sent to upgrade the deployment to `package`: reads the current version from
    /// the manager.
    pub async fn plan_upgrade(
        &self,
        package: LinkedPackage,
        upgrade_manager: ObjectId,
        authority: UpgradeAuthority,
    ) -> Result<UpgradePlan, SuiError> {
        let manager = self.reader().upgrade_manager(upgrade_manager).await?;
        Ok(UpgradePlan {
            package,
            current: manager.cap.package,
            upgrade_manager,
            authority,
        })
    }

    /// Votes for an upgrade to the package with `digest`, as the node's governance account.
    pub async fn vote_for_upgrade(
        &self,
        upgrade_manager: ObjectId,
        node_id: ObjectId,
        digest: [u8; 32],
    ) -> Result<TransactionDigest, SuiError> {
        let call = Call::free(move |ptb| {
            let proof = ptb.call("auth", "authenticate_sender", vec![]);
            let arguments = vec![
                ptb.shared(upgrade_manager),
                ptb.staking_read(),
                proof,
                ptb.raw32(node_id.0),
                ptb.bytes(&digest),
            ];
            ptb.call("upgrade", "vote_for_upgrade", arguments);
        });
        let paid = self.submit(&call, &Unrecorded).await?;
        Ok(paid.executed.digest)
    }

    /// Upgrades the deployment and commits the new version. It is used after
    /// [`WalrusContract::migrate`].
    pub async fn upgrade(&self, plan: &UpgradePlan) -> Result<Upgraded, SuiError> {
        let contracts = self.reader().refs().await?;
        let executed = self.executor().run(&plan.transaction(&contracts)).await?;
        self.reader().refresh().await;
        upgraded(executed)
    }

    /// Migrates System and Staking to the version that was committed last.
    pub async fn migrate(&self) -> Result<TransactionDigest, SuiError> {
        self.reader().refresh().await;
        let contracts = self.reader().refs().await?;
        let package = self.reader().pending_migration().await?.ok_or_else(|| {
            SuiError::InvalidInput(
                "there is nothing to migrate to: no upgrade was committed since the last migration"
                    .to_owned(),
            )
        })?;
        let executed = self.executor().run(&migration(&contracts, package)).await?;
        self.reader().refresh().await;
        Ok(executed.digest)
    }
}

/// What an executed upgrade made.
pub fn upgraded(executed: Executed) -> Result<Upgraded, SuiError> {
    Ok(Upgraded {
        package: published_package(&executed)?,
        executed,
    })
}
